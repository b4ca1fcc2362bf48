"""What is said of a wish to talk when it is sent: to whom the child chose, and back to the child."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.channels.sender import Composed
from assistant.dialogue.conversation import Conversation, conversation_id
from assistant.dialogue.people import HIRAGANA
from assistant.dialogue.people_store import load_people
from assistant.dialogue.state import DialogueState
from assistant.dialogue.turn import Services
from assistant.messages import Choice, Outgoing, Tone, Words
from assistant.wording.texts import Speaker
from intents.wishes import Subject
from knowledge.errors import NoSuchPersonError
from knowledge.records.accounts import Account, accounts_of
from knowledge.records.audit import Act, Entry, Kind, record
from knowledge.records.roster import User
from knowledge.records.scope import load_viewer
from knowledge.records.talk_requests import Chosen, find_request
from scheduler.outbox import Item
from scheduler.talks import ASK, DONE, PASSED, news, talk_for, told_in, when_awake

PREFIX = "w/"  # a button's value: ``w/<what>/…``; ids come last, for they may hold anything


class Talking:
    """Composes the sends of ``scheduler.talks``."""

    def __init__(self, services: Services, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now

    async def compose(self, item: Item) -> Composed | None:
        """To staff. None when it was read or closed meanwhile, or the person may not read it any more."""
        person_id = item.payload["person_id"]
        now = self._now().astimezone(self._services.timezone)
        async with self._services.database.read() as connection:
            if await _owner(connection, item.account_id) != person_id:
                return None
            try:
                viewer = await load_viewer(connection, person_id, now.date())
            except NoSuchPersonError:
                return None
            row = await talk_for(connection, viewer, self._services.times.care_of, item.payload["item_id"])
        if row is None or row.closed_at is not None or row.read_at is not None:
            return None
        speaker = Speaker(language=self._services.language, band="staff")
        kind = "notice_again" if item.payload.get("again") else "notice_anyone" if row.chosen_id is None else "notice"
        text = speaker.say(f"talks.{kind}", **about(speaker, row))
        choices = tuple(
            Choice(label=speaker.say(f"talks.{what}_button"), value=f"{PREFIX}{what}/{row.id}")
            for what in ("read", "done")
        )
        told = Entry(
            actor_id=person_id,
            act=Act.TOLD,
            kind=Kind.TALK_REQUESTS,
            subject_ids=[row.student_id],
            channel=item.channel,
            at=now,
        )
        await record(self._services.database, [told])
        return Composed(messages=[Outgoing(text=text, choices=choices)])

    async def compose_news(self, item: Item) -> Composed | None:
        """To the child. None when it is no news any more."""
        now = self._now().astimezone(self._services.timezone)
        async with self._services.database.read() as connection:
            row = await find_request(connection, item.payload["item_id"])
            if row is None or await _owner(connection, item.account_id) != row.student_id:
                return None
            person = (await load_people(connection, [row.student_id], now.date())).get(row.student_id)
            is_waiting = row.closed_at is None and row.read_at is None
            if person is None or row.closed_by == row.student_id or (item.kind in (ASK, PASSED) and not is_waiting):
                return None
            id = conversation_id(item.account_id, row.student_id)
            state = await connection.scalar(select(Conversation.state).where(Conversation.id == id))
            language = DialogueState.from_json(state).language or self._services.language
            speaker = Speaker(language=language, band=person.band)
            if item.kind == PASSED:
                told = await told_in(connection, row.id, item.payload["step"])
                named = [say_who(speaker, Chosen.TEACHER, *each) for each in told]
                who = Words.join(named, str(speaker.say("wishes.and")))
            else:
                meant = {ASK: row.chosen_id, DONE: row.closed_by}.get(item.kind, row.read_by)
                who = await _who(connection, speaker, row, meant)
        key = "ask_others" if item.kind == ASK else item.kind.removeprefix("talk_")
        choices = _ways_on(speaker, row.id) if item.kind == ASK else ()
        message = Outgoing(text=speaker.say(f"wishes.{key}", who=who), choices=choices)
        return Composed(messages=[message], grade=person.grade)


async def tell_child(
    services: Services, connection: AsyncConnection, kind: str, row: Any, now: datetime
) -> Item | None:
    """A word to the child about its wish, when it is not left in peace; None where it cannot be written to. ``now`` is
    in the school's time zone."""
    account_id = (await accounts_of(connection, [row.student_id], services.channels)).get(row.student_id)
    person = (await load_people(connection, [row.student_id], now.date())).get(row.student_id)
    if account_id is None or person is None:
        return None
    due_at = when_awake(services.times.of(person.school_id or ""), now)
    return news(kind, row.id, account_id, due_at=due_at, now=now)


def about(speaker: Speaker, row: Any) -> dict[str, Words]:
    """Who wants to talk, and about what, for a text to staff."""
    return {
        "name": Words.own(f"{row.family_name} {row.given_name}"),
        "school_class": Words.own(row.school_class or ""),
        "subject": say_subject(speaker, row.subject),
    }


def say_subject(speaker: Speaker, subject: str | None) -> Words:
    return speaker.say(f"wishes.subject_{Subject(subject)}" if subject else "wishes.subject_none")


def say_who(speaker: Speaker, chosen_as: str, family_name: str, given_name: str, kana: str | None) -> Words:
    """「担任の伊藤先生」; for young children in the letters that they can read, where the roster has them."""
    if speaker.language == "en":
        name = f"{given_name} {family_name}"
    else:
        name = kana.translate(HIRAGANA) if kana and speaker.band == "lower" else family_name
    return speaker.say(f"wishes.{chosen_as}_named", name=Words.own(name))


async def _who(connection: AsyncConnection, speaker: Speaker, row: Any, person_id: str | None) -> Words:
    """How the child knows somebody of the staff."""
    names = select(User.family_name, User.given_name, User.kana_family_name).where(User.sourced_id == person_id)
    found = (await connection.execute(names)).first()
    if found is None:
        return speaker.say(f"wishes.{Chosen.ANYONE}_named")
    chosen_as = row.chosen_as if person_id == row.chosen_id else Chosen.TEACHER
    return say_who(speaker, chosen_as, *found)


def _ways_on(speaker: Speaker, request_id: str) -> tuple[Choice, ...]:
    values = {"yes": f"yes/{request_id}", "no": f"no/{request_id}", "choose": "whom"}
    ways = [
        Choice(label=speaker.say(f"wishes.{key}_button"), value=f"{PREFIX}{value}") for key, value in values.items()
    ]
    back = Choice(label=speaker.say("wishes.stop_button"), value=f"{PREFIX}never/{request_id}", tone=Tone.CONTROL)
    return (*ways, back)


async def _owner(connection: AsyncConnection, account_id: str) -> str | None:
    return await connection.scalar(select(Account.person_id).where(Account.id == account_id))
