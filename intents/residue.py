"""The residual-word check: content words of a text that no rule explained.

An answer is safe when nothing is left over; Japanese is divided by SudachiPy, English at its spaces.
"""

from __future__ import annotations

import re
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
_WORD = re.compile(r"[a-z0-9%][a-z0-9%'-]*")


def leftover(reader: Reader, lexicon: Lexicon) -> tuple[str, ...]:
    """The content words, as written, of which some character is explained by nothing; empty when all is explained."""
    if reader.language != "ja":
        return tuple(
            match[0] for match in _WORD.finditer(reader.surface) if _unexplained(reader, match.start(), match[0])
        )
    words: list[str] = []
    for token in _tokenizer().tokenize(reader.surface):
        kind, form = token.part_of_speech()[0], token.dictionary_form()
        says_something = (
            (kind in CONTENT and not (kind == "動詞" and form in lexicon.light))
            or (kind == "助詞" and form in NARROWING)
            or (kind == "助動詞" and form in NEGATION)
        )
        if says_something and _unexplained(reader, token.begin(), token.surface()):
            words.append(token.surface())
    return tuple(words)


def _unexplained(reader: Reader, start: int, word: str) -> bool:
    """Whether characters of ``word`` are left; particles that, in kana, stuck to an explained word do not count."""
    left = [at for at in range(start, start + len(word)) if at not in reader.explained]
    return bool(left) and not (len(left) < len(word) and all(reader.folded[at] in PARTICLES for at in left))


@cache
def _tokenizer() -> Tokenizer:
    """Built on first use: the dictionary takes some 20 ms and 100 MB of shared memory."""
    return Dictionary(dict="small").tokenizer(mode=SplitMode.A)
