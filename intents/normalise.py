"""One spelling for many: what people type, made comparable.

Everything here is pure and keeps no state. `plain` is for commands; `fold` goes further and is for rules that must not
be dodged by kana, width, spacing or stretching. `letters` is the part of `fold` that leaves punctuation alone, so that
a regular expression can be written in everyday spelling and still meet folded text.
"""

import re
import unicodedata

_HIRAGANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}
_LARGE_VOWELS = str.maketrans("ァィゥェォぁぃぅぇぉ", "あいうえおあいうえお")
_DROPPED = dict.fromkeys(map(ord, "'’‘\u200b\u200c\u200d\u2060\ufe0f\ufeff"))  # don't = dont; invisible characters
_LETTERS = _HIRAGANA | _LARGE_VOWELS | _DROPPED

_STRETCHED_E = re.compile(r"(?<=[えけせてねへめれげぜでべぺ])[\s・.。、,_]*[ー~〜]+")  # しにてー is しにてえ
_STRETCHED = re.compile("[ー~〜]+")
_SEPARATORS = re.compile(r"[\s・.。、,_\-‐-―*/|]+")
_OUTER_SPACE = re.compile("(?<![a-z0-9]) | (?![a-z0-9])")
_SPELT_OUT = re.compile(r"(?<![a-z])(?:[a-z] ){2,}[a-z](?![a-z])")
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")


def plain(text: str) -> str:
    """Return the text in NFKC with single spaces and none at the ends; an empty text stays empty.

    >>> plain("　ﾄﾊﾞｽ ")
    'トバス'
    """
    return " ".join(unicodedata.normalize("NFKC", text).split())


def letters(text: str) -> str:
    """Return the text in NFKC, lower case and hiragana, with small vowels large and long-vowel marks resolved.

    >>> letters("ｼﾆﾃｰ、ゲームのLINE")
    'しにてえ、げえむのline'
    """
    text = unicodedata.normalize("NFKC", text).lower().translate(_LETTERS)
    return _STRETCHED.sub("", _STRETCHED_E.sub("え", text))


def fold(text: str) -> str:
    """Return `letters` of the text without separators and with runs of three or more letters squeezed to one.

    Between Latin letters or digits a separator stays as one space, because there it divides words; a word spelt out
    letter by letter is joined. Runs of two stay: たたく is not たく.

    >>> fold("シ・ニ　タ〜い"), fold("しにたいいいい"), fold("I don't  want to d.i.e")
    ('しにたい', 'しにたい', 'i dont want to die')
    """
    text = _OUTER_SPACE.sub("", _SEPARATORS.sub(" ", letters(text)))
    text = _SPELT_OUT.sub(lambda spelt: spelt[0].replace(" ", ""), text)
    return _REPEATED.sub(r"\1", text)
