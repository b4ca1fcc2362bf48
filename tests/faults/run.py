"""Faults of every kind, one after another under load, and the books for each."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from tests.faults.kinds import FAULTS, Fault
from tests.faults.world import Size, Tally, World, world

STRIKE_WITHIN = 150.0  # seconds; what takes longer does not recover


@dataclass(kw_only=True)
class Line:
    """What one kind of fault did, all times together."""

    times: int = 0
    events: int = 0  # posted while it lasted
    messages: int = 0  # due by themselves while it lasted
    lost: int = 0  # of those to whom the first wrong thing came since it struck, before the next one did
    doubled: int = 0
    slowest: float = 0.0  # seconds from its end until everything posted before was answered

    def add(self, other: Line) -> None:
        self.times, self.events, self.messages = (
            self.times + other.times, self.events + other.events, self.messages + other.messages
        )  # fmt: skip
        self.lost, self.doubled = self.lost + other.lost, self.doubled + other.doubled
        self.slowest = max(self.slowest, other.slowest)


@dataclass(kw_only=True)
class Report:
    """A whole run."""

    seed: int
    lines: dict[str, Line] = field(default_factory=dict[str, Line])  # by kind
    tally: Tally = field(default_factory=Tally)
    statuses: Counter[int | None] = field(default_factory=Counter[int | None])
    goodbyes: list[float] = field(default_factory=list[float])  # seconds that a process took to end when asked


async def strike(
    folder: Path,
    size: Size,
    faults: Sequence[Fault],
    seed: int,
    *,
    on_postgres: bool,
    until: float | None = None,
    patience: float = float("inf"),
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """Let each fault strike once, then close the books. With ``until``, a moment of the monotonic clock: each by
    itself, in this order, and none that would begin later. Without it: those of different things together, in an order
    that the seed decides. ``patience``: seconds after ``until`` for the books. ``say`` hears of each fault that is
    over."""
    report = Report(seed=seed)
    struck: list[tuple[Line, float, float]] = []  # from when to when
    broken = Counter[str]()
    async with world(folder, size, seed, on_postgres=on_postgres) as at:

        async def one(fault: Fault) -> None:
            line, events, due, begun = Line(times=1), at.load.events, len(at.due), time.monotonic()
            try:
                async with asyncio.timeout(STRIKE_WITHIN):
                    await fault.strike(at)
            except Exception as error:  # whatever broke: the books are still to be closed, and say so
                broken[f"{fault.name}: {type(error).__name__} {error}"] += 1
                await at.mend()
            struck.append((line, begun, time.monotonic()))
            line.events = at.load.events - events
            line.messages = (len(at.due) - due + 1) * len(at.listeners)
            report.lines[fault.name] = line
            say(f"{fault.name}: {time.monotonic() - begun:.1f} s, {line.events} events")

        for each in _together(faults, at.chance) if until is None else [[fault] for fault in faults]:
            if until is not None and time.monotonic() > until:
                break
            await at.remind()
            async with asyncio.TaskGroup() as strikes:
                for fault in each:
                    strikes.create_task(one(fault))
            await at.speak_up()
        if until is not None:
            at.give_up_at = until + patience
        report.tally = await at.close_the_books()
        report.tally.wrong.update(broken)
        for line, begun, over in struck:
            line.slowest = _recovery(at, begun, over)
        for moment, lost, doubled in report.tally.found:
            blamed, *_ = max(
                (each for each in struck if each[1] <= moment), key=lambda each: each[1], default=struck[0]
            )
            blamed.lost, blamed.doubled = blamed.lost + lost, blamed.doubled + doubled
        report.statuses = at.load.statuses
    report.goodbyes = [seconds for each in at.processes for seconds in each.goodbyes]
    return report


def _together(faults: Sequence[Fault], chance: random.Random) -> list[list[Fault]]:
    """Each once; those that strike different things at the same time."""
    by_what: dict[str, list[Fault]] = {}
    for fault in chance.sample(faults, len(faults)):
        by_what.setdefault(fault.what, []).append(fault)
    return [[fault for fault in row if fault is not None] for row in zip_longest(*by_what.values())]


def possible(*, on_postgres: bool) -> list[Fault]:
    """The kinds that can happen there."""
    return [each for each in FAULTS if (each.postgresql if on_postgres else each.sqlite)]


def few(*, on_postgres: bool) -> list[Fault]:
    """Those of every day. Kinds that can happen on both stores take turns: each strikes on one of them."""
    everyday = [each for each in possible(on_postgres=on_postgres) if not each.long]
    on_both = [each for each in everyday if each.sqlite and each.postgresql]
    return [each for each in everyday if each not in on_both] + on_both[on_postgres::2]


def _recovery(at: World, begun: float, over: float) -> float:
    """Seconds from the end of a fault until all that was posted while it lasted was answered."""
    answered = [
        posted.answered
        for child in at.load.children
        for posted in child.posted
        if begun <= posted.at <= over and posted.answered is not None
    ]
    return max(0.0, max(answered, default=over) - over)
