"""How long each kind is kept, and clearing what is older: in small batches, so that nobody waits for it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, cast

import yaml
from sqlalchemy import ColumnElement, Date, Table, and_, delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Database
from knowledge.errors import KnowledgeError
from knowledge.privacy.kinds import TableRule, kinds, table_rules
from knowledge.privacy.traces import parents_of, tables
from knowledge.records import audit
from knowledge.yaml_data import in_one_line

FOREVER = "forever"  # in retention.yaml
BATCH = 500  # rows that one transaction deletes
LONGEST = 36_500  # days
Guards = Mapping[str, ColumnElement[bool]]  # by table, what has to be true of a row to be cleared at all


class RetentionError(KnowledgeError):
    """retention.yaml cannot be followed; the message names the entry."""


@dataclass(frozen=True, kw_only=True)
class Retention:
    """How long each kind is kept in this installation."""

    days: Mapping[str, int | None] = field(default_factory=lambda: {kind.id: kind.days for kind in kinds().values()})

    @staticmethod
    def load(path: Path) -> Retention:
        """The registry's days, with those of a file such as ``checkins: 365`` or ``audit: forever`` instead; a file
        that is not there changes nothing. Raises ``RetentionError`` naming the entry that is wrong."""
        standard = Retention()
        if not path.exists():
            return standard
        try:
            content: object = yaml.safe_load(path.read_text("utf-8")) or {}
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise RetentionError(f"{path}: not readable as YAML: {in_one_line(error)}") from error
        if not isinstance(content, dict):
            raise RetentionError(f"{path}: expected days by kind, such as checkins: 365")
        said = {str(kind): _days(path, str(kind), days) for kind, days in cast("dict[Any, Any]", content).items()}
        return Retention(days={**standard.days, **said})

    def cutoffs(self, today: date) -> Mapping[str, date]:
        """By table, the first day that is kept; of tables that are cleared only."""
        found: dict[str, date] = {}
        for kind in kinds().values():
            days = self.days[kind.id]
            if days is not None:
                found |= {name: today - timedelta(days=days) for name, rule in kind.tables.items() if rule.age}
        return found


def _days(path: Path, kind_id: str, value: object) -> int | None:
    kind = kinds().get(kind_id)
    settable = [each.id for each in kinds().values() if each.days is not None]
    if kind is None or kind.days is None:
        raise RetentionError(f"{path}: '{kind_id}' is not one of {', '.join(settable)}")
    if value == FOREVER:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not kind.least <= value <= LONGEST:
        raise RetentionError(
            f"{path}: {kind_id}: {value!r} is not a number of days from {kind.least} to {LONGEST}, nor {FOREVER}"
        )
    return value


@dataclass(frozen=True, kw_only=True)
class Due:
    """What is older than its kind is kept."""

    kind: str
    table: str
    before: date  # rows before this day go
    rows: int


async def due(connection: AsyncConnection, retention: Retention, now: datetime, guards: Guards) -> list[Due]:
    """What would be cleared at a moment in the school's time zone, by table. Reads whole tables where it must."""
    cutoffs, found = retention.cutoffs(now.date()), list[Due]()
    for kind in kinds().values():
        for name in kind.tables:
            table = next(each for each in tables() if each.name == name)
            if name in cutoffs:
                where = _is_old(table, cutoffs[name], now, guards)
                rows = await connection.scalar(select(func.count()).select_from(table).where(where)) or 0
                found.append(Due(kind=kind.id, table=name, before=cutoffs[name], rows=rows))
    return found


async def clear(
    database: Database, retention: Retention, now: datetime, guards: Guards
) -> AsyncGenerator[tuple[str, int]]:
    """Delete what is older than it is kept at a moment in the school's time zone, table by table: after each batch,
    which table, and how many of its rows went. Whoever stops in between loses nothing and begins again. Each batch is a
    transaction of its own."""
    cutoffs = retention.cutoffs(now.date())
    for table in tables():
        if table.name not in cutoffs:
            continue
        if table_rules()[table.name].fixed:
            async with database.write() as connection:
                gone = await audit.cut(connection, _moment(cutoffs[table.name], now), now)
            yield table.name, gone
            continue
        old = _is_old(table, cutoffs[table.name], now, guards)
        is_walked, after = table_rules()[table.name].walk, None
        while True:
            async with database.read() as connection:
                keys, after = (
                    await _oldest(connection, table, old, cutoffs[table.name], now, after)
                    if is_walked
                    else (await _some(connection, table, old), None)
                )
            if keys:
                async with database.write() as connection:
                    gone = await remove(connection, table, old & keys_in(table, keys))
                yield table.name, gone.get(table.name, 0)
            elif is_walked:
                yield table.name, 0  # all of these stay: there may be many, and others wait
            if (after is None) if is_walked else len(keys) < BATCH:
                break


async def remove(connection: AsyncConnection, table: Table, where: ColumnElement[bool]) -> dict[str, int]:
    """Delete rows with those that come and go with them; what else refers to them refers to nothing afterwards. How
    many went, by table."""
    gone: dict[str, int] = {}
    for child in tables():
        own = table_rules()[child.name].of
        for parent in parents_of(child):
            if parent.table is table:
                refers = child.c[own or ""].in_(select(parent).where(where))
                for name, count in (await remove(connection, child, refers)).items():
                    gone[name] = gone.get(name, 0) + count
        for column in child.columns:
            for key in column.foreign_keys:
                if key.column.table is table and column.name != own and column.nullable:
                    refers = column.in_(select(key.column).where(where))
                    await connection.execute(update(child).where(refers).values({column.name: None}))
    gone[table.name] = (await connection.execute(delete(table).where(where))).rowcount
    return gone


def keys_in(table: Table, keys: list[tuple[Any, ...]]) -> ColumnElement[bool]:
    """The condition of the rows with these primary keys."""
    columns = list(table.primary_key.columns)
    return columns[0].in_([key[0] for key in keys]) if len(columns) == 1 else tuple_(*columns).in_(keys)


async def _some(connection: AsyncConnection, table: Table, old: ColumnElement[bool]) -> list[tuple[Any, ...]]:
    rows = await connection.execute(select(*table.primary_key.columns).where(old).limit(BATCH))
    return [tuple(row) for row in rows]


async def _oldest(
    connection: AsyncConnection, table: Table, old: ColumnElement[bool], cutoff: date, now: datetime, after: Any
) -> tuple[list[tuple[Any, ...]], Any]:
    """Of the rows next after a key those that are to go, and the key to go on from; None when rows begin that are young
    enough, for all later ones are."""
    (key,) = table.primary_key.columns
    batch = select(key, _age(table, cutoff, now).label("is_over"), old.label("is_old")).order_by(key).limit(BATCH)
    rows = (await connection.execute(batch if after is None else batch.where(key > after))).all()
    reached_young = len(rows) < BATCH or not rows[-1].is_over
    return [(row[0],) for row in rows if row.is_old], None if reached_young else rows[-1][0]


def _is_old(table: Table, cutoff: date, now: datetime, guards: Guards) -> ColumnElement[bool]:
    rule: TableRule = table_rules()[table.name]
    conditions = [_age(table, cutoff, now)]
    conditions += [table.c[name].in_(values) for name, values in rule.only.items()]
    if table.name in guards:
        conditions.append(guards[table.name])
    return and_(*conditions)


def _age(table: Table, cutoff: date, now: datetime) -> ColumnElement[bool]:
    """Whether a row is of a day before ``cutoff``."""
    column = table.c[table_rules()[table.name].age or ""]
    if isinstance(column.type, Date):
        return column < cutoff
    return column < _moment(cutoff, now)


def _moment(day: date, now: datetime) -> datetime:
    return datetime.combine(day, time(), now.tzinfo)
