"""The residual-word check: content words of a text that no rule explained.

An answer is safe when nothing is left over; Japanese is divided by SudachiPy, English at its spaces.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from sudachipy import Dictionary, SplitMode, Tokenizer

from intents.lexicon import Lexicon
from intents.spans import Reader

CONTENT = frozenset({"名詞", "代名詞", "動詞", "形容詞", "形状詞", "副詞", "連体詞", "接頭辞", "接尾辞"})
NARROWING = frozenset(
    {"から", "まで", "より", "ごと", "しか", "だけ", "ばかり", "ほど"}
)  # particles that change the figure
NEGATION = frozenset({"ない", "ぬ", "ず", "まい"})  # as dictionary forms
PARTICLES = frozenset("はがをにのもでとへやかって")
_WORD = re.compile(r"[a-z0-9%][a-z0-9%'-]*|[一-鿿々]+|[<>=]+")
_TOKENS = re.compile(r"[<>=]+")


@dataclass(frozen=True, kw_only=True)
class Residue:
    words: tuple[str, ...] = ()  # as written, in the order of the text
    people: tuple[str, ...] = ()  # those of them that are somebody's name


def leftover(reader: Reader, lexicon: Lexicon) -> Residue:
    """The content words of which some character is explained by nothing; empty when all is explained."""
    if reader.language != "ja":
        found = [match for match in _WORD.finditer(reader.surface) if _unexplained(reader, match.start(), match[0])]
        return Residue(
            words=tuple(match[0] for match in found),
            people=tuple(
                reader.typed[slice(*match.span())] for match in found if reader.typed[match.start()].isupper()
            ),
        )
    words: list[str] = []
    people: list[str] = []
    for token in _tokenizer().tokenize(reader.surface):
        kinds, form = token.part_of_speech(), token.dictionary_form()
        kind = kinds[0]
        says_something = (
            (kind in CONTENT and not (kind == "動詞" and form in lexicon.light))
            or (kind == "助詞" and form in NARROWING)
            or (kind == "助動詞" and form in NEGATION)
            or _TOKENS.fullmatch(token.surface()) is not None
        )
        if says_something and _unexplained(reader, token.begin(), token.surface()):
            words.append(token.surface())
            if kinds[2] == "人名":
                people.append(token.surface())
    return Residue(words=tuple(words), people=tuple(people))


def _unexplained(reader: Reader, start: int, word: str) -> bool:
    """Whether characters of ``word`` are left; particles that, in kana, stuck to an explained word do not count."""
    left = [at for at in range(start, start + len(word)) if at not in reader.explained]
    if len(word) == 1 and reader.folded[start] in PARTICLES:  # 子ハ, divided off as if it were a word
        return False
    return bool(left) and not (len(left) < len(word) and all(reader.folded[at] in PARTICLES for at in left))


@cache
def _tokenizer() -> Tokenizer:
    """Built on first use: the dictionary takes some 20 ms and 100 MB of shared memory."""
    return Dictionary(dict="small").tokenizer(mode=SplitMode.A)
