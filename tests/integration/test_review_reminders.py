"""Reminders and announcements as people really talk: half a thought, another question in between, something for now."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import insert, select

from assistant.dialogue.asking import understand
from knowledge.db import Database
from knowledge.records.announcements import Announcement
from knowledge.records.reminders import Reminder
from scheduler.outbox import Outbox
from scheduler.reminders import Reminders
from scheduler.schools import SchoolTimes
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY = date(2026, 5, 11)
SEND = "4年2組に「体操服を忘れずに」と送って"
ASK = "4年2組に「プールに入りますか」と聞いて"


def at(hour: int, minute: int = 0, *, day: date = MONDAY) -> datetime:
    return datetime.combine(day, time(hour, minute), TOKYO)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Monday at four: Ms Ito and her pupils Hana and Ren, and the principal, have linked their phones."""
    async with line_world(database, tmp_path / "data", clock=HandClock(at(16))) as world:
        for name, person in {"ito": "t-ito", "hana": "s-hana", "ren": "s-ren", "ogawa": "p-ogawa"}.items():
            await world.link(name, person)
        yield world


async def rows(world: LineWorld, table: Any) -> list[Any]:
    async with world.core.database.read() as connection:
        return [*await connection.execute(select(*table.__table__.c))]


def labels(world: LineWorld, name: str) -> list[str]:
    return [label for label, _ in world.line.quick_replies_to(user_id(name))]


def heard(world: LineWorld, name: str) -> list[str]:
    return world.line.texts_to(user_id(name))


async def pass_by(world: LineWorld, moment: datetime | None = None) -> None:
    """The scheduler looks at what is due, at this moment or now."""
    world.clock.moment = moment or world.clock.moment
    await Reminders(world.core.database, TOKYO, SchoolTimes(), ["line"]).plan(world.clock.now())
    await world.core.drain()


# -- now


@pytest.mark.parametrize(
    "text", [SEND, "今すぐ4年2組に「体操服を忘れずに」と送って", "Send “bring your gym clothes” to 4年2組 right now"]
)
async def test_without_a_word_of_when_it_is_sent_as_soon_as_it_is_confirmed(world: LineWorld, text: str) -> None:
    before = len(heard(world, "hana"))
    [preview] = await world.say("ito", text)
    assert "いつ：いますぐ" in preview
    assert len(heard(world, "hana")) == before
    [said] = await world.tap("ito", "はい")
    assert "いま送っています" in said
    await pass_by(world)
    assert len(heard(world, "hana")) == len(heard(world, "ren")) == before + 1
    [row] = await rows(world, Reminder)
    assert (row.state, row.starts_on, row.time, row.next_at) == ("done", MONDAY, "16:00", None)


async def test_now_is_the_minute_of_hai_not_that_of_the_request(world: LineWorld) -> None:
    await world.say("ito", SEND)
    world.clock.forward(minutes=20)
    await world.tap("ito", "はい")
    [row] = await rows(world, Reminder)
    assert row.time == "16:20"


async def test_a_question_without_a_word_of_when_is_asked_now(world: LineWorld) -> None:
    [preview] = await world.say("ito", ASK)
    assert "いつ：いますぐ" in preview and "［はい］［いいえ］" in preview
    await world.tap("ito", "はい")
    await pass_by(world)
    assert "プール" in heard(world, "hana")[-1]


@pytest.mark.parametrize("text", ["今すぐ", "いま", "いますぐ送って", "right now"])
async def test_now_is_an_answer_to_when(world: LineWorld, text: str) -> None:
    await world.say("ito", "毎週に「体操服を忘れずに」と4年2組に送って")
    [preview] = await world.say("ito", text)
    assert "いつ：いますぐ" in preview


async def test_now_is_the_first_thing_to_tap_where_it_is_asked_when(world: LineWorld) -> None:
    await world.say("ito", SEND)
    await world.tap("ito", "直す")
    await world.tap("ito", "いつ")
    assert labels(world, "ito")[0] == "いますぐ"
    [preview] = await world.tap("ito", "いますぐ")
    assert "いつ：いますぐ" in preview


async def test_another_day_in_place_of_now_asks_for_its_time(world: LineWorld) -> None:
    await world.say("ito", SEND)
    [asked] = await world.say("ito", "毎週金曜")
    assert asked == "何時に送りますか？"
    [preview] = await world.say("ito", "15時")
    assert "いつ：毎週金曜 15:00" in preview


async def test_now_at_night_asks_for_another_time(world: LineWorld) -> None:
    world.clock.moment = at(20, 30)
    [asked] = await world.say("ito", SEND)
    assert "送らない時間帯" in asked
    [preview] = await world.say("ito", "明日の8時")
    assert "5月12日（火） 8:00" in preview or "5月12日（火） 08:00" in preview


async def test_now_on_a_day_without_school_is_asked_about(world: LineWorld) -> None:
    world.clock.moment = at(10, day=date(2026, 5, 16))
    [asked] = await world.say("ito", SEND)
    assert "授業がありません。それでも送りますか" in asked
    [preview] = await world.tap("ito", "送る")
    assert "いつ：いますぐ" in preview


async def test_two_taps_on_hai_send_it_once(world: LineWorld) -> None:
    await world.say("ito", SEND)
    await world.tap("ito", "はい")
    yes = world.line.events.postback(user_id("ito"), "r/d/made-up/yes")
    await world.send(yes)
    await pass_by(world)
    await pass_by(world)
    assert sum("たいそう服" in text for text in heard(world, "hana")) == 1


async def test_an_announcement_is_not_sent_after_its_last_day(world: LineWorld) -> None:
    ask = "5月18日の8時に4年2組に「来ますか？」と聞いて。{day}までに"
    [asked] = await world.say("ito", ask.format(day="5月15日"))
    assert "締め切り" in asked and "5月15日（金）" in asked
    [preview] = await world.tap("ito", "5月12日（火）")
    assert "5月12日（火） 08:00" in preview and "5月15日までに" in preview
    [asked] = await world.say("ito", ask.format(day="5月1日"))
    assert "5月1日（金）はもう過ぎている" in asked
    [preview] = await world.tap("ito", "5月12日（火）")
    assert "までに" not in preview


async def test_what_was_resumed_can_be_stopped_again(world: LineWorld) -> None:
    await world.say("ito", "毎週金曜15時に4年2組に「体操服」と送って")
    await world.tap("ito", "はい")
    await world.say("ito", "体操服のリマインドを止めて")
    await world.say("ito", "体操服のリマインドを再開して")
    assert labels(world, "ito") == ["止める"]


async def test_hai_after_half_an_hour_sends_nothing(world: LineWorld) -> None:
    await world.say("ito", SEND)
    yes = dict(world.line.quick_replies_to(user_id("ito")))["はい"]["data"]
    world.clock.forward(minutes=31)
    await world.say("ito", "はい")
    await world.send(world.line.events.postback(user_id("ito"), yes))
    await pass_by(world)
    assert await rows(world, Reminder) == []
    assert "この下書きは、もう使えません" in heard(world, "ito")[-1]


@pytest.mark.parametrize("action", ["show", "pause", "remove", "change", "send_now", "resume", "made-up", ""])
async def test_a_button_of_somebody_elses_reminder_does_nothing(world: LineWorld, action: str) -> None:
    await world.link("kato", "t-kato")
    await world.say("ito", "毎週金曜15時に4年2組に「体操服」と送って")
    await world.tap("ito", "はい")
    [before] = await rows(world, Reminder)
    for name in ("kato", "hana"):
        await world.send(world.line.events.postback(user_id(name), f"r/s/{before.id}/{action}"))
        await world.core.drain()
        await world.say(name, "はい")
        assert not any("体操服" in text for text in heard(world, name))
    assert await rows(world, Reminder) == [before]


@pytest.mark.parametrize(
    "value", ["r/", "r/d/", "r/d/x", "r/d//yes", "r/s/", "r/s//remove", "r/d/x/day/なし", "r/list/x"]
)
async def test_a_made_up_button_breaks_nothing(world: LineWorld, value: str) -> None:
    await world.say("ito", SEND)
    await world.send(world.line.events.postback(user_id("ito"), value))
    await world.core.drain()
    assert await rows(world, Reminder) == []
    await world.say("ito", "こんにちは")
    assert "お疲れさま" in heard(world, "ito")[-1]


@pytest.mark.parametrize("action", ["day/なし", "day/FREQ=SOMETIMES", "time/99:99", "whom/c99", "out/nobody", "time/x"])
async def test_a_made_up_value_in_a_button_of_the_open_draft_breaks_nothing(world: LineWorld, action: str) -> None:
    await world.say("ito", SEND)
    start = dict(world.line.quick_replies_to(user_id("ito")))["はい"]["data"].rpartition("/")[0]
    before = len(heard(world, "ito"))
    await world.send(world.line.events.postback(user_id("ito"), f"{start}/{action}"))
    await world.core.drain()
    assert len(heard(world, "ito")) == before + 1
    assert await rows(world, Reminder) == []


# -- something else in between


@pytest.mark.parametrize(
    "text",
    [
        "誰がまだ答えていない？",
        "今日まだの子は？",
        "結果は？",
        "こんにちは",
        "リマインド一覧",
        "今日の4年2組の提出率は？",
    ],
)
@pytest.mark.parametrize("begun", ["毎週金曜に4年2組にふりかえりを送って", "毎週に「体操服」と4年2組に送って"])
async def test_a_text_about_something_else_leaves_the_draft_waiting(world: LineWorld, begun: str, text: str) -> None:
    await world.say("ito", begun)
    answers = await world.say("ito", text)
    assert not any("すみません、分かりませんでした。" in each or "まだ保存していません" in each for each in answers)
    assert not any("やめる" in each for each in labels(world, "ito"))


@pytest.mark.parametrize("text", ["誰がまだ答えていない？", "結果は？", "リマインド一覧", "今日の4年2組の提出率は？"])
async def test_a_question_is_no_words_to_send_but_a_greeting_may_be(world: LineWorld, text: str) -> None:
    await world.say("ito", "毎週金曜15時に4年2組に送って")
    assert not any("まだ保存していません" in each for each in await world.say("ito", text))
    await world.say("ito", "毎週金曜15時に4年2組に送って")
    [preview] = await world.say("ito", "おはよう")
    assert "まだ保存していません" in preview


async def test_the_draft_goes_on_afterwards(world: LineWorld) -> None:
    await world.say("ito", "毎週金曜に4年2組にふりかえりを送って")
    await world.say("ito", "今日まだの子は？")
    [preview] = await world.say("ito", "15時")
    assert "いつ：毎週金曜 15:00" in preview


async def test_what_is_no_answer_and_nothing_else_is_asked_again(world: LineWorld) -> None:
    await world.say("ito", "毎週金曜に4年2組にふりかえりを送って")
    [asked] = await world.say("ito", "ええとどうしようかな")
    assert "分かりませんでした" in asked and "やめる" in labels(world, "ito")


# -- answers


async def test_kekka_is_about_the_announcement_that_is_open(world: LineWorld) -> None:
    await world.say("ito", ASK)
    await world.tap("ito", "はい")
    await pass_by(world)
    await world.say("hana", "はい")
    [answer] = await world.say("ito", "結果は？")
    assert answer.startswith("2人中1人が回答")


async def test_kekka_is_about_the_announcement_that_was_looked_at(world: LineWorld) -> None:
    await world.say("ito", ASK)
    await world.tap("ito", "はい")
    await pass_by(world)
    [before] = await world.say("ogawa", "結果は？")
    assert "2人中" not in before
    await world.say("ogawa", "アンケートの結果は？")
    [answer] = await world.say("ogawa", "結果は？")
    assert answer.startswith("2人中0人が回答")


async def test_the_missing_are_written_to_one_by_one(world: LineWorld) -> None:
    await world.say("ito", ASK)
    await world.tap("ito", "はい")
    await pass_by(world)
    await world.say("ito", "結果は？")
    [preview] = await world.tap("ito", "まだの人に送る")
    assert "まだ答えていない人だけに送ります" in preview and "まだ終えていない" not in preview
    await world.tap("ito", "はい")
    world.clock.forward(minutes=1)
    await Reminders(world.core.database, TOKYO, SchoolTimes(), ["line"]).plan(world.clock.now())
    await world.say("hana", "はい")  # between planning and sending
    await world.core.drain()
    assert sum("プールに" in text for text in heard(world, "hana")) == 1
    assert sum("プールに" in text for text in heard(world, "ren")) == 2


async def test_the_limit_of_today_is_told_before_it_holds_somebody_back(world: LineWorld) -> None:
    for number in range(3):
        row: dict[str, Any] = {
            "id": f"sent-{number}",
            "dedupe_key": f"sent-{number}",
            "account_id": f"line:{user_id('hana')}",
            "channel": "line",
            "kind": "prompt",
            "payload": {},
            "due_at": at(9),
            "created_at": at(9),
            "state": "sent",
            "attempts": 1,
            "person_id": "s-hana",
            "counts_on": MONDAY,
        }
        async with world.core.database.write() as connection:
            await connection.execute(insert(Outbox), [row])
    [preview] = await world.say("ito", SEND)
    assert "一日に送れる数（3通）を超えるため、今日は1人に届かない見込みです。" in preview
    [preview] = await world.say("ito", "明日の8時")
    assert "届かない見込み" not in preview


async def test_a_table_that_cannot_be_given_is_called_a_file(world: LineWorld) -> None:
    await world.say("ito", ASK)
    await world.tap("ito", "はい")
    await pass_by(world)
    await world.say("ito", "結果は？")
    [said] = await world.tap("ito", "CSVで受け取る")
    assert "ファイル" in said and "図" not in said


# -- children and guardians


@pytest.mark.parametrize(
    "text", ["リマインドして", "リマインド", "リマインドを設定したい", "リマインド一覧", "set a reminder"]
)
async def test_a_child_who_asks_for_a_reminder_hears_of_atode(world: LineWorld, text: str) -> None:
    [said] = await world.say("hana", text)
    assert "あとで" in said and "先生だけ" in said


async def test_a_guardian_who_asks_for_a_reminder_hears_who_sets_them(world: LineWorld) -> None:
    await world.link("sato", "g-sato")
    [said] = await world.say("sato", "リマインドして")
    assert "学校の先生だけ" in said


async def test_a_teacher_who_says_nothing_more_hears_how_to_say_it(world: LineWorld) -> None:
    [said] = await world.say("ito", "リマインドして")
    assert "毎週金曜15時に" in said


# -- what is told elsewhere


async def test_a_report_without_news_is_no_warning(world: LineWorld) -> None:
    await world.say("ito", SEND)
    await world.tap("ito", "はい")
    await pass_by(world)
    with structlog.testing.capture_logs() as logs:
        await pass_by(world, world.clock.moment + timedelta(minutes=30))
    assert [each["log_level"] for each in logs if each["event"] == "not_sent"] == ["info"]


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("アンケートの結果は？", "announcement_results"),
        ("リマインド一覧", "reminders"),
        ("金曜のリマインドを止めて", "reminders"),
        ("明日は休校", "closure"),
    ],
)
async def test_what_a_text_means_is_told_for_these_too(world: LineWorld, text: str, intent: str) -> None:
    meant = await understand(world.core.services, "p-ogawa", text, world.clock.now())
    assert meant["intent"] == intent


async def test_nothing_is_stored_of_an_announcement_before_hai(world: LineWorld) -> None:
    await world.say("ito", ASK)
    assert await rows(world, Announcement) == [] and await rows(world, Reminder) == []
