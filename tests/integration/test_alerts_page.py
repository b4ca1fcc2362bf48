"""The page of alerts: for staff who signed in freshly and look after the child, and for nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from knowledge.records.alerts import Alert, AlertStep, raise_alert
from knowledge.records.audit import Act, AuditEntry
from knowledge.records.roster import Enrollment
from scheduler.alerts import KIND
from scheduler.tellings import Begun, Escalation, begin
from tests.browser.world import BrowserWorld, browser_world
from tests.integration.test_browser_chat import Page, browser, plain

PATH = "/care/alerts"


@pytest.fixture
async def world(tmp_path: Path, sqlite_url: str) -> AsyncIterator[BrowserWorld]:
    async with browser_world(tmp_path, sqlite_url) as world:
        yield world


@pytest.fixture
async def page(world: BrowserWorld) -> AsyncIterator[Page]:
    """The homeroom teacher of 4年2組, freshly signed in."""
    async with browser(world) as page:
        await page.sign_in(await world.code("t-ito"))
        yield page


async def cry(world: BrowserWorld, student_id: str = "s-hana", event: str = "e1", words: str = "しにたい") -> str:
    """A child's text raised an alert, and the homeroom teacher was told."""
    at = world.clock.now()
    async with world.core.database.write() as connection:
        alert = await raise_alert(
            connection,
            event_id=event,
            student_id=student_id,
            level="urgent",
            category="self_harm",
            words=words,
            text=f"じゅくでおこられて、もう {words}",
            at=at,
        )
        told = (("t-ito", f"alert:{event}:t-ito"),)
        await begin(
            connection, Begun(kind=KIND, item_id=alert, student_id=student_id, level="urgent", at=at, told=told)
        )
    world.clock.forward(seconds=5)
    return alert


async def state_of(world: BrowserWorld, alert: str) -> str | None:
    async with world.core.database.read() as connection:
        return await connection.scalar(select(Alert.state).where(Alert.id == alert))


async def acts(world: BrowserWorld) -> list[str]:
    async with world.core.database.read() as connection:
        statement = (
            select(AuditEntry.act)
            .where(AuditEntry.kind == "alerts", AuditEntry.act != Act.TOLD)
            .order_by(AuditEntry.id)
        )
        return [*await connection.scalars(statement)]


def last_at(page: Page) -> str:
    return page.html.partition('name="last_at" value="')[2].partition('"')[0]


async def test_the_list_has_names_and_one_alert_the_words_and_who_was_told(world: BrowserWorld, page: Page) -> None:
    alert = await cry(world)
    listed = plain(await page.open(PATH))
    assert "佐藤 花" in listed and "4年2組" in listed and "まだだれも見ていません" in listed
    assert "しにたい" not in listed
    shown = plain(await page.open(f"{PATH}/{alert}"))
    assert "しにたい" in shown
    assert "じゅく" not in shown  # nothing but the words that raised it
    assert "伊藤 春子" in shown.partition("知らせた人")[2]
    assert await state_of(world, alert) == "new"  # reading it answers nothing
    assert await acts(world) == ["read", "read"]


async def test_a_button_with_a_note_changes_it_and_ends_the_passing_on(world: BrowserWorld, page: Page) -> None:
    alert = await cry(world)
    await page.open(f"{PATH}/{alert}")
    await page.post(f"{PATH}/{alert}", state="seen", note="", last_at=last_at(page))
    shown = plain(
        await page.post(f"{PATH}/{alert}", state="addressed", note="放課後に <b>話した</b>", last_at=last_at(page))
    )
    assert "放課後に <b>話した</b>" in shown  # as it was written
    assert "<b>話した" not in page.html
    async with world.core.database.read() as connection:
        rows = await connection.execute(select(AlertStep.state, AlertStep.actor_id, AlertStep.note))
        assert [tuple(row) for row in rows] == [
            ("new", None, None),
            ("seen", "t-ito", None),
            ("addressed", "t-ito", "放課後に <b>話した</b>"),
        ]
        assert (await connection.execute(select(Escalation.item_id))).all() == []
    assert [act for act in await acts(world) if act == "change"] == ["change", "change"]


async def test_what_was_closed_by_mistake_can_be_opened_again(world: BrowserWorld, page: Page) -> None:
    alert = await cry(world)
    await page.open(f"{PATH}/{alert}")
    await page.post(f"{PATH}/{alert}", state="not_a_concern", last_at=last_at(page))
    assert await state_of(world, alert) == "not_a_concern"
    await page.post(f"{PATH}/{alert}", state="seen", last_at=last_at(page))
    assert await state_of(world, alert) == "seen"


async def test_who_did_not_see_the_childs_last_words_cannot_close_it(world: BrowserWorld, page: Page) -> None:
    alert = await cry(world)
    await page.open(f"{PATH}/{alert}")
    before = last_at(page)
    assert await cry(world, event="e2", words="きえたい") == alert
    shown = plain(await page.post(f"{PATH}/{alert}", state="addressed", last_at=before))
    assert "そのあとにも書いています" in shown and "きえたい" in shown
    assert await state_of(world, alert) == "new"


@pytest.mark.parametrize("who", ["t-kato", "t-mori", "p-ogawa-elsewhere", "b-nakano"])
async def test_staff_who_do_not_look_after_the_child_find_nothing(world: BrowserWorld, page: Page, who: str) -> None:
    alert = await cry(world, "s-yui" if who == "p-ogawa-elsewhere" else "s-hana")
    async with browser(world) as other:
        await other.sign_in(await world.code("p-ogawa" if who == "p-ogawa-elsewhere" else who))
        nothing = await other.open(f"{PATH}/no-such-alert")
        assert other.status == 404
        assert await other.open(f"{PATH}/{alert}") == nothing
        assert other.status == 404
        await other.open(PATH)
        assert "佐藤 花" not in other.html and "田中 結衣" not in other.html
        await other.open()  # whose forms carry this person's own token
        await other.post(f"{PATH}/{alert}", state="addressed", last_at="")
        assert other.status == 404
    assert await state_of(world, alert) == "new"
    assert [act for act in await acts(world) if act == "refused"] == ["refused"] * 3


@pytest.mark.parametrize("who", ["s-hana", "s-ren", "g-sato"])
async def test_a_child_and_a_guardian_find_no_such_page(world: BrowserWorld, who: str) -> None:
    alert = await cry(world)
    async with browser(world) as other:
        await other.sign_in(await world.code(who))
        for path in (PATH, f"{PATH}/{alert}", f"{PATH}/nobody"):
            assert "しにたい" not in await other.open(path)
            assert other.status == 404


async def test_it_takes_a_fresh_sign_in(world: BrowserWorld, page: Page) -> None:
    alert = await cry(world)
    for _ in range(4):  # at work all the time, so that the session lives
        world.clock.forward(minutes=9)
        await page.open()
    async with page.http.get(f"{world.url}{PATH}/{alert}", allow_redirects=False) as response:
        assert response.status == 303
        assert response.headers["location"].startswith("/signin/again")
        assert "しにたい" not in await response.text()


async def test_a_teacher_who_lost_the_class_is_out_at_once(world: BrowserWorld, page: Page) -> None:
    alert = await cry(world)
    await page.open(f"{PATH}/{alert}")
    async with world.core.database.write() as connection:
        yesterday = world.clock.moment.date() - timedelta(days=1)
        await connection.execute(
            update(Enrollment).where(Enrollment.user_sourced_id == "t-ito").values(end_date=yesterday)
        )
    await page.post(f"{PATH}/{alert}", state="addressed", last_at=last_at(page))
    assert page.status == 404
    assert await state_of(world, alert) == "new"


@pytest.mark.parametrize("fields", [{"state": "new"}, {"state": "gone"}, {}, {"state": "seen", "note": "あ" * 2001}])
async def test_a_made_up_form_changes_nothing(world: BrowserWorld, page: Page, fields: dict[str, str]) -> None:
    alert = await cry(world)
    await page.open(f"{PATH}/{alert}")
    await page.post(f"{PATH}/{alert}", last_at=last_at(page), **fields)
    assert page.status == 400
    assert await state_of(world, alert) == "new"


async def test_a_form_of_another_site_changes_nothing(world: BrowserWorld, page: Page) -> None:
    alert = await cry(world)
    await page.open(f"{PATH}/{alert}")
    await page.post_with({"Sec-Fetch-Site": "cross-site"}, f"{PATH}/{alert}", state="addressed", last_at=last_at(page))
    assert page.status == 403
    assert await state_of(world, alert) == "new"


async def test_an_alert_that_nobody_could_be_told_of_says_so(world: BrowserWorld, page: Page) -> None:
    async with world.core.database.write() as connection:
        row = {"id": "a1", "student_id": "s-ren", "level": "soon", "state": "new"}
        await connection.execute(insert(Alert).values(at=world.clock.now(), last_at=world.clock.now(), **row))
    assert "だれにも知らせることができていません" in plain(await page.open(f"{PATH}/a1"))
