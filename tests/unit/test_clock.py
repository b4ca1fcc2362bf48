"""The clock: jobs are called at once and again, whatever becomes of a single call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from knowledge.errors import StorageDownError
from scheduler.clock import Clock

SOON: Any = 0.02  # seconds between calls; the product counts in whole ones, for which no test can wait
PATIENCE = 5.0  # seconds after which a test gives up


class Job:
    """Counts its calls; ``then`` is what a call does."""

    def __init__(self, then: Callable[[], Any] = lambda: None) -> None:
        self.calls = 0
        self.at_once = 0
        self.most_at_once = 0
        self.hold = asyncio.Event()
        self.hold.set()
        self._then = then
        self._called = asyncio.Condition()

    async def __call__(self) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        async with self._called:
            self.calls += 1
            self._called.notify_all()
        try:
            await self.hold.wait()
            self._then()
        finally:
            self.at_once -= 1

    async def until_called(self, times: int) -> None:
        async with asyncio.timeout(PATIENCE), self._called:
            await self._called.wait_for(lambda: self.calls >= times)


def fails(error: Exception) -> Callable[[], None]:
    def then() -> None:
        raise error

    return then


@pytest.fixture
async def clock() -> AsyncIterator[Clock]:
    clock = Clock()
    yield clock
    clock.stop()
    await asyncio.sleep(0)


@pytest.fixture
async def complaints() -> AsyncIterator[list[dict[str, Any]]]:
    """What nobody caught in the loop's own callbacks."""
    found: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: found.append(context))
    yield found
    loop.set_exception_handler(None)


async def test_a_job_is_called_when_the_clock_starts_and_not_before(clock: Clock) -> None:
    job = Job()
    clock.every(3600, "job", job)
    assert job.calls == 0
    await clock.start()
    assert job.calls == 1


async def test_a_job_is_called_again_and_again(clock: Clock) -> None:
    job = Job()
    clock.every(SOON, "job", job)
    await clock.start()
    await job.until_called(4)


async def test_every_job_keeps_its_own_interval(clock: Clock) -> None:
    often, seldom = Job(), Job()
    clock.every(SOON, "often", often)
    clock.every(3600, "seldom", seldom)
    await clock.start()
    await often.until_called(4)
    assert seldom.calls == 1


@pytest.mark.parametrize("error", [StorageDownError("away"), ValueError("a fault of ours"), TimeoutError()])
async def test_a_job_that_fails_is_called_again_and_does_not_hinder_the_others(clock: Clock, error: Exception) -> None:
    broken, whole = Job(fails(error)), Job()
    clock.every(SOON, "broken", broken)
    clock.every(SOON, "whole", whole)
    await clock.start()
    await broken.until_called(4)
    await whole.until_called(4)


async def test_a_job_is_never_called_twice_at_once_and_goes_on_afterwards(clock: Clock) -> None:
    slow, quick = Job(), Job()
    clock.every(SOON, "slow", slow)
    clock.every(SOON, "quick", quick)
    await clock.start()
    slow.hold.clear()
    await slow.until_called(2)
    await quick.until_called(quick.calls + 5)
    assert (slow.calls, slow.most_at_once) == (2, 1)
    slow.hold.set()
    await slow.until_called(4)
    assert slow.most_at_once == 1


async def test_calls_missed_while_a_job_ran_collapse_into_one(clock: Clock) -> None:
    slow, quick = Job(), Job()
    clock.every(SOON, "slow", slow)
    clock.every(SOON, "quick", quick)
    await clock.start()
    slow.hold.clear()
    await slow.until_called(2)
    await quick.until_called(quick.calls + 10)
    slow.hold.set()
    before = quick.calls
    await quick.until_called(before + 3)
    assert slow.calls <= 2 + 4


async def test_nothing_is_called_after_stopping(clock: Clock) -> None:
    job, witness = Job(), Job()
    clock.every(SOON, "job", job)
    await clock.start()
    clock.stop()
    await asyncio.sleep(0)
    calls = job.calls
    other = Clock()
    other.every(SOON, "witness", witness)
    await other.start()
    await witness.until_called(4)
    other.stop()
    assert job.calls == calls


async def test_stopping_without_having_started_or_twice_is_safe(complaints: list[dict[str, Any]]) -> None:
    Clock().stop()
    clock = Clock()
    clock.every(3600, "job", Job())
    await clock.start()
    clock.stop()
    clock.stop()
    await asyncio.sleep(SOON)
    clock.stop()
    assert complaints == []


async def test_stopping_in_the_middle_of_a_call_complains_of_nothing(complaints: list[dict[str, Any]]) -> None:
    job, clock = Job(), Clock()
    clock.every(SOON, "job", job)
    await clock.start()
    job.hold.clear()
    await job.until_called(2)
    clock.stop()
    await asyncio.sleep(SOON)
    assert (job.at_once, complaints) == (0, [])


async def test_one_job_that_fails_does_not_keep_those_after_it_from_running(clock: Clock) -> None:
    broken, sound = Job(fails(RuntimeError("bad data"))), Job()
    clock.every(3600, "plan", broken, sound)
    await clock.start()
    assert (broken.calls, sound.calls) == (1, 1)
