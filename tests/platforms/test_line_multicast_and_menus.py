"""The stand-in for LINE keeps LINE's rules for multicasts and rich menus: each of them once."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.platforms.line import ACCESS_TOKEN, LineStandIn, user_id

AOI, REN = user_id("aoi"), user_id("ren")
HELLO = {"type": "text", "text": "おはよう"}
MULTICAST, MENU = "/v2/bot/message/multicast", "/v2/bot/richmenu"
SIZE = {"width": 2500, "height": 843}
PICTURE = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (2500).to_bytes(4, "big") + (843).to_bytes(4, "big")


@pytest.fixture
async def line() -> AsyncIterator[LineStandIn]:
    async with LineStandIn() as stand_in:
        yield stand_in


async def post(
    line: LineStandIn, path: str, body: object, content_type: str = "application/json", key: str = ""
) -> int:
    """Status of a POST; a dictionary is sent as JSON."""
    headers = {"Authorization": f"Bearer {ACCESS_TOKEN}", "Content-Type": content_type}
    if path == MULTICAST:
        headers["X-Line-Retry-Key"] = key or str(uuid.uuid4())
    data = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
    async with (
        aiohttp.ClientSession() as session,
        session.post(line.base_url + path, data=data, headers=headers) as got,
    ):
        return got.status


def a_menu(**other: Any) -> dict[str, Any]:
    area = {
        "bounds": {"x": 0, "y": 0, **SIZE},
        "action": {"type": "postback", "label": "ヘルプ", "data": "!help"},
    }
    return {"size": SIZE, "selected": True, "name": "menu", "chatBarText": "メニュー", "areas": [area], **other}


async def made(line: LineStandIn) -> str:
    assert await post(line, MENU, a_menu()) == 200
    return next(reversed(line.rich_menus.menus))


@pytest.mark.parametrize(
    "to", [[], [AOI, AOI], [AOI, "aoi"], [user_id(str(n)) for n in range(501)]], ids=["none", "twice", "no id", "501"]
)
async def test_a_multicast_goes_to_one_to_five_hundred_different_users(line: LineStandIn, to: list[str]) -> None:
    assert await post(line, MULTICAST, {"to": to, "messages": [HELLO]}) == 400
    assert line.delivered == []


async def test_a_multicast_is_accepted_once_and_may_lack_who_left_when_it_comes_again(line: LineStandIn) -> None:
    key = str(uuid.uuid4())
    assert await post(line, MULTICAST, {"to": [AOI, REN], "messages": [HELLO]}, key=key) == 200
    assert await post(line, MULTICAST, {"to": [REN], "messages": [HELLO]}, key=key) == 409
    assert (len(line.delivered), line.quota_used, line.violations) == (2, 2, [])


@pytest.mark.parametrize("to", [[AOI, user_id("new")], [user_id("new")]])
async def test_nobody_may_join_a_multicast_that_comes_again(line: LineStandIn, to: list[str]) -> None:
    key = str(uuid.uuid4())
    await post(line, MULTICAST, {"to": [AOI, REN], "messages": [HELLO]}, key=key)
    assert await post(line, MULTICAST, {"to": to, "messages": [HELLO]}, key=key) == 400


async def test_a_multicast_beyond_the_quota_reaches_nobody(line: LineStandIn) -> None:
    line.monthly_quota = 1
    assert await post(line, MULTICAST, {"to": [AOI, REN], "messages": [HELLO]}) == 429
    assert (line.delivered, line.quota_used) == ([], 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": {"width": 2500, "height": 2400}},
        {"chatBarText": "あ" * 15},
        {"areas": []},
        {"colour": "red"},
        {"areas": [{"bounds": {"x": 1, "y": 0, **SIZE}, "action": {"type": "postback", "data": "!help"}}]},
    ],
    ids=["shape", "bar", "no areas", "unknown property", "beyond the edge"],
)
async def test_a_menu_must_keep_its_limits(line: LineStandIn, wrong: dict[str, Any]) -> None:
    assert await post(line, MENU, a_menu(**wrong)) == 400
    assert line.rich_menus.menus == {}


async def test_a_menu_needs_its_picture_before_it_is_anybodys(line: LineStandIn) -> None:
    menu_id = await made(line)
    assert await post(line, f"/v2/bot/user/all/richmenu/{menu_id}", b"") == 400
    assert await post(line, f"{MENU}/{menu_id}/content", PICTURE, "image/png") == 200
    assert await post(line, f"/v2/bot/user/all/richmenu/{menu_id}", b"") == 200
    assert line.rich_menus.default == menu_id


@pytest.mark.parametrize(
    ("picture", "content_type", "status"),
    [
        (PICTURE, "image/gif", 400),
        (b"GIF89a", "image/png", 400),
        (PICTURE[:-4] + (800).to_bytes(4, "big"), "image/png", 400),
        (PICTURE + bytes(1_000_000), "image/png", 413),
    ],
    ids=["declared otherwise", "another format", "another size", "over 1 MB"],
)
async def test_a_picture_must_fit_its_menu(line: LineStandIn, picture: bytes, content_type: str, status: int) -> None:
    menu_id = await made(line)
    assert await post(line, f"{MENU}/{menu_id}/content", picture, content_type) == status
    assert line.rich_menus.pictures == {}


async def test_a_picture_is_given_once(line: LineStandIn) -> None:
    path = f"{MENU}/{await made(line)}/content"
    assert [await post(line, path, PICTURE, "image/png") for _ in range(2)] == [200, 400]
