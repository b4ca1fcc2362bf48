"""Two rankings made one, where the words of a question do not decide.

Reciprocal rank fusion: G. V. Cormack, C. L. A. Clarke, S. Büttcher, Reciprocal Rank Fusion Outperforms Condorcet and
Individual Rank Learning Methods, SIGIR 2009.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)

K = 60  # as in the paper
DEPTH = 10  # passages of each ranking that are fused
# Coverage of the best passage under which the words of a question were hardly found, and the vectors are heard. Above
# it the lexical index is right more often than a weak model, so that no model makes these questions worse; under it, it
# is right for one in ten (JSQuAD; benchmarks/retrieval.py --models).
UNSURE = 0.15


def fuse(*rankings: Sequence[T]) -> list[tuple[T, float]]:
    """All that is ranked, by the sum of 1 / (60 + rank) in each ranking, best first; the earlier ranking comes first
    where they are equal."""
    scores: dict[T, float] = {}
    for ranking in rankings:
        for rank, each in enumerate(ranking, start=1):
            scores[each] = scores.get(each, 0.0) + 1 / (K + rank)
    return sorted(scores.items(), key=lambda item: -item[1])
