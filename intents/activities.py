"""Questions about clubs and events: 「プログラミング教室はいつ？」, 「夏休みのクラブは？」, "What clubs can I join?".

Pure functions; the words are data per language (``intents/data/<language>/activities.yaml``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, cast

from intents.days import NAMED, last_of
from intents.lexicon import DATA
from intents.practices import find_grades
from intents.spans import Reader
from knowledge.yaml_data import load_yaml

LONGEST = 80  # characters of a question
KINDS = ("club", "event")
ENOUGH = 0.5  # share of the pairs of letters of what was said that must stand in an entry
SHORTEST = 2  # letters of a name that is looked for in a text


@dataclass(frozen=True, kw_only=True)
class ActivityRequest:
    """What is asked about clubs and events."""

    named: tuple[str, ...] = ()  # of the names that there are, those in the text
    words: tuple[str, ...] = ()  # what else was said of them, as folded: ぷろぐらみんぐ教室
    said: str = ""  # the same as it was typed, to be quoted
    kind: str | None = None  # club, event
    is_online: bool = False
    is_joining: bool = False  # those that one can still join
    is_applying: bool = False  # until when, and where, one applies
    first: date | None = None  # only what takes place between these days; None: whenever
    last: date | None = None
    grades: tuple[str, ...] = ()  # codes, each as it may be meant
    has_noun: bool = True  # a word for clubs or events, or a name, was said
    is_plain: bool = False  # a question in its form too, so that no answer to a waiting one is meant


def may_be_about(text: str) -> bool:
    """Whether a text may ask about something that takes place: only then it is worth looking up what there is."""
    reader = Reader(text)
    words = _words(reader.language)
    return 0 < len(text) <= LONGEST and _asks(reader, words) and words["elsewhere"].search(reader.folded) is None


def understand_activity(text: str, today: date, names: Sequence[str] = ()) -> ActivityRequest | None:
    """What a text asks about clubs and events; None for any other. ``names``: of those that there are."""
    if not may_be_about(text):
        return None
    reader = Reader(text)
    words = _words(reader.language)
    named = tuple(name for name in names if _claim_name(reader, name))
    kinds = [kind for kind in KINDS if words[kind].search(reader.folded)]
    kinds = kinds or (["club"] if words["school"].search(reader.surface) else [])
    has_noun = bool(named or kinds or words["any"].search(reader.folded))
    is_online = bool(reader.take(words["online"]))
    things = bool(reader.take(words["things"]))
    is_applying = bool(reader.take(words["apply"]))
    if not has_noun and not (is_online and things) and not is_applying:
        return None
    is_joining = bool(reader.take(words["joining"]))
    first, last = _days(reader, words, today)
    grades, places = find_grades(reader)
    reader.explained.update(places)
    for name in ("when", "where", "contact"):
        reader.take(words[name])
    found, said = _topic(reader, words)
    if not has_noun and found:
        return None  # 給食費の申し込みはいつまで？
    return ActivityRequest(
        named=named,
        words=found,
        said=said,
        kind=kinds[0] if len(kinds) == 1 and not named and not found else None,
        is_online=is_online,
        is_joining=is_joining,
        is_applying=is_applying,
        first=first,
        last=last,
        grades=grades,
        has_noun=has_noun,
        is_plain=words["asked"].search(reader.folded) is not None,
    )


def likeness(said: str, entry: str) -> float:
    """How much of what was said, folded, stands in the text of an entry: 1 as a whole, else the share of its pairs of
    letters; of a Latin word all or nothing."""
    folded = Reader(entry).folded
    bare = folded.replace(" ", "")
    if said in folded or said in bare:
        return 1.0
    pairs = {said[at : at + 2] for at in range(len(said) - 1)}
    return 0.0 if said.isascii() or not pairs else sum(pair in bare for pair in pairs) / len(pairs)


def _asks(reader: Reader, words: Mapping[str, re.Pattern[str]]) -> bool:
    if reader.language != "ja":
        return words["asks"].search(reader.folded) is not None or reader.folded.rstrip().endswith("?")
    bare = reader.folded.rstrip("?。!〜~ー ")
    if bare != reader.folded and "?" in reader.folded[len(bare) :]:
        return True
    return any(found.end() == len(bare) and found[0] for found in words["asks_end"].finditer(bare))


def _claim_name(reader: Reader, name: str) -> bool:
    folded = Reader(name).folded.replace(" ", "") if reader.language == "ja" else Reader(name).folded
    at = reader.folded.find(folded) if len(folded) >= SHORTEST else -1
    if at < 0:
        return False
    reader.explained.update(range(at, at + len(folded)))
    return True


def _days(reader: Reader, words: Mapping[str, re.Pattern[str]], today: date) -> tuple[date | None, date | None]:
    """The days that were named, looking forward."""
    data = _data(reader.language)
    for name in data["periods"]:
        if reader.take(words[f"period_{name}"]):
            return NAMED[name](today)
    for pattern, (month, day, last_month, last_day) in data["seasons"].items():
        if reader.take(re.compile(pattern)):
            year = today.year - (last_month < month and today.month <= last_month)
            first, last = date(year, month, day), date(year + (last_month < month), last_month, last_day)
            if last < today:
                first, last = first.replace(year=first.year + 1), last.replace(year=last.year + 1)
            return first, last
    for match in reader.take(words["month"]):
        month = int(match["month"])
        year = today.year + (month < today.month)
        return date(year, month, 1), last_of(year, month)
    return None, None


def _topic(reader: Reader, words: Mapping[str, re.Pattern[str]]) -> tuple[tuple[str, ...], str]:
    """What nothing explained, folded and as typed, without what says nothing; a bare クラブ says nothing more."""
    if reader.language == "ja":
        end = len(reader.folded.rstrip("?。!〜~ー "))
        bare = reader.folded[:end]
        ends = [found for found in words["asks_end"].finditer(bare) if found.end() == len(bare)]
        reader.explained.update(range(min((found.start() for found in ends), default=end), len(reader.folded)))
    left = "".join("\n" if at in reader.explained else letter for at, letter in enumerate(reader.folded))
    for match in words["fillers"].finditer(left):
        reader.explained.update(range(*match.span()))
    folded: list[str] = []
    typed: list[str] = []
    separator = r"[^\n]+" if reader.language == "ja" else r"[^\n ]+"
    left = "".join("\n" if at in reader.explained else letter for at, letter in enumerate(reader.folded))
    for match in re.finditer(separator, left):
        noun = next((one for name in (*KINDS, "any") if (one := words[name].fullmatch(match[0]))), None)
        if noun is None and match[0].strip() and not _is_noun(match[0], words):
            folded.append(match[0].strip())
            typed.append(reader.typed[slice(*match.span())].strip())
    return tuple(folded), " ".join(typed)


def _is_noun(said: str, words: Mapping[str, re.Pattern[str]]) -> bool:
    """Whether a stretch is a word for clubs and events and no more: 「教室」 alone is part of no name."""
    return said in ("教室", "活動") or any(words[name].sub("", said) == "" for name in (*KINDS, "any"))


@cache
def _data(language: str) -> dict[str, Any]:
    return cast("dict[str, Any]", load_yaml((DATA / language / "activities.yaml").read_text("utf-8")))


@cache
def _words(language: str) -> dict[str, re.Pattern[str]]:
    data = _data(language)
    words = {name: re.compile(pattern) for name, pattern in data.items() if isinstance(pattern, str)}
    words |= {f"period_{name}": re.compile(pattern) for name, pattern in data["periods"].items()}
    tail = "|".join(data[name] for name in ("when", "where", "contact", "apply"))
    return words | {"asks_end": re.compile(f"(?:は|って|が|も)?(?:{tail})*(?:{data['asks']})$|(?:は|って)$")}
