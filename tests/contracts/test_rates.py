"""The buckets: never more than a platform takes, whoever spends, in one process or in many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from knowledge.db import Database, upsert
from scheduler import outbox
from scheduler.delivery import Delivery, Later, Result, Sent
from scheduler.outbox import Item, Outbox, State
from scheduler.rates import LONGEST_DEBT, Limit, MemoryRates, Pace, RateBucket, Rates, TableRates

NOW = datetime(2026, 5, 10, 23, 20, tzinfo=UTC)
BURST = 60.0
NAMES = (f"bucket {number}" for number in count())


class World(Protocol):
    """Processes that share buckets, and the time that passes for all of them."""

    def process(self, offset: float = 0.0) -> Rates: ...

    async def pass_by(self, seconds: float) -> None: ...

    def set_own_clock(self, number: int, seconds: float) -> None:
        """The clock by which one process reckons jumps."""
        ...


class OneProcess:
    """In memory: whoever spends is in the same process, whose clock nobody sets."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._rates = MemoryRates(lambda: self._now)

    def process(self, offset: float = 0.0) -> Rates:
        return self._rates

    async def pass_by(self, seconds: float) -> None:
        self._now += seconds

    def set_own_clock(self, number: int, seconds: float) -> None:
        pass


class ManyProcesses:
    """In PostgreSQL, whose clock is moved by hand; each process has another."""

    CLOCK = "the database's clock"

    def __init__(self, database: Database) -> None:
        self._database = database
        self._passed = 0.0
        self._jumps: list[float] = []

    def process(self, offset: float = 0.0) -> Rates:
        number = len(self._jumps)
        self._jumps.append(offset)
        clock = f"(SELECT refilled_at FROM rate_buckets WHERE name = '{self.CLOCK.replace(chr(39), chr(39) * 2)}')"
        return TableRates(self._database, lambda: self._passed + self._jumps[number], clock)

    async def pass_by(self, seconds: float) -> None:
        self._passed += seconds
        await self.set_clock(self._passed)

    async def set_clock(self, seconds: float) -> None:
        at = NOW + timedelta(seconds=seconds)
        async with self._database.write() as connection:
            row = {"name": self.CLOCK, "tokens": 0.0, "refilled_at": at}
            await upsert(connection, RateBucket, [row], key=["name"], update=["refilled_at"])

    def set_own_clock(self, number: int, seconds: float) -> None:
        self._jumps[number] += seconds


@pytest.fixture
async def world(database: Database) -> World:
    world = OneProcess() if database.is_sqlite else ManyProcesses(database)
    await world.pass_by(0.0)
    return world


def a_limit(rate: float = 10.0, burst: float = BURST) -> Limit:
    return Limit(name=next(NAMES), rate=rate, burst=burst)


async def test_after_a_rest_a_burst_goes_at_once_and_what_follows_waits_its_turn(world: World) -> None:
    rates, limit = world.process(), a_limit()
    assert rates.allowance(limit) == BURST
    spent = await rates.spend(limit, BURST + 3)
    assert spent.is_granted
    assert spent.left == -3
    assert spent.waits([BURST, 1, 2], limit) == pytest.approx([0.0, 0.1, 0.3])


async def test_tokens_come_back_with_time_and_never_more_than_the_bucket_holds(world: World) -> None:
    rates, limit = world.process(), a_limit()
    await rates.spend(limit, BURST)
    await world.pass_by(2.0)
    assert rates.allowance(limit) == pytest.approx(20)
    assert (await rates.spend(limit, 5)).left == pytest.approx(15)
    await world.pass_by(3600.0)
    assert (await rates.spend(limit, 1)).left == pytest.approx(BURST - 1)


async def test_each_bucket_is_its_own(world: World) -> None:
    rates, line, slack = world.process(), a_limit(), a_limit()
    await rates.spend(line, BURST)
    assert rates.allowance(slack) == BURST
    assert (await rates.spend(slack, 1)).left == BURST - 1


async def test_nothing_more_is_lent_to_whoever_is_far_behind_and_nothing_is_taken(world: World) -> None:
    rates, limit = world.process(), a_limit()
    await rates.spend(limit, BURST + LONGEST_DEBT * limit.rate)
    refused = await rates.spend(limit, 5)
    assert not refused.is_granted
    assert refused.left == pytest.approx(-LONGEST_DEBT * limit.rate)
    await world.pass_by(LONGEST_DEBT)
    assert (await rates.spend(limit, 1)).left == pytest.approx(-1)


async def test_a_pause_holds_for_everybody_and_ends_by_itself(world: World) -> None:
    asked, other, limit = world.process(), world.process(), a_limit()
    await other.spend(limit, 1)
    await asked.pause(limit, 30.0)
    assert asked.allowance(limit) == pytest.approx(-300)
    assert not (await other.spend(limit, 1)).is_granted
    assert other.allowance(limit) == pytest.approx(-300)  # now it knows, too
    await world.pass_by(30.5)
    assert other.allowance(limit) == pytest.approx(5)
    assert (await other.spend(limit, 5)).left == pytest.approx(0)


async def test_a_short_pause_does_not_end_a_long_one(world: World) -> None:
    rates, limit = world.process(), a_limit()
    await rates.pause(limit, 30.0)
    await world.pass_by(10.0)
    await rates.pause(limit, 1.0)
    assert rates.allowance(limit) == pytest.approx(-200)


async def test_a_process_learns_what_others_took_when_it_spends(world: World) -> None:
    one, other, limit = world.process(), world.process(), a_limit()
    await one.spend(limit, 50)
    spent = await other.spend(limit, 15)
    assert spent.left == pytest.approx(-5)
    assert spent.waits([5, 5, 5], limit) == pytest.approx([0.0, 0.0, 0.5])


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_database_clock_that_is_set_back_stops_nothing_and_gives_nothing(database: Database) -> None:
    world, limit = ManyProcesses(database), a_limit()
    await world.pass_by(3600.0)
    rates = world.process()
    await rates.spend(limit, BURST)
    await world.set_clock(0.0)
    assert (await rates.spend(limit, 1)).left == pytest.approx(-1)
    await world.set_clock(0.5)
    assert (await rates.spend(limit, 1)).left == pytest.approx(3)


STEP = st.tuples(
    st.integers(0, 3),  # which process
    st.sampled_from([0.0, 0.0, 0.01, 0.1, 0.5, 3.0]),  # seconds that pass before
    st.lists(st.sampled_from([1.0, 1.0, 10.0, 20.0]), min_size=1, max_size=8),  # what it wants to send
    st.sampled_from([0.0, 0.0, 0.0, -100.0, 0.3, 5.0, 1e6]),  # how its own clock jumps
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(STEP, min_size=5, max_size=30),
    rate=st.sampled_from([5.0, 100.0]),
    burst=st.sampled_from([20.0, 60.0, 300.0]),
    pauses=st.dictionaries(st.integers(0, 29), st.sampled_from([0.5, 1.0, 30.0]), max_size=2),
)
async def test_no_span_of_time_ever_sees_more_than_its_rate_and_one_burst(
    world: World,
    steps: list[tuple[int, float, list[float], float]],
    rate: float,
    burst: float,
    pauses: dict[int, float],
) -> None:
    limit = a_limit(rate, burst)
    first = world.process()
    processes = [first, *(world.process() for _ in range(3))]
    own = len(getattr(world, "_jumps", [])) - len(processes)
    used: list[tuple[float, float]] = []  # when, tokens
    quiet: list[tuple[float, float]] = []  # from, until: granted within, nothing may go
    now = 0.0
    for number, (which, passing, costs, jump) in enumerate(steps):
        await world.pass_by(passing)
        now += passing
        if number in pauses:
            await processes[which].pause(limit, pauses[number])
            quiet.append((now, now + pauses[number]))
        if processes[which].allowance(limit) >= 1:
            spent = await processes[which].spend(limit, sum(costs))
            if spent.is_granted:
                sent = [(now + wait, cost) for wait, cost in zip(spent.waits(costs, limit), costs, strict=True)]
                used += sent
                for start, end in quiet:
                    assert all(not start <= at < end - 1e-6 for at, _ in sent)
        world.set_own_clock(own + which, jump)
    _assert_within(used, rate, burst)


def _assert_within(used: Sequence[tuple[float, float]], rate: float, burst: float) -> None:
    """No two moments have more between them than the limit allows."""
    used = sorted(used)
    for start, (begun, _) in enumerate(used):
        total = 0.0
        for at, cost in used[start:]:
            total += cost
            assert total <= rate * (at - begun) + burst + 1e-3, f"{total} in {at - begun} s"


class Platform:
    """Takes whatever it is given, unless it has had too much, and notes when it came."""

    batch_size = 1

    def __init__(self, limit: Limit, width: int = 50) -> None:
        self.pace = Pace(width=width, limit=limit)
        self.got: list[tuple[float, float]] = []
        self.names: list[str] = []
        self.answers: list[Result] = []  # the next ones; then ``Sent``

    def answers_for_free(self, item: Item) -> bool:
        return False

    async def send(self, items: Sequence[Item], may_begin: Callable[[], bool]) -> Result:
        self.got.append((asyncio.get_running_loop().time(), 1.0))
        self.names.append(items[-1].payload["name"])
        return self.answers.pop(0) if self.answers else Sent()

    async def send_batch(self, items: Sequence[Item], may_begin: Callable[[], bool]) -> Result:
        raise AssertionError("nothing here goes to many")


def a_delivery(database: Database, platform: Platform, rates: Rates) -> Delivery:
    return Delivery(database, "line", platform, lambda: NOW, rates=rates)


async def put(database: Database, *names: str) -> None:
    async with database.write() as connection:
        await outbox.put(
            connection,
            [Item(account_id=f"line:{n}", kind="x", payload={"name": n}, due_at=NOW, created_at=NOW) for n in names],
        )


async def rows(database: Database) -> list[Any]:
    async with database.read() as connection:
        return list(await connection.execute(select(Outbox.__table__).order_by(Outbox.id)))


async def until(database: Database, state: State, number: int) -> None:
    async with asyncio.timeout(60):
        while sum(row.state == state for row in await rows(database)) < number:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_several_workers_together_send_no_faster_than_the_platform_takes(
    database: Database, database_url: str
) -> None:
    platform = Platform(Limit(name="line", rate=100, burst=20))
    await put(database, *(f"u{number:03}" for number in range(150)))
    others = [Database(database_url, connections=3) for _ in range(3)]
    workers = [a_delivery(each, platform, TableRates(each)) for each in others]
    for worker in workers:
        worker.pipeline.start()
    await until(database, State.SENT, 150)
    for worker, each in zip(workers, others, strict=True):
        await worker.pipeline.stop()
        await each.close()
    assert sorted(platform.names) == sorted({*platform.names})
    _assert_within(platform.got, 100, 20 + 30)  # timers of a busy machine are late by some tenths of a second
    assert platform.got[-1][0] - platform.got[0][0] < 30.0  # nor does it come to a halt: 1.3 s at full speed


async def test_a_platform_that_asks_to_wait_is_left_in_peace_and_what_waits_keeps_its_tries(
    database: Database, world: World
) -> None:
    platform = Platform(Limit(name="line", rate=5, burst=5), width=1)
    platform.answers = [Later(problem="HTTP 429", after=30.0, too_fast=True)]
    here, elsewhere = (a_delivery(database, platform, world.process()) for _ in range(2))
    await put(database, *(f"u{number}" for number in range(8)))
    await here.pipeline.drain()
    await elsewhere.pipeline.drain()
    assert platform.names == ["u0"]
    assert [row.attempts for row in await rows(database)] == [1, *[0] * 7]
    assert {row.state for row in await rows(database)} == {State.PENDING}
    await world.pass_by(31.0)
    await here.pipeline.drain()
    assert platform.names == ["u0", "u1", "u2", "u3", "u4", "u5"]


async def test_what_could_not_be_paid_goes_back_as_it_was_and_keeps_its_place(database: Database, world: World) -> None:
    limit = Limit(name="line", rate=5, burst=5)
    platform = Platform(limit)
    late = a_delivery(database, platform, world.process())
    await world.process().pause(limit, 30.0)
    await put(database, "u0", "u1")
    async with database.write() as connection:
        second = Item(account_id="line:u0", kind="x", payload={"name": "u0 too"}, due_at=NOW, created_at=NOW)
        await outbox.put(connection, [second])
    await late.pipeline.drain()  # it has not heard of the pause
    assert platform.names == []
    assert {(row.state, row.attempts, row.due_at) for row in await rows(database)} == {(State.PENDING, 0, NOW)}
    await world.pass_by(31.0)
    await late.pipeline.drain()
    assert platform.names == ["u0", "u1", "u0 too"]


async def test_the_next_goes_out_as_soon_as_there_is_a_token(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.engines.inline.SWEEP", 3600.0)
    platform = Platform(Limit(name="line", rate=20, burst=1))
    delivery = a_delivery(database, platform, MemoryRates())
    await put(database, "u0", "u1", "u2")
    delivery.pipeline.start()
    await until(database, State.SENT, 3)
    await delivery.pipeline.stop()
    assert 0.09 < platform.got[-1][0] - platform.got[0][0] < 1.0
