"""はい to the preview of a closure: stored, stopped and told in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.dialogue.closing_draft import ClosureDraft
from assistant.dialogue.people_store import load_people
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import AddAnnouncement
from assistant.handlers.closing import say_days, say_span
from assistant.handlers.concerned import Affected, due_at, find_affected, is_whole, stopped_kinds
from assistant.messages import Outgoing, Words
from assistant.wording.texts import Speaker, band_of
from knowledge.db import upsert
from knowledge.records.announcements import AnnouncementRecipient
from knowledge.records.closures import Declared, declare
from knowledge.records.leads import is_lead
from knowledge.reminding import AnswerKind
from scheduler import outbox, stopping
from scheduler.outbox import Item
from scheduler.upcoming import refresh


async def confirm(turn: Turn, draft: ClosureDraft) -> None:
    """はい: stored and stopped in one transaction, so that what is said to be stopped is what was stopped."""
    turn.change(closing=None)
    async with turn.services.database.read() as connection:
        may = await is_lead(connection, turn.known.id, draft.school_id, turn.today)  # it may have ended meanwhile
    if not may:
        turn.say("closures.only_leads_unknown")
        return
    closure_id = str(uuid.uuid5(uuid.NAMESPACE_URL, turn.incoming.event_id))
    first = draft.first or turn.today
    closure = Declared(
        id=closure_id,
        school_id=draft.school_id,
        grades=draft.grades,
        class_ids=draft.class_ids,
        label=draft.label,
        first_day=first,
        last_day=draft.last,
        reason=draft.reason,
        is_remote=draft.is_remote,
        announcement_id=closure_id if draft.safety else None,
    )
    # Not by writes of the turn: the answer says how many sends were stopped, and only the transaction that stops them
    # knows. Worked out again, it finds the same closure and the same sends.
    async with turn.services.database.write() as connection:
        affected = await find_affected(connection, turn, draft)
        people = await load_people(connection, affected.ids, turn.today)
        grades = {id: person.grade or "" for id, person in people.items()}
        due = due_at(turn, draft)
        if draft.tells:  # the news first, then the question
            await outbox.put(connection, _notices(turn, closure, affected, grades, due))
        asked: dict[str, str] = {}
        if draft.safety:
            asked = {member.person_id: member.account_id for member in affected.linked if member.account_id}
            asked |= affected.staff if is_whole(draft) else {}
            await _ask_safety(connection, turn, draft, closure_id, asked, grades, due)
        await declare(connection, closure, turn.known.id, turn.now)
        await refresh(connection, [draft.school_id], turn.now, turn.services.timezone)
        stopped: Mapping[str, int] = {}
        if first <= turn.today:
            cause = stopping.CLOSED + closure_id
            stopped = await stopping.stop(connection, affected.ids, stopped_kinds(draft), turn.now, cause)
    turn.outgoing.append(Outgoing(text=_declared(turn, closure, draft, affected, stopped, len(asked), due)))


def _declared(
    turn: Turn,
    closure: Declared,
    draft: ClosureDraft,
    affected: Affected,
    stopped: Mapping[str, int],
    asked: int,
    due: datetime,
) -> Words:
    """What was done: exactly what was stopped, who is told and who cannot be."""
    prompts = sum(count for kind, count in stopped.items() if kind in stopping.PROMPTS)
    others = sum(stopped.values()) - prompts
    days = say_days(turn.speaker, closure.first_day, closure.last_day)
    away = len(affected.children) - len(affected.linked)
    later = "_later" if due > turn.now else ""
    at = f"{due:%H:%M}"
    lines = [
        turn.words("closures.declared", label=Words.own(closure.label), days=days),
        turn.words("closures.stopped", prompts=prompts, reminders=others)
        if prompts or others
        else turn.words("closures.stopped_nothing"),
        turn.words(f"closures.goes_on_{'remote' if closure.is_remote else 'off'}"),
    ]
    if draft.tells:
        counts = {"children": len(affected.linked), "staff": len(affected.staff)}
        lines.append(turn.words(f"closures.told{later}", time=at, **counts))
    if draft.safety:
        lines.append(turn.words(f"closures.asked_safety{later}", time=at, count=asked))
    if away and (draft.tells or draft.safety):
        lines.append(turn.words("closures.not_linked", count=away))
    lines.append(turn.words("closures.how_to_end"))
    return Words.join(lines, "\n")


async def _ask_safety(
    connection: AsyncConnection,
    turn: Turn,
    draft: ClosureDraft,
    announcement_id: str,
    asked: Mapping[str, str],
    grades: Mapping[str, str],
    due: datetime,
) -> None:
    """An announcement to everyone at once, beyond limits and quiet hours; each row is stored once."""
    speaker = Speaker(language=turn.services.language, band="staff")
    announcement = AddAnnouncement(
        announcement_id=announcement_id,
        owner_id=turn.known.id,
        school_id=draft.school_id,
        text=str(speaker.say("closures.safety_title", label=draft.label)),
        answers=AnswerKind.CHOICE,
        choices=tuple(str(speaker.say(f"closures.safety_{value}")) for value in ("ok", "trouble", "help")),
        closes_at=None,
        at=turn.now,
        is_safety_check=True,
    )
    await AddAnnouncement.store(connection, [announcement])
    rows = [{"announcement_id": announcement_id, "person_id": id, "asked_at": due} for id in asked]
    await upsert(connection, AnnouncementRecipient, rows, key=["announcement_id", "person_id"])
    items = [
        Item(
            key=f"announcement:{announcement_id}:{person_id}",
            account_id=account_id,
            kind="announcement",
            payload={"announcement_id": announcement_id, "person_id": person_id},
            due_at=due,
            created_at=turn.now,
            person_id=person_id,
            source=f"safety:{announcement_id}",
            variant=grades.get(person_id, "staff"),
        )
        for person_id, account_id in asked.items()
    ]
    await outbox.put(connection, items)


def _notices(turn: Turn, closure: Declared, affected: Affected, grades: Mapping[str, str], due: datetime) -> list[Item]:
    """The news, to each child and member of staff who can be written to."""
    kind = "remote" if closure.is_remote else "off"

    def item(person_id: str, account_id: str, text: Words, grade: str | None) -> Item:
        payload = {"messages": [Outgoing(text=text).to_json()], **({"grade": grade} if grade else {})}
        return Item(
            key=f"closure:{closure.id}:{person_id}",
            account_id=account_id,
            kind="messages",
            payload=payload,
            due_at=due,
            created_at=turn.now,
            person_id=person_id,
            source=f"closure:{closure.id}",
            variant=grade or "staff",
        )

    items: list[Item] = []
    for member in affected.linked:
        grade = grades.get(member.person_id)
        speaker = Speaker(language=turn.services.language, band=_band(grade))
        days = say_span(speaker, closure.first_day, closure.last_day)
        text = speaker.say(f"closures.to_child_{kind}", days=days)
        if closure.last_day is None:
            text = Words.join([text, speaker.say("closures.to_child_open")], "\n")
        items.append(item(member.person_id, member.account_id or "", text, grade))
    speaker = Speaker(language=turn.services.language, band="staff")
    days = say_span(speaker, closure.first_day, closure.last_day)
    told = speaker.say(f"closures.to_staff_{kind}", label=Words.own(closure.label), days=days)
    return items + [item(id, account_id, told, None) for id, account_id in affected.staff.items()]


def _band(grade: str | None) -> str:
    return band_of(grade) if grade else "lower"
