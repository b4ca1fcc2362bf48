"""Looks at a school day: which flags are raised, last, got worse or are over."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from knowledge.care.days import SchoolDays, earliest, load_school
from knowledge.care.kinds import Numbers, ThresholdKind
from knowledge.care.lasting import Preview, Step, look, preview, step
from knowledge.db import Database, upsert
from knowledge.records.flags import OPEN, Flag, FlagState, flag_id
from knowledge.records.thresholds import Setting, mark_looked, settings_of

WEEKS = 28  # days that a preview goes back
KEPT = ("figures", "day", "told_amount", "told_at", "state")  # of a flag that lasts


@dataclass(kw_only=True)
class Changes:
    """What a look has to store."""

    raised: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    lasting: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    ended: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    unfounded: list[str] = field(default_factory=list[str])  # ids

    def end(self, flag: Any, day: date, *, held: bool) -> None:
        """``held``: whether its figures are still true of the day they are of."""
        self.ended.append({"its_id": flag.id, "its_ended_on": day, "its_figures": flag.figures if held else {}})
        self.unfounded += [] if held else [flag.id]


async def look_at_school(database: Database, school_id: str, day: date, at: datetime) -> int:
    """Raise, renew and end the flags of a school as of a school day, and return how many staff are to be told of. What
    came in late since the last look is taken into account: a flag that no longer holds on its own day goes, unless
    staff dealt with it. Looking twice changes nothing."""
    async with database.read() as connection:
        settings = [setting for setting in (await settings_of(connection, school_id)).values() if setting.is_on]
        if not settings:
            return 0
        lasting = {
            (row.student_id, row.kind): row
            for row in await connection.execute(
                select(*Flag.__table__.c).where(
                    Flag.school_id == school_id,
                    Flag.ended_on.is_(None),
                    Flag.kind.in_([setting.kind.id for setting in settings]),
                )
            )
        }
        since = min([day, *(row.day for row in lasting.values())])
        start = earliest(since, max(setting.kind.looks_back for setting in settings))
        school = await load_school(connection, school_id, start, day, at)
    changes = await asyncio.to_thread(_changes, school, settings, lasting, school_id, day, at)
    async with database.write() as connection:
        update_of_same_day = ("day", "ended_on", "figures", "told_amount", "told_at")
        await upsert(connection, Flag, changes.raised, key=("student_id", "kind", "since"), update=update_of_same_day)
        for rows, names in ((changes.lasting, KEPT), (changes.ended, ("ended_on", "figures"))):
            if rows:
                values = {name: bindparam(f"its_{name}", type_=Flag.__table__.c[name].type) for name in names}
                await connection.execute(update(Flag).where(Flag.id == bindparam("its_id")).values(values), rows)
        if changes.unfounded:
            await connection.execute(
                delete(Flag).where(Flag.id.in_(changes.unfounded), Flag.state.in_(OPEN), Flag.note.is_(None))
            )
        await mark_looked(connection, school_id, settings, day)
    return len(changes.raised) + sum(row["its_state"] == FlagState.NEW for row in changes.lasting)


async def preview_of(
    database: Database, school_id: str, kind: ThresholdKind, numbers: Numbers, today: date, at: datetime
) -> Preview:
    """What a threshold would have pointed out on the school days of the past four weeks, with what is known now."""
    async with database.read() as connection:
        start = earliest(today, WEEKS)
        school = await load_school(connection, school_id, earliest(start, kind.looks_back), today, at)
    days = [day for day in school.days if day > start]
    return await asyncio.to_thread(preview, school, kind, numbers, days)


def _changes(
    school: SchoolDays,
    settings: Sequence[Setting],
    lasting: Mapping[tuple[str, str], Any],
    school_id: str,
    day: date,
    at: datetime,
) -> Changes:
    """``lasting``: rows of flags by (child, kind)."""
    changes, left = Changes(), dict(lasting)
    for child in school.children:
        for setting in settings:
            kind, flag = setting.kind, left.pop((child.id, setting.kind.id), None)
            found = look(child, kind, setting.numbers, day)
            if flag is not None and found is not None:
                is_worse = step(flag.told_amount, found, kind.worse_by) is Step.WORSE
                changes.lasting.append(
                    {
                        "its_id": flag.id,
                        "its_figures": {**found.figures},
                        "its_day": day,
                        "its_told_amount": found.amount if is_worse else flag.told_amount,
                        "its_told_at": at if is_worse else flag.told_at,
                        "its_state": FlagState.NEW if is_worse else flag.state,
                    }
                )
            elif flag is not None:
                held = look(child, kind, setting.numbers, flag.day) is not None or not child.is_enrolled(flag.day)
                changes.end(flag, day, held=held)  # not held: something came late, or the threshold was set anew
            elif found is not None:
                changes.raised.append(
                    {
                        "id": flag_id(child.id, kind.id, day),
                        "student_id": child.id,
                        "school_id": school_id,
                        "kind": kind.id,
                        "since": day,
                        "day": day,
                        "ended_on": None,
                        "figures": {**found.figures},
                        "told_amount": found.amount,
                        "told_at": at,
                        "state": FlagState.NEW,
                    }
                )
    for flag in left.values():  # of children who left the school
        changes.end(flag, day, held=True)
    return changes
