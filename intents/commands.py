"""Short words that steer the talk: とばす, あとで, 直す …

The words are data per language (``intents/data/<language>/commands.yaml``). Every language is always understood: a
child with a Japanese chat may well write "skip".
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import cast

from intents.normalise import fold, plain
from knowledge.yaml_data import load_yaml

DATA = Path(__file__).parent / "data"
END = re.compile(r"[\s。.!！?？〜~、,]+$")


class Command(StrEnum):
    """What a short word asks for."""

    SKIP = "skip"
    LATER = "later"
    DECLINE = "decline"
    STOP = "stop"
    BACK = "back"
    EDIT = "edit"
    RESUME = "resume"
    START = "start"
    START_ANTICIPATION = "start_anticipation"
    START_REFLECTION = "start_reflection"
    WHO_SEES = "who_sees"
    HELP = "help"
    GREETING = "greeting"
    THANKS = "thanks"
    HOW_TO_LINK = "how_to_link"
    SPEAK_JAPANESE = "speak_japanese"
    SPEAK_ENGLISH = "speak_english"
    HUMAN_HELP = "human_help"
    OWN_DAY = "own_day"
    KEEP = "keep"  # the last answer is nobody else's business
    SHARE = "share"  # after all it may be seen
    WHO_LOOKED = "who_looked"


def find_command(text: str) -> Command | None:
    """The command that ``text`` is, and nothing but it; None for anything else, as for an empty text."""
    return _words().get(_key(text))


def find_note(text: str) -> str | None:
    """The note in 「メモ 分数がわかった」, in the person's own words: "" when there is nothing behind the prefix, None
    when the text is no note."""
    match = _note().match(text.strip())
    return None if match is None else match["note"].strip()


def find_kept(text: str) -> str | None:
    """The answer in 「🔒 かなしかった」, in the person's own words; None for a text that is not kept to oneself."""
    match = _kept().match(text.strip())
    return match["answer"].strip() or None if match is not None else None


def _key(text: str) -> str:
    return fold(END.sub("", plain(text)))


@cache
def _load() -> dict[str, list[str]]:
    merged: dict[str, list[str]] = {}
    for path in sorted(DATA.glob("*/commands.yaml")):
        for name, words in cast("dict[str, list[str]]", load_yaml(path.read_text("utf-8"))).items():
            merged.setdefault(name, []).extend(words)
    return merged


@cache
def _words() -> dict[str, Command]:
    return {
        _key(word): Command(name) for name, words in _load().items() if not name.endswith("_prefix") for word in words
    }


@cache
def _note() -> re.Pattern[str]:
    prefixes = "|".join(re.escape(word) for word in sorted(_load()["note_prefix"], key=len, reverse=True))
    # Without a break behind the prefix, a particle means a sentence about notes (メモをとった), and a Latin letter
    # another word (memory).
    return re.compile(
        rf"(?:{prefixes})(?:[\s:：、,]+|$|(?![a-zをはがのにもでとし]))(?P<note>.*)", re.IGNORECASE | re.DOTALL
    )


@cache
def _kept() -> re.Pattern[str]:
    prefixes = "|".join(re.escape(word) for word in _load()["kept_prefix"])
    return re.compile(rf"(?:{prefixes})(?P<answer>.*)", re.IGNORECASE | re.DOTALL)
