"""Clocks that jump: whatever the time of day says, an event has one answer and what is due arrives once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from knowledge.db import Database
from scheduler.briefs import Briefs
from scheduler.nudges import Nudges
from scheduler.outbox import Outbox
from scheduler.prompts import Prompts
from scheduler.reminders import Reminders
from scheduler.schools import SchoolTimes
from tests.builders.reminding import remind
from tests.platforms.line import Failure, redelivered, user_id
from tests.worlds import MORNING, TOKYO, HandClock, LineWorld, line_world

CHILDREN = {"hana": "s-hana", "ren": "s-ren", "sora": "s-sora", "yui": "s-yui"}
JUMPS = (-86_400, -3_600, -61, -5, 5, 61, 3_600, 7_200)  # seconds


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Everybody has linked before the day begins."""
    start = MORNING - timedelta(hours=1)
    async with line_world(database, tmp_path / "data", clock=HandClock(start)) as world:
        for name, person in {**CHILDREN, "ito": "t-ito"}.items():
            await world.link(name, person)
        yield world


def _planners(world: LineWorld) -> list[Prompts | Nudges | Briefs | Reminders]:
    """New ones, as after a restart: they remember nothing."""
    kinds = (Prompts, Nudges, Briefs, Reminders)
    return [kind(world.core.database, TOKYO, SchoolTimes(), ["line"]) for kind in kinds]


@pytest.mark.parametrize("seed", [6, 7])
async def test_a_clock_that_jumps_to_and_fro_makes_no_prompt_or_reminder_come_twice(
    world: LineWorld, seed: int
) -> None:
    chance = random.Random(seed)
    await remind(
        world.core.database, owner_id="t-ito", school_id="minami", audience_ids=["c-4-2"], rrule=None,
        starts_on=MORNING.date(), time="08:30", next_at=MORNING + timedelta(minutes=10),
    )  # fmt: skip
    planners = _planners(world)
    for step in range(0, 40, 2):
        world.clock.moment = MORNING + timedelta(minutes=step)
        for jump in (0, chance.choice(JUMPS), 0):
            world.clock.forward(seconds=jump)
            for planner in chance.choice((planners, _planners(world))):
                await planner.plan(world.clock.now())
            await world.core.drain()
    got = {name: Counter(world.line.texts_to(user_id(name))) for name in CHILDREN}
    assert all(count == 1 for texts in got.values() for count in texts.values())
    assert all(any("おはよう" in text for text in texts) for texts in got.values())
    reminded = [name for name, texts in got.items() if any("服" in text for text in texts)]
    # Where the clock jumped over the reminder's quarter of an hour, the teacher was told instead.
    is_reported = any("送っていません" in text for text in world.line.texts_to(user_id("ito")))
    assert reminded == ([] if is_reported else ["hana", "ren"])


@pytest.mark.parametrize("jump", JUMPS)
async def test_an_answer_that_was_tried_before_the_clock_jumped_arrives_once(world: LineWorld, jump: int) -> None:
    hana = user_id("hana")
    before = world.line.count_to(hana)
    world.line.fail_next("message/reply", Failure.STATUS_500)
    event = world.line.events.text(hana, "めあて")
    assert await world.send(event) == 200
    await world.core.drain()
    world.clock.forward(seconds=jump)
    assert await world.send(redelivered(event)) == 200
    await world.core.recover()
    await world.core.drain()
    world.clock.moment = MORNING + timedelta(days=1)  # in the end it is later everywhere
    await world.core.recover()
    await world.core.drain()
    assert world.line.count_to(hana) == before + 1
    assert await world.count(Outbox, state="pending") + await world.count(Outbox, state="sending") == 0


async def test_the_newer_answer_stands_whatever_time_an_event_claims(world: LineWorld) -> None:
    hana, now = user_id("hana"), world.clock.seconds()
    for text in ("めあて", "晴れ", "九九を言う"):
        assert await world.say("hana", text)
    for hours in (-48, -1):  # sent before, arrived after: the state it finds is newer
        assert await world.send(world.line.events.text(hana, "漢字を書く", at=now + hours * 3600)) == 200
        await world.core.drain()
    [asked, *_] = reversed(world.line.texts_to(hana))
    assert "作戦" in asked  # the plan is asked for still: the goal was not typed over
