"""「明日は休校?」, answered from the calendar: for children and families their own days, for staff those they name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.dialogue.turn import Turn
from assistant.messages import Outgoing, Words
from assistant.wording.occasions import say_day
from intents.closing import ClosingReading, Trouble
from knowledge.questions.model import Scope, ScopeKind
from knowledge.records.calendar import SchoolCalendar, load_calendars
from knowledge.records.closures import find_closures
from knowledge.records.roster import GRADE, Enrollment, Org, SchoolClass, User
from knowledge.records.scope import Viewer, load_viewer, valid_on

NOBODY = Scope(kind=ScopeKind.CLASS, ids=(), label="")
MOST_DAYS = 7  # in one answer


@dataclass(frozen=True, kw_only=True)
class Room:
    """A homeroom class, or a school as a whole."""

    label: str
    school_id: str
    grade: str | None = None
    class_id: str | None = None


async def on_question(turn: Turn, reading: ClosingReading) -> None:
    """Whether there is school on the days named, today where none is."""
    if reading.trouble in (Trouble.DATE, Trouble.WHOM):
        key = "no_such_day" if reading.trouble is Trouble.DATE else "no_such_class"
        turn.say(f"closures.{key}", said=Words.own(reading.said))
        return
    first = reading.first or turn.today
    last = min(reading.last or first, first + timedelta(days=MOST_DAYS - 1))
    days = [first + timedelta(days=n) for n in range(max((last - first).days, 0) + 1)]
    async with turn.services.database.read() as connection:
        viewer = await load_viewer(connection, turn.known.id, turn.today)
        rooms = await _rooms(connection, viewer, reading, turn)
        calendars = await load_calendars(connection, {room.school_id for room in rooms}, days[0], days[-1])
        partly = await find_closures(connection, {room.school_id for room in rooms if room.class_id is None}, days[0])
    if not rooms:
        turn.say("closures.no_school_known")
        return
    is_own = turn.known.is_student or (len(rooms) == 1 and not reading.school_ids)
    lines: list[Words] = []
    for room in rooms[:MOST_DAYS]:
        for day in days:
            said = turn.words(
                f"closures.day_{_state(calendars[room.school_id], room, day)}", day=say_day(day, turn.speaker)
            )
            lines.append(said if is_own else turn.words("closures.day_of", label=Words.own(room.label), said=said))
            closed = [each.label for each in partly if each.covers(day) and (each.grades or each.class_ids)]
            if closed and room.class_id is None and calendars[room.school_id].is_school_day(day):
                comma = str(turn.words("closures.comma"))
                lines.append(turn.words("closures.partly_closed", labels=Words.own(comma.join(dict.fromkeys(closed)))))
    turn.outgoing.append(Outgoing(text=Words.join(lines, "\n")))


def _state(calendar: SchoolCalendar, room: Room, day: date) -> str:
    if calendar.is_school_day(day, room.grade, room.class_id):
        return "short" if calendar.is_short(day, room.grade) else "open"
    if calendar.is_remote(day, room.grade, room.class_id):
        return "remote"
    return "closed" if calendar.is_closed(day, room.grade, room.class_id) else "off"


async def _rooms(connection: AsyncConnection, viewer: Viewer, reading: ClosingReading, turn: Turn) -> list[Room]:
    """A child's own class, a guardian's children's, the classes or schools that staff name, or have."""
    statement = (
        select(SchoolClass.sourced_id, SchoolClass.title, SchoolClass.school_sourced_id, GRADE.label("grade"))
        .join(Enrollment, Enrollment.class_sourced_id == SchoolClass.sourced_id)
        .join(User, User.sourced_id == Enrollment.user_sourced_id)
        .where(
            SchoolClass.class_type == "homeroom",
            Enrollment.role == "student",
            valid_on(Enrollment.begin_date, Enrollment.end_date, viewer.on),
        )
        .distinct()
        .order_by(SchoolClass.title, SchoolClass.sourced_id)
    )
    if family := viewer.children | ({viewer.student_id} if viewer.student_id else frozenset[str]()):
        statement = statement.where(Enrollment.user_sourced_id.in_(family))
    elif reading.school_ids and not reading.class_ids:
        names = select(Org.sourced_id, Org.name).where(Org.sourced_id.in_(reading.school_ids)).order_by(Org.name)
        return [Room(label=row.name, school_id=row.sourced_id) for row in await connection.execute(names)]
    elif ids := (frozenset(reading.class_ids) or viewer.homerooms):
        statement = statement.where(SchoolClass.sourced_id.in_(ids))
    else:
        schools = viewer.schools or viewer.workplaces
        label = str(turn.words("closures.whole_school"))
        return [Room(label=label, school_id=school) for school in sorted(schools)]
    return [
        Room(label=row.title, school_id=row.school_sourced_id, grade=row.grade or None, class_id=row.sourced_id)
        for row in await connection.execute(statement)
    ]
