"""The ``nurse-visits`` kind: who came to the nurse's office (保健室), when and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from knowledge.imports import fields
from knowledge.imports.run import table_of
from knowledge.imports.table import STUDENT, Column, TableKind, table_kind
from knowledge.records.nurse_visits import NurseVisit


def _columns(timezone: ZoneInfo) -> Sequence[Column]:
    return (
        STUDENT,
        Column(name="visitedAt", parse=fields.moment(timezone), required=True),
        Column(name="reason", parse=fields.text),
        Column(name="outcome", parse=fields.text),
    )


def _row(values: Mapping[str, Any], timezone: ZoneInfo) -> dict[str, Any]:
    return {
        "student_id": values["studentId"],
        "visited_at": values["visitedAt"],
        "date": values["visitedAt"].astimezone(timezone).date(),
        "reason": values["reason"],
        "outcome": values["outcome"],
    }


NURSE_VISITS = table_kind(
    TableKind(
        table=table_of(NurseVisit),
        columns=_columns,
        row=_row,
        key={"student_id": "studentId", "visited_at": "visitedAt"},
        only_new={},
    )
)
