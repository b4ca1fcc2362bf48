"""The books after the faults: every event had one effect, every message that was due arrived once, no row is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Table, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.dialogue.conversation import Conversation, conversation_id
from assistant.inbox import InboxEvent, InboxState
from assistant.planning import LEASE
from assistant.schema import METADATA
from knowledge.db import Database
from knowledge.records.accounts import Account
from knowledge.records.checkins import CheckIn, Note
from scheduler.leadership import Lease
from scheduler.outbox import Outbox, State
from tests.faults.load import AGAIN, MORNING, ONCE, Child, typed

PAST_DUE = timedelta(seconds=1)
QUEUES = ("ayumi_pgqueuer",)  # tables of the engine that carries wake-ups
ANSWERS = {  # where an answer is kept, and the step of ``MORNING`` or ``EVENING`` that gave it
    ("anticipation", "plan"): 3,
    ("reflection", "went_well"): len(MORNING) + 2,
    ("reflection", "difficult"): len(MORNING) + 3,
    ("reflection", "next_step"): len(MORNING) + 4,
}
GOAL, NOTE = AGAIN.index("{w}を五問とく"), AGAIN.index("メモ {w}が気になる")


async def left_over(database: Database) -> Counter[str]:
    """What somebody still has to do, by what it is. Nothing: it is quiet."""
    now = datetime.now(UTC)
    found = Counter[str]()
    async with database.read() as connection:
        found["events new"] = await _count(connection, InboxEvent, InboxEvent.state == InboxState.NEW)
        due = (Outbox.state == State.PENDING, Outbox.due_at <= now - PAST_DUE)
        found["sends past due"] = await _count(connection, Outbox, *due)
        trying = (Outbox.state == State.PENDING, Outbox.attempts > 0)
        found["sends to be tried again"] = await _count(connection, Outbox, *trying)
        found["sends under way"] = await _count(connection, Outbox, Outbox.state == State.SENDING)
        if not database.is_sqlite:
            for name in QUEUES:
                if await connection.scalar(text("SELECT to_regclass(:name) IS NOT NULL"), {"name": name}):
                    found["jobs"] += await connection.scalar(text(f"SELECT count(*) FROM {name}")) or 0
    return +found


async def held_for(database: Database) -> set[str]:
    """The accounts whose next message will bring something that is held."""
    async with database.read() as connection:
        return {*await connection.scalars(select(Outbox.account_id).where(Outbox.state == State.HELD).distinct())}


async def orphans(database: Database) -> Counter[str]:
    """Rows that contradict each other or themselves, by what is wrong with them."""
    found = await left_over(database)
    async with database.read() as connection:
        found["events failed"] = await _count(connection, InboxEvent, InboxEvent.state == InboxState.FAILED)
        found["sends failed"] = await _count(connection, Outbox, Outbox.state == State.FAILED)
        found["sends held"] = await _count(connection, Outbox, Outbox.state == State.HELD)
        handled: dict[str, int] = {}
        done = select(InboxEvent.account_id, Account.person_id, func.count()).join(
            Account, Account.id == InboxEvent.account_id
        )
        of_people = (InboxEvent.state == InboxState.DONE, InboxEvent.account_id.is_not(None))
        done = done.where(*of_people).group_by(InboxEvent.account_id, Account.person_id)
        for account, person, count in await connection.execute(done):
            key = conversation_id(str(account), person)
            handled[key] = handled.get(key, 0) + count
        versions = {row.id: row.version for row in await connection.execute(select(*Conversation.__table__.c))}
        found["conversations whose version disagrees"] = sum(
            handled.get(key, 0) != versions.get(key, 0) for key in handled.keys() | versions.keys()
        )
        led = (Lease.name == LEASE, Lease.until > datetime.now(UTC))
        found["no scheduler leads"] = 1 - await _count(connection, Lease, *led)
        for table in METADATA.sorted_tables:
            found += await _broken_keys(connection, table)
        if database.is_sqlite:
            if await connection.scalar(text("PRAGMA integrity_check")) != "ok":
                found["broken file"] += 1
            found["foreign keys, says SQLite"] += len(
                (await connection.execute(text("PRAGMA foreign_key_check"))).all()
            )
    return +found


async def wrong_answers(database: Database, children: Sequence[Child]) -> Counter[str]:
    """Whether what was stored is what each child typed last, each note once and in its order."""
    found = Counter[str]()
    people = {child.phone.account_id: child for child in children}
    async with database.read() as connection:
        checkins = {(row.student_id, row.phase): row for row in await connection.execute(select(*CheckIn.__table__.c))}
        notes: dict[str, list[str]] = {}
        for row in await connection.execute(select(Note.student_id, Note.text).order_by(Note.noted_at)):
            notes.setdefault(row.student_id, []).append(row.text)
    for person, child in people.items():
        steps = len(child.posted)
        for (phase, name), step in ANSWERS.items():
            kept = getattr(checkins.get((person, phase)), name, None)
            found["answers wrong"] += kept != (typed(step, child.tag) if steps > step else None)
        rounds = range(len(ONCE), steps)
        goals = [2, *(n for n in rounds if (n - len(ONCE)) % len(AGAIN) == GOAL)]
        kept = getattr(checkins.get((person, "anticipation")), "goal", None)
        found["goals wrong"] += kept != (typed(goals[-1], child.tag) if steps > 2 else None)
        noted = [typed(n, child.tag).partition(" ")[2] for n in rounds if (n - len(ONCE)) % len(AGAIN) == NOTE]
        found["notes wrong"] += notes.get(person, []) != noted
    return +found


async def _count(connection: AsyncConnection, table: Any, *where: Any) -> int:
    return await connection.scalar(select(func.count()).select_from(table).where(*where)) or 0


async def _broken_keys(connection: AsyncConnection, table: Table) -> Counter[str]:
    """Rows that refer to nothing, and rows that should be one."""
    found = Counter[str]()
    for key in table.foreign_key_constraints:
        [element] = key.elements  # every foreign key of ours has one column
        own, other = element.parent, element.column
        if other.table is table:
            other = table.alias().c[other.name]
        missing = own.is_not(None) & ~select(other).where(other == own).exists()
        found[f"{table.name}.{own.name} refers to nothing"] += await _count(connection, table, missing)
    for unique in [*table.constraints, *(index for index in table.indexes if index.unique)]:
        columns = [*getattr(unique, "columns", ())]
        if not columns or type(unique).__name__ not in ("PrimaryKeyConstraint", "UniqueConstraint", "Index"):
            continue
        doubled = select(*columns).where(*(each.is_not(None) for each in columns)).group_by(*columns)
        doubled = doubled.having(func.count() > 1).subquery()
        found[f"{table.name} has two of one key"] += await _count(connection, doubled)
    return found
