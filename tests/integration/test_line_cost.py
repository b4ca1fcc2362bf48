"""What LINE still sends this month, and what the check-in prompts need of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from assistant.cli import doctor
from assistant.cli.prompt_cost import prompts_of_month
from assistant.dialogue.turn import Quota
from knowledge.db import Database
from scheduler.schools import LinePrompts, SchoolTimes, Times
from tests.platforms.line import Failure
from tests.worlds import LINE_SECRET, LINE_TOKEN, LineWorld, line_world, settings_of

MAY = date(2026, 5, 11)
SCHOOL_DAYS = 18  # Mondays to Fridays of May 2026 without the holidays of the 4th, 5th and 6th
CONSUMPTION = "/v2/bot/message/quota/consumption"


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    async with line_world(database, tmp_path / "data") as world:
        await world.link("hana", "s-hana")
        await world.link("ren", "s-ren")
        await world.link("ogawa", "p-ogawa")
        yield world


async def cost(world: LineWorld, times: SchoolTimes) -> tuple[int, int]:
    async with world.core.database.read() as connection:
        return await prompts_of_month(connection, times, MAY)


async def test_two_prompts_a_school_day_for_every_child_with_line(world: LineWorld) -> None:
    assert await cost(world, SchoolTimes()) == (2, 2 * 2 * SCHOOL_DAYS)


async def test_a_child_who_begins_by_the_menu_costs_nothing(world: LineWorld) -> None:
    assert await cost(world, SchoolTimes(default=Times(line_prompts=LinePrompts.MENU))) == (0, 0)


async def test_doctor_says_when_the_plan_is_too_small_for_the_prompts(world: LineWorld, tmp_path: Path) -> None:
    keys = {"line_channel_secret": LINE_SECRET, "line_channel_access_token": LINE_TOKEN}
    address = world.core.database.engine.url.render_as_string(hide_password=False)
    settings = settings_of(tmp_path, address, line_api_base_url=world.line.base_url, **keys)
    for limit, ok in ((None, True), (5000, True), (1, False)):
        world.line.monthly_quota = limit
        world.line.quota_used = 0
        found = [each async for each in doctor.examine(settings) if each.about == "LINE prompts"]
        assert [each.ok for each in found] == [ok]
    assert "line_prompts: menu" in found[0].says


async def test_the_quota_is_asked_once_in_ten_minutes(world: LineWorld) -> None:
    quota = world.core.services.quota
    world.line.monthly_quota, world.line.quota_used = 200, 30
    assert await quota() == Quota(limit=200, used=30)
    world.line.quota_used = 40
    world.clock.forward(minutes=9)
    assert await quota() == Quota(limit=200, used=30)
    world.clock.forward(minutes=2)
    assert await quota() == Quota(limit=200, used=40)
    assert world.line.requests[CONSUMPTION] == 2


async def test_a_plan_without_a_limit_says_so(world: LineWorld) -> None:
    world.line.monthly_quota = None
    assert await world.core.services.quota() == Quota(limit=None, used=world.line.quota_used)


@pytest.mark.parametrize("failure", [Failure.STATUS_500, Failure.STATUS_401, Failure.STATUS_429_RATE])
async def test_a_quota_that_line_does_not_tell_is_not_known_and_asked_again_a_little_later(
    world: LineWorld, failure: Failure
) -> None:
    world.line.fail_next(CONSUMPTION, failure)
    assert await world.core.services.quota() is None
    assert await world.core.services.quota() is None
    assert world.line.requests[CONSUMPTION] == 1
    world.clock.forward(seconds=31)
    assert await world.core.services.quota() is not None
