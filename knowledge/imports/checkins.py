"""The ``checkins`` kind: finished check-ins and declines, by student, date and phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from knowledge.imports import fields
from knowledge.imports.run import table_of
from knowledge.imports.table import STUDENT, Column, TableKind, table_kind
from knowledge.records.checkins import CheckIn, Phase, Status, depth

MOODS = ("sunny", "cloudy", "rainy", "thunder")
ACHIEVEMENTS = ("achieved", "mostly", "partly", "not_yet")
VISIBILITIES = ("self", "teacher", "class")


def _columns(timezone: ZoneInfo) -> Sequence[Column]:
    return (
        STUDENT,
        Column(name="date", parse=fields.day, required=True),
        Column(name="phase", parse=fields.choice(Phase), required=True),
        Column(name="answeredAt", parse=fields.moment(timezone)),
        Column(name="declined", parse=fields.boolean, default=False),
        Column(name="mood", parse=fields.choice(MOODS)),
        Column(name="goal", parse=fields.text),
        Column(name="plan", parse=fields.text),
        Column(name="subject", parse=fields.text),
        Column(name="confidence", parse=fields.integer(1, 5)),
        Column(name="achievement", parse=fields.choice(ACHIEVEMENTS)),
        Column(name="wentWell", parse=fields.text),
        Column(name="difficult", parse=fields.text),
        Column(name="nextStep", parse=fields.text),
        Column(name="visibility", parse=fields.choice(VISIBILITIES), default="teacher"),
    )


def _row(values: Mapping[str, Any], timezone: ZoneInfo) -> dict[str, Any]:
    """Without ``answeredAt`` a check-in counts from the first moment of its day, so that it is never in the future."""
    answered_at: datetime | None = values["answeredAt"]
    started_at = answered_at or datetime.combine(values["date"], time.min, timezone)
    return {
        "student_id": values["studentId"],
        "date": values["date"],
        "phase": values["phase"],
        "status": Status.DECLINED.value if values["declined"] else Status.FINISHED.value,
        "started_at": started_at,
        "answered_at": answered_at,
        "updated_at": started_at,
        "mood": values["mood"],
        "goal": values["goal"],
        "plan": values["plan"],
        "subject": values["subject"],
        "confidence": values["confidence"],
        "achievement": values["achievement"],
        "went_well": values["wentWell"],
        "difficult": values["difficult"],
        "next_step": values["nextStep"],
        "visibility": values["visibility"],
        "depth": depth(values["phase"], values["wentWell"], values["difficult"], values["nextStep"]),
    }


CHECKINS = table_kind(
    TableKind(
        table=table_of(CheckIn),
        columns=_columns,
        row=_row,
        key={"student_id": "studentId", "date": "date", "phase": "phase"},
        only_new={"extra": {}, "private": None},
    )
)
