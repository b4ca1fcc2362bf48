"""Everything that is kept about a person, as a zip in open formats: JSON, CSV, their files, and a README."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import StrEnum
from importlib.resources import files
from io import BytesIO
from typing import Any

import orjson
from sqlalchemy import and_, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.errors import NoSuchPersonError
from knowledge.exports.table import csv_file
from knowledge.privacy.kinds import Kind, TableRule, kinds
from knowledge.privacy.traces import Traces, is_theirs, tables, traces_of
from knowledge.records.audit import AuditEntry, AuditPerson, Part
from knowledge.records.audit import Kind as AuditKind
from knowledge.records.checkins import CheckIn, Note
from knowledge.records.roster import Role, User
from knowledge.records.scope import FAMILY
from knowledge.yaml_data import load_yaml

Rows = list[dict[str, Any]]
EPOCH = (1980, 1, 1, 0, 0, 0)  # of the files in the zip: the same data is the same zip
OF_A_CHECKIN = frozenset({"id", "student_id", "date", "phase", "status", "visibility"})  # no answers
UNSAFE = re.compile(r"[^\w.-]+")


class Receiver(StrEnum):
    """For whom an export is."""

    PERSON = "person"
    GUARDIAN = "guardian"  # without what the child kept to themself, and without cries for help


# What staff do about alerts and flags is theirs; that there was an alert, or a wish to talk, may be about home.
OF_STAFF = {
    Receiver.PERSON: (AuditKind.ALERTS, AuditKind.FLAGS),
    Receiver.GUARDIAN: (AuditKind.ALERTS, AuditKind.FLAGS, AuditKind.TALK_REQUESTS),
}


async def export_person(
    connection: AsyncConnection, person_id: str, receiver: Receiver, on: date
) -> tuple[bytes, Mapping[str, int]]:
    """The zip, and how many rows of each table are in it. Raises ``NoSuchPersonError``."""
    person = (await connection.execute(select(User).where(User.sourced_id == person_id))).first()
    if person is None:
        raise NoSuchPersonError(person_id)
    traces = await traces_of(connection, person_id)
    held = await connection.scalars(select(Role.role).where(Role.user_sourced_id == person_id))
    hidden = _hidden(receiver, is_staff=not FAMILY.issuperset(held))
    found = {kind.id: await _of_kind(connection, kind, traces, receiver, hidden) for kind in kinds().values()}
    name = f"{person.family_name} {person.given_name}".strip()
    content, saved = BytesIO(), dict[str, bytes]()
    plain: dict[str, dict[str, Any]] = {
        id: {
            "name": kinds()[id].name,
            "class": kinds()[id].sensitivity,
            "purpose": kinds()[id].purpose,
            "tables": {table: [_plain(table, row, saved) for row in rows] for table, rows in of_kind.items() if rows},
        }
        for id, of_kind in found.items()
        if any(of_kind.values())
    }
    rows_of = {table: rows for kind in plain.values() for table, rows in kind["tables"].items()}
    head = {"person": person_id, "for": receiver, "made_on": on.isoformat(), "kinds": plain}
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "README.txt", _readme(name, person_id, receiver, on, found).encode())
        _add(archive, "person.json", orjson.dumps(head, option=orjson.OPT_INDENT_2))
        for table, rows in rows_of.items():
            _add(archive, f"tables/{table}.csv", _csv(rows))
        for path, data in saved.items():
            _add(archive, path, data)
    return content.getvalue(), {table: len(rows) for of in found.values() for table, rows in of.items() if rows}


def _hidden(receiver: Receiver, *, is_staff: bool) -> Callable[[TableRule], bool]:
    """Whether the rows of a table are not handed out: what staff were shown is not about them, but about children."""
    is_guardian = receiver is Receiver.GUARDIAN
    return lambda rule: rule.staff or (is_guardian and not rule.family) or (is_staff and rule.shown)


async def _of_kind(
    connection: AsyncConnection, kind: Kind, traces: Traces, receiver: Receiver, hidden: Callable[[TableRule], bool]
) -> Mapping[str, Rows]:
    """The person's rows of each table of a kind."""
    found: dict[str, Rows] = {}
    for table in tables():
        rule = kind.tables.get(table.name)
        if rule is None or hidden(rule):
            continue
        name = str(table.name)  # SQLAlchemy's is no plain text
        if rule.fixed:
            if table.name == AuditEntry.__tablename__:
                found[name] = await _audited(connection, traces, receiver)
            continue
        shown = [column for column in table.columns if column.name not in rule.secret]
        statement = select(*shown).where(is_theirs(table, traces)).order_by(*table.primary_key)
        rows = [dict(row) for row in (await connection.execute(statement)).mappings()]
        if receiver is Receiver.GUARDIAN:
            rows = [_for_guardian(table.name, row) for row in rows if not _is_own_note(table.name, row)]
        found[name] = rows
    return found


async def _audited(connection: AsyncConnection, traces: Traces, receiver: Receiver) -> Rows:
    """Where the person is in the audit: who, by role, looked at or changed what, and what they did themselves; not
    that staff worked on what the receiver is not to know of."""
    columns = (AuditEntry.id, AuditEntry.at, AuditPerson.part, AuditEntry.role, AuditEntry.act, AuditEntry.kind)
    statement = (
        select(*columns, AuditEntry.channel, AuditEntry.detail)
        .join(AuditPerson, AuditPerson.entry_id == AuditEntry.id)
        .where(
            AuditPerson.person_id.in_(traces.ids),
            or_(
                AuditEntry.kind.not_in(OF_STAFF[receiver]),
                and_(AuditPerson.part == Part.ACTOR, literal(receiver is Receiver.PERSON)),
            ),
        )
        .order_by(AuditEntry.id)
    )
    return [dict(row) for row in (await connection.execute(statement)).mappings()]


def _is_own_note(table: str, row: Mapping[str, Any]) -> bool:
    return table == Note.__tablename__ and row["visibility"] == "self"


def _for_guardian(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """A check-in without the answers that the child kept to themself."""
    if table != CheckIn.__tablename__:
        return row
    if row["visibility"] == "self":
        return {name: value if name in OF_A_CHECKIN else None for name, value in row.items()}
    private = (row["private"] or "").split()
    shown: dict[str, Any] = {name: None if name in private else value for name, value in row.items()}
    extra: dict[str, Any] = row["extra"] or {}
    shown["extra"] = {name: value for name, value in extra.items() if name not in private}
    if private:
        shown["depth"] = None  # it tells of words that are not shown
    return shown


def _plain(table: str, row: Mapping[str, Any], saved: dict[str, bytes]) -> dict[str, Any]:
    """A row as JSON has it; bytes become a file, named in the row."""
    plain: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, bytes):
            path = f"files/{UNSAFE.sub('_', str(row.get('id', table)))}-{UNSAFE.sub('_', str(row.get('name', name)))}"
            saved[path] = value
            value = path
        plain[name] = value.isoformat() if isinstance(value, (date, datetime)) else value
    return plain


def _csv(rows: Rows) -> bytes:
    lines = [[orjson.dumps(v).decode() if isinstance(v, (dict, list)) else v for v in row.values()] for row in rows]
    return csv_file([[*rows[0]], *lines])


def _readme(name: str, person_id: str, receiver: Receiver, on: date, found: Mapping[str, Mapping[str, Rows]]) -> str:
    words: dict[str, Any] = load_yaml(files("knowledge.privacy").joinpath("readme.yaml").read_text("utf-8"))
    parts: list[str] = []
    for language in ("ja", "en"):
        lines = [
            words["kind"][language].format(
                name=kinds()[id].name[language],
                rows=sum(map(len, of_kind.values())),
                purpose=kinds()[id].purpose[language],
                readers=kinds()[id].readers[language],
            )
            for id, of_kind in found.items()
            if any(of_kind.values())
        ]
        left_out = words["left_out"][receiver][language]
        parts.append(words[language].format(name=name, id=person_id, day=on, left_out=left_out, kinds="\n".join(lines)))
    return "\n".join(parts).replace("\n", "\r\n")  # for whatever opens it


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)
