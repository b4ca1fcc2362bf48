"""What a standing question is answered with, worked out when it is sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from assistant.channels.sender import Composed
from assistant.dialogue.asking import ask
from assistant.dialogue.people_store import load_people
from assistant.dialogue.turn import Services
from assistant.messages import Choice, Outgoing, Words
from assistant.wording.texts import Speaker
from knowledge.records.accounts import Account
from knowledge.records.standing import StandingQuestion
from scheduler.outbox import Item


class Answerer:
    """Understands and answers the stored words anew each time, under the rights of that day."""

    def __init__(self, services: Services, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now

    async def compose(self, item: Item) -> Composed | None:
        """None when the question was stopped meanwhile, the account changed hands or the person left, or is
        no longer staff."""
        now = self._now()
        today = now.astimezone(self._services.timezone).date()
        async with self._services.database.read() as connection:
            owner = await connection.scalar(select(Account.person_id).where(Account.id == item.account_id))
            text = await connection.scalar(
                select(StandingQuestion.text).where(
                    StandingQuestion.id == item.payload["question_id"],
                    StandingQuestion.state != "cancelled",
                    StandingQuestion.owner_id == owner,
                )
            )
            person = (await load_people(connection, [owner] if owner is not None else [], today)).get(owner or "")
        if text is None or person is None or not person.roles or person.band != "staff":
            return None
        speaker = Speaker(language=self._services.language, band="staff")
        asked = await ask(self._services, person.id, text, now, speaker)
        lead = speaker.say("standing.lead", question=Words.own(text))
        again = Choice(label=speaker.say("standing.ask_again"), value=f"?{text}")
        return Composed(messages=[Outgoing(text=Words.join([lead, asked.said], "\n"), choices=(again,))])
