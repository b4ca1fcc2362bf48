"""What many ask for at the same time is asked of the store once (a data loader)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from knowledge.errors import StorageDownError

WINDOW = 0.01  # seconds in which others may join
MOST = 500  # keys of one load

Key = TypeVar("Key")
Value = TypeVar("Value")


class Together(Generic[Key, Value]):
    """Collects keys for a moment, then loads them together."""

    def __init__(self, load: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Value]]]) -> None:
        """``load`` gives a value for every key."""
        self._load = load
        self._wanted: dict[Key, asyncio.Future[Value]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loads: set[asyncio.Task[None]] = set()

    async def of(self, key: Key) -> Value:
        """The value of a key. Raises what ``load`` raises for it: one that breaks takes nobody with it."""
        loop = asyncio.get_running_loop()
        wanted = self._wanted.get(key)
        if wanted is None:
            wanted = self._wanted[key] = loop.create_future()
            if len(self._wanted) >= MOST:
                self._begin()
            elif self._timer is None:
                self._timer = loop.call_later(WINDOW, self._begin)
        return await asyncio.shield(wanted)  # one that gives up waiting must not take the value from the others

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wanted, self._wanted = self._wanted, {}
        task = asyncio.create_task(self._give(wanted))
        self._loads.add(task)
        task.add_done_callback(self._loads.discard)

    async def _give(self, wanted: Mapping[Key, asyncio.Future[Value]]) -> None:
        keys = [*wanted]
        try:
            values = await self._load(keys)
            for key, each in wanted.items():
                if not each.done():
                    each.set_result(values[key])
        except Exception as error:  # each of those who wait gets it as its own
            if len(keys) > 1 and not isinstance(error, StorageDownError):  # halved until what broke is alone
                middle = len(keys) // 2
                for some in (keys[:middle], keys[middle:]):
                    await self._give({key: wanted[key] for key in some})
                return
            for each in wanted.values():
                if not each.done():
                    each.set_exception(error)
                    each.exception()  # those who wanted it may have given up
