"""The audit: who looked at, changed, or was refused which data of whom. Appended to, never changed.

The entries are a chain: each carries the hash of the one before it, so that an edit, a deletion, another order or a row
put in between is found (``audit_check``). Of the people in an entry the chain covers digests only: SHA-256 over a salt
and the id. When a person is erased, their ids and salts go, nobody can tell any more whom the entry was about, and the
chain still holds. The oldest entries may be cut off; the entry that says so remembers the hash the rest goes on from.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from sqlalchemy import ForeignKey, Index, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base, Database, upsert
from knowledge.records.roster import Id, Role
from knowledge.records.scope import valid_on

HEAD = 1  # there is one chain
FIRST = ""  # what the first entry of all follows
PLACES = "places="  # in the detail of an erasure: how often somebody was struck out of the audit


class Act(StrEnum):
    READ = "read"
    TOLD = "told"  # a notice that names a child went out to somebody, who did not ask for it
    CHANGE = "change"
    REFUSED = "refused"
    EXPORT = "export"  # data left the product in a file
    ERASE = "erase"
    SIGN_IN = "sign_in"
    CUT = "cut"  # the oldest entries of the audit were removed


class Kind(StrEnum):
    """What kind of data; each has its words in ``texts/*/audit.yaml``."""

    CHECKINS = "checkins"  # mood, goals, reflections, notes of the day
    ALERTS = "alerts"
    TALK_REQUESTS = "talk_requests"
    FLAGS = "flags"  # what a school's thresholds pointed out
    REPLIES = "replies"
    ATTENDANCE = "attendance"
    NURSE_VISITS = "nurse_visits"
    STUDY = "study"  # study log
    ASSESSMENTS = "assessments"
    OBSERVATIONS = "observations"
    RESPONSES = "responses"  # answers to announcements and safety checks
    FILES = "files"  # pictures and documents
    PERSON = "person"  # everything that is kept about somebody
    ACCOUNTS = "accounts"  # links, sign-ins, sessions, codes
    ROLES = "roles"  # rights: substitutes, roles
    CONSENTS = "consents"
    SETTINGS = "settings"  # thresholds and whatever else a school sets
    AUDIT = "audit"


class Part(StrEnum):
    """What somebody is in an entry."""

    ACTOR = "actor"
    SUBJECT = "subject"


class AuditEntry(Base):
    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_at", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # 1, 2, 3 … without a gap
    at: Mapped[datetime]
    role: Mapped[str]  # of the actor on that day
    act: Mapped[str]
    kind: Mapped[str]
    channel: Mapped[str]
    detail: Mapped[str]
    prev_hash: Mapped[str]
    hash: Mapped[str]


class AuditPerson(Base):
    """Somebody in an entry. Of who was erased the digest alone is left."""

    __tablename__ = "audit_people"
    __table_args__ = (Index("ix_audit_people_person_id", "person_id", "entry_id"),)

    entry_id: Mapped[int] = mapped_column(ForeignKey("audit_entries.id"), primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str | None] = mapped_column(Id)
    salt: Mapped[str | None]


class AuditHead(Base):
    """Where the chain ends: one row, which whoever appends holds until their transaction ends."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_id: Mapped[int]
    last_hash: Mapped[str]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something to be remembered."""

    actor_id: str | None  # sourcedId; an account where nobody is linked; None: whoever runs commands on the machine
    act: Act
    kind: Kind
    subject_ids: Collection[str] = ()  # of the people whose data; none for figures of a group that name nobody
    channel: str  # line, slack, browser, page, cli …
    at: datetime  # in the school's time zone
    detail: str = ""  # which metric, which class, how many: never a child's words, never a name


@dataclass(kw_only=True)
class _Batch:
    """Entries that are stored together."""

    entries: list[Entry] = field(default_factory=list[Entry])
    is_stored: bool = False


@dataclass(kw_only=True)
class _Line:
    """Those of this process who have something to record."""

    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    gathering: _Batch = field(default_factory=_Batch)


_LINES: WeakKeyDictionary[Database, _Line] = WeakKeyDictionary()


async def append(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    """Add entries to the chain; nothing to add, nothing done.

    Call it last in the transaction that does what is audited: the head of the chain is locked until its end."""
    if not entries:
        return
    roles = await _roles(connection, entries)
    last_id, last_hash = await _locked_head(connection)
    rows: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    for entry in entries:
        last_id += 1
        own = _people(last_id, entry)
        row = {
            "id": last_id,
            "at": entry.at.astimezone(UTC),
            "role": roles.get((entry.actor_id, entry.at.date()), ""),
            "act": entry.act.value,
            "kind": entry.kind.value,
            "channel": entry.channel,
            "detail": entry.detail,
            "prev_hash": last_hash,
        }
        last_hash = hash_of(row, [(each["part"], each["digest"]) for each in own])
        rows.append({**row, "hash": last_hash})
        people.extend(own)
    await connection.execute(insert(AuditEntry), rows)
    if people:
        await connection.execute(insert(AuditPerson), people)
    await connection.execute(update(AuditHead).values(last_id=last_id, last_hash=last_hash))


async def record(database: Database, entries: Sequence[Entry]) -> None:
    """``append`` in a transaction of its own, for what only reads. Show nothing before it is done.

    Those who call it meanwhile are stored together by the next one, so that of a process one connection at most waits
    for the head of the chain. Raises ``StorageDownError``: what cannot be kept in the audit must not be shown."""
    if not entries:
        return
    line = _LINES.setdefault(database, _Line())
    batch = line.gathering
    batch.entries.extend(entries)
    async with line.one_at_a_time:
        if not batch.is_stored:
            line.gathering = _Batch()
            async with database.write() as connection:
                await append(connection, batch.entries)
            batch.is_stored = True  # where this failed, the next of those who wait for it tries again


async def cut(connection: AsyncConnection, before: datetime, at: datetime) -> int:
    """Remove the oldest entries, those before a moment, and remember in the chain what the rest goes on from. The last
    entry always stays. Returns how many went; with none, nothing is appended."""
    await _locked_head(connection)
    newer = select(func.min(AuditEntry.id)).where(AuditEntry.at >= before)
    kept = await connection.scalar(newer) or await connection.scalar(select(func.max(AuditEntry.id)))
    last = (
        await connection.execute(
            select(AuditEntry.id, AuditEntry.hash)
            .where(AuditEntry.id < (kept or 0))
            .order_by(AuditEntry.id.desc())
            .limit(1)  # of what may be millions
        )
    ).first()
    if last is None:
        return 0
    await connection.execute(delete(AuditPerson).where(AuditPerson.entry_id <= last.id))
    gone = await connection.execute(delete(AuditEntry).where(AuditEntry.id <= last.id))
    told = Entry(
        actor_id=None, act=Act.CUT, kind=Kind.AUDIT, channel="retention", at=at, detail=f"{last.id} {last.hash}"
    )
    await append(connection, [told])
    return gone.rowcount


async def forget(connection: AsyncConnection, ids: Collection[str], at: datetime, detail: str = "") -> int:
    """Make it impossible to tell that these people (their sourcedIds, and the ids of their accounts) are in the audit;
    the chain still holds. Returns in how many places they were, and appends an entry that says so: nobody else can
    strike somebody out without being found."""
    gone = await connection.execute(
        update(AuditPerson).where(AuditPerson.person_id.in_(ids)).values(person_id=None, salt=None)
    )
    said = f"{detail} {PLACES}{gone.rowcount}".lstrip()
    await append(connection, [Entry(actor_id=None, act=Act.ERASE, kind=Kind.PERSON, channel="cli", at=at, detail=said)])
    return gone.rowcount


async def _locked_head(connection: AsyncConnection) -> tuple[int, str]:
    """The end of the chain, ours until the transaction ends. (SQLite, with one writer, needs no lock.)"""
    statement = select(AuditHead.last_id, AuditHead.last_hash).with_for_update()
    head = (await connection.execute(statement)).first()
    if head is None:  # the very first entry: of two that begin at once, the second waits here for the first
        await upsert(connection, AuditHead, [{"id": HEAD, "last_id": 0, "last_hash": FIRST}], key=["id"])
        head = (await connection.execute(statement)).one()
    return head.last_id, head.last_hash


async def _roles(connection: AsyncConnection, entries: Sequence[Entry]) -> dict[tuple[str | None, date], str]:
    """(actor, day) → their roles of that day, as the roster has them; without any: left out."""
    found: dict[tuple[str | None, date], str] = {}
    by_day: dict[date, set[str]] = {}
    for entry in entries:
        if entry.actor_id is not None:
            by_day.setdefault(entry.at.date(), set()).add(entry.actor_id)
    for day, actors in by_day.items():
        held: dict[str, set[str]] = {}
        statement = select(Role.user_sourced_id, Role.role).where(
            Role.user_sourced_id.in_(actors), valid_on(Role.begin_date, Role.end_date, day)
        )
        for actor, role in await connection.execute(statement):
            held.setdefault(actor, set()).add(role)
        found |= {(actor, day): " ".join(sorted(roles)) for actor, roles in held.items()}
    return found


def _people(entry_id: int, entry: Entry) -> list[dict[str, Any]]:
    """The rows of everybody in an entry."""
    actors = [] if entry.actor_id is None else [entry.actor_id]
    named = [(Part.ACTOR, id) for id in actors] + [(Part.SUBJECT, id) for id in dict.fromkeys(entry.subject_ids)]
    rows: list[dict[str, Any]] = []
    for part, id in named:
        salt = secrets.token_hex(16)
        row = {"entry_id": entry_id, "part": part.value, "digest": digest_of(salt, id), "person_id": id, "salt": salt}
        rows.append(row)
    return rows


def digest_of(salt: str, person_id: str) -> str:
    """What the chain covers of a person."""
    return hashlib.sha256(f"{salt}{person_id}".encode()).hexdigest()


def hash_of(row: Mapping[Any, Any], people: Sequence[tuple[str, str]]) -> str:
    """SHA-256 over an entry and the hash of the one before it, in one canonical form: JSON, keys sorted."""
    covered = {name: row[name] for name in ("id", "role", "act", "kind", "channel", "detail", "prev_hash")}
    covered |= {"at": row["at"].astimezone(UTC).isoformat(timespec="microseconds"), "people": sorted(people)}
    return hashlib.sha256(orjson.dumps(covered, option=orjson.OPT_SORT_KEYS)).hexdigest()
