"""The page of children who want to talk: for the one who was chosen, freshly signed in, and for nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from assistant.dialogue.talk_writes import AddTalkRequest
from knowledge.records.audit import Act, AuditEntry
from knowledge.records.talk_requests import Chosen, TalkRequest
from scheduler.outbox import Outbox
from tests.browser.world import BrowserWorld, browser_world
from tests.integration.test_browser_chat import Page, browser, plain

PATH = "/care/talks"


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[BrowserWorld]:
    async with browser_world(tmp_path, database_url) as world:
        yield world


@pytest.fixture
async def page(world: BrowserWorld) -> AsyncIterator[Page]:
    """The nurse, freshly signed in."""
    async with browser(world) as page:
        await page.sign_in(await world.code("n-hayashi"))
        yield page


async def wish(world: BrowserWorld, id: str, chosen: str | None = "n-hayashi", student: str = "s-hana") -> None:
    write = AddTalkRequest(
        request_id=id,
        student_id=student,
        at=world.clock.moment,
        chosen_as=Chosen.NURSE if chosen else Chosen.ANYONE,
        chosen_id=chosen,
        subject="home",
    )
    async with world.core.database.write() as connection:
        await AddTalkRequest.store(connection, [write])


async def found(world: BrowserWorld, id: str) -> tuple[str | None, str | None]:
    """Who read and who closed it."""
    async with world.core.database.read() as connection:
        statement = select(TalkRequest.read_by, TalkRequest.closed_by).where(TalkRequest.id == id)
        return tuple((await connection.execute(statement)).one())  # pyright: ignore[reportReturnType] -- two columns


async def acts(world: BrowserWorld) -> list[str]:
    async with world.core.database.read() as connection:
        statement = (
            select(AuditEntry.act)
            .where(AuditEntry.kind == "talk_requests", AuditEntry.act != Act.TOLD)
            .order_by(AuditEntry.id)
        )
        return [*await connection.scalars(statement)]


async def test_what_it_is_about_is_shown_once_it_is_opened_and_the_child_hears_of_it(
    world: BrowserWorld, page: Page
) -> None:
    async with browser(world) as child:
        await child.sign_in(await world.code("s-hana"))
    await wish(world, "w1")
    listed = plain(await page.open(PATH))
    assert "佐藤 花さん（4年2組）" in listed and "未読" in listed and "家のこと" not in listed
    assert await found(world, "w1") == (None, None)
    opened = plain(await page.post(f"{PATH}/read", id="w1"))
    assert "家のこと" in opened and "未読" not in opened
    assert await found(world, "w1") == ("n-hayashi", None)
    async with world.core.database.read() as connection:
        assert [*await connection.scalars(select(Outbox.key).where(Outbox.key.is_not(None)))] == ["talk_read:w1"]
    assert "いません" in plain(await page.post(f"{PATH}/done", id="w1"))
    assert await found(world, "w1") == ("n-hayashi", "n-hayashi")
    assert await acts(world) == ["read", "read", "read", "change"]


async def test_what_is_for_somebody_else_is_counted_and_cannot_be_opened(world: BrowserWorld, page: Page) -> None:
    await wish(world, "w1", chosen="t-ito")
    listed = plain(await page.open(PATH))
    assert "1件" in listed and "佐藤" not in listed
    await page.open("/")
    token, said = page.token, set[str]()
    for id in ("w1", "made-up"):
        for act in ("read", "done"):
            said.add(await page.post(f"{PATH}/{act}", id=id, csrf_token=token))
            assert page.status == 404
    assert len(said) == 1  # the same, whether there is such a wish or not
    assert await found(world, "w1") == (None, None)
    assert await acts(world) == ["refused"] * 4


async def test_a_sign_in_of_this_morning_is_not_enough(world: BrowserWorld, page: Page) -> None:
    await wish(world, "w1")
    world.clock.forward(minutes=31)
    assert "佐藤" not in plain(await page.open(PATH))
    assert await acts(world) == []


async def test_a_wish_for_anyone_is_open_to_those_who_look_after_the_child(world: BrowserWorld, page: Page) -> None:
    await wish(world, "w1", chosen=None)
    await wish(world, "w2", chosen=None, student="s-yui")  # of another school
    listed = plain(await page.open(PATH))
    assert "佐藤 花" in listed and "田中" not in listed and "件" not in listed
