"""How far a bulk set speaks: for which schools, and from which day on.

A district may hand in one set for all its schools or one set per school, and a new set every school year. So a bulk
file is the whole truth only

* for the schools that the set names: those of its orgs.csv if that is bulk, otherwise those its rows belong to. A
  district (any org that is no school) counts as named when the set names all schools below it that are known, or none
  of them: then it is the set of the board itself. A set of one school among several leaves the board's people alone;
* for the school years that it brings: what ended before the first term of its classes is history and stays.

Orgs leave by a delta file only; academic sessions, which belong to no school, when the set covers every org.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from knowledge.imports.oneroster.read import FileRows
from knowledge.imports.oneroster.store import Store, Values

# The column of each table that says which org a row belongs to; users are found by their roles as well.
ORG_OF = {
    "courses": "org_sourced_id",
    "classes": "school_sourced_id",
    "roles": "org_sourced_id",
    "enrollments": "school_sourced_id",
    "users": "primary_org_sourced_id",
}


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """When classes begin and end: first and last day of their terms. None: not known."""

    sessions: Mapping[str, Values]

    def span(self, school_class: Values) -> tuple[date | None, date | None]:
        terms = [self.sessions[term] for term in school_class["term_sourced_ids"] if term in self.sessions]
        starts, ends = ([term["start_date"] for term in terms], [term["end_date"] for term in terms])
        return min(starts, default=None), max(ends, default=None)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What a bulk file of this set is the whole truth about."""

    orgs: frozenset[str]
    is_whole: bool  # every known org is among them
    since: date | None  # what ended before is history; None: the set names no class, nothing is history

    def is_history(self, end: date | None) -> bool:
        return self.since is not None and end is not None and end < self.since


def read_scope(rows: Mapping[str, FileRows], orgs: Mapping[str, Values], since: date | None) -> Scope:
    """``orgs``: all orgs, of the store and of the set."""
    bulk = [name for name, file in rows.items() if file.is_bulk]
    if "orgs" in bulk:
        named = set(rows["orgs"].lines)
    else:
        named = {row.values[ORG_OF[name]] for name in bulk if name in ORG_OF for row in rows[name].active.values()} - {
            None
        }
    below: dict[str, set[str]] = {}
    for sourced_id, org in orgs.items():
        if org["type"] == "school" and org["parent_sourced_id"] is not None:
            below.setdefault(org["parent_sourced_id"], set()).add(sourced_id)
    covered = frozenset(org for org in named if _covers(named, below.get(org, set())))
    return Scope(orgs=covered, is_whole=covered >= orgs.keys(), since=since)


def _covers(named: set[str], schools: set[str]) -> bool:
    return schools <= named or not (schools & named)


async def first_day(rows: Mapping[str, FileRows], calendar: Calendar, store: Store) -> date | None:
    """The first day of the terms of the classes that the set names; None when it names none."""
    classes: Iterable[Values] = [row.values for row in rows["classes"].active.values()]
    if not classes:
        named = {row.values["class_sourced_id"] for row in rows["enrollments"].active.values()}
        classes = (await store.where("classes", "sourced_id", named)).values()
    starts = [start for school_class in classes if (start := calendar.span(school_class)[0]) is not None]
    return min(starts, default=None)
