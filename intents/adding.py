"""Words about the documents that are answered from: list them, add one, take one out, say who may read one until when.

The words are data per language (``intents/data/<language>/adding.yaml``); every language is always understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, cast

from intents.coming_days import Days
from intents.commands import END
from intents.normalise import plain
from intents.occasion_words import load_occasion_words
from intents.spans import Reader
from knowledge.documents.model import DocumentAudience
from knowledge.yaml_data import load_yaml

DATA = Path(__file__).parent / "data"


class Act(StrEnum):
    """What is asked for."""

    LIST = "list"
    ADD = "add"
    REMOVE = "remove"
    CHANGE = "change"


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Who may read a document, and until when."""

    audience: DocumentAudience | None = None  # None: nothing was said about it
    until: date | None = None  # the last day; None: nothing was said about it, or …
    endless: bool = False  # … that there is none


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is asked for, and of which document."""

    act: Act
    which: str | None = None  # words of its title, or the name of its file
    is_sure: bool = True  # False: only the title, if there is such a document, tells that one is meant
    terms: Terms = Terms()  # of ``CHANGE``


def find_wish(text: str, today: date) -> Wish | None:
    """What ``text`` asks for, and nothing but it; None for anything else."""
    bare = END.sub("", plain(text))
    for words in _languages():
        for act in Act:
            for pattern in words.acts[act]:
                if (match := pattern.fullmatch(bare)) is None:
                    continue
                said = match.groupdict()
                terms = find_terms(said["terms"], today) if act is Act.CHANGE else Terms()
                if terms is None:
                    continue
                which = next((said[name] for name in ("named", "which", "kind") if said.get(name)), None)
                is_sure = words.document.search(bare) is not None
                return Wish(act=act, which=which and which.strip(), is_sure=is_sure, terms=terms)
    return None


def find_terms(text: str, today: date) -> Terms | None:
    """Who may read it and until when, where ``text`` says nothing else; None for anything else, and for a day that
    does not exist or has passed."""
    bare = END.sub("", plain(text)).lower()
    for words in _languages():
        terms = Terms()
        for part in filter(None, words.between.split(words.tail.sub("", bare))):
            audience = next((name for name, said in words.audience.items() if said.fullmatch(part)), None)
            until = words.until.fullmatch(part)
            if audience is not None and terms.audience is None:
                terms = Terms(audience=audience, until=terms.until, endless=terms.endless)
            elif words.endless.fullmatch(part):
                terms = Terms(audience=terms.audience, endless=True)
            elif until is not None and (day := _last_day(until["day"], today)) is not None and day >= today:
                terms = Terms(audience=terms.audience, until=day)
            else:
                break
        else:
            if terms != Terms():
                return terms
    return None


def _last_day(said: str, today: date) -> date | None:
    """The last of the days that are named: of 3月 the 31st."""
    reader = Reader(said)
    words = load_occasion_words(reader.language)
    for kind, pattern in words.days:
        if match := pattern.fullmatch(reader.folded):
            day = Days(words=words, terms=(), today=today, earliest=today).read(kind, match).last
            says_year = kind not in ("date", "slash") or words.value(match, "year") is not None
            return day if day is None or day >= today or says_year else _a_year_later(day)
    return None


def _a_year_later(day: date) -> date | None:
    try:
        return day.replace(year=day.year + 1)
    except ValueError:  # 29 February
        return None


@dataclass(frozen=True, kw_only=True)
class _Words:
    """One language's words."""

    acts: Mapping[Act, tuple[re.Pattern[str], ...]]
    document: re.Pattern[str]  # the word for a document, or the end of a file's name
    audience: Mapping[DocumentAudience, re.Pattern[str]]
    until: re.Pattern[str]  # group day
    endless: re.Pattern[str]
    between: re.Pattern[str]  # two of these
    tail: re.Pattern[str]  # says nothing by itself


@cache
def _languages() -> tuple[_Words, ...]:
    return tuple(
        _words(cast("dict[str, Any]", load_yaml(path.read_text("utf-8"))))
        for path in sorted(DATA.glob("*/adding.yaml"))
    )


def _words(data: Mapping[str, Any]) -> _Words:
    def compiled(pattern: str) -> re.Pattern[str]:
        for name in ("document", "file"):
            pattern = pattern.replace(f"<{name}>", f"(?:{data[name]})")
        return re.compile(pattern, re.IGNORECASE)

    return _Words(
        acts={
            act: tuple(compiled(each.replace("<which>", f"(?:{data['which']})")) for each in data[act]) for act in Act
        },
        document=compiled("<document>|<file>"),
        audience={name: compiled(data["audience"][name]) for name in DocumentAudience},
        until=compiled(data["until"]),
        endless=compiled(data["endless"]),
        between=compiled(data["between"]),
        tail=compiled(data["tail"]),
    )
