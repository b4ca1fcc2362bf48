"""Who takes part: children who chat, children who only listen, a teacher whose reminders they get, and who is in
charge."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from knowledge.db import Database
from knowledge.records.accounts import Account
from knowledge.records.calendar import CalendarDay
from knowledge.records.reminders import Reminder
from knowledge.records.roster import Course, Enrollment, Org, Role, SchoolClass, User
from tests.builders.district import put
from tests.platforms.line import user_id

TALKERS, LISTENERS = "talkers", "listeners"  # a school, and its only class
TEACHER, PRINCIPAL = "teacher", "principal"
FORENOON = 10  # o'clock of the school, whenever the test runs: nobody's quiet hours
# Talkers begin by themselves: nothing may come between their answers. Listeners get a prompt as soon as anybody plans.
RULES = f"""
{TALKERS}: {{anticipation: '23:50', anticipation_until: '23:51', reflection: '23:52', short_day_reflection: '23:53',
            reflection_until: '23:54', reflection_nudge: 'off', brief: 'off'}}
{LISTENERS}: {{anticipation: '00:01', reflection: '23:52', short_day_reflection: '23:53', reflection_until: '23:54',
              reflection_nudge: 'off', brief: 'off', daily_limit: 1000, ignored_limit: 0}}
"""


def zone_where_it_is_forenoon(now: datetime) -> str:
    """The name of a time zone in which no test meets midnight, noon or quiet hours."""
    ahead = FORENOON - now.astimezone(UTC).hour  # -13 … 10; Etc/GMT-1 is an hour ahead of UTC
    return f"Etc/GMT{-ahead:+d}" if ahead >= -12 else f"Etc/GMT-{24 + ahead}"


async def with_people(database: Database, talkers: Sequence[str], listeners: Sequence[str], zone: ZoneInfo) -> None:
    """Two schools. ``talkers`` and ``listeners`` are account ids, ``<channel>:<the platform's id>``; a person is called
    as its account. The teacher and the principal have LINE, the principal Slack too."""
    now = datetime.now(UTC)
    schools = {**dict.fromkeys(talkers, TALKERS), **dict.fromkeys(listeners, LISTENERS)}
    schools |= {TEACHER: LISTENERS, PRINCIPAL: LISTENERS}
    roles = {**dict.fromkeys([*talkers, *listeners], "student"), TEACHER: "teacher", PRINCIPAL: "principal"}
    await put(database, Org, *({"sourced_id": id, "name": id, "type": "school"} for id in (TALKERS, LISTENERS)))
    course: dict[str, Any] = {
        "sourced_id": "course",
        "title": "",
        "org_sourced_id": LISTENERS,
        "grades": [],
        "subjects": [],
    }
    await put(database, Course, course)
    homeroom: dict[str, Any] = {"grades": ["J1"], "course_sourced_id": "course", "class_type": "homeroom"}
    homeroom |= {"term_sourced_ids": [], "subject_codes": [], "subjects": []}
    classes = [{**homeroom, "sourced_id": id, "title": id, "school_sourced_id": id} for id in (TALKERS, LISTENERS)]
    await put(database, SchoolClass, *classes)
    person: dict[str, Any] = {"enabled": True, "family_name": "山田", "given_name": "花", "agent_sourced_ids": []}
    await put(
        database,
        User,
        *(
            {**person, "sourced_id": id, "grade": "J1" if role == "student" else None}
            | {"primary_org_sourced_id": schools[id]}
            for id, role in roles.items()
        ),
    )
    await put(
        database,
        Role,
        *(
            {"sourced_id": f"r-{id}", "user_sourced_id": id, "role_type": "primary", "role": role}
            | {"org_sourced_id": schools[id]}
            for id, role in roles.items()
        ),
    )
    await put(
        database,
        Enrollment,
        *(
            {"sourced_id": f"e-{id}", "user_sourced_id": id, "class_sourced_id": schools[id], "role": role}
            | {"school_sourced_id": schools[id], "is_primary": role == "teacher"}
            for id, role in roles.items()
            if role != "principal"
        ),
    )
    accounts = {id: id for id in (*talkers, *listeners)}
    accounts |= {f"line:{user_id(TEACHER)}": TEACHER, f"line:{user_id(PRINCIPAL)}": PRINCIPAL}
    accounts |= {f"slack:U0{PRINCIPAL.upper()}": PRINCIPAL}
    linked: dict[str, Any] = {"linked_at": now, "last_seen_at": now, "reachable": True}
    await put(
        database,
        Account,
        *(
            {**linked, "id": id, "channel": id.partition(":")[0], "person_id": person}
            for id, person in accounts.items()
        ),
    )
    today = now.astimezone(zone).date()
    open_day: dict[str, Any] = {"kind": "school_day", "grades": [], "grades_key": ""}
    days = [(school, today + timedelta(days=n)) for school in (TALKERS, LISTENERS) for n in (0, 1)]
    rows = [{**open_day, "school_id": school, "date": day} for school, day in days]  # a test may run on a Sunday
    await put(database, CalendarDay, *rows)


async def remind(database: Database, words: str, zone: ZoneInfo) -> None:
    """The teacher's words are due to all listeners a second from now."""
    now = datetime.now(UTC)
    row: dict[str, Any] = {"id": str(uuid.uuid4()), "owner_id": TEACHER, "school_id": LISTENERS}
    row |= {
        "audience_kind": "class",
        "audience_ids": [LISTENERS],
        "audience_label": LISTENERS,
        "left_out": [],
        "only_missing": False,
    }
    row |= {"what": "text", "text": words, "announcement_id": None, "rrule": None, "any_day": True, "state": "active"}
    row |= {"starts_on": now.astimezone(zone).date(), "time": "00:01", "event_title": None, "event_first": None}
    row |= {"event_last": None, "next_at": now + timedelta(seconds=1), "created_at": now, "changed_at": now}
    await put(database, Reminder, row)
