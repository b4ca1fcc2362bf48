"""``make bench``: every benchmark, one table. ``--only NAME``, once or more: some of them."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys

from benchmarks.postgres import postgres


def run(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", *arguments], check=True)


def turns() -> None:
    run("benchmarks.line_turns")
    with postgres() as address:
        run("benchmarks.line_turns", "--database", address)


def fan_out() -> None:
    run("benchmarks.fan_out")
    with postgres() as address:
        run("benchmarks.fan_out", "--database", address)


def questions() -> None:
    run("benchmarks.understanding_speed")
    run("benchmarks.held_back")
    run("benchmarks.held_back_reminders")
    run("benchmarks.question_speed")


def many() -> None:
    """Many processes on one PostgreSQL."""
    run("benchmarks.cluster")
    run("benchmarks.recovery")
    run("benchmarks.storage")
    run("benchmarks.city_morning", "--plot", "docs/pictures/city-morning.svg")


BENCHMARKS = {
    "turns": turns,
    "care": lambda: run("benchmarks.held_back_care"),
    "fan_out": fan_out,
    "footprint": lambda: run("benchmarks.footprint"),
    "many": many,
    "imports": lambda: run("benchmarks.imports"),
    "questions": questions,
    "planning": lambda: run("benchmarks.planning"),
    "reminders": lambda: run("benchmarks.reminders"),
    "refusal": lambda: run("benchmarks.refusal"),
    "retrieval": lambda: run("benchmarks.retrieval"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=BENCHMARKS, action="append")
    chosen = parser.parse_args().only or [*BENCHMARKS]
    os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n", flush=True)
    print("| Question | Ratio | Bar | Ours | Floor |\n|---|---|---|---|---|", flush=True)
    for name in chosen:
        BENCHMARKS[name]()


if __name__ == "__main__":
    main()
