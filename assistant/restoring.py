"""After a restore: what may have happened since the backup must not happen twice.

A backup knows nothing of what came after it. Sends that were waiting in it went out meanwhile, and the planners would
plan anew what they had planned since. So everything due until the old installation stopped is planned, and then left
unsent; what is due later goes out as ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, func, select, text, update

from assistant.channels.browser.store import BrowserSession
from assistant.dialogue.turn import Services
from assistant.errors import AssistantError
from assistant.inbox import InboxEvent, InboxState
from assistant.keeping import set_terms
from assistant.planning import planners_of
from knowledge.db import Database
from knowledge.documents.library import Library
from knowledge.documents.model import Reader
from knowledge.records.accounts import Account, LinkCode
from knowledge.records.alerts import Alert, AlertState
from knowledge.records.documents import Document
from scheduler.leadership import Lease
from scheduler.outbox import Outbox, State, is_open

PROBLEM = "may have been sent before the restore"  # of sends that are left; known to no report as undelivered
CONNECTED = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'ayumi' AND pid <> pg_backend_pid()"
)


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What was done to a restored database, and what its people have to look at."""

    left: Mapping[str, int]  # sends that will not go out, by kind
    waiting: int  # messages that are answered at the next start
    codes: int  # link codes that are void now
    sessions: int  # browsers that are signed out
    alerts: int  # that nobody has looked at


async def check_alone(database: Database) -> None:
    """Raises ``AssistantError`` when other processes of Ayumi are connected to this PostgreSQL database."""
    async with database.read() as connection:
        others = await connection.scalar(CONNECTED) or 0
    if others:
        raise AssistantError(f"{others} connections of other Ayumi processes to this database: stop them first")


async def settle(services: Services, stopped_at: datetime, now: datetime) -> Settled:
    """Make a restored database safe to start. ``stopped_at``: until when the old installation may have sent
    anything. Safe to repeat.

    Link codes are void and browsers signed out: a code that was used since the backup would work once more.
    """
    database = services.database
    async with database.read() as connection:
        channels = [*await connection.scalars(select(Account.channel).distinct())]  # switched on or not yet
    for planner in planners_of(services, channels):
        await planner.plan(stopped_at)
    is_past = is_open(Outbox) & (Outbox.due_at <= stopped_at)
    async with database.write() as connection:
        counted = select(Outbox.kind, func.count().label("number")).where(is_past).group_by(Outbox.kind)
        left = {row.kind: row.number for row in await connection.execute(counted)}
        await connection.execute(
            update(Outbox).where(is_past).values(state=State.SKIPPED, done_at=now, problem=PROBLEM)
        )
        codes = await connection.execute(
            update(LinkCode).where(LinkCode.used_at.is_(None), LinkCode.expires_at > now).values(expires_at=now)
        )
        sessions = await connection.execute(delete(BrowserSession))
        await connection.execute(delete(Lease))
        await connection.execute(update(Document).values(embeddings=""))
        waiting = select(func.count()).where(InboxEvent.state == InboxState.NEW)
        unseen = select(func.count()).where(Alert.state == AlertState.NEW)
        return Settled(
            left=left,
            waiting=await connection.scalar(waiting) or 0,
            codes=codes.rowcount,
            sessions=sessions.rowcount,
            alerts=await connection.scalar(unseen) or 0,
        )


async def make_vectors(library: Library, now: datetime) -> tuple[int, int]:
    """Make the vectors of all documents again: how many have theirs, of how many. Where the embedding model or Chroma
    fails they are found by their words."""
    everything = Reader(orgs=None, is_staff=True, on=date.min)
    for each in await library.listed(everything):
        await set_terms(library, each, each.audience, each.valid_until, now)
    found = [each for each in await library.listed(everything) if each.passages]
    return sum(bool(each.embeddings) for each in found), len(found)
