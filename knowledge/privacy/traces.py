"""Where a person stands in the database: rows that are theirs, and rows of others that mention them.

Rows of a person are found by the columns that ``kinds.yaml`` names. Mentions are looked for in every text of every
table: the sourcedId, the ids of their accounts, and their name in the forms in which Ayumi and people write it in
full, and in part with さん and the like where nobody else of the roster is called so. A part of a name alone stays:
花 is also a flower.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, cast

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Base
from knowledge.privacy.kinds import table_rules
from knowledge.records.accounts import Account
from knowledge.records.roster import User

ERASED = "erased"  # in place of an id
SOMEBODY = "○○"  # in place of a name
TO_HIRAGANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}
TO_KATAKANA = {katakana: hiragana for hiragana, katakana in TO_HIRAGANA.items()}
BETWEEN = ("", " ", "　", "・")
KANJI = "[々一-鿿]"
BREAK = "\n"  # between the columns of a row
TITLES = ("さん", "くん", "ちゃん", "君", "さま", "様", "先生", "せんせい", " さん", " くん", " ちゃん")
SHORTEST_ID = 4  # characters; a shorter one, or one of digits alone, is found only where it stands by itself
Key = tuple[Any, ...]  # the primary key of a row


@dataclass(frozen=True, kw_only=True)
class Traces:
    """What tells that something is about a person."""

    person_id: str
    accounts: frozenset[str] = frozenset()  # their ids
    names: tuple[str, ...] = ()  # the longest first
    parts: tuple[tuple[str, ...], ...] = ()  # of each name its parts, in the order in which they stand in it

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids, the longest first: an account may contain the sourcedId."""
        return tuple(sorted({self.person_id, *self.accounts}, key=len, reverse=True))

    @property
    def owned(self) -> frozenset[str]:
        """The accounts, and the conversation, of the person."""
        return self.accounts | {f"person:{self.person_id}"}

    def are_in(self, value: Any) -> bool:
        """Whether a text, or anything in a JSON value, mentions the person."""
        if isinstance(value, str):
            return bool(self._pattern.search(value))
        if isinstance(value, dict):
            return any(self.are_in(each) for pair in cast("dict[str, Any]", value).items() for each in pair)
        return isinstance(value, list) and any(self.are_in(each) for each in cast("list[Any]", value))

    def struck(self, value: Any) -> Any:
        """The same with something else in place of the person."""
        if isinstance(value, str):
            return self._pattern.sub(self._instead, value)
        if isinstance(value, dict):
            return {self.struck(key): self.struck(each) for key, each in cast("dict[str, Any]", value).items()}
        if isinstance(value, list):
            return [self.struck(each) for each in cast("list[Any]", value)]
        return value

    def _instead(self, found: re.Match[str]) -> str:
        return ERASED if found.lastgroup == "id" else SOMEBODY

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        ids = "|".join(_id_pattern(each) for each in self.ids)
        names = "|".join(_name_pattern(each) for each in self.names)
        return re.compile(f"(?P<id>{ids})" + (f"|(?P<name>{names})" if names else ""))

    @property
    def patterns(self) -> tuple[str, ...]:
        """Patterns of LIKE, of which one fits wherever the person is mentioned, and elsewhere too."""
        ids = [(self.person_id,), *((each,) for each in self.accounts if self.person_id not in each)]
        return tuple(f"%{'%'.join(map(_escaped, parts))}%" for parts in dict.fromkeys([*ids, *self.parts]))

    def are_in_bytes(self, value: bytes) -> bool:
        """Whether the text of a file mentions the person."""
        return any(each.encode() in value for each in (*self.ids, *self.names))


def _escaped(text: str) -> str:
    return re.sub("([/%_])", r"/\1", text)


def _id_pattern(id: str) -> str:
    if len(id) < SHORTEST_ID or id.isdecimal():
        return rf"(?:^|(?<=[:/])){re.escape(id)}(?=$|[:/])"
    return rf"(?<![0-9A-Za-z_-]){re.escape(id)}(?![0-9A-Za-z_-])"


def _name_pattern(name: str) -> str:
    if name.isascii():
        return rf"(?<![A-Za-z])(?i:{re.escape(name)})(?![A-Za-z])"
    is_letter = name[1:] in TITLES  # 林さん is not in 小林さん
    return f"(?<!{KANJI}){re.escape(name)}" if is_letter else re.escape(name)


async def traces_of(connection: AsyncConnection, person_id: str) -> Traces:
    """What tells of a person. Of somebody who is not in the roster (any more) that is the id alone."""
    accounts = {*await connection.scalars(select(Account.id).where(Account.person_id == person_id))}
    # Those of the browser, its codes and the terminal bear the sourcedId.
    accounts |= {f"{kind}:{person_id}" for kind in ("browser", "browser:person", "console")}
    row = (await connection.execute(select(*NAMES).where(User.sourced_id == person_id))).first()
    names, parts = list[str](), list[tuple[str, ...]]()
    for family, given in _written(row) if row is not None else ():
        if family and given:
            names += _in_full(family, given)
            parts += [(family, given), *([(given, family)] if family.isascii() else [])]
        for part, column in ((family, "family"), (given, "given")):
            if re.match(f"{KANJI}|..", part) and await _is_only_one(connection, person_id, part, column):
                names += [f"{part}{title}" for title in TITLES]
                parts.append((part,))
    names = sorted({*names}, key=lambda name: (-len(name), name))
    return Traces(person_id=person_id, accounts=frozenset(accounts), names=tuple(names), parts=tuple(parts))


NAMES = (User.family_name, User.given_name, User.kana_family_name, User.kana_given_name)


def _written(row: Sequence[str | None]) -> Iterable[tuple[str, str]]:
    """Family and given name in each script."""
    family, given, kana_family, kana_given = (each or "" for each in row)
    kana = (kana_family, kana_given)
    return dict.fromkeys(
        [
            (family, given),
            kana,
            (kana[0].translate(TO_HIRAGANA), kana[1].translate(TO_HIRAGANA)),
            (kana[0].translate(TO_KATAKANA), kana[1].translate(TO_KATAKANA)),
        ]
    )


def _in_full(family: str, given: str) -> list[str]:
    found = [f"{family}{between}{given}" for between in BETWEEN]
    return [*found, f"{given} {family}", f"{family}, {given}"] if family.isascii() else found


async def _is_only_one(connection: AsyncConnection, person_id: str, part: str, column: str) -> bool:
    """Whether nobody else of the roster has this family or given name."""
    names = [getattr(User, f"{script}{column}_name") for script in ("", "kana_")]
    spelt = {part, part.translate(TO_HIRAGANA), part.translate(TO_KATAKANA)}
    others = select(func.count()).where(User.sourced_id != person_id, or_(*[name.in_(spelt) for name in names]))
    return not await connection.scalar(others)


def tables() -> Sequence[Table]:
    """All tables that the running process knows, parents first."""
    metadata: MetaData = Base.metadata
    return metadata.sorted_tables


def is_theirs(table: Table, traces: Traces) -> ColumnElement[bool]:
    """The condition of the rows that are a person's, those that come and go with such a row included."""
    rule = table_rules()[table.name]
    conditions = [table.c[name] == traces.person_id for name in rule.person]
    conditions += [table.c[name].in_(traces.owned) for name in rule.account]
    for parent in parents_of(table):
        conditions.append(table.c[rule.of or ""].in_(select(parent).where(is_theirs(parent.table, traces))))
    return or_(*conditions) if conditions else false()


def parents_of(table: Table) -> Sequence[Column[Any]]:
    """The columns, of other tables, to whose rows those of a table belong."""
    rule = table_rules()[table.name]
    if rule.of is None:
        return ()
    keys = [key.column for key in table.c[rule.of].foreign_keys]
    return keys or [next(iter(table.metadata.tables[name].primary_key.columns)) for name in rule.parents]


async def mentions_in(
    connection: AsyncConnection, table: Table, traces: Traces, *, but: ColumnElement[bool] | None = None
) -> Mapping[Key, Mapping[str, Any]]:
    """The rows of a table that mention a person anywhere, by primary key, with the columns that do; without those of
    the condition ``but``. Reads the whole table."""
    texts = [column for column in table.columns if isinstance(column.type, (String, JSON))]
    # What else is bytes is made of the texts beside it.
    contents = [column for column in table.columns if isinstance(column.type, LargeBinary) and column.name == "content"]
    columns = [*texts, *contents]
    if not columns:
        return {}
    whole = reduce(lambda left, right: left + BREAK + right, [_text(column) for column in texts])
    is_sqlite = connection.dialect.name == "sqlite"
    where = or_(
        *[whole.ilike(pattern, escape="/") for pattern in traces.patterns],
        *[_has(content, each, is_sqlite=is_sqlite) for content in contents for each in (*traces.ids, *traces.names)],
    )
    if but is not None:
        where = where & ~func.coalesce(but, false())  # of nobody (NULL) is not theirs
    keys = list(table.primary_key.columns)
    rows = await connection.execute(select(*keys, *[each.label(f"in_{each.name}") for each in columns]).where(where))
    found: dict[Key, Mapping[str, Any]] = {}
    for row in rows:
        values = {column.name: row[len(keys) + at] for at, column in enumerate(columns)}
        named = {name: value for name, value in values.items() if _mentions(value, traces)}
        if named:
            found[tuple(row[: len(keys)])] = named
    return found


def _mentions(value: Any, traces: Traces) -> bool:
    if isinstance(value, bytes):
        return traces.are_in_bytes(value)
    return traces.are_in(value)


def _has(content: Column[Any], text: str, *, is_sqlite: bool) -> ColumnElement[bool]:
    sought = literal(text.encode(), LargeBinary)
    return (func.instr(content, sought) if is_sqlite else func.position(sought.op("IN")(content))) > 0


def _text(column: Column[Any]) -> ColumnElement[str]:
    return func.coalesce(column if isinstance(column.type, String) else sql_cast(column, Text), "")
