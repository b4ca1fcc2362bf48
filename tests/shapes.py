"""What a migration takes away from the version of the code before it: the tables before and after are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, inspect


@dataclass(frozen=True, kw_only=True)
class Column:
    type: str
    length: int | None  # of a text; None: any
    is_required: bool  # an insert that does not name it fails


@dataclass(frozen=True, kw_only=True)
class Table:
    columns: Mapping[str, Column]
    required: Mapping[str, bool]  # column: may not be NULL
    rules: frozenset[str]  # that rows have to keep: unique, check, foreign key


def shape_of(connection: Connection) -> Mapping[str, Table]:
    """All tables that are there."""
    inspector = inspect(connection)
    return {name: _table(inspector, name) for name in inspector.get_table_names() if name != "alembic_version"}


def contractions(before: Mapping[str, Table], after: Mapping[str, Table]) -> list[str]:
    """What code that worked ``before`` could trip over ``after``; new tables and wider columns are no matter."""
    found = [f"{name} is gone" for name in before.keys() - after.keys()]
    for name in sorted(before.keys() & after.keys()):
        old, new = before[name], after[name]
        found += [f"{name}.{column} is gone" for column in old.columns.keys() - new.columns.keys()]
        found += [
            f"{name}.{column} is new and required"
            for column in new.columns.keys() - old.columns.keys()
            if new.columns[column].is_required
        ]
        for column in old.columns.keys() & new.columns.keys():
            if new.required[column] and not old.required[column]:
                found.append(f"{name}.{column} may no longer be empty")
            if _is_narrower(old.columns[column], new.columns[column]):
                found.append(f"{name}.{column} has another type")
        found += [f"{name}: a new rule, {rule}" for rule in new.rules - old.rules]
    return sorted(found)


def _table(inspector: Any, name: str) -> Table:
    columns = inspector.get_columns(name)
    key = inspector.get_pk_constraint(name)["constrained_columns"]
    return Table(
        columns={
            each["name"]: Column(
                type=type(each["type"]).__name__,
                length=getattr(each["type"], "length", None),
                is_required=not each["nullable"] and each["default"] is None,
            )
            for each in columns
        },
        required={each["name"]: not each["nullable"] for each in columns},
        rules=frozenset(
            [f"key {key}"]
            + [f"unique {each['column_names']}" for each in inspector.get_unique_constraints(name)]
            + [f"unique {each['column_names']}" for each in inspector.get_indexes(name) if each["unique"]]
            + [f"check {each['sqltext']}" for each in inspector.get_check_constraints(name)]
            + [
                f"{each['constrained_columns']} in {each['referred_table']}"
                for each in inspector.get_foreign_keys(name)
            ]
        ),
    )


def _is_narrower(old: Column, new: Column) -> bool:
    if old.type == new.type:
        return new.length is not None and (old.length is None or new.length < old.length)
    return (old.type, new.type) not in {("INTEGER", "BIGINT"), ("VARCHAR", "TEXT")}
