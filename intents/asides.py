"""Short words about the answer just given: はい, 続き, どうやって計算した?, グラフで, この子たちに声をかける …

The words are data per language (``intents/data/<language>/asides.yaml``); every language is always understood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import cast

from intents.commands import END
from intents.normalise import fold, plain
from knowledge.yaml_data import load_yaml

DATA = Path(__file__).parent / "data"


class Aside(StrEnum):
    """What a short word about an answer asks for."""

    YES = "yes"
    NO = "no"
    MORE = "more"  # the next page
    HOW = "how"  # how it was computed
    BEHIND = "behind"  # the rows behind the figure
    CHART = "chart"
    CSV = "csv"
    REACH = "reach"  # write to the students listed
    SEND = "send"
    REWRITE = "rewrite"


class Naming(StrEnum):
    """What a short word asks for about one of the people listed."""

    LEAVE_OUT = "leave_out"
    REPLY = "reply"
    CLOSE = "close"  # their wish to talk was met


@dataclass(frozen=True, kw_only=True)
class Named:
    """Such a word and the name in it, as written."""

    what: Naming
    name: str


def find_naming(text: str) -> Named | None:
    """「佐藤さんを外して」, 「佐藤さんに返信」; None for anything else."""
    bare = END.sub("", plain(text))
    for what, pattern in _namings():
        if match := pattern.fullmatch(bare):
            return Named(what=what, name=match["name"].strip())
    return None


def find_aside(text: str) -> Aside | None:
    """The aside that ``text`` is, and nothing but it; None for anything else, as for an empty text."""
    return _words().get(_key(text))


def _key(text: str) -> str:
    return fold(END.sub("", plain(text)))


@cache
def _words() -> dict[str, Aside]:
    return {
        _key(word): Aside(name)
        for path in sorted(DATA.glob("*/asides.yaml"))
        for name, words in cast("dict[str, list[str]]", load_yaml(path.read_text("utf-8"))).items()
        for word in words
    }


@cache
def _namings() -> tuple[tuple[Naming, re.Pattern[str]], ...]:
    return tuple(
        (Naming(name), re.compile("|".join(patterns), re.IGNORECASE))
        for path in sorted(DATA.glob("*/namings.yaml"))
        for name, patterns in cast("dict[str, list[str]]", load_yaml(path.read_text("utf-8"))).items()
    )
