"""Which students are meant: 3回以上, 60%未満, 半分以下, more than twice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from intents.lexicon import Lexicon
from intents.spans import Reader
from knowledge.questions.model import Condition, Operator

# kinds of units a threshold may be given in, by the unit of the metric; "" is a bare number
FITTING: Mapping[str, frozenset[str]] = {
    "percent": frozenset({"percent", ""}),
    "days": frozenset({"days", "times", ""}),
    "count": frozenset({"times", "questions", ""}),
    "minutes": frozenset({"minutes"}),
    "scale": frozenset({"points", ""}),
    "score": frozenset({"points", "percent", ""}),
}
HALF = 50.0  # percent


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A threshold as it was said, before it is known of what."""

    op: Operator
    value: float
    kind: str  # of its unit, a key of the lexicon's units; "" without one
    match: re.Match[str]

    def condition(self, unit: str) -> Condition | None:
        """The condition on a metric of that unit; None where the threshold is given in another."""
        return Condition(op=self.op, value=self.value) if self.kind in FITTING[unit] else None


def find_thresholds(reader: Reader, lexicon: Lexicon) -> list[Threshold]:
    """Every threshold of the text, in its order, none claimed; one that contains another comes alone."""
    found: list[Threshold] = []
    for op, patterns in lexicon.operators.items():
        for pattern in patterns:
            for match in reader.unclaimed(pattern):
                if (amount := _amount(match, lexicon)) is not None:
                    found.append(Threshold(op=op, value=amount[0], kind=amount[1], match=match))
    found.sort(key=lambda each: (each.match.start(), -each.match.end()))
    kept: list[Threshold] = []
    for each in found:
        if not kept or each.match.start() >= kept[-1].match.end():
            kept.append(each)
    return kept


def amount_of(match: re.Match[str], lexicon: Lexicon) -> float | None:
    """The amount that stands in a match, if one does."""
    if not match.groupdict().get("number"):
        return None
    amount = _amount(match, lexicon)
    return amount and amount[0]


def number(said: str, numerals: Mapping[str, int]) -> int | None:
    """A whole number in digits, in words, or in kanji or kana up to 99 (二十五, ろくじゅっ)."""
    if said.isdecimal():
        return int(said)
    if said in numerals:
        return numerals[said]
    tens = ones = at = 0
    while at < len(said):
        word = next((said[at : at + size] for size in range(4, 0, -1) if said[at : at + size] in numerals), None)
        if word is None or (ones and numerals[word] != 10):
            return None
        tens, ones = (10 * (ones or 1), 0) if numerals[word] == 10 else (tens, numerals[word])
        at += len(word)
    return tens + ones


def _amount(match: re.Match[str], lexicon: Lexicon) -> tuple[float, str] | None:
    said = match["number"]
    unit = match.groupdict().get("unit2") or match["unit"]
    kind, factor = lexicon.units[unit] if unit else ("", 1.0)
    if said in lexicon.halves:
        return HALF, "percent"
    if "/" in said:
        above, below = (int(part) for part in said.split("/"))
        return (100.0 * above / below, "percent") if below else None
    value = float(said) if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", said) else number(said, lexicon.numerals)
    return None if value is None else (value * factor, kind)
