"""From messages to LINE's message objects, within LINE's limits (Messaging API reference, "Message objects")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from assistant.channels.files import PICTURE
from assistant.channels.wording import body_of, kana, numbered, shorten, split, utf16
from assistant.messages import Attachment, Choice, Outgoing

TEXT = 5000  # UTF-16 units of a text message
LABEL = 20  # graphemes of a quick reply's label
DISPLAY_TEXT = 300  # graphemes of what a tap writes into the chat
QUICK_REPLIES = 13
DATA = 300  # UTF-16 units of what a tap sends back
MESSAGES = 5  # of one request
NO_FILES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class _Picture:
    address: str  # https
    instead: str  # the text that stands for it where there is no room


def to_line(
    messages: Sequence[Outgoing], grade: str | None, addresses: Mapping[str, str] = NO_FILES
) -> list[dict[str, Any]]:
    """LINE's message objects, at most five: more are joined, the oldest first. Quick replies belong to the last.

    ``addresses`` holds that of every attached file by its id, https where it is a picture."""
    parts: list[str | _Picture] = []
    for message in messages:
        text = body_of(message, grade)
        if not _fits(message.choices):
            text = numbered(text, message.choices, grade)
        parts.extend(piece for piece in split(text, TEXT, utf16) if piece)
        if message.attachment is not None:
            parts.append(_file(message.attachment, grade, addresses))
    while len(parts) > MESSAGES and _joined(parts):
        pass
    objects = [_object(part) for part in parts[-MESSAGES:]]
    choices = messages[-1].choices if messages else ()
    if choices and _fits(choices):
        objects[-1]["quickReply"] = {"items": [_item(choice, grade) for choice in choices]}
    return objects


def _file(file: Attachment, grade: str | None, addresses: Mapping[str, str]) -> str | _Picture:
    address = addresses[file.file_id]
    link = f"{kana(file.alt, grade)}\n{address}"
    return _Picture(address=address, instead=link) if file.media_type.startswith(PICTURE) else link


def _joined(parts: list[str | _Picture]) -> bool:
    """Make one less of the parts if possible: join the first two texts that stand together, else turn the first
    picture into a text. False when nothing can be done."""
    for index, (part, following) in enumerate(pairwise(parts)):
        if isinstance(part, str) and isinstance(following, str) and utf16(part) + utf16(following) + 2 <= TEXT:
            parts[index : index + 2] = [f"{part}\n\n{following}"]
            return True
    for index, part in enumerate(parts):
        if isinstance(part, _Picture):
            parts[index] = part.instead
            return True
    return False


def _object(part: str | _Picture) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    return {"type": "image", "originalContentUrl": part.address, "previewImageUrl": part.address}


def _fits(choices: Sequence[Choice]) -> bool:
    return len(choices) <= QUICK_REPLIES and all(utf16(choice.value) <= DATA for choice in choices)


def _item(choice: Choice, grade: str | None) -> dict[str, Any]:
    label = kana(choice.label, grade)
    return {
        "type": "action",
        "action": {
            "type": "postback",
            "label": shorten(label, LABEL),
            "data": choice.value,
            "displayText": shorten(label, DISPLAY_TEXT),
        },
    }
