"""Reminders over LINE: set by talking, looked at before anything is saved, changed and stopped by who may."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from assistant.dialogue.turn import Quota
from knowledge.db import Database
from knowledge.records.announcements import Announcement
from knowledge.records.calendar import CalendarDay
from knowledge.records.reminders import Reminder
from knowledge.records.roster import Enrollment
from scheduler.outbox import Outbox, State
from scheduler.reminders import Reminders
from scheduler.schools import SchoolTimes
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY = date(2026, 5, 11)
WORDS = "毎週金曜15時に4年2組に「体操服を忘れずに」と送って"


def at(hour: int, minute: int = 0, *, day: date = MONDAY) -> datetime:
    return datetime.combine(day, time(hour, minute), TOKYO)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Monday at four: the teacher of 4年2組, and of her two pupils only Hana, have linked their phones."""
    async with line_world(database, tmp_path / "data", clock=HandClock(at(16))) as world:
        await world.link("ito", "t-ito")
        await world.link("hana", "s-hana")
        yield world


async def stored(world: LineWorld) -> list[Any]:
    async with world.core.database.read() as connection:
        statement = select(*Reminder.__table__.c).order_by(Reminder.created_at)
        return [*await connection.execute(statement)]


async def state_of(world: LineWorld) -> str:
    [row] = await stored(world)
    return row.state


def labels(world: LineWorld, name: str) -> list[str]:
    return [label for label, _ in world.line.quick_replies_to(user_id(name))]


def heard(world: LineWorld, name: str) -> list[str]:
    return world.line.texts_to(user_id(name))


async def pass_by(world: LineWorld, moment: datetime) -> None:
    """It is this moment now."""
    world.clock.moment = moment
    await Reminders(world.core.database, TOKYO, SchoolTimes(), ["line"]).plan(world.clock.now())
    await world.core.drain()


async def set_up(world: LineWorld, words: str = WORDS) -> Any:
    """A reminder of Ms Ito's that is saved."""
    await world.say("ito", words)
    await world.tap("ito", "はい")
    return (await stored(world))[-1]


# -- setting


async def test_a_reminder_is_shown_before_it_is_saved(world: LineWorld) -> None:
    [preview] = await world.say("ito", WORDS)
    assert "毎週金曜 15:00" in preview
    assert "5月15日（金）、5月22日（金）、5月29日（金）" in preview
    assert "4年2組（2人）" in preview
    assert "伊藤先生から" in preview and "たいそう服をわすれずに" in preview
    assert await stored(world) == []
    [said] = await world.tap("ito", "はい")
    assert "5月15日（金） 15:00" in said
    [row] = await stored(world)
    assert (row.owner_id, row.school_id, row.audience_kind, row.audience_ids) == ("t-ito", "minami", "class", ["c-4-2"])
    assert (row.rrule, row.time, row.what, row.text) == ("FREQ=WEEKLY;BYDAY=FR", "15:00", "text", "体操服を忘れずに")
    assert (row.state, row.next_at.astimezone(TOKYO)) == ("active", at(15, day=date(2026, 5, 15)))


async def test_the_words_are_shown_as_the_youngest_reader_will_read_them(world: LineWorld) -> None:
    await world.link("kato", "t-kato")
    [preview] = await world.say("kato", "毎週金曜15時に2年1組に「水筒を持ってきてね」と送って")
    assert "すいとう" in preview and "水筒" not in preview


async def test_who_cannot_be_reached_is_counted(world: LineWorld) -> None:
    [preview] = await world.say("ito", WORDS)
    assert "届かない人：1人" in preview


async def test_the_cost_on_line_is_shown_against_what_is_left(world: LineWorld) -> None:
    async def quota() -> Quota | None:
        return Quota(limit=200, used=150)

    set_quota(world, quota)
    [preview] = await world.say("ito", WORDS)
    assert "今月は3通使います（1人×3回）。今月の残りは50通" in preview


async def test_a_cost_that_does_not_fit_is_warned_of(world: LineWorld) -> None:
    async def quota() -> Quota | None:
        return Quota(limit=200, used=199)

    set_quota(world, quota)
    [preview] = await world.say("ito", WORDS)
    assert "残りは1通" in preview and "足りません" in preview


def set_quota(world: LineWorld, quota: Any) -> None:
    services = world.core.services
    object.__setattr__(services, "quota", quota)  # frozen, and shared by everything in this world


async def test_a_holiday_among_the_next_dates_is_named(world: LineWorld) -> None:
    world.clock.moment = at(16, day=date(2026, 7, 13))
    [preview] = await world.say("ito", "毎週月曜8時に4年2組に「おはよう」と送って")
    assert "7月20日（月）は海の日なので送りません" in preview
    assert "7月27日（月）" in preview


async def test_a_check_in_shows_its_first_question(world: LineWorld) -> None:
    [preview] = await world.say("ito", "毎週金曜15時に4年2組へふりかえりのリマインドを送って")
    assert "届く言葉（ふりかえりの最初の質問）" in preview
    await world.tap("ito", "はい")
    [row] = await stored(world)
    assert row.what == "reflection"


async def test_the_names_are_told_on_request_and_somebody_is_left_out(world: LineWorld) -> None:
    await world.say("ito", WORDS)
    [names] = await world.tap("ito", "だれに？")
    assert "佐藤 花" in names and "鈴木 蓮" in names
    [preview] = await world.tap("ito", "外す：鈴木 蓮")
    assert "4年2組（1人）" in preview and "外した人：鈴木 蓮" in preview
    await world.say("ito", "はい")
    [row] = await stored(world)
    assert row.left_out == ["s-ren"]


async def test_somebody_is_left_out_by_name(world: LineWorld) -> None:
    await world.say("ito", WORDS)
    [preview] = await world.say("ito", "鈴木さんを外して")
    assert "外した人：鈴木 蓮" in preview


async def test_yamete_saves_nothing(world: LineWorld) -> None:
    await world.say("ito", WORDS)
    [said] = await world.say("ito", "やめる")
    assert "保存していません" in said
    await world.say("ito", "はい")
    assert await stored(world) == []


async def test_hai_means_the_preview_only_when_it_was_the_latest_thing_said(world: LineWorld) -> None:
    await world.say("ito", WORDS)
    await world.say("ito", "今日まだふりかえりを出していない子は？")
    await world.say("ito", "はい")
    assert await stored(world) == []


async def test_a_button_of_an_older_preview_saves_nothing(world: LineWorld) -> None:
    await world.say("ito", WORDS)
    [old] = [action for label, action in world.line.quick_replies_to(user_id("ito")) if label == "はい"]
    await world.say("ito", "16時にして")
    await world.send(world.line.events.postback(user_id("ito"), old["data"]))
    await world.core.drain()
    assert await stored(world) == []


async def test_a_second_tap_on_hai_saves_it_once(world: LineWorld) -> None:
    await world.say("ito", WORDS)
    [yes] = [action for label, action in world.line.quick_replies_to(user_id("ito")) if label == "はい"]
    for _ in range(2):
        await world.send(world.line.events.postback(user_id("ito"), yes["data"]))
        await world.core.drain()
    assert len(await stored(world)) == 1


async def test_it_is_sent_at_its_time_with_the_name_of_who_set_it(world: LineWorld) -> None:
    await set_up(world)
    before = len(heard(world, "hana"))
    await pass_by(world, at(15, day=date(2026, 5, 15)))
    [message] = heard(world, "hana")[before:]
    assert "伊藤先生から" in message


async def test_a_check_in_of_a_reminder_begins_with_one_tap(world: LineWorld) -> None:
    await set_up(world, "毎週金曜15時に4年2組へふりかえりのリマインドを送って")
    before = len(heard(world, "hana"))
    await pass_by(world, at(15, day=date(2026, 5, 15)))
    [message] = heard(world, "hana")[before:]
    assert "伊藤先生から" in message
    assert "とばす" in labels(world, "hana")


async def test_who_lost_the_class_reminds_it_no_more(world: LineWorld) -> None:
    await set_up(world)
    async with world.core.database.write() as connection:
        ended = update(Enrollment).where(Enrollment.user_sourced_id == "t-ito")
        await connection.execute(ended.values(end_date=MONDAY))
    before = heard(world, "hana")
    await pass_by(world, at(15, day=date(2026, 5, 15)))
    assert heard(world, "hana") == before


# -- asked back


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("毎週に4年2組へ「体操服」と送って", "「毎週」のどの日"),
        ("13月1日15時に4年2組へ「体操服」と送って", "ありません"),
        ("毎週金曜25時に4年2組へ「体操服」と送って", "時刻"),
        ("毎週金曜に4年2組へ「体操服」と送って", "何時"),
        ("今日の8時に4年2組へ「体操服」と送って", "過ぎています"),
        ("毎週金曜15時に4年2組へ「」と送って", "言葉"),
        ("毎週日曜15時に4年2組へ「体操服」と送って", "授業"),
        ("毎週金曜15時に6年9組へ「体操服」と送って", "6年9組"),
        ("遠足の前日15時に4年2組へ「体操服」と送って", "見あたりません"),
        ("毎日21時に4年2組へ「体操服」と送って", "送らない時間帯"),
    ],
)
async def test_what_cannot_be_is_asked_back_and_nothing_saved(world: LineWorld, text: str, answer: str) -> None:
    said = await world.say("ito", text)
    assert answer in said[-1]
    await world.say("ito", "はい")
    assert await stored(world) == []


async def test_a_class_of_others_is_refused_as_one_that_is_not_there(world: LineWorld) -> None:
    [of_others] = await world.say("ito", "毎週金曜15時に2年1組に「水筒」と送って")
    [not_there] = await world.say("ito", "毎週金曜15時に6年9組に「水筒」と送って")
    assert of_others.replace("2年1組", "") == not_there.replace("6年9組", "")
    assert "4年2組" in labels(world, "ito")


async def test_what_is_missing_is_asked_one_thing_at_a_time(world: LineWorld) -> None:
    [when] = await world.say("ito", "毎週に4年2組へ「体操服」と送って")
    assert "「毎週」のどの日" in when
    [what_time] = await world.tap("ito", "毎週金曜")
    assert "何時" in what_time
    [preview] = await world.say("ito", "15時")
    assert "毎週金曜 15:00" in preview


async def test_a_missing_time_is_tapped(world: LineWorld) -> None:
    await world.say("ito", "毎週金曜に4年2組へ「体操服」と送って")
    [preview] = await world.tap("ito", "15:30")
    assert "毎週金曜 15:30" in preview


async def test_missing_words_are_written(world: LineWorld) -> None:
    await world.say("ito", "毎週金曜15時に4年2組へ「」と送って")
    [preview] = await world.say("ito", "「明日は遠足だよ」")
    assert "えん足" in preview or "遠足" in preview
    await world.tap("ito", "はい")
    [row] = await stored(world)
    assert row.text == "明日は遠足だよ"


async def test_a_day_without_school_that_was_named_is_asked_about(world: LineWorld) -> None:
    [asked] = await world.say("ito", "5月16日の9時に4年2組に「運動会だよ」と送って")
    assert "5月16日（土）は授業がありません" in asked
    [preview] = await world.tap("ito", "送る")
    assert "5月16日（土） 9:00" in preview.replace("09:00", "9:00")
    await world.tap("ito", "はい")
    [row] = await stored(world)
    assert row.any_day


async def test_an_event_of_the_calendar_gives_the_day(world: LineWorld) -> None:
    async with world.core.database.write() as connection:
        row = {"school_id": "minami", "date": date(2026, 5, 22), "kind": "event", "title": "春の遠足"}
        await connection.execute(insert(CalendarDay), [{**row, "grades": list[str](), "grades_key": ""}])
    [preview] = await world.say("ito", "遠足の前日15時に4年2組へ「お弁当を忘れずに」と送って")
    assert "5月21日（木）" in preview


async def test_words_and_a_time_are_enough_for_staff(world: LineWorld) -> None:
    [preview] = await world.say("ito", "4年2組に明日8時「図工の材料」")
    assert "5月12日（火） 8:00" in preview.replace("08:00", "8:00") and "「図工の材料」" in preview


async def test_until_an_event_on_fridays_is_on_fridays_until_its_day(world: LineWorld) -> None:
    async with world.core.database.write() as connection:
        row = {"school_id": "minami", "date": date(2026, 5, 30), "kind": "event", "title": "運動会"}
        await connection.execute(insert(CalendarDay), [{**row, "grades": list[str](), "grades_key": ""}])
    await set_up(world, "運動会まで毎週金曜15時に4年2組へ「赤白帽子」と送って")
    [row] = await stored(world)
    assert (row.rrule, row.starts_on) == ("FREQ=WEEKLY;BYDAY=FR;UNTIL=20260530T235959", date(2026, 5, 11))


async def test_the_english_name_of_an_event_is_that_of_the_calendar(world: LineWorld) -> None:
    async with world.core.database.write() as connection:
        row = {"school_id": "minami", "date": date(2026, 5, 12), "kind": "event", "title": "運動会予備日"}
        later = {**row, "date": date(2026, 5, 29), "title": "運動会"}
        plain = {"grades": list[str](), "grades_key": ""}
        await connection.execute(insert(CalendarDay), [{**row, **plain}, {**later, **plain}])
    [preview] = await world.say("ito", 'three days before the sports day at 3pm send "red cap" to 4-2')
    assert "5月26日" in preview or "May 26" in preview  # what is counted from the first one is over


async def test_children_are_left_in_peace_at_night(world: LineWorld) -> None:
    await world.say("ito", "毎日21時に4年2組へ「体操服」と送って")
    assert "19:30" in labels(world, "ito")
    [preview] = await world.tap("ito", "19:30")
    assert "毎日 19:30" in preview


async def test_right_now_is_in_time_although_confirming_takes_a_while(world: LineWorld) -> None:
    [preview] = await world.say("ito", "いますぐ4年2組に「体育館に集合」と送って")
    assert "いつ：いますぐ" in preview
    world.clock.forward(minutes=5)
    [said] = await world.say("ito", "はい")
    assert "いま送っています" in said
    before = len(heard(world, "hana"))
    await pass_by(world, at(16, 5))
    assert len(heard(world, "hana")) == before + 1


async def test_leads_do_not_see_what_others_send_to_themselves(world: LineWorld) -> None:
    await set_up(world, "毎週月曜8時に先週のふりかえりの提出率を送って")
    await world.link("ogawa", "p-ogawa")
    [listed] = await world.say("ogawa", "リマインド一覧")
    assert "ありません" in listed


# -- changing a draft


@pytest.mark.parametrize(
    ("text", "shown"),
    [("16時にして", "毎週金曜 16:00"), ("木曜にして", "毎週木曜 15:00"), ("毎週木曜にして", "毎週木曜 15:00")],
)
async def test_a_preview_is_changed_by_a_word(world: LineWorld, text: str, shown: str) -> None:
    await world.say("ito", WORDS)
    [preview] = await world.say("ito", text)
    assert shown in preview and "たいそう服" in preview


async def test_a_preview_is_changed_step_by_step(world: LineWorld) -> None:
    await world.say("ito", WORDS)
    await world.tap("ito", "直す")
    await world.tap("ito", "言葉")
    [preview] = await world.say("ito", "なわとびを忘れずに")
    assert "なわとびを" in preview and "毎週金曜 15:00" in preview


async def test_hai_after_a_name_that_is_not_there_saves_nothing(world: LineWorld) -> None:
    await world.say("ito", WORDS)
    [said] = await world.say("ito", "山田さんを外して")
    assert "見あたりません" in said
    await world.say("ito", "はい")
    assert await stored(world) == []


async def test_words_that_manage_reminders_are_no_words_to_children(world: LineWorld) -> None:
    await world.say("ito", "毎週金曜15時に4年2組へ「」と送って")
    [said] = await world.say("ito", "リマインド一覧")
    assert "リマインドはありません" in said


async def test_a_saturday_of_the_month_is_named_as_left_out(world: LineWorld) -> None:
    [preview] = await world.say("ito", "毎月25日の15時に4年2組に「集金袋を忘れずに」と送って")
    assert "7月25日（土）は授業がないので送りません" in preview and "8月25日（火）" in preview


# -- who may not


async def test_a_child_sets_no_reminder_for_others(world: LineWorld) -> None:
    [said] = await world.say("hana", "明日の8時に4年2組に「サッカーしよう」と送って")
    assert "先生だけ" in said and "あとで" in said
    assert await stored(world) == []


async def test_staff_are_reminded_by_school_leads_alone(world: LineWorld) -> None:
    words = "毎週金曜15時に先生方に「週案を出してください」と送って"
    [refused] = await world.say("ito", words)
    assert "管理職" in refused
    await world.link("ogawa", "p-ogawa")
    [preview] = await world.say("ogawa", words)
    assert "週案" in preview


async def test_who_lost_the_class_meanwhile_saves_nothing(world: LineWorld) -> None:
    await world.say("ito", WORDS)
    async with world.core.database.write() as connection:
        ended = update(Enrollment).where(Enrollment.user_sourced_id == "t-ito")
        await connection.execute(ended.values(end_date=date(2026, 5, 10)))
    await world.say("ito", "はい")
    assert await stored(world) == []


# -- managing


async def test_the_list_shows_what_is_set_and_when_it_comes_next(world: LineWorld) -> None:
    await set_up(world)
    [listed] = await world.say("ito", "リマインド一覧")
    assert "1. 毎週金曜 15:00" in listed and "4年2組" in listed and "5月15日（金）" in listed
    [details] = await world.say("ito", "1番")
    assert "体操服を忘れずに" in details
    assert labels(world, "ito") == ["いますぐ送る", "止める", "直す", "取り消す"]


async def test_one_is_stopped_and_resumed(world: LineWorld) -> None:
    await set_up(world)
    await world.say("ito", "リマインド一覧")
    [said] = await world.say("ito", "1番を止めて")
    assert "止めました" in said and await state_of(world) == "paused"
    before = heard(world, "hana")
    await pass_by(world, at(15, day=date(2026, 5, 15)))
    assert heard(world, "hana") == before
    [said] = await world.say("ito", "1番を再開して")
    assert "5月22日（金）" in said and await state_of(world) == "active"


async def test_one_is_cancelled_by_what_it_is_about(world: LineWorld) -> None:
    await set_up(world)
    [said] = await world.say("ito", "金曜のリマインドをやめて")
    assert "取り消しました" in said and await state_of(world) == "cancelled"
    [undone] = await world.tap("ito", "もとに戻す")
    assert "再開しました" in undone and await state_of(world) == "active"


async def test_a_number_means_the_list_that_was_shown(world: LineWorld) -> None:
    await set_up(world)
    await set_up(world, "毎週木曜15時に4年2組に「絵の具を忘れずに」と送って")
    await set_up(world, "毎週水曜15時に4年2組に「笛を忘れずに」と送って")
    await world.say("ito", "リマインド一覧")
    await world.say("ito", "1番をやめて")
    await world.say("ito", "2番をやめて")
    assert [row.state for row in await stored(world)] == ["cancelled", "cancelled", "active"]


async def test_a_stored_one_is_changed_after_a_preview(world: LineWorld) -> None:
    first = await set_up(world)
    await world.say("ito", "リマインド一覧")
    await world.tap("ito", "1")
    await world.tap("ito", "直す")
    [preview] = await world.say("ito", "16時にして")
    assert "毎週金曜 16:00" in preview
    assert (await stored(world))[0].time == "15:00"
    await world.tap("ito", "はい")
    [row] = await stored(world)
    assert (row.id, row.time) == (first.id, "16:00")


async def test_a_stored_one_is_changed_in_one_sentence(world: LineWorld) -> None:
    first = await set_up(world)
    await world.say("ito", "リマインド一覧")
    [preview] = await world.say("ito", "1番を16時にして")
    assert "毎週金曜 16:00" in preview
    await world.say("ito", "はい")
    [row] = await stored(world)
    assert (row.id, row.time) == (first.id, "16:00")


async def test_a_change_to_what_is_not_there_is_asked_about(world: LineWorld) -> None:
    await set_up(world)
    await world.say("ito", "リマインド一覧")
    [asked] = await world.say("ito", "1番を25時にして")
    assert "25時" in asked
    assert (await stored(world))[0].time == "15:00"


async def test_it_is_sent_now_only_after_a_question(world: LineWorld) -> None:
    await set_up(world)
    await world.say("ito", "リマインド一覧")
    await world.tap("ito", "1")
    before = len(heard(world, "hana"))
    [asked] = await world.tap("ito", "いますぐ送る")
    assert "2人" in asked
    assert heard(world, "hana")[before:] == []
    await world.tap("ito", "はい")
    [message] = heard(world, "hana")[before:]
    assert "伊藤先生から" in message


async def test_only_its_owner_and_leads_of_the_school_change_it(world: LineWorld) -> None:
    row = await set_up(world)
    await world.link("kato", "t-kato")
    await world.send(world.line.events.postback(user_id("kato"), f"r/s/{row.id}/remove"))
    await world.core.drain()
    assert "管理職" in heard(world, "kato")[-1] and await state_of(world) == "active"
    [listed] = await world.say("kato", "リマインド一覧")
    assert "ありません" in listed
    await world.link("ogawa", "p-ogawa")
    [listed] = await world.say("ogawa", "リマインド一覧")
    assert "伊藤" in listed
    await world.say("ogawa", "1番をやめて")
    assert await state_of(world) == "cancelled"


# -- announcements and reports


async def test_an_announcement_is_saved_with_its_reminder(world: LineWorld) -> None:
    [preview] = await world.say("ito", "明日の8時に4年2組に「夏のプログラミング教室」に来たいか聞いて")
    assert "［" in preview
    await world.tap("ito", "はい")
    [row] = await stored(world)
    async with world.core.database.read() as connection:
        [announcement] = (await connection.execute(select(Announcement.id, Announcement.state))).all()
    assert (row.what, row.announcement_id, announcement.state) == ("announcement", announcement.id, "open")


async def test_the_owner_hears_what_was_slept_through(world: LineWorld) -> None:
    await set_up(world)
    before = len(heard(world, "ito"))
    await pass_by(world, at(17, day=date(2026, 5, 15)))
    await pass_by(world, at(17, 30, day=date(2026, 5, 15)))
    [report] = heard(world, "ito")[before:]
    assert "送っていません" in report and "5月15日（金） 15:00" in report
    assert "いますぐ送る" in labels(world, "ito")


async def test_nothing_is_reported_when_all_arrived(world: LineWorld) -> None:
    await set_up(world)
    before = heard(world, "ito")
    await pass_by(world, at(15, day=date(2026, 5, 15)))
    await pass_by(world, at(15, 30, day=date(2026, 5, 15)))
    assert heard(world, "ito") == before


async def test_the_owner_hears_whom_it_did_not_reach_and_why(world: LineWorld) -> None:
    await set_up(world)
    world.clock.moment = at(15, day=date(2026, 5, 15))
    await Reminders(world.core.database, TOKYO, SchoolTimes(), ["line"]).plan(world.clock.now())
    async with world.core.database.write() as connection:
        failed = update(Outbox).where(Outbox.kind == "reminder").values(state=State.FAILED, problem="HTTP 400")
        await connection.execute(failed)
    before = len(heard(world, "ito"))
    await pass_by(world, at(15, 30, day=date(2026, 5, 15)))
    [report] = heard(world, "ito")[before:]
    assert "届かなかった：1人（佐藤 花）" in report
