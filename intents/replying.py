"""Short words of staff about replies: which reflections wait, the next one, later, who has had no word for long.

The words are data per language (``intents/data/<language>/replying.yaml``); every language is always understood.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import cast

from intents.commands import END
from intents.normalise import fold, plain
from knowledge.yaml_data import load_yaml

DATA = Path(__file__).parent / "data"


class Replying(StrEnum):
    """What is asked for."""

    QUEUE = "queue"  # the reflection that has waited longest
    NEXT = "next"  # the one after it
    LATER = "later"  # no more for now
    QUIET = "quiet"  # who has had no word for long


def find_replying(text: str) -> Replying | None:
    """What ``text`` asks for, and nothing but it; None for anything else, as for an empty text."""
    return _words().get(_key(text))


def _key(text: str) -> str:
    return fold(END.sub("", plain(text)))


@cache
def _words() -> dict[str, Replying]:
    return {
        _key(word): Replying(name)
        for path in sorted(DATA.glob("*/replying.yaml"))
        for name, words in cast("dict[str, list[str]]", load_yaml(path.read_text("utf-8"))).items()
        for word in words
    }
