"""Alerts: a child's text asked for help, and what staff did about it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import ForeignKey, Index, String, insert, literal_column, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base
from knowledge.records.care_staff import find_homes, may_know
from knowledge.records.roster import User
from knowledge.records.scope import Viewer

MOST = 200  # alerts in one list
JOIN_WITHIN = timedelta(hours=1)  # a repeat within this time joins the alert (care.md)


class AlertState(StrEnum):
    NEW = "new"
    SEEN = "seen"
    ADDRESSED = "addressed"
    NOT_A_CONCERN = "not_a_concern"


OPEN = (AlertState.NEW, AlertState.SEEN)
# From which states one leads to another: who has only seen it does not open again what somebody has closed.
FROM = {
    AlertState.SEEN: OPEN,
    AlertState.ADDRESSED: tuple(AlertState),
    AlertState.NOT_A_CONCERN: tuple(AlertState),
}


class Alert(Base):
    __tablename__ = "alerts"
    __table_args__ = (
        Index("ix_alerts_student_id_at", "student_id", "at"),
        Index(
            "ix_alerts_open",
            "last_at",
            sqlite_where=text("state IN ('new', 'seen')"),
            postgresql_where=text("state IN ('new', 'seen')"),
        ),
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


class AlertStep(Base):
    """A change of an alert's state. Only ever added to."""

    __tablename__ = "alert_steps"

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.id"), index=True)
    at: Mapped[datetime]
    state: Mapped[str]
    actor_id: Mapped[str | None] = mapped_column(String(255))  # sourcedId; None: a text of the child
    note: Mapped[str | None]  # what the member of staff wrote about it, for staff


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
            select(Alert.id, Alert.level, Alert.last_at, Alert.state)
            .where(Alert.student_id == student_id, Alert.last_at >= at - JOIN_WITHIN, Alert.at <= at + JOIN_WITHIN)
            .order_by(Alert.last_at.desc())
            .limit(1)
        )
    ).first()
    if earlier is None:
        alert_id = str(uuid5(NAMESPACE_URL, event_id))  # stands in buttons: it says nothing, nobody guesses it
        await connection.execute(
            insert(Alert).values(
                id=alert_id, student_id=student_id, level=level, state=AlertState.NEW, at=at, last_at=at
            )
        )
        await connection.execute(insert(AlertStep).values(alert_id=alert_id, at=at, state=AlertState.NEW))
    else:
        alert_id = earlier.id
        # A new text wakes an alert that somebody had already looked at.
        if earlier.state != AlertState.NEW:
            await connection.execute(insert(AlertStep).values(alert_id=alert_id, at=at, state=AlertState.NEW))
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


async def change_alert(
    connection: AsyncConnection,
    alert_id: str,
    state: AlertState,
    *,
    actor_id: str,
    at: datetime,
    note: str = "",
    reopens: bool = False,
) -> bool:
    """A member of staff has seen an alert, or done something about it. Whether it is so now: not when the child wrote
    again after ``at``, and seeing changes nothing of what is closed unless it ``reopens`` it."""
    changed = await connection.execute(
        update(Alert)
        .where(
            Alert.id == alert_id, Alert.last_at <= at, Alert.state.in_(tuple(AlertState) if reopens else FROM[state])
        )
        .values(state=state)
    )
    if changed.rowcount:
        await connection.execute(
            insert(AlertStep).values(alert_id=alert_id, at=at, state=state, actor_id=actor_id, note=note or None)
        )
    return bool(changed.rowcount)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """An alert as staff see it in a list: never with the child's words."""

    id: str
    student_id: str
    family_name: str
    given_name: str
    school_class: str  # title; "" without one
    level: str
    state: AlertState
    at: datetime
    last_at: datetime

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


async def alerts_for(
    connection: AsyncConnection,
    viewer: Viewer,
    named_at: Collection[str],
    *,
    ids: Collection[str] | None = None,
    states: Collection[AlertState] = tuple(AlertState),
) -> list[Listed]:
    """The alerts in ``states`` that the viewer may know of (``may_know``), of ``ids`` where these are given; those that
    nobody has seen first, of them the urgent ones, then the newest. At most ``MOST``."""
    if not viewer.workplaces:
        return []
    statement = (
        select(Alert.__table__, User.family_name, User.given_name)
        .join(User, User.sourced_id == Alert.student_id)
        .where(
            Alert.state.in_(
                [literal_column(f"'{state.value}'", String) for state in states]
            ),  # as in the partial index
            may_know(Alert.student_id.expression, viewer, named_at),
        )
        .order_by((Alert.state != AlertState.NEW), Alert.level.desc(), Alert.last_at.desc(), Alert.id)
        .limit(MOST)
    )
    if ids is not None:
        statement = statement.where(Alert.id.in_(ids))
    rows = (await connection.execute(statement)).all()
    homes = await find_homes(connection, {row.student_id for row in rows}, viewer.on)
    return [
        Listed(
            id=row.id,
            student_id=row.student_id,
            family_name=row.family_name,
            given_name=row.given_name,
            school_class=homes[row.student_id].title,
            level=row.level,
            state=AlertState(row.state),
            at=row.at,
            last_at=row.last_at,
        )
        for row in rows
    ]


@dataclass(frozen=True, kw_only=True)
class Raised:
    """The words of one text that raised an alert, without the rest of the text."""

    at: datetime
    level: str
    category: str
    words: str


async def words_of(connection: AsyncConnection, alert_id: str) -> list[Raised]:
    """What raised an alert, the first at first."""
    statement = (
        select(AlertText.at, AlertText.level, AlertText.category, AlertText.words)
        .where(AlertText.alert_id == alert_id)
        .order_by(AlertText.at, AlertText.event_id)
    )
    rows = await connection.execute(statement)
    return [Raised(at=at, level=level, category=category, words=words) for at, level, category, words in rows]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One change of state."""

    at: datetime
    state: AlertState
    actor_id: str | None
    note: str


async def steps_of(connection: AsyncConnection, alert_id: str) -> Sequence[Step]:
    """The history of an alert, the first change at first."""
    statement = select(AlertStep).where(AlertStep.alert_id == alert_id).order_by(AlertStep.id)
    return [
        Step(at=row.at, state=AlertState(row.state), actor_id=row.actor_id, note=row.note or "")
        for row in await connection.execute(statement.with_only_columns(*AlertStep.__table__.c))
    ]
