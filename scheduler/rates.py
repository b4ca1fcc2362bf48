"""How much may go to a platform in a second: token buckets, shared by all processes of an installation.

Whoever spends more than a bucket holds borrows what comes next, and waits until it has come. So within any ``t``
seconds no more than ``rate × t + burst`` is used up, however many spend at once. One statement by the database's clock
pays for all that an exchange claimed: the row is locked for a moment some dozens of times a second, and no token is
taken that is not used. (A process that leased tokens ahead of need would take them from the others.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Protocol

from sqlalchemy import String, text
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base, Database

LONGEST_DEBT = 2.0  # seconds: nothing is lent to a bucket that is paused, or behind, for longer


class RateBucket(Base):
    __tablename__ = "rate_buckets"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)  # of a channel, or of whatever is limited
    tokens: Mapped[float]  # that were left at ``refilled_at``; below zero: borrowed
    refilled_at: Mapped[datetime]  # by the database's clock


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A bucket."""

    name: str
    rate: float  # tokens that come in a second
    burst: float  # tokens that it holds


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast a channel can be used."""

    width: int  # sends that one process may have under way at once
    limit: Limit | None = None  # for all processes together; None: as fast as it goes
    batch: float = 1.0  # tokens of a request that reaches many accounts; one that reaches a single one costs one token
    busy: float = 0.0  # tokens of showing that an answer is coming


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What came of spending."""

    is_granted: bool  # False: nothing was taken
    left: float  # tokens; below zero: owed

    def waits(self, costs: Sequence[float], limit: Limit) -> list[float]:
        """Seconds until each of several things that were paid for together may be done, the first ones first."""
        waits: list[float] = []
        after = self.left
        for cost in reversed(costs):
            waits.append(max(0.0, -after / limit.rate))
            after += cost
        return waits[::-1]


class Rates(Protocol):
    """The buckets."""

    def allowance(self, limit: Limit) -> float:
        """Tokens that there are at this moment, as far as this process knows; below zero: owed."""
        ...

    async def spend(self, limit: Limit, cost: float) -> Spent:
        """Take tokens, borrowing what is missing. Not granted where the bucket owes too much already. Raises
        ``StorageDownError`` when the buckets cannot be reached."""
        ...

    async def pause(self, limit: Limit, seconds: float) -> None:
        """Let nobody spend for some time: the platform asked for it. Raises as ``spend``."""
        ...


class MemoryRates:
    """The buckets of the only process."""

    def __init__(self, seconds: Callable[[], float] = monotonic) -> None:
        """``seconds``: a clock that nobody sets."""
        self._seconds = seconds
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens, when

    def allowance(self, limit: Limit) -> float:
        now = self._seconds()
        tokens, at = self._buckets.get(limit.name, (limit.burst, now))
        return min(limit.burst, tokens + limit.rate * max(0.0, now - at))

    async def spend(self, limit: Limit, cost: float) -> Spent:
        left = self.allowance(limit)
        is_granted = left > -limit.rate * LONGEST_DEBT
        if is_granted:
            left -= cost
            self.set(limit, left)
        return Spent(is_granted=is_granted, left=left)

    async def pause(self, limit: Limit, seconds: float) -> None:
        self.set(limit, min(self.allowance(limit), -limit.rate * seconds))

    def set(self, limit: Limit, tokens: float) -> None:
        """There are so many tokens now."""
        self._buckets[limit.name] = (tokens, self._seconds())


# A clock that was set back lets nothing come for that moment and counts from its new time; one that was set forward
# fills the bucket at most. It is read when the row is locked: whoever waited for it must not set the bucket back.
REFILLED = """
least(CAST(:burst AS float8), bucket.tokens
    + CAST(:rate AS float8) * greatest(0, CAST(extract(epoch FROM {clock} - bucket.refilled_at) AS float8)))
"""
SPEND = """
INSERT INTO rate_buckets AS bucket (name, tokens, refilled_at)
VALUES (:name, CAST(:burst AS float8) - CAST(:cost AS float8), {clock})
ON CONFLICT (name) DO UPDATE SET tokens = {refilled} - CAST(:cost AS float8), refilled_at = {clock}
WHERE {refilled} > CAST(:lowest AS float8)
RETURNING bucket.tokens
"""
LEFT = "SELECT {refilled} FROM rate_buckets AS bucket WHERE name = :name"
PAUSE = """
INSERT INTO rate_buckets AS bucket (name, tokens, refilled_at) VALUES (:name, CAST(:lowest AS float8), {clock})
ON CONFLICT (name) DO UPDATE SET tokens = least({refilled}, CAST(:lowest AS float8)), refilled_at = {clock}
RETURNING bucket.tokens
"""


class TableRates:
    """The buckets of all processes, in PostgreSQL. Between two payments a process reckons with what it was told."""

    def __init__(
        self, database: Database, seconds: Callable[[], float] = monotonic, clock: str = "clock_timestamp()"
    ) -> None:
        """``seconds``: a clock of this process that nobody sets; ``clock``: the database's, as SQL."""
        self._database = database
        self._known = MemoryRates(seconds)
        refilled = REFILLED.format(clock=clock)
        self._spend, self._left, self._pause = (
            text(each.format(clock=clock, refilled=refilled)) for each in (SPEND, LEFT, PAUSE)
        )

    def allowance(self, limit: Limit) -> float:
        return self._known.allowance(limit)

    async def spend(self, limit: Limit, cost: float) -> Spent:
        values = {"name": limit.name, "rate": limit.rate, "burst": limit.burst}
        async with self._database.write() as connection:
            lowest = -limit.rate * LONGEST_DEBT
            left = await connection.scalar(self._spend, {**values, "cost": cost, "lowest": lowest})
            is_granted = left is not None
            if left is None:
                left = await connection.scalar(self._left, values)
        self._known.set(limit, left)
        return Spent(is_granted=is_granted, left=left)

    async def pause(self, limit: Limit, seconds: float) -> None:
        values = {"name": limit.name, "rate": limit.rate, "burst": limit.burst, "lowest": -limit.rate * seconds}
        async with self._database.write() as connection:
            left = await connection.scalar(self._pause, values)
        self._known.set(limit, left)
