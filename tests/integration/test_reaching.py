"""From an answer to an act: a teacher writes to the children listed, answers a reflection, meets a wish to talk."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time
from pathlib import Path

import pytest
from sqlalchemy import select, update

from knowledge.db import Database
from knowledge.questions.model import Phase
from knowledge.records.checkins import CheckInRecord, Status, save_checkins
from knowledge.records.replies import Reply
from knowledge.records.roster import Enrollment
from knowledge.records.talk_requests import TalkRequest
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY = date(2026, 5, 11)
MISSING = "今日まだふりかえりを出していない子は？"


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Monday at four: the teacher of 4年2組, and of her two pupils only Hana, have linked their phones."""
    clock = HandClock(datetime.combine(MONDAY, time(16), TOKYO))
    async with line_world(database, tmp_path / "data", clock=clock) as world:
        await world.link("ito", "t-ito")
        await world.link("hana", "s-hana")
        yield world


def heard(world: LineWorld, name: str) -> list[str]:
    return world.line.texts_to(user_id(name))


async def reflected(world: LineWorld, student_id: str, day: date = MONDAY) -> None:
    moment = datetime.combine(day, time(15, 30), TOKYO)
    record = CheckInRecord(
        student_id=student_id,
        date=day,
        phase=Phase.REFLECTION,
        status=Status.FINISHED,
        started_at=moment,
        updated_at=moment,
        answered_at=moment,
        went_well="かけ算がすらすら言えた",
    )
    async with world.core.database.write() as connection:
        await save_checkins(connection, [record])


async def test_the_children_listed_get_the_words_and_see_who_they_are_from(world: LineWorld) -> None:
    await world.say("ito", MISSING)
    [offer] = await world.tap("ito", "この子たちに声をかける")
    assert "2人" in offer
    [preview] = await world.say("ito", "ふりかえりを待っているよ")
    assert "佐藤 花" in preview and "鈴木 蓮" in preview and "ふりかえりを待っているよ" in preview
    assert "つながっていない" in preview.replace("\n", "") and preview.rindex("鈴木 蓮") > preview.index(
        "つながっていない"
    )
    before = len(heard(world, "hana"))
    [done] = await world.tap("ito", "この内容で送る")
    assert "1人に送りました" in done
    [message] = heard(world, "hana")[before:]
    assert "伊藤" in message and "ふりかえりを待っているよ" in message


async def test_nothing_is_sent_before_the_preview_is_confirmed(world: LineWorld) -> None:
    before = heard(world, "hana")
    await world.say("ito", MISSING)
    await world.say("ito", "この子たちに声をかける")
    await world.say("ito", "ふりかえりを待っているよ")
    [said] = await world.say("ito", "やめる")
    assert "送っていません" in said
    assert heard(world, "hana") == before


async def test_somebody_can_be_left_out_by_name(world: LineWorld) -> None:
    await world.say("ito", MISSING)
    await world.say("ito", "この子たちに声をかける")
    await world.say("ito", "ふりかえりを待っているよ")
    [preview] = await world.say("ito", "佐藤さんを外して")
    assert "佐藤 花" not in preview.splitlines()[0] and "1人" in preview
    before = heard(world, "hana")
    await world.say("ito", "送る")
    assert heard(world, "hana") == before


async def test_a_tap_on_an_older_preview_sends_nothing(world: LineWorld) -> None:
    await world.say("ito", MISSING)
    await world.say("ito", "この子たちに声をかける")
    await world.say("ito", "一つ目の言葉")
    [old] = [action for label, action in world.line.quick_replies_to(user_id("ito")) if label == "この内容で送る"]
    await world.say("ito", "書き直す")
    await world.say("ito", "二つ目の言葉")
    before = heard(world, "hana")
    assert await world.send(world.line.events.postback(user_id("ito"), old["data"])) == 200
    await world.core.drain()
    assert heard(world, "hana") == before


async def test_who_lost_the_class_meanwhile_sends_nothing(world: LineWorld) -> None:
    await world.say("ito", MISSING)
    await world.say("ito", "この子たちに声をかける")
    await world.say("ito", "ふりかえりを待っているよ")
    async with world.core.database.write() as connection:
        ended = update(Enrollment).where(Enrollment.user_sourced_id == "t-ito")
        await connection.execute(ended.values(end_date=date(2026, 5, 10)))
    before = heard(world, "hana")
    [said] = await world.say("ito", "送る")
    assert "権限" in said
    assert heard(world, "hana") == before


async def test_a_child_is_told_that_the_reflection_was_read(world: LineWorld) -> None:
    await reflected(world, "s-hana")
    [texts] = await world.say("ito", "今日のふりかえりを見せて")
    assert "かけ算がすらすら言えた" in texts
    await world.tap("ito", "返信：佐藤 花")
    await world.say("ito", "よくがんばったね")
    before = len(heard(world, "hana"))
    await world.tap("ito", "この内容で送る")
    [message] = heard(world, "hana")[before:]
    assert "読んだよ" in message and "よくがんばったね" in message and "伊藤" in message
    async with world.core.database.read() as connection:
        assert [*await connection.execute(select(Reply.student_id, Reply.date, Reply.author_id))] == [
            ("s-hana", MONDAY, "t-ito")
        ]


async def test_a_child_who_wants_to_talk_is_listed_until_the_teacher_has_talked(world: LineWorld) -> None:
    await world.say("hana", "相談したい")
    await world.tap("hana", "たんにんの先生")
    before = len(heard(world, "ito"))
    [said] = await world.tap("hana", "友だちのこと")
    assert "伝えた" in said
    [told] = heard(world, "ito")[before:]
    assert "佐藤 花" in told
    [listed] = await world.say("ito", "相談したいと言っている子は？")
    assert "佐藤 花" in listed
    [closed] = await world.tap("ito", "対応した：佐藤 花")
    assert "佐藤 花" in closed
    async with world.core.database.read() as connection:
        assert await connection.scalar(select(TalkRequest.closed_by)) == "t-ito"
