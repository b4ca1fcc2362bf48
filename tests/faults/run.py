"""Faults of every kind, one after another under load, and the books for each."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from tests.faults.kinds import FAULTS, Fault
from tests.faults.world import Size, Tally, World, world


@dataclass(kw_only=True)
class Line:
    """What one kind of fault did, all times together."""

    times: int = 0
    events: int = 0  # posted while it lasted
    messages: int = 0  # due by themselves while it lasted
    slowest: float = 0.0  # seconds from its end until everything posted before was answered


@dataclass(kw_only=True)
class Report:
    """A whole run."""

    seed: int
    lines: dict[str, Line] = field(default_factory=dict[str, Line])  # by kind
    tally: Tally = field(default_factory=Tally)
    statuses: Counter[int | None] = field(default_factory=Counter[int | None])
    goodbyes: list[float] = field(default_factory=list[float])  # seconds that a process took to end when asked


async def strike(
    folder: Path, size: Size, faults: Sequence[Fault], seed: int, *, on_postgres: bool, until: float | None = None
) -> Report:
    """Let each fault strike, in an order that the seed decides, and again and again until ``until``, a moment of the
    monotonic clock, each by itself; without it once, those of different things together. Then close the books."""
    report = Report(seed=seed, lines={each.name: Line() for each in faults})
    struck: list[tuple[Line, float, float]] = []  # from when to when
    async with world(folder, size, seed, on_postgres=on_postgres) as at:

        async def one(fault: Fault) -> None:
            line, events, due, begun = report.lines[fault.name], at.load.events, len(at.due), time.monotonic()
            await fault.strike(at)
            struck.append((line, begun, time.monotonic()))
            line.times += 1
            line.events += at.load.events - events
            line.messages += (len(at.due) - due + 1) * len(at.listeners)

        rounds = _together(faults, at.chance) if until is None else _alone(faults, at.chance)
        for number, each in enumerate(rounds):
            if until is not None and number >= len(faults) and time.monotonic() > until:
                break
            await at.remind()
            async with asyncio.TaskGroup() as strikes:
                for fault in each:
                    strikes.create_task(one(fault))
            await at.speak_up()
        report.tally = await at.close_the_books()
        for line, begun, over in struck:
            line.slowest = max(line.slowest, _recovery(at, begun, over))
        report.statuses = at.load.statuses
    report.goodbyes = [seconds for each in at.processes for seconds in each.goodbyes]
    return report


def _together(faults: Sequence[Fault], chance: random.Random) -> Iterator[Sequence[Fault]]:
    """Each once; those that strike different things at the same time."""
    by_what: dict[str, list[Fault]] = {}
    for fault in chance.sample(faults, len(faults)):
        by_what.setdefault(fault.what, []).append(fault)
    for row in zip_longest(*by_what.values()):
        yield [fault for fault in row if fault is not None]


def _alone(faults: Sequence[Fault], chance: random.Random) -> Iterator[Sequence[Fault]]:
    """Each by itself, for ever."""
    while True:
        for fault in chance.sample(faults, len(faults)):
            yield [fault]


def chosen(*, on_postgres: bool, long: bool) -> list[Fault]:
    """The kinds that can happen there."""
    return [each for each in FAULTS if (each.postgresql if on_postgres else each.sqlite) and (long or not each.long)]


def _recovery(at: World, begun: float, over: float) -> float:
    """Seconds from the end of a fault until all that was posted while it lasted was answered."""
    answered = [
        posted.answered
        for child in at.load.children
        for posted in child.posted
        if begun <= posted.at <= over and posted.answered is not None
    ]
    return max(0.0, max(answered, default=over) - over)
