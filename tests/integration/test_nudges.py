"""The nudge: one gentle word more to those who were asked and are silent; and silence that is respected."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from knowledge.db import Database
from knowledge.questions.model import Phase
from knowledge.records.accounts import Account
from knowledge.records.attendance import AttendanceEntry
from knowledge.records.audit import Act
from knowledge.records.audit_reading import listed
from knowledge.records.checkins import CheckInRecord, Status, save_checkins
from scheduler.briefs import Briefs
from scheduler.nudges import Nudges
from scheduler.outbox import Outbox, State
from scheduler.prompts import Prompts
from scheduler.schools import SchoolTimes, Times
from tests.platforms.line import Failure, user_id
from tests.worlds import MORNING, TOKYO, HandClock, LineWorld, line_world

MONDAY = MORNING.date()
TUESDAY, WEDNESDAY = (MONDAY + timedelta(days=n) for n in (1, 2))


def at(hour: int, minute: int = 0, *, day: date = MONDAY) -> datetime:
    return datetime.combine(day, time(hour, minute), TOKYO)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Hana and Ren of P4, and their teacher, have linked their phones on Monday morning."""
    async with line_world(database, tmp_path / "data", clock=HandClock(at(7))) as world:
        for name, person in (("hana", "s-hana"), ("ren", "s-ren"), ("ito", "t-ito")):
            await world.link(name, person)
        yield world


async def pass_by(world: LineWorld, moment: datetime, times: Times | None = None) -> None:
    """It is this moment now: what is due is planned and sent."""
    world.clock.moment = moment
    schools = SchoolTimes(default=times or Times())
    for planner in (Prompts, Nudges, Briefs):
        await planner(world.core.database, TOKYO, schools, ["line"]).plan(world.clock.now())
    await world.core.drain()


def pushed(world: LineWorld, name: str) -> int:
    """How often Ayumi wrote by itself."""
    return sum(each.via == "push" for each in world.line.delivered if each.user_id == user_id(name))


async def kinds(world: LineWorld, name: str, state: State = State.SENT) -> list[str]:
    """What was sent to a child by itself, in order."""
    async with world.core.database.read() as connection:
        statement = select(Outbox.kind).where(Outbox.person_id == f"s-{name}", Outbox.state == state)
        return list(await connection.scalars(statement.order_by(Outbox.id)))


async def store(world: LineWorld, name: str, status: Status) -> None:
    now = world.clock.now()
    record = CheckInRecord(
        student_id=f"s-{name}", date=MONDAY, phase=Phase.REFLECTION, status=status, started_at=now, updated_at=now
    )
    async with world.core.database.write() as connection:
        await save_checkins(connection, [record])


async def test_who_is_silent_is_asked_once_more_in_other_and_gentle_words(world: LineWorld) -> None:
    await pass_by(world, at(15, 10))
    await pass_by(world, at(18, 29))
    assert pushed(world, "hana") == 1
    for minute in (30, 31, 44):
        await pass_by(world, at(18, minute))
    assert pushed(world, "hana") == 2
    prompt, nudge = world.line.texts_to(user_id("hana"))[-2:]
    assert nudge.startswith("今日もおつかれさま。一言だけでもいいし、答えない日があってもだいじょうぶ。")
    assert nudge.splitlines()[0] not in prompt
    labels = [label for label, _ in world.line.quick_replies_to(user_id("hana"))]
    assert labels[-3:] == ["とばす", "あとで", "今日は答えない"]
    await world.tap("hana", labels[0])
    assert await world.count(Outbox, kind="nudge", person_id="s-hana") == 1


@pytest.mark.parametrize("status", list(Status))
async def test_who_answered_declined_or_began_is_not_nudged(world: LineWorld, status: Status) -> None:
    await pass_by(world, at(15, 10))
    await store(world, "hana", status)
    await pass_by(world, at(18, 30))
    assert await kinds(world, "hana") == ["prompt"]
    assert await kinds(world, "ren") == ["prompt", "nudge"]


async def test_who_declined_between_planning_and_sending_is_not_nudged(world: LineWorld) -> None:
    await pass_by(world, at(15, 10))
    world.clock.moment = at(18, 30)
    await Nudges(world.core.database, TOKYO, SchoolTimes(), ["line"]).plan(world.clock.now())
    await world.tap("hana", "今日は答えない")
    assert await kinds(world, "hana") == ["prompt"]


async def test_who_put_it_off_is_left_in_peace_until_then_and_after(world: LineWorld) -> None:
    await pass_by(world, at(15, 10))
    await world.say("hana", "あとで、7時に")
    await pass_by(world, at(18, 30))
    assert await kinds(world, "hana") == ["prompt"]
    await world.say("ren", "あとで")
    await pass_by(world, at(19, 0))
    assert await kinds(world, "hana") == ["prompt", "later"]


async def test_only_who_was_asked_and_a_while_ago_is_asked_once_more(world: LineWorld) -> None:
    await pass_by(world, at(18, 20))
    await pass_by(world, at(18, 31))
    assert await kinds(world, "hana") == ["prompt"]


async def test_who_was_not_reached_is_not_nudged(world: LineWorld) -> None:
    world.line.monthly_quota = 0
    await pass_by(world, at(15, 10))
    await pass_by(world, at(18, 30))
    assert await world.count(Outbox, kind="nudge") == 0


async def test_a_nudge_that_was_missed_by_more_than_its_lateness_is_not_sent(world: LineWorld) -> None:
    await pass_by(world, at(15, 10))
    await pass_by(world, at(18, 45))
    assert await world.count(Outbox, kind="nudge") == 0


async def test_a_nudge_that_line_did_not_take_is_not_sent_late(world: LineWorld) -> None:
    await pass_by(world, at(15, 10))
    world.line.fail_next("push", Failure.STATUS_500, 4)
    await pass_by(world, at(18, 30))
    world.clock.moment = at(18, 50)
    await world.core.drain()
    assert await world.count(Outbox, kind="nudge", state=State.SENT) == 0


async def test_a_school_switches_its_nudges_off_or_sets_their_time(world: LineWorld) -> None:
    off = Times(reflection_nudge=None)
    await pass_by(world, at(15, 10), off)
    await pass_by(world, at(18, 30), off)
    assert await kinds(world, "hana") == ["prompt"]
    await pass_by(world, at(17, 15), Times(reflection_nudge=time(17, 15)))
    assert await kinds(world, "hana") == ["prompt", "nudge"]


async def test_who_is_away_today_is_neither_asked_nor_nudged(world: LineWorld) -> None:
    async with world.core.database.write() as connection:
        absent = {"student_id": "s-hana", "date": MONDAY, "status": "absent_sick"}
        await connection.execute(insert(AttendanceEntry).values(**absent))
    await pass_by(world, at(15, 10))
    assert await kinds(world, "hana") == []
    async with world.core.database.write() as connection:
        absent = {"student_id": "s-ren", "date": MONDAY, "status": "suspended"}
        await connection.execute(insert(AttendanceEntry).values(**absent))
    await pass_by(world, at(18, 30))
    assert await kinds(world, "ren") == ["prompt"]


async def test_two_planners_at_once_make_one_nudge(world: LineWorld) -> None:
    await pass_by(world, at(15, 10))
    for _ in range(2):
        assert await Nudges(world.core.database, TOKYO, SchoolTimes(), ["line"]).plan(at(18, 30)) in (0, 2)
    assert await world.count(Outbox, kind="nudge") == 2


# Three prompts without a word


async def three_prompts(world: LineWorld) -> None:
    """Monday 15:10, Tuesday 8:20 and 15:10, nudges between them; nobody says a word."""
    quiet = {"last_seen_at": at(15, 0), "linked_at": at(15, 0)}
    async with world.core.database.write() as connection:
        await connection.execute(update(Account).values(**quiet))
    for moment in (at(15, 10), at(8, 20, day=TUESDAY), at(15, 10, day=TUESDAY)):
        await pass_by(world, moment)


async def test_after_three_prompts_without_a_word_nothing_more_comes(world: LineWorld) -> None:
    await three_prompts(world)
    for moment in (at(18, 30, day=TUESDAY), at(8, 20, day=WEDNESDAY), at(15, 10, day=WEDNESDAY)):
        await pass_by(world, moment)
    assert await kinds(world, "hana") == ["prompt"] * 3


async def test_any_word_from_any_account_brings_the_prompts_back(world: LineWorld) -> None:
    await three_prompts(world)
    await world.link("hana-tablet", "s-hana")
    await pass_by(world, at(8, 20, day=WEDNESDAY))
    assert await kinds(world, "hana") == ["prompt"] * 4
    assert await kinds(world, "ren") == ["prompt"] * 3


async def test_a_check_in_that_came_another_way_is_a_sign_too(world: LineWorld) -> None:
    await pass_by(world, at(15, 10))
    world.clock.moment = at(16)
    await store(world, "hana", Status.FINISHED)
    for moment in (at(8, 20, day=TUESDAY), at(15, 10, day=TUESDAY), at(8, 20, day=WEDNESDAY)):
        await pass_by(world, moment)
    assert await kinds(world, "hana") == ["prompt"] * 4


async def test_prompts_that_did_not_arrive_do_not_count(world: LineWorld) -> None:
    world.line.monthly_quota = 0
    await three_prompts(world)
    world.line.monthly_quota = 200
    await pass_by(world, at(8, 20, day=WEDNESDAY))
    assert "prompt" in await kinds(world, "hana")


@pytest.mark.parametrize(("limit", "prompts"), [(0, 4), (1, 1), (2, 2)])
async def test_a_school_sets_after_how_many(world: LineWorld, limit: int, prompts: int) -> None:
    times = Times(ignored_limit=limit)
    async with world.core.database.write() as connection:
        await connection.execute(update(Account).values(last_seen_at=at(15), linked_at=at(15)))
    moments = (at(15, 10), at(8, 20, day=TUESDAY), at(15, 10, day=TUESDAY), at(8, 20, day=WEDNESDAY))
    for moment in moments:
        await pass_by(world, moment, times)
    assert (await kinds(world, "hana")).count("prompt") == prompts


async def briefs(world: LineWorld) -> list[str]:
    return [text for text in world.line.texts_to(user_id("ito")) if "声かけを止めました" in text]


async def test_the_homeroom_teacher_is_told_once_in_the_evenings_brief(world: LineWorld) -> None:
    await three_prompts(world)
    await pass_by(world, at(16, 30, day=TUESDAY))  # the third can still be answered
    assert await briefs(world) == []
    await pass_by(world, at(16, 30, day=WEDNESDAY))
    (brief,) = await briefs(world)
    assert "3回続けて返事がないので、声かけを止めました：佐藤 花、鈴木 蓮" in brief
    await pass_by(world, at(16, 30, day=WEDNESDAY + timedelta(days=1)))
    assert len(await briefs(world)) == 1


async def test_who_wrote_before_the_brief_is_not_named(world: LineWorld) -> None:
    await three_prompts(world)
    world.clock.moment = at(12, day=WEDNESDAY)
    await world.say("hana", "使い方")
    await pass_by(world, at(16, 30, day=WEDNESDAY))
    (brief,) = await briefs(world)
    assert "声かけを止めました：鈴木 蓮" in brief


async def test_where_briefs_are_off_it_is_one_message_when_the_evenings_window_ends(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "schools.yaml").write_text("minami: {brief: off}\n", "utf-8")
    async with line_world(database, tmp_path / "data", clock=HandClock(at(15))) as world:
        times = world.core.services.times.of("minami")
        await world.link("hana", "s-hana")
        await world.link("ito", "t-ito")
        for moment in (at(15, 10), at(8, 20, day=TUESDAY), at(15, 10, day=TUESDAY), at(19, 59, day=TUESDAY)):
            await pass_by(world, moment, times)
        assert pushed(world, "ito") == 0
        for moment in (at(20, day=TUESDAY), at(20, 1, day=TUESDAY), at(20, day=WEDNESDAY)):
            await pass_by(world, moment, times)
        assert pushed(world, "ito") == 1
        (told,) = await briefs(world)
        assert told == "4年2組・5月12日の様子です。\n3回続けて返事がないので、声かけを止めました：佐藤 花"
        async with database.read() as connection:
            (entry,) = [each for each in await listed(connection, 100) if each.act == Act.READ]
        assert (entry.actor_id, entry.kind, entry.subject_ids) == ("t-ito", "checkins", ["s-hana"])
