"""What stands in the database, as ``/metrics`` shows it: what waits, for how long, and whether somebody plans.

Every process shows the same figures, read when it is scraped; alert rules take the largest. What is open is counted
through partial indexes; what is done is never counted here, for it grows without end: there are counters for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import ColumnElement, bindparam, case, func, literal_column, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.inbox import InboxEvent
from assistant.metrics import TURNS
from assistant.notices import LABELS
from assistant.planning import LEASE
from knowledge.db import Database, UtcDateTime
from knowledge.errors import StorageDownError
from knowledge.records.alerts import Alert
from knowledge.records.reminders import Reminder
from scheduler.leadership import Lease
from scheduler.outbox import PENDING, Outbox, State, is_open
from scheduler.tellings import Escalation
from scheduler.trace import kinds, places

READ_EVERY = 5.0  # seconds that figures are shown again
PATIENCE = 3.0  # seconds for the database; Prometheus itself waits 10
OLDEST = 1000  # events among which the one that came first is looked for: they are sorted by when they happened
CHANNELS = tuple(LABELS)
LEVELS = ("urgent", "soon")  # of alerts
PASSED_ON = (*LEVELS, "talk")  # of what is passed on until somebody has seen it
OPEN_STATES = (State.PENDING, State.SENDING, State.HELD)

for each_channel in CHANNELS:  # Prometheus sees no increase in a series that begins with 1
    TURNS.labels(channel=each_channel, outcome="failed")

log = structlog.get_logger(__name__)

# Conditions to the letter of the partial indexes, which SQLite uses only so.
IS_NEW: ColumnElement[bool] = InboxEvent.state == literal_column("'new'")
IS_UNSEEN: ColumnElement[bool] = Alert.state == literal_column("'new'")
IS_ACTIVE: ColumnElement[bool] = Reminder.state == literal_column("'active'")
NOW: ColumnElement[datetime] = bindparam("now", type_=UtcDateTime())

_FIRST = (
    select(InboxEvent.received_at).where(IS_NEW).order_by(InboxEvent.occurred_at, InboxEvent.id).limit(OLDEST)
).subquery()
WAITING = select(
    select(func.min(_FIRST.c.received_at)).scalar_subquery().label("first_event"),
    select(func.count()).select_from(InboxEvent).where(IS_NEW).scalar_subquery().label("new_events"),
    select(func.min(Reminder.next_at)).where(IS_ACTIVE).scalar_subquery().label("first_reminder"),
    select(Lease.acted_at).where(Lease.name == LEASE).scalar_subquery().label("acted_at"),
)
DUE_SENDS = (  # by channel, as the index has them
    select(Outbox.channel, func.count(), func.min(Outbox.due_at))
    .where(Outbox.state == PENDING, Outbox.channel.in_(CHANNELS), Outbox.due_at <= NOW)
    .group_by(Outbox.channel)
)
OPEN_SENDS = select(Outbox.state, func.count()).where(is_open(Outbox)).group_by(Outbox.state)
ESCALATIONS = select(
    Escalation.level,
    func.sum(case((Escalation.told_at.is_(None), 1), else_=0)),
    func.sum(case((Escalation.rounds > 0, 1), else_=0)),
).group_by(Escalation.level)
UNSEEN_ALERTS = select(Alert.level, func.count(), func.min(Alert.at)).where(IS_UNSEEN).group_by(Alert.level)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One look at the database. Ages are in seconds, 0 where nothing waits."""

    new_events: int
    event_age: float  # of the new event that came first
    due_sends: Mapping[str, int]  # by channel
    send_age: Mapping[str, float]  # how long the first due send of a channel is due
    open_sends: Mapping[str, int]  # by state, each of ``OPEN_STATES``
    reminder_late: float  # how long the first reminder is due that nobody has planned yet
    acted_ago: float | None  # since a scheduler last did all it has to; None: never
    alerts: Mapping[str, int]  # that nobody has looked at, by level, each of ``LEVELS``
    alert_age: Mapping[str, float]  # of the first of them
    untold: Mapping[str, int]  # what waits to be seen and nobody could be told of, by level, each of ``PASSED_ON``
    unheard: Mapping[str, int]  # … and the whole list was told of, in vain
    clock_ahead: float  # of this machine's clock before the database's


async def read_figures(connection: AsyncConnection, now: datetime) -> Figures:
    """The figures at this moment, in six small statements."""
    begun = time.monotonic()
    clock = await database_clock(connection)
    passed = time.monotonic() - begun
    row = (await connection.execute(WAITING)).one()
    due = {each[0]: each for each in await connection.execute(DUE_SENDS, {"now": now})}
    sends = await _counts(connection, OPEN_SENDS)
    alerts = {each[0]: each for each in await connection.execute(UNSEEN_ALERTS)}
    waiting = {each[0]: each for each in await connection.execute(ESCALATIONS)}
    return Figures(
        new_events=row.new_events,
        event_age=_since(row.first_event, now),
        due_sends={channel: due[channel][1] if channel in due else 0 for channel in CHANNELS},
        send_age={channel: _since(due[channel][2], now) if channel in due else 0.0 for channel in CHANNELS},
        open_sends={state: sends.get(state, 0) for state in OPEN_STATES},
        reminder_late=_since(row.first_reminder, now),
        acted_ago=None if row.acted_at is None else _since(row.acted_at, clock),
        alerts={level: alerts[level][1] if level in alerts else 0 for level in LEVELS},
        alert_age={level: _since(alerts[level][2], now) if level in alerts else 0.0 for level in LEVELS},
        untold={level: int(waiting[level][1]) if level in waiting else 0 for level in PASSED_ON},
        unheard={level: int(waiting[level][2]) if level in waiting else 0 for level in PASSED_ON},
        clock_ahead=(now - clock).total_seconds() + passed / 2,
    )


async def database_clock(connection: AsyncConnection) -> datetime:
    """What the database takes for now."""
    if connection.dialect.name == "sqlite":
        now: Any = func.strftime("%Y-%m-%d %H:%M:%f000", "now", type_=UtcDateTime())
    else:
        now = func.clock_timestamp(type_=UtcDateTime())
    return (await connection.execute(select(now))).scalar_one()


async def _counts(connection: AsyncConnection, statement: Any) -> dict[str, int]:
    rows: Any = await connection.execute(statement)
    return {name: count for name, count in rows}  # noqa: C416 -- rows are no pairs to a type checker


def _since(moment: datetime | None, now: datetime) -> float:
    return 0.0 if moment is None else max(0.0, (now - moment).total_seconds())


class Standing(Collector):
    """``/metrics``: the counters of this process, its connections, and the figures of the database."""

    def __init__(
        self, database: Database, now: Callable[[], datetime], still: Callable[[], Mapping[str, float]] = dict
    ) -> None:
        """``still``: the parts that are at work in this process, and for how many seconds each has not moved."""
        self._database = database
        self._now = now
        self._still = still
        self._figures: Figures | None = None
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._registry = CollectorRegistry()
        self._registry.register(self)

    async def exposition(self) -> bytes:
        """All of it in Prometheus' text format. A database that does not answer leaves its figures out, and says so."""
        async with self._reading:
            if time.monotonic() - self._read_at >= READ_EVERY:
                self._figures = await self._read()
                self._read_at = time.monotonic()
        return generate_latest(REGISTRY) + generate_latest(self._registry)

    async def _read(self) -> Figures | None:
        try:
            async with asyncio.timeout(PATIENCE), self._database.read() as connection:
                return await read_figures(connection, self._now())
        except (StorageDownError, SQLAlchemyError, TimeoutError) as error:  # down, or its tables are not there yet
            log.warning("figures_not_read", error=kinds(error), at=places(error))
            return None

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """What is known now. Called by the registry."""
        yield from _pools(self._database)
        yield _by("ayumi_part_still_seconds", "Since a part of this process last moved", "part", self._still())
        figures = self._figures
        yield _gauge("ayumi_database_up", "Whether the database answered", figures is not None)
        if figures is None:
            return
        yield _gauge("ayumi_queue_events", "New events", figures.new_events)
        yield _gauge("ayumi_queue_age_seconds", "Age of the new event that came first", figures.event_age)
        yield _by("ayumi_outbox_due", "Sends that are due", "channel", figures.due_sends)
        yield _by("ayumi_outbox_age_seconds", "How long the first due send is due", "channel", figures.send_age)
        yield _by("ayumi_outbox_open", "Sends that are not done", "state", figures.open_sends)
        yield _gauge("ayumi_reminders_late_seconds", "How long a reminder is due unplanned", figures.reminder_late)
        if figures.acted_ago is not None:
            yield _gauge("ayumi_scheduler_lag_seconds", "Since a scheduler last did all its work", figures.acted_ago)
        yield _by("ayumi_alerts_unacknowledged", "Alerts that nobody has looked at", "level", figures.alerts)
        yield _by("ayumi_alerts_age_seconds", "Age of the first of them", "level", figures.alert_age)
        yield _by(
            "ayumi_escalations_untold", "What waits for staff and nobody could be told of", "level", figures.untold
        )
        yield _by("ayumi_escalations_unheard", "What the whole list was told of in vain", "level", figures.unheard)
        yield _gauge("ayumi_clock_ahead_seconds", "This machine's clock before the database's", figures.clock_ahead)


def _pools(database: Database) -> Iterable[GaugeMetricFamily]:
    """Connections to the database: how many are out, and how many there may be."""
    engines = {"all": database.engine}
    if database.is_sqlite:
        engines = {"read": database.engine, "write": database.write_engine}
    used: dict[str, int] = {}
    most: dict[str, int] = {}
    for name, engine in engines.items():
        pool: Any = engine.pool  # a queue of connections for both databases; typed as any pool
        used[name] = pool.checkedout()
        most[name] = pool.size() + max(0, pool._max_overflow)  # it has no public name
    yield _by("ayumi_pool_used", "Database connections in use", "pool", used)
    yield _by("ayumi_pool_limit", "Database connections that there may be", "pool", most)


def _gauge(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, value=float(value))


def _by(name: str, says: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, says, labels=[label])
    for each, value in values.items():
        family.add_metric([each], value)
    return family
