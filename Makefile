# Two commands matter: `make demo` shows the engine at work, `make test` proves it.
# Settings: ONCE=1 (demo ends after 200 transactions), CARGO_TARGET_DIR, TAMGA_CONFORMANCE.

SHELL := /bin/bash
CARGO ?= cargo
PYTHON ?= python3
TARGET_DIR := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
VENV := $(TARGET_DIR)/python
export TAMGA_TEST_SETUP := 1

CONSOLE := engine/console
CONSOLE_SOURCES := $(shell find $(CONSOLE)/src $(CONSOLE)/public $(CONSOLE)/index.html $(CONSOLE)/*.ts $(CONSOLE)/*.json -type f ! -name schema.d.ts ! -path '*/node_modules/*' 2>/dev/null)

.PHONY: all load-report generator-cost softhsm node chromium console console-api build demo test quick conformance model bench bench-smoke fuzz-smoke lint fmt setup clean help

all: build

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## build        the engine and the simulators, optimised
build:
	$(CARGO) build --release --locked -p tamga -p tamga-sim

## console      the operators' console, which the next build takes into the engine; installs Node.js
console: $(CONSOLE)/dist/index.html

$(CONSOLE)/dist/index.html: $(CONSOLE)/node_modules/ready $(CONSOLE_SOURCES)
	cd $(CONSOLE) && npm run --silent build

$(CONSOLE)/node_modules/ready: $(CONSOLE)/package-lock.json | node
	cd $(CONSOLE) && npm ci --no-audit --no-fund
	@touch $@

## console-api  the API's document as the console's types are made from, from the engine as it is
console-api:
	TAMGA_UPDATE=1 $(CARGO) test --quiet --locked -p tamga --test openapi_document
	cd $(CONSOLE) && npm run --silent check

node:
	@command -v npm >/dev/null && node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' \
	  || { echo "installing Node.js"; apt-get update -qq && apt-get install -y -qq nodejs; \
	       command -v npm >/dev/null || apt-get install -y -qq npm; }

chromium:
	@command -v chromium >/dev/null \
	  || { echo "installing Chromium"; apt-get update -qq && apt-get install -y -qq chromium; }

## demo         the engine with simulated traffic, until stopped; ONCE=1: 200 transactions
demo: console build
	$(TARGET_DIR)/release/tamga demo $(if $(ONCE),--once)

## load-report  60 seconds of judged load with chaos on a fresh engine: load-report.html
load-report: build
	$(TARGET_DIR)/release/tamga-sim load --engine -c 16 --threads 2 --rate 1000 --duration 60s --warm-up 2s \
	  --chaos rough --hot 5%=4 --html load-report.html --json load-report.json

## generator-cost  what the load generator itself costs, and whether its percentiles are so
generator-cost: build
	$(PYTHON) benches/generator_cost.py --target-dir $(TARGET_DIR)

## setup        what the whole test suite needs besides Rust: an ISO 8583 client by other people,
##              SoftHSM, Node.js with the console's packages, a browser
setup: $(VENV)/ready softhsm console chromium

softhsm:
	@command -v softhsm2-util >/dev/null \
	  || { echo "installing SoftHSM"; apt-get update -qq && apt-get install -y -qq softhsm2; }

$(VENV)/ready: tests/requirements.txt
	@if ! $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null; then \
	  echo "installing Python's venv"; apt-get update -qq && apt-get install -y -qq python3 python3-venv; fi
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@

## test         every test, against the real programs
test: setup
	$(CARGO) build --locked -p tamga -p tamga-sim
	TAMGA_PYTHON=$(VENV)/bin/python $(CARGO) test --locked --workspace --no-fail-fast

## quick        the tests that need nothing but Rust
quick:
	$(CARGO) test --locked --workspace --exclude tamga-tests

## conformance  only the vectors and scenarios, from TAMGA_CONFORMANCE where set
conformance:
	$(CARGO) build --locked -p tamga -p tamga-sim
	$(CARGO) test --locked -p tamga-tests --test 'conformance_*' --test scenarios

## model        random histories against the model of the rule book; SEEDS=100 STEPS=20000 FIRST=1
model:
	MODEL_SEEDS=$(or $(SEEDS),100) MODEL_STEPS=$(or $(STEPS),20000) MODEL_FIRST_SEED=$(or $(FIRST),1) \
	  $(CARGO) test --locked --release -p tamga-tests --test model -- --nocapture random_histories

## bench        every benchmark; results are explained in benches/README.md
bench:
	$(CARGO) bench --locked -p tamga-benches

## bench-smoke  every benchmark once, to see that it runs
bench-smoke:
	TAMGA_BENCH_SMOKE=1 $(CARGO) bench --locked -p tamga-benches -- --test

## fuzz-smoke   every fuzz target: with cargo-fuzz where it is there, else its bounded test
fuzz-smoke:
	.ci/fuzz-smoke

## lint         format, clippy, and cargo-deny where it is there
lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --all-features check; \
	 else echo "cargo-deny is not installed: licences and advisories were not checked"; fi

fmt:
	$(CARGO) fmt --all

clean:
	$(CARGO) clean
