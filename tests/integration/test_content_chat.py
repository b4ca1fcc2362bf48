"""Learning content in a chat: asked for, suggested at the end of a reflection, and looked for by teachers."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from assistant.links import signed
from knowledge.db import Database
from knowledge.records.checkins import CheckIn
from knowledge.records.content import Content, ContentOffer
from knowledge.records.study_log import StudyEntry
from scheduler.schools import SchoolTimes, Times
from tests.dialogues.world import ChatWorld, Reply, import_district
from tests.worlds import TOKYO

MONDAY = date(2026, 5, 11)
AFTERNOON = datetime(2026, 5, 11, 15, 30, tzinfo=TOKYO)
CATALOGUE: list[dict[str, Any]] = [
    {"content_id": "frac", "title": "分数のたし算（動画）", "subject": "算数", "grades": ["P4"]}
    | {"provider": "まなび動画", "minutes": 5},
    {"content_id": "drill", "title": "かけ算ドリル", "subject": "算数", "grades": ["P2", "P3", "P4"]},
    {"content_id": "sci", "title": "天気の変化 資料動画", "subject": "理科", "grades": ["P5"], "minutes": 8},
    {"content_id": "any", "title": "タイピング練習", "subject": None, "grades": []},
]


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[ChatWorld]:
    await import_district(database, tmp_path / "data")
    rows = [
        {"url": f"https://content.example/{row['content_id']}", "provider": None, "minutes": None, "description": None}
        | row
        for row in CATALOGUE
    ]
    async with database.write() as connection:
        await connection.execute(insert(Content), rows)
    yield ChatWorld(database, tmp_path / "data", AFTERNOON)


async def studies(
    world: ChatWorld, answered: int, correct: int, *, title: str = "分数のたし算", days_ago: int = 1
) -> None:
    day = MONDAY - timedelta(days=days_ago)
    row = {"student_id": "s-hana", "date": day, "subject": "算数", "content_id": f"{title}{days_ago}", "title": title}
    row |= {"started_at": datetime(day.year, day.month, day.day, 10, tzinfo=TOKYO), "duration_seconds": 60}
    async with world.core.database.write() as connection:
        await connection.execute(insert(StudyEntry), [row | {"answered": answered, "correct": correct}])


async def offers(world: ChatWorld) -> list[tuple[str, str, str]]:
    """What was offered: content, person, why."""
    columns = ContentOffer.content_id, ContentOffer.person_id, ContentOffer.source
    async with world.core.database.read() as connection:
        rows = await connection.execute(select(*columns).order_by(ContentOffer.offered_at))
        return [(content_id, person_id, source) for content_id, person_id, source in rows]


def titles(reply: Reply) -> list[str]:
    return [str(link.label) for link in reply.message.links]


async def say(world: ChatWorld, person: str, text: str) -> Reply:
    *_, last = await world.send(person, {"text": text})
    return last


async def tap(world: ChatWorld, person: str, reply: Reply, label: str) -> Reply:
    value = next(value for shown, value in reply.choices if shown == label)
    *_, last = await world.send(person, {"choice": value, "text": label})
    return last


async def reflect(world: ChatWorld) -> Reply:
    """花 goes through the whole reflection; its last words."""
    reply = await say(world, "s-hana", "ふり返り")
    for _ in range(12):
        if await world.pending("s-hana") is None:
            return reply
        reply = await tap(world, "s-hana", reply, "とばす")
    raise AssertionError("the reflection does not end")


async def test_a_question_finds_what_fits_and_remembers_the_offer(world: ChatWorld) -> None:
    reply = await say(world, "s-hana", "ぶんすうの動画ある？")
    assert titles(reply) == ["分数のたし算（動画）（まなび動画・5分）"]
    assert await offers(world) == [("frac", "s-hana", "search")]
    [link] = reply.message.links
    assert link.address.startswith("/go/") and link.elsewhere == "https://content.example/frac"
    assert signed(world.core.services.secret, link.address.removeprefix("/go/")) is not None


async def test_a_child_is_offered_its_own_grade_unless_it_asks_for_another(world: ChatWorld) -> None:
    assert titles(await say(world, "s-hana", "天気の動画ある？")) == []
    assert titles(await say(world, "s-hana", "5年の理科の資料動画")) == ["天気の変化 資料動画（8分）"]


async def test_what_is_not_there_is_said_honestly(world: ChatWorld) -> None:
    assert "見つからなかった" in (await say(world, "s-hana", "ことわざの動画ある？")).text
    reply = await say(world, "s-hana", "分数のドリルは？")
    assert "ドリルは見つからなかった" in reply.text and titles(reply) == ["分数のたし算（動画）（まなび動画・5分）"]
    assert "ぴったりのものは見つからなかった" in (await say(world, "s-hana", "分数のかけ算の教材ある？")).text


async def test_in_english_too(world: ChatWorld) -> None:
    assert titles(await say(world, "s-hana", "Any videos about fractions?")) == [
        "分数のたし算（動画）（まなび動画・5分）"
    ]


async def test_a_question_in_the_middle_of_a_check_in_leaves_it_open(world: ChatWorld) -> None:
    await say(world, "s-hana", "ふり返り")
    waiting = await world.pending("s-hana")
    found, asked = await world.send("s-hana", {"text": "分数の動画ある？"})
    assert titles(found) == ["分数のたし算（動画）（まなび動画・5分）"] and "とばす" in asked.labels
    assert await world.pending("s-hana") == waiting


async def test_a_plan_that_names_a_drill_is_an_answer(world: ChatWorld) -> None:
    await say(world, "s-hana", "朝のチェックイン")
    while (waiting := await world.pending("s-hana")) is not None and waiting["question"] != "goal":
        await tap(world, "s-hana", (await world.send("s-hana", {"text": "つづき"}))[-1], "とばす")
    await say(world, "s-hana", "かけ算のドリル")
    assert [record.goal for record in (await world.records("s-hana")).values()] == ["かけ算のドリル"]
    assert await offers(world) == []


async def test_a_reflection_ends_with_what_may_help_and_why(world: ChatWorld) -> None:
    await studies(world, 6, 3)
    await studies(world, 4, 1, days_ago=2)
    last = await reflect(world)
    assert "「分数のたし算」は、この4週間で10問中4問せいかい" in last.text
    assert titles(last) == ["分数のたし算（動画）（まなび動画・5分）"]
    assert last.labels == ["相談したい"] and "？" not in last.text  # offers, no question
    assert await offers(world) == [("frac", "s-hana", "next_step")]


async def test_it_is_offered_once_a_day(world: ChatWorld) -> None:
    await studies(world, 10, 4)
    await reflect(world)
    async with world.core.database.write() as connection:
        await connection.execute(delete(CheckIn))
    assert titles(await reflect(world)) == []


@pytest.mark.parametrize(("answered", "correct", "days_ago"), [(9, 2, 1), (10, 9, 1), (10, 2, 28)])
async def test_without_a_recent_reason_a_reflection_ends_as_ever(
    world: ChatWorld, answered: int, correct: int, days_ago: int
) -> None:
    await studies(world, answered, correct, days_ago=days_ago)
    assert titles(await reflect(world)) == []


async def test_nothing_is_suggested_on_a_day_of_distress(world: ChatWorld) -> None:
    await studies(world, 10, 4)
    await say(world, "s-hana", "もう消えたい")
    assert titles(await reflect(world)) == []


async def test_nothing_is_suggested_to_who_does_not_answer_today(world: ChatWorld) -> None:
    await studies(world, 10, 4)
    await say(world, "s-hana", "ふり返り")
    assert titles(await say(world, "s-hana", "今日は答えない")) == []


async def test_a_school_may_switch_it_off(world: ChatWorld) -> None:
    await studies(world, 10, 4)
    services = world.core.services
    times = SchoolTimes(by_school={"minami": replace(Times(), suggestions=False)})
    object.__setattr__(services, "times", times)
    assert titles(await reflect(world)) == []


async def test_the_rule_is_read_from_the_schools_file(tmp_path: Path) -> None:
    path = tmp_path / "schools.yaml"
    path.write_text("minami: {suggestions: false}\n")
    times = SchoolTimes.load(path)
    assert (times.of("minami").suggestions, times.of("higashi").suggestions) == (False, True)


async def test_a_child_may_ask_what_to_do_next(world: ChatWorld) -> None:
    assert "結果が少なくて" in (await say(world, "s-hana", "つぎは何をやればいい？")).text
    await studies(world, 10, 0)
    reply = await say(world, "s-hana", "つぎは何をやればいい？")
    assert "10問やってみたね" in reply.text and "0問正解" not in reply.text
    assert titles(reply) == ["分数のたし算（動画）（まなび動画・5分）"]


async def test_a_teacher_finds_what_fits_a_child_of_theirs(world: ChatWorld) -> None:
    await studies(world, 10, 4)
    reply = await say(world, "t-ito", "佐藤花さんに合う教材は？")
    assert "10問中4問" in reply.text and titles(reply) == ["分数のたし算（動画）（まなび動画・5分）"]
    reply = await say(world, "t-kato", "佐藤花さんに合う教材は？")
    assert "10" not in reply.text and titles(reply) == []


async def test_a_guardian_asks_for_their_own_child_and_no_other(world: ChatWorld) -> None:
    await studies(world, 10, 4)
    assert "10問中4問" in (await say(world, "g-sato", "花に合う教材は？")).text
    assert titles(await say(world, "g-sato", "鈴木蓮さんに合う教材は？")) == []


async def test_a_child_hears_nothing_about_another(world: ChatWorld) -> None:
    await studies(world, 10, 4)
    reply = await say(world, "s-ren", "佐藤花さんに合う教材は？")
    assert "ほかの人のことは" in reply.text and titles(reply) == []
    assert await offers(world) == []


async def test_what_did_not_help_is_not_suggested_again(world: ChatWorld) -> None:
    await studies(world, 10, 4)
    await reflect(world)
    async with world.core.database.write() as connection:
        await connection.execute(update(ContentOffer).values(opened_at=AFTERNOON, is_useful=False))
    world.clock.forward(days=1)
    assert titles(await reflect(world)) == ["かけ算ドリル"]  # of the subject then


async def test_a_teacher_looks_for_their_own_class_or_a_grade(world: ChatWorld) -> None:
    assert titles(await say(world, "t-ito", "理科の動画ある？")) == []
    assert titles(await say(world, "t-ito", "5年の理科の動画ある？")) == ["天気の変化 資料動画（8分）"]
    assert titles(await say(world, "t-ito", "4年2組に合う分数の動画は？")) == [
        "分数のたし算（動画）（まなび動画・5分）"
    ]
    assert titles(await say(world, "t-ito", "4年2組に合うドリルは？")) == ["かけ算ドリル"]


async def test_what_it_is_used_for_is_no_part_of_the_topic(world: ChatWorld) -> None:
    assert titles(await say(world, "t-ito", "分数の授業で使える教材は？")) == [
        "分数のたし算（動画）（まなび動画・5分）"
    ]
    assert "ちょうど合うもの" not in (await say(world, "t-ito", "分数の授業で使える教材は？")).text
