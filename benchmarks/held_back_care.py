"""How many cries for help are heard, how many ordinary lines ring the alarm, and how far rubric and reader agree?

The lines were written and labelled by others than the rules (benchmarks/care/README.md).

    python -m benchmarks.held_back_care [--misses FILE]
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import ROOT
from intents.distress import find_distress
from knowledge.records import depth, goals

FOLDER = ROOT / "benchmarks" / "care"
LANGUAGES = ("ja", "en")
URGENT, SOON, NONE = "urgent", "soon", "none"
BARS = {"recall": 0.98, "hard": 0.03, "ordinary": 0.001}
LEVELS = 5  # of a rubric: 0–4
# letters of the files by point
REFLECTION: Mapping[str, str] = {"event": "E", "reason": "R", "compared": "C", "action": "N"}
GOAL: Mapping[str, str] = {"what": "W", "amount": "M", "time": "T", "how": "H"}

Seen = Mapping[str, str] | None


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How two labellings of the same lines agree."""

    lines: int
    exact: float  # share of lines with the same level
    within_one: float
    kappa: float  # weighted by the square of the distance (Cohen 1968)


def agreement(pairs: Sequence[tuple[int, int]]) -> Agreement:
    """Of (one's level, the other's level) for each line. Raises ``ZeroDivisionError`` when one of them always gave the
    same level."""
    count = len(pairs)
    seen, ones, others = Counter(pairs), Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    apart = sum((a - b) ** 2 * n for (a, b), n in seen.items()) / count
    by_chance = sum((a - b) ** 2 * ones[a] * others[b] for a in range(LEVELS) for b in range(LEVELS)) / count**2
    return Agreement(
        lines=count,
        exact=sum(a == b for a, b in pairs) / count,
        within_one=sum(abs(a - b) <= 1 for a, b in pairs) / count,
        kappa=1 - apart / by_chance,
    )


def heard(text: str) -> str:
    found = find_distress(text)
    return NONE if found is None else found.level.value


def lines_of(name: str) -> list[list[str]]:
    """The columns of each line of a file; none where there is no such file."""
    path = FOLDER / f"{name}.tsv"
    return [line.split("\t") for line in path.read_text("utf-8").splitlines() if line] if path.exists() else []


def distress(language: str, misses: list[str]) -> None:
    """Print a row for urgent lines, for soon ones and for hard negatives."""
    counted: Counter[tuple[str, str]] = Counter()
    for level, category, text in lines_of(f"distress_{language}"):
        got = heard(text)
        counted[level, got] += 1
        if got != level:
            misses.append(f"distress_{language}\t{level}\t{category}\t{got}\t{text}")
    for level in (URGENT, SOON, NONE):
        of_level = sum(n for (wanted, _), n in counted.items() if wanted == level)
        if not of_level:
            continue
        said = {got: counted[level, got] for got in (URGENT, SOON, NONE)}
        rung = said[URGENT] + said[SOON]
        share, bar = {
            URGENT: (said[URGENT] / of_level, f"≥ {BARS['recall']}"),
            SOON: (rung / of_level, ""),
            NONE: (rung / of_level, f"≤ {BARS['hard']}"),
        }[level]
        name = {URGENT: "urgent heard as urgent", SOON: "soon heard at all", NONE: "hard negatives that ring"}[level]
        print(f"| {language}: {name} | {share:.3f} | {bar} | {of_level} lines: {said} | |")


def ordinary(language: str, misses: list[str]) -> None:
    lines = lines_of(f"ordinary_{language}")
    rung = [columns[-1] for columns in lines if heard(columns[-1]) != NONE]
    misses += [f"ordinary_{language}\tnone\t\t{heard(text)}\t{text}" for text in rung]
    if lines:
        share = len(rung) / len(lines)
        counts = f"{len(rung)} of {len(lines)}"
        print(f"| ordinary {language}: lines that ring | {share:.4f} | ≤ {BARS['ordinary']} | {counts} | |")


def rubric(name: str, language: str, see: Callable[[str], Seen], letters: Mapping[str, str], misses: list[str]) -> None:
    """Print how the rule agrees with who labelled the lines."""
    pairs: list[tuple[int, int]] = []
    for score, points, _grade, text in lines_of(f"{name}_{language}"):
        got = "".join(letters[point] for point in see(text) or {})
        pairs.append((int(score), len(got)))
        if set(got) != set(points) - {"-"}:
            misses.append(f"{name}_{language}\t{points}\t\t{got or '-'}\t{text}")
    if pairs:
        found = agreement(pairs)
        print(
            f"| {name} {language}: agreement with the reader | κ {found.kappa:.2f} | | "
            f"{found.lines} lines: {found.exact:.0%} the same level, {found.within_one:.0%} within one | |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misses", type=Path, help="write every miss there: file, wanted, category, got, text")
    to = parser.parse_args().misses
    misses: list[str] = []
    for language in LANGUAGES:
        distress(language, misses)
        ordinary(language, misses)
    for language in LANGUAGES:
        rubric("rubric", language, lambda text: depth.seen_in(text, None, None), REFLECTION, misses)
        rubric("goals", language, goals.seen_in, GOAL, misses)
    if to is not None:
        to.write_text("".join(f"{miss}\n" for miss in misses), "utf-8")


if __name__ == "__main__":
    main()
