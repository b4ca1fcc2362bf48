"""What a set changes in the store: worked out by reading only, so that a dry run ends here.

Rows that leave (unlisted in a bulk file, or deleted by a delta file):

* a person with records keeps them: the user stays, not enabled, without roles; enrolments end on the day of the
  deletion or, where a bulk file gives none, on the day of the last record. Without records the person goes entirely;
* an enrolment of someone who stays goes; one of an earlier school year stays and ends with its class at the latest;
* who stands in for a teacher (an enrolment of our own) does so until its end, or until they leave;
* anything else goes when nothing that stays refers to it. Otherwise it stays (bulk), or is a problem (delta).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from knowledge.imports.oneroster.read import FileRows
from knowledge.imports.oneroster.scope import ORG_OF, Calendar, Scope, first_day, read_scope
from knowledge.imports.oneroster.store import Store, Values
from knowledge.imports.problems import Problem, Problems, Summary
from knowledge.records.substitutes import PREFIX as SUBSTITUTE

REFERRED_SHOWN = 3  # rows named in one problem


@dataclass(kw_only=True)
class Change:
    """What happens to one table."""

    same: set[str] = field(default_factory=set[str])  # rows of the file that the store holds as they are
    stored: dict[str, Values] = field(default_factory=dict[str, Values])  # other rows of the store that may change
    leaving: set[str] = field(default_factory=set[str])  # no longer part of the roster, whether or not the row stays
    deleted: set[str] = field(default_factory=set[str])
    altered: dict[str, Values] = field(default_factory=dict[str, Values])  # rows that stay in another state
    written: list[Values] = field(default_factory=list[Values])  # rows of the file that are new or different
    summary: Summary = field(default_factory=Summary)


async def make_plan(
    store: Store, rows: Mapping[str, FileRows], problems: Problems
) -> tuple[dict[str, Change], Calendar]:
    """The change of every table; problems are deletions that would leave references dangling."""
    changes = {name: await _listed(store, name, file) for name, file in rows.items()}
    sessions, orgs = (await store.everything("academicSessions"), await store.everything("orgs"))
    calendar = Calendar(sessions=sessions | _values(rows["academicSessions"]))
    scope = read_scope(rows, orgs | _values(rows["orgs"]), await first_day(rows, calendar, store))
    for name, file in rows.items():
        change = changes[name]
        if file.is_bulk:
            unlisted = await _unlisted(store, name, file, scope)
            change.stored.update(unlisted)
            change.leaving = set(unlisted)
        else:
            change.leaving = file.deleted.keys() & change.stored.keys()
    await _people_leave(store, rows, changes, scope, calendar)
    for name in ("classes", "courses", "academicSessions", "orgs"):
        await _rest_leaves(store, name, rows, changes, scope, calendar, problems)
    for name, file in rows.items():
        _compare(file, changes[name])
    return changes, calendar


def _values(file: FileRows) -> dict[str, Values]:
    return {sourced_id: row.values for sourced_id, row in file.active.items()}


async def _listed(store: Store, name: str, file: FileRows) -> Change:
    """A change that knows what the store holds of the rows of the file."""
    change = Change()

    def is_same(key: str, row: Values) -> bool:
        if key in file.active and file.active[key].values == row:
            change.same.add(key)
        return key in change.same

    change.stored = await store.where(name, "sourced_id", file.lines, unless=is_same)
    return change


async def _unlisted(store: Store, name: str, file: FileRows, scope: Scope) -> dict[str, Values]:
    """The stored rows that a bulk file would list, but does not."""
    match name:
        case "orgs":
            return {}
        case "academicSessions":
            stored = await store.everything(name) if scope.is_whole else {}
            return {key: row for key, row in stored.items() if key not in file.lines}
        case "users":
            return await _unlisted_users(store, file, scope)
        case _:
            return await store.where(
                name, ORG_OF[name], scope.orgs, unless=lambda key, _: key in file.lines or key.startswith(SUBSTITUTE)
            )


async def _unlisted_users(store: Store, file: FileRows, scope: Scope) -> dict[str, Values]:
    """Users who belong, by primary org and roles, to orgs of the scope and to no other."""
    users = await store.where("users", "primary_org_sourced_id", scope.orgs, unless=lambda key, _: key in file.lines)
    roles = await store.where(
        "roles", "org_sourced_id", scope.orgs, unless=lambda _, role: role["user_sourced_id"] in file.lines
    )
    by_role = {role["user_sourced_id"] for role in roles.values()}
    users.update(await store.where("users", "sourced_id", by_role - users.keys()))
    elsewhere = {key for key, user in users.items() if user["primary_org_sourced_id"] not in scope.orgs | {None}}
    for role in (await store.where("roles", "user_sourced_id", users)).values():
        if role["org_sourced_id"] not in scope.orgs:
            elsewhere.add(role["user_sourced_id"])
    return {key: user for key, user in users.items() if key not in elsewhere}


async def _people_leave(
    store: Store, rows: Mapping[str, FileRows], changes: Mapping[str, Change], scope: Scope, calendar: Calendar
) -> None:
    """Decides on the users, roles and enrolments that leave."""
    users, roles, enrollments = (changes["users"], changes["roles"], changes["enrollments"])
    for name in ("roles", "enrollments"):  # of the people who leave, in every school
        theirs = await store.where(name, "user_sourced_id", users.leaving)
        added = {key: row for key, row in theirs.items() if key not in rows[name].lines}
        changes[name].stored.update(added)
        changes[name].leaving |= added.keys()
    roles.deleted = set(roles.leaving)

    ending = {key: enrollments.stored[key] for key in enrollments.leaving}
    owners = await store.where("users", "sourced_id", {row["user_sourced_id"] for row in ending.values()})
    left_before = {key for key, user in owners.items() if not user["enabled"] and key not in rows["users"].lines}
    gone = users.leaving | left_before
    recorded = await store.recorded("users", gone)
    classes = await store.where("classes", "sourced_id", {row["class_sourced_id"] for row in ending.values()})
    staying: set[str] = set()  # users with an enrolment that stays
    for key, row in ending.items():
        user_id = row["user_sourced_id"]
        class_end = calendar.span(classes[row["class_sourced_id"]])[1]
        until: date | None = None
        if key in rows["enrollments"].deleted:
            pass
        elif user_id in gone:
            if user_id in recorded:
                until = rows["users"].deleted.get(user_id, recorded[user_id])
        elif scope.is_history(row["end_date"]):
            until = row["end_date"]
        elif scope.is_history(class_end):
            until = class_end
        if until is None or (row["begin_date"] is not None and row["begin_date"] > until):
            enrollments.deleted.add(key)
            continue
        staying.add(user_id)
        if row["end_date"] is None or row["end_date"] > until:
            enrollments.altered[key] = row | {"end_date": until}
    for key in users.leaving:
        if key not in recorded and key not in staying:
            users.deleted.add(key)
        elif users.stored[key]["enabled"]:
            users.altered[key] = users.stored[key] | {"enabled": False}


async def _rest_leaves(
    store: Store,
    name: str,
    rows: Mapping[str, FileRows],
    changes: Mapping[str, Change],
    scope: Scope,
    calendar: Calendar,
    problems: Problems,
) -> None:
    """Decides on the rows of ``name`` that leave, once it is known which rows that refer to them go."""
    change, file = changes[name], rows[name]
    going = set(change.leaving)
    if file.is_bulk and name == "classes":
        going = {key for key in going if not scope.is_history(calendar.span(change.stored[key])[1])}
    if file.is_bulk and name == "academicSessions":
        going = {key for key in going if not scope.is_history(change.stored[key]["end_date"])}
    # Leavers stay where they were for the sake of their records; that alone keeps no org.
    leavers = changes["users"].leaving
    used: dict[str, list[str]] = {key: ["records"] for key in await store.recorded(name, going)}
    for referring, row_id, named in await store.referring(name, going):
        is_going = row_id in changes[referring].deleted or (referring == name and row_id in going)
        if not is_going and row_id not in rows[referring].lines and not (referring == "users" and row_id in leavers):
            used.setdefault(named, []).append(f"{row_id} in {referring}")
    change.deleted = going - used.keys()
    if not file.is_bulk:
        for key, users in used.items():
            more = ", …" if len(users) > REFERRED_SHOWN else ""
            expected = (
                "that nothing refers to it any more, but there is " + ", ".join(sorted(users)[:REFERRED_SHOWN]) + more
            )
            problems.add(
                Problem(file=f"{name}.csv", line=file.lines[key], column="sourcedId", value=key, expected=expected)
            )


def _compare(file: FileRows, change: Change) -> None:
    """Finds the rows to write, and counts. A deletion of what is not there is no change."""
    change.written = [row.values for key, row in file.active.items() if key not in change.same]
    added = sum(row["sourced_id"] not in change.stored for row in change.written)
    gone = len(change.deleted) + len(change.altered)
    nothing_to_do = len(file.deleted.keys() - change.deleted - change.altered.keys())
    change.summary = Summary(
        added=added,
        changed=len(change.written) - added + gone,
        unchanged=len(change.same) + nothing_to_do,
    )
