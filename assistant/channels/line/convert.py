"""From messages to LINE's message objects, within LINE's limits (Messaging API reference, "Message objects")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assistant.channels.wording import body_of, kana, numbered, shorten, split, utf16
from assistant.messages import Choice, Outgoing

TEXT = 5000  # UTF-16 units of a text message
LABEL = 20  # graphemes of a quick reply's label
DISPLAY_TEXT = 300  # graphemes of what a tap writes into the chat
QUICK_REPLIES = 13
DATA = 300  # UTF-16 units of what a tap sends back
MESSAGES = 5  # of one request


def to_line(messages: Sequence[Outgoing], grade: str | None) -> list[dict[str, Any]]:
    """LINE's message objects, at most five: more are joined, the oldest first. Quick replies belong to the last."""
    texts: list[str] = []
    for message in messages:
        text = body_of(message, grade)
        if not _fits(message.choices):
            text = numbered(text, message.choices, grade)
        texts.extend(split(text, TEXT, utf16))
    while len(texts) > MESSAGES and utf16(texts[0]) + utf16(texts[1]) + 2 <= TEXT:
        texts[:2] = [f"{texts[0]}\n\n{texts[1]}"]
    objects: list[dict[str, Any]] = [{"type": "text", "text": text} for text in texts[-MESSAGES:]]
    choices = messages[-1].choices if messages else ()
    if choices and _fits(choices):
        objects[-1]["quickReply"] = {"items": [_item(choice, grade) for choice in choices]}
    return objects


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
