"""Clubs and events: each is told what fits them, what is over is never offered, staff announce them to children."""

import csv
from collections.abc import AsyncIterator
from datetime import date, datetime, time
from pathlib import Path

import pytest

from assistant.dialogue.asking import understand
from knowledge.db import Database
from knowledge.imports.registry import run_import
from scheduler.reminders import Reminders
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY = date(2026, 5, 11)
COLUMNS = (
    "activityId", "name", "kind", "orgId", "place", "startDate", "endDate", "schedule", "applyUntil", "grades",
    "contact", "online", "url", "description",
)  # fmt: skip
ROWS = (
    "code|プログラミング教室|club|board|市民センター|2026-06-06|2027-03-20|毎週土曜 10時から|2026-05-29|P4;P5|センター 03-0000-0000|false|https://center.example/|ゲームを作ります",
    "museum|科学館の日|event|board|科学館|2026-07-25|||||||https://museum.example/|",
    "robot|ロボットクラブ|club|minami||2026-04-10|2027-03-10|金曜 放課後||P4;P5;P6|加藤先生|||",
    "online|オンライン英会話|event|||2026-06-20||||||true||",
    "old|春の工作会|event|board||2026-04-18||||||||",
    "closed|天文クラブ|club|board||2026-06-01|2026-12-20||2026-05-08|||||",
    "higashi|けん玉クラブ|club|higashi|||||||||||",
    "small|おはなし会|event|board||2026-06-13||||P1;P2|||||",
)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Monday at four, with clubs and events of the city and of two schools."""
    clock = HandClock(datetime.combine(MONDAY, time(16), TOKYO))
    async with line_world(database, tmp_path / "data", clock=clock) as world:
        people = {"ito": "t-ito", "abe": "t-abe", "hana": "s-hana", "sora": "s-sora", "yui": "s-yui", "sato": "g-sato"}
        for name, person in people.items():
            await world.link(name, person)
        path = tmp_path / "activities.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *((row.split("|") + [""] * 14)[:14] for row in ROWS)])
        await run_import(world.core.database, "activities", path, timezone=TOKYO)
        yield world


async def said(world: LineWorld, name: str, text: str) -> str:
    return "\n".join(await world.say(name, text))


async def test_a_club_is_told_with_days_place_contact_and_until_when_to_apply(world: LineWorld) -> None:
    answer = await said(world, "hana", "プログラミング教室はいつ？")
    for part in (
        "プログラミング教室",
        "6月6日",
        "3月20日",
        "毎週土曜 10時から",
        "市民センター",
        "5月29日",
        "03-0000-0000",
    ):
        assert part in answer
    assert "科学館" not in answer and "https://center.example/" in answer
    answer = await said(world, "hana", "プログラミング教室の申し込みはいつまで？")
    assert "5月29日" in answer


async def test_a_child_is_offered_what_is_for_their_grade_and_school_and_open(world: LineWorld) -> None:
    answer = await said(world, "hana", "What clubs can I join?")
    assert "プログラミング教室" in answer and "ロボットクラブ" in answer
    assert "天文クラブ" not in answer and "けん玉" not in answer
    answer = await said(world, "sora", "参加できるイベントある？")
    assert "おはなし" in answer and "春の工作" not in answer and "ロボット" not in answer
    answer = await said(world, "yui", "参加できるクラブある？")
    assert "けん玉クラブ" in answer and "ロボット" not in answer


async def test_it_is_found_by_the_name_that_a_young_child_is_shown(world: LineWorld) -> None:
    assert "科学かんの日" in await said(world, "sora", "イベントは？")
    assert "7月25日" in await said(world, "sora", "科学かんの日はいつ？")


async def test_until_when_to_apply_names_those_that_say_it(world: LineWorld) -> None:
    answer = await said(world, "ito", "申し込みはいつまで？")
    assert "5月29日" in answer and "ロボット" not in answer


async def test_what_is_over_is_never_offered(world: LineWorld) -> None:
    for text in ("参加できるイベントある？", "イベントを教えて", "4月のイベントは？"):
        for name in ("hana", "ito", "sato"):
            assert "工作会" not in await said(world, name, text), (name, text)
    assert "終わった" in await said(world, "hana", "春の工作会はいつ？")
    assert "もう終わったよ" in await said(world, "hana", "天文クラブの申し込みはいつまで？")
    world.clock.moment = datetime.combine(date(2026, 5, 30), time(16), TOKYO)
    assert "プログラミング" not in await said(world, "hana", "参加できるクラブある？")


async def test_the_time_of_year_and_online_narrow_it(world: LineWorld) -> None:
    answer = await said(world, "sato", "夏休みのイベントは？")
    assert "科学館の日" in answer and "英会話" not in answer
    answer = await said(world, "sato", "オンラインでできるものは？")
    assert "オンライン英会話" in answer and "科学館の日" not in answer
    answer = await said(world, "sato", "来月のイベントを教えて")
    assert "英会話" in answer and "科学館" not in answer


async def test_staff_see_for_whom_it_is_and_what_is_closed(world: LineWorld) -> None:
    answer = await said(world, "ito", "5年生のクラブは？")
    assert "プログラミング教室" in answer and "小4・小5" in answer
    assert "天文クラブ" in answer and "申し込みは終わりました" in answer
    assert "けん玉" not in answer
    assert "けん玉クラブ" in await said(world, "abe", "クラブを教えて")


async def test_nothing_there_is_said(world: LineWorld) -> None:
    assert "「ピアノ教室」は見つからなかった" in await said(world, "hana", "ピアノ教室はいつ？")
    assert "案内できるものがない" in await said(world, "hana", "冬休みのイベントは？")


async def test_a_waiting_question_stays_and_is_asked_again(world: LineWorld) -> None:
    await world.say("hana", "ふりかえり")
    answer = await said(world, "hana", "プログラミング教室はいつ？")
    assert "6月6日" in answer and "とばす" in labels(world, "hana")


async def test_an_answer_to_a_check_in_is_not_taken_for_a_question(world: LineWorld) -> None:
    await world.say("hana", "めあて")
    for text in ("クラブでがんばる", "今日はクラブがある", "なんで星は光るのか調べる", "できた？かも"):
        assert "ロボット" not in await said(world, "hana", text), text


def labels(world: LineWorld, name: str) -> list[str]:
    return [label for label, _ in world.line.quick_replies_to(user_id(name))]


async def test_staff_announce_one_with_words_made_of_the_entry(world: LineWorld) -> None:
    preview = await said(world, "ito", "プログラミング教室を4年2組にお知らせして")
    for part in ("プログラミング教室のお知らせです", "市民センター", "5月29日", "https://center.example/"):
        assert part in preview
    before = len(world.line.texts_to(user_id("hana")))
    assert "佐藤" not in preview and "4年2組" in preview
    await world.tap("ito", "はい")
    await Reminders(world.core.services.database, TOKYO, world.core.services.times, ["line"]).plan(world.clock.now())
    await world.core.drain()
    [told] = world.line.texts_to(user_id("hana"))[before:]
    assert "プログラミング" in told and "ゲームを" in told


async def test_what_is_over_by_then_is_not_announced(world: LineWorld) -> None:
    for text in (
        "春の工作会を4年2組にお知らせして",
        "天文クラブを4年2組にお知らせして",
        "ロボットクラブを4年2組に知らせて",
        "6月3日の9時にプログラミング教室を4年2組にお知らせして",
    ):
        answer = await said(world, "ito", text)
        assert "お知らせは作っていません" in answer or "早い日" in answer, (text, answer)
        assert "はい" not in labels(world, "ito")


async def test_a_child_announces_nothing(world: LineWorld) -> None:
    assert "市民センター" not in await said(world, "hana", "プログラミング教室を4年2組にお知らせして")


async def test_understand_names_them(world: LineWorld) -> None:
    for text, intent in (
        ("プログラミング教室はいつ？", "activities"),
        ("参加できるイベントある？", "activities"),
        ("夏休みのクラブは？", "activities"),
        ("What clubs can I join?", "activities"),
        ("科学館の日はいつ？", "activities"),
        ("実践メモ: 5年算数で図をかいた", "practice"),
        ("優良事例：音読", "practice"),
        ("Practice note: drawing helped", "practice"),
        ("先週のふりかえりの提出率は？", "question"),
        ("プログラミング教室を4年2組にお知らせして", "reminder"),
    ):
        meant = await understand(world.core.services, "t-ito", text, world.clock.now())
        assert meant["intent"] == intent, text


async def test_the_day_of_the_week_is_no_part_of_a_name(world: LineWorld) -> None:
    answer = await said(world, "hana", "クラブは何曜日？")
    assert "プログラミング教室" in answer and "科学館" not in answer
