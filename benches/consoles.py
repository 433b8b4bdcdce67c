#!/usr/bin/env python3
"""What consoles cost: load over TCP with nobody watching, then with many consoles on /events.

The same engine, one run without and one with consoles in every round, medians with the least and
greatest round. The consoles read at full speed but for one in ten, which reads nothing at all: it
must cost nothing either.

    cargo build --release -p tamga -p tamga-sim
    CONSOLES=50 python3 benches/consoles.py [--rounds 5] [--seconds 5] [--target-dir target]
"""

import hashlib
import os
import selectors
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request

from end_to_end import Bench, arguments, spread

SECRET = "bench-secret"


class Watched(Bench):
    def start(self):
        config = self.folder / "tamga.toml"
        digest = hashlib.sha256(SECRET.encode()).hexdigest()
        config.write_text(
            '[security]\ntest_keys = true\n[log]\nlevel = "warn"\n[[listener]]\nname = "pos"\n'
            f'bind = "127.0.0.1:{self.ports["pos"]}"\nframing = "u16be"\ntpdu = true\n'
            f'dialect = "iso87-bcd"\n[http]\nbind = "127.0.0.1:{self.ports["http"]}"\n'
            f'[[api_token]]\nname = "bench"\nsha256 = "{digest}"\nroles = ["auditor"]\n')
        size = ["--cards", str(self.options.cards), "--out", str(self.portfolio)]
        subprocess.run([self.tamga, "generate-portfolio", *size], check=True)
        subprocess.run([self.tamga, "import", "--config", config, self.portfolio], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        log = open(self.folder / "engine.log", "w")
        self.spawn([self.tamga, "serve", "--config", config], stderr=log, stdout=log)
        for _ in range(600):
            try:
                urllib.request.urlopen(f'http://127.0.0.1:{self.ports["http"]}/health/ready', timeout=1)
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the engine does not get ready: " + (self.folder / "engine.log").read_text())

    def processor(self):
        """Seconds of processor time the engine has used."""
        fields = open(f"/proc/{self.running[0].pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Consoles:
    """So many readers of the feed in one thread."""

    def __init__(self, port, count):
        self.selector, self.ending, self.bytes = selectors.DefaultSelector(), False, 0
        self.sockets = []
        for at in range(count):
            one = socket.create_connection(("127.0.0.1", port))
            one.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n"
                        f"Authorization: Bearer {SECRET}\r\n\r\n".encode())
            self.sockets.append(one)
            if at % 10 != 9:
                one.setblocking(False)
                self.selector.register(one, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while not self.ending:
            for key, _ in self.selector.select(timeout=0.1):
                self.bytes += len(key.fileobj.recv(1 << 16))

    def close(self):
        self.ending = True
        self.thread.join()
        for one in self.sockets:
            one.close()


def run(bench, extra):
    before = bench.processor()
    found = bench.load("pos", *extra)
    answered = found["rate"] * bench.options.seconds
    return found, (bench.processor() - before) / max(answered, 1) * 1e6


def main():
    count = int(os.environ.get("CONSOLES", "50"))
    options = arguments()
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        bench = Watched(options, folder)
        bench.start()
        try:
            for name, extra in (("64 x 1", ["-c", "64"]), ("64 x 32", ["-c", "64", "--in-flight", "32"])):
                seen = {"nobody": [], "consoles": []}
                fed = []
                for _ in range(options.rounds):
                    seen["nobody"].append(run(bench, extra))
                    consoles, began = Consoles(bench.ports["http"], count), time.monotonic()
                    time.sleep(0.5)
                    seen["consoles"].append(run(bench, extra))
                    fed.append(consoles.bytes / (time.monotonic() - began) / 1024)
                    consoles.close()
                for kind, rows in seen.items():
                    title = f"{count} consoles" if kind == "consoles" else "nobody watches"
                    print(f"{name}, {title}\n  answers/s             {spread([f['rate'] for f, _ in rows])}\n"
                          f"  p50 ms                {spread([f['latency_ms']['p50'] for f, _ in rows], '{:.2f}')}\n"
                          f"  p99 ms                {spread([f['latency_ms']['p99'] for f, _ in rows], '{:.2f}')}\n"
                          f"  engine, us an answer  {spread([cost for _, cost in rows], '{:.1f}')}")
                print(f"  fed to all, KiB/s     {spread(fed)}\n")
        finally:
            bench.stop()


if __name__ == "__main__":
    main()
