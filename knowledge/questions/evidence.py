"""The rows behind a figure: the same question, asked one step finer."""

from __future__ import annotations

from dataclasses import replace

from knowledge.questions.model import GroupBy, Question, ScopeKind, Shape

SINGLE = frozenset({Shape.VALUE, Shape.COMPARE, Shape.TREND, Shape.BREAKDOWN})
FINER = {ScopeKind.DISTRICT: GroupBy.SCHOOL, ScopeKind.SCHOOL: GroupBy.CLASS, ScopeKind.GRADE: GroupBy.CLASS}
FINER_OF_BOARDS = {ScopeKind.DISTRICT: GroupBy.SCHOOL, ScopeKind.SCHOOL: GroupBy.GRADE}


def rows_behind(question: Question, *, of_board: bool = False) -> Question | None:
    """The question whose answer shows what ``question`` was computed from: of a class its students, of one student
    their days, of a school its classes (to a board its grades), of a district its schools. None where nothing finer is
    left to show."""
    if question.metric is None or question.shape not in SINGLE:
        return None
    plain = replace(question, compare=(), order=None, limit=None, condition=None)
    match question.scope.kind:
        case ScopeKind.CLASS | ScopeKind.LIST:
            return replace(plain, shape=Shape.STUDENTS, group_by=None)
        case ScopeKind.STUDENT:
            by_day = replace(plain, shape=Shape.TREND, group_by=GroupBy.DAY)
            return None if question == by_day else by_day
        case kind:
            group = (FINER_OF_BOARDS if of_board else FINER).get(kind)
            finer = replace(plain, shape=Shape.BREAKDOWN, group_by=group)
            return None if group is None or question == finer else finer
