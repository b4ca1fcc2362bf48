"""The words of a text that say something: normalised, with their reading, and with what turns them (not, may, must).

Japanese is divided by SudachiPy (shortest units), English at its spaces; which words count is data (``words.yaml``).
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from sudachipy import Dictionary, Morpheme, SplitMode, Tokenizer

from knowledge.yaml_data import load_yaml

_TO_HIRAGANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]+(?:['’-][A-Za-zÀ-ɏ]+)*")
_BESIDE_A_DAY = re.compile(r"\d\s*May|May\s*\d")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
RUN = 3  # kana
_PREDICATES = frozenset({"動詞", "形容詞", "形状詞"})
_CONTENT = _PREDICATES | {"名詞", "副詞", "接頭辞", "接尾辞", "代名詞"}
_ENDS_A_CHAIN = frozenset({"補助記号", "記号", "空白"})


class WordKind(StrEnum):
    WORD = "word"
    NUMBER = "number"
    NAME = "name"  # a proper noun, a word in katakana or in Latin letters within Japanese
    PREDICATE = "predicate"  # a verb or an adjective of Japanese
    SOUND = "sound"  # a run of kana, of a text that cannot be divided into words for sure
    LIGHT = "light"  # one of them that tells little (ある, よい)


@dataclass(frozen=True, kw_only=True)
class Word:
    """One content word of a text."""

    form: str  # normalised: one for 食べる, たべた and タベル; a number in digits
    reading: str  # in hiragana
    kind: WordKind
    start: int
    end: int
    marks: tuple[str, ...] = ()  # what turns or bends it, in the order of the text: ("not",), ("go", "not"), ("must",)


@cache
def load_words() -> Mapping[str, Any]:
    """The tables of ``words.yaml``."""
    return load_yaml(files("knowledge.documents").joinpath("words.yaml").read_text("utf-8"))


@lru_cache(maxsize=512)
def content_words(text: str) -> tuple[Word, ...]:
    """The content words in the order of the text; none for a text without any. Asking words are none."""
    words: list[Word] = []
    at = 0
    is_japanese = any("ぁ" <= letter <= "ヿ" or "一" <= letter <= "鿿" for letter in text)
    before: list[str] = []  # what waits for the next English word
    for match in _LATIN.finditer(text):
        words += _between(text[at : match.start()], at, before)
        at = match.end()
        word = _english(match, before, is_japanese=is_japanese)
        if word is not None:
            words.append(word)
            before.clear()
    return (*words, *_between(text[at:], at, before))


def sounds(text: str) -> tuple[Word, ...]:
    """A text in kana as runs of ``RUN`` kana, none across a blank: children write without kanji, and where a word then
    ends nobody knows for sure."""
    found: list[Word] = []
    for chunk in re.finditer(r"[ぁ-ゖー]{2,}", hiragana(text)):
        for start in range(chunk.start(), max(chunk.end() - RUN, chunk.start()) + 1):
            end = min(start + RUN, chunk.end())
            form = chunk[0][start - chunk.start() : end - chunk.start()]
            found.append(Word(form=form, reading=form, kind=WordKind.SOUND, start=start, end=end))
    return tuple(found)


@lru_cache(maxsize=2048)
def reading_of(text: str) -> str:
    """The whole text in hiragana."""
    return "".join(hiragana(token.reading_form() or token.surface()) for token in _tokenizer().tokenize(text))


def hiragana(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_TO_HIRAGANA)


def _between(text: str, offset: int, before: list[str]) -> list[Word]:
    """The words between two English ones; the first is turned by what was written ``before`` it (until 8:30)."""
    words = _japanese(text, offset)
    if words and before:
        words[0] = replace(words[0], marks=(*before, *words[0].marks))
    if words or any(end in text for end in ".!?;。\n"):
        before.clear()
    return words


def _english(match: re.Match[str], before: list[str], *, is_japanese: bool) -> Word | None:
    """The word, with what turns it; None for a word that only turns the next one, and makes ``before`` longer."""
    table = load_words()["en"]
    form = unicodedata.normalize("NFKC", match[0]).lower().replace("’", "'")
    is_month = match[0] == "May" and _BESIDE_A_DAY.search(match.string[max(match.start() - 3, 0) : match.end() + 3])
    if form in table["turning"] and not is_month:
        before.append(table["turning"][form])
        return None
    if form in table["empty"] or form in table["asking"]:
        return None
    number = table["numbers"].get(form)
    is_name = is_japanese or (match[0][:1].isupper() and match.start() > 0)
    kind = WordKind.NUMBER if number is not None else WordKind.NAME if is_name else WordKind.WORD
    form = _stem(form) if number is None else str(number)
    return Word(form=form, reading=form, kind=kind, start=match.start(), end=match.end(), marks=tuple(before))


def _stem(form: str) -> str:
    """An English word without the commonest endings: what is left need not be a word, only the same for its forms."""
    for ending, least in (("ies", 5), ("ing", 6), ("ed", 5), ("es", 5), ("s", 4), ("ly", 6)):
        if form.endswith(ending) and len(form) >= least and not form.endswith("ss"):
            stem = form[: -len(ending)]
            return (stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] else stem).rstrip("ey") or form
    return form.rstrip("ey") if len(form) > 3 else form


def _japanese(text: str, offset: int) -> list[Word]:
    words: list[Word] = []
    if not text.strip():
        return words
    table = load_words()["ja"]
    is_open = False  # whether what follows may still belong to the last word: a predicate's endings
    for token in _tokenizer().tokenize(text):
        kinds, form = token.part_of_speech(), token.normalized_form()
        is_beside = bool(words) and words[-1].end == offset + token.begin()
        mark = table["bounding"].get(form) if is_open or is_beside else None
        if mark is None and is_open and _is_ending(kinds):
            mark = table["turning"].get(form)
        if mark is not None:
            end = offset + token.end() if is_beside else words[-1].end
            words[-1] = replace(words[-1], marks=(*words[-1].marks, mark), end=end)
            continue
        is_content = kinds[0] in _CONTENT and form not in table["empty"] and form not in table["asking"]
        if is_open and (kinds[0] in _ENDS_A_CHAIN or (is_content and not _is_ending(kinds))):
            is_open = False
        if not is_content or is_open:
            continue
        word = _word(token, kinds, form, offset)
        if word is not None:
            words.append(word)
            is_open = word.kind in (WordKind.PREDICATE, WordKind.LIGHT) or kinds[2] == "サ変可能"
    return words


def _is_ending(kinds: tuple[str, ...]) -> bool:
    """Whether a token may belong to the predicate before it."""
    return (
        kinds[0] in ("助動詞", "助詞") or kinds[1] == "非自立可能" or kinds[2] == "形状詞可能" or kinds[0] == "形状詞"
    )


def _word(token: Morpheme, kinds: tuple[str, ...], form: str, offset: int) -> Word | None:
    surface = token.surface()
    reading = token.reading_form().translate(_TO_HIRAGANA)
    marks: tuple[str, ...] = ()
    if kinds[1] == "数詞" or _NUMBER.fullmatch(surface):
        kind, form = WordKind.NUMBER, unicodedata.normalize("NFKC", form).replace(",", "")
        reading = form
    elif not any(letter.isalnum() for letter in surface):
        return None
    elif kinds[1] == "固有名詞" or (len(surface) > 1 and all("ァ" <= letter <= "ー" for letter in surface)):
        kind = WordKind.NAME
    elif kinds[0] in _PREDICATES:
        kind = WordKind.LIGHT if form in load_words()["ja"]["light"] else WordKind.PREDICATE
        dictionary = token.dictionary_form()
        if kinds[0] == "動詞" and dictionary.endswith("る") and not form.endswith("る"):
            marks = ("can",)  # 使える, which is normalised to 使う
    else:
        kind = WordKind.WORD
    return Word(
        form=form, reading=reading, kind=kind, start=offset + token.begin(), end=offset + token.end(), marks=marks
    )


@cache
def _dictionary() -> Dictionary:
    """Opened on first use: it takes some 20 ms."""
    return Dictionary(dict="small")


_LOCAL = threading.local()  # a tokenizer must not be used by two threads at once


def _tokenizer() -> Tokenizer:
    found: Tokenizer | None = getattr(_LOCAL, "tokenizer", None)
    if found is None:
        found = _LOCAL.tokenizer = _dictionary().tokenizer(mode=SplitMode.A)
    return found
