"""The clock: jobs are called at once and again, whatever becomes of a single call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta, tzinfo
from typing import Any

import apscheduler.schedulers.base
import pytest

import scheduler.clock
from knowledge.errors import StorageDownError
from scheduler.clock import Clock, call_each

SOON = 0.02  # seconds between calls
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
    await clock.stop()


async def test_a_job_is_called_when_the_clock_starts_and_not_before(clock: Clock) -> None:
    job = Job()
    clock.every(3600, "job", job)
    assert job.calls == 0
    clock.start()
    await job.until_called(1)


async def test_a_job_is_called_again_and_again(clock: Clock) -> None:
    job = Job()
    clock.every(SOON, "job", job)
    clock.start()
    await job.until_called(4)


async def test_every_job_keeps_its_own_interval(clock: Clock) -> None:
    often, seldom = Job(), Job()
    clock.every(SOON, "often", often)
    clock.every(3600, "seldom", seldom)
    clock.start()
    await often.until_called(4)
    assert seldom.calls == 1


class SetTime(datetime):
    """The time of day, as somebody sets it."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override] -- as datetime's, but for what it adds
        return datetime.now(tz) + cls.ahead


@pytest.mark.parametrize("ahead", [timedelta(hours=-1), timedelta(days=-4000), timedelta(days=4000)])
async def test_setting_the_time_of_day_stops_nothing(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    """An hour back, or forward by years when a machine first hears of the time."""
    for module in (scheduler.clock, apscheduler.schedulers.base):
        monkeypatch.setattr(module, "datetime", SetTime)
    monkeypatch.setattr(scheduler.clock, "LOOK_EVERY", SOON)
    monkeypatch.setattr(SetTime, "ahead", timedelta())
    often, seldom = Job(), Job()
    clock.every(SOON, "often", often)
    clock.every(3600, "seldom", seldom)
    clock.start()
    await often.until_called(3)
    monkeypatch.setattr(SetTime, "ahead", ahead)
    await often.until_called(often.calls + 3)
    assert seldom.calls <= 2


async def test_a_job_that_is_wanted_soon_does_not_wait_for_its_time(clock: Clock) -> None:
    job = Job()
    clock.every(3600, "job", job)
    clock.start()
    await job.until_called(1)
    clock.soon("job")
    await job.until_called(2)
    await asyncio.sleep(0)
    assert job.calls == 2


async def test_a_job_that_is_wanted_while_it_runs_is_called_once_more(clock: Clock) -> None:
    job = Job()
    job.hold.clear()
    clock.every(3600, "job", job)
    clock.start()
    await job.until_called(1)
    clock.soon("job")
    clock.soon("job")
    job.hold.set()
    await job.until_called(2)
    await asyncio.sleep(0)
    assert (job.calls, job.most_at_once) == (2, 1)


@pytest.mark.parametrize("error", [StorageDownError("away"), ValueError("a fault of ours"), TimeoutError()])
async def test_a_job_that_fails_is_called_again_and_does_not_hinder_the_others(clock: Clock, error: Exception) -> None:
    broken, whole = Job(fails(error)), Job()
    clock.every(SOON, "broken", broken)
    clock.every(SOON, "whole", whole)
    clock.start()
    await broken.until_called(4)
    await whole.until_called(4)


async def test_a_job_is_never_called_twice_at_once_and_goes_on_afterwards(clock: Clock) -> None:
    slow, quick = Job(), Job()
    clock.every(SOON, "slow", slow)
    clock.every(SOON, "quick", quick)
    clock.start()
    slow.hold.clear()
    await slow.until_called(1)
    await quick.until_called(quick.calls + 5)
    assert (slow.calls, slow.most_at_once) == (1, 1)
    slow.hold.set()
    await slow.until_called(4)
    assert slow.most_at_once == 1


async def test_calls_missed_while_a_job_ran_collapse_into_one(clock: Clock) -> None:
    slow, quick = Job(), Job()
    clock.every(SOON, "slow", slow)
    clock.every(SOON, "quick", quick)
    clock.start()
    slow.hold.clear()
    await slow.until_called(1)
    await quick.until_called(quick.calls + 10)
    slow.hold.set()
    before = quick.calls
    await quick.until_called(before + 3)
    assert slow.calls <= 1 + 4


async def test_nothing_is_called_after_stopping(clock: Clock) -> None:
    job, witness = Job(), Job()
    clock.every(SOON, "job", job)
    clock.start()
    await clock.stop()
    calls = job.calls
    other = Clock()
    other.every(SOON, "witness", witness)
    other.start()
    await witness.until_called(4)
    await other.stop()
    assert job.calls == calls


async def test_stopping_without_having_started_or_twice_is_safe() -> None:
    await Clock().stop()
    clock = Clock()
    clock.every(3600, "job", Job())
    clock.start()
    await clock.stop()
    await clock.stop()


async def test_stopping_cuts_off_a_call_and_waits_for_its_end(clock: Clock) -> None:
    job = Job()
    job.hold.clear()
    clock.every(SOON, "job", job)
    clock.start()
    await job.until_called(1)
    await clock.stop()
    assert (job.calls, job.at_once) == (1, 0)


async def test_one_job_that_fails_does_not_keep_those_after_it_from_running(clock: Clock) -> None:
    broken, sound = Job(fails(RuntimeError("bad data"))), Job()
    clock.every(3600, "plan", broken, sound)
    clock.start()
    await sound.until_called(1)
    assert broken.calls == 1


async def test_it_is_told_whether_all_of_several_calls_went_well() -> None:
    broken, sound = Job(fails(RuntimeError("bad data"))), Job()
    assert await call_each("plan", [sound, sound])
    assert not await call_each("plan", [broken, sound])
    assert sound.calls == 3
