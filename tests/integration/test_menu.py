"""The learning menu of a day at home: set by staff, sent in the morning, marked by children."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from knowledge.db import Database
from knowledge.records.attendance import AttendanceEntry
from knowledge.records.closures import Closure, MenuDone, MenuItem
from knowledge.records.content import Content
from scheduler.menus import Menus
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY = date(2026, 5, 11)
MENU = "4年生の学習メニュー 5/12\n算数 ドリル p.20\n社会 プリント 3"


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Monday at four; 4年2組 learns at home from Tuesday to Friday."""
    clock = HandClock(datetime.combine(MONDAY, time(16), TOKYO))
    async with line_world(database, tmp_path / "data", clock=clock) as world:
        for name, person in (("ito", "t-ito"), ("kato", "t-kato"), ("hana", "s-hana"), ("sora", "s-sora")):
            await world.link(name, person)
        row = {"id": "c1", "school_id": "minami", "grades": [], "class_ids": ["c-4-2"], "label": "4年2組"}
        row |= {"first_day": MONDAY + timedelta(days=1), "last_day": MONDAY + timedelta(days=4), "reason": ""}
        row |= {"is_remote": True, "announcement_id": None, "declared_by": "p-ogawa", "declared_at": clock.now()}
        async with world.core.database.write() as connection:
            await connection.execute(insert(Closure), [row | {"ended_by": None, "ended_at": None}])
        yield world


def heard(world: LineWorld, name: str) -> list[str]:
    return world.line.texts_to(user_id(name))


async def at(world: LineWorld, clock: str, days: int = 1) -> int:
    """The clock is moved; how many sends were planned."""
    world.clock.moment = datetime.combine(MONDAY + timedelta(days=days), time.fromisoformat(clock), TOKYO)
    services = world.core.services
    count = await Menus(services.database, TOKYO, services.times, ["line"]).plan(world.clock.now())
    await world.core.drain()
    return count


async def set_menu(world: LineWorld, text: str = MENU) -> None:
    await world.say("ito", text)
    await world.tap("ito", "はい")


async def test_it_goes_to_the_children_at_home_once(world: LineWorld) -> None:
    await set_menu(world)
    before = {name: len(heard(world, name)) for name in ("hana", "sora")}
    assert await at(world, "08:19") == 0
    assert await at(world, "08:20") == 1
    assert await at(world, "08:21") == 0
    [menu] = heard(world, "hana")[before["hana"] :]
    assert "p.20" in menu and "プリント" in menu
    assert len(heard(world, "sora")) == before["sora"]


async def test_a_tap_marks_and_another_takes_it_back(world: LineWorld) -> None:
    await set_menu(world)
    await at(world, "08:20")
    await world.tap("hana", "できた：2 社会")
    async with world.core.database.read() as connection:
        done = select(MenuDone.person_id, MenuItem.subject).join(MenuItem, MenuItem.id == MenuDone.item_id)
        assert [tuple(row) for row in await connection.execute(done)] == [("s-hana", "社会")]
    await world.tap("hana", "もどす：2 社会")
    async with world.core.database.read() as connection:
        assert (await connection.scalars(select(MenuDone.item_id))).all() == []


async def test_a_changed_menu_keeps_what_was_done_of_it(world: LineWorld) -> None:
    await set_menu(world)
    await at(world, "08:20")
    await world.tap("hana", "できた：1 算数")
    await set_menu(world, "4年生の学習メニュー 5/12\n国語 ノート 音読\n算数 ドリル p.20")
    [shown] = await world.say("hana", "メニュー")
    assert "✓ 2 算数" in shown and "社会" not in shown and "音読" in shown


async def test_an_unread_line_saves_nothing(world: LineWorld) -> None:
    [said] = await world.say("ito", MENU + "\n体操する")
    assert "体操する" in said and "保存していません" in said
    await world.say("ito", "はい")
    async with world.core.database.read() as connection:
        assert (await connection.scalars(select(MenuItem.id))).all() == []


async def test_a_teacher_of_another_grade_sets_none(world: LineWorld) -> None:
    [said] = await world.say("kato", MENU)
    assert "担任" in said
    await world.say("kato", "はい")
    async with world.core.database.read() as connection:
        assert (await connection.scalars(select(MenuItem.id))).all() == []


async def test_without_one_the_catalogue_helps_out(world: LineWorld) -> None:
    rows = [
        {"content_id": id, "title": title, "url": f"https://example.jp/{id}", "subject": subject, "grades": grades}
        | {"provider": None, "minutes": None, "description": None}
        for id, title, subject, grades in (
            ("k1", "わり算のひっ算", "算数", ["P4"]),
            ("k2", "一年生のたし算", "算数", ["P1"]),
            ("k3", "都道府県", "社会", []),
        )
    ]
    async with world.core.database.write() as connection:
        await connection.execute(insert(Content), rows)
    before = len(heard(world, "hana"))
    assert await at(world, "08:20") == 1
    menu = heard(world, "hana")[before]
    assert "https://example.jp/k1" in menu and "都道府県" in menu and "k2" not in menu
    await world.tap("hana", "できた：1 社会")


async def test_without_anything_the_teacher_is_asked_once_the_evening_before(world: LineWorld) -> None:
    before = len(heard(world, "ito"))
    assert await at(world, "16:30", days=0) == 1
    assert await at(world, "16:31", days=0) == 0
    [question] = heard(world, "ito")[before:]
    assert "5月12日" in question and "4年生の学習メニュー 5/12" in question
    await set_menu(world)
    assert await at(world, "08:20") == 1  # the menu, and nothing is asked any more


async def test_not_to_a_child_who_is_absent(world: LineWorld) -> None:
    await set_menu(world)
    tuesday = MONDAY + timedelta(days=1)
    async with world.core.database.write() as connection:
        row = {"student_id": "s-hana", "date": tuesday, "status": "absent_sick", "note": None}
        await connection.execute(insert(AttendanceEntry), [row])
    assert await at(world, "08:20") == 0


async def test_the_menu_of_yesterday_is_over(world: LineWorld) -> None:
    await set_menu(world)
    await at(world, "08:20")
    world.clock.moment = datetime.combine(MONDAY + timedelta(days=2), time(9), TOKYO)
    assert "前の日" in (await world.tap("hana", "できた：1 算数"))[0]


async def test_on_a_school_day_a_child_who_writes_menu_gets_help(world: LineWorld) -> None:
    assert "できること" in (await world.say("sora", "メニュー"))[0]
