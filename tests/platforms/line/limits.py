"""LINE's limits that a schema cannot say: lengths in UTF-16 units or graphemes, counts that depend on each other.

Source: LINE's Messaging API reference, message objects and "Character counting in a text".
Every function expects messages that already fit the schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import orjson
import regex

from tests.platforms.line.schema import Problem

Json = Mapping[str, Any]

BUBBLE_BYTES = 30 * 1024
FLEX_CAROUSEL_BYTES = 50 * 1024
URL_UNITS = 2000
URL_KEYS = {"baseUrl", "iconUrl", "imageUrl", "originalContentUrl", "previewImageUrl", "thumbnailImageUrl", "url"}
LABEL_GRAPHEMES = 20
IMAGE_CAROUSEL_LABEL_GRAPHEMES = 12


def utf16_units(text: str) -> int:
    """Length as LINE counts message text: an emoji outside the basic plane is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def graphemes(text: str) -> int:
    """Length as LINE counts labels: what a reader sees as one character is one."""
    return len(regex.findall(r"\X", text))


# action type → property → (fewest, most, how it is counted)
ACTION_LENGTHS: dict[str, dict[str, tuple[int, int, Callable[[str], int]]]] = {
    "postback": {
        "data": (0, 300, utf16_units),
        "displayText": (1, 300, graphemes),
        "text": (1, 300, graphemes),
        "fillInText": (1, 300, graphemes),
    },
    "message": {"text": (1, 300, graphemes)},
    "uri": {"uri": (1, 1000, utf16_units)},
    "datetimepicker": {"data": (0, 300, utf16_units)},
    "clipboard": {"clipboardText": (1, 1000, utf16_units)},
}


def message_problems(messages: Sequence[Json]) -> Iterator[Problem]:
    """Everything in the messages that LINE would refuse although the schema allows it."""
    for index, message in enumerate(messages):
        at = f"messages[{index}]"
        if "altText" in message:
            yield from _length(f"{at}.altText", message["altText"], 1, 1500, utf16_units)
        if "quickReply" in message:
            yield from _quick_reply(f"{at}.quickReply.items", message["quickReply"]["items"])
        match message["type"]:
            case "text" | "textV2":
                yield from _length(f"{at}.text", message["text"], 1, 5000, utf16_units)
            case "template":
                yield from _template(f"{at}.template", message["template"])
            case "flex":
                yield from _flex(f"{at}.contents", message["contents"])
            case _:
                pass
        for where, node in _nodes(at, message):
            yield from _urls(where, node)
            if message["type"] != "imagemap":  # the actions of an imagemap have names in common but other limits
                yield from action_problems(where, node)


def _nodes(at: str, value: Any) -> Iterator[tuple[str, Json]]:
    """Every object inside the value, itself included, with its path."""
    if isinstance(value, dict):
        node = cast("Json", value)
        yield at, node
        for key, inner in node.items():
            yield from _nodes(f"{at}.{key}", inner)
    elif isinstance(value, list):
        for index, inner in enumerate(cast("list[Any]", value)):
            yield from _nodes(f"{at}[{index}]", inner)


def _length(at: str, text: str, fewest: int, most: int, measure: Callable[[str], int] = graphemes) -> Iterator[Problem]:
    if not fewest <= measure(text) <= most:
        yield Problem(property=at, message=f"Length must be between {fewest} and {most}")


def _count(at: str, items: Sequence[Any], fewest: int, most: int) -> Iterator[Problem]:
    if not fewest <= len(items) <= most:
        yield Problem(property=at, message=f"Size must be between {fewest} and {most}")


def _urls(at: str, node: Json) -> Iterator[Problem]:
    for key in URL_KEYS & node.keys():
        if not node[key].startswith("https://") or utf16_units(node[key]) > URL_UNITS:
            yield Problem(property=f"{at}.{key}", message=f"Must be an HTTPS URL of at most {URL_UNITS} characters")


def action_problems(at: str, node: Json) -> Iterator[Problem]:
    """What LINE would refuse in an action although the schema allows it."""
    lengths = ACTION_LENGTHS.get(node.get("type", ""), {})
    for key in lengths.keys() & node.keys():
        yield from _length(f"{at}.{key}", node[key], *lengths[key])
    if "label" in node:
        yield from _length(f"{at}.label", node["label"], 0, LABEL_GRAPHEMES)
    if node.get("type") == "uri" and not node["uri"].startswith(("https:", "http:", "line:", "tel:")):
        yield Problem(property=f"{at}.uri", message="Invalid action URI scheme")


def _labels(at: str, actions: Sequence[Json]) -> Iterator[Problem]:
    for index, action in enumerate(actions):
        if not action.get("label"):
            yield Problem(property=f"{at}[{index}].label", message="May not be empty")


def _quick_reply(at: str, items: Sequence[Json]) -> Iterator[Problem]:
    yield from _count(at, items, 1, 13)
    for index, item in enumerate(items):
        if item["type"] != "action":
            yield Problem(property=f"{at}[{index}].type", message="Must be action")
        if not item["action"].get("label"):
            yield Problem(property=f"{at}[{index}].action.label", message="May not be empty")


def _template(at: str, template: Json) -> Iterator[Problem]:
    match template["type"]:
        case "buttons":
            yield from _card(at, template, text=160, actions=4)
        case "confirm":
            yield from _length(f"{at}.text", template["text"], 1, 240)
            yield from _count(f"{at}.actions", template["actions"], 2, 2)
            yield from _labels(f"{at}.actions", template["actions"])
        case "carousel":
            columns = template["columns"]
            yield from _count(f"{at}.columns", columns, 1, 10)
            for index, column in enumerate(columns):
                yield from _card(f"{at}.columns[{index}]", column, text=120, actions=3)
            shapes = {(len(c["actions"]), "title" in c, "thumbnailImageUrl" in c) for c in columns}
            if len(shapes) > 1:
                yield Problem(
                    property=f"{at}.columns", message="Columns must agree in number of actions, in title and in image"
                )
        case _:  # image_carousel
            yield from _count(f"{at}.columns", template["columns"], 1, 10)
            for index, column in enumerate(template["columns"]):
                label = column["action"].get("label", "")
                where = f"{at}.columns[{index}].action.label"
                yield from _length(where, label, 0, IMAGE_CAROUSEL_LABEL_GRAPHEMES)


def _card(at: str, card: Json, *, text: int, actions: int) -> Iterator[Problem]:
    """A buttons template or a column of a carousel; a title or an image leaves 60 graphemes for the text."""
    most = 60 if "title" in card or "thumbnailImageUrl" in card else text
    yield from _length(f"{at}.text", card["text"], 1, most)
    if "title" in card:
        yield from _length(f"{at}.title", card["title"], 1, 40)
    yield from _count(f"{at}.actions", card["actions"], 1, actions)
    yield from _labels(f"{at}.actions", card["actions"])


def _flex(at: str, container: Json) -> Iterator[Problem]:
    bubbles: Sequence[Json] = [container]
    if container["type"] == "carousel":
        bubbles = container["contents"]
        yield from _count(f"{at}.contents", bubbles, 1, 12)
        yield from _bytes(at, container, FLEX_CAROUSEL_BYTES)
    for bubble in bubbles:
        yield from _bytes(at, bubble, BUBBLE_BYTES)
    for where, node in _nodes(at, container):
        if node.get("type") == "text" and not node.get("text") and not node.get("contents"):
            yield Problem(property=f"{where}.text", message="May not be empty")
        if node.get("type") == "button" and not node["action"].get("label"):
            yield Problem(property=f"{where}.action.label", message="May not be empty")


def _bytes(at: str, container: Json, most: int) -> Iterator[Problem]:
    if len(orjson.dumps(container)) > most:
        yield Problem(property=at, message=f"JSON must be at most {most} bytes")
