"""What a reminder says, worked out when it is sent; and what its owner hears of those who did not get it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.channels.sender import Composed
from assistant.dialogue.asking import ask
from assistant.dialogue.people import Person
from assistant.dialogue.people_store import load_people
from assistant.dialogue.turn import Services
from assistant.handlers.reminders.audience import may_reach
from assistant.handlers.reminders.stored import line, to_draft
from assistant.messages import Choice, Outgoing, Words
from assistant.prompting import Prompter
from assistant.wording.occasions import say_moment
from assistant.wording.texts import Speaker
from intents.managing import Managing
from knowledge.records.accounts import Account
from knowledge.records.audit import record
from knowledge.records.reminders import Reminder
from knowledge.records.roster import User
from knowledge.reminding import AudienceKind, ReminderState
from scheduler.outbox import Item, Outbox, State

NAMED = 10  # people a report names; the rest is counted
# Why somebody did not get it, by what the planner or the outbox calls it. Of others there is nothing to report: a
# check-in that was answered meanwhile is none that was missed.
WHY = {"quiet": "quiet", "limit": "limit", "too late": "late", "quota": "quota", "token": "channel"}


class Reminded:
    """Composes what reminders send. Rights are looked at anew: of somebody who lost the class, or left, nothing goes
    out any more."""

    def __init__(self, services: Services, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now
        self._prompter = Prompter(services, now)

    async def words(self, item: Item) -> Composed | None:
        """The words of the one who set it. None when it was cancelled, the account changed hands, or a right ended."""
        found = await self._found(item)
        if found is None:
            return None
        row, sender, person = found
        kind = AudienceKind(row.audience_kind)
        key = {AudienceKind.SELF: "to_self", AudienceKind.STAFF: "to_staff"}.get(kind, "to_child")
        speaker = Speaker(language=self._services.language, band=person.band)
        said = speaker.say(f"reminders.{key}", sender=self._called(sender), text=Words.of(row.text))
        return Composed(messages=[Outgoing(text=said)], grade=person.grade)

    async def checkin(self, item: Item) -> Composed | None:
        """The check-in's first question, with who reminds of it. None as of ``words``, and when it was begun."""
        found = await self._found(item)
        composed = await self._prompter.compose(item) if found is not None else None
        if found is None or composed is None:
            return None
        _, sender, person = found
        speaker = Speaker(language=self._services.language, band=person.band)
        lead = speaker.say("reminders.checkin_from", sender=self._called(sender))
        first, *rest = composed.messages
        first = replace(first, text=Words.join([lead, first.text], "\n"))
        return replace(composed, messages=[first, *rest])

    async def answer(self, item: Item) -> Composed | None:
        """The answer to a question, understood anew under the receiver's rights of the day. None as of ``words``, and
        for somebody who is no longer staff."""
        found = await self._found(item)
        if found is None or not found[2].roles or found[2].band != "staff":
            return None
        row, _, person = found
        speaker = Speaker(language=self._services.language, band="staff")
        asked = await ask(self._services, person.id, row.text, self._now(), speaker)
        if asked.looked is not None:
            await record(self._services.database, [replace(asked.looked, channel=item.channel)])
        lead = speaker.say("reminders.answer_lead", question=Words.own(row.text))
        again = Choice(label=speaker.say("reminders.ask_again"), value=f"?{row.text}")
        return Composed(messages=[Outgoing(text=Words.join([lead, asked.said], "\n"), choices=(again,))])

    async def report(self, item: Item) -> Composed | None:
        """To the owner: who did not get a sending, and why. None when nobody went without."""
        payload = item.payload
        async with self._services.database.read() as connection:
            row = await _stored(connection, payload["reminder_id"])
            holder = await connection.scalar(select(Account.person_id).where(Account.id == item.account_id))
            if row is None or holder != row.owner_id:
                return None
            without = {WHY[reason]: list(people) for reason, people in payload["withheld"].items() if reason in WHY}
            if not payload["missed"]:
                for reason, person_id in await _not_delivered(connection, payload["source"]):
                    without.setdefault(reason, []).append(person_id)
            names = await _names(connection, [id for people in without.values() for id in people])
        zone, speaker = self._services.timezone, Speaker(language=self._services.language, band="staff")
        moments = [datetime.fromisoformat(each) for each in payload.get("occurrences") or [payload["occurrence"]]]
        comma = str(speaker.say("reminders.name_comma"))
        at = Words.join([say_moment(each.astimezone(zone), speaker) for each in moments], comma)
        said = line(to_draft(row, self._now()), speaker)
        again = Choice(label=speaker.say("reminders.send_now"), value=f"r/s/{row.id}/{Managing.SEND_NOW}")
        if payload.get("event"):
            text = speaker.say("reminders.report_event", line=said, title=Words.own(payload["event"]))
            return Composed(messages=[Outgoing(text=text)])
        if payload["missed"]:
            text = speaker.say("reminders.report_missed", line=said, at=at)
            return Composed(messages=[Outgoing(text=text, choices=(again,))])
        if not names:
            return None
        lines = [
            speaker.say(
                f"reminders.why_{reason}", count=len(people), names=_listed([names[id] for id in people], speaker)
            )
            for reason, people in without.items()
        ]
        text = Words.join([speaker.say("reminders.report", line=said, at=at), *lines], "\n")
        return Composed(messages=[Outgoing(text=text)])

    async def _found(self, item: Item) -> tuple[Any, Person, Person] | None:
        """The reminder, who set it and who gets it, while all of that still holds."""
        today = self._now().astimezone(self._services.timezone).date()
        person_id = item.payload["person_id"]
        async with self._services.database.read() as connection:
            row = await _stored(connection, item.payload["reminder_id"])
            holder = await connection.scalar(select(Account.person_id).where(Account.id == item.account_id))
            if row is None or row.state == ReminderState.CANCELLED or holder != person_id:
                return None
            people = await load_people(connection, {row.owner_id, person_id}, today)
            kind, ids = AudienceKind(row.audience_kind), row.audience_ids
            if not await may_reach(connection, row.owner_id, kind, ids, today):
                return None
        if row.owner_id not in people or person_id not in people:
            return None
        return row, people[row.owner_id], people[person_id]

    def _called(self, sender: Person) -> Words:
        return Words.own(sender.called(self._services.language))


async def _stored(connection: AsyncConnection, reminder_id: str) -> Any:
    statement = select(*Reminder.__table__.c).where(Reminder.id == reminder_id)
    return (await connection.execute(statement)).one_or_none()


async def _not_delivered(connection: AsyncConnection, source: str) -> list[tuple[str, str]]:
    """(reason, person) of those sends of a sending that did not arrive."""
    statement = select(Outbox.person_id, Outbox.state, Outbox.problem).where(
        Outbox.source == source, Outbox.state != State.SENT
    )
    found: list[tuple[str, str]] = []
    for person_id, state, problem in await connection.execute(statement):
        reason = WHY.get(problem or "")
        if person_id is not None and (reason is not None or state != State.SKIPPED):
            found.append((reason or "channel", person_id))
    return found


async def _names(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, str]:
    statement = select(User.sourced_id, User.family_name, User.given_name).where(User.sourced_id.in_(ids))
    return {id: f"{family} {given}" for id, family, given in await connection.execute(statement)}


def _listed(names: Sequence[str], speaker: Speaker) -> Words:
    shown = [Words.own(name) for name in names[:NAMED]]
    if len(names) > NAMED:
        shown.append(speaker.say("reminders.and_more", count=len(names) - NAMED))
    joined = Words.join(shown, str(speaker.say("reminders.name_comma")))
    return speaker.say("reminders.why_names", names=joined)
