"""A random district in which every table has rows, and people are mentioned wherever a text can hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Date, DateTime, Float, Integer, LargeBinary, String, Table, delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Base, UtcDateTime
from knowledge.privacy.kinds import table_rules
from knowledge.records.audit import Act, Entry, Kind, append

FAMILY = ("佐藤", "鈴木", "髙橋", "田中", "Smith", "林", "五十嵐")
GIVEN = ("花", "蓮", "結衣", "空", "Anna", "健", "ひなた")
KANA = ("サトウ", "すずき", "タカハシ", "たなか", "スミス", "ハヤシ", "いがらし")
NOW = datetime(2026, 5, 11, 9, tzinfo=UTC)
ROWS = 6  # of each table
STATES = ("pending", "sent", "held", "open", "closed", "active", "done", "new", "approved")
REFERRED_TO = {key.column.table.name for table in Base.metadata.tables.values() for key in table.foreign_keys}


class Person:
    def __init__(self, random: Random, number: int) -> None:
        self.id = f"{random.choice(('s', 't', 'g'))}-{random.randrange(16**6):06x}{number}"
        self.family, self.given = FAMILY[number], GIVEN[number]
        self.kana = KANA[number]
        self.accounts = (f"line:U{random.randrange(16**12):012x}", f"browser:{self.id}")

    @property
    def written(self) -> Sequence[str]:
        """How others write of them."""
        full = f"{self.family}{self.given}"
        return (full, f"{self.family} {self.given}", f"{self.family}　{self.given}さん", self.id, *self.accounts)


class Everywhere:
    """Fills the tables. ``people`` have names that nobody shares."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.people = [Person(self.random, number) for number in range(len(FAMILY))]
        self._keys: dict[str, list[Any]] = {}  # by table, values of its only key column
        self._count = 0

    async def fill(self, connection: AsyncConnection) -> None:
        for table in sorted(Base.metadata.sorted_tables, key=lambda table: bool(table_rules()[table.name].parents)):
            if table_rules()[table.name].fixed:
                continue
            rows = self._people_rows(table) or [self._row(table) for _ in range(ROWS)]
            rows = list({tuple(row[c.name] for c in table.primary_key): row for row in rows}.values())
            await connection.execute(insert(table), rows)
            self._keys[table.name] = [row[next(iter(table.primary_key)).name] for row in rows]
        entries = [
            Entry(
                actor_id=self.random.choice(self.people).id,
                act=Act.READ,
                kind=Kind.CHECKINS,
                subject_ids=[each.id for each in self.random.sample(self.people, 2)],
                channel="line",
                at=NOW,
            )
            for _ in range(ROWS)
        ]
        await append(connection, entries)

    def _people_rows(self, table: Table) -> list[dict[str, Any]] | None:
        if table.name == "users":
            others = [each.id for each in self.people]
            return [
                {
                    **self._row(table),
                    "sourced_id": each.id,
                    "family_name": each.family,
                    "given_name": each.given,
                    "kana_family_name": each.kana,
                    "kana_given_name": each.given,
                    "agent_sourced_ids": self.random.sample(others, 2),
                    "primary_org_sourced_id": "org",
                }
                for each in self.people
            ]
        if table.name == "accounts":
            owned = [(account, each.id) for each in self.people for account in each.accounts]
            return [{**self._row(table), "id": account, "person_id": owner} for account, owner in owned]
        return None

    def _row(self, table: Table) -> dict[str, Any]:
        return {column.name: self._value(table, column) for column in table.columns}

    def _value(self, table: Table, column: Column[Any]) -> Any:
        self._count += 1
        rule, kind = table_rules()[table.name], column.type
        key = next(iter(column.foreign_keys), None)
        if key is not None or (rule.of == column.name and rule.parents):
            known = self._keys[key.column.table.name if key is not None else self.random.choice(rule.parents)]
            return None if column.nullable and self.random.random() < 0.3 else self.random.choice(known)
        if column.name in (*rule.person, *rule.account) and column.nullable and self.random.random() < 0.3:
            return None  # of nobody: it may mention somebody all the same
        if column.name in rule.person:
            return self.random.choice(self.people).id
        if column.name in rule.account:
            person = self.random.choice(self.people)
            owned = [*person.accounts, *([f"person:{person.id}"] if column.name == "id" else [])]
            return self.random.choice(owned)
        if isinstance(kind, (UtcDateTime, DateTime)):
            return NOW - timedelta(minutes=self._count)
        simple: Mapping[type[Any], Any] = {
            Boolean: self.random.random() < 0.5,
            Integer: self._count if column.primary_key else self.random.randrange(1, 5),
            Float: float(self._count),
            Date: date(2026, 5, 1) - timedelta(days=self._count % 200),
        }
        for sort, value in simple.items():
            if isinstance(kind, sort):
                return value
        if isinstance(kind, LargeBinary):
            return self._text().encode()
        if isinstance(kind, JSON):
            return self._json(column.name)
        return self._string(table, column)

    def _string(self, table: Table, column: Column[Any]) -> str:
        assert isinstance(column.type, String)
        if column.name == "state":
            return self.random.choice(STATES)
        is_short = column.type.length is not None and column.type.length < 300
        if is_short or (column.primary_key and table.name in REFERRED_TO):
            return f"x{self._count}"[: column.type.length]
        return f"{self._text()}/{self._count}" if column.unique or column.primary_key else self._text()

    def _text(self) -> str:
        said = self.random.choice(["今日はがんばった", "算数の宿題", "See you", "はな", "さとう", "花がきれい"])
        if self.random.random() < 0.5:
            return said
        return f"{said} {self.random.choice(self.random.choice(self.people).written)}です"

    def _json(self, name: str) -> Any:
        if name.endswith(("ids", "out", "grades", "subjects", "codes", "choices")):
            return [each.id for each in self.random.sample(self.people, self.random.randrange(3))]
        return {
            "text": [self._text(), [self._text()]],
            "choices": [[[self._text()], self.random.choice(self.people).id, "answer"]],
            self._text(): {"deep": self._text(), "n": self._count},
        }


async def emptied(connection: AsyncConnection) -> None:
    for table in reversed(Base.metadata.sorted_tables):
        await connection.execute(delete(table))
