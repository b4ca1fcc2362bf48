"""The queue of reflections without a word, in a chat: three replies to choose from, sent once, and who has had none."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from assistant.handlers.replying import read_place
from knowledge.db import Database
from knowledge.questions.model import Phase
from knowledge.questions.reply_queue import queue_of
from knowledge.records.alerts import raise_alert
from knowledge.records.audit import AuditEntry
from knowledge.records.checkins import CheckInRecord, Status, save_checkins
from knowledge.records.replies import ReflectionRead, Reply
from knowledge.records.scope import load_viewer
from scheduler.outbox import Outbox
from scheduler.schools import Times
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY = date(2026, 5, 11)
FRIDAY = MONDAY - timedelta(days=3)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Monday at four: the teacher of 4年2組 and Hana have linked their phones; Ren of the same class has not."""
    clock = HandClock(datetime.combine(MONDAY, time(16), TOKYO))
    async with line_world(database, tmp_path / "data", clock=clock) as world:
        await world.link("ito", "t-ito")
        await world.link("hana", "s-hana")
        yield world


def heard(world: LineWorld, name: str) -> list[str]:
    return world.line.texts_to(user_id(name))


def reflection(student_id: str, day: date = MONDAY, **answers: str) -> CheckInRecord:
    moment = datetime.combine(day, time(15, 30), TOKYO)
    answers = answers or {"went_well": "かけ算を何回も練習してすらすら言えた", "next_step": "わり算もやってみる"}
    return CheckInRecord(
        student_id=student_id,
        date=day,
        phase=Phase.REFLECTION,
        status=Status.FINISHED,
        started_at=moment,
        updated_at=moment,
        answered_at=moment,
        **answers,  # pyright: ignore[reportArgumentType] -- answers are texts
    )


async def reflected(world: LineWorld, *records: CheckInRecord) -> None:
    async with world.core.database.write() as connection:
        await save_checkins(connection, records)


async def replies(world: LineWorld) -> list[tuple[str, date, str]]:
    async with world.core.database.read() as connection:
        rows = await connection.execute(select(Reply.student_id, Reply.date, Reply.text).order_by(Reply.sent_at))
        return [(row.student_id, row.date, row.text) for row in rows]


async def test_the_reflection_that_waited_longest_comes_first_with_three_replies(world: LineWorld) -> None:
    await reflected(world, reflection("s-hana"), reflection("s-ren", FRIDAY, went_well="図でかんがえた"))
    [said] = await world.say("ito", "返信待ち")
    assert said.startswith("返信待ち 2件") and "鈴木 蓮" in said and "5月8日" in said and "3日前" in said
    assert "図でかんがえた" in said and all(f"\n{number}. " in said for number in (1, 2, 3))
    [said] = await world.tap("ito", "次へ")
    assert "佐藤 花" in said and "今日" in said
    [said] = await world.say("ito", "次へ")
    assert "これで最後" in said


async def test_a_suggestion_is_previewed_changed_and_sent_once(world: LineWorld) -> None:
    await reflected(world, reflection("s-hana"))
    [said] = await world.say("ito", "返信待ち")
    first = next(line.removeprefix("1. ") for line in said.splitlines() if line.startswith("1. "))
    [preview] = await world.tap("ito", "1を使う")
    assert first[:10] in preview and await replies(world) == []
    await world.tap("ito", "書き直す")
    await world.say("ito", "何回も言ってみたところを読みました。")
    before = len(heard(world, "hana"))
    [send] = [action for label, action in world.line.quick_replies_to(user_id("ito")) if label == "この内容で送る"]
    await world.send(world.line.events.postback(user_id("ito"), send["data"]))
    await world.send(world.line.events.postback(user_id("ito"), send["data"]))
    await world.core.drain()
    [message] = heard(world, "hana")[before:]
    assert "伊藤先生が" in message and "何回も言ってみたところを読みました。" in message
    assert await replies(world) == [("s-hana", MONDAY, "何回も言ってみたところを読みました。")]
    [said] = await world.say("ito", "返信待ち")
    assert "ありません" in said


async def test_after_sending_the_next_is_one_tap_away(world: LineWorld) -> None:
    await reflected(world, reflection("s-hana", FRIDAY), reflection("s-ren"))
    await world.say("ito", "返信待ち")
    await world.tap("ito", "2を使う")
    [done] = await world.tap("ito", "この内容で送る")
    assert "1人に送りました" in done
    [said] = await world.tap("ito", "次へ")
    assert "鈴木 蓮" in said and "返信待ち 1件" in said


async def test_the_same_three_are_offered_until_one_is_sent(world: LineWorld) -> None:
    await reflected(world, reflection("s-hana"), reflection("s-hana", FRIDAY))
    [once] = await world.say("ito", "返信待ち")
    [again] = await world.say("ito", "返信待ち")
    assert once == again
    [chosen] = [line.removeprefix("1. ") for line in once.splitlines() if line.startswith("1. ")]
    await world.tap("ito", "1を使う")
    await world.tap("ito", "この内容で送る")
    [after] = await world.say("ito", "返信待ち")
    assert "佐藤 花" in after and chosen not in after


async def test_where_a_child_asks_for_help_nothing_is_suggested(world: LineWorld) -> None:
    await reflected(world, reflection("s-hana", difficult="もう消えてしまいたい"))
    [said] = await world.say("ito", "返信待ち")
    assert "まず会って" in said and "アラートのページ" in said and "\n1. " not in said
    labels = [label for label, _ in world.line.quick_replies_to(user_id("ito"))]
    assert labels == ["次へ", "あとで"]


async def test_an_open_alert_is_enough(world: LineWorld) -> None:
    await reflected(world, reflection("s-hana"))
    async with world.core.database.write() as connection:
        at = world.clock.now()
        told = {"level": "soon", "category": "bullying", "words": "いじめ", "text": "いじめ"}
        await raise_alert(connection, event_id="e-1", student_id="s-hana", at=at, **told)
    [said] = await world.say("ito", "返信待ち")
    assert "まず会って" in said and "\n1. " not in said


async def test_an_alert_that_a_teacher_may_not_know_of_leaves_no_trace(world: LineWorld) -> None:
    await reflected(world, reflection("s-yui"))
    await world.link("mori", "t-mori")  # teaches mathematics
    await world.link("abe", "t-abe")  # the homeroom teacher
    async with world.core.database.write() as connection:
        told = {"level": "soon", "category": "bullying", "words": "いじめ", "text": "いじめ"}
        await raise_alert(connection, event_id="e-1", student_id="s-yui", at=world.clock.now(), **told)
    [said] = await world.say("mori", "返信待ち")
    assert "\n3. " in said and "まず会って" not in said
    [said] = await world.say("abe", "返信待ち")
    assert "まず会って" in said


async def test_a_number_may_be_typed(world: LineWorld) -> None:
    await reflected(world, reflection("s-hana"))
    [said] = await world.say("ito", "返信待ち")
    [third] = [line.removeprefix("3. ") for line in said.splitlines() if line.startswith("3. ")]
    [preview] = await world.say("ito", "３")
    assert third[:10] in preview
    [said] = await world.say("ito", "書き直す")
    [preview] = await world.say("ito", "5問も解いたね。読みました。")
    assert "5問も" in preview


async def test_a_reply_that_begins_under_an_answer_has_suggestions_too(world: LineWorld) -> None:
    await reflected(world, reflection("s-hana"), reflection("s-ren", FRIDAY))
    await world.say("ito", "今日のふりかえりを見せて")
    [said] = await world.tap("ito", "返信：佐藤 花")
    assert "佐藤 花" in said and "\n3. " in said


async def test_a_school_may_leave_out_that_it_was_read(database: Database, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "schools.yaml").write_text("minami:\n  read_receipts: false\n", "utf-8")
    clock = HandClock(datetime.combine(MONDAY, time(16), TOKYO))
    async with line_world(database, tmp_path / "data", clock=clock) as world:
        await world.link("ito", "t-ito")
        await world.link("hana", "s-hana")
        await reflected(world, reflection("s-hana"))
        await world.say("ito", "返信待ち")
        [said] = await world.say("hana", "今日のわたし")
        assert "先生が" not in said


@pytest.mark.parametrize(
    ("at", "out"),
    [("16:00", "11T16:00"), ("20:00", "12T07:00"), ("23:59", "12T07:00"), ("00:00", "11T07:00"), ("07:00", "11T07:00")],
)
def test_quiet_hours_end_in_the_morning(at: str, out: str) -> None:
    moment = datetime.combine(MONDAY, time.fromisoformat(at), TOKYO)
    assert Times().out_of_quiet(moment) == datetime.fromisoformat(f"2026-05-{out}").replace(tzinfo=TOKYO)


async def test_what_a_child_keeps_to_itself_never_waits(world: LineWorld) -> None:
    await reflected(
        world,
        replace(reflection("s-hana"), visibility="self"),
        reflection("s-ren", went_well="みせてもいい", difficult="みせたくない").keep(["difficult"]),
    )
    [said] = await world.say("ito", "返信待ち")
    assert said.startswith("返信待ち 1件") and "みせてもいい" in said and "みせたくない" not in said


async def test_the_queue_counts_what_the_figure_counts(world: LineWorld) -> None:
    await reflected(
        world,
        reflection("s-hana"),
        reflection("s-hana", FRIDAY),
        replace(reflection("s-ren"), visibility="self"),
        replace(reflection("s-ren", FRIDAY), went_well="", next_step=None),
        reflection("s-sora"),
    )
    [figure] = await world.say("ito", "返信待ちは何件？")
    assert "2件" in figure
    async with world.core.database.read() as connection:
        viewer = await load_viewer(connection, "t-ito", MONDAY)
        queue = await queue_of(connection, viewer, world.clock.moment)
        assert queue is not None
        assert await queue.count(connection) == len(await queue.find(connection, most=9)) == 2


async def test_in_quiet_hours_a_reply_waits_for_the_morning(world: LineWorld) -> None:
    await reflected(world, reflection("s-hana"))
    world.clock.moment = datetime.combine(MONDAY, time(21), TOKYO)
    await world.say("ito", "返信待ち")
    await world.tap("ito", "1を使う")
    before = len(heard(world, "hana"))
    [done] = await world.tap("ito", "この内容で送る")
    assert "07:00に届きます" in done and heard(world, "hana")[before:] == []
    async with world.core.database.read() as connection:
        due = await connection.scalar(select(Outbox.due_at).where(Outbox.key.startswith("reply:")))
    assert due == datetime.combine(MONDAY + timedelta(days=1), time(7), TOKYO)


async def test_who_has_had_no_word_for_two_weeks_stands_in_the_order_of_the_register(world: LineWorld) -> None:
    async with world.core.database.write() as connection:
        for days, student in ((13, "s-hana"), (14, "s-ren")):
            at = datetime.combine(MONDAY - timedelta(days=days), time(16), TOKYO)
            row = {"id": student, "student_id": student, "date": at.date(), "author_id": "t-kato", "text": "読んだよ"}
            await connection.execute(insert(Reply).values(**row, sent_at=at))
    [said] = await world.say("ito", "最近声をかけていない子は？")
    assert "鈴木 蓮さん（14日）" in said and "佐藤" not in said and "1人" in said
    [offer] = await world.tap("ito", "この子たちに声をかける")
    assert "1人" in offer


async def test_a_child_reads_once_that_the_teacher_has_read_it(world: LineWorld) -> None:
    await reflected(world, reflection("s-hana"))
    [before] = await world.say("hana", "今日のわたし")
    assert "先生が" not in before
    await world.say("ito", "返信待ち")
    heard_before = len(heard(world, "hana"))
    [said] = await world.say("hana", "今日のわたし")
    assert "5月11日のふり返り、先生が読んだよ" in said and len(heard(world, "hana")) == heard_before + 1
    [again] = await world.say("hana", "今日のわたし")
    assert "先生が" not in again


async def test_every_look_and_every_reply_is_in_the_audit(world: LineWorld) -> None:
    await reflected(world, reflection("s-hana"))
    await world.say("ito", "返信待ち")
    await world.tap("ito", "1を使う")
    await world.tap("ito", "この内容で送る")
    async with world.core.database.read() as connection:
        rows = await connection.execute(select(AuditEntry.act, AuditEntry.kind).order_by(AuditEntry.id))
        acts = [tuple(row) for row in rows]
        assert ("read", "checkins") in acts and ("change", "replies") in acts
        assert await connection.scalar(select(func.count()).select_from(ReflectionRead)) == 1


async def test_somebody_without_a_class_and_a_child_see_no_queue(world: LineWorld) -> None:
    await reflected(world, reflection("s-hana"), reflection("s-sora"))
    await world.link("mori", "t-mori")
    [said] = await world.say("mori", "返信待ち")
    assert "ありません" in said
    said = await world.say("hana", "返信待ち")
    assert "返信待ち 1件" not in "".join(said)
    await world.send(world.line.events.postback(user_id("hana"), "rq/queue"))
    await world.core.drain()
    assert "かけ算を何回も" not in heard(world, "hana")[-1]


async def test_a_subject_teacher_sees_no_mood_and_only_their_class(world: LineWorld) -> None:
    await reflected(world, reflection("s-yui", went_well="方程式が解けた", mood="rainy"), reflection("s-hana"))
    await world.link("mori", "t-mori")
    [said] = await world.say("mori", "返信待ち")
    assert said.startswith("返信待ち 1件") and "方程式が解けた" in said
    async with world.core.database.read() as connection:
        queue = await queue_of(connection, await load_viewer(connection, "t-mori", MONDAY), world.clock.moment)
        assert queue is not None
        assert [each.mood for each in await queue.find(connection, most=1)] == [None]
        viewer = await load_viewer(connection, "t-mori", MONDAY)
        assert await queue_of(connection, viewer, world.clock.moment, "c-4-2") is None


@pytest.mark.parametrize("text", ["", "x", "1", "1.", ".1", "-1.2", "9" * 30 + ".1", "１.２", "1.2.3"])
def test_what_is_no_place_in_the_queue_is_none(text: str) -> None:
    assert read_place(text) is None
