"""「教材の使われ方は？」: what came of the content offered to the children of one's own class or school."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import or_, select

from assistant.dialogue.turn import Turn
from assistant.messages import Words
from knowledge.records.content import use_of
from knowledge.records.roster import Enrollment
from knowledge.records.scope import load_viewer, valid_on

RECENT = timedelta(days=28)
MOST = 10  # items of one answer


async def say_use(turn: Turn) -> None:
    """Figures of the last four weeks, for the homeroom classes of who asks, else the schools they may see all of."""
    async with turn.services.database.read() as connection:
        viewer = await load_viewer(connection, turn.known.id, turn.today)
        schools = viewer.schools if not viewer.homerooms else frozenset[str]()
        theirs = or_(Enrollment.class_sourced_id.in_(viewer.homerooms), Enrollment.school_sourced_id.in_(schools))
        now = valid_on(Enrollment.begin_date, Enrollment.end_date, turn.today)
        children = select(Enrollment.user_sourced_id).where(Enrollment.role == "student", theirs, now)
        used = await use_of(connection, {*await connection.scalars(children)}, turn.now - RECENT)
    if not viewer.homerooms and not schools:
        turn.say("content.use_not_yours")
    elif not used:
        turn.say("content.use_nothing")
    else:
        lines = [
            turn.words(
                "content.use_line",
                title=each.title,
                offered=each.offered,
                opened=each.opened,
                useful=each.useful,
                not_useful=each.not_useful,
            )
            for each in used[:MOST]
        ]
        turn.say("content.use", lines=Words.join(lines, "\n"))
