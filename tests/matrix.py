"""The role × data matrix of ``docs/role-matrix.md``: what each role is really shown, found out by asking for it.

``python -m tests.matrix`` writes the page; a test fails while it says something else than the product does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
from sqlalchemy import insert

from assistant.web.care import SECTIONS
from assistant.wording.texts import Speaker
from knowledge.db import Database
from knowledge.questions.answer import UnsupportedQuestionError, answer
from knowledge.questions.metrics import catalogue
from knowledge.questions.model import Metric, Period, Phase, Question, Scope, ScopeKind, Shape
from knowledge.questions.model import Status as AnswerStatus
from knowledge.records.alerts import raise_alert
from knowledge.records.checkins import CheckInRecord, Status, save_checkins
from knowledge.records.flags import Flag
from knowledge.records.roster import Enrollment, Role, SchoolClass, User
from knowledge.records.scope import load_viewer
from knowledge.records.substitutes import PREFIX as SUBSTITUTE
from knowledge.records.talk_requests import TalkRequest
from tests.browser.world import BrowserWorld, browser_world
from tests.integration.test_browser_chat import Page
from tests.worlds import TOKYO

TARGET = Path(__file__).parents[1] / "docs" / "role-matrix.md"
TODAY = date(2026, 5, 11)
NOW = datetime(2026, 5, 11, 16, tzinfo=TOKYO)
SECRET = "ひみつの文"
CHILD, GROUPS, NOTHING = "●", "○", "–"

# The child whose data it is: Hana of 4年2組. Who looks: (role as people say it, sourcedId).
LOOKING: Sequence[tuple[str, str]] = (
    ("the student", "s-hana"),
    ("a classmate", "s-ren"),
    ("own guardian", "g-sato"),
    ("another guardian", "g-suzuki"),
    ("homeroom teacher", "t-ito"),
    ("substitute", "t-sub"),
    ("substitute, day after", "t-over"),
    ("subject teacher", "t-math"),
    ("teacher of another class", "t-kato"),
    ("former teacher", "t-gone"),
    ("nurse", "n-hayashi"),
    ("counselor", "k-ueda"),
    ("principal", "p-ogawa"),
    ("administrator", "a-ono"),
    ("board", "b-nakano"),
    ("staff of another school", "t-abe"),
)

HEAD = """# Who sees what

Written by `python -m tests.matrix`, which asks the product for each kind of data as each role; a test fails when this
page says something else. The child is one of a class of a primary school. Rights come from the roster, its roles and
dates, and are looked at anew for every question, tap and page: a role that ends today shows nothing tomorrow, also in
conversations and pages that are open.

● the child by name · ○ no child by name: figures of groups, small groups left out; of a page: it opens without this
child · – nothing, in the same words whether or not there is something
"""
TAIL = """
Whenever staff are shown a child it is in the audit: `ayumi audit list`; child and family ask 「だれが見た？」. So is
whoever runs commands on the machine (`ayumi export`, `ayumi ask --as`). A guardian changes nothing.
"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One kind of data."""

    name: str
    cells: Sequence[str]


async def matrix(folder: Path) -> str:
    """The page."""
    async with browser_world(folder, f"sqlite:///{folder / 'ayumi.db'}") as world:
        world.clock.moment = NOW
        await _furnish(world.core.database)
        asked = [row async for row in _asked(world.core.database)]
        pages = await _pages(world)
    return "\n".join([HEAD, "## Questions\n", *_table(asked), "\n## Pages for staff\n", *_table(pages), TAIL])


async def _furnish(database: Database) -> None:
    """Roles that the small district does not have, and what Hana wrote, a part of it kept to herself."""
    people = {
        "g-suzuki": ("guardian", "鈴木", None),
        "t-sub": ("teacher", "代理", None),
        "t-over": ("teacher", "前代理", None),
        "t-math": ("teacher", "算田", None),
        "t-gone": ("teacher", "去年", TODAY - timedelta(days=1)),
        "k-ueda": ("counselor", "上田", None),
        "a-ono": ("administrator", "小野", None),
    }
    users: list[dict[str, Any]] = [
        {"sourced_id": id, "enabled": True, "given_name": "某", "family_name": family, "agent_sourced_ids": []}
        | {"primary_org_sourced_id": "minami"}
        for id, (_, family, _) in people.items()
    ]
    roles = [
        {"sourced_id": f"r-{id}", "user_sourced_id": id, "role_type": "primary", "role": role}
        | {"org_sourced_id": "minami", "begin_date": None, "end_date": last}
        for id, (role, _, last) in people.items()
    ]
    yesterday = TODAY - timedelta(days=1)
    teaching = [
        _enrolled("t-math", "c-4-2-math", "teacher"),
        _enrolled("s-hana", "c-4-2-math", "student"),
        _enrolled("t-gone", "c-4-2", "teacher"),
        _enrolled("t-sub", "c-4-2", "teacher") | {"sourced_id": f"{SUBSTITUTE}1", "end_date": TODAY},
        _enrolled("t-over", "c-4-2", "teacher") | {"sourced_id": f"{SUBSTITUTE}2", "end_date": yesterday},
    ]
    math = {"sourced_id": "c-4-2-math", "title": "4年2組 算数", "grades": ["P4"], "course_sourced_id": "co-p4"}
    math |= {"class_type": "scheduled", "school_sourced_id": "minami", "term_sourced_ids": []}
    at = NOW - timedelta(hours=1)
    record = CheckInRecord(
        student_id="s-hana",
        date=TODAY,
        phase=Phase.REFLECTION,
        status=Status.FINISHED,
        started_at=at,
        updated_at=at,
        answered_at=at,
        went_well="できたこと",
        difficult=SECRET,
    )
    async with database.write() as connection:
        await connection.execute(insert(User), users)
        await connection.execute(insert(Role), roles)
        await connection.execute(insert(SchoolClass).values(**math, subjects=["算数"], subject_codes=[]))
        await connection.execute(insert(Enrollment), teaching)
        await save_checkins(connection, [record.keep(["difficult"])])
        await raise_alert(
            connection,
            event_id="e1",
            student_id="s-hana",
            level="urgent",
            category="self_harm",
            words="しにたい",
            text="しにたい",
            at=at,
        )
        wish = {"id": "t1", "student_id": "s-hana", "date": TODAY, "requested_at": at, "subject": "friends"}
        await connection.execute(insert(TalkRequest).values(wish))
        flag = {"id": "f1", "student_id": "s-hana", "school_id": "minami", "kind": "nurse_visits", "state": "new"}
        flag |= {"since": TODAY, "day": TODAY, "figures": {"visits": 3, "dates": "5/8"}, "told_amount": 3.0}
        await connection.execute(insert(Flag).values(**flag, told_at=at))


def _enrolled(person_id: str, class_id: str, role: str) -> dict[str, Any]:
    row = {"sourced_id": f"e-{person_id}-{class_id}", "class_sourced_id": class_id, "school_sourced_id": "minami"}
    row |= {"user_sourced_id": person_id, "role": role}
    return row | {"is_primary": False, "begin_date": None, "end_date": None}


async def _asked(database: Database):
    """A row for each figure, each kind of text, and the figures of each size of group."""
    child, room = _scope(ScopeKind.STUDENT, "s-hana"), _scope(ScopeKind.CLASS, "c-4-2")
    school, district = _scope(ScopeKind.SCHOOL, "minami"), _scope(ScopeKind.DISTRICT, "board")
    for metric, entry in catalogue().items():
        cells = [
            CHILD
            if await _is_answered(database, id, _question(metric, Shape.VALUE, child))
            else GROUPS
            if await _is_answered(database, id, _question(metric, Shape.VALUE, school))
            else NOTHING
            for _, id in LOOKING
        ]
        yield Row(name=entry.name["en"], cells=cells)
    texts = {
        "several figures of the child at once": _question(None, Shape.OVERVIEW, child),
        "goals and reflections, in words": _question(None, Shape.TEXTS, child),
        "notes of staff about the child, in words": _question(Metric.OBSERVATIONS, Shape.TEXTS, child),
    }
    for name, question in texts.items():
        yield Row(name=name, cells=[_mark(await _is_answered(database, id, question)) for _, id in LOOKING])
    kept = texts["goals and reflections, in words"]
    yield Row(
        name="what the child keeps to themself (ひみつ)",
        cells=[_mark(SECRET in await _said(database, id, kept)) for _, id in LOOKING],
    )
    for name, scope in (("the class", room), ("the school", school), ("the district", district)):
        question = _question(Metric.MOOD, Shape.VALUE, scope)
        cells = [GROUPS if await _is_answered(database, id, question) else NOTHING for _, id in LOOKING]
        yield Row(name=f"mean mood of {name}", cells=cells)


def _question(metric: Metric | None, shape: Shape, scope: Scope) -> Question:
    period = Period(start=TODAY - timedelta(days=6), end=TODAY, label="")
    return Question(metric=metric, shape=shape, scope=scope, period=period)


def _scope(kind: ScopeKind, id: str) -> Scope:
    return Scope(kind=kind, ids=(id,), label="")


async def _is_answered(database: Database, person_id: str, question: Question) -> bool:
    """Whether it is not refused."""
    async with database.read() as connection:
        viewer = await load_viewer(connection, person_id, TODAY)
        try:
            found = await answer(connection, viewer, question, at=NOW, timezone=TOKYO)
        except UnsupportedQuestionError:
            return True  # allowed, but without a meaning: such as a streak of many as one figure
    return found.status is not AnswerStatus.REFUSED


async def _said(database: Database, person_id: str, question: Question) -> str:
    async with database.read() as connection:
        viewer = await load_viewer(connection, person_id, TODAY)
        found = await answer(connection, viewer, question, at=NOW, timezone=TOKYO)
    return "".join(str(row.value) for row in found.rows)


async def _pages(world: BrowserWorld) -> list[Row]:
    """A row for each page, opened by each role."""
    speaker = Speaker(language="en", band="staff")
    paths = {str(speaker.say(f"care_pages.{key}")): f"/care/{path}" for path, key in SECTIONS}
    paths |= {"Documents": "/library"}
    opened: dict[str, list[str]] = {name: [] for name in paths}
    for _, id in LOOKING:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
            await Page(http, world.url).sign_in(await world.code(id))
            for name, path in paths.items():
                async with http.get(world.url + path, allow_redirects=False) as response:
                    shown = await response.text() if response.status == 200 else None
                    opened[name].append(NOTHING if shown is None else CHILD if "佐藤 花" in shown else GROUPS)
    return [Row(name=name, cells=cells) for name, cells in opened.items()]


def _mark(is_shown: bool) -> str:
    return CHILD if is_shown else NOTHING


def _table(rows: Iterable[Row]) -> list[str]:
    names = [name for name, _ in LOOKING]
    head = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    return head + [f"| {row.name} | " + " | ".join(row.cells) + " |" for row in rows]


def main() -> None:
    with TemporaryDirectory() as folder:
        TARGET.write_text(asyncio.run(matrix(Path(folder))), "utf-8")


if __name__ == "__main__":
    main()
