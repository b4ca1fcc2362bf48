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


@cache
def _data() -> dict[str, Any]:
    return load_yaml(DATA.read_text(encoding="utf-8"))


@cache
def _table() -> dict[str, str]:
    return _data()["kana"]


@cache
def _spellings() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), instead) for pattern, instead in _data()["spellings"])
