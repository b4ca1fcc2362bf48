"""Alerts in the chat of staff: buttons, typed words, the list; and nothing of it for anybody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from assistant.alerting import PREFIX
from knowledge.db import Database
from knowledge.records.alerts import Alert, AlertStep
from knowledge.records.announcements import Announcement, AnnouncementRecipient
from knowledge.records.audit import Act, AuditEntry
from knowledge.records.roster import Role
from tests.integration.test_alerts_passed_on import linked
from tests.platforms.line import user_id
from tests.worlds import LineWorld, line_world

URGENT, SOON = "もう しにたい", "いじめられている"


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Children of two classes, their teachers, the principal and a guardian have LINE."""
    async with line_world(database, tmp_path / "data") as world:
        children = {"hana": "s-hana", "ren": "s-ren", "sora": "s-sora"}
        await linked(world, **children, ito="t-ito", kato="t-kato", ogawa="p-ogawa", mori="t-mori", sato="g-sato")
        yield world


async def states(world: LineWorld) -> dict[str, str]:
    async with world.core.database.read() as connection:
        return {row.student_id: row.state for row in await connection.execute(select(Alert.student_id, Alert.state))}


async def id_of(world: LineWorld, student_id: str) -> str:
    async with world.core.database.read() as connection:
        return (await connection.scalars(select(Alert.id).where(Alert.student_id == student_id))).one()


async def history(world: LineWorld) -> list[tuple[str, str | None]]:
    async with world.core.database.read() as connection:
        rows = await connection.execute(select(AlertStep.state, AlertStep.actor_id).order_by(AlertStep.id))
        return [(state, actor) for state, actor in rows]


async def audited(world: LineWorld) -> list[str]:
    """What the audit has about alerts: the acts, in order."""
    async with world.core.database.read() as connection:
        statement = (
            select(AuditEntry.act)
            .where(AuditEntry.kind == "alerts", AuditEntry.act != Act.TOLD)
            .order_by(AuditEntry.id)
        )
        return [*await connection.scalars(statement)]


async def postback(world: LineWorld, name: str, data: str) -> list[str]:
    """A tap on a button that somebody made up, or forwarded."""
    before = len(world.line.texts_to(user_id(name)))
    assert await world.send(world.line.events.postback(user_id(name), data)) == 200
    await world.core.drain()
    world.clock.forward(seconds=1)
    return world.line.texts_to(user_id(name))[before:]


async def test_three_buttons_under_the_notice_and_who_did_what_is_kept(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    labels = [label for label, _ in world.line.quick_replies_to(user_id("ito"))]
    assert labels[:3] == ["見ました", "対応しました", "心配なし"]
    (seen,) = await world.tap("ito", "見ました")
    assert "佐藤 花さん" in seen
    assert await states(world) == {"s-hana": "seen"}
    (done,) = await world.tap("ito", "対応しました")
    assert "対応しました" in done
    assert await states(world) == {"s-hana": "addressed"}
    assert await history(world) == [("new", None), ("seen", "t-ito"), ("addressed", "t-ito")]
    assert await audited(world) == ["change", "change"]


@pytest.mark.parametrize(
    ("typed", "state"),
    [
        ("見ました", "seen"),
        ("佐藤さんの件、対応しました", "addressed"),
        ("花さんは心配ありません", "not_a_concern"),
        ("Handled", "addressed"),
    ],
)
async def test_the_same_may_be_typed(world: LineWorld, typed: str, state: str) -> None:
    await world.say("hana", URGENT)
    await world.say("ito", typed)
    assert await states(world) == {"s-hana": state}


async def test_of_several_it_is_asked_which(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    await world.say("ren", SOON)
    (asked,) = await world.say("ito", "対応しました")
    assert "どのアラート" in asked
    assert set((await states(world)).values()) == {"new"}
    await world.tap("ito", "鈴木 蓮さん")
    assert await states(world) == {"s-hana": "new", "s-ren": "addressed"}
    await world.say("ito", "佐藤さんの件は対応しました")
    assert await states(world) == {"s-hana": "addressed", "s-ren": "addressed"}


async def test_the_principal_who_sees_many_means_the_one_that_was_passed_on(world: LineWorld) -> None:
    from scheduler.alerts import AlertSource
    from scheduler.escalating import Escalating

    await world.say("hana", URGENT)
    world.clock.forward(minutes=11)
    services = world.core.services
    await Escalating(services.database, services.timezone, services.times, ["line"], [AlertSource()]).plan(
        world.clock.now()
    )
    await world.core.drain()
    await world.say("sora", SOON)
    await world.say("ogawa", "見ました")
    assert await states(world) == {"s-hana": "seen", "s-sora": "new"}


async def test_the_list_shows_what_is_open_without_the_childs_words(world: LineWorld) -> None:
    assert "終わっていないアラートはありません" in (await world.say("ito", "アラート一覧"))[-1]
    await world.say("hana", SOON)
    await world.say("ren", URGENT)
    await world.say("sora", URGENT)
    (listed,) = await world.say("ito", "アラート")
    assert listed.index("鈴木 蓮さん") < listed.index("佐藤 花さん")  # what is urgent comes first
    assert "高橋 空" not in listed  # of another class
    assert "いじめ" not in listed
    (one,) = await world.tap("ito", "佐藤 花さん")
    assert "まだだれも見ていません" in one
    await world.tap("ito", "心配なし")
    assert "佐藤 花" not in (await world.say("ito", "open alerts"))[-1]
    assert "read" in await audited(world)


async def test_a_second_teacher_may_close_what_another_has_seen(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    await world.tap("ito", "見ました")
    await world.say("ogawa", "佐藤さんの件、対応しました")
    assert await history(world) == [("new", None), ("seen", "t-ito"), ("addressed", "p-ogawa")]


async def test_seeing_opens_nothing_that_is_closed(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    alert = await id_of(world, "s-hana")
    await world.tap("ito", "対応しました")
    await postback(world, "ito", f"{PREFIX}seen/{alert}")
    assert await states(world) == {"s-hana": "addressed"}


async def test_a_tap_from_before_the_childs_next_text_closes_nothing(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    alert = await id_of(world, "s-hana")
    late = world.line.events.postback(user_id("ito"), f"{PREFIX}addressed/{alert}", at=world.clock.seconds() - 1)
    await world.say("hana", URGENT)
    assert await world.send(late) == 200
    await world.core.drain()
    assert await states(world) == {"s-hana": "new"}
    assert "そのあとにも書いています" in world.line.texts_to(user_id("ito"))[-1]


@pytest.mark.parametrize("who", ["kato", "mori", "sato", "hana"])
async def test_a_made_up_button_finds_nothing_whether_there_is_something_or_not(world: LineWorld, who: str) -> None:
    """A teacher of another class, of a subject, a guardian, and the child."""
    await world.say("hana", URGENT)
    alert = await id_of(world, "s-hana")
    of_hana = [
        await postback(world, who, f"{PREFIX}{what}/{alert}") for what in ("show", "seen", "addressed", "not_a_concern")
    ]
    of_nobody = [
        await postback(world, who, f"{PREFIX}{what}/{id}")
        for what, id in (("show", "nobody"), ("seen", "x" * 80), ("addressed", "%"), ("not_a_concern", ""))
    ]
    assert of_hana == of_nobody
    assert "花" not in str(of_hana)
    assert await states(world) == {"s-hana": "new"}
    assert await audited(world) == ["refused"] * 8


@pytest.mark.parametrize("words", ["アラート一覧", "佐藤さんの件、対応しました"])
async def test_a_child_or_a_guardian_hears_nothing_of_alerts(world: LineWorld, words: str) -> None:
    before = [await world.say(name, words) for name in ("sora", "sato")]
    await world.say("hana", URGENT)
    assert [await world.say(name, words) for name in ("sora", "sato")] == before
    assert await states(world) == {"s-hana": "new"}


async def test_a_teacher_of_another_class_cannot_answer_for_it(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    for words in ("見ました", "佐藤さんの件、対応しました", "アラート一覧"):
        answers = await world.say("kato", words)
        assert "花" not in str(answers)
    assert await states(world) == {"s-hana": "new"}


async def test_a_teacher_who_left_can_do_nothing_with_an_old_button(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    yesterday = world.clock.moment.date() - timedelta(days=1)
    async with world.core.database.write() as connection:
        await connection.execute(update(Role).where(Role.user_sourced_id == "t-ito").values(end_date=yesterday))
    await world.tap("ito", "見ました")
    assert await states(world) == {"s-hana": "new"}
    assert await audited(world) == ["refused"]


async def test_words_to_a_child_are_no_answer_to_an_alert(world: LineWorld) -> None:
    await world.say("ito", "今日のふりかえりを出していない子は？")
    await world.tap("ito", "この子たちに声をかける")
    await world.say("hana", URGENT)
    (preview,) = await world.say("ito", "見ました")
    assert "届く言葉" in preview
    assert await states(world) == {"s-hana": "new"}


async def test_where_an_announcement_waits_for_an_answer_too_it_is_asked_which(world: LineWorld) -> None:
    now = world.clock.now()
    announcement = insert(Announcement).values(
        id="a1", owner_id="p-ogawa", school_id="minami", text="会議室を変えます", answer_kind="yes_no", choices=[],
        is_safety_check=False, state="open", created_at=now,
    )  # fmt: skip
    async with world.core.database.write() as connection:
        await connection.execute(announcement)
        await connection.execute(
            insert(AnnouncementRecipient).values(announcement_id="a1", person_id="t-ito", asked_at=now)
        )
    await world.say("hana", URGENT)
    (asked,) = await world.say("ito", "見ました")
    assert "どのアラートを見ましたか" in asked
    assert await states(world) == {"s-hana": "new"}
    await world.tap("ito", "佐藤 花さん")
    assert await states(world) == {"s-hana": "seen"}


async def test_without_an_alert_the_words_mean_what_they_always_did(world: LineWorld) -> None:
    (answer,) = await world.say("ito", "対応しました")
    assert "アラート" not in answer


async def test_the_childs_urgent_answer_asks_the_database_no_more_than_before(
    world: LineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import event

    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    engine = world.core.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        assert await world.send(world.line.events.text(user_id("hana"), URGENT)) == 200
        await world.core.turns.drain()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    staff = [
        statement
        for statement in asked
        if "agent_sourced_ids" in statement or ("JOIN accounts" in statement and "roles" in statement)
    ]
    assert len(staff) == 2
