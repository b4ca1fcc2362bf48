"""Words about reminders that are there already, or about a draft: 「2番を止めて」, 「金曜のリマインドをやめて」.

The words are data per language (``intents/data/<language>/managing.yaml``); every language is always understood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, cast

from intents.commands import END
from intents.normalise import plain
from knowledge.yaml_data import load_yaml

DATA = Path(__file__).parent / "data"


class Managing(StrEnum):
    """What is asked for."""

    LIST = "list"
    SHOW = "show"
    PAUSE = "pause"
    RESUME = "resume"
    REMOVE = "remove"
    CHANGE = "change"
    SEND_NOW = "send_now"
    WHO = "who"  # whom the draft goes to


@dataclass(frozen=True, kw_only=True)
class Managed:
    """What is asked for, and which reminder it is asked of."""

    what: Managing
    number: int | None = None  # in the list that was shown
    words: str | None = None  # that name one: 「金曜」; "" for a reminder that is not named further
    is_it: bool = False  # the one that was shown last: これ
    to: str | None = None  # what it is changed to: 「16時」


def find_managing(text: str) -> Managed | None:
    """What ``text`` asks for, and nothing but it; None for anything else."""
    bare = END.sub("", plain(text))
    for what, pattern in _patterns():
        if match := pattern.fullmatch(bare):
            found = {name: value for name, value in match.groupdict().items() if value is not None}
            number, words = found.get("n"), found.get("which")
            return Managed(
                what=what,
                number=int(number) if number else None,
                words=words.strip() if words is not None else None,
                is_it="it" in found,
                to=found.get("to"),
            )
    return None


@cache
def _languages() -> tuple[dict[str, Any], ...]:
    return tuple(
        cast("dict[str, Any]", load_yaml(path.read_text("utf-8"))) for path in sorted(DATA.glob("*/managing.yaml"))
    )


@cache
def _patterns() -> tuple[tuple[Managing, re.Pattern[str]], ...]:
    return tuple(
        (what, re.compile(pattern.replace("<n>", language["n"]).replace("<which>", language["which"]), re.IGNORECASE))
        for language in _languages()
        for what in Managing
        for pattern in language[what]
    )
