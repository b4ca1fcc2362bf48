"""What a prompt, a nudge or an あとで says, worked out when it is sent: by then the child may have answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.channels.sender import Composed
from assistant.dialogue.conversation import Conversation, conversation_id
from assistant.dialogue.people_store import load_people
from assistant.dialogue.state import DialogueState
from assistant.dialogue.turn import Services, Turn
from assistant.handlers.checkin import start
from assistant.messages import Incoming, Kind
from knowledge.questions.model import Phase
from knowledge.records.accounts import Account
from knowledge.records.at_home import home_learners
from knowledge.records.attendance import NOT_EXPECTED, AttendanceEntry
from knowledge.records.calendar import load_calendars
from knowledge.records.checkins import Status, find_checkins, last_next_steps
from knowledge.records.closures import Closure
from knowledge.records.roster import GRADE, Enrollment, SchoolClass, User
from knowledge.records.scope import valid_on
from scheduler.outbox import Item


class Prompter:
    """Composes what asks for a check-in: a word before it and the question in one, so that one tap begins."""

    def __init__(self, services: Services, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now

    async def compose(self, item: Item) -> Composed | None:
        """None when the check-in was begun or declined meanwhile, or the child left or is not expected. What the child
        itself put off (``later``) goes on where it was left."""
        person_id = item.payload["person_id"]
        phase, day = Phase(item.payload["phase"]), date.fromisoformat(item.payload["date"])
        was_put_off = item.kind in ("later", "menu")  # the latter: the question comes once more, below the menu
        async with self._services.database.read() as connection:
            person = (await load_people(connection, [person_id], day)).get(person_id)
            records = await find_checkins(connection, [person_id], [day])
            steps = await last_next_steps(connection, [person_id], day)
            at_home = await home_learners(connection, [person_id], day)
            owner = await connection.scalar(select(Account.person_id).where(Account.id == item.account_id))
            state = await connection.scalar(
                select(Conversation.state).where(Conversation.id == conversation_id(item.account_id, person_id))
            )
            is_expected = was_put_off or await _is_expected(connection, person_id, day)
        now = self._now()
        record = next((record for record in records if record.phase is phase), None)
        is_over = record is not None and not (was_put_off and record.status is Status.OPEN)
        if person is None or owner != person_id or is_over or not is_expected:
            return None
        if now.astimezone(self._services.timezone).date() != day:
            return None
        turn = Turn(
            incoming=Incoming(event_id=item.id, account_id=item.account_id, kind=Kind.OTHER, occurred_at=now),
            person=person,
            changed_at=None,
            records={(record.date, record.phase): record for record in records},
            last_next_step=steps.get(person_id),
            is_remote=bool(at_home),
            services=self._services,
            state=DialogueState.from_json(state),
        )
        # As if the child had begun: the words are the same, and nothing of it is stored until the child answers.
        match item.kind:
            case "nudge":
                await start(turn, phase, lead=turn.words(f"checkin.nudge_{phase}"))
            case "later":
                await start(turn, phase, lead=turn.words("checkin.later_now"))
            case _:
                await start(turn, phase)
        return Composed(messages=turn.outgoing, grade=person.grade)


async def _is_expected(connection: AsyncConnection, person_id: str, day: date) -> bool:
    """Whether neither the register nor a closure declared meanwhile keeps the child from today's check-in."""
    register = exists().where(
        AttendanceEntry.student_id == person_id, AttendanceEntry.date == day, AttendanceEntry.status.in_(NOT_EXPECTED)
    )
    closure = exists().where(
        Enrollment.user_sourced_id == person_id,
        Closure.school_id == Enrollment.school_sourced_id,
        Closure.first_day <= day,
        or_(Closure.last_day.is_(None), Closure.last_day >= day),
    )
    is_away, has_closure = (await connection.execute(select(register, closure))).one()
    if is_away or not has_closure:
        return not is_away
    homerooms = (
        select(SchoolClass.school_sourced_id, GRADE, SchoolClass.sourced_id)
        .join(Enrollment, Enrollment.class_sourced_id == SchoolClass.sourced_id)
        .join(User, User.sourced_id == Enrollment.user_sourced_id)
        .where(
            User.sourced_id == person_id,
            Enrollment.role == "student",
            SchoolClass.class_type == "homeroom",
            valid_on(Enrollment.begin_date, Enrollment.end_date, day),
        )
    )
    places = (await connection.execute(homerooms)).all()
    calendars = await load_calendars(connection, {school for school, *_ in places}, day, day)
    return any(calendars[school].has_checkins(day, grade or None, class_id) for school, grade, class_id in places)
