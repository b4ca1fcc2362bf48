"""With which letters a match of a regular expression can begin, so that most expressions need not be tried at a place.

Hundreds of patterns at each of a hundred letters are tens of thousands of trials; by their beginnings nearly all are
spared. Knows the part of the grammar that the data files use: no back references, flags or named groups.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

_LENGTH = 2  # letters of a beginning
_PIECE = re.compile(r"\\.|\[\^?[^]]+\]|\(\?(?:<[=!]|[:=!])|\{\d*,?\d*\}|.", re.DOTALL)
_QUANTIFIER = re.compile(r"[?*+]|\{\d*,?\d*\}")
_MAY_BE_LEFT_OUT = re.compile(r"[?*]|\{0?,")
_NO_LETTER = ("^", "$", r"\b")

_Read = set[tuple[str, bool]]  # letters, and whether those of what follows come after them


def beginnings(pattern: str) -> set[str]:
    """Return beginnings of two letters, or one where the second may be any, of all that the pattern matches.

    Raises ``ValueError`` for a pattern that can begin with any letter or match nothing.

    >>> sorted(beginnings("(?:し|死)(?!ぬ)に?たい")), sorted(beginnings("[ab]."))
    (['した', 'しに', '死た', '死に'], ['a', 'b'])
    """
    found = {letters for letters, _ in _alternatives(iter([*_PIECE.findall(pattern), ""]))[0]}
    if "" in found:
        raise ValueError(f"can begin with any letter: {pattern}")
    return found


def _alternatives(pieces: Iterator[str]) -> tuple[_Read, str]:
    """Return what can be read up to the closing bracket or the end, and the piece behind it."""
    every: _Read = set()
    one: _Read = {("", True)}
    piece = next(pieces)
    while piece not in ("", ")"):
        if piece == "|":
            every |= one
            one = {("", True)}
            piece = next(pieces)
            continue
        if piece.startswith("("):
            read, after = _alternatives(pieces)
            looks = piece not in ("(", "(?:")
        else:
            read, looks = _letters(piece), piece in _NO_LETTER
            after = next(pieces)
        if _QUANTIFIER.fullmatch(after):
            if after != "?":
                read = _joined(read, {("", False)})  # repeated: what follows is not worth knowing
            if _MAY_BE_LEFT_OUT.match(after):
                read = read | {("", True)}
            after = next(pieces)
        if not looks:
            one = _joined(one, read)
        piece = after
    return every | one, next(pieces, "") if piece else ""


def _letters(piece: str) -> _Read:
    if piece == r"\d":
        return {(figure, True) for figure in "0123456789"}
    if piece.startswith("[") and "^" not in piece and "-" not in piece and "\\" not in piece:
        return {(letter, True) for letter in piece[1:-1]}
    if piece == "." or len(piece) > 1:
        return {("", False)}
    return {(piece, True)}


def _joined(one: _Read, other: _Read) -> _Read:
    pairs = product(one, other)
    joined = {(a, b, on and more) if on else (a, "", False) for (a, on), (b, more) in pairs}
    return {((a + b)[:_LENGTH], on and len(a + b) < _LENGTH) for a, b, on in joined}
