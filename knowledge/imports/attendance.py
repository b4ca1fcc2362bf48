"""The ``attendance`` kind: the register, an entry per student and day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from knowledge.imports import fields
from knowledge.imports.run import table_of
from knowledge.imports.table import STUDENT, Column, TableKind, table_kind
from knowledge.records.attendance import STATUSES, AttendanceEntry


def _columns(timezone: ZoneInfo) -> Sequence[Column]:
    return (
        STUDENT,
        Column(name="date", parse=fields.day, required=True),
        Column(name="status", parse=fields.choice(STATUSES), required=True),
        Column(name="note", parse=fields.text),
    )


def _row(values: Mapping[str, Any], timezone: ZoneInfo) -> dict[str, Any]:
    return {
        "student_id": values["studentId"],
        "date": values["date"],
        "status": values["status"],
        "note": values["note"],
    }


ATTENDANCE = table_kind(
    TableKind(
        table=table_of(AttendanceEntry),
        columns=_columns,
        row=_row,
        key={"student_id": "studentId", "date": "date"},
        only_new={},
    )
)
