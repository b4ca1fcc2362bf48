"""An alert that nobody has seen goes to the next of the list, and from its end to all of them again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from assistant.restoring import settle
from assistant.standing import read_figures
from knowledge.db import Database
from knowledge.records.accounts import Account
from knowledge.records.alerts import Alert, AlertText
from knowledge.records.roster import Enrollment, Role, User
from knowledge.records.substitutes import appoint
from scheduler.alerts import AlertSource
from scheduler.errors import ScheduleError
from scheduler.escalating import Escalating
from scheduler.outbox import Outbox, State
from scheduler.schools import SchoolTimes
from scheduler.tellings import Escalation, Telling
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

NOON = datetime(2026, 5, 11, 12, 10, tzinfo=TOKYO)  # a Monday, a school day
URGENT, SOON = "もう しにたい", "いじめられている"
STAFF = ("ito", "ogawa", "hayashi", "kato")


@pytest.fixture
async def world(database: Database, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[LineWorld]:
    """Hana of 4年2組 and the staff of her school have LINE; Kato teaches another class. The parameter: rules of the
    school."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "schools.yaml").write_text(getattr(request, "param", ""), "utf-8")
    async with line_world(database, tmp_path / "data", clock=HandClock(NOON)) as world:
        await linked(world, hana="s-hana", ito="t-ito", kato="t-kato", ogawa="p-ogawa", hayashi="n-hayashi")
        yield world


async def linked(world: LineWorld, **people: str) -> None:
    """These people have linked their phones, as a code would."""
    rows = [
        {"id": f"line:{user_id(name)}", "channel": "line", "person_id": person, "reachable": True}
        for name, person in people.items()
    ]
    async with world.core.database.write() as connection:
        await connection.execute(insert(Account), rows)


def named(*entries: str) -> pytest.MarkDecorator:
    """The school names its own list."""
    return pytest.mark.parametrize("world", [f"minami:\n  care: [{', '.join(entries)}]\n"], indirect=True)


def planner(world: LineWorld) -> Escalating:
    return Escalating(world.core.database, TOKYO, world.core.services.times, ["line"], [AlertSource()])


async def wait(world: LineWorld, minutes: float) -> dict[str, int]:
    """So long passes, with a look every minute or so; how many messages each of the staff got meanwhile."""
    before = {name: told(world, name) for name in STAFF}
    planning, end = planner(world), world.clock.moment + timedelta(minutes=minutes)
    step = timedelta(minutes=max(1.0, minutes / 60))
    while world.clock.moment < end:
        world.clock.moment = min(world.clock.moment + step, end)
        await planning.plan(world.clock.now())
        await world.core.drain()
    return {name: told(world, name) - before[name] for name in STAFF if told(world, name) > before[name]}


def told(world: LineWorld, name: str) -> int:
    """How many messages reached somebody about an alert."""
    return sum("花さん" in text for text in world.line.texts_to(user_id(name)))


async def rows(world: LineWorld, table: Any) -> list[Any]:
    async with world.core.database.read() as connection:
        return [*await connection.execute(select(table.__table__))]


async def change(world: LineWorld, statement: Any) -> None:
    async with world.core.database.write() as connection:
        await connection.execute(statement)


async def test_an_urgent_alert_goes_step_by_step_to_the_end_of_the_list_and_round_again(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    assert {name: told(world, name) for name in STAFF} == {"ito": 1, "ogawa": 0, "hayashi": 0, "kato": 0}
    assert await wait(world, 9) == {}
    assert await wait(world, 2) == {"ogawa": 1, "hayashi": 1}
    assert await wait(world, 18) == {}
    assert await wait(world, 3) == {"ito": 1, "ogawa": 1, "hayashi": 1}  # everybody, 20 minutes later
    assert await wait(world, 36) == {}
    assert await wait(world, 5) == {"ito": 1, "ogawa": 1, "hayashi": 1}  # and 40 minutes after that
    async with world.core.database.read() as connection:
        figures = await read_figures(connection, world.clock.now())
    assert (figures.unheard["urgent"], figures.untold["urgent"]) == (1, 0)


async def test_the_first_notice_does_not_wait_behind_a_mornings_prompts(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    (send,) = [each for each in await rows(world, Outbox) if each.kind == "alert"]
    assert send.key is None  # what has one gives way to what somebody waits for


async def test_the_words_that_are_passed_on_are_never_the_childs(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    await wait(world, 12)
    texts = [text for name in STAFF for text in world.line.texts_to(user_id(name))]
    assert not any("しにたい" in text for text in texts)
    assert "まだだれも確認していません" in world.line.texts_to(user_id("ogawa"))[-1]


async def test_who_has_seen_it_ends_it(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    await world.tap("ito", "見ました")
    assert await wait(world, 90) == {}
    assert await rows(world, Escalation) == []


async def test_at_night_and_on_a_holiday_an_urgent_alert_is_passed_on_all_the_same(world: LineWorld) -> None:
    world.clock.moment = datetime(2026, 5, 3, 23, 40, tzinfo=TOKYO)  # a Sunday, and 憲法記念日
    await world.say("hana", URGENT)
    assert told(world, "ito") == 1
    assert await wait(world, 11) == {"ogawa": 1, "hayashi": 1}


async def test_what_is_not_urgent_wakes_nobody_at_night(world: LineWorld) -> None:
    world.clock.moment = datetime(2026, 5, 11, 19, 30, tzinfo=TOKYO)
    await world.say("hana", SOON)
    assert told(world, "ito") == 1
    assert await wait(world, 11 * 60) == {}  # until 6:30
    assert await wait(world, 60) == {"ogawa": 1, "hayashi": 1}
    assert world.clock.moment.date() == date(2026, 5, 12)


async def test_by_day_the_others_wait_an_hour(world: LineWorld) -> None:
    await world.say("hana", SOON)
    assert await wait(world, 58) == {}
    assert await wait(world, 4) == {"ogawa": 1, "hayashi": 1}


async def test_a_child_who_writes_on_does_not_begin_the_list_anew(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    await wait(world, 8)
    await world.say("hana", URGENT)
    assert told(world, "ito") == 2  # of each text
    assert await wait(world, 3) == {"ogawa": 1, "hayashi": 1}


async def test_what_becomes_urgent_goes_on_sooner(world: LineWorld) -> None:
    await world.say("hana", SOON)
    await wait(world, 15)
    await world.say("hana", URGENT)
    assert await wait(world, 2) == {"ogawa": 1, "hayashi": 1}


async def test_a_new_text_wakes_an_alert_that_was_closed_and_its_list_begins_anew(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    await wait(world, 12)
    await world.say("ogawa", "対応しました")
    await wait(world, 20)
    await world.say("hana", URGENT)
    assert told(world, "ito") == 2
    assert await wait(world, 9) == {}
    assert await wait(world, 3) == {"ogawa": 1, "hayashi": 1}


async def test_nobody_is_told_who_has_left(world: LineWorld) -> None:
    yesterday = world.clock.moment.date() - timedelta(days=1)
    await change(world, update(Role).where(Role.user_sourced_id == "t-ito").values(end_date=yesterday))
    await change(world, update(User).where(User.sourced_id == "p-ogawa").values(enabled=False))
    await world.say("hana", URGENT)
    assert {name: told(world, name) for name in STAFF} == {"ito": 0, "ogawa": 0, "hayashi": 1, "kato": 0}


async def test_who_leaves_between_two_steps_is_passed_over(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    yesterday = world.clock.moment.date() - timedelta(days=1)
    await change(world, update(Role).where(Role.user_sourced_id == "p-ogawa").values(end_date=yesterday))
    assert await wait(world, 12) == {"hayashi": 1}


async def test_who_leaves_before_it_is_sent_gets_nothing_and_the_next_hears_at_once(world: LineWorld) -> None:
    assert await world.send(world.line.events.text(user_id("hana"), URGENT)) == 200
    await world.core.turns.drain()
    await change(world, delete(Enrollment).where(Enrollment.user_sourced_id == "t-ito"))
    await world.core.drain()
    assert told(world, "ito") == 0
    assert await wait(world, 1) == {"ogawa": 1, "hayashi": 1}


async def test_where_a_send_does_not_arrive_the_next_hears_at_once(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    lost = update(Outbox).where(Outbox.kind == "alert").values(state=State.FAILED)
    await change(world, lost)
    assert await wait(world, 1) == {"ogawa": 1, "hayashi": 1}


async def test_a_member_of_staff_is_never_told_of_their_own_child(world: LineWorld) -> None:
    await change(world, update(User).where(User.sourced_id == "s-hana").values(agent_sourced_ids=["t-ito", "g-sato"]))
    await world.say("hana", URGENT)
    assert {name: told(world, name) for name in STAFF} == {"ito": 0, "ogawa": 1, "hayashi": 1, "kato": 0}
    assert "終わっていないアラートはありません" in (await world.say("ito", "アラート一覧"))[-1]


async def test_who_stands_in_for_the_homeroom_teacher_is_told_too(world: LineWorld) -> None:
    today = world.clock.moment.date()
    async with world.core.database.write() as connection:
        await appoint(connection, ["minami"], "t-kato", "c-4-2", first=today, last=today, today=today)
    await world.say("hana", URGENT)
    assert (told(world, "ito"), told(world, "kato")) == (1, 1)


@named("ext:nurse", "t-kato", "homeroom")
async def test_the_school_names_whom_it_wants_and_in_which_order(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    assert {name: told(world, name) for name in STAFF} == {"ito": 0, "ogawa": 0, "hayashi": 1, "kato": 0}
    assert await wait(world, 11) == {"kato": 1}
    assert "花さん" in (await world.say("kato", "アラート一覧"))[-1]  # who is named may know
    assert await wait(world, 11) == {"ito": 1}
    assert await wait(world, 21) == {"ito": 1, "hayashi": 1, "kato": 1}


@named("t-nobody", "t-abe")
async def test_where_nobody_the_school_named_works_there_the_usual_ones_are_told(world: LineWorld) -> None:
    await world.link("abe", "t-abe")  # of another school
    await world.say("hana", URGENT)
    assert (told(world, "ito"), told(world, "abe")) == (1, 0)
    assert await wait(world, 11) == {"ogawa": 1, "hayashi": 1}


async def test_where_nobody_can_be_told_that_is_known_and_the_first_who_links_hears_it(world: LineWorld) -> None:
    staff = update(Account).where(Account.person_id != "s-hana")
    await change(world, staff.values(person_id=None))
    await world.say("hana", URGENT)
    await wait(world, 30)
    async with world.core.database.read() as connection:
        assert (await read_figures(connection, world.clock.now())).untold["urgent"] == 1
    await world.link("hayashi", "n-hayashi")
    assert await wait(world, 11) == {"hayashi": 1}


async def test_two_schedulers_at_once_tell_everybody_once(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    world.clock.forward(minutes=11)
    now = world.clock.now()
    for _ in range(2):
        await asyncio.gather(*(planner(world).plan(now) for _ in range(4)))
    await world.core.drain()
    assert [told(world, name) for name in STAFF] == [1, 1, 1, 0]
    assert len(await rows(world, Telling)) == 3


async def test_a_scheduler_that_was_down_for_hours_goes_on_with_the_next_step(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    world.clock.forward(hours=5)
    assert await wait(world, 1) == {"ogawa": 1, "hayashi": 1}
    assert await wait(world, 15) == {}


async def test_after_a_crash_between_planning_and_sending_everybody_is_told_once(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    world.clock.forward(minutes=11)
    await planner(world).plan(world.clock.now())  # and its process is gone
    await planner(world).plan(world.clock.now())
    await world.core.drain()
    assert [told(world, name) for name in STAFF] == [1, 1, 1, 0]


async def test_a_clock_that_is_set_back_does_not_stop_it(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    await wait(world, 1)
    world.clock.forward(hours=-3)
    async with world.core.database.read() as connection:
        (row,) = await connection.execute(select(Escalation.next_at, Escalation.told_at))
    assert row.next_at <= row.told_at + timedelta(minutes=12)
    assert await wait(world, 3 * 60 + 12) != {}


async def test_an_alert_of_an_earlier_version_is_taken_up(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    await change(world, delete(Escalation))
    await change(world, delete(Telling))
    assert await wait(world, 1) == {"ito": 1}
    assert await wait(world, 11) == {"ogawa": 1, "hayashi": 1}


async def test_an_old_alert_of_an_earlier_version_floods_nobody(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    await change(world, delete(Escalation))
    world.clock.forward(days=3)
    assert await wait(world, 2) == {}


async def test_editing_or_withdrawing_the_text_withdraws_nothing(world: LineWorld) -> None:
    event = world.line.events.text(user_id("hana"), URGENT)
    assert await world.send(event) == 200
    await world.core.drain()
    world.clock.forward(seconds=20)
    assert await world.send(world.line.events.unsend(user_id("hana"), event["message"]["id"])) == 200
    await world.core.drain()
    (text,) = await rows(world, AlertText)
    assert "しにたい" in text.words.replace(" ", "")
    assert [each.state for each in await rows(world, Alert)] == ["new"]
    assert await wait(world, 12) == {"ogawa": 1, "hayashi": 1}


async def test_after_a_restore_an_alert_that_nobody_saw_is_still_passed_on(world: LineWorld) -> None:
    await world.say("hana", URGENT)
    world.clock.forward(minutes=30)
    await settle(world.core.services, world.clock.now(), world.clock.now())
    await wait(world, 45)
    assert told(world, "ogawa") >= 1


@pytest.mark.parametrize("entry", ["care: homeroom", "care: [[a]]", "alert_urgent: 0", "talk_hours: '-1'"])
def test_a_rule_that_cannot_hold_is_named_at_start(tmp_path: Path, entry: str) -> None:
    path = tmp_path / "schools.yaml"
    path.write_text(f"minami:\n  {entry}\n", "utf-8")
    with pytest.raises(ScheduleError, match=entry.partition(":")[0]):
        SchoolTimes.load(path)


def test_a_school_names_its_list_and_its_patience(tmp_path: Path) -> None:
    path = tmp_path / "schools.yaml"
    path.write_text("minami:\n  care: [t-kato, homeroom]\n  alert_urgent: 5\n", "utf-8")
    times = SchoolTimes.load(path)
    assert times.care_of("minami") == ("t-kato", "homeroom")
    assert times.care_of("higashi") == ()
    assert times.of("minami").alert_urgent == 5
