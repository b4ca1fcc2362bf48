"""A day's learning menu as staff write it: 「5年生の学習メニュー 11/24」 and a line for each thing to learn.

The words are data per language (``intents/data/<language>/menus.yaml``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, cast

from intents.closing import days_named
from intents.lexicon import DATA, load_lexicon
from intents.normalise import plain
from intents.scopes import find_sides
from intents.spans import Reader
from knowledge.questions.model import ScopeKind, Vocabulary
from knowledge.yaml_data import load_yaml

LONGEST = 2000  # characters of a menu
MOST_LINES = 10  # each gets a button, and LINE shows thirteen
LONGEST_TITLE = 200  # characters
URL = re.compile(r"https?://[^\s　、。）)]+")


@dataclass(frozen=True, kw_only=True)
class MenuEntry:
    """One thing to learn."""

    subject: str
    kind: str  # video, research, drill, live, paper
    title: str  # "" where only the kind was said
    url: str | None
    at: str | None  # HH:MM of a live lesson


@dataclass(frozen=True, kw_only=True)
class MenuReading:
    """A menu as far as it was understood; nothing may be stored while a line is unread."""

    class_ids: tuple[str, ...]  # of the grade; empty: nobody was named
    label: str  # of the grade
    outside: str | None  # a grade that there is not, as it was written
    day: date | None  # None: no day, or one there is not
    entries: tuple[MenuEntry, ...]
    unread: tuple[str, ...]  # lines that could not be read, as they were written


def understand_menu(text: str, vocabulary: Vocabulary, now: datetime) -> MenuReading | None:
    """The menu that ``text`` sets; None for any other text. Without lines behind its heading it has no entries."""
    heading, *rest = [line for line in text.strip().splitlines() if line.strip()] or [""]
    language = Reader(heading).language
    words = _words(language)
    reader = Reader(heading)
    found = words.heading.search(reader.folded)
    if found is None or not rest or len(text) > LONGEST:
        return None
    reader.claim(found)
    today = now.astimezone(vocabulary.timezone).date()
    day = days_named(reader, today)
    sides = find_sides(reader, load_lexicon(language), vocabulary, ())
    outside = next((side.outside or side.scopes[0].label for side in sides if side.outside is not None), None)
    scopes = [side.scopes[0] for side in sides if side.scopes[0].kind in (ScopeKind.GRADE, ScopeKind.CLASS)]
    read = [(_entry(line, words), line.strip()) for line in rest]
    return MenuReading(
        class_ids=tuple(id for scope in scopes for id in scope.ids),
        label="・".join(scope.label for scope in scopes),
        outside=outside,
        day=day,
        entries=tuple(entry for entry, _ in read if entry is not None),
        unread=tuple(line for entry, line in read if entry is None),
    )


@dataclass(frozen=True, kw_only=True)
class _Words:
    heading: re.Pattern[str]
    subjects: Mapping[str, re.Pattern[str]]  # by the name they are stored under
    kinds: Mapping[str, re.Pattern[str]]
    clock: re.Pattern[str]  # groups hour, minute, half
    edges: re.Pattern[str]  # marks around a title


@cache
def _words(language: str) -> _Words:
    data = cast("dict[str, Any]", load_yaml((DATA / language / "menus.yaml").read_text("utf-8")))

    def any_of(words: Sequence[str]) -> str:
        return "|".join(sorted(words, key=len, reverse=True))

    return _Words(
        heading=re.compile(data["heading"]),
        subjects={
            name: re.compile(rf"[・*\s-]*(?:{any_of(words)})(?![a-z])", re.IGNORECASE)
            for name, words in data["subjects"].items()
        },
        kinds={name: re.compile(any_of(words), re.IGNORECASE) for name, words in data["kinds"].items()},
        clock=re.compile(data["clock"], re.IGNORECASE),
        edges=re.compile(data["edges"]),
    )


def _entry(line: str, words: _Words) -> MenuEntry | None:
    """The entry of a line: subject first, one kind, and what there is to do; None where it cannot be read for sure."""
    url = URL.search(line)
    said = plain(line[: url.start()] + " " + line[url.end() :] if url else line)
    subject = next(((name, found) for name, p in words.subjects.items() if (found := p.match(said))), None)
    if subject is None:
        return None
    rest = said[subject[1].end() :]
    kinds = [(found.start(), kind, found) for kind, p in words.kinds.items() if (found := p.search(rest))]
    if not kinds:
        return None
    _, kind, found = min(kinds, key=lambda each: each[0])
    clock = words.clock.search(rest)
    at = _time(clock) if clock is not None else None
    if (kind == "live") != (at is not None):
        return None  # a live lesson needs its time, and nothing else has one
    drop = [found, clock] if clock is not None else [found]
    title = rest
    for match in sorted(drop, key=lambda each: -each.start()):
        title = title[: match.start()] + " " + title[match.end() :]
    title = words.edges.sub("", " ".join(title.split()))
    if len(title) > LONGEST_TITLE or (not title and url is None and kind != "live"):
        return None
    return MenuEntry(subject=subject[0], kind=kind, title=title, url=url[0] if url else None, at=at)


def _time(clock: re.Match[str]) -> str | None:
    said = clock.groupdict()
    hour = int(said.get("hour") or said["hour2"] or 0)
    minute = 30 if said.get("half") else int(said.get("minute") or said.get("minute2") or 0)
    return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else None
