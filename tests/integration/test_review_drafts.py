"""Words to children, on the ways where they could be sent unmeant, to the wrong child, or not at all."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from knowledge.db import Database
from knowledge.records.roster import User
from knowledge.records.talk_requests import TalkRequest
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY = date(2026, 5, 11)
MISSING = "今日まだふりかえりを出していない子は？"
UNCLEAR = "今日のふりかえりのキラキラ提出率は？"


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


def value(world: LineWorld, label: str) -> str:
    """What the teacher's button of this label sends back."""
    return dict(world.line.quick_replies_to(user_id("ito")))[label]["data"]


async def tap_value(world: LineWorld, data: str) -> list[str]:
    before = len(heard(world, "ito"))
    assert await world.send(world.line.events.postback(user_id("ito"), data)) == 200
    await world.core.drain()
    return heard(world, "ito")[before:]


async def begun(world: LineWorld) -> None:
    await world.say("ito", MISSING)
    await world.say("ito", "この子たちに声をかける")


async def test_yes_to_a_later_question_does_not_send_the_draft(world: LineWorld) -> None:
    await begun(world)
    await world.say("ito", "ふりかえりを待っているよ")
    await world.say("ito", UNCLEAR)
    before = heard(world, "hana")
    [answer] = await world.say("ito", "はい")
    assert answer.splitlines()[0] == "0.0%"
    assert heard(world, "hana") == before


@pytest.mark.parametrize("acknowledgement", ["了解", "はい", "OK"])
async def test_an_acknowledgement_of_something_else_does_not_send_the_draft(
    world: LineWorld, acknowledgement: str
) -> None:
    await begun(world)
    await world.say("ito", "ふりかえりを待っているよ")
    await world.say("ito", "使い方")
    before = heard(world, "hana")
    await world.say("ito", acknowledgement)
    assert heard(world, "hana") == before
    [done] = await world.say("ito", "送る")
    assert "1人に送りました" in done


async def test_no_to_a_later_question_keeps_the_draft(world: LineWorld) -> None:
    await begun(world)
    await world.say("ito", "ふりかえりを待っているよ")
    send = value(world, "この内容で送る")
    await world.say("ito", UNCLEAR)
    [said] = await world.say("ito", "ちがう")
    assert "別の言い方" in said
    [done] = await tap_value(world, send)
    assert "1人に送りました" in done


@pytest.mark.parametrize("text", ["使い方", "先週のふりかえりの提出率は？", "定期の質問"])
async def test_what_is_plainly_no_word_to_a_child_is_not_taken_for_one(world: LineWorld, text: str) -> None:
    await begun(world)
    [said] = await world.say("ito", text)
    assert "届く言葉" not in said
    [preview] = await world.say("ito", "ふりかえりを待っているよ")
    assert "届く言葉" in preview


@pytest.mark.parametrize("text", ["おはよう", "ありがとう", "ふりかえりを出してね", "マスクを外して"])
async def test_what_may_be_a_word_to_a_child_is_taken_for_one(world: LineWorld, text: str) -> None:
    await begun(world)
    [preview] = await world.say("ito", text)
    assert "届く言葉" in preview and text in preview


async def test_asking_again_to_write_to_them_begins_again(world: LineWorld) -> None:
    await begun(world)
    [offer] = await world.say("ito", "この子たちに声をかける")
    assert "送る言葉を書いて" in offer


async def test_somebody_is_left_out_before_the_words_are_written(world: LineWorld) -> None:
    await begun(world)
    await world.say("ito", "佐藤さんを外して")
    [preview] = await world.say("ito", "ふりかえりを待っているよ")
    assert "鈴木 蓮" in preview and "佐藤 花" not in preview


async def test_the_words_offered_are_the_words_used(world: LineWorld) -> None:
    [listed] = await world.say("ito", MISSING)
    assert "佐藤 花" in listed
    [offer] = await world.say("ito", "この子たちに声をかける")
    use = value(world, "この文面を使う")
    await world.say("ito", "先週のふりかえりの提出率は？")
    [preview] = await tap_value(world, use)
    offered = offer.split("「")[1].split("」")[0]
    assert offered in preview


async def test_two_words_within_a_second_both_arrive(world: LineWorld) -> None:
    before = len(heard(world, "hana"))
    for words in ("一つ目の言葉", "二つ目の言葉"):
        for text in (MISSING, "この子たちに声をかける", words, "送る"):
            await world.say("ito", text)
            world.clock.forward(seconds=-1)  # no time has passed
    first, second = heard(world, "hana")[before:]
    assert "一つ目の言葉" in first and "二つ目の言葉" in second


async def test_a_preview_of_the_same_second_is_another_preview(world: LineWorld) -> None:
    await begun(world)
    await world.say("ito", "一つ目の言葉")
    old = value(world, "この内容で送る")
    world.clock.forward(seconds=-0.9)
    await world.say("ito", "書き直す")
    world.clock.forward(seconds=-0.95)
    await world.say("ito", "二つ目の言葉")
    before = heard(world, "hana")
    await tap_value(world, old)
    assert heard(world, "hana") == before


async def test_who_left_the_school_gets_nothing(world: LineWorld) -> None:
    await begun(world)
    await world.say("ito", "ふりかえりを待っているよ")
    async with world.core.database.write() as connection:
        await connection.execute(update(User).where(User.sourced_id == "s-hana").values(enabled=False))
    before = heard(world, "hana")
    await world.say("ito", "送る")
    assert heard(world, "hana") == before


async def test_a_wish_to_talk_that_came_after_the_list_stays_open(world: LineWorld) -> None:
    async def wish(id: str, hour: int, minute: int) -> None:
        moment = datetime.combine(MONDAY, time(hour, minute), TOKYO)
        row = {"id": id, "student_id": "s-ren", "date": MONDAY, "requested_at": moment}
        async with world.core.database.write() as connection:
            await connection.execute(insert(TalkRequest), [row])

    await wish("before", 15, 0)
    await world.say("ito", "相談したいと言っている子は？")
    await wish("after", 16, 2)
    world.clock.forward(minutes=5)
    await world.tap("ito", "対応した：鈴木 蓮")
    async with world.core.database.read() as connection:
        still_open = select(TalkRequest.id).where(TalkRequest.closed_at.is_(None))
        assert [*await connection.scalars(still_open)] == ["after"]


async def test_a_class_that_is_not_there_is_put_right_by_a_tap(world: LineWorld) -> None:
    [said] = await world.say("ito", "6年9組の先週の提出率は？")
    assert "6年9組" in said
    [answer] = await world.tap("ito", "4年2組")
    assert answer.splitlines()[0] == "0.0%" and "4年2組" in answer


@pytest.mark.parametrize("text", ["6年9組の先週の提出率は？", "山本太郎さんの今週の気分は？"])
async def test_buttons_under_a_name_that_is_not_there_do_not_answer_an_earlier_question(
    world: LineWorld, text: str
) -> None:
    await world.say("ito", UNCLEAR)
    await world.say("ito", text)
    assert "はい" not in dict(world.line.quick_replies_to(user_id("ito")))
