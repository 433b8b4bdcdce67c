#!/usr/bin/env python3
"""The gap that terminals see when a change order takes effect under full load.

Runs the load generator against the engine, with and without an order that takes effect every
`--every` milliseconds (an agents' cap of one agent, lowered and raised), and compares latencies and
turns of the shard: an activation is part of a turn, so that is where a gap would be.

    cargo build --release -p tamga -p tamga-sim
    python3 benches/activation_gap.py [--rounds 3] [--seconds 5] [--profile release]
"""

import argparse
import hashlib
import json
import os
import statistics
import tempfile
import threading
import time
import urllib.request

import end_to_end

TOKENS = {"maker": "operator", "second": "checker"}


class Gap(end_to_end.Bench):
    def __init__(self, options, folder):
        super().__init__(options, folder)
        binaries = end_to_end.pathlib.Path(options.target_dir) / options.profile
        self.tamga, self.sim = binaries / "tamga", binaries / "tamga-sim"
        self.done, self.took, self.stop_orders = 0, [], threading.Event()

    def spawn(self, command, **options):
        if "serve" in command:
            config = self.folder / "tamga.toml"
            tokens = "".join(
                f'[[api_token]]\nname = "{name}"\nroles = ["{role}"]\n'
                f'sha256 = "{hashlib.sha256(name.encode()).hexdigest()}"\n'
                for name, role in TOKENS.items())
            config.write_text(config.read_text() + tokens)
        super().spawn(command, **options)

    def ask(self, who, path, body):
        request = urllib.request.Request(
            f'http://127.0.0.1:{self.ports["http"]}/api/v1{path}', json.dumps(body).encode(),
            {"authorization": f"Bearer {who}", "content-type": "application/json"}, method="POST")
        return json.loads(urllib.request.urlopen(request, timeout=30).read())

    def order(self, cap):
        change = {"path": "agent_cash.cap_indicators", "to": cap}
        body = {"kind": "agent_caps", "title": "gap", "reason": "measured", "changes": [change]}
        order = self.ask("maker", "/orders", body)
        path, signed = f'/orders/{order["id"]}', {"revision": 1, "statement_confirmed": True}
        self.ask("maker", path + "/sign", signed)
        began = time.perf_counter()
        active = self.ask("second", path + "/approve", signed)
        self.took.append((time.perf_counter() - began) * 1000)
        assert active["status"] == "active", active
        self.done += 1

    def orders(self):
        while not self.stop_orders.wait(self.options.every / 1000):
            self.order(100 + self.done % 40)

    def with_orders(self):
        self.stop_orders.clear()
        thread = threading.Thread(target=self.orders)
        thread.start()
        try:
            return self.load("pos", "--rate", str(self.options.rate), "--connections", "16")
        finally:
            self.stop_orders.set()
            thread.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cards", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rate", type=int, default=2000, help="requests a second")
    parser.add_argument("--every", type=int, default=200, help="milliseconds between two orders")
    parser.add_argument("--profile", default="release")
    parser.add_argument("--dir", default=None, help="where the data directory goes")
    parser.add_argument("--target-dir", default=os.environ.get("CARGO_TARGET_DIR", str(end_to_end.ROOT / "target")))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        bench = Gap(options, folder)
        try:
            bench.start()
            rows = {"without": [], "with": []}
            for _ in range(options.rounds):
                plain = bench.load("pos", "--rate", str(options.rate), "--connections", "16")
                rows["without"].append(plain)
                rows["with"].append(bench.with_orders())
        finally:
            bench.stop()
    (end_to_end.pathlib.Path(options.dir or ".") / "activation_gap.json").write_text(json.dumps(rows)) \
        if options.dir else None
    for name, reports in rows.items():
        latency = [report["latency_ms"] for report in reports]
        for figure in ("p50", "p99", "p999", "max"):
            values = [row[figure] for row in latency if figure in row]
            if values:
                print(f"{name:<8} {figure:<5} ms {end_to_end.spread(values, '{:,.2f}')}")
    print(f"{bench.done} orders took effect; approve to answer, median {statistics.median(bench.took):.2f} ms")


if __name__ == "__main__":
    main()
