"""Alerts as what waits to be seen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.records.alerts import Alert
from scheduler.escalating import Waiting
from scheduler.tellings import Begun, Escalation

KIND = "alert"
ADOPTED = timedelta(days=1)  # older ones were raised when nobody could say yet that they had seen them

IS_NEW: ColumnElement[bool] = Alert.state == literal_column("'new'")  # to the letter of the partial index


class AlertSource:
    """Alerts that nobody has seen."""

    kind = KIND

    async def waiting(self, connection: AsyncConnection, ids: Collection[str]) -> Sequence[Waiting]:
        statement = select(Alert.id, Alert.student_id, Alert.level).where(Alert.id.in_(ids), IS_NEW)
        rows = await connection.execute(statement)
        return [Waiting(id=id, student_id=student, level=level) for id, student, level in rows]

    async def forgotten(self, connection: AsyncConnection, now: datetime) -> Sequence[Begun]:
        statement = select(Alert.id, Alert.student_id, Alert.level, Alert.last_at).where(
            IS_NEW,
            Alert.last_at > now - ADOPTED,
            ~exists().where(Escalation.kind == KIND, Escalation.item_id == Alert.id),
        )
        rows = await connection.execute(statement)
        return [Begun(kind=KIND, item_id=id, student_id=student, level=level, at=at) for id, student, level, at in rows]
