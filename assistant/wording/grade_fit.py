"""Wording that fits the grade: kanji a child has not been taught become kana (LINE, Slack) or carry ruby (browser).

Which kanji are taught when is data (``kyoiku_kanji.yaml``); readings come from SudachiPy, corrected by
``readings.yaml`` where its choice is wrong or not how a school speaks. Names of people belong in the roster with
their own kana: a reading guessed for a child's name may be wrong.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from markupsafe import Markup
from sudachipy import Dictionary  # pyright: ignore[reportMissingTypeStubs]  it ships none
from sudachipy.config import Config  # pyright: ignore[reportMissingTypeStubs]  it ships none

from knowledge.yaml_data import load_yaml

CACHED_TEXTS = 4096  # templates repeat; a rendered one costs a few hundred bytes
CONTEXT = 12  # characters before a word that a `before` condition may look at

_GRADE = re.compile("P[1-6]|[JHE][1-3]")
# CJK ideographs and the iteration mark. 〇 stays out: children write it as a circle, not as a kanji.
_KANJI = re.compile("[々\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_KANJI_RUN = re.compile(f"({_KANJI.pattern}+)")
_TO_HIRAGANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}
_RUBY = Markup("<ruby>{}<rp>(</rp><rt>{}</rt><rp>)</rp></ruby>")


@dataclass(frozen=True, kw_only=True)
class Run:
    """A stretch of a text, as long as it is written in one way."""

    text: str  # as it was written
    reading: str | None  # hiragana, when `text` is a kanji run above the grade; None when it stays as it is


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """One reading of a word, and where it holds."""

    kana: str  # hiragana, okurigana included
    before: re.Pattern[str] | None  # what must stand right before the word; None is anything
    after: re.Pattern[str] | None  # what must stand right after the word; None is anything

    def holds(self, text: str, start: int, end: int) -> bool:
        if self.before and not self.before.search(text[max(0, start - CONTEXT) : start]):
            return False
        return not self.after or self.after.match(text, end) is not None


def fit(text: str, grade: str | None) -> tuple[Run, ...]:
    """Return ``text`` cut into runs, those above ``grade`` with their reading; joined, their texts are ``text``.

    P1 to P6 keep the kanji taught up to that grade, and E1 to E3 (kindergarten) keep none. A kanji run inside a word
    gets a reading as a whole when any of its kanji is above the grade. A word whose reading is not known stays.
    Nothing is changed for None (staff, guardians), nor for J and H: from junior high on, jōyō kanji are read.
    The text may have up to 16,000 characters (SudachiPy takes 49,149 bytes). ValueError: no such grade.
    """
    taught = None if grade is None else _taught(grade)
    if taught is None or taught.issuperset(_KANJI.findall(text)):
        return (Run(text=text, reading=None),) if text else ()
    runs: list[Run] = []
    kept = ""
    for word, kana in _words(text):
        for part, reading in _align(word, kana):
            if not reading or taught.issuperset(_KANJI.findall(part)):
                kept += part
                continue
            if kept:
                runs.append(Run(text=kept, reading=None))
                kept = ""
            runs.append(Run(text=part, reading=reading))
    if kept:
        runs.append(Run(text=kept, reading=None))
    return tuple(runs)


@lru_cache(maxsize=CACHED_TEXTS)
def to_kana(text: str, grade: str | None) -> str:
    """Return ``text`` with the kanji above ``grade`` in hiragana, for channels without ruby. ValueError as in fit()."""
    return "".join(run.reading or run.text for run in fit(text, grade))


@lru_cache(maxsize=CACHED_TEXTS)
def to_ruby(text: str, grade: str | None) -> Markup:
    """Return ``text`` as safe HTML, the kanji above ``grade`` with ruby. ValueError as in fit()."""
    return Markup().join(
        _RUBY.format(run.text, run.reading) if run.reading else run.text  # join() escapes what is not Markup
        for run in fit(text, grade)
    )


@cache
def _taught(grade: str) -> frozenset[str] | None:
    """Return the kanji a child of ``grade`` reads, or None when the grade table no longer limits them."""
    if not _GRADE.fullmatch(grade):
        raise ValueError(f"no such grade: {grade!r}")
    if grade[0] in "JH":
        return None
    table: dict[str, str] = _load("kyoiku_kanji.yaml")
    # 々 only repeats the kanji before it, so it is never what makes a run hard
    return frozenset("".join(kanji for year, kanji in table.items() if grade[0] == "P" and year <= grade) + "々")


def _words(text: str) -> Iterator[tuple[str, str]]:
    """Yield the words of ``text`` in order, each with its reading; joined, the words are ``text``."""
    readings, most = _readings()
    morphemes = _dictionary().tokenizer().tokenize(text)  # a tokenizer serves one thread; a new one costs < 1 µs
    edges = [morpheme.begin() for morpheme in morphemes] + [len(text)]
    first = 0
    while first < len(morphemes):
        start = edges[first]
        # the longest word of ours that starts here and ends where a morpheme ends
        for last in range(min(first + most, len(morphemes)), first, -1):
            end = edges[last]
            ours = readings.get(text[start:end], ())
            kana = next((reading.kana for reading in ours if reading.holds(text, start, end)), "")
            if kana:
                break
        else:
            last, end = first + 1, edges[first + 1]
            kana = _hiragana(morphemes[first].reading_form())
        yield text[start:end], kana
        first = last


@lru_cache(maxsize=CACHED_TEXTS)
def _align(word: str, kana: str) -> tuple[tuple[str, str], ...]:
    """Cut ``word`` into kanji runs with their share of ``kana`` and the parts between them, which have no reading.

    振り返り, ふりかえり → 振 ふ, り, 返 かえ, り. The whole word is one run when its kana parts do not fit the reading
    (2人, ふたり), and has no reading when ``kana`` itself is not known: empty, or the kanji again.
    """
    if _KANJI.search(kana):
        return ((word, ""),)
    parts = _KANJI_RUN.split(word)  # the odd ones are kanji runs
    shape = "".join("(.+?)" if odd % 2 else re.escape(_hiragana(part)) for odd, part in enumerate(parts))
    found = re.fullmatch(shape, kana)
    if not found:
        return ((word, kana),)
    shares = ("", *(share for reading in found.groups() for share in (reading, "")))
    return tuple((part, share) for part, share in zip(parts, shares, strict=True) if part)


def _hiragana(kana: str) -> str:
    return kana.translate(_TO_HIRAGANA)


@cache
def _dictionary() -> Dictionary:
    # Without SudachiPy's default plugins for furigana in brackets and for joined numerals: the first would make
    # 漢字(かんじ) one word, the second reads 二十 figure by figure.
    plain = [{"class": "com.worksap.nlp.sudachi.DefaultInputTextPlugin"}]
    return Dictionary(config=Config(system="small", inputTextPlugin=plain, pathRewritePlugin=[]))


@cache
def _readings() -> tuple[dict[str, tuple[_Reading, ...]], int]:
    """Return the corrected readings by word, and the most morphemes a word of them may have."""
    table: dict[str, str | list[dict[str, str]]] = _load("readings.yaml")
    readings: dict[str, tuple[_Reading, ...]] = {}
    for word, entry in table.items():
        choices = [{"kana": entry}] if isinstance(entry, str) else entry
        readings[word] = tuple(
            _Reading(
                kana=choice["kana"],
                before=re.compile(f"(?:{choice['before']})\\Z") if "before" in choice else None,
                after=re.compile(choice["after"]) if "after" in choice else None,
            )
            for choice in choices
        )
    return readings, max(map(len, readings))


def _load(name: str) -> Any:
    return load_yaml(Path(__file__).with_name(name).read_text(encoding="utf-8"))
