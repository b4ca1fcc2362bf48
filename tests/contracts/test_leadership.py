"""Leadership: one of several contenders acts, by the database's clock alone, and another follows soon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from knowledge.db import Database
from knowledge.errors import StorageDownError
from scheduler import leadership
from scheduler.leadership import MARGIN, RENEW_EVERY, TTL, Leadership, Lease

HOUR = timedelta(hours=1)


@pytest.fixture
async def one(database: Database) -> Leadership:
    return Leadership(database, "planning")


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Leadership]:
    """Another process: it has connections of its own."""
    database = Database(database_url)
    yield Leadership(database, "planning")
    await database.close()


async def row(database: Database) -> Lease:
    async with database.read() as connection:
        return (await connection.execute(select(Lease))).one()  # pyright: ignore[reportReturnType] -- has its columns


async def runs_out(database: Database, by: timedelta = timedelta(seconds=TTL)) -> None:
    """As if so much time had passed without a renewal."""
    lease = await row(database)
    async with database.write() as connection:
        await connection.execute(update(Lease).values(until=lease.until - by))


def did(log: list[str], what: str, *, whole: bool = True) -> Callable[[], Awaitable[bool]]:
    async def work() -> bool:
        log.append(what)
        return whole

    return work


async def test_the_first_to_ask_leads_and_the_next_stands_by(one: Leadership, other: Leadership) -> None:
    assert await one.tick()
    assert not await other.tick()
    assert (one.leads, other.leads) == (True, False)


async def test_nobody_leads_without_having_asked(one: Leadership) -> None:
    log: list[str] = []
    await one.act(did(log, "planned"))
    assert (one.leads, log) == (False, [])


async def test_of_many_that_ask_at_the_same_time_one_leads(database: Database) -> None:
    contenders = [Leadership(database, "planning") for _ in range(8)]
    assert sorted(await asyncio.gather(*(each.tick() for each in contenders))) == [False] * 7 + [True]


async def test_different_leases_have_different_holders(database: Database, one: Leadership) -> None:
    assert await one.tick()
    assert await Leadership(database, "something else").tick()


async def test_who_renews_keeps_the_lease(database: Database, one: Leadership, other: Leadership) -> None:
    await one.tick()
    for _ in range(4):
        await runs_out(database, timedelta(seconds=RENEW_EVERY))
        assert await one.tick()
        assert not await other.tick()


async def test_a_lease_that_ran_out_is_taken_over(database: Database, one: Leadership, other: Leadership) -> None:
    await one.tick()
    await runs_out(database)
    assert await other.tick()
    assert not await one.tick()
    assert (one.leads, other.leads) == (False, True)


async def test_one_that_is_late_but_whose_lease_nobody_took_goes_on(database: Database, one: Leadership) -> None:
    await one.tick()
    await runs_out(database, HOUR)
    assert await one.tick()


async def test_a_released_lease_is_taken_at_once(one: Leadership, other: Leadership) -> None:
    await one.tick()
    await one.release()
    assert not one.leads
    assert await other.tick()


async def test_releasing_what_another_holds_changes_nothing(one: Leadership, other: Leadership) -> None:
    await one.tick()
    await other.release()
    assert not await other.tick()


async def test_a_process_that_comes_back_under_its_name_does_not_wait(database: Database) -> None:
    await Leadership(database, "planning", "the only one").tick()
    assert await Leadership(database, "planning", "the only one").tick()


@pytest.mark.parametrize("jump", [-HOUR, HOUR], ids=["back", "forward"])
async def test_the_clocks_of_the_processes_do_not_matter(
    one: Leadership, other: Leadership, jump: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that compared with its own time would take the lease, or never give it back."""

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime.now(UTC) + jump

    await one.tick()
    monkeypatch.setattr(leadership, "datetime", Wrong)
    assert not await other.tick()
    assert await one.tick()
    await one.release()
    assert await other.tick()


@pytest.mark.parametrize("jump", [-HOUR, HOUR], ids=["back", "forward"])
async def test_when_the_database_s_clock_is_set_somebody_leads_and_nobody_waits_for_it(
    database: Database, one: Leadership, other: Leadership, jump: timedelta
) -> None:
    await one.tick()
    await runs_out(database, jump)  # a clock an hour back makes a lease that lasts an hour and ten seconds
    assert await other.tick()
    assert not await one.tick()


async def test_what_the_leader_did_is_noted_by_the_database_s_clock(database: Database, one: Leadership) -> None:
    await one.tick()
    assert (await row(database)).acted_at is None
    await one.act(did([], "planned"))
    acted_at = (await row(database)).acted_at
    assert acted_at is not None
    assert abs(acted_at - datetime.now(UTC)) < timedelta(seconds=5)  # here both have the same clock


async def test_what_was_done_in_part_is_not_noted(database: Database, one: Leadership) -> None:
    await one.tick()
    await one.act(did([], "planned", whole=False))
    assert (await row(database)).acted_at is None


async def test_when_it_last_acted_is_still_known_after_a_change(
    database: Database, one: Leadership, other: Leadership
) -> None:
    await one.tick()
    await one.act(did([], "planned"))
    before = (await row(database)).acted_at
    await one.release()
    await other.tick()
    assert (await row(database)).acted_at == before


async def test_one_that_cannot_renew_stops_acting_before_another_may_start(
    database: Database, database_url: str
) -> None:
    one = Leadership(database, "planning", ttl=0.4)
    await one.tick()
    until = (await row(database)).until
    stopped: list[datetime] = []

    async def work() -> bool:
        try:
            await asyncio.sleep(30)
        finally:
            stopped.append(datetime.now(UTC))
        return True

    async with asyncio.timeout(25):
        await one.act(work)
    assert len(stopped) == 1
    assert stopped[0] < until  # here both have the same clock
    assert not one.leads
    assert (await row(database)).acted_at is None


async def test_work_goes_on_as_long_as_the_lease_is_renewed(database: Database) -> None:
    one = Leadership(database, "planning", ttl=1.0)
    await one.tick()

    async def work() -> bool:
        for _ in range(8):
            await asyncio.sleep(0.15)
            await one.tick()
        return True

    await one.act(work)
    assert (await row(database)).acted_at is not None


async def test_work_is_cut_off_when_another_took_the_lease(database: Database, one: Leadership) -> None:
    await one.tick()

    async def work() -> bool:
        async with database.write() as connection:
            await connection.execute(update(Lease).values(holder="another"))
        assert not await one.tick()
        await asyncio.sleep(30)
        return True

    async with asyncio.timeout(25):
        await one.act(work)
    assert (await row(database)).acted_at is None


async def test_a_time_out_within_the_work_is_not_taken_for_the_end_of_the_lease(one: Leadership) -> None:
    await one.tick()

    async def work() -> bool:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await one.act(work)
    log: list[str] = []
    await one.act(did(log, "planned"))
    assert log == ["planned"]


async def test_a_database_that_is_away_is_said_and_the_lease_runs_out_by_itself(database: Database) -> None:
    one = Leadership(database, "planning", ttl=0.4)
    await one.tick()
    async with database.write() as connection:  # somebody holds the row, or all of SQLite
        await connection.execute(update(Lease).values(holder=Lease.holder))
        with pytest.raises(StorageDownError):
            await one.tick()
        assert not one.leads


def test_a_lease_survives_two_failed_renewals_and_is_taken_over_within_thirty_seconds() -> None:
    assert 2 * RENEW_EVERY + leadership.PATIENCE + MARGIN < TTL
    assert TTL + RENEW_EVERY + leadership.PATIENCE < 30
