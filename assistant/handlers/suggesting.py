"""Content that is offered: what is remembered of it, its link, and 「つぎは…」 at the end of a reflection."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import exists, select

from assistant.dialogue.content_writes import OfferContent
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import RaiseAlert
from assistant.links import offer_link
from assistant.messages import Link, Outgoing, Words
from knowledge.records.alerts import Alert
from knowledge.records.content import Item, catalogue, tried_by, was_suggested
from knowledge.suggesting import Nothing, Suggestion, recent_study, suggest

SEARCH, NEXT_STEP = "search", "next_step"  # why something is offered


def offered(turn: Turn, items: Sequence[Item], source: str) -> tuple[Link, ...]:
    """The items as links; that they were offered is stored with the turn."""
    links: list[Link] = []
    for item in items:
        # From the event, so that a turn that is worked out twice offers once.
        offer_id = str(uuid5(NAMESPACE_URL, f"{turn.incoming.event_id}/{item.content_id}"))
        turn.writes.append(
            OfferContent(
                offer_id=offer_id, content_id=item.content_id, person_id=turn.known.id, source=source, at=turn.now
            )
        )
        links.append(offer_link(turn.speaker, turn.services.secret, offer_id, item))
    return tuple(links)


async def with_next_step(turn: Turn, ending: Outgoing) -> Outgoing:
    """The end of a reflection with what may come next: an offer that asks nothing, once a day, where the school wants
    it, the drills give a reason and something fits; never on a day on which the child was in distress."""
    if not turn.services.times.of(turn.known.school_id or "").suggestions or await is_hard_day(turn):
        return ending
    async with turn.services.database.read() as connection:
        if await was_suggested(connection, turn.known.id, _morning(turn)):
            return ending
    found = await next_step(turn, turn.known.id, turn.known.grade)
    if not isinstance(found, Suggestion):
        return ending
    text = Words.join([ending.text, say_suggestion(turn, found)], "\n\n")
    return replace(ending, text=text, links=offered(turn, [found.item], NEXT_STEP))


async def next_step(
    turn: Turn, student_id: str, grade: str | None, subjects: frozenset[str] | None = None
) -> Suggestion | Nothing:
    """What fits a student's results, of these subjects where any are given."""
    async with turn.services.database.read() as connection:
        studied = await recent_study(connection, student_id, turn.today, subjects)
        if not studied:
            return Nothing.TOO_FEW
        items, tried = await catalogue(connection), await tried_by(connection, student_id)
    return await asyncio.to_thread(suggest, studied, items, grade, tried)


def say_suggestion(turn: Turn, found: Suggestion) -> Words:
    """The reason, in the child's own figures."""
    key = "content.next_step" if found.correct else "content.next_step_tried"  # nobody needs to read 「10問中0問」
    return turn.words(key, about=found.about, answered=found.answered, correct=found.correct)


async def is_hard_day(turn: Turn) -> bool:
    """Whether words of distress came from the person today, this turn included."""
    if any(isinstance(write, RaiseAlert) for write in turn.writes):
        return True
    today = exists().where(Alert.student_id == turn.known.id, Alert.last_at >= _morning(turn))
    async with turn.services.database.read() as connection:
        return bool(await connection.scalar(select(today)))


def _morning(turn: Turn) -> datetime:
    """When the day of the event began."""
    return datetime.combine(turn.today, time(), turn.services.timezone)
