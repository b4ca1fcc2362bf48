"""あとで: a child says when, and is asked again then, where it was left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from knowledge.db import Database
from knowledge.questions.model import Phase
from knowledge.records.calendar import CalendarDay
from knowledge.records.checkins import CheckInRecord, Status, find_checkins
from scheduler.nudges import Nudges
from scheduler.outbox import Outbox, State
from scheduler.prompts import Prompts
from scheduler.schools import SchoolTimes, Times
from tests.platforms.line import user_id
from tests.worlds import MORNING, TOKYO, HandClock, LineWorld, line_world

MONDAY = MORNING.date()
WAYS_OUT = ["とばす", "あとで", "今日は答えない"]


def at(hour: int, minute: int = 0, *, day: date = MONDAY) -> datetime:
    return datetime.combine(day, time(hour, minute), TOKYO)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Hana of P4 and Yui of J1 have linked their phones; it is ten past three on Monday."""
    async with line_world(database, tmp_path / "data", clock=HandClock(at(7))) as world:
        await world.link("hana", "s-hana")
        await world.link("yui", "s-yui")
        world.clock.moment = at(15, 10)
        yield world


async def pass_by(world: LineWorld, moment: datetime, times: SchoolTimes | None = None) -> None:
    """It is this moment now: what is due is planned and sent."""
    world.clock.moment = moment
    for planner in (Prompts, Nudges):
        await planner(world.core.database, TOKYO, times or SchoolTimes(), ["line"]).plan(world.clock.now())
    await world.core.drain()


def pushed(world: LineWorld, name: str = "hana") -> int:
    """How often Ayumi wrote by itself."""
    return sum(each.via == "push" for each in world.line.delivered if each.user_id == user_id(name))


def labels(world: LineWorld, name: str = "hana") -> list[str]:
    return [label for label, _ in world.line.quick_replies_to(user_id(name))]


def last(world: LineWorld, name: str = "hana") -> str:
    return world.line.texts_to(user_id(name))[-1]


async def record_of(world: LineWorld, phase: Phase = Phase.REFLECTION) -> CheckInRecord | None:
    async with world.core.database.read() as connection:
        records = await find_checkins(connection, ["s-hana"], [MONDAY])
    return next((record for record in records if record.phase is phase), None)


async def calls(world: LineWorld) -> list[tuple[str, datetime]]:
    """State and time of what was put off."""
    async with world.core.database.read() as connection:
        rows = await connection.execute(select(Outbox.state, Outbox.due_at).where(Outbox.kind == "later"))
        return [(state, due_at.astimezone(TOKYO)) for state, due_at in rows]


async def test_the_answer_says_when_and_offers_other_times_and_nothing_else(world: LineWorld) -> None:
    await pass_by(world, at(15, 10))
    (answer,) = await world.tap("hana", "あとで")
    assert "16時10分にまた声をかけるね" in answer
    assert "「つづき」" in answer
    assert labels(world) == ["30分後", "16時", "17時", "18時", "19時", "よばなくていい"]


async def test_at_that_time_the_first_question_comes_back_in_kind_words(world: LineWorld) -> None:
    await pass_by(world, at(15, 10))
    await world.tap("hana", "あとで")
    await pass_by(world, at(16, 9))
    assert pushed(world) == 1
    await pass_by(world, at(16, 10))
    assert pushed(world) == 2
    assert last(world).startswith("また声をかけに来たよ。")
    assert labels(world)[-3:] == WAYS_OUT
    await world.tap("hana", labels(world)[0])
    assert await record_of(world) is not None
    await pass_by(world, at(16, 11))
    assert pushed(world) == 2


async def test_what_is_typed_then_answers_the_question_that_was_put_off(world: LineWorld) -> None:
    await world.say("hana", "ふりかえり")
    while "うまくいったことは？" not in last(world):
        await world.tap("hana", labels(world)[0])
    await world.say("hana", "あとで")
    assert "うまくいったことは？" not in last(world)
    await pass_by(world, at(16, 30))
    assert "うまくいったことは？" in last(world)
    await world.say("hana", "分数ができた")
    record = await record_of(world)
    assert record is not None
    assert record.went_well == "分数ができた"


async def test_before_that_time_nothing_waits_for_an_answer(world: LineWorld) -> None:
    await world.say("hana", "ふりかえり")
    while "うまくいったことは？" not in last(world):
        await world.tap("hana", labels(world)[0])
    await world.say("hana", "あとで")
    await world.say("hana", "分数ができた")
    record = await record_of(world)
    assert record is not None
    assert record.went_well is None


@pytest.mark.parametrize(
    ("said", "due"),
    [
        ("あとで、5時に", at(17)),
        ("30分あとで", at(15, 40)),
        ("ごはんのあとで", at(16, 10)),
        ("あとで、午後6時半に", at(18, 30)),
        ("later at 5", at(17)),
    ],
)
async def test_a_time_said_with_it_is_the_time(world: LineWorld, said: str, due: datetime) -> None:
    await world.say("hana", "ふりかえり")
    await world.say("hana", said)
    assert await calls(world) == [(State.PENDING, due)]


@pytest.mark.parametrize("said", ["あとで、9時に", "あとで、25時に", "6時間あとで"])
async def test_a_time_at_which_children_are_left_in_peace_is_answered_with_another(world: LineWorld, said: str) -> None:
    await pass_by(world, at(15, 10))
    (answer,) = await world.say("hana", said)
    assert answer.startswith("ごめんね、その時間には声をかけられないんだ。代わりに16時10分に")
    assert await calls(world) == [(State.PENDING, at(16, 10))]


async def test_another_time_that_is_tapped_or_typed_moves_it(world: LineWorld) -> None:
    await pass_by(world, at(15, 10))
    await world.tap("hana", "あとで")
    await world.tap("hana", "17時")
    assert await calls(world) == [(State.PENDING, at(17))]
    (answer,) = await world.say("hana", "6時がいい")
    assert "18時にまた声をかけるね" in answer
    assert await calls(world) == [(State.PENDING, at(18))]
    await pass_by(world, at(17))
    assert pushed(world) == 1
    await pass_by(world, at(18))
    assert pushed(world) == 2


async def test_put_off_again_after_it_came_it_comes_again(world: LineWorld) -> None:
    await pass_by(world, at(15, 10))
    await world.tap("hana", "あとで")
    await pass_by(world, at(16, 10))
    await world.tap("hana", "あとで")
    assert await calls(world) == [(State.PENDING, at(17, 10))]
    await pass_by(world, at(17, 10))
    assert pushed(world) == 3


async def test_what_is_planned_for_later_holds_nothing_up(world: LineWorld) -> None:
    await pass_by(world, at(15, 10))
    await world.tap("hana", "あとで")
    assert await world.say("hana", "使い方") != []


async def test_not_to_be_called_holds_for_the_nudge_too(world: LineWorld) -> None:
    await pass_by(world, at(15, 10))
    await world.tap("hana", "あとで")
    (answer,) = await world.tap("hana", "よばなくていい")
    assert "こちらからは声をかけないね" in answer
    for moment in (at(16, 10), at(18, 30)):
        await pass_by(world, moment)
    assert pushed(world) == 1
    assert pushed(world, "yui") == 2


@pytest.mark.parametrize("word", ["今日は答えない", "つづき"])
async def test_who_declined_or_finished_meanwhile_is_not_called(world: LineWorld, word: str) -> None:
    await pass_by(world, at(15, 10))
    await world.tap("hana", "あとで")
    await world.say("hana", word)
    if word == "つづき":
        for _ in range(12):
            await world.say("hana", "とばす")
    record = await record_of(world)
    assert record is not None
    assert record.status is (Status.DECLINED if word == "今日は答えない" else Status.FINISHED)
    await pass_by(world, at(16, 10))
    assert [state for state, _ in await calls(world)] == [State.SKIPPED]


async def test_a_decline_at_noon_is_for_the_morning_that_was_put_off(world: LineWorld) -> None:
    await pass_by(world, at(10, 50))
    await world.tap("hana", "あとで")
    await pass_by(world, at(11, 55))
    world.clock.moment = at(12, 1)
    await world.say("hana", "今日は答えない")
    record = await record_of(world, Phase.ANTICIPATION)
    assert record is not None
    assert record.status is Status.DECLINED


async def test_put_off_before_the_prompt_it_is_asked_once_at_the_prompts_time(world: LineWorld) -> None:
    world.clock.moment = at(13)
    (answer,) = await world.say("hana", "あとで")
    assert "15時10分にまた声をかけるね" in answer
    await pass_by(world, at(15, 10))
    assert pushed(world) == 1


async def test_on_a_short_day_it_may_be_earlier(world: LineWorld) -> None:
    async with world.core.database.write() as connection:
        row: dict[str, Any] = {
            "school_id": "minami",
            "date": MONDAY,
            "kind": "short_day",
            "grades": [],
            "grades_key": "",
        }
        await connection.execute(insert(CalendarDay).values(**row))
    await pass_by(world, at(12, 10))
    (answer,) = await world.tap("hana", "あとで")
    assert "13時10分にまた声をかけるね" in answer


async def test_near_the_end_a_shorter_time_is_taken_and_after_it_none(world: LineWorld) -> None:
    await pass_by(world, at(19, 20))
    (answer,) = await world.tap("hana", "あとで")
    assert "19時50分にまた声をかけるね" in answer
    assert labels(world) == ["よばなくていい"]
    await pass_by(world, at(19, 55))
    (answer,) = await world.say("hana", "あとで")
    assert answer == "分かった。やりたくなったら「つづき」と送ってね。"
    assert labels(world) == []


async def test_a_school_sets_how_long_later_is(world: LineWorld, tmp_path: Path) -> None:
    (tmp_path / "data" / "schools.yaml").write_text("minami: {later: 20}\n", "utf-8")
    times = SchoolTimes.load(tmp_path / "data" / "schools.yaml")
    assert times.of("minami") == Times(later=20)


async def test_a_button_of_yesterday_plans_nothing(world: LineWorld) -> None:
    await pass_by(world, at(15, 10))
    await world.tap("hana", "あとで")
    world.clock.moment = at(15, 20, day=MONDAY + timedelta(days=1))
    await world.tap("hana", "17時")
    assert [state for state, _ in await calls(world)] == [State.SKIPPED]  # yesterday's, which nobody sent


async def test_a_time_alone_means_nothing_where_nothing_was_put_off(world: LineWorld) -> None:
    await world.say("hana", "30分")
    await world.say("hana", "17時")
    assert await calls(world) == []


async def test_a_time_is_an_answer_where_a_question_waits_for_one(world: LineWorld) -> None:
    await world.say("hana", "ふりかえり")
    while "うまくいったことは？" not in last(world):
        await world.tap("hana", labels(world)[0])
    await world.say("hana", "あとで")
    await pass_by(world, at(16, 30))
    await world.say("hana", "6時")
    record = await record_of(world)
    assert record is not None
    assert record.went_well == "6時"
