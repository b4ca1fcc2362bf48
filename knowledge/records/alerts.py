"""Alerts: a child's text asked for help, and what staff did about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base

JOIN_WITHIN = timedelta(hours=1)  # a repeat within this time joins the alert (care.md)


class AlertState(StrEnum):
    NEW = "new"
    SEEN = "seen"
    ADDRESSED = "addressed"
    NOT_A_CONCERN = "not_a_concern"


class Alert(Base):
    __tablename__ = "alerts"
    __table_args__ = (
        Index("ix_alerts_student_id_at", "student_id", "at"),
        Index("ix_alerts_new", "level", sqlite_where=text("state = 'new'"), postgresql_where=text("state = 'new'")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    student_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"))
    level: Mapped[str]  # urgent, soon
    state: Mapped[str]
    at: Mapped[datetime]  # the first text
    last_at: Mapped[datetime]  # the latest that joined


class AlertText(Base):
    """A text that raised an alert. It stays when the child edits or withdraws the message."""

    __tablename__ = "alert_texts"

    event_id: Mapped[str] = mapped_column(primary_key=True)  # one row per event, however often it is handled
    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.id"), index=True)
    at: Mapped[datetime]
    level: Mapped[str]
    category: Mapped[str]
    words: Mapped[str]  # the words that raised it
    text: Mapped[str]


async def raise_alert(
    connection: AsyncConnection,
    *,
    event_id: str,
    student_id: str,
    level: str,
    category: str,
    words: str,
    text: str,
    at: datetime,
) -> str:
    """Store one text and return the id of its alert: a new one, or the child's alert of the last hour, whose level
    rises if this text's is higher. An event that was stored before changes nothing."""
    known = await connection.scalar(select(AlertText.alert_id).where(AlertText.event_id == event_id))
    if known is not None:
        return known
    earlier = (
        await connection.execute(
            select(Alert.id, Alert.level, Alert.last_at)
            .where(Alert.student_id == student_id, Alert.last_at >= at - JOIN_WITHIN, Alert.at <= at + JOIN_WITHIN)
            .order_by(Alert.last_at.desc())
            .limit(1)
        )
    ).first()
    if earlier is None:
        alert_id = event_id
        await connection.execute(
            insert(Alert).values(
                id=alert_id, student_id=student_id, level=level, state=AlertState.NEW, at=at, last_at=at
            )
        )
    else:
        alert_id = earlier.id
        # A new text wakes an alert that somebody had already looked at.
        await connection.execute(
            update(Alert)
            .where(Alert.id == alert_id)
            .values(
                last_at=max(at, earlier.last_at),
                state=AlertState.NEW,
                level="urgent" if "urgent" in (level, earlier.level) else level,
            )
        )
    await connection.execute(
        insert(AlertText).values(
            event_id=event_id, alert_id=alert_id, at=at, level=level, category=category, words=words, text=text
        )
    )
    return alert_id


async def list_alerts(connection: AsyncConnection) -> list[Alert]:
    """Every alert as rows with the columns of ``Alert``, the newest first. For operators: it carries no text."""
    statement = select(Alert.id, Alert.student_id, Alert.level, Alert.state, Alert.at).order_by(Alert.at.desc())
    return [*(await connection.execute(statement))]  # pyright: ignore[reportReturnType] -- rows have these columns
