"""The menu under the LINE chat. A check-in begun there is answered with replies, which cost no message of the quota.

Source of the calls and limits: Messaging API reference, "Rich menu". The picture goes to LINE's host for data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import orjson

from assistant.channels.wording import kana
from assistant.errors import AssistantError
from assistant.wording.texts import Speaker

API, DATA_API = "https://api.line.me", "https://api-data.line.me"
WIDTH, HEIGHT = 2500, 843  # pixels of the picture and of the fields on it
FIELDS = {"anticipation": "!anticipation", "reflection": "!reflection", "talk": "!talk", "help": "!help"}
NAME = "ayumi-"  # and a hash of what is on it: how a menu of ours is known again
TIMEOUT = 30.0  # seconds for one call


class LineMenuError(AssistantError):
    """LINE did not take the menu."""


async def put_menu(base_url: str, access_token: str, speaker: Speaker) -> str:
    """Make the menu everybody's default and remove older ones of ours; its id. Safe to call again: what is there is not
    made anew. Raises ``LineMenuError`` saying what to look at."""
    labels = {key: _say(speaker, key) for field in FIELDS for key in (field, f"{field}_note")}
    from assistant.channels.line.menu_picture import draw_menu  # matplotlib takes half a second to load

    picture = draw_menu([(labels[field], labels[f"{field}_note"]) for field in FIELDS], WIDTH, HEIGHT)
    menu = _menu(_say(speaker, "bar"), labels)
    menu["name"] = NAME + hashlib.sha256(orjson.dumps(menu) + picture).hexdigest()[:16]
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {access_token}"},
        timeout=aiohttp.ClientTimeout(total=TIMEOUT),
        trust_env=False,
    ) as http:
        return await _Menus(http, base_url.rstrip("/")).put(menu, picture)


def _menu(bar: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """The body of the call that makes it, still without a name."""
    width = WIDTH // len(FIELDS)
    return {
        "size": {"width": WIDTH, "height": HEIGHT},
        "selected": True,
        "chatBarText": bar,
        "areas": [
            {
                "bounds": {"x": number * width, "y": 0, "width": width, "height": HEIGHT},
                "action": {"type": "postback", "label": labels[field], "data": data, "displayText": labels[field]},
            }
            for number, (field, data) in enumerate(FIELDS.items())
        ],
    }


def _say(speaker: Speaker, key: str) -> str:
    return kana(speaker.say(f"line_menu.{key}"), None)


class _Menus:
    def __init__(self, http: aiohttp.ClientSession, base_url: str) -> None:
        self._http = http
        self._url = f"{base_url}/v2/bot"
        self._data_url = f"{DATA_API if base_url == API else base_url}/v2/bot"

    async def put(self, menu: Mapping[str, Any], picture: bytes) -> str:
        ours = [each for each in await self._list() if each["name"].startswith(NAME)]
        found = [each["richMenuId"] for each in ours if each["name"] == menu["name"]]
        menu_id = found[0] if found else await self._create(menu)
        content = f"{self._data_url}/richmenu/{menu_id}/content"
        if not found or (await self._call("GET", content, missing=True))[0] == 404:  # an earlier run may have stopped
            await self._call("POST", content, picture, "image/png")
        default = orjson.loads((await self._call("GET", f"{self._url}/user/all/richmenu", missing=True))[1] or b"{}")
        if default.get("richMenuId") != menu_id:
            await self._call("POST", f"{self._url}/user/all/richmenu/{menu_id}")
        for each in ours:
            if each["richMenuId"] != menu_id:
                await self._call("DELETE", f"{self._url}/richmenu/{each['richMenuId']}", missing=True)
        return menu_id

    async def _list(self) -> Sequence[Mapping[str, Any]]:
        return orjson.loads((await self._call("GET", f"{self._url}/richmenu/list"))[1])["richmenus"]

    async def _create(self, menu: Mapping[str, Any]) -> str:
        body = (await self._call("POST", f"{self._url}/richmenu", orjson.dumps(menu), "application/json"))[1]
        return orjson.loads(body)["richMenuId"]

    async def _call(
        self, method: str, url: str, body: bytes | None = None, media_type: str = "", *, missing: bool = False
    ) -> tuple[int, bytes]:
        """Status and body; ``missing``: that it is not there is an answer. Raises ``LineMenuError``."""
        headers = {"Content-Type": media_type} if media_type else {}
        try:
            async with self._http.request(method, url, data=body, headers=headers) as response:
                if response.status == 200 or (missing and response.status == 404):
                    return response.status, await response.read()
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise LineMenuError(f"LINE does not answer ({type(error).__name__}): check LINE_API_BASE_URL") from error
        if status in (401, 403):
            raise LineMenuError(f"LINE refused the token (HTTP {status}): check LINE_CHANNEL_ACCESS_TOKEN")
        raise LineMenuError(f"LINE did not take the menu (HTTP {status} to {method} {url}): try again later")
