"""What a review of emergency mode found: each was wrong once."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from structlog.testing import capture_logs

from knowledge.db import Database
from knowledge.exports.registry import run_export
from knowledge.records.alerts import AlertText, list_alerts
from knowledge.records.announcements import Announcement, AnnouncementAnswer
from knowledge.records.closures import Closure
from knowledge.records.reminders import Reminder
from knowledge.records.roster import Role
from scheduler.menus import Menus
from scheduler.outbox import Outbox
from scheduler.prompts import Prompts
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

TODAY = date(2026, 5, 11)  # a Monday
TOMORROW = TODAY + timedelta(days=1)
PEOPLE = {"ogawa": "p-ogawa", "ito": "t-ito", "hana": "s-hana", "sora": "s-sora"}


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Monday at half past seven: principal, teacher and Hana of 4年2組, Sora of 2年1組 have linked their phones."""
    clock = HandClock(datetime.combine(TODAY, time(7, 30), TOKYO))
    async with line_world(database, tmp_path / "data", clock=clock) as world:
        for name, person in PEOPLE.items():
            await world.link(name, person)
        yield world


def heard(world: LineWorld, name: str) -> list[str]:
    return world.line.texts_to(user_id(name))


def buttons(world: LineWorld, name: str) -> list[str]:
    return [label for label, _ in world.line.quick_replies_to(user_id(name))]


async def at(world: LineWorld, clock: str, day: date = TODAY) -> None:
    """The clock is moved, and everything planned and sent that is due then."""
    world.clock.moment = datetime.combine(day, time.fromisoformat(clock), TOKYO)
    services = world.core.services
    for planner in (
        Menus(services.database, TOKYO, services.times, ["line"]),
        Prompts(services.database, TOKYO, services.times, ["line"]),
    ):
        await planner.plan(world.clock.now())
    await world.core.drain()


async def declared(world: LineWorld, text: str) -> None:
    await world.say("ogawa", text)
    await world.tap("ogawa", "はい")


async def in_danger(world: LineWorld) -> None:
    """School is closed from today on, and everyone was asked whether they are safe."""
    await declared(world, "今日から緊急モード")


async def safety(world: LineWorld) -> dict[str, str]:
    async with world.core.database.read() as connection:
        rows = await connection.execute(select(AnnouncementAnswer.person_id, AnnouncementAnswer.value))
        return {row.person_id: row.value for row in rows}


async def alerts(world: LineWorld) -> list[tuple[str, str]]:
    async with world.core.database.read() as connection:
        return [(each.student_id, each.level) for each in await list_alerts(connection)]


async def closures(world: LineWorld) -> list[Any]:
    async with world.core.database.read() as connection:
        columns = (Closure.label, Closure.school_id, Closure.first_day, Closure.last_day)
        return [tuple(row) for row in await connection.execute(select(*columns).order_by(Closure.declared_at))]


# Ending


async def test_a_bare_yes_to_when_it_ends_asks_again(world: LineWorld) -> None:
    await declared(world, "今日から休校")
    [asked] = await world.say("ogawa", "休校を終わる")
    [again] = await world.say("ogawa", "はい")
    assert again == asked and (await closures(world))[0][3] is None
    [said] = await world.say("ogawa", "明日から学校")
    assert "5月12日（火）から" in said and (await closures(world))[0][3] == TODAY


async def test_ending_can_be_left(world: LineWorld) -> None:
    await declared(world, "今日から休校")
    await world.say("ogawa", "休校を終わる")
    assert "何も変えていません" in (await world.say("ogawa", "やめる"))[0]
    await world.say("ogawa", "はい")
    assert (await closures(world))[0][3] is None


async def test_a_bare_yes_to_when_it_begins_asks_again(world: LineWorld) -> None:
    [asked] = await world.say("ogawa", "休校にする")
    assert (await world.say("ogawa", "はい"))[0] == asked
    assert "5月13日" in (await world.say("ogawa", "13日"))[0]


async def test_staff_who_were_told_are_told_that_it_is_over(world: LineWorld) -> None:
    await declared(world, "今日から休校")
    before = {name: len(heard(world, name)) for name in PEOPLE}
    await world.say("ogawa", "休校を終わる")
    said = (await world.tap("ogawa", "明日から学校"))[0]
    assert "教職員1人" in said and "子ども2人" in said
    assert "5月12日（火）から、学校があります" in heard(world, "ito")[before["ito"]]
    assert len(heard(world, "ogawa")) == before["ogawa"] + 2  # asked and answered, no more


async def test_the_day_it_ends_on_is_still_closed(world: LineWorld) -> None:
    await declared(world, "今日から休校")
    await world.say("ogawa", "休校を水曜で終わりにする")
    assert (await closures(world))[0][3] == TODAY + timedelta(days=2)


async def test_who_is_still_closed_out_is_not_told_that_there_is_school(world: LineWorld) -> None:
    await declared(world, "4年2組を今日から金曜まで学級閉鎖")
    await declared(world, "今日から休校")
    before = {name: len(heard(world, name)) for name in ("hana", "sora")}
    await world.say("ogawa", "休校を終わる")
    await world.tap("ogawa", "学校全体：明日から学校")
    assert len(heard(world, "hana")) == before["hana"]
    assert "5月12日" in heard(world, "sora")[before["sora"]]


async def test_a_class_of_a_closed_grade_has_no_school_yet(world: LineWorld) -> None:
    await declared(world, "4年生を今日から水曜まで学年閉鎖")
    await declared(world, "4年2組を今日から学級閉鎖")
    await world.say("ogawa", "4年2組の学級閉鎖を終わる")
    said = (await world.tap("ogawa", "明日から学校"))[0]
    assert "5月14日（木）から" in said


async def test_what_another_closure_stops_stays_stopped(world: LineWorld) -> None:
    async with world.core.database.write() as connection:
        row: dict[str, Any] = {"kind": "prompt", "channel": "line", "payload": {}, "state": "pending", "attempts": 0}
        now = world.clock.now()
        row |= {"due_at": now + timedelta(hours=1), "created_at": now, "expires_at": now + timedelta(hours=5)}
        people = {"s-hana": "hana", "s-sora": "sora"}
        await connection.execute(
            insert(Outbox),
            [
                row | {"id": id, "key": f"k:{id}", "person_id": id, "account_id": f"line:{user_id(name)}"}
                for id, name in people.items()
            ],
        )

    async def states() -> dict[str, str]:
        async with world.core.database.read() as connection:
            rows = await connection.execute(select(Outbox.person_id, Outbox.state).where(Outbox.kind == "prompt"))
            return {row.person_id: row.state for row in rows}

    await declared(world, "今日から休校")
    await declared(world, "4年2組を今日から金曜まで学級閉鎖")
    await world.say("ogawa", "休校を終わる")
    said = (await world.tap("ogawa", "学校全体：今日から学校"))[0]
    assert "今日の1通" in said and await states() == {"s-hana": "skipped", "s-sora": "pending"}
    await world.say("ogawa", "4年2組の学級閉鎖を終わる")
    said = (await world.tap("ogawa", "今日から学校"))[0]
    assert "今日の1通" in said and (await states())["s-hana"] == "pending"


async def test_a_made_up_day_in_a_button_changes_nothing(world: LineWorld) -> None:
    await declared(world, "今日から休校")
    async with world.core.database.read() as connection:
        id = await connection.scalar(select(Closure.id))
    for value in (f"~end/{id}/soon", f"~end/{id}/", "~from/x/soon", "~end//", "~", "~missing/x", "~list/x", "~done/x"):
        assert await world.send(world.line.events.postback(user_id("ogawa"), value)) == 200
        await world.core.drain()
        assert "使えません" in heard(world, "ogawa")[-1]
    assert (await closures(world))[0][3] is None


# Declaring


@pytest.mark.parametrize("text", ["みなみ小は明日休校", "みなみ小学校は明日休校です"])
async def test_the_own_school_may_be_named(world: LineWorld, text: str) -> None:
    await declared(world, text)
    assert [(row[1], row[2]) for row in await closures(world)] == [("minami", TOMORROW)]


async def test_another_school_is_refused(world: LineWorld) -> None:
    assert "ほかの学校" in (await world.say("ogawa", "ひがし中は明日休校"))[0]
    await world.say("ogawa", "はい")
    assert await closures(world) == []


async def test_whether_another_school_is_closed_is_no_matter_of_the_own(world: LineWorld) -> None:
    await declared(world, "明日は休校")
    [said] = await world.say("ogawa", "ひがし中は明日休校？")
    assert "ひがし中学校" in said and "学校があります" in said


async def test_a_lead_of_two_schools_closes_the_one_that_is_named(world: LineWorld) -> None:
    async with world.core.database.write() as connection:
        row = {"sourced_id": "r-2", "user_sourced_id": "p-ogawa", "role_type": "secondary", "role": "administrator"}
        row |= {"org_sourced_id": "higashi", "begin_date": None, "end_date": None}
        await connection.execute(insert(Role), [row])
    [preview] = await world.say("ogawa", "ひがし中は明日休校")
    assert "ひがし中学校" in preview
    await world.tap("ogawa", "はい")
    assert [row[1] for row in await closures(world)] == ["higashi"]


async def test_the_preview_counts_the_sendings_and_names_them_when_asked(world: LineWorld) -> None:
    moment = datetime.combine(TODAY, time(15), TOKYO)
    row = {"id": "r1", "owner_id": "t-ito", "school_id": "minami", "audience_kind": "class", "audience_ids": ["c-4-2"]}
    row |= {"audience_label": "4年2組", "left_out": [], "only_missing": False, "what": "text", "text": "体操服を持つ"}
    row |= {"announcement_id": None, "rrule": "FREQ=DAILY", "starts_on": TODAY, "time": "15:00", "event_title": None}
    row |= {"event_first": None, "event_last": None, "any_day": False, "state": "active", "next_at": moment}
    async with world.core.database.write() as connection:
        await connection.execute(insert(Reminder), [row | {"created_at": moment, "changed_at": moment}])
    [preview] = await world.say("ogawa", "今日から来週の月曜まで休校")  # over a weekend
    assert "1件（期間中に6回）" in preview and "6日" in preview
    [listed] = await world.tap("ogawa", "止まるリマインドを見る")
    assert "体操服を持つ" in listed and "6回" in listed
    await world.say("ogawa", "はい")
    assert len(await closures(world)) == 1


async def test_declared_twice_it_says_that_it_is_closed_already(world: LineWorld) -> None:
    await declared(world, "明日から金曜まで休校")
    [preview] = await world.say("ogawa", "明日は休校")
    assert "すでに決まっている休み：学校全体（5月12日（火）から5月15日（金）まで）" in preview
    assert "もともと" not in preview


async def test_what_was_declared_last_decides_whether_there_is_learning_at_home(world: LineWorld) -> None:
    await declared(world, "今日から家庭学習")
    await declared(world, "今日は休校")
    before = len(heard(world, "hana"))
    await at(world, "08:20")
    assert len(heard(world, "hana")) == before


async def test_of_the_news_nothing_is_written_into_the_log(world: LineWorld) -> None:
    with capture_logs() as logs:
        await declared(world, "今日から緊急モード（大雨で川があふれた）")
        await world.tap("hana", "助けが必要")
        await world.say("hana", "家に水が入ってきた")
        await world.say("sora", "たすけて")
        await world.say("ito", "4年生の学習メニュー 5/11\n算数 ドリル p.20")
        await world.say("ito", "はい")
        await at(world, "08:20")
        await world.say("ogawa", "安否は？")
        await world.say("ito", "4年2組の活動の記録")
        await world.say("ogawa", "休校を終わる")
        await world.tap("ogawa", "明日から学校")
    said = ("川があふれた", "水が", "たすけて", "助け", "佐藤", "花", "高橋", "空", "小川", "ドリル", "help")
    assert logs and [word for word in said if word in str(logs)] == []


async def test_no_line_is_logged_by_an_export(world: LineWorld, capsys: pytest.CaptureFixture[str]) -> None:
    with capture_logs() as logs:
        async with world.core.database.read() as connection:
            await run_export(connection, "activity", "c-4-2", TODAY, TODAY, TOKYO)
    assert logs == [] and capsys.readouterr().out == ""


# While a check-in waits


async def test_whether_there_is_school_is_answered_in_the_middle_of_a_check_in(world: LineWorld) -> None:
    await at(world, "08:20")
    await world.tap("hana", buttons(world, "hana")[0])
    question = heard(world, "hana")[-1]
    answer, again = await world.say("hana", "明日は休校?")
    assert "学校があるよ" in answer and again.splitlines()[-1] == question.splitlines()[-1]
    async with world.core.database.read() as connection:
        assert "休校" not in str((await connection.execute(select(Outbox.payload))).all()[-1])


async def test_a_menu_that_is_set_late_keeps_the_question_in_reach(world: LineWorld) -> None:
    await declared(world, "今日から家庭学習")
    await at(world, "08:20")
    moods = buttons(world, "hana")
    await world.say("ito", "4年生の学習メニュー 5/11\n算数 ドリル p.20\n社会 プリント 3")
    await world.say("ito", "はい")
    await at(world, "08:21")
    assert set(moods) < {*buttons(world, "hana")} and "できた：1 算数" in buttons(world, "hana")
    menu, question = heard(world, "hana")[-2:]
    assert "p.20" in menu and "天気" in question
    await world.tap("hana", moods[0])
    waiting = buttons(world, "hana")
    await world.say("ito", "4年生の学習メニュー 5/11\n算数 ドリル p.21")
    await world.tap("hana", "できた：1 算数") if "できた：1 算数" in waiting else await world.say("hana", "メニュー")
    assert set(waiting) <= {*buttons(world, "hana")}


# The safety check


async def test_help_that_is_typed_counts_whatever_else_was_asked(world: LineWorld) -> None:
    await at(world, "08:20")
    await world.tap("hana", buttons(world, "hana")[0])  # a question of the check-in waits
    await in_danger(world)
    before = len(heard(world, "ito"))
    [answer] = await world.say("hana", "助けて")
    assert "119" in answer and await safety(world) == {"s-hana": "help"}
    assert await alerts(world) == [("s-hana", "urgent")]
    assert any("助けが必要" in text for text in heard(world, "ito")[before:])


async def test_without_a_safety_check_the_same_word_is_distress_as_ever(world: LineWorld) -> None:
    await world.say("hana", "助けて")
    assert await alerts(world) == [("s-hana", "soon")]


async def test_more_words_of_a_child_in_trouble_are_kept_with_the_alert(world: LineWorld) -> None:
    await at(world, "08:20")
    await world.tap("hana", buttons(world, "hana")[0])
    await in_danger(world)
    await world.tap("hana", "こまっている")
    before = len(heard(world, "ito"))
    [said] = await world.say("hana", "家に水が入ってきた")
    assert "先生に伝える" in said
    [told] = heard(world, "ito")[before:]
    assert "佐藤 花" in told and "水が" not in told
    async with world.core.database.read() as connection:
        assert "家に水が入ってきた" in (await connection.scalars(select(AlertText.text))).all()


async def test_an_answer_that_becomes_worse_is_an_alert_and_a_better_one_takes_nothing_back(world: LineWorld) -> None:
    await in_danger(world)
    await world.tap("hana", "無事")
    assert await alerts(world) == []
    await world.say("hana", "助けが必要")
    assert await alerts(world) == [("s-hana", "urgent")] and (await safety(world))["s-hana"] == "help"
    await world.say("hana", "無事")
    assert await alerts(world) == [("s-hana", "urgent")]


async def test_help_tapped_before_safe_but_delivered_after_it_is_an_alert(world: LineWorld) -> None:
    await in_danger(world)
    by_label = {label: action["data"] for label, action in world.line.quick_replies_to(user_id("hana"))}
    late = world.line.events.postback(user_id("hana"), by_label["助けが必要"])
    world.clock.forward(minutes=1)
    await world.tap("hana", "無事")
    assert await world.send(late) == 200
    await world.core.drain()
    assert await alerts(world) == [("s-hana", "urgent")] and (await safety(world))["s-hana"] == "ok"


async def test_help_counts_even_after_the_check_was_closed(world: LineWorld) -> None:
    await in_danger(world)
    async with world.core.database.write() as connection:
        await connection.execute(update(Announcement).values(state="closed"))
    await world.tap("hana", "助けが必要")
    assert await alerts(world) == [("s-hana", "urgent")]


async def test_at_night_staff_are_told_at_once_and_the_child_that_nobody_may_be_reading(world: LineWorld) -> None:
    await in_danger(world)
    await at(world, "02:00", TOMORROW)
    before = len(heard(world, "ito"))
    [answer] = await world.tap("hana", "助けが必要")
    assert "見ていないかもしれない" in answer and len(heard(world, "ito")) == before + 1


async def test_the_buttons_of_another_childs_check_do_nothing(world: LineWorld) -> None:
    await declared(world, "4年2組を今日から緊急モード")
    async with world.core.database.read() as connection:
        id = await connection.scalar(select(Announcement.id))
    await world.link("sato", "g-sato")
    for name in ("sora", "sato"):
        for value in ("help", "ok", "!take", "nonsense"):
            assert await world.send(world.line.events.postback(user_id(name), f"%{id}/{value}")) == 200
            await world.core.drain()
    assert await safety(world) == {} and await alerts(world) == []


async def test_a_site_administrator_closes_school_and_sees_no_child(world: LineWorld) -> None:
    async with world.core.database.write() as connection:
        row = {"sourced_id": "r-k", "user_sourced_id": "t-kato", "role_type": "secondary", "role": "siteAdministrator"}
        row |= {"org_sourced_id": "minami", "begin_date": None, "end_date": None}
        await connection.execute(
            update(Role).where(Role.user_sourced_id == "t-kato").values(end_date=TODAY - timedelta(days=9))
        )
        await connection.execute(insert(Role), [row])
    await world.link("kato", "t-kato")
    await world.say("kato", "今日から緊急モード")
    await world.tap("kato", "はい")
    assert len(await closures(world)) == 1
    before = len(heard(world, "kato"))
    await world.tap("hana", "助けが必要")
    [told] = heard(world, "kato")[before:]
    assert "助けが必要" in told and "佐藤" not in told
    [said] = await world.say("kato", "安否は？")
    assert "佐藤" not in said and "鈴木" not in said and "2人の返事は、担任か校長・教頭が見られます" in said
    [said] = await world.say("kato", "4年2組の活動の記録")
    assert "担任をしている学級か" in said
