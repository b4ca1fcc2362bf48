"""The outbox: what every database must keep of it, whoever claims and settles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, update

from knowledge.db import Database, Moment
from scheduler import claiming, outbox
from scheduler.claims import STALE_AFTER
from scheduler.outbox import Item, Outbox, Outcome, State

NOW = datetime(2026, 5, 10, 23, 20, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
ROOM = 100
HANA, REN = "line:hana", "line:ren"


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Database]:
    """The same store, as another process sees it."""
    other = Database(database_url)
    yield other
    await other.close()


def a_send(text: str, account: str = HANA, *, due_at: datetime = NOW, key: str | None = None) -> Item:
    payload = {"text": text}
    return Item(account_id=account, kind="messages", payload=payload, due_at=due_at, created_at=NOW, key=key)


async def put(database: Database, *items: Item) -> None:
    async with database.write() as connection:
        await outbox.put(connection, items)


async def claim(
    database: Database,
    *,
    now: datetime = NOW,
    room: int = ROOM,
    only: str | None = None,
    channel: str = "line",
    size: int = 1,
    planned: int | None = None,
) -> list[Item]:
    async with database.write() as connection:
        return await claiming.claim(connection, {channel: size}, now, room, only, planned)


async def settle(database: Database, *outcomes: Outcome) -> None:
    async with database.write() as connection:
        await outbox.settle(connection, outcomes)


def sent(item: Item) -> Outcome:
    return Outcome(id=item.id, state=State.SENT, done_at=NOW)


def again(item: Item, at: datetime) -> Outcome:
    return Outcome(id=item.id, attempts=item.attempts, state=State.PENDING, due_at=at, problem="HTTP 500")


def on_hold(item: Item) -> Outcome:
    return Outcome(id=item.id, attempts=item.attempts, state=State.HELD, problem="quota")


def texts(items: Sequence[Item]) -> list[str]:
    return [item.payload["text"] for item in items]


async def stored(database: Database, item: Item) -> Any:
    async with database.read() as connection:
        return (await connection.execute(select(Outbox.__table__).where(Outbox.id == item.id))).one()


async def test_what_was_put_is_claimed_as_it_was(database: Database) -> None:
    item = a_send("花さん、おはよう 🌞\x00", key="prompt:1")
    await put(database, item)
    (claimed,) = await claim(database)
    assert (claimed.id, claimed.key, claimed.payload, claimed.account_id) == (item.id, item.key, item.payload, HANA)
    assert (claimed.due_at, claimed.created_at, claimed.expires_at) == (NOW, NOW, None)
    assert claimed.attempts == 1


async def test_what_was_put_in_a_transaction_that_failed_is_not_there(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.write() as connection:
            await outbox.put(connection, [a_send("a")])
            raise RuntimeError("the turn was not stored")
    assert await claim(database) == []


async def test_nothing_put_nothing_settled_and_nobody_named_do_nothing(database: Database) -> None:
    async with database.write() as connection:
        await outbox.put(connection, [])
        await outbox.settle(connection, [])
        assert await claiming.held(connection, []) == {}
        assert await claiming.claim(connection, {}, NOW, ROOM) == []


async def test_a_reply_goes_before_the_prompts_of_a_whole_school(database: Database) -> None:
    prompts = [a_send(f"prompt {n}", f"line:child-{n}", key=f"prompt:{n}") for n in range(ROOM)]
    await put(database, *prompts, a_send("an answer"))
    assert texts(await claim(database, room=1)) == ["an answer"]


async def test_room_is_kept_free_for_replies(database: Database) -> None:
    prompts = [a_send(f"prompt {n}", f"line:child-{n}", key=f"prompt:{n}") for n in range(ROOM)]
    await put(database, *prompts)
    assert len(await claim(database, planned=0)) == 0
    assert len(await claim(database, planned=2)) == 2
    await put(database, a_send("an answer"))
    assert texts(await claim(database, planned=0)) == ["an answer"]


async def test_a_reply_overtakes_the_childs_own_prompt_only_before_it_was_begun(database: Database) -> None:
    await put(database, a_send("a prompt", key="prompt:1"), a_send("an answer"))
    assert texts(await claim(database, planned=0)) == ["an answer"]
    assert texts(await claim(database)) == ["a prompt"]
    other = "line:other"
    await put(database, a_send("a prompt", other, key="prompt:2"))
    (prompt,) = await claim(database)
    await put(database, a_send("an answer", other))
    assert await claim(database) == []
    await settle(database, again(prompt, LATER))
    assert await claim(database) == []
    assert texts(await claim(database, now=LATER)) == ["a prompt"]


async def test_what_is_planned_for_later_does_not_stand_in_the_way(database: Database) -> None:
    await put(database, a_send("a report for this evening", due_at=LATER), a_send("an answer"))
    assert texts(await claim(database)) == ["an answer"]


async def test_what_is_claimed_is_not_claimed_again(database: Database) -> None:
    await put(database, a_send("a"))
    assert texts(await claim(database)) == ["a"]
    assert await claim(database) == []


async def test_nothing_is_claimed_before_it_is_due(database: Database) -> None:
    await put(database, a_send("a", due_at=LATER))
    assert await claim(database, now=LATER - timedelta(microseconds=1)) == []
    assert texts(await claim(database, now=LATER)) == ["a"]


async def test_another_channels_sends_are_left_alone(database: Database) -> None:
    await put(database, a_send("a"), a_send("b", "slack:hana"))
    assert texts(await claim(database, channel="slack")) == ["b"]


async def test_a_command_claims_for_its_own_account_only(database: Database) -> None:
    await put(database, a_send("a"), a_send("b", REN), a_send("c", REN))
    assert texts(await claim(database, only=REN)) == ["b"]


async def test_sends_of_one_account_are_claimed_one_by_one_in_their_order(database: Database) -> None:
    await put(database, *(a_send(text) for text in "abc"))
    claimed: list[str] = []
    while items := await claim(database):
        claimed += texts(items)
        await settle(database, *(sent(item) for item in items))
    assert claimed == ["a", "b", "c"]


async def test_order_holds_however_the_rows_were_put(database: Database) -> None:
    first, second = a_send("a"), a_send("b")
    await put(database, second, first)
    assert texts(await claim(database)) == ["a"]


async def test_nothing_overtakes_a_send_that_is_under_way(database: Database) -> None:
    await put(database, a_send("a"))
    await claim(database)
    await put(database, a_send("b"))
    assert await claim(database) == []


async def test_nothing_overtakes_a_send_that_waits_for_another_try(database: Database) -> None:
    await put(database, a_send("a"), a_send("b"))
    (first,) = await claim(database)
    await settle(database, again(first, LATER))
    assert await claim(database) == []
    (retried,) = await claim(database, now=LATER)
    assert (retried.id, retried.attempts) == (first.id, 2)


@pytest.mark.parametrize("state", [State.SENT, State.SKIPPED, State.FAILED, State.HELD])
async def test_the_next_one_goes_once_the_first_is_done_or_held(database: Database, state: State) -> None:
    await put(database, a_send("a"), a_send("b"))
    (first,) = await claim(database)
    await settle(database, Outcome(id=first.id, state=state, problem="why"))
    assert texts(await claim(database)) == ["b"]


async def test_accounts_do_not_wait_for_each_other(database: Database) -> None:
    await put(database, a_send("a"), a_send("b", REN), a_send("c", REN))
    (first, second) = await claim(database)
    assert texts([first, second]) == ["a", "b"]
    await settle(database, again(first, LATER), sent(second))
    assert texts(await claim(database)) == ["c"]


async def test_a_claim_takes_no_more_than_it_has_room_for_and_the_longest_due_first(database: Database) -> None:
    items = [a_send(str(n), f"line:{n}", due_at=NOW - timedelta(seconds=n)) for n in range(7)]
    await put(database, *items)
    batches = [texts(await claim(database, room=3)) for _ in range(4)]
    assert [sorted(batch) for batch in batches] == [["4", "5", "6"], ["1", "2", "3"], ["0"], []]


async def test_a_batch_of_many_is_stored_and_claimed_whole(database: Database) -> None:
    await put(database, *(a_send(str(n), f"line:{n}") for n in range(1500)))
    async with asyncio.timeout(20):
        claimed = await claim(database, room=2000)
    assert len({item.id for item in claimed}) == 1500
    await settle(database, *(sent(item) for item in claimed))
    async with database.read() as connection:
        done = await connection.scalar(select(func.count()).select_from(Outbox).where(Outbox.state == State.SENT))
    assert done == 1500


async def test_a_key_is_stored_once_and_the_first_one_stays(database: Database) -> None:
    await put(database, a_send("a", key="k"), a_send("b", key="k"))
    await put(database, a_send("c", REN, key="k"), a_send("d", REN))
    assert sorted(texts(await claim(database))) == ["a", "d"]


async def test_a_key_stays_taken_after_its_send_is_done(database: Database) -> None:
    await put(database, a_send("a", key="k"))
    await settle(database, *(sent(item) for item in await claim(database)))
    await put(database, a_send("b", key="k"))
    assert await claim(database) == []


async def test_sends_without_a_key_are_all_stored(database: Database) -> None:
    await put(database, a_send("a"), a_send("b", REN))
    assert len(await claim(database)) == 2


async def test_a_key_put_by_two_processes_at_once_is_stored_once(database: Database, other: Database) -> None:
    await asyncio.gather(
        *(put(store, *(a_send(f"{n}", f"line:{n}", key=f"k{n}") for n in range(50))) for store in (database, other))
    )
    assert sorted(int(text) for text in texts(await claim(database))) == list(range(50))


async def test_two_claimers_at_once_never_take_the_same_send(database: Database, other: Database) -> None:
    await put(database, *(a_send(f"{n}.{part}", f"line:{n}") for part in "ab" for n in range(120)))

    async def work(store: Database) -> list[Item]:
        taken: list[Item] = []
        while items := await claim(store, room=7):
            taken += items
        return taken

    shares = await asyncio.gather(work(database), work(other), work(database), work(other))
    claimed = [item for share in shares for item in share]
    assert sorted(texts(claimed)) == sorted(f"{n}.a" for n in range(120))
    assert {item.attempts for item in claimed} == {1}


async def test_two_workers_at_once_keep_the_order_of_every_account(database: Database, other: Database) -> None:
    await put(database, *(a_send(f"{part}", f"line:{n}") for part in range(4) for n in range(15)))
    seen: dict[str, list[str]] = {}
    left = 60

    async def work(store: Database) -> None:
        nonlocal left
        mine: list[Item] = []
        while left:
            async with store.write() as connection:
                await outbox.settle(connection, [sent(item) for item in mine])
                mine = await claiming.claim(connection, {"line": 1}, NOW, 4)
            for item in mine:
                seen.setdefault(item.account_id, []).append(item.payload["text"])
            left -= len(mine)
            await asyncio.sleep(0)

    async with asyncio.timeout(20):
        await asyncio.gather(work(database), work(other), work(other))
    assert seen == {f"line:{n}": ["0", "1", "2", "3"] for n in range(15)}


@pytest.mark.parametrize("state", [State.SENT, State.SKIPPED, State.FAILED])
async def test_a_send_that_was_settled_elsewhere_stays_as_it_is(database: Database, state: State) -> None:
    await put(database, a_send("a"))
    (item,) = await claim(database)
    await settle(database, Outcome(id=item.id, state=state, done_at=NOW, problem="first"))
    before = await stored(database, item)
    await settle(database, again(item, LATER))
    await settle(database, Outcome(id=item.id, state=State.FAILED, done_at=LATER, problem="second"))
    assert await stored(database, item) == before


async def test_the_result_of_a_claim_that_another_process_took_over_does_not_free_the_send(
    database: Database, other: Database
) -> None:
    await put(database, a_send("a"), a_send("b"))
    (slow,) = await claim(database)
    async with other.write() as connection:
        await claiming.requeue_stale(connection, None, ["line"])
    (taken_over,) = await claim(other, now=LATER)
    assert taken_over.id == slow.id
    await settle(database, again(slow, NOW))  # the first process comes back while the second one sends
    assert await claim(database, now=LATER) == []


async def test_a_send_known_to_have_arrived_is_not_sent_again_though_it_was_put_back_meanwhile(
    database: Database, other: Database
) -> None:
    await put(database, a_send("a"))
    (slow,) = await claim(database)
    async with other.write() as connection:
        await claiming.requeue_stale(connection, None, ["line"])
    await settle(database, sent(slow))
    assert await claim(other, now=LATER) == []


async def test_an_outcome_says_why_and_when(database: Database) -> None:
    await put(database, a_send("a"))
    (item,) = await claim(database)
    await settle(database, again(item, LATER))
    row = await stored(database, item)
    assert (row.state, row.due_at, row.done_at, row.problem) == (State.PENDING, LATER, None, "HTTP 500")
    (item,) = await claim(database, now=LATER)
    await settle(database, Outcome(id=item.id, state=State.FAILED, done_at=LATER, problem="HTTP 400"))
    row = await stored(database, item)
    assert (row.state, row.done_at, row.problem, row.attempts) == (State.FAILED, LATER, "HTTP 400", 2)


async def test_what_is_held_waits_by_account_the_oldest_first_and_is_never_claimed(database: Database) -> None:
    await put(database, a_send("a"), a_send("b"), a_send("c", REN), a_send("d"))
    for _ in range(2):
        await settle(database, *(on_hold(item) for item in await claim(database)))
    (due,) = await claim(database)
    assert texts([due]) == ["d"]
    async with database.read() as connection:
        waiting = await claiming.held(connection, [HANA, REN, "line:nobody"])
        only_ren = await claiming.held(connection, [REN])
    assert {account: texts(items) for account, items in waiting.items()} == {HANA: ["a", "b"], REN: ["c"]}
    assert list(only_ren) == [REN]


async def test_what_was_held_is_settled_with_the_message_it_went_with(database: Database) -> None:
    await put(database, a_send("a"), a_send("b"))
    (first,) = await claim(database)
    await settle(database, on_hold(first))
    (second,) = await claim(database)
    await settle(database, sent(first), sent(second))
    async with database.read() as connection:
        assert await claiming.held(connection, [HANA]) == {}
    assert (await stored(database, first)).state == State.SENT


async def ago(database: Database, seconds: float, *items: Item) -> None:
    """Let claims be as old as that."""
    async with database.write() as connection:
        old = update(Outbox).where(Outbox.id.in_([item.id for item in items]))
        await connection.execute(old.values(claimed_at=Moment(-seconds)))


async def requeue(database: Database) -> int:
    async with database.write() as connection:
        return await claiming.requeue_stale(connection, STALE_AFTER, ["line"])


async def renew(database: Database, *items: Item) -> set[str]:
    async with database.write() as connection:
        return set(await claiming.renew(connection, {item.id: item.attempts for item in items}))


async def test_a_stale_claim_comes_back_and_a_young_one_does_not(database: Database) -> None:
    old, young, elsewhere = a_send("old"), a_send("young", REN), a_send("elsewhere", "slack:hana")
    await put(database, old, young, elsewhere)
    await claim(database)
    await claim(database, channel="slack")
    await ago(database, STALE_AFTER + 0.5, old, elsewhere)
    await ago(database, STALE_AFTER - 3, young)
    assert await requeue(database) == 1
    (item,) = await claim(database, now=LATER)
    assert (texts([item]), item.attempts) == (["old"], 2)


@pytest.mark.parametrize("wrong", [timedelta(days=-400), timedelta(days=400)])
async def test_a_claimers_own_clock_neither_takes_over_live_claims_nor_hides_dead_ones(
    database: Database, wrong: timedelta
) -> None:
    long_due = NOW - timedelta(days=500)
    alive, dead = a_send("alive", due_at=long_due), a_send("dead", REN, due_at=long_due)
    await put(database, alive, dead)
    assert len(await claim(database, now=NOW + wrong)) == 2
    assert await requeue(database) == 0
    await ago(database, STALE_AFTER + 0.5, dead)
    assert await requeue(database) == 1


async def test_a_claim_made_before_the_databases_clock_was_set_back_comes_back(database: Database) -> None:
    await put(database, a_send("a"))
    await ago(database, -3600, *await claim(database))
    assert await requeue(database) == 1


async def test_a_claim_that_is_renewed_stays(database: Database) -> None:
    await put(database, a_send("a"), a_send("b", REN))
    mine, lost = await claim(database)
    await ago(database, STALE_AFTER + 0.5, mine, lost)
    assert await renew(database, mine) == {mine.id}
    assert await requeue(database) == 1
    assert texts(await claim(database, now=LATER)) == ["b"]


async def test_what_others_took_over_settled_or_cancelled_cannot_be_renewed(
    database: Database, other: Database
) -> None:
    await put(database, a_send("a"), a_send("b", REN), a_send("c", "line:sora"), a_send("d", "line:yui"))
    mine = await claim(database)
    await ago(database, STALE_AFTER + 0.5, mine[0])
    assert await requeue(other) == 1
    (theirs,) = await claim(other, now=LATER)
    await settle(database, sent(mine[1]))
    async with other.write() as connection:
        await outbox.cancel(connection, "line:sora", NOW, "left")
    assert await renew(database, *mine) == {mine[3].id}
    assert await renew(other, theirs) == {theirs.id}
    assert await renew(other) == set()


async def test_what_was_taken_up_again_says_so_to_whoever_tries_it_next(database: Database) -> None:
    await put(database, a_send("a"), a_send("b", REN))
    lost, refused = await claim(database)
    await ago(database, STALE_AFTER + 0.5, lost)
    await requeue(database)
    await settle(database, again(refused, NOW))
    assert [item.problem for item in await claim(database)] == [claiming.TAKEN_UP, "HTTP 500"]


async def test_the_results_of_a_whole_city_are_stored_at_once(database: Database) -> None:
    """More than PostgreSQL takes values in one statement."""
    (item,) = [a_send("a")]
    await put(database, item)
    await claim(database)
    others = [Outcome(id=f"{n:05}", state=State.SENT, done_at=NOW) for n in range(33_000)]
    async with database.write() as connection:
        assert await claiming.renew(connection, {item.id: 1, **{each.id: 1 for each in others}}) == {item.id}
    await settle(database, *others, sent(item))
    assert (await stored(database, item)).state == State.SENT


async def test_nothing_stale_brings_nothing_back(database: Database) -> None:
    await put(database, a_send("a"))
    await settle(database, *(sent(item) for item in await claim(database)))
    async with database.write() as connection:
        assert await claiming.requeue_stale(connection, None, ["line"]) == 0


async def test_a_stale_claim_goes_before_what_was_put_after_it(database: Database) -> None:
    await put(database, a_send("a"), a_send("b"))
    await claim(database)
    async with database.write() as connection:
        await claiming.requeue_stale(connection, None, ["line"])
    assert texts(await claim(database)) == ["a"]


async def test_cancelling_drops_what_is_open_for_one_account_and_says_why(database: Database) -> None:
    held_one, waiting, anothers = a_send("a"), a_send("b"), a_send("c", REN)
    await put(database, held_one, waiting)
    await settle(database, *(on_hold(item) for item in await claim(database)))
    await put(database, anothers)
    async with database.write() as connection:
        await outbox.cancel(connection, HANA, LATER, "the person blocked or left")
    for item in (held_one, waiting):
        row = await stored(database, item)
        assert (row.state, row.done_at, row.problem) == (State.SKIPPED, LATER, "the person blocked or left")
    assert texts(await claim(database)) == ["c"]


async def test_cancelling_leaves_what_is_done_as_it_is(database: Database) -> None:
    await put(database, a_send("a"))
    (item,) = await claim(database)
    await settle(database, sent(item))
    async with database.write() as connection:
        await outbox.cancel(connection, HANA, LATER, "left")
    assert (await stored(database, item)).state == State.SENT


async def test_a_failed_try_under_way_at_the_cancelling_is_not_tried_again(database: Database) -> None:
    await put(database, a_send("a"))
    (item,) = await claim(database)
    async with database.write() as connection:
        await outbox.cancel(connection, HANA, NOW, "the person blocked or left")
    await settle(database, again(item, LATER))
    assert await claim(database, now=LATER) == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from([HANA, REN])),
        st.tuples(st.just("claim"), st.integers(1, 2)),
        st.tuples(st.sampled_from(["sent", "again", "hold", "stale"]), st.integers(0, 3)),
    ),
    min_size=5,
    max_size=25,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_whatever_happens_sends_of_an_account_are_first_tried_in_order_and_one_at_a_time(
    database: Database, steps: list[tuple[str, Any]]
) -> None:
    async with database.write() as connection:
        await connection.execute(delete(Outbox))
    under_way: list[Item] = []
    first_tries: dict[str, list[str]] = {HANA: [], REN: []}
    put_so_far: dict[str, list[str]] = {HANA: [], REN: []}
    for step, value in steps:
        match step:
            case "put":
                item = a_send("x", value)
                put_so_far[value].append(item.id)
                await put(database, item)
            case "claim":
                for item in await claim(database, room=value):
                    assert item.account_id not in [other.account_id for other in under_way]
                    under_way.append(item)
                    if item.attempts == 1:
                        first_tries[item.account_id].append(item.id)
            case "stale":
                async with database.write() as connection:
                    assert await claiming.requeue_stale(connection, None, ["line"]) == len(under_way)
                under_way.clear()
            case _ if value < len(under_way):
                item = under_way.pop(value)
                outcome = {"sent": sent(item), "again": again(item, NOW), "hold": on_hold(item)}[step]
                await settle(database, outcome)
            case _:
                pass
    for account, tried in first_tries.items():
        assert tried == put_so_far[account][: len(tried)]
