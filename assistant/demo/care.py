"""What the demo shows of care: thresholds and whom they point out, alerts, a wish to talk, replies, a substitute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.demo.roster import school_of
from assistant.dialogue.alert_writes import ChangeAlert
from assistant.dialogue.talk_writes import AddTalkRequest
from assistant.dialogue.writes import AddReply, RaiseAlert
from knowledge.care.kinds import kinds
from knowledge.care.looking import look_at_school
from knowledge.db import Database, upsert
from knowledge.questions.model import Phase
from knowledge.records.accounts import Account
from knowledge.records.alerts import AlertState, AlertText
from knowledge.records.calendar import load_calendars
from knowledge.records.checkins import CheckIn, Status
from knowledge.records.roster import Enrollment
from knowledge.records.substitutes import appoint
from knowledge.records.talk_requests import Chosen
from knowledge.records.thresholds import set_threshold
from knowledge.yaml_data import load_yaml

BACK = timedelta(days=40)  # in which there are some weeks of school, whatever the vacations
EVENING = time(17)
MORNING = time(8, 10)
NEVER = date.min
OVERLOOKED, UNHEARD = 14, 11  # each so manieth child had no reply on the last so many school days


async def add_care(database: Database, today: date, timezone: ZoneInfo) -> None:
    """Once, into a demo whose history is there. What would be of a day before the school year is left out."""
    about: Mapping[str, Any] = load_yaml(Path(__file__).with_name("care.yaml").read_text(encoding="utf-8"))
    schools: Mapping[str, Any] = about["thresholds"]
    async with database.write() as connection:
        first = max(today - BACK, date(today.year - (today.month < 4), 4, 1))
        calendars = await load_calendars(connection, schools, first, today)
        days = {school: _before(today, calendar.school_days(first, today)) for school, calendar in calendars.items()}
        for each in about["alerts"]:
            if moment := _moment(each, days, timezone):
                await _add_alert(connection, each, moment)
        for each in about["talks"]:
            if moment := _moment(each, days, timezone):
                await AddTalkRequest.store(connection, [_talk(each, moment)])
        await AddReply.store(connection, await _replies(connection, about["replies"], days, timezone))
        await _let_in(connection, about["let_in"], datetime.combine(today - BACK, EVENING, timezone))
        for each in about["substitutes"]:
            await appoint(
                connection,
                [*schools],
                each["person"],
                each["class"],
                first=today,
                last=today + timedelta(days=each["for_days"]),
                today=today,
            )
        for school, chosen in schools.items():
            at = datetime.combine(today - BACK, EVENING, timezone)
            for kind in chosen["kinds"]:
                await set_threshold(
                    connection, school, kind, kinds()[kind].defaults, is_on=True, by=chosen["by"], at=at
                )
    for school, before in days.items():
        if before:
            await look_at_school(database, school, before[0], datetime.combine(before[0], EVENING, timezone))


def _before(today: date, days: Sequence[date]) -> Sequence[date]:
    """The latest first."""
    return [day for day in reversed(days) if day < today]


def _moment(about: Mapping[str, Any], days: Mapping[str, Sequence[date]], timezone: ZoneInfo) -> datetime | None:
    before = days[school_of(about["student"])]
    if len(before) < about["days"]:
        return None
    day: date = before[int(about["days"]) - 1]
    return datetime.combine(day, time.fromisoformat(about["at"]), timezone)


async def _add_alert(connection: AsyncConnection, about: Mapping[str, Any], moment: datetime) -> None:
    event_id = f"demo:{about['student']}"
    raised = {name: about[name] for name in ("level", "category", "words", "text")}
    alert = RaiseAlert(event_id=event_id, student_id=about["student"], at=moment, **raised)
    await RaiseAlert.store(connection, [alert])
    state = AlertState(about["state"])
    if state is AlertState.NEW:
        return
    alert_id = await connection.scalar(select(AlertText.alert_id).where(AlertText.event_id == event_id))
    change = ChangeAlert(
        alert_id=alert_id or "",
        state=state,
        actor_id=_teacher_of(about["student"]),
        at=moment + timedelta(minutes=10),
        note=about["note"],
    )
    await ChangeAlert.store(connection, [change])


def _talk(about: Mapping[str, Any], moment: datetime) -> AddTalkRequest:
    return AddTalkRequest(
        request_id=f"demo:{about['student']}",
        student_id=about["student"],
        at=moment,
        chosen_as=Chosen(about["as"]),
        chosen_id=about["chosen"],
        subject=about["subject"],
    )


async def _replies(
    connection: AsyncConnection, texts: Sequence[str], days: Mapping[str, Sequence[date]], timezone: ZoneInfo
) -> list[AddReply]:
    """To the reflections of all days but the last one; some children had no word for a while."""
    statement = (
        select(CheckIn.student_id, CheckIn.date)
        .where(CheckIn.phase == Phase.REFLECTION, CheckIn.status == Status.FINISHED)
        .order_by(CheckIn.student_id, CheckIn.date)
    )
    rows = (await connection.execute(statement)).all()
    answered: dict[str, date] = {}  # by child, until which day
    for student in {student for student, _ in rows}:
        before = days[school_of(student)]
        number = int(student[-2:])
        answered[student] = (
            before[min(UNHEARD if number % OVERLOOKED == 0 else 1, len(before) - 1)] if before else NEVER
        )
    return [
        AddReply(
            reply_id=f"demo:{student}:{day}",
            student_id=student,
            date=day,
            author_id=_teacher_of(student),
            text=texts[number % len(texts)],
            sent_at=datetime.combine(day + timedelta(days=1), MORNING, timezone),
        )
        for number, (student, day) in enumerate(rows)
        if day <= answered[student]
    ]


async def _let_in(connection: AsyncConnection, class_id: str, at: datetime) -> None:
    """The children of a class have opened their chats once, so that replies reach them."""
    students = select(Enrollment.user_sourced_id).where(
        Enrollment.class_sourced_id == class_id, Enrollment.role == "student"
    )
    rows = [
        {
            "id": f"browser:{student}",
            "channel": "browser",
            "person_id": student,
            "linked_at": at,
            "last_seen_at": at,
            "reachable": True,
        }
        for student in await connection.scalars(students)
    ]
    await upsert(connection, Account, rows, key=["id"])


def _teacher_of(student: str) -> str:
    return f"{student.rpartition('-')[0]}-t"
