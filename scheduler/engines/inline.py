"""The engine inside one process: takes work, does it side by side, and stores what came of it with the next taking.

Results of many pieces of work thus share one transaction (group commit), and nothing slow ever happens inside one.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.errors import StorageDownError
from scheduler.queue import WakeUp
from scheduler.trace import places

SWEEP = 1.0  # seconds until a pipeline looks by itself: for retries that came due, and what other processes stored
PACE = 0.02  # seconds between exchanges: what comes within shares a transaction, whose cost hardly grows with it
PAUSE = 1.0  # seconds to wait after the database, or anything else around the work, failed
GRACE = 3.0  # seconds that work under way gets when the process stops
LAST_EXCHANGE = 1.5  # seconds that storing its results may take then: a stop is over within 10 seconds

log = structlog.get_logger(__name__)

Job = TypeVar("Job")
Done = TypeVar("Done")


class InlineQueue:
    """Implements ``Queue`` where work is stored and done in one process: a commit wakes its pipeline."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    async def enqueue(self, connection: AsyncConnection, wake_ups: Sequence[WakeUp]) -> None:
        """The pipeline looks for itself."""

    def committed(self) -> None:
        self._wake()


class Pipeline(Generic[Job, Done]):
    """``exchange(done, room)`` stores what is done and takes at most ``room`` new jobs, in one transaction; ``run``
    does one job and must not raise. What is done is offered again until an exchange succeeds."""

    def __init__(
        self,
        name: str,
        exchange: Callable[[Sequence[Done], int], Awaitable[Sequence[Job]]],
        run: Callable[[Job], Awaitable[Done]],
        width: int,
    ) -> None:
        """``width``: how many jobs may be under way at once."""
        self._name = name
        self._exchange = exchange
        self._run = run
        self._width = width
        self._done: list[Done] = []
        self._jobs: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._stopping = False
        self._moved_at = 0.0

    @property
    def still_for(self) -> float | None:
        """Seconds since an exchange last ended, well or badly; infinite when the loop broke; None: not started."""
        if self._loop is None:
            return None
        return math.inf if self._loop.done() else time.monotonic() - self._moved_at

    def wake(self) -> None:
        """There may be work. Cheap; calls in between collapse into one."""
        self._woken.set()

    def start(self) -> None:
        self._moved_at = time.monotonic()
        self._loop = asyncio.create_task(self._forever(), name=self._name)

    async def stop(self, grace: float = GRACE) -> None:
        """Take nothing new, give what is under way ``grace`` seconds, cut off the rest, and store what came of it all.
        Safe to call twice, or when it never started. What cannot be stored then is logged: others find the rest."""
        if self._loop is None:
            return
        deadline = asyncio.get_running_loop().time() + grace
        self._stopping = True
        self._woken.set()
        # An exchange is let finish: cut off, it might have claimed what nobody would then do.
        await asyncio.wait([self._loop], timeout=grace)
        self._loop.cancel()
        await asyncio.gather(self._loop, return_exceptions=True)
        self._loop, self._stopping = None, False
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
        for job in self._jobs:
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)
        if self._done:
            try:
                async with asyncio.timeout(LAST_EXCHANGE):
                    await self._step(room=0)
            except (StorageDownError, TimeoutError) as error:
                log.error("storage_down", pipeline=self._name, problem=str(error), count=len(self._done))
            except Exception as error:  # the rest of the process still has to stop; its rows are found by others
                log.error("exchange_failed", pipeline=self._name, error=type(error).__name__, at=places(error))

    async def drain(self) -> None:
        """Work until nothing is left, in the caller's time (commands and tests). Raises what the exchange raises."""
        while await self._step(self._width - len(self._jobs)) or self._jobs or self._done:
            if self._jobs:
                await asyncio.wait(self._jobs, timeout=SWEEP, return_when=asyncio.FIRST_COMPLETED)

    async def _forever(self) -> None:
        while not self._stopping:
            self._woken.clear()
            try:
                while not self._stopping and await self._step(self._width - len(self._jobs)):  # noqa: ASYNC110 -- paces
                    await asyncio.sleep(PACE)
            except StorageDownError as error:
                log.error("storage_down", pipeline=self._name, problem=str(error))
                await asyncio.sleep(PAUSE)
                continue
            except (
                Exception
            ) as error:  # the pipeline must outlive any single failure; its rows stay and are tried again
                log.error("exchange_failed", pipeline=self._name, error=type(error).__name__, at=places(error))
                await asyncio.sleep(PAUSE)
                continue
            try:
                async with asyncio.timeout(SWEEP):
                    await self._woken.wait()
                await asyncio.sleep(PACE)
            except TimeoutError:
                continue

    async def _step(self, room: int) -> bool:
        done, self._done = self._done, []
        try:
            jobs = await self._exchange(done, room)
        except BaseException:
            self._done = [*done, *self._done]
            raise
        finally:
            self._moved_at = time.monotonic()
        for job in jobs:
            task = asyncio.create_task(self._work(job))
            self._jobs.add(task)
            task.add_done_callback(self._jobs.discard)
        return bool(jobs)

    async def _work(self, job: Job) -> None:
        result = await self._run(job)
        self._done.append(result)  # looked up only now: the list is another one after every exchange
        self._woken.set()
