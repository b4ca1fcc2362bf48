"""The ``observations`` kind: what staff noted about a student (指導記録・所見)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from knowledge.imports import fields
from knowledge.imports.run import table_of
from knowledge.imports.table import STUDENT, Column, TableKind, table_kind
from knowledge.records.observations import Observation
from knowledge.records.roster import User


def _columns(timezone: ZoneInfo) -> Sequence[Column]:
    return (
        STUDENT,
        Column(name="recordedAt", parse=fields.moment(timezone), required=True),
        Column(
            name="recordedBy", parse=fields.identifier, required=True,
            refers=User.__table__.c.sourced_id, refers_to="the sourcedId of someone in the roster",
        ),
        Column(name="subject", parse=fields.text),
        Column(name="text", parse=fields.text, required=True),
    )  # fmt: skip


def _row(values: Mapping[str, Any], timezone: ZoneInfo) -> dict[str, Any]:
    return {
        "student_id": values["studentId"],
        "recorded_at": values["recordedAt"],
        "date": values["recordedAt"].astimezone(timezone).date(),
        "recorded_by": values["recordedBy"],
        "subject": values["subject"],
        "text": values["text"],
    }


OBSERVATIONS = table_kind(
    TableKind(
        table=table_of(Observation),
        columns=_columns,
        row=_row,
        key={"student_id": "studentId", "recorded_at": "recordedAt", "recorded_by": "recordedBy"},
        only_new={},
    )
)
