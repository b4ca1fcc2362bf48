"""A passage into the sentences, list items and table rows it is made of, each at its place in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from knowledge.documents.words import load_words

_ROW = re.compile(r"\S.*\s\|\s.*\S|^\|.*\|$")
_RECORD = re.compile(r"^[^：／]{1,40}：[^／]*／(?:[^：／]{1,40}：)?.*$")  # a row: 学年：1年／時数：10時間
_TERM = re.compile(r"^[^\s：。、]{1,16}：\S")  # with what it means: えらぶ力：集めた情報を比べる力
_ANNOUNCES = re.compile(r"次の|以下|とおり|following|below", re.IGNORECASE)
_RULE = re.compile(r"^[\s|:+-]+$")  # under the header of a table in Markdown
_ITEM = re.compile(
    r"^(?:[・•●○◯◎■□◆◇▪*‐–-]\s*|[(（]?(?:\d{1,2}|[一二三四五六七八九十]|[ア-ン]|[a-zA-Z])[)）]\s*|\d{1,2}[.．、]\s*(?!\d)|[①-⑳]\s*)\S"
)
_HEADING = re.compile(r"^(?:#{1,6}\s|第[\d０-９一二三四五六七八九十]+[章節条項])")
_END = re.compile(r"[。！？!?．](?:[。！？!?」』）)】”\"'’]*)|\.(?=[\"'”’)]*(?:\s|$))[\"'”’)]*")
_ENDED = re.compile(r"[。．.！？!?][」』）)\"'”’]*$")
_OPENING, _CLOSING = "「『（(【［[〈《“", "」』）)】］]〉》”"
_WORD_BEFORE = re.compile(r"[A-Za-z.]+$")
HEADING = 80  # characters of a line that may head others
WRAPPED = 24  # characters: a line at least so long, without an end, was broken by the page and goes on in the next


class Shape(StrEnum):
    SENTENCE = "sentence"
    ITEM = "item"  # of a list
    ROW = "row"  # of a table, "a | b"
    RECORD = "record"  # of a table, with the names of the columns in it
    LEAD = "lead"  # a heading, or a line that announces what follows (…は次のとおりです：)


_LISTED = (Shape.ITEM, Shape.ROW, Shape.RECORD)


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A sentence, a list item or the row of a table."""

    start: int
    end: int
    text: str  # of the passage from ``start`` to ``end``
    shape: Shape


def split_sentences(text: str) -> tuple[Sentence, ...]:
    """The sentences of a passage in their order; what stands in brackets stays whole. None for a blank text."""
    found: list[Sentence] = []
    for start, end in _lines(text):
        line = text[start:end]
        if _RULE.match(line):
            continue
        if _ROW.search(line) or _RECORD.match(line):
            shape = Shape.ROW if _ROW.search(line) else Shape.RECORD
            found.append(Sentence(start=start, end=end, text=line, shape=shape))
            continue
        shape = Shape.ITEM if _ITEM.match(line) else Shape.SENTENCE
        parts = [*_parts(line)]
        for number, (first, last) in enumerate(parts):
            found.append(
                Sentence(
                    start=start + first,
                    end=start + last,
                    text=line[first:last],
                    shape=_shape(line[first:last], shape if number == 0 else Shape.SENTENCE),
                )
            )
    after: Shape | None = None
    for place in range(len(found) - 1, -1, -1):
        found[place] = _announcing(found[place], after)
        after = found[place].shape
    return tuple(found)


def needed_before(sentences: Sequence[Sentence], at: int) -> tuple[int, ...]:
    """The sentences that are needed to understand one: the header of a row, the line above a list, what a これ refers
    to. None where it stands alone."""
    here = sentences[at]
    match here.shape:
        case Shape.ROW:
            first = at
            while first > 0 and sentences[first - 1].shape is Shape.ROW:
                first -= 1
            return (first,) if first < at else ()
        case Shape.ITEM | Shape.RECORD:
            above = at - 1
            while above >= 0 and sentences[above].shape is not Shape.LEAD:
                if sentences[above].shape is not here.shape:
                    return ()
                above -= 1
            return (above,) if above >= 0 else ()
        case Shape.SENTENCE if at > 0 and re.match(load_words()["pointing"], here.text, re.IGNORECASE):
            return (at - 1,)
        case _:
            return ()


def needed_after(sentences: Sequence[Sentence], at: int, most: int) -> tuple[int, ...]:
    """The items, rows or the sentence that a line announces, at most so many; none where it announces nothing."""
    if sentences[at].shape is not Shape.LEAD:
        return ()
    after = range(at + 1, min(at + 1 + most, len(sentences)))
    listed = [place for place in after if sentences[place].shape in _LISTED]
    if listed and listed[0] == at + 1:
        return tuple(place for number, place in enumerate(listed) if place == at + 1 + number)
    return (at + 1,) if after else ()


def is_heading(sentences: Sequence[Sentence], at: int) -> bool:
    """Whether a sentence only heads what follows, and announces no list."""
    return sentences[at].shape is Shape.LEAD and not (at + 1 < len(sentences) and sentences[at + 1].shape in _LISTED)


def line_above(sentences: Sequence[Sentence], at: int) -> int | None:
    """The nearest line that heads a sentence or announces it; None where there is none."""
    return next((place for place in range(at - 1, -1, -1) if sentences[place].shape is Shape.LEAD), None)


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Where the lines of a text start and end without white space; lines that a page broke are joined."""
    begun: tuple[int, int] | None = None
    for match in re.finditer(r"[^\n]+", text):
        line = match[0]
        start = match.start() + len(line) - len(line.lstrip())
        end = match.start() + len(line.rstrip())
        if start >= end:
            if begun is not None:
                yield begun
                begun = None
            continue
        line = text[start:end]
        stands_alone = any(kind.search(line) for kind in (_ROW, _RECORD, _ITEM, _HEADING, _TERM))
        if begun is not None:
            if not stands_alone and "\n\n" not in text[begun[1] : start] and _goes_on(text[begun[0] : begun[1]]):
                begun = begun[0], end
                continue
            yield begun
        begun = start, end
    if begun is not None:
        yield begun


def _goes_on(line: str) -> bool:
    """Whether a line was broken by the page: long, and without an end."""
    last = line.rsplit("\n", 1)[-1].strip()
    if _ROW.search(last) or _RECORD.match(last) or _HEADING.match(last) or last[-1] in "。！？!?.:：」）)":
        return False
    return len(last) >= (WRAPPED * 2 if last.isascii() else WRAPPED) or last[-1] in "、，,"


def _shape(text: str, shape: Shape) -> Shape:
    """A line without an end is one of a list, if it is no heading."""
    if text[-1] in ":：" or _HEADING.match(text):
        return Shape.LEAD
    return shape if _ENDED.search(text) else Shape.ITEM


def _announcing(sentence: Sentence, after: Shape | None) -> Sentence:
    """A sentence that says that a list or a table follows; a line without an end and a mark, above sentences."""
    is_heading = (
        sentence.shape is Shape.ITEM and after in (Shape.SENTENCE, Shape.LEAD) and not _ITEM.match(sentence.text)
    )
    if is_heading and len(sentence.text) <= HEADING and not _TERM.match(sentence.text):
        return replace(sentence, shape=Shape.LEAD)
    if sentence.shape is Shape.SENTENCE and after in _LISTED and _ANNOUNCES.search(sentence.text):
        return replace(sentence, shape=Shape.LEAD)
    return sentence


def _parts(line: str) -> Iterator[tuple[int, int]]:
    """Where the sentences of a line start and end."""
    inside = _inside_brackets(line)
    begin = 0
    for match in _END.finditer(line):
        if match.start() in inside or match.end() <= begin or _is_abbreviation(line, match):
            continue
        if line[match.end() :].lstrip()[:1] in ("と", "を", "の", "は", "が", "で", "に"):  # 「…。」と言う
            continue
        yield begin, match.end()
        begin = match.end() + len(line[match.end() :]) - len(line[match.end() :].lstrip())
    if begin < len(line):
        yield begin, len(line)


def _inside_brackets(line: str) -> frozenset[int]:
    """The places within brackets that are closed in the same line."""
    open_at: list[tuple[int, str]] = []
    inside: set[int] = set()
    for place, letter in enumerate(line):
        if letter in _OPENING:
            open_at.append((place, _CLOSING[_OPENING.index(letter)]))
        elif open_at and letter == open_at[-1][1]:
            start, _ = open_at.pop()
            inside.update(range(start, place))
    return frozenset(inside)


def _is_abbreviation(line: str, match: re.Match[str]) -> bool:
    if match[0][0] != ".":
        return False
    before = _WORD_BEFORE.search(line[: match.start()])
    if before is None:
        return line[: match.start()].isdigit()  # 1. Switch off …
    word = before[0].lower()
    after = line[match.end() :].lstrip()[:1]
    is_short = word in load_words()["abbreviations"] or (len(word) == 1 and word.isalpha())
    return is_short and bool(after) and not (after.isupper() and word in ("a.m", "p.m", "etc"))
