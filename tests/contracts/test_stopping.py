"""A process that stops: what it had claimed is sent, or given back to be sent by others at once, with the same key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from knowledge.db import Database
from scheduler import outbox
from scheduler.delivery import Delivery, Result, Sent
from scheduler.outbox import Item, Outbox, State
from scheduler.rates import Pace

NOW = datetime(2026, 5, 11, tzinfo=UTC)
PATIENCE = 60.0  # seconds after which a test gives up


class Platform:
    """Answers when it is let go."""

    batch_size = 500

    def __init__(self) -> None:
        self.pace = Pace(width=50)
        self.asked: list[Sequence[str]] = []
        self.let_go = asyncio.Event()
        self.was_asked = asyncio.Event()

    def answers_for_free(self, item: Item) -> bool:
        return False

    async def send(self, items: Sequence[Item], may_begin: Callable[[], bool]) -> Result:
        self.asked.append([item.account_id for item in items])
        self.was_asked.set()
        await self.let_go.wait()
        return Sent()

    async def send_batch(self, items: Sequence[Item], may_begin: Callable[[], bool]) -> Result:
        return await self.send(items, may_begin)


async def put(database: Database, *accounts: str, source: str | None = None) -> None:
    async with database.write() as connection:
        await outbox.put(
            connection,
            [
                Item(
                    account_id=account, kind="x", payload={}, due_at=NOW, created_at=NOW,
                    source=source, variant=None if source is None else "v",
                )
                for account in accounts
            ],
        )  # fmt: skip


async def rows(database: Database) -> Sequence[tuple[State, str | None]]:
    async with database.read() as connection:
        found = await connection.execute(select(Outbox.state, Outbox.batch).order_by(Outbox.id))
        return [(State(state), batch) for state, batch in found]


async def at_work(database: Database, platform: Platform) -> Delivery:
    """What delivers, with a request under way."""
    delivery = Delivery(database, "line", platform, lambda: NOW)
    delivery.pipeline.start()
    async with asyncio.timeout(PATIENCE):
        await platform.was_asked.wait()
    return delivery


async def test_what_is_answered_in_time_is_sent(database: Database) -> None:
    platform = Platform()
    await put(database, "line:U1")
    delivery = await at_work(database, platform)
    stopping = asyncio.create_task(delivery.pipeline.stop())
    platform.let_go.set()
    await stopping
    assert await rows(database) == [(State.SENT, None)]


async def test_what_is_not_answered_in_time_is_given_back_and_sent_by_another(database: Database) -> None:
    await put(database, "line:U1")
    delivery = await at_work(database, Platform())
    await delivery.pipeline.stop(grace=0.05)
    assert await rows(database) == [(State.PENDING, None)]
    heir = Platform()
    heir.let_go.set()
    await (await at_work(database, heir)).pipeline.stop()
    assert await rows(database) == [(State.SENT, None)]


async def test_a_batch_is_given_back_whole_and_tried_again_with_its_key(database: Database) -> None:
    await put(database, "line:U1", "line:U2", "line:U3", source="a reminder")
    delivery = await at_work(database, first := Platform())
    claimed = await rows(database)
    await delivery.pipeline.stop(grace=0.05)
    given_back = await rows(database)
    assert [state for state, _ in given_back] == [State.PENDING] * 3
    assert [batch for _, batch in given_back] == [batch for _, batch in claimed]
    heir = Platform()
    heir.let_go.set()
    await (await at_work(database, heir)).pipeline.stop()
    assert heir.asked == first.asked


async def test_what_an_exchange_claims_while_it_is_stopped_is_still_sent(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = Platform()
    platform.let_go.set()
    await put(database, "line:U1")
    delivery = Delivery(database, "line", platform, lambda: NOW)
    claimed, go_on = asyncio.Event(), asyncio.Event()
    exchange = delivery.pipeline._exchange

    async def slow(done: object, room: int) -> object:
        groups = await exchange(done, room)  # pyright: ignore[reportArgumentType] -- handed through
        claimed.set()
        await go_on.wait()
        return groups

    monkeypatch.setattr(delivery.pipeline, "_exchange", slow)
    delivery.pipeline.start()
    await claimed.wait()
    stopping = asyncio.create_task(delivery.pipeline.stop())
    await asyncio.sleep(0)
    go_on.set()
    await stopping
    assert await rows(database) == [(State.SENT, None)]
