"""The inbox: what was acknowledged is stored, once, whatever came in it and however often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant import inbox
from assistant.inbox import Inbox, InboxEvent, InboxState, RawEvent, forget_message
from knowledge.db import Database
from knowledge.errors import StorageDownError
from knowledge.records.accounts import Account
from scheduler.engines.inline import InlineQueue

NOW = datetime(2026, 5, 10, 23, 20, tzinfo=UTC)
HANA = "line:hana"


class FailingDatabase(Database):
    """A store that can be away: it then refuses, or hangs until it is back."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.refuses = False
        self.is_there = asyncio.Event()
        self.is_there.set()

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        await self.is_there.wait()
        if self.refuses:
            raise StorageDownError("away")
        async with super().write() as connection:
            yield connection


@pytest.fixture
async def failing(database_url: str) -> AsyncIterator[FailingDatabase]:
    database = FailingDatabase(database_url)
    yield database
    database.is_there.set()
    await database.close()


def an_event(
    number: int, text: str = "こんにちは", *, account: str | None = HANA, is_for_us: bool = True, at: datetime = NOW
) -> RawEvent:
    body = {"type": "message", "message": {"id": str(number), "type": "text", "text": text}}
    return RawEvent(
        event_id=f"line:{number}", channel="line", account_id=account, occurred_at=at, body=body, is_for_us=is_for_us
    )


def an_inbox(database: Database) -> Inbox:
    return Inbox(database, lambda: NOW, InlineQueue(lambda: None))


async def stored(database: Database) -> dict[str, Mapping[str, Any]]:
    """The rows by their event's id."""
    async with database.read() as connection:
        rows = await connection.execute(select(InboxEvent.__table__))
        return {row["event_id"]: {**row} for row in rows.mappings()}


@contextmanager
def counted_commits(database: Database) -> Generator[list[object]]:
    commits: list[object] = []
    note = commits.append  # one object, or it could not be taken off again
    event.listen(database.write_engine.sync_engine, "commit", note)
    yield commits
    event.remove(database.write_engine.sync_engine, "commit", note)


async def test_an_event_is_stored_as_it_came_with_its_account(database: Database) -> None:
    happened = NOW - timedelta(seconds=3)
    await an_inbox(database).receive([an_event(1, at=happened)])
    row = (await stored(database))["line:1"]
    assert row["body"] == an_event(1).body
    assert (row["account_id"], row["channel"], row["state"]) == (HANA, "line", InboxState.NEW)
    assert (row["occurred_at"], row["received_at"], row["attempts"]) == (happened, NOW, 0)
    async with database.read() as connection:
        account = (await connection.execute(select(Account.id, Account.channel, Account.reachable))).one()
    assert tuple(account) == (HANA, "line", True)


async def test_no_events_store_nothing(database: Database) -> None:
    woken: list[bool] = []
    await Inbox(database, lambda: NOW, InlineQueue(lambda: woken.append(True))).receive([])
    assert (await stored(database), woken) == ({}, [])


async def test_the_turns_are_woken_after_the_commit(database: Database) -> None:
    woken = asyncio.Event()
    await Inbox(database, lambda: NOW, InlineQueue(woken.set)).receive([an_event(1)])
    async with asyncio.timeout(1):
        await woken.wait()
    assert len(await stored(database)) == 1


async def test_what_is_not_for_us_and_what_is_from_nobody_is_kept_but_never_handled(database: Database) -> None:
    await an_inbox(database).receive([an_event(1, is_for_us=False), an_event(2, account=None)])
    assert {row["state"] for row in (await stored(database)).values()} == {InboxState.IGNORED}


async def test_many_webhooks_at_once_share_few_transactions(database: Database) -> None:
    box = an_inbox(database)
    with counted_commits(database) as commits:
        await asyncio.gather(*(box.receive([an_event(n, account=f"line:{n}")]) for n in range(300)))
    assert len(await stored(database)) == 300
    assert len(commits) <= 3


async def test_each_webhook_waits_for_its_own_events_only_until_they_are_committed(
    database: Database, database_url: str
) -> None:
    other = Database(database_url)
    box = an_inbox(database)

    async def receive(number: int) -> bool:
        await box.receive([an_event(number)])
        return f"line:{number}" in await stored(other)

    assert all(await asyncio.gather(*(receive(n) for n in range(20))))
    await other.close()


async def test_the_same_event_many_times_at_once_is_stored_once(database: Database) -> None:
    box = an_inbox(database)
    await asyncio.gather(*(box.receive([an_event(1), an_event(1)]) for _ in range(20)))
    assert list(await stored(database)) == ["line:1"]


async def test_an_event_that_comes_again_leaves_the_first_as_it_is(database: Database) -> None:
    await an_inbox(database).receive([an_event(1, "first")])
    async with database.write() as connection:
        await connection.execute(update(InboxEvent).values(state=InboxState.DONE, attempts=1))
    before = await stored(database)
    await an_inbox(database).receive([an_event(1, "second")])
    assert await stored(database) == before


async def test_an_account_is_kept_as_it_is_when_more_comes_from_it(database: Database) -> None:
    box = an_inbox(database)
    await box.receive([an_event(1)])
    async with database.write() as connection:
        await connection.execute(update(Account).values(reachable=False))
    for again in (box, an_inbox(database)):
        await again.receive([an_event(2)])
    async with database.read() as connection:
        assert (await connection.execute(select(Account.id, Account.reachable))).all() == [(HANA, False)]


async def test_two_processes_that_get_the_same_events_in_opposite_order_store_each_once(
    database: Database, database_url: str
) -> None:
    other = Database(database_url)
    events = [an_event(n, account=f"line:{n}") for n in range(300)]
    await asyncio.gather(an_inbox(database).receive(events), an_inbox(other).receive(events[::-1]))
    await other.close()
    assert len(await stored(database)) == 300


async def test_a_store_that_hangs_is_given_up_in_time_and_the_event_comes_in_later(
    failing: FailingDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "PATIENCE", 0.03)
    box = an_inbox(failing)
    failing.is_there.clear()
    async with asyncio.timeout(1):
        results = await asyncio.gather(*(box.receive([an_event(n)]) for n in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [StorageDownError] * 3
    failing.is_there.set()
    monkeypatch.setattr(inbox, "PATIENCE", 5.0)
    await asyncio.gather(*(box.receive([an_event(n)]) for n in range(3)))  # the platform sends them again
    assert sorted(await stored(failing)) == ["line:0", "line:1", "line:2"]


async def test_a_connection_that_is_dead_and_does_not_say_so_is_not_waited_for_without_end(
    failing: FailingDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiving = an_inbox(failing)
    failing.is_there.clear()
    with monkeypatch.context() as patch, pytest.raises(StorageDownError):
        patch.setattr(inbox, "LONGEST_COMMIT", 0.05)
        await receiving.receive([an_event(1)])
    failing.is_there = asyncio.Event()  # the next connection is another one: the first one is never heard of again
    failing.is_there.set()
    await receiving.receive([an_event(1)])
    assert {*await stored(failing)} == {"line:1"}


async def test_a_store_that_refuses_is_told_and_the_event_is_stored_when_it_comes_again(
    failing: FailingDatabase,
) -> None:
    woken: list[bool] = []
    box = Inbox(failing, lambda: NOW, InlineQueue(lambda: woken.append(True)))
    failing.refuses = True
    with pytest.raises(StorageDownError):
        await box.receive([an_event(1)])
    assert woken == []
    failing.refuses = False
    await box.receive([an_event(1)])
    assert list(await stored(failing)) == ["line:1"]


async def test_an_account_whose_first_event_was_not_stored_is_stored_with_the_next(failing: FailingDatabase) -> None:
    box = an_inbox(failing)
    failing.refuses = True
    with pytest.raises(StorageDownError):
        await box.receive([an_event(1)])
    failing.refuses = False
    await box.receive([an_event(2)])
    async with failing.read() as connection:
        assert (await connection.scalars(select(Account.id))).all() == [HANA]


async def test_a_webhook_whose_caller_went_away_is_stored_all_the_same(failing: FailingDatabase) -> None:
    box = an_inbox(failing)
    failing.is_there.clear()
    gone = asyncio.create_task(box.receive([an_event(1)]))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    failing.is_there.set()
    await box.receive([an_event(2)])
    assert sorted(await stored(failing)) == ["line:1", "line:2"]


@pytest.mark.parametrize(
    "text",
    [
        "a\x00b",
        "\x00",
        "\x01\x1f\x7f\x85\u2028\u2029",
        "👩‍👩‍👧‍👦🏳️‍🌈🇯🇵",
        "か\u3099く\u3099",
        "𠮷野家 辻󠄀",
        "\u202eabc\u202c\u200b\ufeff",
        "\uffff\U0010ffff",
        "\\u0000 \\ \" ' ; -- %s :name {x}",
        "長" * 100_000,
    ],
)
async def test_any_text_is_stored_as_it_came(database: Database, text: str) -> None:
    await an_inbox(database).receive([an_event(1, text)])
    assert (await stored(database))["line:1"]["body"]["message"]["text"] == text


@pytest.mark.parametrize(
    "poison",
    [
        RawEvent(event_id="line:a\x00b", channel="line", account_id=HANA, occurred_at=NOW, body={}),
        RawEvent(event_id="line:x", channel="line", account_id="line:a\x00b", occurred_at=NOW, body={}),
        RawEvent(event_id="line:" + "x" * 300, channel="line", account_id=HANA, occurred_at=NOW, body={}),
        RawEvent(event_id="line:x", channel="line", account_id=HANA, occurred_at=NOW, body={"text": "\ud83d"}),
    ],
    ids=["a NUL in the id", "a NUL in the account", "an id that is too long", "half a surrogate pair"],
)
async def test_an_event_that_cannot_be_stored_does_not_take_the_others_with_it(
    database: Database, poison: RawEvent
) -> None:
    box = an_inbox(database)
    await asyncio.gather(
        box.receive([an_event(1)]), box.receive([poison]), box.receive([an_event(2)]), return_exceptions=True
    )
    assert {"line:1", "line:2"} <= set(await stored(database))


async def test_a_message_that_was_taken_back_is_struck_and_its_text_returned(database: Database) -> None:
    await an_inbox(database).receive([an_event(1, "まちがい"), an_event(2, "のこる"), an_event(3, account="line:ren")])
    async with database.write() as connection:
        (found,) = await forget_message(connection, HANA, "1")
        assert found.text == "まちがい"
    rows = await stored(database)
    assert "まちがい" not in str(rows["line:1"]["body"])
    assert rows["line:1"]["body"]["message"] == {"id": "1", "type": "withdrawn"}
    assert rows["line:2"]["body"] == an_event(2, "のこる").body


async def test_a_message_is_forgotten_once_and_only_by_its_own_account(database: Database) -> None:
    await an_inbox(database).receive([an_event(1, "ひみつ")])
    async with database.write() as connection:
        assert await forget_message(connection, "line:ren", "1") == []
        assert await forget_message(connection, HANA, "9") == []
        (found,) = await forget_message(connection, HANA, "1")
        assert found.text == "ひみつ"
        assert await forget_message(connection, HANA, "1") == []


async def test_bodies_of_another_shape_do_not_hinder_forgetting(database: Database) -> None:
    odd: list[dict[str, Any]] = [{}, {"message": None}, {"message": "1"}, {"message": []}, {"message": {"id": 1}}]
    events = [
        RawEvent(event_id=f"odd:{n}", channel="line", account_id=HANA, occurred_at=NOW, body=body)
        for n, body in enumerate(odd)
    ]
    await an_inbox(database).receive([an_event(1, "まちがい"), *events])
    async with database.write() as connection:
        (found,) = await forget_message(connection, HANA, "1")
        assert found.text == "まちがい"
