"""Rich menus as LINE keeps them: made, given a picture once, set as everybody's default.

Source: LINE's Messaging API reference, "Rich menu"; the shape of bodies comes from the schema.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from tests.platforms.line.limits import action_problems, graphemes
from tests.platforms.line.schema import Problem, problems

Json = dict[str, Any]

PICTURE_BYTES = 1_000_000
AREAS = 20
CHAT_BAR_GRAPHEMES = 14
PNG = b"\x89PNG\r\n\x1a\n"


class RichMenuError(Exception):
    """What LINE refuses; ``problems`` is empty for what is only not there."""

    def __init__(self, status: int, *problems: Problem) -> None:
        super().__init__(status)
        self.status, self.problems = status, problems


class RichMenus:
    """The menus of one account. `menus` by id, `pictures` by id, `default` the id of everybody's."""

    def __init__(self) -> None:
        self.menus: dict[str, Json] = {}
        self.pictures: dict[str, bytes] = {}
        self.default: str | None = None

    def act(self, method: str, path: str, content_type: str, raw: bytes) -> Json | bytes:
        """The body of the answer. Raises `RichMenuError`."""
        match method, path.removeprefix("/v2/bot/").split("/"):
            case "POST", ["richmenu"]:
                return self._create(content_type, raw)
            case "GET", ["richmenu", "list"]:
                return {"richmenus": [{"richMenuId": menu_id, **menu} for menu_id, menu in self.menus.items()]}
            case "GET", ["richmenu", menu_id]:
                return {"richMenuId": menu_id, **self._known(menu_id)}
            case "DELETE", ["richmenu", menu_id]:
                self._known(menu_id)
                del self.menus[menu_id]
                self.pictures.pop(menu_id, None)
                self.default = None if self.default == menu_id else self.default
                return {}
            case "POST", ["richmenu", menu_id, "content"]:
                return self._picture(menu_id, content_type, raw)
            case "GET", ["richmenu", menu_id, "content"]:
                if menu_id not in self.pictures:
                    raise RichMenuError(404)
                return self.pictures[menu_id]
            case "POST", ["user", "all", "richmenu", menu_id]:
                self._known(menu_id)
                if menu_id not in self.pictures:
                    raise RichMenuError(400, Problem(property="", message="must upload richmenu image before applying"))
                self.default = menu_id
                return {}
            case "GET", ["user", "all", "richmenu"]:
                if self.default is None:
                    raise RichMenuError(404)
                return {"richMenuId": self.default}
            case "DELETE", ["user", "all", "richmenu"]:
                self.default = None
                return {}
            case _:
                raise RichMenuError(404, Problem(property="", message="Not found"))

    def _known(self, menu_id: str) -> Json:
        if menu_id not in self.menus:
            raise RichMenuError(404, Problem(property="", message="Not found"))
        return self.menus[menu_id]

    def _create(self, content_type: str, raw: bytes) -> Json:
        if content_type != "application/json":
            raise RichMenuError(400, Problem(property="", message="Content-Type must be application/json"))
        menu = orjson.loads(raw)
        found = problems("messaging", "RichMenuRequest", menu) or list(_menu_problems(menu))
        if found:
            raise RichMenuError(400, *found)
        menu_id = f"richmenu-{uuid.uuid4().hex}"
        self.menus[menu_id] = menu
        return {"richMenuId": menu_id}

    def _picture(self, menu_id: str, content_type: str, raw: bytes) -> Json:
        size = self._known(menu_id)["size"]
        if menu_id in self.pictures:
            raise RichMenuError(400, Problem(property="", message="An image has already been uploaded"))
        if content_type != "image/png" or not raw.startswith(PNG):
            raise RichMenuError(
                400, Problem(property="", message="The image must be PNG (or JPEG, which we do not use)")
            )
        if len(raw) > PICTURE_BYTES:
            raise RichMenuError(413, Problem(property="", message="The image must be at most 1 MB"))
        if struct.unpack(">II", raw[16:24]) != (size["width"], size["height"]):
            raise RichMenuError(400, Problem(property="", message="The image size must be that of the menu"))
        self.pictures[menu_id] = raw
        return {}


def _menu_problems(menu: Mapping[str, Any]) -> Iterator[Problem]:
    width, height = menu["size"]["width"], menu["size"]["height"]
    if not (800 <= width <= 2500 and height >= 250 and width / height >= 1.45):
        yield Problem(property="size", message="Width 800 to 2500, height from 250, width / height at least 1.45")
    if not 1 <= graphemes(menu["chatBarText"]) <= CHAT_BAR_GRAPHEMES:
        yield Problem(property="chatBarText", message=f"Length must be between 1 and {CHAT_BAR_GRAPHEMES}")
    if not 1 <= len(menu["areas"]) <= AREAS:
        yield Problem(property="areas", message=f"Size must be between 1 and {AREAS}")
    for index, area in enumerate(menu["areas"]):
        bounds = area["bounds"]
        if bounds["x"] + bounds["width"] > width or bounds["y"] + bounds["height"] > height:
            yield Problem(property=f"areas[{index}].bounds", message="Must lie within the menu")
        yield from action_problems(f"areas[{index}].action", area["action"])
