"""Whether a title names one test: then its points can be compared, else percent only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select

from knowledge.questions.asking import Asking
from knowledge.questions.facts import Frame
from knowledge.questions.members import Key
from knowledge.questions.record_facts import assessment_score
from knowledge.records.assessments import Assessment


async def names_one_test(sides: Sequence[Asking]) -> bool:
    """Whether the results that all sides are about are of one title, subject and full score."""
    found: set[Any] = set()
    for side in sides:
        found.update(await side.connection.execute(_tests(side.frame(Key.ALL)), side.parameters))
    return len(found) == 1


@cache
def _tests(frame: Frame) -> Select[*tuple[Any, ...]]:
    facts = assessment_score(frame)
    return facts.with_only_columns(Assessment.title, Assessment.subject, Assessment.max_score).distinct()
