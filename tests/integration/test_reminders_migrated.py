"""Standing questions of the version before become reminders."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, select, text

import assistant
from assistant.schema import migrate
from knowledge.db import Database
from knowledge.records.reminders import Reminder
from scheduler import outbox
from scheduler.outbox import Item, Outbox
from tests.worlds import with_roster

DUE = datetime(2026, 5, 17, 23, 0, tzinfo=UTC)  # Monday 18 May, 08:00 in Japan


async def test_standing_questions_go_on_as_reminders_to_oneself(database: Database, tmp_path: Path) -> None:
    await with_roster(database, tmp_path)
    item = Item(
        account_id="line:U1",
        kind="standing",
        payload={"question_id": "line:e1", "person_id": "t-ito"},
        due_at=DUE,
        created_at=DUE,
    )
    async with database.write() as connection:
        await connection.run_sync(_back_to_0003)
        await connection.execute(
            text(
                "INSERT INTO standing_questions (id, owner_id, text, rrule, time, state, next_at, created_at) VALUES "
                "('line:e1', 't-ito', '提出率', 'FREQ=WEEKLY;INTERVAL=2;BYDAY=MO', '08:00', 'active', :due, :now)"
                ", ('line:e2', 't-ito', '今日の提出率', 'FREQ=DAILY', '16:00', 'cancelled', NULL, :now)"
            ),
            {"due": _stored(database, DUE), "now": _stored(database, datetime(2026, 5, 11, tzinfo=UTC))},
        )
        await outbox.put(connection, [item])
    await migrate(database)
    async with database.read() as connection:
        statement = select(*Reminder.__table__.c).order_by(Reminder.text.desc())
        active, cancelled = (await connection.execute(statement)).all()
        payload = await connection.scalar(select(Outbox.payload).where(Outbox.id == item.id))
    assert (active.owner_id, active.school_id, active.audience_kind, active.what) == (
        "t-ito", "minami", "self", "question",
    )  # fmt: skip
    assert (active.rrule, active.starts_on, active.time, active.next_at, active.state) == (
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", date(2026, 5, 18), "08:00", DUE, "active",
    )  # fmt: skip
    assert (cancelled.state, cancelled.next_at) == ("cancelled", None)
    assert payload == {"reminder_id": active.id, "person_id": "t-ito"}


def _stored(database: Database, moment: datetime) -> Any:
    return moment.replace(tzinfo=None).isoformat(sep=" ") if database.is_sqlite else moment


def _back_to_0003(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(assistant.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.downgrade(config, "0003")
