"""A teacher's question in a chat: the answer, what can be tapped under it, and what is asked back."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time
from pathlib import Path

import pytest

from knowledge.db import Database
from knowledge.questions.model import Phase
from knowledge.records.checkins import CheckInRecord, Status, save_checkins
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY = date(2026, 5, 11)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Monday at four; Hana has reflected. The teacher of 4年2組 and Hana have linked their phones."""
    clock = HandClock(datetime.combine(MONDAY, time(16), TOKYO))
    async with line_world(database, tmp_path / "data", clock=clock) as world:
        moment = datetime.combine(MONDAY, time(15, 30), TOKYO)
        record = CheckInRecord(
            student_id="s-hana",
            date=MONDAY,
            phase=Phase.REFLECTION,
            status=Status.FINISHED,
            started_at=moment,
            updated_at=moment,
            answered_at=moment,
            mood="sunny",
        )
        async with database.write() as connection:
            await save_checkins(connection, [record])
        await world.link("ito", "t-ito")
        await world.link("hana", "s-hana")
        yield world


def offered(world: LineWorld, name: str) -> list[str]:
    return [label for label, _ in world.line.quick_replies_to(user_id(name))]


async def test_the_figure_comes_first_and_how_it_was_counted_on_request(world: LineWorld) -> None:
    [said] = await world.say("ito", "今日のふりかえりの提出率は？")
    assert said.splitlines()[0] == "50.0%"
    assert "4年2組" in said and "5/11" in said
    [how] = await world.tap("ito", "どうやって計算した？")
    assert "÷" in how
    [rows] = await world.tap("ito", "もとの数字を見る")
    assert "佐藤 花" in rows and "100" in rows and "鈴木 蓮" in rows


async def test_the_same_is_had_by_words(world: LineWorld) -> None:
    await world.say("ito", "今日のふりかえりの提出率は？")
    [how] = await world.say("ito", "どうやって計算した？")
    assert "÷" in how


async def test_a_follow_up_leans_on_the_question_before_for_ten_minutes(world: LineWorld) -> None:
    await world.say("ito", "今日のふりかえりの提出率は？")
    [said] = await world.say("ito", "じゃあ先週は？")
    assert "5/4" in said and "ふりかえり" in said
    world.clock.forward(minutes=11)
    [later] = await world.say("ito", "じゃあ今週は？")
    assert "%" not in later


async def test_what_is_left_over_is_shown_and_answered_only_after_yes(world: LineWorld) -> None:
    [said] = await world.say("ito", "今日のふりかえりのキラキラ提出率は？")
    assert "キラキラ" in said and "%" not in said
    assert "はい" in offered(world, "ito")
    [answer] = await world.say("ito", "はい")
    assert answer.splitlines()[0] == "50.0%"


async def test_a_part_that_was_misread_is_put_right_by_a_tap(world: LineWorld) -> None:
    await world.say("ito", "今日のふりかえりのキラキラ提出率は？")
    [answer] = await world.tap("ito", "先週")
    assert "5/4" in answer


async def test_no_drops_what_was_understood(world: LineWorld) -> None:
    await world.say("ito", "今日のふりかえりのキラキラ提出率は？")
    [said] = await world.say("ito", "ちがう")
    assert "別の言い方" in said
    [again] = await world.say("ito", "はい")
    assert "%" not in again


async def test_a_button_under_an_older_answer_does_not_act_on_a_newer_one(world: LineWorld) -> None:
    await world.say("ito", "今日のふりかえりの提出率は？")
    replies = dict(world.line.quick_replies_to(user_id("ito")))
    old = replies["どうやって計算した？"]["data"]
    world.clock.forward(seconds=5)
    await world.say("ito", "今日の気分は？")
    before = len(world.line.texts_to(user_id("ito")))
    await world.send(world.line.events.postback(user_id("ito"), old))
    await world.core.drain()
    [said] = world.line.texts_to(user_id("ito"))[before:]
    assert "もう使えません" in said


async def test_what_cannot_be_asked_is_said_so_with_examples(world: LineWorld) -> None:
    [said] = await world.say("ito", "給食のおかわりは何人？")
    assert "・" in said and "？" in said and "%" not in said


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("6年9組の先週の提出率は？", "6年9組"),
        ("2月30日の提出率は？", "2月30日"),
        ("明日の提出率は？", "これから"),
        ("山本太郎さんの今週の気分は？", "山本太郎"),
        ("2年1組の先週の提出率は？", "権限"),
        ("x'; DROP TABLE users; --さんの気分は？", ""),
    ],
)
async def test_what_cannot_be_answered_is_said_kindly_and_without_a_figure(
    world: LineWorld, text: str, answer: str
) -> None:
    [said] = await world.say("ito", text)
    assert answer in said
    assert "%" not in said and "Traceback" not in said


async def test_a_child_sees_its_own_figures_and_nobody_elses(world: LineWorld) -> None:
    [own] = await world.say("hana", "今週の気分は？")
    assert "☀️" in own
    [other] = await world.say("hana", "鈴木くんの今週の気分は？")
    assert "見られない" in other
    [rank] = await world.say("hana", "クラスで一番気分がいいのはだれ？")
    assert "鈴木" not in rank and "4.0" not in rank
