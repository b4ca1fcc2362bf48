"""What can be checked only across files: references, and being in two homerooms on one day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from knowledge.imports.oneroster.plan import Change
from knowledge.imports.oneroster.read import FileRows, references
from knowledge.imports.oneroster.scope import Calendar
from knowledge.imports.oneroster.store import Store, Values
from knowledge.imports.problems import Problem, Problems


async def check_references(
    store: Store, rows: Mapping[str, FileRows], changes: Mapping[str, Change], problems: Problems
) -> None:
    """Every sourcedId that a row names must be in the set, or in the store and not leaving it."""
    asked: dict[str, set[str]] = {}
    for file in rows.values():
        for _, column, named in references(file):
            target = column.refers or ""
            if named not in rows[target].lines:
                asked.setdefault(target, set()).add(named)
    missing = {
        target: (names - await store.existing(target, names)) | (names & changes[target].leaving)
        for target, names in asked.items()
    }
    for name, file in rows.items():
        for line, column, named in references(file):
            target = column.refers or ""
            if named in rows[target].deleted or named in missing.get(target, ()):
                expected = f"a sourcedId of {target}.csv"
                problems.add(Problem(file=f"{name}.csv", line=line, column=column.name, value=named, expected=expected))


@dataclass(frozen=True, kw_only=True)
class _Stay:
    """A student's time in a homeroom class."""

    sourced_id: str
    line: int | None  # None: from the store
    begin: date
    end: date  # included

    def __str__(self) -> str:
        return f"{_shown(self.begin)}–{_shown(self.end)}"


def _shown(day: date) -> str:
    return "…" if day in (date.min, date.max) else day.isoformat()


async def check_homerooms(
    store: Store, rows: Mapping[str, FileRows], changes: Mapping[str, Change], calendar: Calendar, problems: Problems
) -> None:
    """A student is in one homeroom class at a time. Dates left empty are those of the class's terms."""
    listed, change = rows["enrollments"], changes["enrollments"]
    students = {row.values["user_sourced_id"] for row in listed.active.values() if row.values["role"] == "student"}
    stored = await store.where(
        "enrollments", "user_sourced_id", students, unless=lambda key, _: key in listed.lines or key in change.deleted
    )
    enrollments: list[tuple[int | None, Values]] = [(row.line, row.values) for row in listed.active.values()]
    enrollments += [(None, change.altered.get(key, row)) for key, row in stored.items()]
    class_ids = {values["class_sourced_id"] for _, values in enrollments}
    classes = await store.where("classes", "sourced_id", class_ids)
    classes.update({key: row.values for key, row in rows["classes"].active.items()})
    stays: dict[str, list[_Stay]] = {}
    for line, values in enrollments:
        school_class = classes.get(values["class_sourced_id"])
        if school_class is not None and values["role"] == "student" and school_class["class_type"] == "homeroom":
            stays.setdefault(values["user_sourced_id"], []).append(_stay(line, values, school_class, calendar))
    for own in stays.values():
        own.sort(key=lambda stay: (stay.begin, stay.line or 0))
        reaching = own[0]  # the one that ends last so far
        for stay in own[1:]:
            if stay.begin <= reaching.end and (stay.line or reaching.line):
                _report(*((stay, reaching) if stay.line else (reaching, stay)), problems)
            reaching = max(reaching, stay, key=lambda one: one.end)


def _stay(line: int | None, values: Values, school_class: Values, calendar: Calendar) -> _Stay:
    first, last = calendar.span(school_class)
    return _Stay(
        sourced_id=values["sourced_id"],
        line=line,
        begin=values["begin_date"] or first or date.min,
        end=values["end_date"] or last or date.max,
    )


def _report(stay: _Stay, other: _Stay, problems: Problems) -> None:
    where = f"line {other.line}" if other.line else "in the store"
    problems.add(
        Problem(
            file="enrollments.csv",
            line=stay.line,
            column="sourcedId",
            value=stay.sourced_id,
            expected=f"one homeroom class at a time, but {stay} overlaps {other} of {other.sourced_id} ({where})",
        )
    )
