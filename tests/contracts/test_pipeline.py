"""The engine inside one process: what is done is never lost, and nothing slow stands in the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from knowledge.errors import StorageDownError
from scheduler.engines import inline
from scheduler.engines.inline import Pipeline

PATIENCE = 5.0  # seconds after which a test gives up


class Work:
    """A store of numbered jobs. ``run`` finishes at once, but for those named in ``slow``, which wait to be let go."""

    def __init__(self, *jobs: int) -> None:
        self.waiting = list(jobs)
        self.stored: list[int] = []
        self.rooms: list[int] = []
        self.failures: list[Exception] = []  # raised by the next exchanges, before anything is stored
        self.slow: dict[int, asyncio.Event] = {}
        self.running: set[int] = set()
        self.most_at_once = 0
        self.changed = asyncio.Event()

    async def exchange(self, done: Sequence[int], room: int) -> Sequence[int]:
        await asyncio.sleep(0)
        self.changed.set()
        self.rooms.append(room)
        if self.failures:
            raise self.failures.pop(0)
        self.stored += done
        taken, self.waiting = self.waiting[: max(room, 0)], self.waiting[max(room, 0) :]
        return taken

    async def run(self, job: int) -> int:
        self.running.add(job)
        self.most_at_once = max(self.most_at_once, len(self.running))
        await asyncio.sleep(0)
        if job in self.slow:
            await self.slow[job].wait()
        self.running.discard(job)
        return job

    async def until(self, holds: Callable[[], bool]) -> None:
        """Until something holds, looked at after every exchange."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self.changed.clear()
                await self.changed.wait()
                await asyncio.sleep(0)


def pipeline(work: Work, width: int = 10) -> Pipeline[int, int]:
    return Pipeline("test", work.exchange, work.run, width)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inline, "SWEEP", 0.01)
    monkeypatch.setattr(inline, "PACE", 0.001)
    monkeypatch.setattr(inline, "PAUSE", 0.01)


@pytest.fixture
async def work() -> AsyncIterator[Work]:
    work = Work()
    yield work
    for let_go in work.slow.values():
        let_go.set()


async def drained(work: Work, width: int = 10) -> None:
    async with asyncio.timeout(PATIENCE):
        await pipeline(work, width).drain()


async def test_draining_ends_where_there_is_nothing(work: Work) -> None:
    await drained(work)
    assert work.stored == []


async def test_draining_does_everything_once(work: Work) -> None:
    work.waiting = list(range(95))
    await drained(work)
    assert sorted(work.stored) == list(range(95))


async def test_no_more_than_the_width_is_under_way(work: Work) -> None:
    work.waiting = list(range(50))
    await drained(work, width=3)
    assert work.most_at_once == 3
    assert max(work.rooms) == 3
    assert min(work.rooms) >= 0


async def test_the_width_is_kept_while_running(work: Work) -> None:
    work.slow = {0: asyncio.Event(), 1: asyncio.Event()}
    work.waiting = [0, 1, 2]
    running = pipeline(work, width=2)
    running.start()
    await work.until(lambda: work.rooms.count(0) >= 3)
    assert (work.running, work.waiting) == ({0, 1}, [2])
    work.slow[0].set()
    await work.until(lambda: sorted(work.stored) == [0, 2])
    work.slow[1].set()
    await running.stop()
    assert sorted(work.stored) == [0, 1, 2]


async def test_draining_raises_what_the_exchange_raises_and_keeps_what_is_done(work: Work) -> None:
    work.waiting = [1, 2]
    line = pipeline(work)
    assert work.failures == []
    work.slow = {2: asyncio.Event()}
    draining = asyncio.create_task(line.drain())
    await work.until(lambda: work.running == {2})
    work.failures = [StorageDownError("away")]
    work.slow[2].set()
    with pytest.raises(StorageDownError):
        await draining
    await line.drain()
    assert sorted(work.stored) == [1, 2]


@pytest.mark.parametrize("error", [StorageDownError("away"), ValueError("a fault of ours")])
async def test_what_is_done_is_stored_after_failures_of_the_exchange(work: Work, error: Exception) -> None:
    work.slow = {1: asyncio.Event()}
    work.waiting = [1, 2, 3]
    running = pipeline(work)
    running.start()
    await work.until(lambda: sorted(work.stored) == [2, 3])
    work.failures = [error] * 5
    work.slow[1].set()
    running.wake()
    await work.until(lambda: len(work.stored) == 3)
    assert (sorted(work.stored), work.failures) == ([1, 2, 3], [])
    await running.stop()
    assert len(work.stored) == 3


async def test_what_gets_done_during_a_failing_exchange_is_kept_too(work: Work) -> None:
    exchanging, fail = asyncio.Event(), asyncio.Event()
    ordinary = work.exchange

    async def exchange(done: Sequence[int], room: int) -> Sequence[int]:
        if list(done) == [1] and not fail.is_set():
            exchanging.set()
            await fail.wait()
            raise StorageDownError("away")
        return await ordinary(done, room)

    work.slow = {2: asyncio.Event()}
    work.waiting = [1, 2]
    running = Pipeline[int, int]("test", exchange, work.run, 10)
    running.start()
    async with asyncio.timeout(PATIENCE):
        await exchanging.wait()
        work.slow[2].set()
        while work.running:
            await asyncio.sleep(0)
        fail.set()
    await work.until(lambda: sorted(work.stored) == [1, 2])
    await running.stop()
    assert sorted(work.stored) == [1, 2]


async def test_a_slow_job_does_not_hold_up_the_others(work: Work) -> None:
    work.slow = {0: asyncio.Event()}
    work.waiting = list(range(40))
    running = pipeline(work, width=5)
    running.start()
    await work.until(lambda: len(work.stored) == 39)
    assert work.running == {0}
    work.slow[0].set()
    await running.stop()
    assert sorted(work.stored) == list(range(40))


async def test_draining_does_not_wait_for_a_slow_job_to_do_the_others(work: Work) -> None:
    work.slow = {0: asyncio.Event()}
    work.waiting = list(range(12))
    draining = asyncio.create_task(drained(work, width=4))
    await work.until(lambda: len(work.stored) == 11)
    work.slow[0].set()
    await draining
    assert sorted(work.stored) == list(range(12))


async def test_waking_takes_new_work_without_waiting_for_the_sweep(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inline, "SWEEP", 3600.0)
    running = pipeline(work)
    running.start()
    await work.until(lambda: len(work.rooms) == 1)
    work.waiting = [1]
    running.wake()
    await work.until(lambda: work.stored == [1])
    await running.stop()


async def test_waking_during_an_exchange_is_not_forgotten(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inline, "SWEEP", 3600.0)
    ordinary = work.exchange

    async def exchange(done: Sequence[int], room: int) -> Sequence[int]:
        taken = await ordinary(done, room)
        if len(work.rooms) == 1:  # the row arrives just after this exchange looked
            work.waiting = [1]
            running.wake()
        return taken

    running = Pipeline[int, int]("test", exchange, work.run, 10)
    running.start()
    await work.until(lambda: work.stored == [1])
    await running.stop()


async def test_the_sweep_finds_what_nobody_woke_for(work: Work) -> None:
    running = pipeline(work)
    running.start()
    await work.until(lambda: len(work.rooms) >= 2)
    work.waiting = [1]
    await work.until(lambda: work.stored == [1])
    await running.stop()


async def test_stopping_stores_what_finishes_within_the_grace_and_takes_nothing_new(work: Work) -> None:
    work.slow = {1: asyncio.Event()}
    work.waiting = [1]
    running = pipeline(work)
    running.start()
    await work.until(lambda: work.running == {1})
    stopping = asyncio.create_task(running.stop())
    await asyncio.sleep(0)
    work.waiting = [2]
    work.slow[1].set()
    await stopping
    assert (work.stored, work.waiting) == ([1], [2])


async def test_stopping_gives_up_what_takes_longer_than_the_grace(work: Work) -> None:
    work.slow = {1: asyncio.Event()}
    work.waiting = [1, 2]
    running = pipeline(work)
    running.start()
    await work.until(lambda: work.running == {1})
    async with asyncio.timeout(PATIENCE):
        await running.stop(grace=0.01)
    assert work.stored == [2]


async def test_stopping_in_the_middle_of_an_exchange_stores_what_was_done(work: Work) -> None:
    exchanging = asyncio.Event()
    ordinary = work.exchange

    async def exchange(done: Sequence[int], room: int) -> Sequence[int]:
        if done and not exchanging.is_set():
            exchanging.set()
            await asyncio.Event().wait()  # the store hangs until the loop is cancelled
        return await ordinary(done, room)

    work.waiting = [1]
    running = Pipeline[int, int]("test", exchange, work.run, 10)
    running.start()
    async with asyncio.timeout(PATIENCE):
        await exchanging.wait()
        await running.stop()
    assert work.stored == [1]


async def test_stopping_while_the_store_is_down_ends_all_the_same(work: Work) -> None:
    work.waiting = [1]
    running = pipeline(work)
    running.start()
    await work.until(lambda: work.stored == [1])
    work.failures = [StorageDownError("away")] * 1000
    await work.until(lambda: len(work.failures) < 1000)
    async with asyncio.timeout(PATIENCE):
        await running.stop()


@pytest.mark.parametrize("error", [StorageDownError("away"), RuntimeError("a fault of ours")])
async def test_stopping_ends_all_the_same_where_what_was_done_last_cannot_be_stored(
    work: Work, error: Exception
) -> None:
    work.waiting, work.slow = [1], {1: asyncio.Event()}
    running = pipeline(work)
    running.start()
    await work.until(lambda: 1 in work.running)
    work.failures = [error] * 1000
    stopping = asyncio.create_task(running.stop())
    await asyncio.sleep(0)
    work.slow[1].set()
    async with asyncio.timeout(PATIENCE):
        await stopping
    assert work.stored == []


async def test_stopping_twice_or_before_starting_does_nothing(work: Work) -> None:
    work.waiting = [1]
    running = pipeline(work)
    await running.stop()
    assert (work.rooms, work.waiting) == ([], [1])
    running.start()
    await running.stop()
    rooms = len(work.rooms)
    await running.stop()
    assert len(work.rooms) == rooms
