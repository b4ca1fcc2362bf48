"""The queue: how whoever stores work wakes those who do it.

The tables hold the work itself. A wake-up says only whose work there is; one that is lost costs time, never work, for a
sweep finds what was left. An engine can so be changed without touching what is done, in which order, or how often.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, kw_only=True)
class WakeUp:
    """There is work for an account."""

    key: str  # of the work: what is stored once more has the same and adds nothing
    channel: str
    account_id: str


class Queue(Protocol):
    """One engine."""

    async def enqueue(self, connection: AsyncConnection, wake_ups: Sequence[WakeUp]) -> None:
        """Leave wake-ups within the caller's transaction: they go out with its commit, or not at all. None given,
        nothing done."""
        ...

    def committed(self) -> None:
        """The caller's transaction was committed."""
        ...


class Assignments:
    """The accounts that an engine handed to this process, each until nothing of it is left to do."""

    def __init__(self) -> None:
        self._wake: Callable[[], None] = lambda: None
        self._open: dict[str, int] = {}  # accounts, and how often each was handed over
        self._attending: dict[str, asyncio.Future[None]] = {}  # whoever did it first hears what comes of it

    def wakes(self, wake: Callable[[], None]) -> None:
        """``wake`` is called whenever an account was handed over."""
        self._wake = wake

    async def attend(self, account_id: str) -> None:
        """Hand an account over; returns when somebody looked after this call and found nothing left. One that is open
        already is looked at once more, and whoever handed it over first waits for that too: so this returns at once,
        and somebody who writes without end takes one place only. Raises what ``give_back`` was given."""
        times = self._open.get(account_id, 0)
        self._open[account_id] = times + 1
        self._wake()
        if not times:
            self._attending[account_id] = asyncio.get_running_loop().create_future()
            await self._attending[account_id]

    def now(self) -> Mapping[str, int]:
        """The accounts at this moment, with how often each was handed over: to be given to ``finish`` where a look
        that begins after this moment finds nothing."""
        return dict(self._open)

    def finish(self, looked_at: Mapping[str, int]) -> None:
        """Nothing is left of these. What was handed over since ``now`` stays: the look may have missed its work."""
        for account_id, times in looked_at.items():
            if self._open.get(account_id) == times:
                del self._open[account_id]
                self._tell([self._attending.pop(account_id, None)])

    def let_go(self) -> None:
        """Nobody needs to wait: the engine lost hold of what it handed over, and hands it to another process sooner or
        later. What is open stays so, and is worked on meanwhile."""
        self._tell(self._attending.values())
        self._attending.clear()

    def give_back(self, error: Exception) -> None:
        """This process stops: every ``attend`` raises ``error``."""
        self._tell(self._attending.values(), error)
        self._attending.clear()
        self._open.clear()

    @staticmethod
    def _tell(waiting: Iterable[asyncio.Future[None] | None], error: Exception | None = None) -> None:
        for each in waiting:
            if each is None or each.done():  # it was let go, or gave up waiting
                continue
            if error is None:
                each.set_result(None)
            else:
                each.set_exception(error)
