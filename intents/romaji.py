"""Names in Latin letters: one key for all the ways of writing them (Sato, Satou, Satō; Shimizu, Simizu).

The key is the Kunrei-shiki spelling without long vowels; the table is that of Cabinet Notification No. 1 of 1954,
read from ``data/romaji.yaml``, and what Hepburn writes otherwise is folded into it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

from knowledge.yaml_data import load_yaml

DATA = Path(__file__).with_name("data") / "romaji.yaml"
_NOT_LETTERS = re.compile("[^a-z]")


def romaji_key(written: str) -> str:
    """The key of a name in Latin letters; empty when it has none.

    >>> romaji_key("Satō"), romaji_key("Satou"), romaji_key("Kin'ichi")
    ('sato', 'sato', 'kiniti')
    """
    bare = unicodedata.normalize("NFD", written.lower())
    key = _NOT_LETTERS.sub("", bare)
    for pattern, instead in _spellings():
        key = pattern.sub(instead, key)
    return key


def key_of_kana(kana: str) -> str:
    """The key of a name in hiragana; empty when anything else stands in it.

    >>> key_of_kana("さとう")
    'sato'
    """
    table = _table()
    letters: list[str] = []
    at = 0
    doubled = False
    while at < len(kana):
        if kana[at] == "っ":
            doubled, at = True, at + 1
            continue
        if kana[at] == "ー":
            at += 1
            continue
        size = 2 if kana[at : at + 2] in table else 1
        if (spelt := table.get(kana[at : at + size])) is None:
            return ""
        letters.append(spelt[0] + spelt if doubled else spelt)
        doubled, at = False, at + size
    return romaji_key("".join(letters))


def kana_of(latin: str) -> str:
    """Small Latin letters, in any of the systems, as hiragana; empty when they are not Japanese.

    >>> kana_of("shinitai"), kana_of("gakkou"), kana_of("the")
    ('しにたい', 'がっこう', '')
    """
    for pattern, instead in _consonants():
        latin = pattern.sub(instead, latin)
    syllables = _syllable().findall(latin)
    if "".join(syllables) != latin:
        return ""
    kana = _kana()
    return "".join(kana.get(syllable, "っ") for syllable in syllables)


@cache
def _data() -> dict[str, Any]:
    return load_yaml(DATA.read_text(encoding="utf-8"))


@cache
def _table() -> dict[str, str]:
    return _data()["kana"]


@cache
def _spellings() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), instead) for pattern, instead in _data()["spellings"])


@cache
def _consonants() -> tuple[tuple[re.Pattern[str], str], ...]:
    """The spellings without those of long vowels, which kana write."""
    return tuple(each for each in _spellings() if not each[0].pattern.startswith(("o(", "u(")))


@cache
def _kana() -> dict[str, str]:
    """Hiragana by their Kunrei-shiki; the first of two of the same sound."""
    kana: dict[str, str] = {"n": "ん"}
    for written, spelt in _table().items():
        kana.setdefault(spelt, written)
    return kana


@cache
def _syllable() -> re.Pattern[str]:
    doubled = [f"{consonant}(?={consonant})" for consonant in "kstpgzdbcr"]  # っ
    return re.compile("|".join([*doubled, *sorted(_kana(), key=len, reverse=True)]))
