"""The menu under the LINE chat: made once, everybody's, and its fields lead where they say."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from assistant.channels.line.rich_menu import FIELDS, LineMenuError, put_menu
from assistant.cli.line_menu import run_line_menu
from assistant.errors import SettingsError
from assistant.handlers.talk import BUTTONS
from assistant.wording.texts import Speaker
from tests.platforms.line import ACCESS_TOKEN, Failure, LineStandIn
from tests.worlds import settings_of

JAPANESE, ENGLISH = Speaker(language="ja", band="secondary"), Speaker(language="en", band="secondary")


@pytest.fixture
async def line() -> AsyncIterator[LineStandIn]:
    async with LineStandIn() as line:
        yield line
        assert line.violations == []


async def put(line: LineStandIn, speaker: Speaker = JAPANESE) -> str:
    return await put_menu(line.base_url, ACCESS_TOKEN, speaker)


async def test_the_menu_is_everybodys_with_its_picture(line: LineStandIn) -> None:
    menu_id = await put(line)
    assert line.rich_menus.default == menu_id
    assert len(line.rich_menus.pictures[menu_id]) < 1_000_000
    actions = [area["action"] for area in line.rich_menus.menus[menu_id]["areas"]]
    assert [action["label"] for action in actions] == ["見通し", "ふりかえり", "相談", "ヘルプ"]


async def test_every_field_is_a_button_that_the_talk_knows(line: LineStandIn) -> None:
    assert set(FIELDS.values()) <= set(BUTTONS)


async def test_run_again_it_makes_nothing_new(line: LineStandIn) -> None:
    first = await put(line)
    assert await put(line) == first
    assert list(line.rich_menus.menus) == [first]
    assert line.requests["/v2/bot/richmenu"] == 1


async def test_another_language_takes_the_place_of_the_old_one(line: LineStandIn) -> None:
    await put(line)
    menu_id = await put(line, ENGLISH)
    assert (list(line.rich_menus.menus), line.rich_menus.default) == ([menu_id], menu_id)
    assert line.rich_menus.menus[menu_id]["chatBarText"] == "Ayumi menu"


async def test_a_menu_that_is_not_ours_stays(line: LineStandIn) -> None:
    first = await put(line)
    line.rich_menus.menus["richmenu-theirs"] = {**line.rich_menus.menus[first], "name": "school shop"}
    await put(line, ENGLISH)
    assert "richmenu-theirs" in line.rich_menus.menus


@pytest.mark.parametrize("path", ["/content", "/user/all/richmenu/"])
async def test_a_run_that_stopped_half_way_is_finished_by_the_next(line: LineStandIn, path: str) -> None:
    line.fail_next(path, Failure.STATUS_500)
    with pytest.raises(LineMenuError, match="HTTP 500"):
        await put(line)
    menu_id = await put(line)
    assert (list(line.rich_menus.menus), line.rich_menus.default) == ([menu_id], menu_id)
    assert menu_id in line.rich_menus.pictures


async def test_a_refused_token_says_which_setting_to_look_at(line: LineStandIn) -> None:
    with pytest.raises(LineMenuError, match="LINE_CHANNEL_ACCESS_TOKEN"):
        await put_menu(line.base_url, "wrong", JAPANESE)


async def test_a_line_that_does_not_answer_is_said_in_one_line(line: LineStandIn) -> None:
    line.fail_next("/richmenu/list", Failure.DROP_BEFORE, times=2)  # the client asks a question twice by itself
    with pytest.raises(LineMenuError, match="does not answer"):
        await put(line)


async def test_without_lines_settings_nothing_is_tried(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(SettingsError, match="LINE_CHANNEL_SECRET"):
        await run_line_menu(settings_of(tmp_path_factory.mktemp("data"), "sqlite://"))
