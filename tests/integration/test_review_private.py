"""What a child wrote for itself alone: nowhere that staff look, neither asked for nor sent by itself."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from assistant.dialogue.topic import MOST_LISTED, Topic
from knowledge.db import Database
from knowledge.questions.model import Answer, AnswerRow, Metric, Period, Phase, Question, Scope, ScopeKind, Shape
from knowledge.questions.model import Status as AnswerStatus
from knowledge.records.checkins import CheckInRecord, Status, save_checkins
from scheduler.briefs import Briefs
from scheduler.schools import SchoolTimes
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY = date(2026, 5, 11)
SECRET = "かけ算がすらすら言えた"


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Monday at four: the teacher has linked her phone; Hana has reflected three days long, for herself alone."""
    clock = HandClock(datetime.combine(MONDAY, time(16), TOKYO))
    async with line_world(database, tmp_path / "data", clock=clock) as world:
        for ahead in (0, 3, 4):
            day = MONDAY - timedelta(days=ahead)
            moment = datetime.combine(day, time(15, 30), TOKYO)
            record = CheckInRecord(
                student_id="s-hana",
                date=day,
                phase=Phase.REFLECTION,
                status=Status.FINISHED,
                started_at=moment,
                updated_at=moment,
                answered_at=moment,
                mood="thunder",
                went_well=SECRET,
                visibility="self",
            )
            async with database.write() as connection:
                await save_checkins(connection, [record])
        await world.link("ito", "t-ito")
        yield world


@pytest.mark.parametrize(
    "text",
    [
        "今日のふりかえりを見せて",
        "佐藤花さんのふりかえりを見せて",
        "返信していないふりかえりを見せて",
        "佐藤花さんの今週の様子",
    ],
)
async def test_it_is_not_shown_to_staff_who_ask(world: LineWorld, text: str) -> None:
    said = await world.say("ito", text)
    assert said and not any(SECRET in each for each in said)
    assert "返信：佐藤 花" not in dict(world.line.quick_replies_to(user_id("ito")))


async def test_it_is_in_no_brief(world: LineWorld) -> None:
    world.clock.moment = datetime.combine(MONDAY, time(16, 30), TOKYO)
    await Briefs(world.core.database, TOKYO, SchoolTimes(), ["line"]).plan(world.clock.now())
    await world.core.drain()
    brief = world.line.texts_to(user_id("ito"))[-1]
    assert "鈴木 蓮" in brief
    assert "佐藤 花" not in brief and SECRET not in brief


def test_of_a_list_too_long_to_be_kept_nobody_is_kept() -> None:
    rows = tuple(AnswerRow(id=f"s{n}", label=f"{n}", value=1.0) for n in range(MOST_LISTED + 1))
    question = Question(
        metric=Metric.MOOD,
        shape=Shape.STUDENTS,
        scope=Scope(kind=ScopeKind.SCHOOL, ids=("minami",), label=""),
        period=Period(start=MONDAY, end=MONDAY, label=""),
    )
    at = datetime.combine(MONDAY, time(16), TOKYO)
    for listed, kept in ((rows, 0), (rows[1:], MOST_LISTED)):
        answer = Answer(status=AnswerStatus.ANSWERED, question=question, rows=listed)
        topic = Topic.after(answer, at, None)
        assert topic is not None and len(topic.students) == kept
