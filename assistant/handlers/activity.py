"""「4年2組の活動の記録」: what each child of a class did on the days of learning at home, as a file."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from assistant.attachments import new_file
from assistant.dialogue.turn import Turn
from assistant.handlers.closing import say_days
from assistant.messages import Attachment, Outgoing, Words
from intents.closing import ClosingReading, Trouble
from knowledge.exports.activity import activity_report
from knowledge.records.closures import first_remote_day
from knowledge.records.roster import SchoolClass
from knowledge.records.scope import load_viewer

RECENT = timedelta(days=27)  # where nothing was closed: four weeks up to today


async def on_request(turn: Turn, reading: ClosingReading) -> None:
    """The file of the class named, or of one's own, from the first day of the latest learning at home on."""
    if reading.trouble is Trouble.WHOM:
        turn.say("closures.no_such_class", said=Words.own(reading.said))
        return
    async with turn.services.database.read() as connection:
        viewer = await load_viewer(connection, turn.known.id, turn.today)
        ids = reading.class_ids or tuple(viewer.homerooms)
        columns = (SchoolClass.sourced_id, SchoolClass.title, SchoolClass.school_sourced_id)
        rows = (await connection.execute(select(*columns).where(SchoolClass.sourced_id.in_(ids)))).all()
        if len(rows) != 1:
            turn.say("closures.activity_which")
            return
        row = rows[0]
        if row.sourced_id not in viewer.homerooms and row.school_sourced_id not in viewer.schools:
            turn.say("closures.activity_not_yours")
            return
        first = await first_remote_day(connection, row.school_sourced_id, turn.today) or turn.today - RECENT
        content = await activity_report(connection, row.sourced_id, first, turn.today, turn.services.timezone)
    name = f"ayumi_activity_{first}_{turn.today}.csv"
    write, file_id = new_file(turn.known.id, "text/csv", name, content, turn.now)
    turn.writes.append(write)
    attachment = Attachment(file_id=file_id, media_type="text/csv", name=name, alt=turn.words("closures.activity_file"))
    said = turn.words(
        "closures.activity_ready", label=Words.own(row.title), days=say_days(turn.speaker, first, turn.today)
    )
    turn.outgoing.append(Outgoing(text=said, attachment=attachment))
