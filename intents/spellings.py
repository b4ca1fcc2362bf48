"""One text in the few spellings in which the rules of distress look at it, whatever it was dressed up in.

All disguises are taken off here, for every rule at once: kana of either kind and size, kanji (data/ja/readings.yaml),
marks and emoji between letters, look-alikes, stretched vowels, Latin letters for kana. Pure; no state but the tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import cast

from intents.normalise import letters
from intents.romaji import kana_of
from knowledge.yaml_data import load_yaml

READINGS = Path(__file__).parent / "data" / "ja" / "readings.yaml"
RESPELT = Path(__file__).parent / "data" / "en" / "respelt.yaml"

_SOUNDS = str.maketrans("っゃゅょゎぢづをゔ", "つやゆよわじずおぶ")
_KATAKANA_LIKE = str.maketrans("二口力工夕卜八千才三", "ニロカエタトハチオミ")  # kanji that pass for katakana
_LOOKS_KATAKANA = re.compile(r"(?:(?<=[ァ-ヴｦ-ﾟ])|(?<=[ァ-ヴｦ-ﾟ]\W))[二口力工夕卜八千才三](?=\W?[ァ-ヴｦ-ﾟ])")
_LATIN_LIKE = str.maketrans("01345@$!|", "oieasasil")  # figures and marks that pass for Latin letters
_LOOKS_LATIN = re.compile(r"(?:(?<=[a-z])|(?<=[a-z][.*_-]))[01345@$!|](?=[.*_-]?[a-z])")
_MARKS = re.compile(r"(?:[^\w。]|_)+")
_SENTENCE_END = re.compile(r"(?<=\w\w)\W*[。．.!?！？\n]\W*(?=\w\w)|(?<=\w\w\w)\W*[。．!?！？\n]\W*(?=\w)")
_OUTER_SPACE = re.compile("(?<![a-z0-9]) | (?![a-z0-9])")
_SPELT_OUT = re.compile(r"(?<![a-z])(?:[a-z] ){2,}[a-z](?![a-z])")
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")
_WORD = re.compile("[a-z0-9]*[a-z][a-z0-9]*")
_LATIN = re.compile("[a-z]+(?: [a-z]+)*")
_DOUBLED = re.compile(
    "(?<=[あかさたなはまやらわがざだばぱ])あ+|(?<=[いきしちにひみりぎじびぴ])い+|(?<=[うくすつぬふむゆるぐずぶぷ])う+"
    "|(?<=[えけせてねへめれげぜでべぺ])え+|(?<=[おこそとのほもよろごぞどぼぽ])お+"
)


def sounds(text: str) -> str:
    """Return the text as it sounds: `letters`, small kana large, を as お, and kanji of the table in kana. For patterns
    too: what is no letter stays.

    >>> sounds("学校でナグって"), sounds("死にたい")
    ('がつこうでなぐつて', '死にたい')
    """
    return _read_out(letters(text).translate(_SOUNDS))


def _read_out(text: str) -> str:
    pattern, readings = _readings()
    return pattern.sub(lambda found: readings[found[0]], text)


def spelt(text: str) -> str:
    """Return `sounds` of the text without marks, emoji and spaces, runs of three or more letters squeezed to one.

    Between sentences one 。 stays, but not between letters spelt out with full stops.

    Between Latin letters or figures one space stays, because there it divides words; a word spelt out letter by letter
    is joined. Runs of two stay: たたく is not たく.

    >>> spelt("シ・二🥲タ〜い"), spelt("しにたいいいい"), spelt("I don't  want to d.1.e"), spelt("k1ll myself")
    ('しにたい', 'しにたい', 'i dont want to die', 'kill myself')
    """
    text = "。".join(part.replace("。", " ") for part in _SENTENCE_END.split(text))
    text = _LOOKS_KATAKANA.sub(lambda kanji: kanji[0].translate(_KATAKANA_LIKE), text)
    text = _LOOKS_LATIN.sub(lambda mark: mark[0].translate(_LATIN_LIKE), sounds(text))
    text = _read_out(_OUTER_SPACE.sub("", _MARKS.sub(" ", text)))  # again: words may have been spaced out
    text = _SPELT_OUT.sub(lambda apart: apart[0].replace(" ", ""), text)
    return _REPEATED.sub(r"\1", text)


def in_kana(plain: str) -> Iterator[str]:
    """Yield what is `spelt` so, then what differs from it: with stretched vowels cut short, with Latin letters read as
    kana.

    >>> list(in_kana("しいにたああい")), list(in_kana("mou shinitai"))
    (['しいにたああい', 'しにたい'], ['mou shinitai', 'もうしにたい'])
    """
    yield plain
    if (short := _DOUBLED.sub("", plain)) != plain:
        yield short
    if (read := _LATIN.sub(_in_kana, plain)) != plain:
        yield read


def in_words(plain: str) -> Iterator[str]:
    """Yield what is `spelt` so, then what differs from it: with words as they are meant (data/en/respelt.yaml).

    >>> list(in_words("evry nite"))
    ['evry nite', 'every night']
    """
    yield plain
    words = _respelt()
    if (meant := _WORD.sub(lambda word: words.get(word[0], word[0]), plain)) != plain:
        yield meant


def _in_kana(latin: re.Match[str]) -> str:
    words = latin[0].split(" ")
    read = [_kana_of(word) for word in words]
    if 3 * read.count("") > len(read):
        return latin[0]  # another language: a few of its words can always be read so
    return sounds("".join(kana or word for kana, word in zip(read, words, strict=True)))


@lru_cache(maxsize=4096)
def _kana_of(word: str) -> str:
    return kana_of(word)


@cache
def _readings() -> tuple[re.Pattern[str], dict[str, str]]:
    table = cast("dict[str, str]", load_yaml(READINGS.read_text(encoding="utf-8")))
    readings = {letters(word).translate(_SOUNDS): letters(kana).translate(_SOUNDS) for word, kana in table.items()}
    longest_first = sorted(readings, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))), readings


@cache
def _respelt() -> dict[str, str]:
    return {str(typed): meant for typed, meant in load_yaml(RESPELT.read_text(encoding="utf-8")).items()}
