"""The clock: APScheduler calls a few jobs of ours at intervals. It holds no job per person; what is due is in the
tables.

APScheduler goes by the time of day, which may be set: an hour back, or forward by years when a machine first hears of
the time. ``Passed`` never looks back at what was missed, and ``Clock`` notices when the time was set back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from knowledge.errors import StorageDownError
from scheduler.trace import places

LOOK_EVERY = 1.0  # seconds between looks whether the time was set back
SET_BACK = timedelta(seconds=1)  # by more than this; less is the clock's own correction

log = structlog.get_logger(__name__)

Call = Callable[[], Awaitable[object]]


class Passed(BaseTrigger):
    """A time after the last one. What was missed is not made up for: APScheduler's own interval would count through all
    of it."""

    def __init__(self, seconds: float) -> None:
        self._span = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:  # pyright: ignore[reportIncompatibleMethodOverride] -- the base is untyped
        return now if previous_fire_time is None else now + self._span


class Clock:
    """Calls jobs at intervals, each never twice at once. A job that fails is called again at its next time."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._names: list[str] = []
        self._wanted: set[str] = set()  # jobs that are to be called at once, or once more
        self._running: dict[str, asyncio.Task[object] | None] = {}
        self._watch: asyncio.TimerHandle | None = None
        self._seen = datetime.now(UTC)

    def every(self, seconds: float, name: str, *calls: Call) -> None:
        """Call ``calls`` one after another every ``seconds``, the first time as soon as the clock runs; times missed
        while they ran collapse into one. One that fails does not keep the others from running."""
        self._names.append(name)
        self._scheduler.add_job(
            partial(self._call, name, calls),
            Passed(seconds),
            id=name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )

    def soon(self, name: str) -> None:
        """Do not wait for the next time of a job; while it runs, it is called once more right after."""
        self._wanted.add(name)
        if name not in self._running:
            self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))

    def start(self) -> None:
        """Returns at once; the jobs have their first calls with the loop's next rounds."""
        self._scheduler.start()
        self._look()

    async def stop(self) -> None:
        """Call nothing any more; calls under way are cut off. Safe to call twice, or when it never started."""
        if self._watch is None:
            return
        self._watch.cancel()
        self._watch = None
        self._scheduler.shutdown(wait=False)
        await asyncio.sleep(0)  # APScheduler itself stops with the loop's next round
        running = [task for task in self._running.values() if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _call(self, name: str, calls: Iterable[Call]) -> None:
        self._running[name] = asyncio.current_task()
        try:
            self._wanted.add(name)
            while name in self._wanted:
                self._wanted.discard(name)
                await call_each(name, calls)
        finally:
            del self._running[name]

    def _look(self) -> None:
        now = datetime.now(UTC)
        if now < self._seen - SET_BACK:
            log.warning("time_set_back", seconds=round((self._seen - now).total_seconds()))
            for name in self._names:
                self._scheduler.modify_job(name, next_run_time=now)
        self._seen = now
        self._watch = asyncio.get_running_loop().call_later(LOOK_EVERY, self._look)


async def call_each(name: str, calls: Iterable[Call]) -> bool:
    """Call one after another; one that fails is logged and does not keep the others from running. Whether none
    failed."""
    is_whole = True
    for call in calls:
        try:
            await call()
        except StorageDownError as error:
            is_whole = False
            log.error("storage_down", job=name, problem=str(error))
        except Exception as error:  # one bad run must not end the others
            is_whole = False
            log.error("job_failed", job=name, error=type(error).__name__, at=places(error))
    return is_whole
