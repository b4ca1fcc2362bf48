"""What a reminder says to a whole class goes to LINE in one request, and reaches everybody once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from assistant.dialogue.turns import messages_payload
from assistant.messages import Outgoing, Words
from knowledge.db import Database
from scheduler import outbox
from scheduler.outbox import Item, Outbox, State
from tests.platforms.line import Failure, user_id
from tests.worlds import LineWorld, line_world

CLASS = tuple(f"child{n}" for n in range(6))
MULTICAST, PUSH = "/v2/bot/message/multicast", "/v2/bot/message/push"
TEXT = "たいそうふくを わすれずに"


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    async with line_world(database, tmp_path / "data") as world:
        yield world


async def remind(
    world: LineWorld,
    *names: str,
    text: str = TEXT,
    variant: str | None = "P4",
    late_after: timedelta | None = None,
    payload: dict[str, Any] | None = None,
) -> None:
    """Put the same reminder into the outbox for each."""
    now = world.clock.now()
    items = [
        Item(
            account_id=f"line:{user_id(name)}",
            kind="messages",
            payload={**messages_payload([Outgoing(text=Words.of(text))], None), **(payload or {})},
            due_at=now,
            created_at=now,
            expires_at=None if late_after is None else now + late_after,
            source="reminder-1/20260511T0820",
            variant=variant,
        )
        for name in names
    ]
    async with world.core.database.write() as connection:
        await outbox.put(connection, items)


async def states(world: LineWorld) -> list[str]:
    async with world.core.database.read() as connection:
        return list(await connection.scalars(select(Outbox.state).order_by(Outbox.id)))


def read_by_everyone(world: LineWorld) -> list[list[str]]:
    return [world.line.texts_to(user_id(name)) for name in CLASS]


async def test_a_class_gets_its_reminder_in_one_request(world: LineWorld) -> None:
    await remind(world, *CLASS)
    await world.core.drain()
    assert read_by_everyone(world) == [[TEXT]] * len(CLASS)
    assert (world.line.requests[MULTICAST], world.line.requests[PUSH]) == (1, 0)
    assert world.line.quota_used == len(CLASS)
    assert await states(world) == [State.SENT] * len(CLASS)


async def test_more_than_five_hundred_are_two_requests(world: LineWorld) -> None:
    await remind(world, *(f"child{n}" for n in range(501)))
    await world.core.drain()
    assert world.line.requests[MULTICAST] + world.line.requests[PUSH] == 2
    assert {len(world.line.texts_to(user_id(f"child{n}"))) for n in range(501)} == {1}


async def test_one_that_is_written_for_one_child_is_pushed(world: LineWorld) -> None:
    await remind(world, *CLASS, variant=None)
    await world.core.drain()
    assert (world.line.requests[MULTICAST], world.line.requests[PUSH]) == (0, len(CLASS))


async def test_a_multicast_whose_answer_was_lost_reaches_everybody_once(world: LineWorld) -> None:
    world.line.fail_next("multicast", Failure.DROP_AFTER)
    await remind(world, *CLASS)
    await world.core.drain()
    assert await states(world) == [State.PENDING] * len(CLASS)
    world.clock.forward(seconds=5)
    await world.core.drain()
    assert read_by_everyone(world) == [[TEXT]] * len(CLASS)
    assert world.line.requests[MULTICAST] == 2
    assert await states(world) == [State.SENT] * len(CLASS)


async def test_who_left_between_two_tries_is_left_out_and_the_others_are_reached_once(world: LineWorld) -> None:
    world.line.fail_next("multicast", Failure.DROP_AFTER)
    await remind(world, *CLASS)
    await world.core.drain()
    await world.send(world.line.events.unfollow(user_id(CLASS[0])))
    world.clock.forward(seconds=5)
    await world.core.drain()
    assert read_by_everyone(world) == [[TEXT]] * len(CLASS)  # the first try had reached the one who left, too
    assert await states(world) == [State.SKIPPED, *[State.SENT] * (len(CLASS) - 1)]


@pytest.mark.parametrize("failure", [Failure.STATUS_500, Failure.STATUS_429_RATE, Failure.DROP_BEFORE])
async def test_what_line_did_not_take_is_tried_again_as_a_whole(world: LineWorld, failure: Failure) -> None:
    world.line.fail_next("multicast", failure)
    await remind(world, *CLASS)
    await world.core.drain()
    assert read_by_everyone(world) == [[]] * len(CLASS)
    world.clock.forward(seconds=5)
    await world.core.drain()
    assert read_by_everyone(world) == [[TEXT]] * len(CLASS)
    assert (world.line.requests[MULTICAST], world.line.requests[PUSH]) == (2, 0)


async def test_a_process_that_died_after_line_had_it_sends_it_to_nobody_twice(world: LineWorld) -> None:
    await remind(world, *CLASS)
    await world.core.drain()
    async with world.core.database.write() as connection:  # as it stood when the process was killed
        await connection.execute(update(Outbox).values(state=State.SENDING))
    await world.core.recover(None)
    await world.core.drain()
    assert read_by_everyone(world) == [[TEXT]] * len(CLASS)
    assert (world.line.requests[MULTICAST], world.line.requests[PUSH]) == (2, 0)
    assert await states(world) == [State.SENT] * len(CLASS)


async def test_one_wrong_user_id_does_not_stop_the_others(world: LineWorld) -> None:
    await remind(world, *CLASS)
    async with world.core.database.write() as connection:
        bad = {"account_id": "line:nobody", "channel": "line"}
        third = select(Outbox.id).order_by(Outbox.id).offset(2).limit(1).scalar_subquery()
        await connection.execute(update(Outbox).where(Outbox.id == third).values(**bad))
    await world.core.drain()
    reached = [name for name in CLASS if world.line.texts_to(user_id(name)) == [TEXT]]
    assert reached == [name for name in CLASS if name != CLASS[2]]
    assert (await states(world)).count(State.FAILED) == 1
    assert world.line.requests[MULTICAST] == 1
    world.line.violations.clear()  # that user id: refused twice, in the multicast and by itself


async def test_used_up_quota_holds_every_one_and_is_logged_once(world: LineWorld) -> None:
    await world.link("ogawa", "p-ogawa")
    world.line.monthly_quota = len(CLASS) - 1
    await remind(world, *CLASS)
    with capture_logs() as logs:
        await world.core.drain()
    assert (await states(world)).count(State.HELD) == len(CLASS)
    assert [each["count"] for each in logs if each["event"] == "not_sent"] == [len(CLASS)]
    assert world.line.requests[MULTICAST] == 1
    assert "上限" in world.line.texts_to(user_id("ogawa"))[-1]  # told at once: a few are left of the month


async def test_a_child_is_told_by_the_next_free_reply_as_long_as_it_is_worth_it(world: LineWorld) -> None:
    await world.link("hana", "s-hana")
    await world.link("ren", "s-ren")
    until = (world.clock.now() + timedelta(hours=8)).isoformat()
    world.line.monthly_quota = 0
    await remind(world, "hana", "ren", late_after=timedelta(minutes=15), payload={"keep_until": until})
    await world.core.drain()
    world.clock.forward(hours=2)
    assert TEXT in "\n".join(await world.say("hana", "こんにちは"))
    world.clock.forward(hours=7)
    assert TEXT not in "\n".join(await world.say("ren", "こんにちは"))
    assert TEXT not in "\n".join(await world.say("hana", "こんにちは"))


async def test_what_is_too_late_goes_nowhere_and_the_rest_together(world: LineWorld) -> None:
    await remind(world, *CLASS[:2], late_after=timedelta(minutes=1))
    await remind(world, *CLASS[2:])
    world.clock.forward(minutes=2)
    await world.core.drain()
    assert read_by_everyone(world) == [[], [], *[[TEXT]] * 4]
    assert await states(world) == [State.SKIPPED, State.SKIPPED, *[State.SENT] * 4]
    assert world.line.requests[MULTICAST] == 1


async def test_the_leader_of_a_batch_that_became_too_late_leaves_the_key_to_the_others(world: LineWorld) -> None:
    world.line.fail_next("multicast", Failure.DROP_AFTER)
    await remind(world, *CLASS[:1], late_after=timedelta(minutes=1))
    await remind(world, *CLASS[1:])
    await world.core.drain()
    world.line.fail_next("multicast", Failure.STATUS_500)
    world.clock.forward(minutes=2)
    await world.core.drain()
    world.clock.forward(minutes=2)
    await world.core.drain()
    assert read_by_everyone(world) == [[TEXT]] * len(CLASS)
    assert await states(world) == [State.SKIPPED, *[State.SENT] * 5]
