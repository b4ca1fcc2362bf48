"""Small groups: what a board does not get to see.

Where only aggregates may be seen, a figure about fewer than ``SMALL_GROUP`` students is not shown: neither its value
nor its ``n``. Students behind a figure are those enrolled where it counts expected days or events, and those with an
answer or a result where it is a mean or a share of answers.

One hidden row among shown ones could be worked out from the figure of all, which is a question away. So where exactly
one row is hidden, the smallest of the shown rows is hidden too, whether or not a total is asked for (``hide_small``).

Across questions the same holds without any memory of what was asked, because what is hidden depends on the roster of
the asking day and not on the question. A board sees whole grades, schools and districts only, never some classes of a
grade. Small grades of a school are hidden in every question; where a school has one hidden grade, or a grade is hidden
in one school, the next smallest of that school or of that grade is hidden too, until nothing can be worked out from one
row or column; likewise small schools, and grades that are small in the whole district (``Hidden``). What is not
covered: sums over differently chosen groups of schools, and means whose answers, not members, are few in one part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import TypeVar

from sqlalchemy import Date, Select, String, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.questions.members import ENABLED
from knowledge.questions.model import AnswerRow, GroupBy, Reason, Scope, ScopeKind
from knowledge.records.roster import GRADE, Enrollment, Org, SchoolClass, User
from knowledge.records.scope import valid_on

SMALL_GROUP = 5  # students: fewer are not shown where only aggregates may be seen

Cell = tuple[str, str]  # (school, grade)
Part = TypeVar("Part")


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """Which parts of the districts of a board are hidden on a day."""

    classes: Mapping[str, frozenset[Cell]]  # the cells that a class of one grade has students in
    cells: frozenset[Cell]  # grades of a school
    schools: frozenset[str]
    grades: frozenset[str]  # of all schools together
    whole: Mapping[str, frozenset[Cell]]  # by grade: all its cells

    def hides(self, scope: Scope) -> bool:
        """Whether any part of a scope is hidden."""
        match scope.kind:
            case ScopeKind.DISTRICT:
                return False
            case ScopeKind.SCHOOL:
                return not self.schools.isdisjoint(scope.ids)
            case _:
                return self._hides_cells(self._cells(scope))

    def hides_row(self, scope: Scope, group: GroupBy | None, id: str) -> bool:
        """Whether a row of a breakdown is hidden: a grade of the scope, or a school of it."""
        if group is GroupBy.GRADE and scope.kind is ScopeKind.SCHOOL:
            return any((school, id) in self.cells for school in scope.ids)
        if group is GroupBy.GRADE:
            return id in self.grades
        if group is GroupBy.SCHOOL and scope.kind is ScopeKind.GRADE:
            return any(cell in self.cells for cell in self._cells(scope) if cell[0] == id)
        return group is GroupBy.SCHOOL and id in self.schools

    def splits_a_grade(self, scope: Scope) -> bool:
        """Whether a scope holds some classes of a grade and not the others."""
        if scope.kind is not ScopeKind.GRADE:
            return False
        cells, chosen = self._cells(scope), frozenset(scope.ids)
        return any(not of_class.isdisjoint(cells) and id not in chosen for id, of_class in self.classes.items())

    def _cells(self, scope: Scope) -> frozenset[Cell]:
        return frozenset[Cell]().union(*(self.classes.get(id, frozenset()) for id in scope.ids))

    def _hides_cells(self, cells: Collection[Cell]) -> bool:
        grades = {grade for _, grade in cells}
        if all(self.whole[grade] <= frozenset(cells) for grade in grades):
            return not self.grades.isdisjoint(grades)
        return not self.cells.isdisjoint(cells)


async def load_hidden(connection: AsyncConnection, districts: Iterable[str], on: date) -> Hidden:
    """What is hidden from the board of these districts."""
    classes: defaultdict[str, set[Cell]] = defaultdict(set)
    cells: defaultdict[Cell, int] = defaultdict(int)
    for class_id, is_mixed, school, grade, students in await connection.execute(
        _students(), {"districts": sorted(districts), "on": on}
    ):
        if not is_mixed:  # the children of a mixed class belong to their grades, which hold it whether named or not
            classes[class_id].add((school, grade))
        cells[school, grade] += students
    schools: defaultdict[str, int] = defaultdict(int)
    grades: defaultdict[str, int] = defaultdict(int)
    whole: defaultdict[str, set[Cell]] = defaultdict(set)
    for (school, grade), students in cells.items():
        schools[school] += students
        grades[grade] += students
        whole[grade].add((school, grade))
    return Hidden(
        classes={id: frozenset(of_class) for id, of_class in classes.items()},
        cells=_hidden_cells(cells),
        schools=frozenset(_never_one(_small(schools), schools)),
        grades=frozenset(_never_one(_small(grades), grades)),
        whole={grade: frozenset(of_grade) for grade, of_grade in whole.items()},
    )


def hide_small(rows: Sequence[AnswerRow], students: Sequence[int]) -> list[AnswerRow]:
    """``rows`` with those hidden that are about too few of ``students``, and a second one where only one would be."""
    sizes = dict(enumerate(students))
    hidden = _never_one(_small(sizes), sizes)
    return [
        replace(row, value=None, n=None, reason=Reason.SMALL_GROUP) if place in hidden else row
        for place, row in enumerate(rows)
    ]


def _small(sizes: Mapping[Part, int]) -> set[Part]:
    return {part for part, count in sizes.items() if 0 < count < SMALL_GROUP}


def _never_one(hidden: set[Part], sizes: Mapping[Part, int]) -> set[Part]:
    """``hidden``, with the smallest of the others where it is a single one."""
    others = [part for part, count in sizes.items() if count and part not in hidden]
    return hidden | {min(others, key=lambda part: sizes[part])} if len(hidden) == 1 and others else hidden


def _hidden_cells(cells: Mapping[Cell, int]) -> frozenset[Cell]:
    """Small cells, and others until no school and no grade has a single hidden one."""
    hidden, before = _small(cells), -1
    lines: defaultdict[tuple[int, str], dict[Cell, int]] = defaultdict(dict)
    for cell, count in cells.items():
        lines[0, cell[0]][cell] = count
        lines[1, cell[1]][cell] = count
    while len(hidden) > before:
        before = len(hidden)
        for line in lines.values():
            hidden |= _never_one(hidden & line.keys(), line)
    return frozenset(hidden)


@cache
def _students() -> Select[*tuple[str, bool, str, str, int]]:
    """(class, whether it is of several grades, school, grade, students) on a day. Parameters: ``districts``, ``on``."""
    is_mixed = SchoolClass.grades[1].as_string().is_not(None)
    return (
        select(SchoolClass.sourced_id, is_mixed, SchoolClass.school_sourced_id, GRADE, func.count())
        .select_from(Enrollment)
        .join(SchoolClass, SchoolClass.sourced_id == Enrollment.class_sourced_id)
        .join(Org, Org.sourced_id == SchoolClass.school_sourced_id)
        .join(User, User.sourced_id == Enrollment.user_sourced_id)
        .where(
            Enrollment.role == "student",
            ENABLED,
            SchoolClass.class_type == "homeroom",
            Org.parent_sourced_id.in_(bindparam("districts", expanding=True, type_=String)),
            valid_on(Enrollment.begin_date, Enrollment.end_date, bindparam("on", type_=Date)),
        )
        .group_by(SchoolClass.sourced_id, is_mixed, SchoolClass.school_sourced_id, GRADE)
    )
