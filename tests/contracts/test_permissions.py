"""Who may ask what: the table of the contract, role by role, over one small district on Friday 2026-05-15.

みなみ小: 4年2組 (花, 蓮), 4年1組 (芽依), 2年1組 (空) and the music class of the fourth grade (花, 芽依).
ひがし中: 1年1組 (結衣) and its mathematics class. 遠い小 lies in another district.
"""

from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Base, Database
from knowledge.imports.registry import run_import
from knowledge.questions.answer import answer
from knowledge.questions.model import (
    GroupBy,
    Metric,
    Period,
    Phase,
    Question,
    Reason,
    Scope,
    ScopeKind,
    Shape,
    Status,
)
from knowledge.records.scope import Permit, load_viewer, permit_for
from tests.builders.oneroster import Row, district, enrollment, with_cells, write_oneroster
from tests.worlds import TOKYO

FRIDAY = date(2026, 5, 15)
FRIDAY_10 = datetime(2026, 5, 15, 10, tzinfo=TOKYO)


def person(id: str, role: str, org: str = "minami", **cells: str) -> tuple[Row, Row]:
    """A row of users and one of roles."""
    user = {"sourcedId": id, "enabledUser": "true", "username": id, "familyName": "山", "givenName": id, **cells}
    part = {"sourcedId": f"r-{id}-{role}", "userSourcedId": id, "roleType": "primary", "role": role}
    return user, {**part, "orgSourcedId": org}


def school_class(id: str, title: str, kind: str, course: str, school: str = "minami", subject: str = "") -> Row:
    named = {"sourcedId": id, "title": title, "classType": kind, "courseSourcedId": course, "subjects": subject}
    return {**named, "grades": "P4", "schoolSourcedId": school, "termSourcedIds": "y2026"}


def teaching(user: str, class_id: str, **cells: str) -> Row:
    return enrollment(f"e-{user}-{class_id}", user, class_id, role="teacher", **cells)


PEOPLE = [
    person("s-mei", "student", grades="P4"),
    person("s-left", "student", grades="P4"),
    person("s-soon", "student", grades="P4"),
    person("s-far", "student", "far", grades="P4"),
    person("s-gone", "student", enabledUser="false", agentSourcedIds="g-sato"),
    person("t-music", "teacher"),
    person("t-both", "teacher"),
    person("t-past", "teacher"),
    person("t-future", "teacher"),
    person("t-nameless", "teacher"),
    person("v-vice", "administrator"),
    person("k-talk", "counselor"),
    person("n-higashi", "ext:nurse", "higashi"),
    person("p-teaching", "principal", "higashi"),
    person("a-site", "siteAdministrator"),
    person("a-proctor", "proctor"),
    person("x-helper", "ext:helper"),
    person("g-two", "guardian"),
    person("g-claims", "guardian", agentSourcedIds="s-ren"),
    person("g-teacher", "guardian"),
    person("b-teacher", "districtAdministrator", "board"),
]
SECOND_ROLES = [person("p-teaching", "teacher"), person("g-teacher", "teacher"), person("b-teacher", "teacher")]
ENROLLED = [
    enrollment("e-mei", "s-mei", "c-4-1"),
    enrollment("e-left-1", "s-left", "c-4-2", beginDate="2026-04-06", endDate="2026-05-14"),
    enrollment("e-left-2", "s-left", "c-4-1", beginDate="2026-05-15"),
    enrollment("e-soon", "s-soon", "c-4-2", beginDate="2026-05-16"),
    enrollment("e-far", "s-far", "c-far", schoolSourcedId="far"),
    enrollment("e-music-1", "s-hana", "c-music"),
    enrollment("e-music-2", "s-mei", "c-music"),
    teaching("t-music", "c-music"),
    teaching("t-both", "c-2-1"),
    teaching("t-both", "c-music"),
    teaching("t-past", "c-4-2", endDate="2026-05-14"),
    teaching("t-future", "c-4-2", beginDate="2026-05-16"),
    teaching("t-nameless", "c-club"),
    teaching("x-helper", "c-4-2"),
    teaching("p-teaching", "c-music"),
    teaching("g-teacher", "c-2-1"),
    teaching("b-teacher", "c-2-1"),
    enrollment("e-club", "s-hana", "c-club"),
]


def world() -> Mapping[str, list[Row]]:
    rows = district()
    music = {"sourcedId": "co-music", "title": "音楽4年", "grades": "P4", "orgSourcedId": "minami"}
    users = with_cells(rows["users"], "s-hana", agentSourcedIds="g-sato,g-two,g-teacher")
    return {
        "orgs": [
            *rows["orgs"],
            {"sourcedId": "elsewhere", "name": "となり市教育委員会", "type": "district"},
            {"sourcedId": "far", "name": "遠い小学校", "type": "school", "parentSourcedId": "elsewhere"},
        ],
        "courses": [*rows["courses"], {**music, "schoolYearSourcedId": "y2026", "subjects": "音楽"}],
        "classes": [
            *rows["classes"],
            school_class("c-4-1", "4年1組", "homeroom", "co-p4"),
            school_class("c-music", "4年 音楽", "scheduled", "co-music"),  # its course says what it is about
            school_class("c-club", "4年 クラブ", "scheduled", "co-p4"),
            school_class("c-far", "4年1組", "homeroom", "co-p4", "far"),
        ],
        "users": [*with_cells(users, "s-yui", agentSourcedIds="g-two"), *(user for user, _ in PEOPLE)],
        "roles": [*rows["roles"], *(role for _, role in [*PEOPLE, *SECOND_ROLES])],
        "enrollments": [*rows["enrollments"], *ENROLLED],
    }


@pytest.fixture
async def school(database: Database, tmp_path: Path) -> AsyncIterator[AsyncConnection]:
    """A connection to the district."""
    write_oneroster(tmp_path / "oneroster", world())
    await run_import(database, "oneroster", tmp_path / "oneroster", timezone=TOKYO)
    async with database.read() as connection:
        yield connection


def scope(kind: str, *ids: str) -> Scope:
    return Scope(kind=ScopeKind(kind), ids=ids, label="")


def question(about: Scope, metric: Metric | None = Metric.CHECKIN_RATE, shape: Shape = Shape.VALUE) -> Question:
    """A question as the understanding side makes it: nothing of the metric in an overview, a phase with texts."""
    day = Period(start=FRIDAY, end=FRIDAY, label="今日")
    phase = Phase.REFLECTION if shape is Shape.TEXTS and metric is None else None
    group_by = GroupBy.WEEKDAY if shape is Shape.BREAKDOWN else None
    return Question(metric=metric, shape=shape, phase=phase, scope=about, period=day, group_by=group_by)


async def permit(school: AsyncConnection, by: str, asked: Question, on: date = FRIDAY) -> Permit | None:
    return await permit_for(school, await load_viewer(school, by, on), asked)


def decision(given: Permit | None) -> str:
    return "no" if given is None else "sums" if given.aggregate_only else "yes"


# The contract, by hand. ``sums``: in aggregate only. Columns: whose rights.
COLUMNS = ("homeroom", "subject", "staff", "board", "family", "nobody")
METRICS = """
anticipation_rate   yes  yes  yes  sums  yes  no
reflection_rate     yes  yes  yes  sums  yes  no
checkin_rate        yes  yes  yes  sums  yes  no
goal_achievement    yes  yes  yes  sums  yes  no
mood                yes  no   yes  sums  yes  no
low_mood_days       yes  no   yes  sums  yes  no
mood_change         yes  no   yes  sums  yes  no
confidence          yes  yes  yes  sums  yes  no
reflection_depth    yes  yes  yes  sums  yes  no
study_minutes       yes  yes  yes  sums  yes  no
questions_answered  yes  yes  yes  sums  yes  no
correct_rate        yes  yes  yes  sums  yes  no
absent_days         yes  no   yes  sums  yes  no
late_count          yes  no   yes  sums  yes  no
early_leave_count   yes  no   yes  sums  yes  no
attendance_rate     yes  no   yes  sums  yes  no
nurse_visits        yes  no   yes  sums  yes  no
assessment_score    yes  yes  yes  sums  yes  no
observations        yes  no   yes  sums  yes  no
awaiting_reply      yes  yes  yes  sums  yes  no
talk_requests       yes  no   yes  sums  yes  no
streak              yes  yes  yes  no    yes  no
"""  # a streak of a class is a list of its children
SHAPES = """
value      yes  yes  yes  sums  yes  no
students   yes  yes  yes  no    yes  no
trend      yes  yes  yes  sums  yes  no
compare    yes  yes  yes  sums  yes  no
breakdown  yes  yes  yes  sums  yes  no
overview   yes  yes  yes  no    yes  no
texts      yes  yes  yes  no    yes  no
"""
SCOPES = """
student   yes  yes  yes  no    yes  no
list      yes  yes  yes  no    yes  no
class     yes  yes  yes  no    no   no
grade     no   no   yes  sums  no   no
school    no   no   yes  sums  no   no
district  no   no   no   sums  no   no
"""
WITHOUT_TEXTS = ("study_minutes", "questions_answered", "correct_rate", "assessment_score")  # goals and reflections are

CITY = {"grade": ("c-4-1", "c-4-2"), "school": ("minami",), "district": ("board",)}
PRIMARY = {"student": ("s-hana",), "list": ("s-hana", "s-ren"), "class": ("c-4-2",), **CITY}
OWN = {  # what each asks about: their own where they have any
    "t-ito": ("homeroom", PRIMARY),
    "t-music": ("subject", {**PRIMARY, "list": ("s-hana", "s-mei"), "class": ("c-music",)}),
    "p-ogawa": ("staff", PRIMARY),
    "v-vice": ("staff", PRIMARY),
    "k-talk": ("staff", PRIMARY),
    "n-hayashi": ("staff", PRIMARY),
    "b-nakano": ("board", {**PRIMARY, "grade": ("c-4-1", "c-4-2", "c-j1-1"), "school": ("minami", "higashi")}),
    "s-hana": ("family", {**PRIMARY, "list": ("s-hana",)}),
    "g-sato": ("family", {**PRIMARY, "list": ("s-hana",)}),
    "a-site": ("nobody", PRIMARY),
    "a-proctor": ("nobody", PRIMARY),
    "x-helper": ("nobody", PRIMARY),
}


def table(text: str) -> dict[str, dict[str, str]]:
    lines = [line.split() for line in text.strip().splitlines()]
    return {name: dict(zip(COLUMNS, cells, strict=True)) for name, *cells in lines}


def expected(column: str, kind: str, shape: Shape, metric: Metric | None, *, is_guardian: bool = False) -> str:
    """The strictest of what scope, shape and metric say."""
    said = [table(SCOPES)[kind][column], table(SHAPES)[shape][column]]
    if metric is not None:
        said.append(table(METRICS)[metric][column])
    if column == "subject" and shape is Shape.TEXTS and metric in WITHOUT_TEXTS:
        return "no"
    if column == "family" and shape is Shape.TEXTS and metric is Metric.OBSERVATIONS:
        return "no"  # the words of staff about a child were written for staff (decision 11)
    if is_guardian and metric is Metric.TALK_REQUESTS:
        return "no"  # a child who wants to talk may want to talk about home (decision 11)
    return min(said, key=("no", "sums", "yes").index)


EVERYTHING = [
    *((shape, metric) for shape in Shape for metric in Metric),
    (Shape.OVERVIEW, None),
    (Shape.TEXTS, None),
]
EACH_ONCE = [(shape, metric) for shape, metric in EVERYTHING if shape is Shape.VALUE or metric is Metric.CHECKIN_RATE]


def test_every_metric_shape_and_kind_of_scope_is_in_the_table():
    assert {*table(METRICS)} == {*Metric}
    assert {*table(SHAPES)} == {*Shape}
    assert {*table(SCOPES)} == {*ScopeKind}
    assert all({*scopes} == {*ScopeKind} for _, scopes in OWN.values())


async def test_every_role_may_ask_what_the_contract_says_and_nothing_else(school: AsyncConnection):
    wrong: list[str] = []
    seen: set[str] = set()
    for by, (column, scopes) in OWN.items():
        viewer = await load_viewer(school, by, FRIDAY)
        for kind, ids in scopes.items():
            # every combination for one role of a column, each metric and each shape for those with the same rights
            for shape, metric in EACH_ONCE if column in seen else EVERYTHING:
                given = decision(await permit_for(school, viewer, question(scope(kind, *ids), metric, shape)))
                if given != expected(column, kind, shape, metric, is_guardian=by.startswith("g-")):
                    wrong.append(f"{by} {kind} {shape} {metric}: {given}")
        seen.add(column)
    assert wrong == []


# Who asks about what is not theirs, or is: both written out.
ASKED: list[tuple[str, str, list[str], str]] = [
    ("t-ito", "class", ["c-4-1"], "no"),
    ("t-ito", "class", ["c-4-2", "c-4-1"], "no"),
    ("t-ito", "class", ["c-music"], "no"),
    ("t-ito", "student", ["s-mei"], "no"),
    ("t-ito", "student", ["s-left"], "no"),  # left the class yesterday
    ("t-ito", "student", ["s-soon"], "no"),  # comes tomorrow
    ("t-ito", "list", ["s-hana", "s-ren", "s-mei"], "no"),
    ("t-ito", "grade", ["c-4-2"], "yes"),  # a grade of one class
    ("t-past", "class", ["c-4-2"], "no"),
    ("t-future", "class", ["c-4-2"], "no"),
    ("t-music", "class", ["c-4-2"], "no"),
    ("t-music", "student", ["s-ren"], "no"),
    ("t-both", "class", ["c-2-1"], "yes"),
    ("t-both", "class", ["c-music"], "yes"),
    ("t-both", "class", ["c-2-1", "c-music"], "yes"),
    ("t-both", "list", ["s-sora", "s-mei"], "yes"),
    ("t-both", "class", ["c-4-2"], "no"),
    ("n-hayashi", "student", ["s-left"], "yes"),
    ("n-hayashi", "class", ["c-j1-1"], "no"),
    ("n-higashi", "class", ["c-4-2"], "no"),
    ("n-higashi", "student", ["s-yui"], "yes"),
    ("n-higashi", "student", ["s-hana"], "no"),
    ("p-ogawa", "school", ["higashi"], "no"),
    ("p-ogawa", "school", ["minami", "higashi"], "no"),
    ("p-ogawa", "grade", ["c-4-2", "c-far"], "no"),
    ("p-teaching", "school", ["higashi"], "yes"),
    ("p-teaching", "class", ["c-music"], "yes"),
    ("p-teaching", "student", ["s-mei"], "yes"),
    ("p-teaching", "class", ["c-4-2"], "no"),
    ("p-teaching", "school", ["minami"], "no"),
    ("b-nakano", "school", ["far"], "no"),
    ("b-nakano", "grade", ["c-4-2", "c-far"], "no"),
    ("b-nakano", "district", ["elsewhere"], "no"),
    ("b-nakano", "class", ["c-music"], "no"),
    ("s-hana", "student", ["s-ren"], "no"),
    ("s-hana", "student", ["s-hana", "s-ren"], "no"),
    ("s-hana", "list", ["s-ren"], "no"),
    ("g-two", "student", ["s-hana"], "yes"),
    ("g-two", "student", ["s-hana", "s-yui"], "yes"),
    ("g-two", "student", ["s-hana", "s-ren"], "no"),
    ("g-claims", "student", ["s-ren"], "no"),  # the child's own record does not name them
    ("g-sato", "student", ["s-yui"], "no"),
    ("g-sato", "student", ["s-gone"], "no"),  # as the student, who may not ask any more
    ("g-teacher", "list", ["s-hana", "s-sora"], "yes"),  # their child, and a child of their class
    ("g-teacher", "student", ["s-ren"], "no"),
    *((by, kind, ["nowhere"], "no") for by in ("t-ito", "p-ogawa", "b-nakano", "s-hana") for kind in ScopeKind),
    *((by, kind, [], "no") for by in ("t-ito", "p-ogawa", "b-nakano", "s-hana", "g-sato") for kind in ScopeKind),
    ("p-ogawa", "class", ["c-4-2", "nowhere"], "no"),
    ("b-nakano", "school", ["board"], "no"),  # a district is no school
    ("b-nakano", "district", ["minami"], "no"),
    ("b-teacher", "class", ["c-2-1"], "yes"),
    ("b-teacher", "class", ["c-2-1", "c-4-2"], "no"),
    ("b-teacher", "grade", ["c-2-1"], "yes"),
    ("b-teacher", "grade", ["c-2-1", "c-4-2"], "sums"),
    ("b-teacher", "school", ["minami"], "sums"),
    ("b-teacher", "student", ["s-hana"], "no"),
]


async def test_what_is_theirs_ends_where_the_roster_says(school: AsyncConnection):
    given = [
        (by, kind, ids, decision(await permit(school, by, question(scope(kind, *ids))))) for by, kind, ids, _ in ASKED
    ]
    assert given == ASKED


async def test_a_refusal_reads_no_record_and_tells_nothing(school: AsyncConnection):
    refused = [(by, scope(kind, *ids)) for by, kind, ids, given in ASKED if given == "no"]
    for by, about in refused:
        viewer = await load_viewer(school, by, FRIDAY)
        with tables_read(school) as tables:
            given = await answer(school, viewer, question(about), at=FRIDAY_10, timezone=TOKYO)
        assert (given.status, given.reason) == (Status.REFUSED, Reason.NOT_PERMITTED)
        assert (given.value, given.n, given.rows, given.unit, given.definition) == (None, None, (), None, None)
        assert tables <= {"orgs", "classes", "enrollments"}


async def test_permission_costs_one_statement(school: AsyncConnection):
    viewer = await load_viewer(school, "t-ito", FRIDAY)
    for kind, ids in PRIMARY.items():
        with tables_read(school) as tables:
            await permit_for(school, viewer, question(scope(kind, *ids)))
        assert tables.statements <= 1


class Tables(set[str]):
    """Names of tables that statements named."""

    statements = 0


@contextmanager
def tables_read(connection: AsyncConnection) -> Generator[Tables]:
    found = Tables()

    def on_execute(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        found.statements += 1
        words = set(statement.replace(".", " ").replace(",", " ").split())
        found.update(words & Base.metadata.tables.keys())

    event.listen(connection.sync_connection, "before_cursor_execute", on_execute)
    try:
        yield found
    finally:
        event.remove(connection.sync_connection, "before_cursor_execute", on_execute)


async def test_rights_are_those_of_the_asking_day_for_any_period(school: AsyncConnection):
    long_ago = Period(start=date(2025, 4, 1), end=date(2025, 4, 30), label="")
    about_class, about_left, about_soon = (
        replace(question(about), period=long_ago)
        for about in (scope("class", "c-4-2"), scope("student", "s-left"), scope("student", "s-soon"))
    )
    for on in (date(2026, 5, 14), FRIDAY, date(2026, 5, 16)):
        assert decision(await permit(school, "t-ito", about_class, on)) == "yes"
        assert decision(await permit(school, "t-past", about_class, on)) == ("yes" if on < FRIDAY else "no")
        assert decision(await permit(school, "t-future", about_class, on)) == ("yes" if on > FRIDAY else "no")
        assert decision(await permit(school, "t-ito", about_left, on)) == ("yes" if on < FRIDAY else "no")
        assert decision(await permit(school, "t-ito", about_soon, on)) == ("yes" if on > FRIDAY else "no")


MUSIC = scope("class", "c-music")


async def test_a_subject_teacher_asks_about_their_own_subject_named_or_not(school: AsyncConnection):
    for metric in (Metric.CORRECT_RATE, Metric.ASSESSMENT_SCORE, Metric.REFLECTION_RATE):
        unnamed = question(MUSIC, metric)
        for asked in (unnamed, replace(unnamed, subject="音楽")):
            given = await permit(school, "t-music", asked)
            assert given is not None
            assert given.subjects == {"音楽"}
        assert await permit(school, "t-music", replace(unnamed, subject="算数")) is None


async def test_the_homeroom_teacher_the_principal_and_the_family_see_every_subject(school: AsyncConnection):
    asked = replace(question(scope("student", "s-hana"), Metric.CORRECT_RATE), subject="算数")
    for by in ("t-ito", "p-ogawa", "s-hana", "g-sato"):
        given = await permit(school, by, asked)
        assert given is not None
        assert given.subjects is None


async def test_homeroom_and_subject_classes_together_are_asked_about_as_subject_classes(school: AsyncConnection):
    both = scope("class", "c-2-1", "c-music")
    assert await permit(school, "t-both", question(both, Metric.MOOD)) is None
    assert await permit(school, "t-both", question(scope("class", "c-2-1"), Metric.MOOD)) is not None
    given = await permit(school, "t-both", question(both, Metric.ASSESSMENT_SCORE))
    assert given is not None
    assert given.subjects == {"音楽"}


async def test_a_teacher_of_a_class_without_a_subject_sees_check_ins_only(school: AsyncConnection):
    club = scope("class", "c-club")
    assert await permit(school, "t-nameless", question(club, Metric.STUDY_MINUTES)) is None
    given = await permit(school, "t-nameless", question(club, None, Shape.OVERVIEW))
    assert given is not None
    assert given.subjects == frozenset()
    assert Metric.REFLECTION_RATE in given.metrics
    assert not given.metrics & {Metric.STUDY_MINUTES, Metric.ASSESSMENT_SCORE, Metric.MOOD}


async def test_an_overview_leaves_out_what_may_not_be_asked(school: AsyncConnection):
    hana = scope("student", "s-hana")
    asked = [("t-ito", hana, "homeroom"), ("t-music", hana, "subject"), ("t-music", MUSIC, "subject")]
    for by, about, column in [*asked, ("s-hana", hana, "family")]:
        given = await permit(school, by, question(about, None, Shape.OVERVIEW))
        assert given is not None
        assert given.metrics == {metric for metric, said in table(METRICS).items() if said[column] == "yes"}


async def test_a_subject_teacher_reads_goals_and_reflections_and_no_notes_of_others(school: AsyncConnection):
    written = question(MUSIC, None, Shape.TEXTS)
    for phase in (None, *Phase):
        assert await permit(school, "t-music", replace(written, phase=phase)) is not None
    for metric in (Metric.OBSERVATIONS, Metric.MOOD, Metric.TALK_REQUESTS):
        assert await permit(school, "t-music", replace(written, metric=metric)) is None


async def test_nobody_learns_moods_from_a_breakdown_of_something_else(school: AsyncConnection):
    by_mood = replace(question(MUSIC, Metric.REFLECTION_RATE, Shape.BREAKDOWN), group_by=GroupBy.MOOD)
    assert await permit(school, "t-music", by_mood) is None


async def test_a_board_sees_every_breakdown_but_that_by_class(school: AsyncConnection):
    for about in (scope("school", "minami"), scope("district", "board"), scope("grade", "c-4-1", "c-4-2")):
        asked = question(about, Metric.REFLECTION_RATE, Shape.BREAKDOWN)
        given = {by: decision(await permit(school, "b-nakano", replace(asked, group_by=by))) for by in GroupBy}
        assert given.pop(GroupBy.CLASS) == "no"
        assert {*given.values()} == {"sums"}


async def test_a_breakdown_by_nothing_is_not_guessed_for_a_board(school: AsyncConnection):
    asked = replace(question(scope("school", "minami"), Metric.REFLECTION_RATE, Shape.BREAKDOWN), group_by=None)
    assert await permit(school, "b-nakano", asked) is None


async def test_a_permit_says_whether_it_is_the_childs_own_or_a_guardians(school: AsyncConnection):
    asked = [
        ("s-hana", ["s-hana"], "own"),
        ("g-sato", ["s-hana"], "guardian"),
        ("g-two", ["s-hana", "s-yui"], "guardian"),
        ("t-ito", ["s-hana"], None),
        ("g-teacher", ["s-hana", "s-sora"], None),
    ]
    for by, ids, whose in asked:
        given = await permit(school, by, question(scope("list", *ids)))
        assert given is not None
        assert (given.own, given.guardian) == (whose == "own", whose == "guardian")
