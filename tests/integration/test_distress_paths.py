"""Words in need of help are looked for first, on whatever way they come; the alert stays when the words are taken back.

Ways that have their own tests: a flood (test_pace.py), an answer to an announcement (test_announcements.py), to a
safety check (test_review_emergency.py), a comment (test_content_feedback.py), a file's caption (test_slack.py), a wish
to talk, a note, a correction, an answer kept to oneself, a text that is late or too long (dialogues/ja/distress.yaml).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from assistant.bootstrap import HANDLERS
from assistant.dialogue.state import DialogueState
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import LinkAccount
from assistant.handlers import care
from assistant.inbox import InboxEvent
from assistant.messages import Incoming, Kind
from knowledge.db import Base, Database, upsert
from knowledge.errors import StorageDownError
from knowledge.imports.registry import run_import
from knowledge.records.alerts import AlertText
from knowledge.records.calendar import CalendarDay
from knowledge.records.closures import Closure
from knowledge.records.roster import Role, User
from tests.browser.world import BrowserWorld, browser_world
from tests.dialogues.world import ChatWorld, import_district
from tests.integration.test_browser_chat import Page, browser
from tests.integration.test_slack import HANA, SlackWorld, slack_world
from tests.platforms.line import redelivered, user_id
from tests.worlds import MORNING, TOKYO, LineWorld, line_world

WORDS = "もう死にたい"
HANA_ON_LINE = f"line:{user_id('hana')}"
MAY_HOLD = {"inbox", "alert_texts", "browser_messages"}  # what came in, the alert, and what stands on the child's page


async def raised(database: Database) -> list[str]:
    """The levels of the texts that raised alerts."""
    async with database.read() as connection:
        return [*await connection.scalars(select(AlertText.level).order_by(AlertText.at))]


async def kept_in(database: Database, words: str = WORDS) -> set[str]:
    """The tables that hold the words."""
    async with database.read() as connection:
        return {
            table.name
            for table in Base.metadata.sorted_tables
            if words in str((await connection.execute(select(table))).all())
        }


@pytest.fixture
async def line(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    async with line_world(database, tmp_path / "data") as world:
        await world.link("hana", "s-hana")
        yield world


@pytest.fixture
async def hour(sqlite_url: str, tmp_path: Path) -> AsyncIterator[ChatWorld]:
    """A chat whose clock the test sets."""
    database = Database(sqlite_url)
    await import_district(database, tmp_path / "roster")
    yield ChatWorld(database, tmp_path, MORNING)
    await database.close()


@pytest.fixture
async def slack(sqlite_url: str, tmp_path: Path) -> AsyncIterator[SlackWorld]:
    database = Database(sqlite_url)
    async with slack_world(database, tmp_path / "data") as world:
        await world.link(HANA, "s-hana")
        yield world
    await database.close()


# --- the order of the handlers


def test_before_distress_only_those_stand_that_keep_no_words() -> None:
    before = HANDLERS[: HANDLERS.index(care.on_distress)]
    assert [each.__qualname__ for each in before] == ["on_account_event", "on_home", "on_every", "on_cry_for_help"]


async def test_whoever_stands_before_distress_leaves_every_text_to_it(hour: ChatWorld) -> None:
    hana = await hour.person("s-hana")
    for handler, kind in product(HANDLERS[: HANDLERS.index(care.on_distress)], care.HEARD):
        incoming = Incoming(
            event_id="e", account_id="line:hana", kind=kind, occurred_at=MORNING, text=WORDS, form={"goal": WORDS}
        )
        turn = Turn(
            incoming=incoming,
            person=hana,
            changed_at=None,
            records={},
            services=hour.core.services,
            state=DialogueState(),
        )
        assert not await handler(turn), handler
        assert turn.writes == [] and turn.outgoing == []


def test_every_kind_of_message_is_listened_to_or_carries_no_words_of_a_person() -> None:
    silent = {Kind.CHOICE, Kind.FOLLOW, Kind.UNFOLLOW, Kind.UNSEND, Kind.HOME}
    assert {*care.HEARD} | silent == {*Kind}


# --- LINE


async def test_a_text_over_line_is_kept_with_its_alert_alone(line: LineWorld) -> None:
    await line.say("hana", "めあて")
    await line.say("hana", "晴れ")
    answer = "\n".join(await line.say("hana", WORDS))
    assert "0120-0-78310" in answer
    assert await raised(line.core.database) == ["urgent"]
    assert await kept_in(line.core.database) <= MAY_HOLD


async def test_words_that_a_child_wrote_onto_a_sticker_are_heard(line: LineWorld) -> None:
    event = line.line.events.sticker(user_id("hana"))
    event["message"] |= {"stickerResourceType": "MESSAGE", "text": WORDS}
    assert await line.send(event) == 200
    await line.core.drain()
    assert await raised(line.core.database) == ["urgent"]


async def test_taking_a_message_back_takes_no_alert_back(line: LineWorld) -> None:
    event = line.line.events.text(user_id("hana"), WORDS)
    await line.send(event)
    await line.core.drain()
    await line.send(line.line.events.unsend(user_id("hana"), event["message"]["id"]))
    await line.core.drain()
    assert await kept_in(line.core.database) == {"alert_texts"}


async def test_a_message_that_is_taken_back_before_anybody_looked_at_it_raises_its_alert_all_the_same(
    line: LineWorld,
) -> None:
    now = line.clock.seconds()
    event = line.line.events.text(user_id("hana"), WORDS, at=now)
    taken_back = line.line.events.unsend(user_id("hana"), event["message"]["id"], at=now + 1)
    assert await line.send(taken_back, event) == 200
    await line.core.drain()
    assert await raised(line.core.database) == ["urgent"]


async def test_words_that_came_while_the_store_was_away_raise_one_alert_when_they_come_again(
    line: LineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_down() -> None:
        raise StorageDownError("down")

    event = line.line.events.text(user_id("hana"), WORDS)
    with monkeypatch.context() as patched:
        patched.setattr(line.core.database, "write", is_down)
        assert await line.send(event) == 503
    line.clock.forward(minutes=20)
    await line.say("hana", "めあて")  # the talk went on meanwhile
    assert await line.send(redelivered(event)) == 200
    assert await line.send(redelivered(event)) == 200
    await line.core.drain()
    assert await raised(line.core.database) == ["urgent"]


async def test_words_of_days_ago_that_come_only_now_raise_an_alert(line: LineWorld) -> None:
    at = (line.clock.now() - timedelta(days=2)).timestamp()
    await line.send(line.line.events.text(user_id("hana"), WORDS, at=at))
    await line.core.drain()
    assert await raised(line.core.database) == ["urgent"]


async def test_a_child_whose_role_ended_is_heard(line: LineWorld) -> None:
    async with line.core.database.write() as connection:
        ended = line.clock.moment.date() - timedelta(days=30)
        await connection.execute(update(Role).where(Role.user_sourced_id == "s-hana").values(end_date=ended))
    answer = "\n".join(await line.say("hana", WORDS))
    assert "0120-0-78310" in answer
    assert await raised(line.core.database) == ["urgent"]


async def test_a_child_who_left_the_roster_is_answered_like_a_stranger(line: LineWorld) -> None:
    async with line.core.database.write() as connection:
        await connection.execute(update(User).where(User.sourced_id == "s-hana").values(enabled=False))
    answer = "\n".join(await line.say("hana", WORDS))
    assert "0120-0-78310" in answer and "学校の 人には つたわって いないよ" in answer
    assert await raised(line.core.database) == []  # nobody at school is told about whom they do not know any more


async def test_the_notice_that_waits_to_be_read_changes_nothing(line: LineWorld) -> None:
    async with line.core.database.read() as connection:
        assert "notice" in str([*await connection.scalars(select(Base.metadata.tables["conversations"].c.state))])
    await line.say("hana", WORDS)
    assert await raised(line.core.database) == ["urgent"]


async def test_staff_and_families_raise_no_alert(line: LineWorld) -> None:
    await line.link("ito", "t-ito")
    await line.say("ito", "「もう死にたい」と書いた子がいました")
    assert await raised(line.core.database) == []


async def test_a_mistake_of_ours_keeps_no_alert_from_being_raised(database: Database, tmp_path: Path) -> None:
    async def breaks(turn: Turn) -> bool:
        raise ValueError("a mistake")

    async with line_world(database, tmp_path / "data", handlers=(breaks, *HANDLERS)) as world:
        await world.say("hana", "こんにちは")  # the account is there from its first message on
        async with database.write() as connection:
            await LinkAccount.store(
                connection, [LinkAccount(account_id=HANA_ON_LINE, person_id="s-hana", at=world.clock.now())]
            )
        (answer,) = await world.say("hana", WORDS)
        assert "0120-0-78310" in answer and "まだ学校の人に伝わっていないよ" in answer
        assert "もう一度送ってね" in (await world.say("hana", "やあ"))[0]
        assert await raised(database) == ["urgent"]


async def test_an_alert_is_stored_where_another_write_of_its_turn_cannot_be(database: Database, tmp_path: Path) -> None:
    async def leaves_poison(turn: Turn) -> bool:
        turn.writes.append(Poison())
        return False

    async with line_world(database, tmp_path / "data") as world:
        await world.link("hana", "s-hana")
    async with line_world(database, tmp_path / "data", handlers=(leaves_poison, *HANDLERS)) as world:
        answers = await world.say("hana", WORDS)
        assert "0120-0-78310" in answers[-1]
        assert await raised(database) == ["urgent"]


@dataclass(frozen=True, kw_only=True)
class Poison:
    """Cannot be stored."""

    @classmethod
    async def store(cls, connection: Any, writes: Any) -> None:
        raise ValueError("poison")


# --- Slack


async def test_a_text_over_slack_is_heard(slack: SlackWorld) -> None:
    await slack.say(HANA, WORDS)
    assert await raised(slack.core.database) == ["urgent"]
    assert await kept_in(slack.core.database) <= MAY_HOLD


async def test_words_that_a_message_was_changed_to_are_heard(slack: SlackWorld) -> None:
    event = slack.slack.events.message_im(HANA, "こんにちは")
    await slack.happens(event)
    await slack.happens(slack.slack.events.message_changed(event, WORDS))
    assert "0120-0-78310" in slack.slack.texts_to(HANA)[-1]
    assert await raised(slack.core.database) == ["urgent"]
    await slack.happens(slack.slack.events.message_deleted(event))
    assert await kept_in(slack.core.database) == {"alert_texts"}


async def test_changing_the_words_away_takes_no_alert_back(slack: SlackWorld) -> None:
    event = slack.slack.events.message_im(HANA, WORDS)
    await slack.happens(event)
    await slack.happens(slack.slack.events.message_changed(event, "なんでもない"))
    assert "前の言葉のまま" in slack.slack.texts_to(HANA)[-1]
    assert await raised(slack.core.database) == ["urgent"]


async def test_a_message_that_slack_itself_changed_is_no_new_text(slack: SlackWorld) -> None:
    event = slack.slack.events.message_im(HANA, WORDS)
    await slack.happens(event)
    before = slack.slack.texts_to(HANA)
    await slack.happens(slack.slack.events.message_changed(event, WORDS))  # as when it shows what a link leads to
    assert slack.slack.texts_to(HANA) == before
    assert await raised(slack.core.database) == ["urgent"]


async def test_a_changed_message_answers_nothing_and_keeps_what_waits(slack: SlackWorld) -> None:
    event = slack.slack.events.message_im(HANA, "メモ ひとつ")
    await slack.happens(event)
    await slack.say(HANA, "めあて")
    await slack.happens(slack.slack.events.message_changed(event, "メモ ふたつ"))
    assert "前の言葉のまま" in slack.slack.texts_to(HANA)[-1] and "☀️晴れ" in slack.labels(HANA)
    assert await kept_in(slack.core.database, "ふたつ") == {"inbox"}


async def test_a_slash_command_is_heard(slack: SlackWorld) -> None:
    await slack.happens(slack.slack.events.slash_command(HANA, "/ayumi", WORDS))
    assert await raised(slack.core.database) == ["urgent"]


async def test_every_field_of_a_form_is_heard_and_its_other_answers_are_kept(slack: SlackWorld) -> None:
    await slack.say(HANA, "チェックイン")
    view = await slack.open_form(HANA)
    answers = {"mood": "rainy", "goal": "漢字を十こ書く", "plan": WORDS}
    await slack.happens(slack.slack.events.view_submission(HANA, view, answers))
    assert await raised(slack.core.database) == ["urgent"]
    record = await slack.checkin()
    assert (record.mood, record.goal, record.plan) == ("rainy", "漢字を十こ書く", None)
    assert await kept_in(slack.core.database) <= MAY_HOLD


async def test_a_deleted_message_keeps_its_alert(slack: SlackWorld) -> None:
    event = slack.slack.events.message_im(HANA, WORDS)
    await slack.happens(event)
    await slack.happens(slack.slack.events.message_deleted(event))
    assert await kept_in(slack.core.database) == {"alert_texts"}


# --- the browser


async def test_a_text_in_the_browser_is_heard(tmp_path: Path, sqlite_url: str) -> None:
    async with browser_world(tmp_path, sqlite_url) as world, browser(world) as page:
        await _says_so(world, page)


async def _says_so(world: BrowserWorld, page: Page) -> None:
    await page.sign_in(await world.code("s-hana"))
    await page.say(WORDS)
    assert "0120-0-78310" in (await page.open())
    assert await raised(world.core.database) == ["urgent"]


# --- a school's own questions


async def test_an_answer_to_a_question_of_the_schools_own_is_heard(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url)
    folder = tmp_path / "checkins" / "minami"
    folder.mkdir(parents=True)
    (folder / "own.yaml").write_text(OWN, "utf-8")
    await import_district(database, tmp_path / "roster")
    world = ChatWorld(database, tmp_path, MORNING)
    await world.send("s-hana", {"text": "めあて"})
    pending = await world.pending("s-hana")
    assert pending is not None and pending["question"] == "wish"
    await world.send("s-hana", {"text": WORDS})
    assert await world.alert_levels("s-hana") == ["urgent"]
    assert await kept_in(database) <= MAY_HOLD
    await database.close()


OWN = """
grades: [P4]
anticipation: &phase
  opening: {ja: "おはよう。", en: "Good morning."}
  questions:
    - {id: wish, kind: text, name: {ja: ねがい, en: wish}, ask: {ja: "ねがいは？", en: "A wish?"}, max_length: 200}
  noticed: [{say: {ja: "来てくれてありがとう。", en: "Thank you for coming."}}]
  process: [{say: {ja: "答えたいところだけで大丈夫。", en: "Answering only what you like is fine."}}]
  ahead: [{say: {ja: "行ってらっしゃい。", en: "Have a good day."}}]
reflection: *phase
"""


# --- what is no text to Ayumi


async def test_an_import_raises_no_alert_neither_of_past_days_nor_of_today(line: LineWorld, tmp_path: Path) -> None:
    file = tmp_path / "checkins.csv"
    days = (MORNING.date() - timedelta(days=3), MORNING.date())
    lines = [f"s-hana,{day},reflection,{day}T16:00:00+09:00,false,{WORDS}" for day in days]
    file.write_text("\n".join(["studentId,date,phase,answeredAt,declined,difficult", *lines, ""]), "utf-8")
    await run_import(line.core.database, "checkins", file, timezone=TOKYO)
    assert await kept_in(line.core.database) == {"check_ins"}
    assert await raised(line.core.database) == []


# --- what is stored before it is looked at


async def test_a_text_of_somebody_not_linked_gets_the_help_lines_and_the_truth(line: LineWorld) -> None:
    (answer,) = await line.say("stranger", WORDS)
    assert "0120-0-78310" in answer and "学校の 人には つたわって いないよ" in answer and "連携コード" in answer
    assert await raised(line.core.database) == []
    assert await kept_in(line.core.database) == {InboxEvent.__tablename__}


# --- what is said about the school, by the hour


@pytest.mark.parametrize(
    ("moment", "is_read"),
    [
        ("2026-05-11T07:59:59", False),  # a Monday
        ("2026-05-11T08:00", True),
        ("2026-05-11T16:59:59", True),
        ("2026-05-11T17:00", False),
        ("2026-05-16T10:00", False),  # a Saturday
        ("2026-05-05T10:00", False),  # こどもの日
        ("2026-05-12T10:00", False),  # in the calendar: holidays of the school
        ("2026-05-13T10:00", False),  # declared closed
        ("2026-05-14T10:00", True),
    ],
)
async def test_the_answer_says_whether_anybody_at_school_reads_now(moment: str, is_read: bool, hour: ChatWorld) -> None:
    hour.clock.moment = datetime.fromisoformat(moment).replace(tzinfo=TOKYO) - timedelta(seconds=1)
    await hour.link("t-ito", "browser:t-ito")
    async with hour.core.database.write() as connection:
        await upsert(connection, CalendarDay, [holiday(date(2026, 5, 12))], key=["id"])
        await upsert(connection, Closure, [closed(date(2026, 5, 13))], key=["id"])
    (reply,) = await hour.send("s-hana", {"text": WORDS})
    assert ("このことは、学校の先生にも伝えるね" in reply.text) is is_read
    assert ("今は学校の人はだれも読んでいない" in reply.text) is not is_read
    now, _, later = reply.text.partition("ほかの時間に話せるところ")
    assert "0120-0-78310" in now and ("0120-99-7777" in later) is (hour.clock.moment.hour < 16)
    assert "0120" not in later or "0120-0-78310" not in later


def holiday(day: date) -> dict[str, Any]:
    return {
        "id": 1,
        "school_id": "minami",
        "date": day,
        "kind": "holiday",
        "title": "休み",
        "grades": [],
        "grades_key": "",
    }


def closed(day: date) -> dict[str, Any]:
    return {
        "id": "c1",
        "school_id": "minami",
        "first_day": day,
        "last_day": day,
        "grades": [],
        "class_ids": [],
        "label": "学校全体",
        "is_remote": False,
        "reason": "",
        "declared_by": "t-ito",
        "declared_at": MORNING,
    }
