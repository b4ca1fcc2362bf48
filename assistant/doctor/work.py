"""Whether the work gets done: somebody answers, sends and plans, and somebody looks at alerts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.doctor.finding import Finding, Patient, bad, fine, note
from assistant.standing import IS_UNSEEN, Figures, read_figures
from knowledge.records.alerts import Alert
from scheduler.outbox import Outbox, State

OLD = timedelta(minutes=5)  # an event or a due send that waits longer needs somebody to look
UNPLANNED = timedelta(minutes=2)  # a scheduler acts every 15 seconds, another takes over within 30
UNSEEN = timedelta(minutes=15)  # an urgent alert that nobody has looked at for so long
LATELY = timedelta(days=1)
LOOKED_AT = 5000  # latest sends among which those that failed are counted: their ids grow with time


async def look_at_work(patient: Patient, connection: AsyncConnection) -> AsyncIterator[Finding]:
    now = patient.now()
    figures = await read_figures(connection, now)
    if figures.event_age > OLD.total_seconds():
        says = f"{figures.new_events} events wait, the first for more than 5 minutes: is a worker running"
        yield bad("inbox", f"{says} ('ayumi serve' or 'ayumi worker')? Its log says why it does not answer")
    else:
        yield fine("inbox", f"{figures.new_events} events wait")
    if max(figures.send_age.values()) > OLD.total_seconds():
        says = f"{sum(figures.due_sends.values())} messages are due, the first for more than 5 minutes: is a worker"
        yield bad("outbox", f"{says} running, does the platform answer? grep not_sent in its log")
    held = figures.open_sends[State.HELD]
    if held:
        says = f"{held} messages are held: a channel's quota is used up or its token was revoked (see below)"
        yield bad("outbox", says)
    yield await _failed(connection, patient)
    yield _planning(figures.acted_ago)
    yield await _alerts(connection, patient)
    for finding in _passed_on(figures):
        yield finding


async def _failed(connection: AsyncConnection, patient: Patient) -> Finding:
    """Sends of the last day that were given up."""
    latest = select(Outbox.state, Outbox.done_at, Outbox.channel).order_by(Outbox.id.desc()).limit(LOOKED_AT).subquery()
    since = patient.now() - LATELY
    rows = await connection.execute(
        select(latest.c.channel, func.count())
        .where(latest.c.state == State.FAILED, latest.c.done_at > since)
        .group_by(latest.c.channel)
        .order_by(latest.c.channel)
    )
    failed = [f"{row[1]} on {row[0]}" for row in rows]
    if failed:
        says = (
            f"messages of the last day were given up ({', '.join(failed)}): grep not_sent in the workers' logs for the"
        )
        return bad("sends", f"{says} problem; ids of accounts that are gone are skipped by themselves")
    return fine("sends", "none was given up in the last day")


def _planning(acted_ago: float | None) -> Finding:
    about = "scheduler"
    if acted_ago is None:
        return note(about, "none has acted yet: run 'ayumi serve' or 'ayumi scheduler'")
    if acted_ago > UNPLANNED.total_seconds():
        says = f"none has acted for {acted_ago / 60:.0f} minutes: no prompts, no reminders go out. Is one running"
        return bad(about, f"{says} ('ayumi serve' or 'ayumi scheduler')? Its log says what fails (job_failed)")
    return fine(about, f"one acted {acted_ago:.0f} seconds ago")


async def _alerts(connection: AsyncConnection, patient: Patient) -> Finding:
    statement = select(func.count()).select_from(Alert).where(IS_UNSEEN, Alert.level == "urgent")
    unseen = await connection.scalar(statement.where(Alert.at < patient.now() - UNSEEN)) or 0
    if unseen:
        says = f"{unseen} urgent ones have not been looked at for more than 15 minutes: call the school now."
        return bad("alerts", f"{says} 'ayumi alerts' lists them; staff say 見ました in the chat, or on /care/alerts")
    return fine("alerts", "no urgent one waits")


def _passed_on(figures: Figures) -> Iterator[Finding]:
    """Alerts and wishes to talk that reach nobody."""
    untold, unheard = sum(figures.untold.values()), sum(figures.unheard.values())
    if untold:
        says = f"nobody could be told of {untold} alerts or wishes to talk: no teacher, principal or nurse of the child"
        yield bad(
            "who is told",
            f"{says} has a linked account. 'ayumi link-code PERSON…', or name others in schools.yaml (care)",
        )
    if unheard:
        says = f"everybody on the list was told of {unheard} alerts or wishes to talk, and nobody has looked: call the"
        yield bad("who is told", f"{says} school; /care/alerts shows who was told when")
    if not untold and not unheard:
        yield fine("who is told", "nothing waits that reached nobody")
