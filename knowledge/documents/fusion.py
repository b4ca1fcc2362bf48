"""Two rankings made one, where the words of a question do not decide.

Where next to nothing of a question is found by its words, both rankings count alike: reciprocal rank fusion (G. V.
Cormack, C. L. A. Clarke, S. Büttcher, Reciprocal Rank Fusion Outperforms Condorcet and Individual Rank Learning
Methods, SIGIR 2009). Where only part of it is found, the passage that the vectors rank first goes first if the words
rank it nearly as high. Otherwise, and for a question in kana, which models read badly, the words alone decide.

Found first, of 152 questions of benchmarks/documents and of 1,111 of JSQuAD, against the words alone (137; 1,015):

| model | everywhere reciprocal | this rule |
|---|---|---|
| multilingual-e5-small, 4 bits | +5; −17 | +5; +7 |
| all-MiniLM-L6-v2, which knows English alone | −70; −237 | 0; +2 |
| latent semantic analysis of characters | −26; −132 | 0; +1 |
| random vectors | −36; −81 | 0; 0 |
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from knowledge.documents.lexical import Found, Place

K = 60  # as in the paper
DEPTH = 10  # passages of each ranking that are fused
HARDLY, PARTLY = 0.1, 0.4  # coverage of the best passage under which hardly anything, or only part, was found
NEAR, CANDIDATES = 0.8, 5  # share of the best score that a passage needs to go first, and among how many
_KANA, _KANJI = re.compile(r"[ぁ-ヿ]"), re.compile(r"[一-鿿]")


def needs_vectors(text: str, found: Sequence[Found]) -> bool:
    """Whether the vectors are heard for a question, of which its words found these passages."""
    is_kana = _KANA.search(text) and not _KANJI.search(text)
    return not found or (found[0].coverage < PARTLY and not is_kana)


def fuse(found: Sequence[Found], nearest: Sequence[Place]) -> list[Found]:
    """What the words found and what is nearest by vectors, in one order, best first; as found where nothing is near."""
    if not nearest:
        return [*found]
    if not found or found[0].coverage < HARDLY:
        return _reciprocal(found[:DEPTH], nearest[:DEPTH])
    candidates = [each for each in found[:CANDIDATES] if each.score >= NEAR * found[0].score]
    return sorted(found, key=lambda each: each.place != nearest[0] or each not in candidates)


def _reciprocal(found: Sequence[Found], nearest: Sequence[Place]) -> list[Found]:
    """By the sum of 1 / (60 + rank) in each ranking; what the words found comes first where they are equal."""
    by_place = {each.place: each for each in found}
    scores: dict[Place, float] = {}
    for ranking in ([*by_place], nearest):
        for rank, place in enumerate(ranking, start=1):
            scores[place] = scores.get(place, 0.0) + 1 / (K + rank)
    return [
        Found(place=place, score=score, coverage=by_place[place].coverage if place in by_place else 0.0)
        for place, score in sorted(scores.items(), key=lambda item: -item[1])
    ]
