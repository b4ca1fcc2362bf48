"""What staff look at is in the audit, whichever way they look; a child and a guardian are told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, time
from pathlib import Path

import pytest

from knowledge.db import Database
from knowledge.questions.model import Phase
from knowledge.records.audit import Act, Entry, Kind, record
from knowledge.records.audit_check import verify
from knowledge.records.audit_reading import Listed, listed
from knowledge.records.checkins import CheckInRecord, Status, save_checkins
from scheduler.briefs import Briefs
from scheduler.schools import SchoolTimes
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY = date(2026, 5, 11)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Monday at four: Hana has reflected; she, a classmate and her teacher have their phones linked."""
    clock = HandClock(datetime.combine(MONDAY, time(16), TOKYO))
    async with line_world(database, tmp_path / "data", clock=clock) as world:
        moment = datetime.combine(MONDAY, time(15, 30), TOKYO)
        reflection = CheckInRecord(
            student_id="s-hana",
            date=MONDAY,
            phase=Phase.REFLECTION,
            status=Status.FINISHED,
            started_at=moment,
            updated_at=moment,
            answered_at=moment,
            mood="rainy",
            went_well="分数が分かった",
            difficult="友達とけんかした",
        )
        async with database.write() as connection:
            await save_checkins(connection, [reflection.keep(["difficult"])])
        for name, person in {"hana": "s-hana", "ren": "s-ren", "ito": "t-ito"}.items():
            await world.link(name, person)
        yield world


async def entries(world: LineWorld) -> list[Listed]:
    """What is in the audit but for sign-ins, the newest first; the chain holds."""
    async with world.core.database.read() as connection:
        assert (await verify(connection)).holds
        return [each for each in await listed(connection, 1_000) if each.act != Act.SIGN_IN]


async def test_a_question_about_a_child_is_in_the_audit(world: LineWorld):
    said = await world.say("ito", "佐藤花さんのふりかえりを見せて")
    assert any("分数が分かった" in each for each in said)
    [entry] = await entries(world)
    assert (entry.actor_id, entry.role, entry.act, entry.kind) == ("t-ito", "teacher", "read", "checkins")
    assert (entry.subject_ids, entry.channel) == (["s-hana"], "line")
    assert "花" not in entry.detail and "s-hana" not in entry.detail


async def test_what_the_child_keeps_to_herself_is_in_no_answer(world: LineWorld):
    for text in ("佐藤花さんのふりかえりを見せて", "今日のふりかえりを見せて", "返信していないふりかえりを見せて"):
        said = await world.say("ito", text)
        assert any("分数が分かった" in each for each in said), text
        assert not any("けんか" in each for each in said), text


async def test_a_list_names_those_whom_it_shows(world: LineWorld):
    await world.say("ito", "今日ふりかえりを出していない人は？")
    [entry] = await entries(world)
    assert "s-ren" in entry.subject_ids and "s-hana" not in entry.subject_ids


async def test_a_figure_of_a_class_names_nobody(world: LineWorld):
    await world.say("ito", "4年2組の今日のふりかえり率は？")
    [entry] = await entries(world)
    assert (entry.act, entry.subject_ids) == ("read", []) and "class:c-4-2" in entry.detail


async def test_a_table_leaves_the_product(world: LineWorld):
    await world.say("ito", "佐藤花さんのふりかえりを見せて")
    await world.say("ito", "CSV")
    newest, _ = await entries(world)
    assert (newest.act, newest.subject_ids) == ("export", ["s-hana"])


async def test_children_leave_no_entry_when_they_look_at_their_own(world: LineWorld):
    await world.say("hana", "今日のわたし")
    await world.say("hana", "先週の私の気分は？")
    assert await entries(world) == []


async def test_a_child_who_asks_about_another_is_refused_and_it_is_in_the_audit(world: LineWorld):
    said = await world.say("ren", "佐藤花さんの今週の気分は？")
    assert not any("2" in each and "花" in each for each in said)
    assert [(each.actor_id, each.act) for each in await entries(world)] == [("s-ren", "refused")]


async def test_the_brief_that_names_a_child_is_a_look_too(world: LineWorld):
    world.clock.moment = datetime.combine(MONDAY, time(16, 30), TOKYO)
    await Briefs(world.core.database, TOKYO, SchoolTimes(), ["line"]).plan(world.clock.now())
    await world.core.drain()
    found = await entries(world)
    assert found and all(each.actor_id == "t-ito" and each.channel == "line" for each in found)
    assert {"s-ren", "s-hana"} <= {id for each in found for id in each.subject_ids}


@pytest.mark.parametrize(("words", "kind"), [("消えたい", "alerts"), ("伊藤先生と話したい", "talk_requests")])
async def test_a_notice_that_names_a_child_is_a_look_too_but_no_news_for_the_child(
    world: LineWorld, words: str, kind: str
):
    before = len(world.line.texts_to(user_id("ito")))
    await world.say("hana", words)
    for label in ("だれにも言わない", "友だちのこと"):
        if label in [shown for shown, _ in world.line.quick_replies_to(user_id("hana"))]:
            await world.tap("hana", label)
    assert any("花さん" in text for text in world.line.texts_to(user_id("ito"))[before:])
    [entry] = await entries(world)
    assert (entry.actor_id, entry.act, entry.kind, entry.channel) == ("t-ito", "told", kind, "line")
    assert entry.subject_ids == ["s-hana"]
    assert not any("伊藤" in text for text in await world.say("hana", "だれが見た？"))


async def test_the_child_is_told_who_looked(world: LineWorld):
    for _ in range(2):
        await world.say("ito", "佐藤花さんのふりかえりを見せて")
    [said] = await world.say("hana", "だれが見た？")
    assert "伊藤先生が「見通しとふり返り」を2回見たよ" in said
    assert "あなたをおうえんするため" in said
    [nobody] = await world.say("ren", "だれが見た？")
    assert "見た人はいないよ" in nobody


async def test_neither_child_nor_guardian_is_told_what_staff_do_for_the_childs_safety(world: LineWorld):
    at = world.clock.now().astimezone(TOKYO)
    looks = {Kind.ALERTS: "t-ito", Kind.TALK_REQUESTS: "t-ito", Kind.FLAGS: "t-ito", Kind.NURSE_VISITS: "n-hayashi"}
    await record(
        world.core.database,
        [
            Entry(actor_id=actor, act=act, kind=kind, subject_ids=["s-hana"], channel="page", at=at)
            for kind, actor in looks.items()
            for act in (Act.READ, Act.CHANGE)
        ],
    )
    await world.link("sato", "g-sato")
    [said] = await world.say("sato", "誰が見ましたか")
    assert "安全や相談に関わる対応" in said
    assert "最近、花さんの記録を見た教職員です" in said and "保健室の記録" in said
    assert said.count("・") == 2, "what was read, and what was changed, of the nurse's records alone"
    [to_child] = await world.say("hana", "だれが見た？")
    assert "お願い" in to_child and "ほけん室" in to_child
    assert to_child.count("・") == 4, "those of the wish to talk, too; none of alerts and flags, under whatever name"


async def test_a_code_made_for_a_child_is_no_look_at_anything(world: LineWorld):
    made = Entry(
        actor_id=None, act=Act.CHANGE, kind=Kind.ACCOUNTS, subject_ids=["s-ren"], channel="cli", at=world.clock.now()
    )
    await record(world.core.database, [made])
    [said] = await world.say("ren", "だれが見た？")
    assert "コンピューター" not in said


async def test_somebody_who_left_is_named_no_more(world: LineWorld):
    at = world.clock.now().astimezone(TOKYO)
    gone = Entry(actor_id="t-gone", act=Act.READ, kind=Kind.CHECKINS, subject_ids=["s-hana"], channel="page", at=at)
    await record(world.core.database, [gone])
    [said] = await world.say("hana", "だれが見た？")
    assert "前にいた学校の人が「見通しとふり返り」を見たよ" in said
