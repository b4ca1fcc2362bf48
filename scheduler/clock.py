"""The clock: APScheduler wakes a few jobs of ours. It holds no job per person; what is due is in the tables."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from knowledge.errors import StorageDownError
from scheduler.trace import places

log = structlog.get_logger(__name__)


class Clock:
    """Calls jobs at intervals, each never twice at once. A job that fails is called again at its next time."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._runs = False
        self._calls: list[Callable[[], Awaitable[None]]] = []

    def every(self, seconds: int, name: str, *jobs: Callable[[], Awaitable[object]]) -> None:
        """Call ``jobs`` one after another every ``seconds``, the first time as soon as the clock runs; calls missed
        while the process slept collapse into one. One that fails does not keep the others from running."""

        async def call() -> None:
            for job in jobs:
                try:
                    await job()
                except StorageDownError as error:
                    log.error("storage_down", job=name, problem=str(error))
                except Exception as error:  # one bad run must not end the others
                    log.error("job_failed", job=name, error=type(error).__name__, at=places(error))

        self._scheduler.add_job(
            call,
            IntervalTrigger(seconds=seconds),
            id=name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )
        self._calls.append(call)

    async def start(self) -> None:
        for call in self._calls:
            await call()
        self._scheduler.start()
        self._runs = True

    def stop(self) -> None:
        """Safe to call when it never started."""
        if self._runs:
            self._runs = False  # APScheduler itself stops only with the loop's next round
            self._scheduler.shutdown(wait=False)
