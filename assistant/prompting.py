"""What a prompt, a nudge or an あとで says, worked out when it is sent: by then the child may have answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, bindparam, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.channels.sender import Composed
from assistant.dialogue.conversation import Conversation, conversation_id
from assistant.dialogue.people import Person
from assistant.dialogue.people_store import load_people
from assistant.dialogue.state import DialogueState
from assistant.dialogue.turn import Services, Turn
from assistant.handlers.checkin import start
from assistant.messages import Incoming, Kind
from assistant.together import Together
from knowledge.questions.model import Phase
from knowledge.records.accounts import Account
from knowledge.records.at_home import home_learners
from knowledge.records.attendance import NOT_EXPECTED, AttendanceEntry
from knowledge.records.calendar import load_calendars
from knowledge.records.checkins import CheckInRecord, Status, find_checkins, last_next_steps
from knowledge.records.closures import Closure
from knowledge.records.consents import Consent, Purpose
from knowledge.records.roster import GRADE, Enrollment, SchoolClass, User
from knowledge.records.scope import valid_on
from scheduler.outbox import Item, filled


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a child at the moment of sending."""

    person: Person | None
    records: Sequence[CheckInRecord]  # of the day
    last_next_step: str | None
    is_remote: bool
    owner_id: str | None  # whose account it is now
    state: Mapping[str, Any] | None  # of the conversation
    is_expected: bool  # neither the register nor a closure declared meanwhile keeps the child away, nor do they object


Wanted = tuple[str, str, date]  # account, person, day


class Prompter:
    """Composes what asks for a check-in: a word before it and the question in one, so that one tap begins."""

    def __init__(self, services: Services, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now
        self._facts = Together(self._load)  # a whole school is prompted at the same moment

    async def compose(self, item: Item) -> Composed | None:
        """None when the check-in was begun or declined meanwhile, or the child left, is not expected, or is not to be
        asked (consent withdrawn). What the child itself put off (``later``) goes on where it was left."""
        person_id = item.payload["person_id"]
        phase, day = Phase(item.payload["phase"]), date.fromisoformat(item.payload["date"])
        was_put_off = item.kind in ("later", "menu")  # the latter: the question comes once more, below the menu
        facts = await self._facts.of((item.account_id, person_id, day))
        person, is_expected = facts.person, was_put_off or facts.is_expected
        now = self._now()
        record = next((record for record in facts.records if record.phase is phase), None)
        is_over = record is not None and not (was_put_off and record.status is Status.OPEN)
        if person is None or facts.owner_id != person_id or is_over or not is_expected:
            return None
        if now.astimezone(self._services.timezone).date() != day:
            return None
        turn = Turn(
            incoming=Incoming(event_id=item.id, account_id=item.account_id, kind=Kind.OTHER, occurred_at=now),
            person=person,
            changed_at=None,
            records={(record.date, record.phase): record for record in facts.records},
            last_next_step=facts.last_next_step,
            is_remote=facts.is_remote,
            services=self._services,
            state=DialogueState.from_json(facts.state),
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

    async def _load(self, wanted: Sequence[Wanted]) -> Mapping[Wanted, Facts]:
        """The facts of many children, in the same few statements for all of a day."""
        found: dict[Wanted, Facts] = {}
        async with self._services.database.read() as connection:
            for day in {day for *_, day in wanted}:
                found |= await _facts_of(connection, [each for each in wanted if each[2] == day], day)
        return found


OWNERS = select(Account.id, Account.person_id).where(Account.id.in_(bindparam("accounts", expanding=True)))
STATES = select(Conversation.id, Conversation.state).where(Conversation.id.in_(bindparam("ids", expanding=True)))
AWAY = union_all(
    select(AttendanceEntry.student_id).where(
        AttendanceEntry.student_id.in_(bindparam("people", expanding=True)),
        AttendanceEntry.date == bindparam("day"),
        AttendanceEntry.status.in_(NOT_EXPECTED),
    ),
    select(Consent.person_id).where(
        Consent.person_id.in_(bindparam("people", expanding=True)),
        Consent.purpose == Purpose.PROMPTS.value,
        Consent.is_given.is_(False),
    ),
)
WITH_CLOSURE = (
    select(Enrollment.user_sourced_id)
    .join(Closure, Closure.school_id == Enrollment.school_sourced_id)
    .where(
        Enrollment.user_sourced_id.in_(bindparam("people", expanding=True)),
        Closure.first_day <= bindparam("day", type_=Date),
        or_(Closure.last_day.is_(None), Closure.last_day >= bindparam("day", type_=Date)),
    )
    .distinct()
)


async def _facts_of(connection: AsyncConnection, wanted: Sequence[Wanted], day: date) -> Mapping[Wanted, Facts]:
    people = filled([person for _, person, _ in wanted])
    accounts = filled([account for account, *_ in wanted])
    conversations = filled([conversation_id(account, person) for account, person, _ in wanted])
    persons = await load_people(connection, people, day)
    records: dict[str, list[CheckInRecord]] = {}
    for record in await find_checkins(connection, people, [day]):
        records.setdefault(record.student_id, []).append(record)
    steps = await last_next_steps(connection, people, day)
    at_home = {each.student_id for each in await home_learners(connection, people, day)}
    owners = {row.id: row.person_id for row in await connection.execute(OWNERS, {"accounts": accounts})}
    states = {row.id: row.state for row in await connection.execute(STATES, {"ids": conversations})}
    away = {*(await connection.scalars(AWAY, {"people": people, "day": day}))}
    for person_id in await connection.scalars(WITH_CLOSURE, {"people": people, "day": day}):
        if not await _has_checkins(connection, person_id, day):
            away.add(person_id)
    return {
        each: Facts(
            person=persons.get(each[1]),
            records=records.get(each[1], ()),
            last_next_step=steps.get(each[1]),
            is_remote=each[1] in at_home,
            owner_id=owners.get(each[0]),
            state=states.get(conversation_id(each[0], each[1])),
            is_expected=each[1] not in away,
        )
        for each in wanted
    }


async def _has_checkins(connection: AsyncConnection, person_id: str, day: date) -> bool:
    """Whether a closure leaves the child some class that has check-ins."""
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
