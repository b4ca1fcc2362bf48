"""Erasing a person from the database, with proof: what there was, what went, and that nothing is left.

What is theirs is deleted, with what hangs on it. Where others' rows mention them, the id, the account and the name are
struck out and the rest stays; a message that mentions them and was not sent yet is not sent any more. Of the audit the
digests stay, so that its chain still holds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import Any, cast

from sqlalchemy import ColumnElement, LargeBinary, Table, delete, func, insert, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Database
from knowledge.errors import KnowledgeError
from knowledge.privacy.kinds import table_rules
from knowledge.privacy.retention import keys_in, remove
from knowledge.privacy.traces import ERASED, Key, Traces, is_theirs, mentions_in, tables, traces_of
from knowledge.records import audit
from knowledge.records.documents import Document
from knowledge.records.practices import Practice
from knowledge.records.roster import Enrollment, Role, User

ROUNDS = 3  # a message that comes in meanwhile is found the next time
UNSENT = ("pending", "sending", "held")  # states of the outbox
WITH_DOCUMENT = ("documents", "document_passages", "document_files")
IN_TITLE = {"id", "title", "file_name"}  # who put a document in can be struck out; whom it is about cannot


class NothingToEraseError(KnowledgeError):
    """There is nothing about this id."""

    def __init__(self, person_id: str) -> None:
        super().__init__(f"no person '{person_id}' in the roster, and no trace of that id anywhere: nothing to erase")


class NotErasedError(KnowledgeError):
    """Something came in again and again while it was erased."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a table holds of a person."""

    rows: int  # of the table altogether
    theirs: int  # rows of the person
    mentions: Mapping[Key, Mapping[str, Any]]  # others' rows that mention them: columns and values by primary key


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What there is about a person."""

    traces: Traces
    tables: Mapping[str, Found]  # those with anything
    documents: Mapping[str, str]  # titles of documents that are theirs or name them, by id: they are taken out whole
    pictures: frozenset[str]  # charts of the last days, made for others at their school: what is drawn is not searched
    audited: int  # places in the audit

    @property
    def is_empty(self) -> bool:
        return not self.tables and not self.documents and not self.pictures and not self.audited


async def survey(connection: AsyncConnection, traces: Traces) -> Survey:
    """What there is about a person. Reads every table once."""
    found: dict[str, Found] = {}
    for table in tables():
        if table_rules()[table.name].fixed:
            continue
        own = is_theirs(table, traces)
        theirs = await connection.scalar(select(func.count()).select_from(table).where(own)) or 0
        mentions = await mentions_in(connection, table, traces, but=own)
        if theirs or mentions:
            rows = await connection.scalar(select(func.count()).select_from(table)) or 0
            found[table.name] = Found(rows=rows, theirs=theirs, mentions=mentions)
    named = {
        key[0]
        for name in WITH_DOCUMENT
        if name in found
        for key, values in found[name].mentions.items()
        if name != Document.__tablename__ or IN_TITLE & values.keys()
    }
    written = select(Practice.document_id).where(Practice.author_id == traces.person_id)
    wanted = select(Document.id, Document.title).where(or_(Document.id.in_(named), Document.id.in_(written)))
    documents = {row.id: row.title for row in await connection.execute(wanted)}
    places = select(func.count()).where(audit.AuditPerson.person_id.in_(traces.ids))
    return Survey(
        traces=traces,
        tables=found,
        documents=documents,
        pictures=await _pictures(connection, traces),
        audited=await connection.scalar(places) or 0,
    )


async def _pictures(connection: AsyncConnection, traces: Traces) -> frozenset[str]:
    """The pictures that were made for somebody else of the person's schools, who may have been shown their name."""
    orgs = union(
        select(Role.org_sourced_id).where(Role.user_sourced_id == traces.person_id),
        select(Enrollment.school_sourced_id).where(Enrollment.user_sourced_id == traces.person_id),
        select(User.primary_org_sourced_id).where(User.sourced_id == traces.person_id),
    )
    others = select(Role.user_sourced_id).where(Role.org_sourced_id.in_(orgs), Role.user_sourced_id != traces.person_id)
    file = _table("files").c
    wanted = select(file.id).where(file.media_type.startswith("image/"), file.person_id.in_(others))
    return frozenset(await connection.scalars(wanted))


async def survey_of(database: Database, person_id: str) -> Survey:
    """What there is about a person. Raises ``NothingToEraseError`` when that is nothing."""
    async with database.read() as connection:
        found = await survey(connection, await traces_of(connection, person_id))
    if found.is_empty:
        raise NothingToEraseError(person_id)
    return found


async def erase(
    database: Database, found: Survey, now: datetime, remove_document: Callable[[str], Awaitable[object]]
) -> Survey:
    """Erase a person of whom ``found`` tells what there is, and look again; what is left, which is nothing.
    ``remove_document`` takes a document out with its vectors. Raises ``NotErasedError``."""
    left = found
    for _ in range(ROUNDS):
        for document_id in left.documents:
            await remove_document(document_id)
        async with database.write() as connection:
            await _erase_rows(connection, left)
            await audit.forget(connection, left.traces.ids, now, _detail(left))
        async with database.read() as connection:
            left = await survey(connection, found.traces)
        if left.is_empty:
            await database.empty_log()
            return left
    raise NotErasedError(f"something about '{found.traces.person_id}' keeps coming in: stop Ayumi, and erase once more")


def _detail(found: Survey) -> str:
    rows = sum(each.theirs for each in found.tables.values())
    struck = sum(len(each.mentions) for each in found.tables.values())
    return f"rows={rows} mentions={struck} documents={len(found.documents)}"


async def _erase_rows(connection: AsyncConnection, found: Survey) -> None:
    """Others' rows first: what refers to the person must refer to somebody else before they go."""
    traces = found.traces
    await connection.execute(delete(_table("files")).where(_table("files").c.id.in_(found.pictures)))
    for name, each in found.tables.items():
        table = next(table for table in tables() if table.name == name)
        if name in WITH_DOCUMENT and name != "documents":
            continue  # they went with their document
        for key, values in each.mentions.items():
            await _strike(connection, table, key, values, traces)
    for table in reversed(tables()):
        if table.name in found.tables and table.name not in (User.__tablename__, "accounts"):
            await remove(connection, table, is_theirs(table, traces))
    for name in ("accounts", User.__tablename__):
        table = next(table for table in tables() if table.name == name)
        await remove(connection, table, is_theirs(table, traces))


async def _strike(
    connection: AsyncConnection, table: Table, key: Key, values: Mapping[str, Any], traces: Traces
) -> None:
    """Take the person out of somebody else's row."""
    this = keys_in(table, [key])
    if await _must_go(connection, table, this, values):
        await remove(connection, table, this)
        return
    new: dict[str, Any] = {}
    for name, value in values.items():
        column = table.columns[name]
        if column.nullable and value in traces.ids:
            new[name] = None
        elif isinstance(value, list):  # of ids: the others stay
            new[name] = [traces.struck(each) for each in cast("list[Any]", value) if each not in traces.ids]
        else:
            new[name] = traces.struck(value)
            if column.foreign_keys:
                await _somebody(connection)
            elif column.primary_key or column.unique:  # two who are erased must not become one
                new[name] += f"-{token_hex(4)}"
    for file_id in _files_in(values):
        await connection.execute(delete(_table("files")).where(_table("files").c.id == file_id))
    await connection.execute(update(table).where(this).values(new))


async def _must_go(
    connection: AsyncConnection, table: Table, this: ColumnElement[bool], values: Mapping[str, Any]
) -> bool:
    """Whether a row cannot stay: words that wait to be sent, or bytes in which nothing can be struck out."""
    if any(isinstance(table.columns[name].type, LargeBinary) for name in values):
        return True
    return table.name == "outbox" and await connection.scalar(select(table.c.state).where(this)) in UNSENT


def _files_in(value: Any) -> list[str]:
    """The files that go with a message: a chart cannot be searched for a name."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        own: list[Any] = fields.get("attachment") or []
        first = [str(each) for each in own[:1]]
        return [*first, *[file for each in fields.values() for file in _files_in(each)]]
    return [file for each in cast("list[Any]", value) for file in _files_in(each)] if isinstance(value, list) else []


async def _somebody(connection: AsyncConnection) -> None:
    """The row of the roster that stands for everybody who was erased: what a school did stays, by nobody."""
    if not await connection.scalar(select(User.sourced_id).where(User.sourced_id == ERASED)):
        nobody: dict[str, Any] = {
            "sourced_id": ERASED,
            "enabled": False,
            "given_name": "",
            "family_name": "",
            "agent_sourced_ids": [],
        }
        await connection.execute(insert(User).values(nobody))


def _table(name: str) -> Table:
    return next(table for table in tables() if table.name == name)
