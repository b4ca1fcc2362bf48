"""「友だちのことで、保健の先生に相談したい」: that a child wants to talk, with whom and about what.

The words are data per language (``intents/data/<language>/wishes.yaml``), over folded text; every language is always
understood. A text counts only when it is nothing but such a wish, so that a child's own sentences are never taken for
one. No word of it goes anywhere: what is passed on is a person and one of ``Subject``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TypedDict, cast

from intents.normalise import fold, letters
from intents.patterns import written_out
from knowledge.yaml_data import load_yaml

DATA = Path(__file__).parent / "data"
CAPTURE = re.compile(r"\((?!\?)")
LONGEST = 80  # characters; what is longer tells something


class Whom(StrEnum):
    """With whom a child wants to talk."""

    HOMEROOM = "homeroom"
    NURSE = "nurse"
    COUNSELOR = "counselor"
    OTHER = "other"  # another teacher; which one is to be asked
    ANYONE = "anyone"
    OUTSIDE = "outside"  # somebody who is not at the school


class Subject(StrEnum):
    """What about (care.md)."""

    FRIENDS = "friends"
    STUDY = "study"
    HOME = "home"
    FUTURE = "future"
    OTHER = "other"
    UNSAID = "unsaid"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A wish to talk. What it leaves open is to be asked."""

    whom: Whom | None = None
    name: str = ""  # of a teacher, folded; "" where none is named
    subject: Subject | None = None


def find_wish(text: str) -> Wish | None:
    """The wish that ``text`` is, and nothing but it; None for anything else."""
    if len(text) > LONGEST:
        return None
    said = _bare(text)
    for language in _languages():
        for sentence in language.sentences:
            if (match := sentence.fullmatch(said)) is not None:
                found = match.groupdict()
                if not (found.get("whom") or found.get("subject") or language.bare.search(said)):
                    return None  # 「話せる」 may be a goal
                whom, name = language.whom_of(found.get("whom") or "")
                return Wish(whom=whom, name=name, subject=language.subject_of(found.get("subject") or ""))
    return None


def find_whom(text: str) -> Wish | None:
    """Who is named in an answer to the question with whom (「担任の先生がいい」); None where nobody is."""
    said = _bare(text)
    for language in _languages():
        if len(text) <= LONGEST and (match := language.answer_whom.fullmatch(said)) is not None:
            whom, name = language.whom_of(match["whom"])
            return Wish(whom=whom, name=name) if whom is not None or name else None
    return None


def find_subject(text: str) -> Subject | None:
    """The answer to the question what about (「友だちのこと」, 「言いたくない」); None where it is none."""
    said = _bare(text)
    for language in _languages():
        if len(text) <= LONGEST and (match := language.answer_subject.fullmatch(said)) is not None:
            return language.subject_of(match["subject"])
    return None


def is_withdrawal(text: str) -> bool:
    """Whether ``text`` is 「やっぱりいい」, and nothing else."""
    said = _bare(text) if len(text) <= LONGEST else ""
    return any(language.withdrawal.fullmatch(said) for language in _languages())


def asks_for_list(text: str) -> bool:
    """Whether ``text`` is what staff say to see who wants to talk with them (「相談一覧」), and nothing else."""
    said = _bare(text) if len(text) <= LONGEST else ""
    return any(language.listing.fullmatch(said) for language in _languages())


def _bare(text: str) -> str:
    return fold(text).strip("?!")


class _File(TypedDict):
    whom: dict[str, list[str]]
    named: str
    anybody: list[str]
    subjects: dict[str, list[str]]
    parts: dict[str, list[str]]
    sentences: list[str]
    bare: list[str]
    answer_whom: str
    answer_subject: str
    withdrawal: list[str]
    listing: list[str]


@dataclass(frozen=True, kw_only=True)
class _Language:
    whom: Mapping[Whom, re.Pattern[str]]
    named: re.Pattern[str]  # its group is the name
    anybody: re.Pattern[str]  # a teacher, but none in particular
    subjects: Mapping[Subject, re.Pattern[str]]
    sentences: Sequence[re.Pattern[str]]
    bare: re.Pattern[str]  # what is a wish although nobody and nothing is named
    answer_whom: re.Pattern[str]
    answer_subject: re.Pattern[str]
    withdrawal: re.Pattern[str]
    listing: re.Pattern[str]

    def whom_of(self, said: str) -> tuple[Whom | None, str]:
        """With whom, and the name where one is said."""
        if not said or self.anybody.fullmatch(said):
            return None, ""
        whom = next((whom for whom, pattern in self.whom.items() if pattern.fullmatch(said)), None)
        named = self.named.fullmatch(said) if whom is None else None
        return whom, next((each for each in named.groups() if each), "") if named is not None else ""

    def subject_of(self, said: str) -> Subject | None:
        return next((subject for subject, pattern in self.subjects.items() if pattern.fullmatch(said)), None)


@cache
def _languages() -> tuple[_Language, ...]:
    paths = sorted(DATA.glob("*/wishes.yaml"), reverse=True)
    return tuple(_language(cast("_File", load_yaml(path.read_text("utf-8")))) for path in paths)


def _language(data: _File) -> _Language:
    """Patterns are written in everyday spelling and made to meet folded text."""

    def either(patterns: Sequence[str]) -> str:
        return "|".join(f"(?:{letters(pattern)})" for pattern in patterns)

    named = letters(data["named"])
    everybody = [either(patterns) for patterns in data["whom"].values()]
    groups = {
        "whom": "|".join([*everybody, either(data["anybody"]), CAPTURE.sub("(?:", named)]),
        "subject": "|".join(either(patterns) for patterns in data["subjects"].values()),
    }
    macros = {name: either(patterns) for name, patterns in data["parts"].items()}

    def sentence(pattern: str) -> re.Pattern[str]:
        return re.compile(written_out(pattern, groups, macros))

    return _Language(
        whom={Whom(name): re.compile(either(patterns)) for name, patterns in data["whom"].items()},
        named=re.compile(named),
        anybody=re.compile(either(data["anybody"])),
        subjects={Subject(name): re.compile(either(patterns)) for name, patterns in data["subjects"].items()},
        sentences=[sentence(pattern) for pattern in data["sentences"]],
        bare=re.compile(either(data["bare"])),
        answer_whom=sentence(data["answer_whom"]),
        answer_subject=sentence(data["answer_subject"]),
        withdrawal=re.compile(either(data["withdrawal"])),
        listing=re.compile(either(data["listing"])),
    )
