"""Questions for learning content: 「分数の動画ある？」, 「つぎは何をやればいい？」; and comments on it.

The words are data per language (``intents/data/<language>/content.yaml``); every language is always understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from intents.lexicon import load_lexicon
from intents.normalise import plain
from intents.patterns import longest_first
from intents.spans import Reader
from knowledge.yaml_data import load_yaml

DATA = Path(__file__).parent / "data"
LONGEST = 120  # characters of a question for content
_MACRO = re.compile(r"(?<!\?P)<([a-z]+)>")
_GRADE = re.compile(
    r"(?P<level>小|中|高)(?:学|校)*の?(?P<short>[1-9])(?:年生?)?(?:向け)?の?|(?P<number>[1-9])年(?:[0-9]{1,2}組|生)?(?:向け)?の?|"
    r"(?:\b(?:for|in) )?\b(?:grade (?P<grade>[1-9])|(?P<nth>[1-9])(?:st|nd|rd|th)[- ]graders?)\b"
)
LEVELS = {"小": "P", "中": "J", "高": "H"}


@dataclass(frozen=True, kw_only=True)
class ContentRequest:
    """What content is looked for."""

    topics: tuple[str, ...]  # the topic as it was said, and what else it is called; empty: any
    subject: str | None = None  # its official name
    grade: str | None = None  # 5 as it was said, or P5 where the kind of school was said too
    kind: str | None = None  # video, drill …; None: any
    kind_words: tuple[str, ...] = ()  # by which content of the kind is known
    whom: str | None = None  # somebody it is to fit, as they were named
    is_next: bool = False  # what to do next, from one's own results
    is_use: bool = False  # how content is used, not content
    asks: bool = False  # it is plainly a question, and no answer to one

    def to_json(self) -> dict[str, Any]:
        """As ``ayumi understand`` shows it."""
        said = {"topic": self.topics[0] if self.topics else None, "subject": self.subject, "grade": self.grade}
        return said | {"kind": self.kind, "whom": self.whom, "next": self.is_next, "use": self.is_use}


def understand_content(text: str) -> ContentRequest | None:
    """The content that ``text`` asks for; None for any other text, as for a question about figures."""
    said = plain(text).lower()
    if not said or len(said) > LONGEST or "\n" in text.strip():
        return None
    for language, words in _languages().items():
        written = said.replace(" ", "") if language == "ja" else said
        if words.next.fullmatch(written):
            return ContentRequest(topics=(), is_next=True, asks=True)
        if words.use.fullmatch(written):
            return ContentRequest(topics=(), is_use=True, asks=True)
        if words.figures.search(written):
            return None
        if (found := _first(words.fitting, written)) is not None:
            if words.oneself.fullmatch(found["whom"]):
                return ContentRequest(topics=(), is_next=True, asks=True)
            return _request(found, words, language, None)
        year = _GRADE.search(written)
        without = f"{written[: year.start()]}{written[year.end() :]}".strip() if year is not None else written
        if (found := _first(words.questions, without)) is not None:
            return _request(found, words, language, year)
    return None


def _first(patterns: Sequence[re.Pattern[str]], text: str) -> re.Match[str] | None:
    """How the first pattern that matches all of a text does."""
    return next(filter(None, (pattern.fullmatch(text) for pattern in patterns)), None)


def find_comment(text: str) -> str | None:
    """The comment in 「コメント: 分かりやすかった」, in the person's own words; None for any other text."""
    for words in _languages().values():
        if (found := words.comment.fullmatch(text.strip())) is not None:
            return found["comment"].strip()
    return None


@dataclass(frozen=True, kw_only=True)
class _Words:
    """One language."""

    fitting: tuple[re.Pattern[str], ...]  # groups whom, kind, ask
    questions: tuple[re.Pattern[str], ...]  # groups topic, kind, ask
    next: re.Pattern[str]
    use: re.Pattern[str]
    oneself: re.Pattern[str]  # whoever asks
    figures: re.Pattern[str]  # words of a question about data
    comment: re.Pattern[str]  # group comment
    kinds: Mapping[str, tuple[str, ...]]
    fillers: re.Pattern[str]  # what says nothing about the topic
    topics: Mapping[str, str]  # what a topic is called in the catalogue's language


def _request(found: re.Match[str], words: _Words, language: str, year: re.Match[str] | None) -> ContentRequest | None:
    named = found.groupdict()
    topic, grade = named.get("topic") or "", None
    if year is not None:
        number = year["short"] or year["number"] or year["grade"] or year["nth"]
        grade = LEVELS.get(year["level"] or "", "") + number
    subject = None
    reader = Reader(topic)
    for name, pattern in load_lexicon(language).subjects.items():
        if (match := pattern.search(reader.folded)) is not None and len(reader.folded) == len(topic):
            subject = name
            topic = topic[: match.start()] + topic[match.end() :]
            break
    topic = words.fillers.sub("", words.fillers.sub("", topic.strip())).strip()
    known = tuple(word for each, word in words.topics.items() if re.search(rf"\b{each}s?\b", topic))
    kind = next((name for name, said in words.kinds.items() if named["kind"] in said), None)
    if not (topic or subject or grade or named.get("ask") or named.get("whom") or "?" in found[0]):
        return None  # 「動画」 alone asks for nothing
    return ContentRequest(
        topics=(topic, *known) if topic else (),
        subject=subject,
        grade=grade,
        kind=kind,
        kind_words=_kind_words(kind) if kind else (),
        whom=(named.get("whom") or "").strip() or None,
        asks=bool(named.get("ask")) or "?" in found[0],
    )


def _kind_words(kind: str) -> tuple[str, ...]:
    return tuple(word for words in _languages().values() for word in words.kinds.get(kind, ()))


@cache
def _languages() -> Mapping[str, _Words]:
    return {path.parent.name: _words(path) for path in sorted(DATA.glob("*/content.yaml"), reverse=True)}


def _words(path: Path) -> _Words:
    data = cast("dict[str, Any]", load_yaml(path.read_text("utf-8")))
    kinds = {name: tuple(words) for name, words in data["kinds"].items()}
    every = [word for words in (*kinds.values(), data["any"]) for word in words]
    said = {"ask": f"(?:{data['ask']})", "about": f"(?:{data['about']})"}
    said["kind"] = f"(?P<kind>{longest_first(every)})"

    def pattern(text: str) -> re.Pattern[str]:
        return re.compile(_MACRO.sub(lambda macro: said[macro[1]], text))

    return _Words(
        fitting=tuple(map(pattern, data["fitting"])),
        questions=tuple(map(pattern, data["questions"])),
        next=pattern(data["next"]),
        use=pattern(data["use"]),
        oneself=re.compile(data["oneself"]),
        figures=re.compile(data["figures"]),
        comment=re.compile(data["comment"], re.IGNORECASE | re.DOTALL),
        kinds=kinds,
        fillers=re.compile(data["fillers"]),
        topics=data.get("topics", {}),
    )
