"""Substitutes: appointed by a lead with an end, seeing the class until then and not a day longer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from knowledge.db import Database
from knowledge.imports.registry import run_import
from knowledge.questions.model import Phase
from knowledge.records.audit_reading import Listed, listed
from knowledge.records.checkins import CheckInRecord, Status, save_checkins
from knowledge.records.roster import Enrollment
from knowledge.records.scope import load_viewer
from knowledge.records.substitutes import NoSubstituteError, appoint, end, substitutes_at
from tests.browser.world import BrowserWorld, browser_world
from tests.builders.oneroster import write_oneroster
from tests.integration.test_browser_chat import browser, plain
from tests.worlds import TOKYO, LineWorld, line_world

MONDAY = date(2026, 5, 11)
FRIDAY = date(2026, 5, 15)
PATH = "/care/people"
SHOW = "佐藤花さんのふりかえりを見せて"


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[BrowserWorld]:
    async with browser_world(tmp_path, database_url) as world:
        yield world


@pytest.fixture
async def chat(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Hana has reflected on Monday; Mr Kato, who teaches another class, has his phone linked."""
    async with line_world(database, tmp_path / "data") as chat:
        at = datetime(2026, 5, 11, 8, 10, tzinfo=TOKYO)
        record = CheckInRecord(
            student_id="s-hana",
            date=MONDAY,
            phase=Phase.REFLECTION,
            status=Status.FINISHED,
            started_at=at,
            updated_at=at,
            answered_at=at,
            went_well="分数が分かった",
        )
        async with database.write() as connection:
            await save_checkins(connection, [record])
        await chat.link("kato", "t-kato")
        yield chat


async def stand_in(database: Database, person: str = "t-kato", first: date = MONDAY, last: date = FRIDAY) -> None:
    async with database.write() as connection:
        await appoint(connection, ["minami"], person, "c-4-2", first=first, last=last, today=MONDAY)


async def kept(world: BrowserWorld) -> list[Listed]:
    async with world.core.database.read() as connection:
        return [each for each in await listed(connection, 100) if each.kind == "roles"]


async def test_a_substitute_sees_the_class_on_the_days_named_and_on_no_other(database: Database, chat: LineWorld):
    await stand_in(database, first=MONDAY + timedelta(days=1))
    seen: dict[date, bool] = {}
    for n in range(6):
        async with database.read() as connection:
            viewer = await load_viewer(connection, "t-kato", MONDAY + timedelta(days=n))
        seen[viewer.on] = "c-4-2" in viewer.homerooms
        assert "c-2-1" in viewer.homerooms
    assert [*seen.values()] == [False, True, True, True, True, False]


async def test_an_open_conversation_shows_nothing_once_it_is_over(database: Database, chat: LineWorld):
    before = await chat.say("kato", SHOW)
    assert not any("分数" in each for each in before)
    await stand_in(database)
    shown = await chat.say("kato", SHOW)
    assert any("分数が分かった" in each for each in shown)
    chat.clock.moment = datetime(2026, 5, 15, 23, 59, 50, tzinfo=TOKYO)
    assert any("分数が分かった" in each for each in await chat.say("kato", "佐藤花さんの5月11日のふりかえりを見せて"))
    chat.clock.moment = datetime(2026, 5, 16, 0, 0, 1, tzinfo=TOKYO)
    for text in ("どうやって計算した？", "CSV", "続き", "グラフで", "佐藤花さんの5月11日のふりかえりを見せて"):
        assert not any("分数" in each for each in await chat.say("kato", text)), text


async def test_ended_early_it_is_over_at_once(database: Database, chat: LineWorld):
    await stand_in(database)
    async with database.write() as connection:
        [mine] = await substitutes_at(connection, ["minami"], MONDAY)
        await end(connection, mine.id, MONDAY)
    assert not any("分数" in each for each in await chat.say("kato", SHOW))


async def test_the_next_import_of_the_roster_leaves_it_alone(database: Database, chat: LineWorld, tmp_path: Path):
    await stand_in(database)
    write_oneroster(tmp_path / "again")
    await run_import(database, "oneroster", tmp_path / "again", timezone=TOKYO)
    async with database.read() as connection:
        assert len(await substitutes_at(connection, ["minami"], MONDAY)) == 1
        found = await connection.scalars(select(Enrollment.sourced_id).where(Enrollment.user_sourced_id == "t-kato"))
        assert len([*found]) == 2


@pytest.mark.parametrize(
    ("person", "class_id", "first", "last", "problem"),
    [
        ("t-ito", "c-4-2", MONDAY, FRIDAY, "already"),
        ("t-abe", "c-4-2", MONDAY, FRIDAY, "who"),  # of another school
        ("s-ren", "c-4-2", MONDAY, FRIDAY, "who"),
        ("g-sato", "c-4-2", MONDAY, FRIDAY, "who"),
        ("t-nobody", "c-4-2", MONDAY, FRIDAY, "who"),
        ("t-kato", "c-j1-1", MONDAY, FRIDAY, "where"),
        ("t-kato", "c-none", MONDAY, FRIDAY, "where"),
        ("t-kato", "c-4-2", FRIDAY, MONDAY, "when"),
        ("t-kato", "c-4-2", date(2026, 4, 1), date(2026, 5, 1), "when"),
        ("t-kato", "c-4-2", MONDAY, MONDAY + timedelta(days=400), "when"),
    ],
)
async def test_nobody_stands_in_who_may_not(
    database: Database, chat: LineWorld, person: str, class_id: str, first: date, last: date, problem: str
):
    async with database.write() as connection:
        with pytest.raises(NoSubstituteError) as refused:
            await appoint(connection, ["minami"], person, class_id, first=first, last=last, today=MONDAY)
    assert refused.value.problem == problem


async def test_a_lead_appoints_and_ends_on_the_page(world: BrowserWorld):
    async with browser(world) as page:
        await page.sign_in(await world.code("p-ogawa"))
        shown = plain(await page.open(PATH))
        assert "今、代わりの先生はいません。" in shown and "加藤 健" in shown and "阿部 直美" not in shown
        await page.post(f"{PATH}/add", **{"person": "t-kato", "class": "c-4-2", "first": "", "last": "2026-05-15"})
        shown = plain(await page.open(PATH))
        assert "加藤 健 · 4年2組" in shown and "まで" in shown
        [entry] = await kept(world)
        assert (entry.actor_id, entry.act, entry.subject_ids) == ("p-ogawa", "change", ["t-kato"])
        await page.post(f"{PATH}/end", id=page.html.partition('name="id" value="')[2].partition('"')[0])
        assert "今、代わりの先生はいません。" in plain(await page.open(PATH))
        assert [each.detail.split()[0] for each in await kept(world)] == ["ended", "appointed"]


async def test_crafted_forms_are_refused_and_kept(world: BrowserWorld):
    async with browser(world) as page:
        await page.sign_in(await world.code("p-ogawa"))
        await page.open(PATH)
        await page.post(f"{PATH}/add", **{"person": "t-abe", "class": "c-4-2", "last": "2026-05-15"})
        await page.post(f"{PATH}/add", **{"person": "t-kato", "class": "c-j1-1", "last": "2026-05-15"})
        await page.post(f"{PATH}/end", id="ayumi:substitute:0000000000000000")
        await page.post(f"{PATH}/end", id="e-ito")  # an enrolment of the roster
        assert [each.act for each in await kept(world)] == ["refused"] * 4
    async with world.core.database.read() as connection:
        assert await substitutes_at(connection, ["minami", "higashi"], MONDAY) == []
        kept_by = await connection.scalar(select(Enrollment.end_date).where(Enrollment.sourced_id == "e-ito"))
        assert kept_by is None


@pytest.mark.parametrize("person", ["t-ito", "s-hana", "g-sato", "b-nakano"])
async def test_the_page_is_not_there_for_others(world: BrowserWorld, person: str):
    async with browser(world) as page:
        await page.sign_in(await world.code(person))
        assert "代わりの先生" not in plain(await page.open(PATH))
