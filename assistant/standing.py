"""What a standing question is answered with, worked out when it is sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from assistant.channels.sender import Composed
from assistant.dialogue.asking import ask
from assistant.dialogue.turn import Services
from assistant.messages import Choice, Outgoing, Words
from assistant.wording.texts import Speaker
from knowledge.errors import NoSuchPersonError
from knowledge.records.accounts import Account
from knowledge.records.standing import StandingQuestion
from scheduler.outbox import Item


class Answerer:
    """Understands and answers the stored words anew each time, under the rights of that day."""

    def __init__(self, services: Services, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now

    async def compose(self, item: Item) -> Composed | None:
        """None when the question was stopped meanwhile, the account changed hands or the person left."""
        async with self._services.database.read() as connection:
            owner = await connection.scalar(select(Account.person_id).where(Account.id == item.account_id))
            text = await connection.scalar(
                select(StandingQuestion.text).where(
                    StandingQuestion.id == item.payload["question_id"],
                    StandingQuestion.state != "cancelled",
                    StandingQuestion.owner_id == owner,
                )
            )
        if owner is None or text is None:
            return None
        speaker = Speaker(language=self._services.language, band="staff")
        try:
            asked = await ask(self._services, owner, text, self._now(), speaker)
        except NoSuchPersonError:
            return None
        lead = speaker.say("standing.lead", question=Words.own(text))
        again = Choice(label=speaker.say("standing.ask_again"), value=f"?{text}"[:300])
        return Composed(messages=[Outgoing(text=Words.join([lead, asked.said], "\n"), choices=(again,))])
