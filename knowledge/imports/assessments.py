"""The ``assessments`` kind: results of unit tests, term tests and 学力調査."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from knowledge.imports import fields
from knowledge.imports.run import table_of
from knowledge.imports.table import STUDENT, Column, TableKind, table_kind
from knowledge.records.assessments import Assessment


def _columns(timezone: ZoneInfo) -> Sequence[Column]:
    return (
        STUDENT,
        Column(name="date", parse=fields.day, required=True),
        Column(name="title", parse=fields.short_text(200), required=True),
        Column(name="subject", parse=fields.short_text(100), default=""),
        Column(name="score", parse=fields.points, required=True),
        Column(name="maxScore", parse=fields.points, required=True),
    )


def _row(values: Mapping[str, Any], timezone: ZoneInfo) -> dict[str, Any]:
    """Raises ``FieldError`` for a score above the most there was to get, and where there was nothing to get."""
    score, most = values["score"], values["maxScore"]
    if most == 0:
        raise fields.FieldError("more than 0", column="maxScore")
    if score > most:
        raise fields.FieldError(f"at most {most:.12g}, the maxScore", column="score")
    return {
        "student_id": values["studentId"],
        "date": values["date"],
        "title": values["title"],
        "subject": values["subject"],
        "score": score,
        "max_score": most,
    }


ASSESSMENTS = table_kind(
    TableKind(
        table=table_of(Assessment),
        columns=_columns,
        row=_row,
        key={"student_id": "studentId", "date": "date", "title": "title", "subject": "subject"},
        only_new={},
    )
)
