"""Who plans: of several schedulers one, at once after it took over; and when all of it was last done is known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from assistant import planning
from assistant.bootstrap import build_services
from assistant.planning import Planning
from knowledge.db import Database
from scheduler.clock import Clock
from scheduler.leadership import Lease
from tests.worlds import settings_of

PATIENCE = 60.0  # seconds after which a test gives up


class Planner:
    """Notes when it was asked, and has ``sends`` to store each time."""

    def __init__(self, sends: int = 0, error: Exception | None = None) -> None:
        self.calls = 0
        self._sends = sends
        self._error = error

    async def plan(self, now: datetime) -> int:
        self.calls += 1
        if self._error is not None:
            raise self._error
        return self._sends


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who leads is asked often; what is due is looked for once, and then not for an hour."""
    monkeypatch.setattr(planning, "RENEW_EVERY", 0.05)
    monkeypatch.setattr(planning, "PLAN_EVERY", 3600)


@asynccontextmanager
async def scheduler(
    database: Database, folder: Path, *planners: Planner, wake: Callable[[], None] = lambda: None
) -> AsyncGenerator[Planning]:
    """A process that plans, until the block ends."""
    clock = Clock()
    services = build_services(settings_of(folder, "sqlite://"), database)
    made = Planning(services, ["line"], wake, lambda: datetime.now(UTC), clock, is_alone=False)
    made.planners = planners
    clock.start()
    try:
        yield made
    finally:
        await clock.stop()
        await made.stop()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.01)


async def acted_at(database: Database) -> datetime | None:
    async with database.read() as connection:
        return await connection.scalar(select(Lease.acted_at))


async def test_a_scheduler_by_itself_plans_at_once(database: Database, tmp_path: Path) -> None:
    first, second = Planner(), Planner()
    async with scheduler(database, tmp_path, first, second):
        await until(lambda: second.calls == 1)
        assert first.calls == 1


async def test_a_second_scheduler_stands_by_and_plans_at_once_when_the_first_has_gone(
    database: Database, tmp_path: Path
) -> None:
    first, second = Planner(), Planner()
    async with scheduler(database, tmp_path, first):
        await until(lambda: first.calls == 1)
        standing_by = scheduler(database, tmp_path, second)
        heir = await standing_by.__aenter__()
        looked_at = heir.looked_at
        await until(lambda: heir.looked_at > looked_at)
        assert second.calls == 0
    await until(lambda: second.calls == 1)
    await standing_by.__aexit__(None, None, None)
    assert first.calls == 1


async def test_sends_that_were_stored_wake_who_delivers_them(database: Database, tmp_path: Path) -> None:
    woken: list[bool] = []
    idle, busy = Planner(), Planner(sends=3)
    async with scheduler(database, tmp_path, idle, busy, wake=lambda: woken.append(True)):
        await until(lambda: busy.calls == 1)
    assert woken == [True]


async def test_planning_is_noted_only_when_every_planner_went_well(database: Database, tmp_path: Path) -> None:
    broken, sound = Planner(error=RuntimeError("bad data")), Planner()
    async with scheduler(database, tmp_path, broken, sound):
        await until(lambda: sound.calls == 1)
    assert await acted_at(database) is None
    async with scheduler(database, tmp_path, sound):
        await until(lambda: sound.calls == 2)
        async with asyncio.timeout(PATIENCE):
            while await acted_at(database) is None:
                await asyncio.sleep(0.01)
