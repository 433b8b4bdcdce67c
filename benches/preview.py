#!/usr/bin/env python3
"""What a stricter rule set would have done over seven days: decisions a second of a preview.

Loads the engine on seven days of a clock that is moved between them, until the journal has
--transactions purchases, then asks `tamga preview` with and without a limit of two purchases a card
and day. The preview decides every one again under the other rules beside the recorded ones.

    cargo build --release -p tamga -p tamga-sim
    python3 benches/preview.py [--transactions 1000000] [--cards 100000] [--rounds 3]
"""

import argparse
import hashlib
import json
import os
import subprocess
import tempfile
import urllib.request

import end_to_end

RULES = (end_to_end.ROOT / "deploy/demo/rules.toml").read_text()
STRICTER = """
[[limit]]
id = "two-a-day"
scope = "card"
counts = "purchase"
measure = "count"
window = "day"
ceiling = 2
"""
FIRST_DAY = 23


class Week(end_to_end.Bench):
    def spawn(self, command, **options):
        if "serve" in command:
            command = [*command, "--test-clock", f"2026-11-{FIRST_DAY}T10:00:00+06:00"]
        super().spawn(command, **options)

    def move_to(self, day):
        request = urllib.request.Request(
            f'http://127.0.0.1:{self.ports["http"]}/api/v1/test-clock',
            json.dumps({"to": f"2026-11-{day}T10:00:00+06:00"}).encode(),
            {"authorization": "Bearer operator", "content-type": "application/json"}, method="POST")
        urllib.request.urlopen(request, timeout=600).read()

    def week(self, transactions):
        """Purchases of seven days; answers how many there were."""
        done = 0
        for day in range(7):
            if day:
                self.move_to(FIRST_DAY + day)
            share = transactions * (day + 1) // 7 - done
            self.load("pos", "-c", "64", "--in-flight", "32", "--amount", "1-20", "--count", str(share))
            done += share
        return done

    def preview(self, name, text):
        rules = self.folder / f"{name}.toml"
        rules.write_text(text)
        done = subprocess.run([self.tamga, "preview", "--data", self.folder / "data", "--rules", rules,
                               "--days", "7", "--json"], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(done.stdout + done.stderr)
        return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--transactions", type=int, default=1_000_000)
    parser.add_argument("--cards", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dir", default=None, help="where the data directory goes")
    parser.add_argument("--target-dir", default=os.environ.get("CARGO_TARGET_DIR", str(end_to_end.ROOT / "target")))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        bench = Week(options, folder)
        (bench.folder / "rules.toml").write_text(RULES)
        digest = hashlib.sha256(b"operator").hexdigest()
        # Before the listeners: settings of the top of the file.
        bench.top = f'rules = "rules.toml"\n[[api_token]]\nname = "bench"\nsha256 = "{digest}"\n' \
                    'roles = ["operator"]\n[store]\npath = "data"\n'
        try:
            bench.start()
            done = bench.week(options.transactions)
        finally:
            bench.stop()
        print(f"{done:,} purchases over seven days, {options.cards:,} cards")
        for name, text in (("same", RULES), ("stricter", RULES + STRICTER)):
            rows = [bench.preview(name, text) for _ in range(options.rounds)]
            effect = rows[0]["effect"]
            print(f'{name:<9} decisions {effect["decisions"]:,}, would decline '
                  f'{effect["would_decline"]["count"]:,} of {effect["cards"]:,} cards')
            took = [row["took_ms"] / 1000 for row in rows]
            print(f'{"":<9} seconds {end_to_end.spread(took, "{:.2f}")}')
            rate = [effect["decisions"] / seconds for seconds in took]
            print(f'{"":<9} decisions a second {end_to_end.spread(rate)}')


if __name__ == "__main__":
    main()
