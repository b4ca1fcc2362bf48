"""What a check-in prompt says, worked out when it is sent: by then the child may have answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from sqlalchemy import select

from assistant.channels.sender import Composed
from assistant.dialogue.conversation import Conversation, conversation_id
from assistant.dialogue.people_store import load_people
from assistant.dialogue.state import DialogueState
from assistant.dialogue.turn import Services, Turn
from assistant.handlers.checkin import first_question
from assistant.messages import Incoming, Kind
from knowledge.questions.model import Phase
from knowledge.records.checkins import find_checkins
from scheduler.outbox import Item


class Prompter:
    """Composes prompts: the greeting and the first question in one, so that one tap begins."""

    def __init__(self, services: Services, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now

    async def compose(self, item: Item) -> Composed | None:
        """None when the check-in was begun or declined meanwhile, or the child left."""
        person_id = item.payload["person_id"]
        phase, day = Phase(item.payload["phase"]), date.fromisoformat(item.payload["date"])
        async with self._services.database.read() as connection:
            person = (await load_people(connection, [person_id], day)).get(person_id)
            records = await find_checkins(connection, [person_id], [day])
            state = await connection.scalar(
                select(Conversation.state).where(Conversation.id == conversation_id(item.account_id, person_id))
            )
        if person is None or any(record.phase is phase for record in records):
            return None
        turn = Turn(
            incoming=Incoming(event_id=item.id, account_id=item.account_id, kind=Kind.OTHER, occurred_at=self._now()),
            person=person,
            changed_at=None,
            records={},
            services=self._services,
            state=DialogueState.from_json(state),
        )
        return Composed(messages=[first_question(turn, phase, day)], grade=person.grade)
