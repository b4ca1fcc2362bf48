"""What a learning menu says to a child at home, and the question for one to a teacher."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import exists, select

from assistant.channels.sender import Composed
from assistant.dialogue.flow import MAX_CHOICES
from assistant.dialogue.people_store import load_people
from assistant.dialogue.turn import Services
from assistant.messages import Choice, Outgoing, Words
from assistant.prompting import Prompter
from assistant.wording.occasions import say_day
from assistant.wording.texts import Speaker
from knowledge.questions.model import Phase
from knowledge.records.accounts import Account
from knowledge.records.closures import MenuLine, done_items, find_menu
from scheduler.checkin_planner import message_key
from scheduler.outbox import Item, Outbox, State

DONE = "~done/"  # a button's value: and the item's id


class MenuComposer:
    """Composes menus when they are sent: what was changed since is in them."""

    def __init__(self, services: Services, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now
        self._prompter = Prompter(services, now)

    async def compose(self, item: Item) -> Composed | None:
        """None when the day is over, the menu is gone, the child left or the account changed hands."""
        person_id, day = item.payload["person_id"], date.fromisoformat(item.payload["date"])
        if self._now().astimezone(self._services.timezone).date() != day:
            return None
        async with self._services.database.read() as connection:
            person = (await load_people(connection, [person_id], day)).get(person_id)
            owner = await connection.scalar(select(Account.person_id).where(Account.id == item.account_id))
            lines = await find_menu(connection, item.payload["school_id"], item.payload["grade"], day)
            done = await done_items(connection, person_id, [line.id for line in lines])
            prompt = message_key("prompt", Phase(item.payload["phase"]), day, person_id)
            sent = exists().where(Outbox.key == prompt, Outbox.state == State.SENT)
            was_asked = await connection.scalar(select(sent))
        if person is None or owner != person_id or not lines:
            return None
        speaker = Speaker(language=self._services.language, band=person.band)
        message = menu_message(speaker, lines, done)
        asked = await self._prompter.compose(item) if was_asked else None
        return Composed(messages=[message] if asked is None else above(message, asked.messages), grade=person.grade)

    async def compose_question(self, item: Item) -> Composed | None:
        """None when a menu was set meanwhile."""
        day = date.fromisoformat(item.payload["date"])
        async with self._services.database.read() as connection:
            lines = await find_menu(connection, item.payload["school_id"], item.payload["grade"], day)
            owner = await connection.scalar(select(Account.person_id).where(Account.id == item.account_id))
        if lines or owner != item.payload["person_id"]:
            return None
        speaker = Speaker(language=self._services.language, band="staff")
        grade = item.payload["grade"][1:]
        text = speaker.say("menus.ask", day=say_day(day, speaker), grade=grade, month=day.month, date=day.day)
        return Composed(messages=[Outgoing(text=text)])


def menu_message(
    speaker: Speaker, lines: Sequence[MenuLine], done: Collection[str], lead: Words | None = None
) -> Outgoing:
    """The day's menu, what was done marked, with a button for each item: a tap marks it, another takes it back."""
    listed = [say_line(speaker, line, is_done=line.id in done) for line in lines]
    ending = speaker.say("menus.all_done" if len(done) == len(lines) else "menus.how")
    text = Words.join([lead or speaker.say("menus.head"), *listed, ending], "\n")
    choices = tuple(
        Choice(
            label=speaker.say(
                "menus.undo" if line.id in done else "menus.done", number=line.place, subject=line.subject
            ),
            value=DONE + line.id,
        )
        for line in lines
    )
    return Outgoing(text=text, choices=choices)


def above(message: Outgoing, asked: Sequence[Outgoing]) -> list[Outgoing]:
    """The menu, and the question that waits below it with the buttons of both: LINE shows those of the last alone."""
    *before, last = asked
    room = MAX_CHOICES - len(last.choices)
    last = replace(last, choices=(*last.choices, *message.choices[:room]))
    return [replace(message, choices=()), *before, last]


def say_line(speaker: Speaker, line: MenuLine, *, is_done: bool = False) -> Words:
    """「1 算数（ドリル）p.20」, the link below it. Titles are as their teacher wrote them."""
    mark = speaker.say("menus.mark_done") if is_done else Words()
    kind = speaker.say(f"menus.kind_{line.kind}")
    at = speaker.say("menus.at", time=line.starts_at) if line.starts_at else Words()
    said = speaker.say("menus.line", number=line.place, subject=line.subject, kind=kind)
    title = Words.own(line.title) if line.title else Words()
    link = Words.own(f"\n{line.url}") if line.url else Words()
    return Words((*mark.spans, *Words.join([said, title, at], " ").spans, *link.spans))
