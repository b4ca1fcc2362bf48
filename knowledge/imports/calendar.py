"""The ``calendar`` kind: a school's days off, short days and events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from knowledge.imports import fields
from knowledge.imports.run import table_of
from knowledge.imports.table import Column, TableKind, table_kind
from knowledge.records.calendar import CalendarDay
from knowledge.records.roster import Org

KINDS = ("school_day", "holiday", "closed", "event", "short_day")


def _columns(timezone: ZoneInfo) -> Sequence[Column]:
    return (
        Column(
            name="schoolId", parse=fields.identifier, required=True,
            refers=Org.__table__.c.sourced_id, refers_to="the sourcedId of a school of the roster",
        ),
        Column(name="date", parse=fields.day, required=True),
        Column(name="kind", parse=fields.choice(KINDS), required=True),
        Column(name="title", parse=fields.text),
        Column(name="grades", parse=fields.listed(fields.grade, ";"), default=()),
    )  # fmt: skip


def _row(values: Mapping[str, Any], timezone: ZoneInfo) -> dict[str, Any]:
    grades = sorted(set(values["grades"]))
    return {
        "school_id": values["schoolId"],
        "date": values["date"],
        "kind": values["kind"],
        "title": values["title"],
        "grades": grades,
        "grades_key": ";".join(grades),
    }


CALENDAR = table_kind(
    TableKind(
        table=table_of(CalendarDay),
        columns=_columns,
        row=_row,
        key={"school_id": "schoolId", "date": "date", "kind": "kind", "grades_key": "grades"},
        only_new={},
    )
)
