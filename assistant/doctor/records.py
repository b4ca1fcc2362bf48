"""Whether the data makes sense: people, classes, school days, answers, documents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.doctor.finding import Finding, Patient, bad, fine, note
from knowledge.records.accounts import Account
from knowledge.records.calendar import CalendarDay, load_calendars
from knowledge.records.checkins import CheckIn
from knowledge.records.documents import Document
from knowledge.records.roster import Enrollment, SchoolClass, User
from knowledge.records.scope import valid_on

SOON = timedelta(weeks=3)  # the calendar should reach so far
QUIET = 3  # school days without any check-in
LOOKED_BACK = timedelta(days=60)


async def look_at_records(patient: Patient, connection: AsyncConnection) -> AsyncIterator[Finding]:
    today = patient.now().astimezone(patient.settings.zone).date()
    people = await connection.scalar(select(func.count()).select_from(User)) or 0
    if people:
        async for finding in _people(connection, people, today):
            yield finding
    else:
        yield bad("roster", "empty: run 'ayumi import oneroster FOLDER'")
    yield await _calendar(connection, today)
    yield await _checkins(connection, today)
    yield await _documents(connection, patient)


async def _people(connection: AsyncConnection, people: int, today: date) -> AsyncIterator[Finding]:
    linked = await connection.scalar(select(func.count(Account.person_id.distinct()))) or 0
    enrolled: dict[str, int] = {
        row[0]: row[1]
        for row in await connection.execute(
            select(Enrollment.role, func.count(Enrollment.user_sourced_id.distinct()))
            .where(valid_on(Enrollment.begin_date, Enrollment.end_date, today))
            .group_by(Enrollment.role)
        )
    }
    missing = [role for role in ("student", "teacher") if not enrolled.get(role)]
    if missing:
        says = (
            f"{people} people, but nobody is enrolled today as {' or '.join(missing)}: is it last year's? Import this"
        )
        yield bad("roster", f"{says} year's with users, classes and enrollments: 'ayumi import oneroster FOLDER'")
    else:
        yield fine("roster", f"{people} people, {linked} with a linked account")
    if not linked:
        says = "nobody has linked an account, so nobody can be asked or answered: hand out codes, 'ayumi link-code"
        yield bad("accounts", f"{says} PERSON…' (browser demo aside)")


async def _calendar(connection: AsyncConnection, today: date) -> Finding:
    last = await connection.scalar(select(func.max(CalendarDay.date)))
    if last is None:
        says = "none imported: school days are Monday to Friday without national holidays. 'ayumi import calendar FILE'"
        return note("calendar", says)
    if last < today + SOON:
        says = f"ends on {last}: after it every weekday counts as a school day, holidays of the school too. Import the"
        return bad("calendar", f"{says} coming weeks: 'ayumi import calendar FILE'")
    return fine("calendar", f"reaches until {last}")


async def _checkins(connection: AsyncConnection, today: date) -> Finding:
    latest = await connection.scalar(select(func.max(CheckIn.date)))
    if latest is None:
        return note("latest check-in", "none yet")
    missed = await _school_days(connection, max(latest, today - LOOKED_BACK) + timedelta(days=1), today)
    if missed >= QUIET:
        says = f"the latest is of {latest}, {missed} school days ago: do prompts go out (scheduler, outbox), and do"
        return bad("latest check-in", f"{says} answers come in (webhooks of LINE and Slack)?")
    return fine("latest check-in", f"of {latest}")


async def _school_days(connection: AsyncConnection, first: date, end: date) -> int:
    """Days before ``end`` on which a school was open."""
    schools = (await connection.scalars(select(SchoolClass.school_sourced_id).distinct())).all()
    calendars = await load_calendars(connection, sorted(schools), first, end)
    days = [first + timedelta(days=n) for n in range((end - first).days)]
    return sum(any(calendar.is_school_day(day, None) for calendar in calendars.values()) for day in days)


async def _documents(connection: AsyncConnection, patient: Patient) -> Finding:
    settings = patient.settings
    documents = await connection.scalar(select(func.count()).select_from(Document)) or 0
    if not documents:
        return note("documents", "none yet: run 'ayumi documents add FILE'")
    other = (Document.embeddings != settings.embeddings, Document.passages > 0)
    found_by_words = await connection.scalar(select(func.count()).select_from(Document).where(*other)) or 0
    if settings.embeddings and found_by_words:
        says = f"{found_by_words} of {documents} have no vectors of {settings.embeddings}: adding the same files again"
        return note("documents", f"{says} makes them; until then their words are searched")
    return fine("documents", f"{documents} are searched")
