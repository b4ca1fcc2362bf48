"""``make bench``: every benchmark, one table."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

from benchmarks.postgres import postgres


def run(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", *arguments], check=True)


def main() -> None:
    os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n", flush=True)
    print("| Question | Ratio | Bar | Ours | Floor |\n|---|---|---|---|---|", flush=True)
    run("benchmarks.line_turns")
    with postgres() as address:
        run("benchmarks.line_turns", "--database", address)
    run("benchmarks.footprint")
    run("benchmarks.imports")


if __name__ == "__main__":
    main()
