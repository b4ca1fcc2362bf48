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
from assistant.handlers.checkin import start
from assistant.messages import Incoming, Kind
from knowledge.questions.model import Phase
from knowledge.records.accounts import Account
from knowledge.records.checkins import find_checkins, last_next_steps
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
            steps = await last_next_steps(connection, [person_id], day)
            owner = await connection.scalar(select(Account.person_id).where(Account.id == item.account_id))
            state = await connection.scalar(
                select(Conversation.state).where(Conversation.id == conversation_id(item.account_id, person_id))
            )
        now = self._now()
        has_begun = any(record.phase is phase for record in records)
        if person is None or owner != person_id or has_begun or now.astimezone(self._services.timezone).date() != day:
            return None
        turn = Turn(
            incoming=Incoming(event_id=item.id, account_id=item.account_id, kind=Kind.OTHER, occurred_at=now),
            person=person,
            changed_at=None,
            records={(record.date, record.phase): record for record in records},
            last_next_step=steps.get(person_id),
            services=self._services,
            state=DialogueState.from_json(state),
        )
        # As if the child had begun: the words are the same, and nothing of it is stored until the child answers.
        await start(turn, phase)
        return Composed(messages=turn.outgoing, grade=person.grade)
