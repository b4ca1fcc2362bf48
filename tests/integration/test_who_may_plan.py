"""Who may plan what: every role against everything that reminders, announcements and closures let people do."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select

from assistant.attachments import StoredFile
from assistant.dialogue.conversation import Conversation
from knowledge.db import Database
from knowledge.imports.registry import run_import
from knowledge.records.announcements import Announcement, AnnouncementAnswer, AnnouncementRecipient
from knowledge.records.closures import Closure
from knowledge.records.reminders import Reminder
from tests.builders.oneroster import Row, district, enrollment, write_oneroster
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

TODAY = date(2026, 5, 11)  # a Monday
OWN, OTHER = "佐藤 花", "高橋 空"  # of 4年2組, the class that is one's own where one has a class; and of 2年1組

PEOPLE = {
    "homeroom teacher": "t-ito",
    "subject teacher": "t-zuko",
    "nurse": "n-hayashi",
    "counselor": "k-kudo",
    "principal": "p-ogawa",
    "administrator": "a-kondo",
    "siteAdministrator": "i-ono",
    "district administrator": "b-nakano",
    "student": "s-hana",
    "guardian": "g-sato",
    "former teacher": "t-moto",
}
TO_CHILDREN = "to own class, to other class, to grade, to school"
FILES = "file of own class, file of other class"
ALL_CHILDREN = f"{TO_CHILDREN}, to self, safety of own class, safety of other class, answers, {FILES}"
LEADS = "to staff, list of others, change of others, close"
MAY = {
    "homeroom teacher": "to own class, to self, safety of own class, answers, file of own class",
    "subject teacher": "to own class, to self",  # the class of the subject: 4年2組 図工
    "nurse": f"{TO_CHILDREN}, to self, {FILES}",
    "counselor": f"{TO_CHILDREN}, to self, {FILES}",
    "principal": f"{ALL_CHILDREN}, {LEADS}",
    "administrator": f"{ALL_CHILDREN}, {LEADS}",
    "siteAdministrator": f"to self, {LEADS}",
    "district administrator": "to self",
    "student": "",
    "guardian": "",
    "former teacher": "",
}


def rows_of(names: str, *lines: str) -> list[Row]:
    return [dict(zip(names.split(), line.split("|"), strict=True)) for line in lines]


def roster() -> dict[str, list[Row]]:
    """The district with a second class in the grade, a class of a subject, and somebody of every role."""
    tables = district()
    names = "sourcedId familyName givenName grades primaryOrgSourcedId enabledUser username"
    people = (
        ("s-aoi", "青木", "葵", "P4", "student"),
        ("t-zuko", "図師", "光", "", "teacher"),
        ("k-kudo", "工藤", "梓", "", "counselor"),
        ("a-kondo", "近藤", "司", "", "administrator"),
        ("i-ono", "小野", "望", "", "siteAdministrator"),
        ("t-moto", "元木", "明", "", "teacher"),
    )
    tables["users"] += rows_of(
        names, *(f"{id}|{family}|{given}|{grade}|minami|true|{id}" for id, family, given, grade, _ in people)
    )
    columns = "sourcedId userSourcedId roleType role orgSourcedId endDate"
    ended = {"t-moto": "2026-03-31"}
    tables["roles"] += rows_of(
        columns, *(f"r-{id}|{id}|primary|{role}|minami|{ended.get(id, '')}" for id, _, _, _, role in people)
    )
    columns = "sourcedId title grades courseSourcedId classType schoolSourcedId termSourcedIds subjects subjectCodes"
    tables["classes"] += rows_of(
        columns,
        "c-4-1|4年1組|P4|co-p4|homeroom|minami|y2026||",
        "c-4-2-zu|4年2組 図工|P4|co-p4|scheduled|minami|y2026|図画工作|P070",
    )
    tables["enrollments"] += [
        enrollment("e-aoi", "s-aoi", "c-4-1"),
        enrollment("e-hana-zu", "s-hana", "c-4-2-zu"),
        enrollment("e-zuko", "t-zuko", "c-4-2-zu", role="teacher", primary="false"),
        enrollment("e-moto", "t-moto", role="teacher", primary="true", endDate="2026-03-31"),
    ]
    return tables


@asynccontextmanager
async def school(database: Database, folder: Path, person: str) -> AsyncGenerator[LineWorld]:
    """Monday at three: a safety check and a question of the homeroom teacher's were answered, one reminder of his is
    active; ``person`` has linked a phone under the name ``me``."""
    clock = HandClock(datetime.combine(TODAY, time(15), TOKYO))
    async with line_world(database, folder, clock=clock) as world:
        write_oneroster(folder / "more", roster())
        await run_import(database, "oneroster", folder / "more", timezone=TOKYO)
        now = clock.now()
        about: dict[str, Any] = {"school_id": "minami", "closes_at": None, "state": "open", "created_at": now}
        check: dict[str, Any] = about | {
            "id": "check",
            "owner_id": "a-kondo",
            "text": "無事?",
            "answer_kind": "choice",
            "choices": ["a", "b", "c"],
        }
        asks = about | {
            "id": "asks",
            "owner_id": "t-ito",
            "text": "夏の教室に来たいですか",
            "answer_kind": "yes_no",
            "choices": list[Any](),
        }
        reminder: dict[str, Any] = {"id": "his", "owner_id": "t-ito", "school_id": "minami", "audience_kind": "class"}
        reminder |= {"audience_ids": ["c-4-2"], "audience_label": "4年2組", "left_out": [], "only_missing": False}
        reminder |= {
            "what": "text",
            "text": "水筒を持つ",
            "announcement_id": None,
            "rrule": "FREQ=DAILY",
            "starts_on": TODAY,
        }
        reminder |= {"time": "16:00", "event_title": None, "event_first": None, "event_last": None, "any_day": False}
        reminder |= {"state": "active", "next_at": now + timedelta(hours=1), "created_at": now, "changed_at": now}
        asked = [("check", "s-hana"), ("check", "s-sora"), ("asks", "s-hana")]
        async with database.write() as connection:
            await connection.execute(
                insert(Announcement), [asks | {"is_safety_check": False}, check | {"is_safety_check": True}]
            )
            rows: list[dict[str, Any]] = [{"announcement_id": id, "person_id": child} for id, child in asked]
            await connection.execute(insert(AnnouncementRecipient), [row | {"asked_at": now} for row in rows])
            given = [row | {"value": "help" if row["announcement_id"] == "check" else "yes"} for row in rows]
            await connection.execute(insert(AnnouncementAnswer), [row | {"answered_at": now} for row in given])
            await connection.execute(insert(Reminder), [reminder])
        await world.link("me", person)
        yield world


async def count(world: LineWorld, table: Any) -> int:
    async with world.core.database.read() as connection:
        return await connection.scalar(select(func.count()).select_from(table)) or 0


async def confirmed(world: LineWorld, text: str, table: Any) -> bool:
    """Whether the text, with はい behind it, stores something."""
    before = await count(world, table)
    await world.say("me", text)
    await world.say("me", "はい")
    return await count(world, table) > before


def reminding(whom: str) -> Callable[[LineWorld], Awaitable[bool]]:
    return lambda world: confirmed(world, f"明日の15時に「体操服を忘れずに」と{whom}に送って", Reminder)


async def closes(world: LineWorld) -> bool:
    return await confirmed(world, "明日は休校", Closure)


def told(text: str, *words: str) -> Callable[[LineWorld], Awaitable[bool]]:
    async def is_told(world: LineWorld) -> bool:
        said = "\n".join(await world.say("me", text))
        return all(word in said for word in words)

    return is_told


def filed(class_name: str) -> Callable[[LineWorld], Awaitable[bool]]:
    async def is_filed(world: LineWorld) -> bool:
        before = await count(world, StoredFile)
        await world.say("me", f"{class_name}の活動の記録")
        return await count(world, StoredFile) > before

    return is_filed


async def changes_others(world: LineWorld) -> bool:
    """By words, and by the value of a button that somebody else was shown."""
    await world.send(world.line.events.postback(user_id("me"), "r/s/his/pause"))
    await world.core.drain()
    async with world.core.database.read() as connection:
        return await connection.scalar(select(Reminder.state).where(Reminder.id == "his")) != "active"


ACTIONS: Mapping[str, Callable[[LineWorld], Awaitable[bool]]] = {
    "to own class": reminding("4年2組"),
    "to other class": reminding("2年1組"),
    "to grade": reminding("4年生"),
    "to school": reminding("全校"),
    "to staff": reminding("先生方"),
    "to self": reminding("自分"),
    "list of others": told("リマインド一覧", "水筒を持つ"),
    "safety of own class": told("安否は？", OWN),
    "safety of other class": told("安否は？", OTHER),
    "answers": told("アンケートの結果は？", "夏の教室"),
    "file of own class": filed("4年2組"),
    "file of other class": filed("2年1組"),
    "change of others": changes_others,
    "close": closes,
}
OF_ITS_OWNER = frozenset({"list of others", "change of others"})  # the reminder is the homeroom teacher's own


@pytest.mark.parametrize("role", PEOPLE)
async def test_a_role_may_do_what_the_table_says_and_nothing_else(
    database: Database, tmp_path: Path, role: str
) -> None:
    async with school(database, tmp_path / "data", PEOPLE[role]) as world:
        did: set[str] = set()
        for name, action in ACTIONS.items():
            if role == "homeroom teacher" and name in OF_ITS_OWNER:
                continue
            if await action(world):
                did.add(name)
            async with database.write() as connection:
                await connection.execute(delete(Conversation))  # each begins anew
        assert did == {name for name in MAY[role].split(", ") if name}
