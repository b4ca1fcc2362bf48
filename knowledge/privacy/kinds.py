"""The registry of what is kept (``kinds.yaml``): each table's kind, with class, purpose, readers and retention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from knowledge.yaml_data import load_yaml


class Sensitivity(StrEnum):
    """Class I is the most sensitive one (data-formats.md)."""

    I = "I"  # noqa: E741 -- its name everywhere
    II = "II"
    III = "III"
    IV = "IV"


@dataclass(frozen=True, kw_only=True)
class TableRule:
    """What a table of a kind is, as ``kinds.yaml`` explains it."""

    person: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    of: str | None = None
    parents: tuple[str, ...] = ()
    age: str | None = None
    walk: bool = False
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    secret: frozenset[str] = frozenset()
    family: bool = True
    shown: bool = False
    staff: bool = False
    fixed: bool = False


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of data. Texts by language."""

    id: str
    sensitivity: Sensitivity
    name: Mapping[str, str]
    purpose: Mapping[str, str]
    readers: Mapping[str, str]
    days: int | None  # None: kept until what ``until`` says
    least: int  # the fewest days that a school may set
    until: Mapping[str, str]  # empty where ``days`` says it
    of_people: bool
    tables: Mapping[str, TableRule]


@cache
def kinds() -> Mapping[str, Kind]:
    """All kinds, by id, in the order in which people are shown them."""
    read: dict[str, dict[str, Any]] = load_yaml(files("knowledge.privacy").joinpath("kinds.yaml").read_text("utf-8"))
    return {id: _kind(id, entry) for id, entry in read.items()}


@cache
def table_rules() -> Mapping[str, TableRule]:
    """What each table is."""
    return {name: rule for kind in kinds().values() for name, rule in kind.tables.items()}


def _kind(id: str, entry: Mapping[str, Any]) -> Kind:
    return Kind(
        id=id,
        sensitivity=Sensitivity(entry["class"]),
        name=entry["name"],
        purpose=entry["purpose"],
        readers=entry["readers"],
        days=entry.get("days"),
        least=entry.get("least", 1),
        until=entry.get("until", {}),
        of_people=entry.get("of_people", True),
        tables={name: _rule(**rule) for name, rule in entry["tables"].items()},
    )


def _rule(**entry: Any) -> TableRule:
    """Raises ``TypeError`` for a word that ``TableRule`` does not know."""
    lists = {name: tuple(entry.pop(name, ())) for name in ("person", "account", "parents")}
    only = {name: tuple(values) for name, values in entry.pop("only", {}).items()}
    return TableRule(**lists, only=only, secret=frozenset(entry.pop("secret", ())), **entry)
