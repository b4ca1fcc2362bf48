"""Words about announcements: who has not answered, what came of a survey, and the answers that are typed.

The words are data per language (``intents/data/<language>/announcing.yaml``); every language is always understood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, cast

from intents.commands import END
from intents.normalise import fold, plain
from knowledge.yaml_data import load_yaml

DATA = Path(__file__).parent / "data"
# What a reader would call a name in a text: two characters of kanji or katakana and more, or a longer Latin word.
NAMING = re.compile(r"[々一-鿿]{2,}|[ァ-ヶー]{2,}|[a-z]{4,}")
PARTICLE = re.compile("(?<=[にへをでとが])")


class Wanted(StrEnum):
    """What is asked about an announcement."""

    RESULTS = "results"
    MISSING = "missing"
    WILLING = "willing"  # those who said yes
    SAID = "said"  # those who gave the answer that is named


@dataclass(frozen=True, kw_only=True)
class ResultsRequest:
    """A question about the answers to an announcement."""

    wanted: Wanted
    about: str  # words that tell which announcement is meant; "" for none
    answer: str  # the answer that is named, with ``said``
    is_sure: bool  # it can be about nothing but an announcement

    def fits(self, text: str) -> bool:
        """Whether the words may mean an announcement with this text: no words mean any; otherwise all of it stands
        there, or one of its names. Of those who want to do something, what they want stands there too; a single letter
        (来たい人は → 来) counts only as a verb: not that of 来週."""
        if not self.about:
            return True
        about, said = plain(self.about).lower(), plain(text).lower()
        if self.wanted is Wanted.WILLING:
            *_, verb = PARTICLE.split(about)
            if len(verb) == 1 and not any(re.search(verb + rules.inflected, said) for rules in _rules()):
                return False
            if verb not in said:
                return False
            about = about.removesuffix(verb)
        names = [name for name in NAMING.findall(about) if not _is_time(name)]
        return not about or (fold(about) in fold(said) and not _is_time(about)) or any(name in said for name in names)


def find_results(text: str) -> ResultsRequest | None:
    """The question about an announcement that ``text`` is; None for anything else, as for one about check-ins."""
    said = END.sub("", plain(text))
    for rules in _rules():
        if rules.checkins.search(said):
            continue
        for wanted, is_sure, pattern in rules.questions:
            if (found := pattern.fullmatch(said)) is not None:
                named = found.groupdict()
                about, answer = (named.get("about") or "").strip(), (named.get("answer") or "").strip()
                return ResultsRequest(wanted=wanted, about=about, answer=answer, is_sure=is_sure)
    return None


def asks_to_see(text: str) -> bool:
    """Whether somebody who was asked wants to see what waits for their answer: お知らせ."""
    return _key(text) in _words()["show"]


def read_word(text: str, value: str) -> bool:
    """Whether a typed text is one of the words for an answer (``yes``, ``no``, ``ok``, ``trouble``, ``help``)."""
    return _key(text) in _words().get(value, frozenset())


def same_words(text: str, label: str) -> bool:
    """Whether a typed text is a label, small differences of spelling aside."""
    return _key(text) == _key(label)


def _is_time(text: str) -> bool:
    return any(rules.times.search(text) for rules in _rules())


def _key(text: str) -> str:
    return fold(END.sub("", plain(text)))


@dataclass(frozen=True, kw_only=True)
class _Rules:
    """One language."""

    questions: tuple[tuple[Wanted, bool, re.Pattern[str]], ...]
    checkins: re.Pattern[str]  # words of check-ins: then it is a question about data
    inflected: str  # pattern of what follows the stem of a verb
    times: re.Pattern[str]  # words of time, which name no announcement


@cache
def _load() -> tuple[dict[str, Any], ...]:
    paths = sorted(DATA.glob("*/announcing.yaml"))
    return tuple(cast("dict[str, Any]", load_yaml(path.read_text("utf-8"))) for path in paths)


@cache
def _rules() -> tuple[_Rules, ...]:
    return tuple(
        _Rules(
            questions=tuple(
                (Wanted(wanted), is_sure, re.compile(pattern, re.IGNORECASE))
                for is_sure in (True, False)
                for wanted, patterns in data["sure" if is_sure else "unsure"].items()
                for pattern in patterns
            ),
            checkins=re.compile("|".join(data["checkins"]), re.IGNORECASE),
            inflected=data["inflected"],
            times=re.compile("|".join(data["times"]), re.IGNORECASE),
        )
        for data in _load()
    )


@cache
def _words() -> dict[str, frozenset[str]]:
    names = {name for data in _load() for name in data["words"]}
    return {name: frozenset(_key(word) for data in _load() for word in data["words"].get(name, ())) for name in names}
