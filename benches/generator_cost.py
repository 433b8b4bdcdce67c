#!/usr/bin/env python3
"""What the load generator itself costs, and whether what it reports is so.

Build first; `make generator-cost` does both:

    cargo build --release -p tamga -p tamga-sim
    python3 benches/generator_cost.py [--rounds 5] [--long-rounds 3] [--seconds 3]
                                      [--only cost,latency,agree,many]

- cost: its greatest rate against `tamga-sim echo`, processor time for a message, and the engine's rate
  beside it in the same round, on one core and on two;
- latency: a round trip as it reports it beside a plain socket's, and how late it is in an open loop;
- agree: its percentiles beside those of a packet capture of the same run (tcpdump, analysed by
  captured.py), for hosts of known delay and for one that stands still for a second;
- many: thousands of connections from one process.

Figures are medians of the rounds, with the least and the most; agree and many take longer and have
rounds of their own. Everything stays on 127.0.0.1. Capturing needs root; where it may not, that part says so and fails.
"""

import argparse
import json
import math
import os
import pathlib
import resource
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import tempfile
import time

import captured
from end_to_end import ROOT, Bench, free_port

PARTS = ("cost", "latency", "agree", "many")
SPEECH = ["--tpdu", "--framing", "u16be", "--dialect", "iso87-bcd"]
SHARES = ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p999"))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cards", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--long-rounds", type=int, default=3, help="of agree and many")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--dir", default=None, help="where the data directory goes")
    parser.add_argument("--target-dir", default=os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target")))
    return parser.parse_args()


def on(cores):
    """For Popen: run on these cores only."""
    return (lambda: os.sched_setaffinity(0, cores)) if cores else None


class Generator:
    """Runs `tamga-sim load` and knows what it took."""

    def __init__(self, bench):
        self.bench, self.sim = bench, bench.sim
        # What reading the portfolio and making PIN blocks takes, not to be counted as sending.
        self.setting_up = 0.0

    def run(self, target, *extra, cores=None, echo=True, meanwhile=None):
        report = self.bench.folder / "report.json"
        command = [self.sim, "load", "--target", target, *SPEECH, "--portfolio", self.bench.portfolio,
                   "--mix", "purchase=100", "--amount", "1-20", "--quiet", "--json", report,
                   *extra, *(["--echo"] if echo else [])]
        process = subprocess.Popen([str(word) for word in command], preexec_fn=on(cores),
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if meanwhile:
            meanwhile(process)
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, command))}\n{said}")
        told = json.loads(report.read_text())
        told["cpu_us"] = ((used.ru_utime + used.ru_stime - self.setting_up) * 1e6
                          / max(1, told["answered"]))
        told["resident_mib"] = used.ru_maxrss / 1024
        return told

    def learn_setting_up(self, target):
        self.setting_up = 0.0
        took = [self.run(target, "-c", "1", "--count", "1")["cpu_us"] / 1e6 for _ in range(3)]
        self.setting_up = min(took)


class Echo:
    """A `tamga-sim echo` for a while."""

    def __init__(self, bench, *extra, cores=None):
        self.port = free_port()
        self.target = f"127.0.0.1:{self.port}"
        command = [bench.sim, "echo", "--bind", self.target, "--tpdu", *extra]
        self.process = subprocess.Popen([str(word) for word in command], preexec_fn=on(cores),
                                        stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()                 # "echoing on": it listens

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)


def spread(values, form="{:,.0f}"):
    show = lambda value: form.format(value).replace(",", " ")
    return f"{show(statistics.median(values))} ({show(min(values))}–{show(max(values))})"


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def table(*names):
    print()
    row(*names)
    row("---", *(["--:"] * (len(names) - 1)))


LOOPS = (("64 × 1", ["-c", "64"]), ("64 × 32", ["-c", "64", "--in-flight", "32"]))


def cost(bench, generator):
    """Its greatest rate, and the engine's in the same round."""
    two = sorted(os.sched_getaffinity(0))[:2]
    if len(two) < 2:
        raise SystemExit("this wants two cores")
    one, other = {two[0]}, {two[1]}
    places = (
        ("a core of its own, echo on the other", one, other, 1),
        ("one core, shared with the echo", one, one, 1),
        ("two cores, shared with the echo, 2 threads", set(two), set(two), 2),
    )
    seconds = ["--duration", f"{bench.options.seconds}s"]
    for loop, extra in LOOPS:
        table(f"closed loop, {loop}", "answers/s", "processor µs a message", "of the engine's rate")
        seen = {name: {"rate": [], "cpu": [], "times": []} for name, *_ in places}
        engine = {"rate": [], "cpu": []}
        for _ in range(bench.options.rounds):
            bench.settle()
            pos = f'127.0.0.1:{bench.ports["pos"]}'
            ours = generator.run(pos, *extra, *seconds, echo=False)
            engine["rate"].append(ours["rate"])
            engine["cpu"].append(ours["cpu_us"])
            for name, mine, theirs, threads in places:
                with Echo(bench, "--threads", threads, cores=theirs) as echo:
                    told = generator.run(echo.target, *extra, *seconds, "--threads", threads, cores=mine)
                seen[name]["rate"].append(told["rate"])
                seen[name]["cpu"].append(told["cpu_us"])
                seen[name]["times"].append(told["rate"] / ours["rate"])
        for name, values in seen.items():
            row(name, spread(values["rate"]), spread(values["cpu"], "{:.2f}"),
                spread(values["times"], "{:.1f}") + " ×")
        row("the engine, all three on two cores", spread(engine["rate"]), spread(engine["cpu"], "{:.2f}"), "")
    print("\nopen loop, 64 connections: what was asked for and what left")
    table("asked for, a second", "answered", "sent late by: p50 µs", "p99 µs", "processor µs a message")
    for rate in (1_000, 10_000, 50_000, 100_000):
        seen = {"rate": [], "p50": [], "p99": [], "cpu": []}
        for _ in range(bench.options.rounds):
            with Echo(bench, cores=other) as echo:
                told = generator.run(echo.target, "-c", "64", "--rate", rate, *seconds, cores=one)
            seen["rate"].append(told["rate"])
            seen["p50"].append(told["sent_late_ms"]["p50"] * 1e3)
            seen["p99"].append(told["sent_late_ms"]["p99"] * 1e3)
            seen["cpu"].append(told["cpu_us"])
        row(f"{rate:,}".replace(",", " "), spread(seen["rate"]), spread(seen["p50"]), spread(seen["p99"]),
            spread(seen["cpu"], "{:.1f}"))


def plain_round_trips(target, count):
    """One message after the other over a blocking socket, in microseconds, sorted."""
    host, port = target.split(":")
    message = struct.pack(">H", 5 + 120) + bytes([0x60, 0, 1, 0, 2]) + bytes(120)
    times = []
    with socket.create_connection((host, int(port))) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            began = time.perf_counter_ns()
            link.sendall(message)
            left = len(message)
            while left:
                left -= len(link.recv(left))
            times.append((time.perf_counter_ns() - began) / 1e3)
    return sorted(times)


def latency(bench, generator):
    """A round trip as the generator tells it, beside a plain socket's."""
    count = 20_000
    table("round trip, one connection, µs", "p50", "p90", "p99")
    seen = {"a plain blocking socket (Python)": [], "`tamga-sim load -c 1`": [],
            "`tamga-sim load -c 1 --rate 2000`": []}
    with Echo(bench) as echo:
        for _ in range(bench.options.rounds):
            plain = plain_round_trips(echo.target, count)
            seen["a plain blocking socket (Python)"].append([captured.at(plain, share) for share in (.5, .9, .99)])
            for name, extra in (("`tamga-sim load -c 1`", ["--count", count]),
                                ("`tamga-sim load -c 1 --rate 2000`", ["--rate", 2000, "--duration", "3s"])):
                told = generator.run(echo.target, "-c", "1", *extra)["latency_ms"]
                seen[name].append([told[key] * 1e3 for key in ("p50", "p90", "p99")])
    for name, rounds in seen.items():
        row(name, *(spread([told[at] for told in rounds], "{:.0f}") for at in range(3)))


def agree(bench, generator):
    """The report's percentiles beside the capture's."""
    if not shutil.which("tcpdump"):
        raise SystemExit("this part wants tcpdump")
    rate, seconds = 1000, 10

    def stall(echo):
        def halfway(_):
            time.sleep(seconds / 2)
            echo.process.send_signal(signal.SIGSTOP)
            time.sleep(1)
            echo.process.send_signal(signal.SIGCONT)
        return halfway

    wide, narrow = ["-c", "256"], ["-c", "1", "--in-flight", "1"]
    cases = (
        ("no delay", wide, None, None, None),
        ("4 ms", wide, "4ms", lambda share: 4.0, None),
        ("1 to 9 ms, each as likely", wide, "1ms-9ms", lambda share: 1 + 8 * share, None),
        ("exponential, 5 ms on average", wide, "exp:5ms", lambda share: -5 * math.log(1 - share), None),
        ("stands still for 1 s", wide, None, None, stall),
        ("the same, one message at a time", narrow, None, None, stall),
    )
    rounds = bench.options.long_rounds
    print(f"\n{rate} a second for {seconds} s, {rounds} rounds; told beforehand · reported · captured, ms")
    table("host", "from", "p50", "p90", "p99", "p99.9")
    worst = 0.0
    for name, extra, delay, told, trouble in cases:
        both = {"sent": [], "due": []}
        for _ in range(rounds):
            report, pairs = captured_run(bench, generator, (rate, seconds), extra, delay, trouble)
            for since, reported, seen in (("sent", report["service_ms"], captured.since_sent(pairs)),
                                          ("due", report["latency_ms"], captured.since_due(pairs, rate))):
                both[since].append([(reported[key], captured.at(seen, share)) for share, key in SHARES])
                for (share, _), (own, theirs) in zip(SHARES, both[since][-1]):
                    if share < 0.999:
                        worst = max(worst, abs(own - theirs) - 0.01 * theirs)
        for since, seen in both.items():
            cells = []
            for at, (share, _) in enumerate(SHARES):
                known = f"{told(share):.2f}" if told else "–"
                own, theirs = (spread([one[at][side] for one in seen], "{:.2f}") for side in (0, 1))
                cells.append(f"{known} · {own} · {theirs}")
            row(name, since, *cells)
    print(f"\nup to p99 no report of a round is further from its capture than 1 % and {max(0, worst) * 1e3:.0f} us")


def captured_run(bench, generator, pace, extra, delay, trouble):
    """One load against an echo server, and what a capture of it saw."""
    rate, seconds = pace
    with Echo(bench, *(["--delay", delay] if delay else [])) as echo:
        capture = bench.folder / "run.pcap"
        with Capture(capture, echo.port):
            report = generator.run(
                echo.target, *extra, "--rate", rate, "--arrivals", "fixed", "--duration",
                f"{seconds}s", meanwhile=trouble and trouble(echo))
    pairs = captured.exchanges(capture, echo.port)
    if len(pairs) != report["answered"]:
        raise SystemExit(f"{len(pairs)} exchanges captured, {report['answered']} reported")
    return report, pairs


class Capture:
    """A tcpdump for a while."""

    def __init__(self, path, port):
        self.process = subprocess.Popen(
            ["tcpdump", "-i", "lo", "-s", "0", "-B", "65536", "--time-stamp-precision=nano",
             "-w", str(path), "tcp", "port", str(port)], stderr=subprocess.PIPE, text=True)
        said = ""
        while "listening on" not in said:
            line = self.process.stderr.readline()
            if not line:
                raise SystemExit(f"nothing can be captured: {said}")
            said += line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        time.sleep(1)                                  # the last packets reach the file
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)


def many(bench, generator):
    """Thousands of connections from one process."""
    rate, seconds = 5_000, 5
    table(f"{rate:,} a second over".replace(",", " "), "answered/s", "p50 ms", "p99 ms", "generator MiB")
    with Echo(bench) as echo:
        hosts = (("echo", echo.target, True), ("engine", f'127.0.0.1:{bench.ports["pos"]}', False))
        for connections in (64, 1_000, 5_000, 10_000):
            for name, target, is_echo in hosts:
                seen = []
                for _ in range(bench.options.long_rounds):
                    bench.settle()
                    told = generator.run(target, "-c", connections, "--rate", rate, "--warm-up", "1s",
                                         "--duration", f"{seconds}s", echo=is_echo)
                    times = told["latency_ms"]
                    seen.append((told["rate"], times["p50"], times["p99"], told["resident_mib"]))
                forms = ("{:.0f}", "{:.2f}", "{:.2f}", "{:.0f}")
                row(f"{connections} connections, {name}",
                    *(spread(values, form) for values, form in zip(zip(*seen), forms)))


def main():
    options = arguments()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        bench = Bench(options, folder)
        bench.more = "connections_max = 20000\n"
        bench.start()
        generator = Generator(bench)
        try:
            with Echo(bench) as echo:
                generator.learn_setting_up(echo.target)
            print(f"{options.rounds} rounds of {options.seconds:g} s, {os.cpu_count()} cores; "
                  f"setting up takes {generator.setting_up * 1e3:.0f} ms of processor time, not counted")
            for part in PARTS:
                if part in options.only.split(","):
                    globals()[part](bench, generator)
        finally:
            bench.stop()


if __name__ == "__main__":
    main()
