#!/usr/bin/env python3
"""End to end: load over TCP, durable, PINs verified, against an echo server in the same run.

Runs the engine, the echo server and the load generator on this machine, one pair after the other,
several rounds, and prints medians with the least and greatest round. Build first:

    cargo build --release -p tamga -p tamga-sim
    python3 benches/end_to_end.py [--cards 100000] [--rounds 5] [--seconds 5] [--target-dir target]
    python3 benches/end_to_end.py --chips     # with chip cryptograms and MACs, against without

Everything stays on 127.0.0.1. The data directory is a temporary one on --dir's disk.
"""

import argparse
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cards", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--chips", action="store_true", help="full chip traffic against none")
    parser.add_argument("--dir", default=None, help="where the data directory goes")
    parser.add_argument("--target-dir", default=os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target")))
    return parser.parse_args()


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, pathlib.Path(folder)
        release = pathlib.Path(options.target_dir) / "release"
        self.tamga, self.sim = release / "tamga", release / "tamga-sim"
        self.ports = {name: free_port() for name in ("pos", "http", "echo")}
        self.portfolio = self.folder / "portfolio.jsonl"
        self.running, self.counter = [], 1
        # More of the listener's settings, and settings before all others.
        self.more, self.top = "", ""

    def start(self):
        config = self.folder / "tamga.toml"
        config.write_text(
            self.top + '[security]\ntest_keys = true\n[log]\nlevel = "warn"\n[[listener]]\nname = "pos"\n'
            f'bind = "127.0.0.1:{self.ports["pos"]}"\nframing = "u16be"\ntpdu = true\n'
            f'dialect = "iso87-bcd"\n{self.more}[http]\nbind = "127.0.0.1:{self.ports["http"]}"\n')
        cards = ["--cards", str(self.options.cards), "--maced-pos", "64", "--out", str(self.portfolio)]
        subprocess.run([self.tamga, "generate-portfolio", *cards], check=True)
        subprocess.run([self.tamga, "import", "--config", config, self.portfolio], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        log = open(self.folder / "engine.log", "w")
        self.spawn([self.tamga, "serve", "--config", config], stderr=log, stdout=log)
        echo = f'127.0.0.1:{self.ports["echo"]}'
        self.spawn([self.sim, "echo", "--bind", echo, "--tpdu"], stdout=subprocess.DEVNULL)
        for _ in range(600):
            try:
                urllib.request.urlopen(f'http://127.0.0.1:{self.ports["http"]}/health/ready', timeout=1)
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the engine does not get ready: " + (self.folder / "engine.log").read_text())

    def spawn(self, command, **options):
        self.running.append(subprocess.Popen(command, **options))

    def stop(self):
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        for process in self.running:
            process.wait(timeout=30)

    def metric(self, name):
        """The sum over all labels of a metric, now."""
        address = f'http://127.0.0.1:{self.ports["http"]}/metrics'
        lines = urllib.request.urlopen(address, timeout=5).read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines
                   if line.split("{")[0].split(" ")[0] == name)

    def settle(self):
        """Waits until the read model has everything, so that no run pays for the one before."""
        for _ in range(1200):
            if self.metric("tamga_history_behind_records") == 0:
                return
            time.sleep(0.1)
        raise SystemExit("the read model does not catch up")

    def stages(self):
        names = ("turn_records_sum", "turn_records_count", "turn_decide_seconds_sum", "commit_seconds_sum")
        return [self.metric(f"tamga_{name}") for name in names]

    def load(self, target, *extra, echo=False):
        self.settle()
        report = self.folder / "report.json"
        if "--chip" in extra:
            # No run's chips count where another's have been.
            extra = (*extra, "--first-atc", str(self.counter))
            self.counter += 200
        command = [self.sim, "load", "--target", f"127.0.0.1:{self.ports[target]}", "--tpdu",
                   "--framing", "u16be", "--dialect", "iso87-bcd", "--portfolio", self.portfolio,
                   *([] if "--count" in extra else ["--duration", f"{self.options.seconds}s", "--warm-up", "1s"]),
                   "--json", report,
                   "--mix", "purchase=100", *extra, *(["--echo"] if echo else [])]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(done.stdout + done.stderr)
        return json.loads(report.read_text())


def spread(values, form="{:,.0f}"):
    low, mid, high = min(values), statistics.median(values), max(values)
    return f"{form.format(mid)} ({form.format(low)} to {form.format(high)})"


def fdatasync_p99(folder, rounds=2000):
    """The disk alone: one 4 KiB write and fdatasync on a zeroed file, milliseconds."""
    path = pathlib.Path(folder) / "bare"
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    os.write(handle, bytes(8 << 20))
    os.fsync(handle)
    times = []
    for at in range(rounds):
        began = time.perf_counter()
        os.pwrite(handle, b"x" * 4096, at % 2048 * 4096)
        os.fdatasync(handle)
        times.append((time.perf_counter() - began) * 1000)
    os.close(handle)
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100]


def main():
    options = arguments()
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        bench = Bench(options, folder)
        bench.start()
        try:
            (chips if options.chips else report)(bench)
        finally:
            bench.stop()


KINDS = (("PIN only", []), ("PIN, chip", ["--chip"]), ("PIN, chip, MAC", ["--chip", "--mac"]))


def chips(bench):
    """Full chip traffic against none, one after the other in every round, and what the generator
    itself can make of each against the echo server."""
    print(f"{bench.options.cards:,} cards, {bench.options.rounds} rounds of {bench.options.seconds} s, "
          f"{os.cpu_count()} cores shared by engine, echo and load generator\n")
    # Small amounts, so that no account runs dry.
    small = ["--amount", "1-20"]
    for name, extra in (("64 x 1", ["-c", "64"]), ("64 x 32", ["-c", "64", "--in-flight", "32"])):
        extra = extra + small
        seen = {kind: {"engine": [], "echo": [], "share": [], "p50": [], "p99": []} for kind, _ in KINDS}
        for _ in range(bench.options.rounds):
            base = None
            for kind, proofs in KINDS:
                row = seen[kind]
                row["echo"].append(bench.load("echo", *extra, *proofs, echo=True)["rate"])
                ours = bench.load("pos", *extra, *proofs)
                declined = [row for row in ours["codes"] if row["code"] != "00"]
                if declined:
                    raise SystemExit(f"{kind}: not all approved: {declined}")
                base = base or ours["rate"]
                row["engine"].append(ours["rate"])
                row["share"].append(100 * ours["rate"] / base)
                row["p50"].append(ours["latency_ms"]["p50"])
                row["p99"].append(ours["latency_ms"]["p99"])
        for kind, row in seen.items():
            print(f"{name}, {kind}\n  engine, answers/s   {spread(row['engine'])}\n"
                  f"  of the first, %     {spread(row['share'], '{:.0f}')}\n"
                  f"  echo, answers/s     {spread(row['echo'])}\n"
                  f"  p50 ms              {spread(row['p50'], '{:.2f}')}\n"
                  f"  p99 ms              {spread(row['p99'], '{:.2f}')}\n")


def report(bench):
    print(f"{bench.options.cards:,} cards, {bench.options.rounds} rounds of {bench.options.seconds} s, "
          f"{os.cpu_count()} cores shared by engine, echo and load generator\n")
    best = {}
    for name, extra in (("64 x 1", ["-c", "64"]), ("64 x 32", ["-c", "64", "--in-flight", "32"])):
        engine, echo, ratio, p50, p99 = [], [], [], [], []
        batch, decide, commit = [], [], []
        for _ in range(bench.options.rounds):
            theirs = bench.load("echo", *extra, echo=True)
            before = bench.stages()
            ours = bench.load("pos", *extra)
            records, turns, deciding, flushing = (b - a for a, b in zip(before, bench.stages()))
            batch.append(records / turns)
            decide.append(deciding / records * 1e6)
            commit.append(flushing / turns * 1e6)
            engine.append(ours["rate"])
            echo.append(theirs["rate"])
            ratio.append(100 * ours["rate"] / theirs["rate"])
            p50.append(ours["latency_ms"]["p50"])
            p99.append(ours["latency_ms"]["p99"])
        best[name] = statistics.median(engine)
        print(f"{name}\n  engine, answers/s   {spread(engine)}\n  echo, answers/s     {spread(echo)}\n"
              f"  engine/echo, %      {spread(ratio, '{:.0f}')}\n  p50 ms              {spread(p50, '{:.2f}')}\n"
              f"  p99 ms              {spread(p99, '{:.2f}')}\n"
              f"  records a flush     {spread(batch, '{:.1f}')}\n"
              f"  deciding one, us    {spread(decide, '{:.1f}')}\n"
              f"  a flush, us         {spread(commit)}\n")
    half = int(best["64 x 1"] / 2)
    p50, p99, bare, floor = [], [], [], []
    for _ in range(bench.options.rounds):
        bare.append(fdatasync_p99(bench.folder)[1])
        open_loop = bench.load("pos", "-c", "64", "--rate", str(half))
        p50.append(open_loop["latency_ms"]["p50"])
        p99.append(open_loop["latency_ms"]["p99"])
        echo = bench.load("echo", "-c", "64", "--rate", str(half), echo=True)
        floor.append(echo["latency_ms"]["p99"])
    print(f"half load, open loop at {half:,}/s\n  p50 ms              {spread(p50, '{:.2f}')}\n"
          f"  p99 ms              {spread(p99, '{:.2f}')}\n  bare fdatasync p99  {spread(bare, '{:.2f}')}\n"
          f"  echo p99 ms         {spread(floor, '{:.2f}')}")


if __name__ == "__main__":
    main()
