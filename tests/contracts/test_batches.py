"""Sends that say the very same go in one request, and only ever all together again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from knowledge.db import Database
from scheduler import claiming, outbox
from scheduler.outbox import Item, Outbox, Outcome, State

NOW = datetime(2026, 5, 10, 23, 20, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
SIZE = 5  # accounts of one request
SOURCE = "reminder-1/20260511T0820"


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Database]:
    """The same store, as another process sees it."""
    other = Database(database_url)
    yield other
    await other.close()


def a_send(
    name: str,
    *,
    source: str | None = SOURCE,
    variant: str | None = "P4",
    kind: str = "reminder",
    channel: str = "line",
    due_at: datetime = NOW,
    expires_at: datetime | None = None,
) -> Item:
    return Item(
        account_id=f"{channel}:{name}",
        kind=kind,
        payload={"name": name},
        due_at=due_at,
        created_at=NOW,
        expires_at=expires_at,
        source=source,
        variant=variant,
    )


async def put(database: Database, *items: Item) -> None:
    async with database.write() as connection:
        await outbox.put(connection, items)


async def claim(
    database: Database, *, now: datetime = NOW, room: int = 100, size: int = SIZE, channel: str = "line"
) -> list[Item]:
    async with database.write() as connection:
        return await claiming.claim(connection, {channel: size}, now, room)


async def settle(database: Database, *outcomes: Outcome) -> None:
    async with database.write() as connection:
        await outbox.settle(connection, outcomes)


async def put_off(database: Database, items: Sequence[Item], *, apart: bool = False, until: datetime = LATER) -> None:
    """The try came to nothing."""
    again = [
        Outcome(
            id=item.id,
            attempts=item.attempts,
            state=State.PENDING,
            due_at=until,
            batch=None if apart else item.batch,
            problem="HTTP 500",
        )
        for item in items
    ]
    await settle(database, *again)


async def cancel(database: Database, name: str) -> None:
    async with database.write() as connection:
        await outbox.cancel(connection, f"line:{name}", NOW, "the person blocked or left")


async def requeue(database: Database) -> int:
    async with database.write() as connection:
        return await claiming.requeue_stale(connection, None, ["line"])


def names(items: Sequence[Item]) -> str:
    return "".join(item.payload["name"] for item in items)


def requests(items: Sequence[Item]) -> list[str]:
    """Who goes together."""
    together: dict[str, list[Item]] = {}
    for item in items:
        together.setdefault(item.batch or item.id, []).append(item)
    return sorted(names(each) for each in together.values())


async def stored(database: Database) -> dict[str, Any]:
    async with database.read() as connection:
        rows = await connection.execute(select(Outbox.__table__).order_by(Outbox.id))
        return {row.payload["name"]: row for row in rows}


async def test_sends_of_one_source_and_variant_share_a_request(database: Database) -> None:
    await put(database, *(a_send(name) for name in "abc"))
    claimed = await claim(database)
    assert requests(claimed) == ["abc"]
    assert {row.batch for row in (await stored(database)).values()} == {claimed[0].batch}
    assert {item.attempts for item in claimed} == {1}


async def test_a_batch_is_gathered_beyond_the_room_of_the_claim_up_to_the_size_of_a_request(database: Database) -> None:
    await put(database, *(a_send(name) for name in "abcdefgh"))
    assert requests(await claim(database, room=2)) == ["abcde"]
    assert requests(await claim(database, room=2)) == ["fgh"]
    assert await claim(database) == []


async def test_more_than_one_request_takes_goes_in_several(database: Database) -> None:
    await put(database, *(a_send(name) for name in "abcdefghijkl"))
    assert requests(await claim(database)) == ["abcde", "fghij", "kl"]


async def test_what_differs_in_anything_goes_apart(database: Database) -> None:
    await put(
        database,
        a_send("a"),
        a_send("b", variant="P1"),
        a_send("c", source="reminder-2/20260511T0820"),
        a_send("d", kind="announcement"),
        a_send("e"),
    )
    claimed = await claim(database)
    assert requests(claimed) == ["ae", "b", "c", "d"]
    assert [item.batch for item in claimed if names([item]) in "bcd"] == [None] * 3


@pytest.mark.parametrize(("source", "variant"), [(SOURCE, None), (None, "P4")])
async def test_what_has_no_source_or_variant_goes_by_itself(
    database: Database, source: str | None, variant: str | None
) -> None:
    await put(database, *(a_send(name, source=source, variant=variant) for name in "ab"))
    assert requests(await claim(database)) == ["a", "b"]


async def test_a_channel_that_reaches_one_at_a_time_gets_one_at_a_time(database: Database) -> None:
    await put(database, *(a_send(name, channel="slack") for name in "ab"))
    claimed = await claim(database, channel="slack", size=1)
    assert (requests(claimed), [item.batch for item in claimed]) == (["a", "b"], [None, None])


async def test_what_goes_elsewhere_is_not_gathered(database: Database) -> None:
    await put(database, a_send("a"), a_send("b"), a_send("c", channel="slack"))
    assert requests(await claim(database, room=1)) == ["ab"]


async def test_what_is_not_due_yet_is_not_gathered(database: Database) -> None:
    await put(database, a_send("a"), a_send("b"), a_send("c", due_at=LATER))
    assert requests(await claim(database, room=1)) == ["ab"]


async def test_who_still_waits_for_an_older_message_is_not_gathered(database: Database) -> None:
    await put(database, a_send("b", source=None))
    (older,) = await claim(database)
    tried = Outcome(id=older.id, attempts=1, state=State.PENDING, due_at=LATER, problem="HTTP 500")
    await settle(database, tried)
    await put(database, *(a_send(name) for name in "abc"))
    assert requests(await claim(database)) == ["ac"]
    (first,) = await claim(database, now=LATER)
    await settle(database, Outcome(id=first.id, state=State.SENT, done_at=LATER))
    assert requests(await claim(database, now=LATER)) == ["b"]


async def test_two_equal_sends_to_one_account_are_two_requests(database: Database) -> None:
    await put(database, a_send("a"), a_send("b"), a_send("a"))
    first = await claim(database)
    assert requests(first) == ["ab"]
    await settle(database, *(Outcome(id=item.id, state=State.SENT, done_at=NOW) for item in first))
    assert requests(await claim(database)) == ["a"]


async def test_a_batch_is_tried_again_as_a_whole_with_the_key_it_had(database: Database) -> None:
    await put(database, *(a_send(name) for name in "abc"))
    first = await claim(database)
    await put_off(database, first)
    await put(database, *(a_send(name) for name in "de"))
    assert requests(await claim(database)) == ["de"]
    again = await claim(database, now=LATER, room=1)
    assert requests(again) == ["abc"]
    assert {item.batch for item in again} == {first[0].batch}
    assert {item.attempts for item in again} == {2}


async def test_newcomers_never_join_a_batch_that_was_tried(database: Database) -> None:
    await put(database, *(a_send(name) for name in "ab"))
    await put_off(database, await claim(database), until=NOW)
    await put(database, *(a_send(name) for name in "cd"))
    assert requests(await claim(database)) == ["ab", "cd"]


async def test_followers_are_never_taken_without_the_first(database: Database) -> None:
    await put(database, *(a_send(name) for name in "abc"))
    first = await claim(database)
    await put_off(database, first[1:], until=NOW)  # the first one is still under way
    assert await claim(database) == []


async def test_when_the_first_is_cancelled_the_next_one_leads(database: Database) -> None:
    await put(database, *(a_send(name) for name in "abcd"))
    first = await claim(database)
    await put_off(database, first)
    await cancel(database, "a")
    again = await claim(database, now=LATER, room=1)
    assert requests(again) == ["bcd"]
    assert {item.batch for item in again} == {first[0].batch}
    await put_off(database, again)
    for name in "bc":
        await cancel(database, name)
    (last,) = await claim(database, now=LATER)
    assert (names([last]), last.batch) == ("d", first[0].batch)


async def test_a_first_that_is_too_late_leaves_the_rest_together(database: Database) -> None:
    await put(database, *(a_send(name) for name in "abc"))
    first = await claim(database)
    late, *rest = first
    await settle(database, Outcome(id=late.id, attempts=1, state=State.SKIPPED, done_at=NOW, problem="too late"))
    await put_off(database, rest)
    assert requests(await claim(database, now=LATER, room=1)) == ["bc"]


async def test_one_that_is_held_does_not_stop_the_others(database: Database) -> None:
    await put(database, *(a_send(name) for name in "abc"))
    first, *rest = await claim(database)
    await settle(database, Outcome(id=first.id, attempts=1, state=State.HELD, problem="quota"))
    await put_off(database, rest)
    assert requests(await claim(database, now=LATER)) == ["bc"]


async def test_a_batch_that_came_apart_goes_singly_for_good(database: Database) -> None:
    await put(database, *(a_send(name) for name in "abc"))
    await put_off(database, await claim(database), apart=True)
    await put(database, *(a_send(name) for name in "de"))
    assert requests(await claim(database, now=LATER)) == ["a", "b", "c", "de"]
    rows = await stored(database)
    assert [rows[name].batch for name in "abc"] == [None] * 3


async def test_a_batch_whose_process_died_comes_back_whole(database: Database) -> None:
    await put(database, *(a_send(name) for name in "abc"))
    first = await claim(database)
    assert await requeue(database) == 3
    again = await claim(database, now=LATER, room=1)
    assert requests(again) == ["abc"]
    assert {item.batch for item in again} == {first[0].batch}


async def test_a_batch_known_to_have_arrived_is_not_sent_again_though_it_was_put_back(
    database: Database, other: Database
) -> None:
    await put(database, *(a_send(name) for name in "abc"))
    slow = await claim(database)
    await requeue(other)
    await settle(database, *(Outcome(id=item.id, state=State.SENT, done_at=NOW) for item in slow))
    assert await claim(other, now=LATER) == []


async def test_the_result_of_a_batch_that_another_process_took_over_does_not_free_it(
    database: Database, other: Database
) -> None:
    await put(database, *(a_send(name) for name in "abc"))
    slow = await claim(database)
    await requeue(other)
    assert requests(await claim(other, now=LATER)) == ["abc"]
    await put_off(database, slow, until=NOW)
    assert await claim(database, now=LATER) == []


async def test_what_is_held_may_keep_longer(database: Database) -> None:
    item = a_send("a", expires_at=NOW)
    await put(database, item)
    await claim(database)
    await settle(database, Outcome(id=item.id, attempts=1, state=State.HELD, expires_at=LATER, problem="quota"))
    async with database.read() as connection:
        waiting = await claiming.held(connection, ["line:a"])
    assert [each.expires_at for each in waiting["line:a"]] == [LATER]


async def test_two_processes_at_once_gather_everybody_once(database: Database, other: Database) -> None:
    await put(database, *(a_send(f"{n},", source=f"s{n % 3}") for n in range(200)))

    async def work(store: Database) -> list[Item]:
        taken: list[Item] = []
        while items := await claim(store, room=3, size=7):
            taken += items
        return taken

    shares = await asyncio.gather(work(database), work(other), work(database), work(other))
    claimed = [item for share in shares for item in share]
    assert sorted(item.payload["name"] for item in claimed) == sorted(f"{n}," for n in range(200))
    rows = await stored(database)
    for share in shares:  # nobody holds a part of what another one stamped
        for batch in {item.batch for item in share if item.batch is not None}:
            mine = {item.id for item in share if item.batch == batch}
            assert mine == {row.id for row in rows.values() if row.batch == batch}
            assert len({item.source for item in share if item.batch == batch}) == 1


async def test_two_processes_at_once_never_split_a_batch_that_is_tried_again(
    database: Database, other: Database
) -> None:
    await put(database, *(a_send(f"{n},") for n in range(120)))
    batches = {item.id: item.batch for item in await claim(database, room=120, size=6)}
    for attempt in range(2, 5):
        shares: list[list[Item]] = [[], []]
        await requeue(database)

        async def work(store: Database, share: list[Item]) -> None:
            while items := await claim(store, now=LATER, room=2, size=6):
                share += items

        await asyncio.gather(work(database, shares[0]), work(other, shares[1]), cancel(other, f"{attempt},"))
        mine, theirs = ({item.batch for item in share} for share in shares)
        assert not mine & theirs
        claimed = [item for share in shares for item in share]
        assert {item.id: item.batch for item in claimed}.items() <= batches.items()
        assert {item.attempts for item in claimed} == {attempt}
        assert len(claimed) >= 120 - attempt
        async with database.write() as connection:
            await claiming.requeue_stale(connection, None, ["line"])
