"""What staff are shown of flags, wherever they look: rights, audit, and the page they lead to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.messages import Words
from assistant.wording.texts import Speaker
from knowledge.records.audit import Act, Entry, Kind
from knowledge.records.flags import Flag, Flagged

PAGE = "/care/flags"
PREFIX = "fl/"  # a button's value: ``fl/<what>/<id of the flag>``
NAMED = 10  # children in a line of the brief; the rest is counted


def entry(actor_id: str, act: Act, subjects: Collection[str], channel: str, at: datetime, detail: str = "") -> Entry:
    """For the audit."""
    return Entry(
        actor_id=actor_id,
        act=act,
        kind=Kind.FLAGS,
        subject_ids=tuple(dict.fromkeys(subjects)),
        channel=channel,
        at=at,
        detail=detail,
    )


async def student_of(connection: AsyncConnection, flag_id: str) -> Sequence[str]:
    """Whom a flag is about that somebody may not see: for the audit of the refusal. Nobody where there is none."""
    return [*await connection.scalars(select(Flag.student_id).where(Flag.id == flag_id))]


def say_names(flags: Sequence[Flagged], speaker: Speaker) -> Words:
    """The line of the brief: names, no reasons (a phone lies open on a desk); empty where nobody is pointed out."""
    children = {flag.student_id: Words.own(f"{flag.family_name} {flag.given_name}") for flag in flags}
    if not children:
        return Words()
    names = [*children.values()][:NAMED]
    if len(children) > NAMED:
        names.append(speaker.say("brief.others", count=len(children) - NAMED))
    return speaker.say("brief.flags", count=len(children), names=Words.join(names, str(speaker.say("brief.comma"))))
