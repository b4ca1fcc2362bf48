"""Standing questions in a chat: 「毎週月曜8時に先週の提出率を送って」, the list of them, and stopping one."""

from __future__ import annotations

from datetime import datetime, time

from sqlalchemy import select

from assistant.dialogue.asking import ask, understand
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import AddStandingQuestion, StopStandingQuestion
from assistant.messages import Choice, Kind, Outgoing, Words
from intents.asides import Aside, find_aside
from intents.standing import StandingRequest, find_standing
from knowledge.questions.model import Status
from knowledge.records.calendar import load_calendars
from knowledge.records.standing import StandingQuestion
from scheduler.recurrence import AHEAD, next_school_day

MOST = 12  # of one person: as many as can be stopped by a tap on LINE, which shows 13
LONGEST = 200  # characters
STOP = "!stop_standing/"  # a button's value: and the question's id


async def on_standing(turn: Turn) -> bool:
    """Words about standing questions, from staff. Anything else is left to others."""
    if turn.person is None or turn.person.band != "staff":
        return False
    choice = turn.incoming.choice or ""
    if turn.incoming.kind is Kind.CHOICE and choice.startswith(STOP):
        turn.writes.append(StopStandingQuestion(question_id=choice[len(STOP) :], owner_id=turn.known.id))
        turn.say("standing.stopped")
        return True
    if turn.incoming.kind is not Kind.TEXT:
        return False
    if find_aside(turn.incoming.text) is Aside.STANDING:
        await _list(turn)
        return True
    request = find_standing(turn.incoming.text)
    if request is None or (request.at is None and await _is_question(turn)):
        return False
    return await _add(turn, request)


async def _is_question(turn: Turn) -> bool:
    """Whether the whole text asks something now: 「今週の毎日の提出率を見せて」."""
    meant = await understand(turn.services, turn.known.id, turn.incoming.text, turn.incoming.occurred_at)
    return meant["intent"] == "question"


async def _add(turn: Turn, request: StandingRequest) -> bool:
    """Stored when it is a question about data that is understood for sure and may be asked; otherwise left to others,
    refused, or asked back."""
    asked = await ask(turn.services, turn.known.id, request.question, turn.incoming.occurred_at, turn.speaker)
    question = asked.answer.question
    if asked.reading is None:
        return False
    if asked.answer.status is Status.REFUSED:
        turn.outgoing.append(Outgoing(text=asked.said))
        return True
    is_clear = asked.answer.status in (Status.ANSWERED, Status.EMPTY)
    if not is_clear or question is None or len(request.question) > LONGEST:
        turn.say("standing.not_clear", question=Words.own(request.question[:LONGEST]))
        return True
    if request.at is None:
        turn.say("standing.no_time")
        return True
    if len(await _mine(turn)) >= MOST:
        turn.say("standing.too_many", most=MOST)
        return True
    school = turn.known.school_id or ""
    async with turn.services.database.read() as connection:
        calendars = await load_calendars(connection, [school], turn.today, turn.today + AHEAD)
    first = next_school_day(request.rrule, request.at, turn.now, turn.services.timezone, calendars[school])
    if first is None:
        turn.say("standing.never")
        return True
    turn.writes.append(
        AddStandingQuestion(
            question_id=turn.incoming.event_id,
            owner_id=turn.known.id,
            text=request.question,
            rrule=request.rrule,
            at=f"{request.at:%H:%M}",
            next_at=first,
            created_at=turn.now,
        )
    )
    turn.say(
        "standing.added",
        [turn.button("standing.stop", STOP + turn.incoming.event_id)],
        question=Words.own(request.question),
        scope=Words.own(question.scope.label),
        next=_moment(turn, first),
    )
    return True


async def _list(turn: Turn) -> None:
    mine = await _mine(turn)
    if not mine:
        turn.say("standing.none")
        return
    lines = [
        turn.words("standing.line", question=Words.own(text), next=_moment(turn, at.astimezone(turn.services.timezone)))
        for _, text, at in mine
    ]
    choices = tuple(
        Choice(label=turn.words("standing.stop_one", question=Words.own(text)), value=STOP + id) for id, text, _ in mine
    )
    turn.outgoing.append(Outgoing(text=Words.join([turn.words("standing.list"), *lines], "\n"), choices=choices))


async def _mine(turn: Turn) -> list[tuple[str, str, datetime]]:
    """(id, words, when next) of the person's questions that are not stopped."""
    statement = (
        select(StandingQuestion.id, StandingQuestion.text, StandingQuestion.next_at)
        .where(StandingQuestion.owner_id == turn.known.id, StandingQuestion.state == "active")
        .order_by(StandingQuestion.created_at)
    )
    async with turn.services.database.read() as connection:
        return [(id, text, at) for id, text, at in await connection.execute(statement) if at is not None]


def _moment(turn: Turn, moment: datetime) -> Words:
    weekday = turn.words(f"standing.weekday_{moment.weekday()}")
    return turn.words(
        "standing.moment",
        month=moment.month,
        day=moment.day,
        weekday=weekday,
        time=time.strftime(moment.time(), "%H:%M"),
    )
