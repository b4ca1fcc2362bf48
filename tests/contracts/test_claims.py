"""Claims: what a process has under way is its own for as long as it lives, and soon another's when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from knowledge.db import Database, Moment
from scheduler import outbox
from scheduler.claims import RENEW_AFTER, STALE_AFTER
from scheduler.delivery import Delivery, Fail, Later, Result, Sent
from scheduler.outbox import SENDING, Item, Outbox, State
from scheduler.rates import Limit, MemoryRates, Pace
from scheduler.retry import MAX_ATTEMPTS

NOW = datetime(2026, 5, 10, 23, 20, tzinfo=UTC)
PATIENCE = 10.0  # seconds


class Seconds:
    """A clock that nobody sets, moved by hand."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        return self.passed


class Platform:
    """Shows what it is given when it is let go, as far as the sender still may."""

    batch_size = 500

    def __init__(self, pace: Pace | None = None) -> None:
        self.pace = pace or Pace(width=50)
        self.shown: list[str] = []
        self.result: Result = Sent()
        self.was_asked, self.let_go = asyncio.Event(), asyncio.Event()
        self.was_posted, self.answers = asyncio.Event(), asyncio.Event()
        self.answers.set()

    def answers_for_free(self, item: Item) -> bool:
        return False

    async def send(self, items: Sequence[Item], may_begin: Callable[[], bool]) -> Result:
        self.was_asked.set()
        await self.let_go.wait()
        if not may_begin():
            return Later(problem="another process may be sending it")
        self.was_posted.set()
        await self.answers.wait()
        if isinstance(self.result, Sent):
            self.shown += [item.account_id for item in items]
        return self.result

    async def send_batch(self, items: Sequence[Item], may_begin: Callable[[], bool]) -> Result:
        return await self.send(items, may_begin)


class Worker:
    """One process's delivery, with a clock of its own."""

    def __init__(self, database: Database, platform: Platform | None = None, rates: MemoryRates | None = None) -> None:
        self.seconds, self.platform, self.told = Seconds(), platform or Platform(), list[str]()
        self.delivery = Delivery(
            database, "line", self.platform, lambda: NOW, self._hear, rates=rates, seconds=self.seconds
        )  # fmt: skip
        self.works: list[asyncio.Task[Any]] = []

    async def _hear(self, item: Item, result: Result) -> None:
        self.told.append(item.account_id)

    async def take(self) -> None:
        """Claim what is due, and begin it."""
        groups = await self.delivery.exchange([], 50)
        self.works += [asyncio.create_task(self.delivery.run(group)) for group in groups]
        await asyncio.sleep(0)

    async def end(self) -> None:
        """What is under way ends, and is stored."""
        self.platform.let_go.set()
        async with asyncio.timeout(PATIENCE):
            done = await asyncio.gather(*self.works)
        self.works.clear()
        await self.delivery.exchange(done, 0)


async def put(database: Database, *accounts: str, attempts: int = 0, source: str | None = None) -> None:
    items = [
        Item(
            account_id=account, kind="x", payload={}, due_at=NOW, created_at=NOW, attempts=attempts,
            source=source, variant=None if source is None else "v",
        )
        for account in accounts
    ]  # fmt: skip
    async with database.write() as connection:
        await outbox.put(connection, items)


async def pass_by(database: Database, seconds: float, *workers: Worker) -> None:
    """Time passes, for the database and for these."""
    for worker in workers:
        worker.seconds.passed += seconds
    async with database.read() as connection:
        now = await connection.scalar(select(Moment()))
        found = (await connection.execute(select(Outbox.id, Outbox.claimed_at).where(Outbox.state == SENDING))).all()
    async with database.write() as connection:
        for id, claimed_at in found:
            assert claimed_at is not None and now is not None
            older = Moment((claimed_at - now).total_seconds() - seconds)
            await connection.execute(update(Outbox).where(Outbox.id == id).values(claimed_at=older))


async def rows(database: Database) -> list[tuple[State, int]]:
    async with database.read() as connection:
        found = await connection.execute(select(Outbox.state, Outbox.attempts).order_by(Outbox.id))
        return [(State(state), attempts) for state, attempts in found]


async def test_a_claim_of_a_dead_process_is_taken_up_as_soon_as_it_is_stale(database: Database) -> None:
    dead, heir = Worker(database), Worker(database)
    await put(database, "line:hana")
    await dead.take()
    await pass_by(database, STALE_AFTER - 1, heir)
    await heir.delivery.recover()
    assert await rows(database) == [(State.SENDING, 1)]
    await pass_by(database, 1.5, heir)
    await heir.delivery.recover()
    await heir.take()
    await heir.end()
    assert await rows(database) == [(State.SENT, 2)]
    for work in dead.works:
        work.cancel()


async def test_a_send_that_takes_long_stays_its_processs_own(database: Database) -> None:
    slow, other = Worker(database), Worker(database)
    await put(database, "line:hana")
    await slow.take()
    for _ in range(6):
        await pass_by(database, RENEW_AFTER + 1, slow, other)
        await slow.delivery.exchange([], 50)
        await other.delivery.recover()
        await other.take()
    assert other.works == []
    await slow.end()
    assert (await rows(database), slow.platform.shown) == ([(State.SENT, 1)], ["line:hana"])


async def test_a_young_claim_is_not_renewed_and_a_settled_one_no_more(database: Database) -> None:
    worker = Worker(database)
    await put(database, "line:hana", "line:ren")
    await worker.take()
    claims = worker.delivery._claims
    assert claims.to_renew() == {}
    worker.seconds.passed += RENEW_AFTER
    assert list(claims.to_renew().values()) == [1, 1]
    await worker.end()
    worker.seconds.passed += RENEW_AFTER
    assert claims.to_renew() == {}


async def test_a_batch_that_waits_for_its_tokens_stays_its_processs_own(database: Database) -> None:
    pace = Pace(width=50, limit=Limit(name="line", rate=0.01, burst=1), batch=10)
    patient, other = Worker(database, Platform(pace), MemoryRates()), Worker(database)
    await put(database, "line:hana", "line:ren", source="a reminder")
    await patient.take()
    for _ in range(4):
        await pass_by(database, RENEW_AFTER + 1, patient, other)
        await patient.delivery.exchange([], 50)
        await other.delivery.recover()
    assert (patient.platform.was_asked.is_set(), await rows(database)) == (False, [(State.SENDING, 1)] * 2)
    for work in patient.works:
        work.cancel()
    await patient.end()
    assert await rows(database) == [(State.PENDING, 0)] * 2


async def test_a_process_that_wakes_up_shows_nothing_that_it_had_not_begun(database: Database) -> None:
    frozen, heir = Worker(database), Worker(database)
    await put(database, "line:hana")
    await frozen.take()
    await asyncio.wait_for(frozen.platform.was_asked.wait(), PATIENCE)  # it composes
    await pass_by(database, STALE_AFTER + 0.5, frozen, heir)
    await heir.delivery.recover()
    await heir.take()
    await frozen.end()
    assert (frozen.platform.shown, frozen.told, await rows(database)) == ([], [], [(State.SENDING, 2)])
    await heir.end()
    assert (heir.platform.shown, await rows(database)) == (["line:hana"], [(State.SENT, 2)])


async def test_a_process_that_wakes_up_before_others_took_over_gives_back_what_it_may_not_begin(
    database: Database,
) -> None:
    frozen = Worker(database)
    await put(database, "line:hana", attempts=MAX_ATTEMPTS - 1)
    groups = await frozen.delivery.exchange([], 50)
    await pass_by(database, STALE_AFTER + 0.5, frozen)
    await frozen.delivery.exchange([await frozen.delivery.run(group) for group in groups], 0)
    assert (frozen.platform.was_asked.is_set(), frozen.told) == (False, [])
    assert await rows(database) == [(State.PENDING, MAX_ATTEMPTS - 1)]


@pytest.mark.parametrize("result", [Later(problem="HTTP 500"), Fail(problem="HTTP 400")])
async def test_what_was_taken_over_is_not_ended_or_reported_by_its_first_process(
    database: Database, result: Result
) -> None:
    frozen, heir = Worker(database), Worker(database)
    await put(database, "line:hana")
    frozen.platform.result = result
    frozen.platform.let_go.set()
    frozen.platform.answers.clear()
    await frozen.take()
    await asyncio.wait_for(frozen.platform.was_posted.wait(), PATIENCE)
    await pass_by(database, STALE_AFTER + 0.5, frozen, heir)
    await heir.delivery.recover()
    await heir.take()
    frozen.platform.answers.set()
    await frozen.end()
    assert (frozen.told, await rows(database)) == ([], [(State.SENDING, 2)])
    await heir.end()


async def test_what_arrived_is_noted_though_it_was_taken_over_meanwhile(database: Database) -> None:
    frozen, heir = Worker(database), Worker(database)
    await put(database, "line:hana")
    [group] = await frozen.delivery.exchange([], 50)
    frozen.platform.let_go.set()
    done = await frozen.delivery.run(group)
    await pass_by(database, STALE_AFTER + 0.5, frozen, heir)
    await heir.delivery.recover()
    await frozen.delivery.exchange([done], 0)
    await heir.take()
    assert heir.works == []
    assert await rows(database) == [(State.SENT, 1)]


async def test_a_batch_of_which_one_was_taken_over_is_not_shown(database: Database) -> None:
    frozen, heir = Worker(database), Worker(database)
    await put(database, "line:hana", "line:ren", source="a reminder")
    await frozen.take()
    await pass_by(database, STALE_AFTER + 0.5, frozen, heir)
    await heir.delivery.recover()
    await heir.take()
    await frozen.end()
    await heir.end()
    assert (frozen.platform.shown, heir.platform.shown) == ([], ["line:hana", "line:ren"])
    assert await rows(database) == [(State.SENT, 2)] * 2


async def test_after_the_database_was_away_whoever_lives_may_renew_before_anybody_takes_over(
    database: Database,
) -> None:
    busy, other, dead = Worker(database), Worker(database), Worker(database)
    await put(database, "line:hana")
    await busy.take()
    await put(database, "line:ren")
    await dead.take()
    await other.delivery.exchange([], 0)
    await pass_by(database, STALE_AFTER + 1, busy, other)  # nobody reached it for so long
    await other.delivery.recover()
    await other.delivery.exchange([], 0)
    await other.delivery.recover()
    assert await rows(database) == [(State.SENDING, 1)] * 2
    await busy.delivery.exchange([], 0)
    await pass_by(database, RENEW_AFTER, busy, other)
    await other.delivery.exchange([], 0)
    await other.delivery.recover()
    assert await rows(database) == [(State.SENDING, 1), (State.PENDING, 1)]
    await busy.end()
    for work in dead.works:
        work.cancel()


async def test_a_send_that_breaks_us_is_found_by_others(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    worker, heir = Worker(database), Worker(database)
    await put(database, "line:hana")
    [group] = await worker.delivery.exchange([], 50)

    async def breaks(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    worker.platform.let_go.set()
    monkeypatch.setattr(worker.delivery, "_settled", breaks)
    with pytest.raises(RuntimeError):
        await worker.delivery.run(group)
    await pass_by(database, STALE_AFTER + 0.5, worker, heir)
    await worker.delivery.exchange([], 0)  # renews what it has
    await heir.delivery.recover()
    assert await rows(database) == [(State.PENDING, 1)]
