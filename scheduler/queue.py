"""The queue: how whoever stores work wakes those who do it.

The tables hold the work itself. A wake-up says only whose work there is; one that is lost costs time, never work, for a
sweep finds what was left. An engine can so be changed without touching what is done, in which order, or how often.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, kw_only=True)
class WakeUp:
    """There is work for an account."""

    key: str  # of the work: a second wake-up with the key of one that waits adds nothing
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
        self._open: dict[str, list[asyncio.Future[None]]] = {}

    def wakes(self, wake: Callable[[], None]) -> None:
        """``wake`` is called whenever an account was handed over."""
        self._wake = wake

    async def attend(self, account_id: str) -> None:
        """Hand an account over; returns when somebody looked after this call and found nothing left. Raises what
        ``give_back`` was given."""
        looked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open.setdefault(account_id, []).append(looked)
        self._wake()
        await looked

    def now(self) -> Mapping[str, int]:
        """The accounts at this moment, with how often each was handed over: to be given to ``finish`` where a look
        that begins after this moment finds nothing."""
        return {account_id: len(waiting) for account_id, waiting in self._open.items()}

    def finish(self, looked_at: Mapping[str, int]) -> None:
        """Nothing is left of these. What was handed over since ``now`` stays: the look may have missed its work."""
        for account_id, count in looked_at.items():
            waiting = self._open[account_id]
            for each in waiting[:count]:
                if not each.done():
                    each.set_result(None)
            if len(waiting) > count:
                self._open[account_id] = waiting[count:]
            else:
                del self._open[account_id]

    def give_back(self, error: Exception) -> None:
        """This process stops: every ``attend`` raises ``error``."""
        for waiting in self._open.values():
            for each in waiting:
                if not each.done():
                    each.set_exception(error)
        self._open.clear()
