"""The ``study-log`` kind: drills and other learning, as the platforms report it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from knowledge.imports import fields
from knowledge.imports.run import table_of
from knowledge.imports.table import STUDENT, Column, TableKind, table_kind
from knowledge.records.study_log import StudyEntry


def _columns(timezone: ZoneInfo) -> Sequence[Column]:
    return (
        STUDENT,
        Column(name="startedAt", parse=fields.moment(timezone), required=True),
        Column(name="subject", parse=fields.text),
        Column(name="contentId", parse=fields.identifier, default=""),
        Column(name="title", parse=fields.text),
        Column(name="answered", parse=fields.count),
        Column(name="correct", parse=fields.count),
        Column(name="durationSeconds", parse=fields.count),
    )


def _row(values: Mapping[str, Any], timezone: ZoneInfo) -> dict[str, Any]:
    """Raises ``FieldError`` for more correct than answered, and for correct ones out of an unknown number: they would
    lift a rate above the truth."""
    answered, correct = values["answered"], values["correct"]
    if correct is not None and answered is None:
        raise fields.FieldError("a value, as correct has one", column="answered")
    if correct is not None and correct > answered:
        raise fields.FieldError(f"at most {answered}, the value of answered", column="correct")
    return {
        "student_id": values["studentId"],
        "started_at": values["startedAt"],
        "date": values["startedAt"].astimezone(timezone).date(),
        "subject": values["subject"],
        "content_id": values["contentId"],
        "title": values["title"],
        "answered": answered,
        "correct": correct,
        "duration_seconds": values["durationSeconds"],
    }


STUDY_LOG = table_kind(
    TableKind(
        table=table_of(StudyEntry),
        columns=_columns,
        row=_row,
        key={"student_id": "studentId", "started_at": "startedAt", "content_id": "contentId"},
        only_new={},
    )
)
