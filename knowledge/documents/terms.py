"""What the lexical index counts: words, pairs of characters, and the sound of a text.

Japanese is written without spaces, in kanji or in kana, so that no one kind of term is enough: words (SudachiPy's short
units, by their normalized form) tell best what a text is about, pairs of characters find what the dictionary cuts
wrongly, and runs of three kana of the reading find what a child writes in kana. English counts by words with their
endings taken off.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from sudachipy import Dictionary, SplitMode, Tokenizer

from knowledge.yaml_data import load_yaml

VERSION = 1  # of the terms below: a change of them needs another number, then stored ones are made again
WORD, PAIR, SOUND = 0, 1, 2  # the kind of a term, in the upper two bits of its number
KINDS = 3
KIND_SHIFT = 30
_HASH = (1 << KIND_SHIFT) - 1
_LIMIT = 16_000  # characters SudachiPy is given at once: it takes 49,149 bytes
_FUNCTION = {"助詞", "助動詞", "補助記号", "記号", "空白"}  # parts of speech that are not counted as words
_ENGLISH = re.compile(r"[a-z]+")
_BREAK = "。"  # between parts that no pair or run may span

Terms = NDArray[np.uint32]
Counts = NDArray[np.uint8]


def terms_of(text: str) -> tuple[Terms, Counts]:
    """The terms of a text, each once and in order, and how often it has them (255 at most)."""
    folded = fold(text)
    words: list[int] = []
    sounds: list[str] = []
    for start in range(0, len(folded), _LIMIT):
        for token in _tokenizer().tokenize(folded[start : start + _LIMIT]):
            surface = token.surface()
            if surface.isascii():
                sounds.append(_BREAK)
                if surface.isalnum() and (word := _english(surface)):
                    words.append(word)
                continue
            sounds.append(token.reading_form() or surface)
            if token.part_of_speech_id() not in _function_parts():
                words.append(_number(token.normalized_form()))
    ids = np.concatenate(
        (np.array(words, np.uint32), _runs(folded, 2, PAIR), _runs(_hiragana("".join(sounds)), 3, SOUND))
    )
    found, counts = np.unique(ids, return_counts=True)
    return found, np.minimum(counts, 255).astype(np.uint8)


def reading(text: str) -> str:
    """The text as it sounds, in hiragana; letters and figures of ASCII as they are."""
    tokens = _tokenizer().tokenize(fold(text))
    return _hiragana(
        "".join(token.surface() if token.surface().isascii() else token.reading_form() for token in tokens)
    )


def fold(text: str) -> str:
    """NFKC and lower case: full-width and half-width, capital and small are the same. What is no character is "?"."""
    return unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode()).lower()


def number_of(form: str) -> int:
    """The number of one word by its normalized form, of English by how it is written; 0 where it is not counted."""
    return _english(form.lower()) if form.isascii() else _number(form)


def number_of_sound(run: str) -> int:
    """The number of a run of three kana."""
    return next(iter(_runs(run, 3, SOUND).tolist()), 0)


def pack(terms: Terms, counts: Counts) -> bytes:
    """As it is stored with a passage: the version, the terms (four bytes each), their counts (one byte each)."""
    return bytes((VERSION,)) + terms.astype("<u4").tobytes() + counts.tobytes()


def unpack(stored: bytes) -> tuple[Terms, Counts] | None:
    """What ``pack`` was given; None when it was packed by another version."""
    if not stored or stored[0] != VERSION:
        return None
    size = (len(stored) - 1) // 5
    return np.frombuffer(stored, "<u4", size, 1), np.frombuffer(stored, np.uint8, size, 1 + 4 * size)


def stem(word: str) -> str:
    """An English word without a plural or verb ending: the s-stemmer of Harman (1991), and -ing and -ed."""
    if len(word) > 4 and word.endswith("ies") and word[-4] not in "ae":
        return word[:-3] + "y"
    if len(word) > 3 and word[-1] == "s" and word[-2] not in "us" and not (word[-2] == "e" and word[-3] in "aeo"):
        word = word[:-1]
    for ending in ("ing", "ed"):
        left = word.removesuffix(ending)
        if left != word and len(left) > 2 and any(vowel in left for vowel in "aeiouy"):
            word = left[:-1] if left[-1] == left[-2] and left[-1] not in "lsz" else left
    return word.removesuffix("e") if len(word) > 3 else word


@lru_cache(maxsize=100_000)
def _number(word: str) -> int:
    return crc32(word.lower().encode()) & _HASH


@lru_cache(maxsize=20_000)
def _english(word: str) -> int:
    """The number of an English word or a figure; 0 for one that says nothing by itself."""
    if word in _english_function_words():
        return 0
    return _number(stem(word)) if _ENGLISH.fullmatch(word) else _number(word)


def _runs(text: str, size: int, kind: int) -> Terms:
    """The numbers of all runs of ``size`` letters that are not of ASCII alone."""
    codes = np.frombuffer(text.encode("utf-32-le"), "<u4")
    if len(codes) < size:
        return np.empty(0, np.uint32)
    places = len(codes) - size + 1
    low = np.minimum(codes, 0xFFFF)
    is_letter, is_foreign = _letters()[low], codes > 0x7F
    number = np.zeros(places, np.uint32)
    whole, foreign = np.ones(places, np.bool_), np.zeros(places, np.bool_)
    for offset in range(size):
        part = slice(offset, offset + places)
        number = (number ^ codes[part]) * np.uint32(0x01000193)  # FNV-1a, a character at a time; then mixed
        whole &= is_letter[part]
        foreign |= is_foreign[part]
    number ^= number >> np.uint32(15)
    number *= np.uint32(0x2C1B3C6D)
    number ^= number >> np.uint32(13)
    kept: Terms = (number & np.uint32(_HASH)) | np.uint32(kind << KIND_SHIFT)
    return kept[whole & foreign]


def _hiragana(kana: str) -> str:
    return kana.translate(_TO_HIRAGANA)


_TO_HIRAGANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}


@cache
def _letters() -> NDArray[np.bool_]:
    """Which characters of the basic plane are letters or digits; all beyond it count as one letter."""
    return np.array([chr(code).isalnum() or chr(code) in "ー々〆" for code in range(0xFFFF)] + [True])


@cache
def _dictionary() -> Dictionary:
    """Built on first use: it takes some 20 ms and 100 MB of shared memory."""
    return Dictionary(dict="small")


@cache
def _function_parts() -> frozenset[int]:
    """Numbers of the parts of speech that are not counted as words."""
    dictionary = _dictionary()
    parts: list[int] = []
    for number in range(100_000):
        part: Any = dictionary.pos_of(number)
        if part is None:
            break
        if part[0] in _FUNCTION:
            parts.append(number)
    return frozenset(parts)


_LOCAL = threading.local()  # a tokenizer must not be used by two threads at once


def _tokenizer() -> Tokenizer:
    found: Tokenizer | None = getattr(_LOCAL, "tokenizer", None)
    if found is None:
        fields = {"pos", "normalized_form", "reading_form"}
        found = _LOCAL.tokenizer = _dictionary().tokenizer(mode=SplitMode.A, fields=fields)  # type: ignore[arg-type]
    return found


@cache
def _english_function_words() -> frozenset[str]:
    path = Path(__file__).with_name("english_function_words.yaml")
    return frozenset(load_yaml(path.read_text(encoding="utf-8")))
