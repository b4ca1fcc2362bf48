"""From a typed question to its figures, over a small district with a change of class, a holiday and a decline.

The week: Monday 2026-05-11 to Friday 2026-05-15; asked at 10:00 on Friday unless a test says otherwise.
Class 4-1: haru (1), mei (2). Class 4-2: hana (3), ren (1), yui (no number), and sora, who moved from 4-1 on Wednesday.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, update

from knowledge.db import Database
from knowledge.errors import NoSuchPersonError
from knowledge.questions.answer import answer
from knowledge.questions.model import (
    Answer,
    Condition,
    Metric,
    Operator,
    Order,
    Period,
    PhaseCount,
    Question,
    Reason,
    Scope,
    ScopeKind,
    Shape,
    Status,
)
from knowledge.questions.model import Phase as P
from knowledge.questions.vocabulary import load_vocabulary
from knowledge.records.calendar import CalendarDay
from knowledge.records.checkins import CheckIn
from knowledge.records.roster import Enrollment, Org, Role, SchoolClass, User
from knowledge.records.scope import Viewer, load_viewer

TOKYO = ZoneInfo("Asia/Tokyo")
MON, TUE, WED, THU, FRI = (date(2026, 5, day) for day in range(11, 16))
SATURDAY = date(2026, 5, 16)
FRIDAY_10 = datetime(2026, 5, 15, 10, tzinfo=TOKYO)
MISSING = Condition(op=Operator.MISSING)

STUDENTS = {
    "haru": ("青木", "陽", "あおき"),
    "mei": ("井上", "芽依", "いのうえ"),
    "hana": ("佐藤", "花", "さとう"),
    "ren": ("高橋", "蓮", "たかはし"),
    "yui": ("渡辺", "結衣", "わたなべ"),
    "sora": ("伊藤", "空", "いとう"),
    "gone": ("森", "去", "もり"),
}
STAFF = {
    "tanaka": ("teacher", "east", None, None),
    "maths": ("teacher", "east", None, None),
    "former": ("teacher", "east", None, THU),
    "nurse": ("ext:nurse", "east", None, None),
    "head": ("principal", "east", FRI, FRI),
    "vice": ("administrator", "east", None, None),
    "board": ("districtAdministrator", "city", None, None),
    "admin": ("siteAdministrator", "east", None, None),
    "proctor": ("proctor", "east", None, None),
    "helper": ("ext:helper", "east", None, None),
    "mother": ("guardian", "east", None, None),
    "westhead": ("principal", "west", None, None),
}
# id, class, user, role, begin, end, number
ENROLLMENTS = [
    ("e1", "c41", "haru", "student", None, None, 1),
    ("e2", "c41", "mei", "student", None, None, 2),
    ("e3", "c42", "hana", "student", date(2026, 4, 1), date(2027, 3, 31), 3),
    ("e4", "c42", "ren", "student", None, None, 1),
    ("e5", "c42", "yui", "student", None, None, None),
    ("e6", "c41", "sora", "student", None, TUE, 3),
    ("e7", "c42", "sora", "student", WED, None, 9),
    ("e8", "c42", "gone", "student", None, None, 5),
    ("e9", "c42", "tanaka", "teacher", FRI, FRI, None),
    ("e10", "m42", "maths", "teacher", None, None, None),
    ("e11", "m42", "hana", "student", None, None, None),
    ("e12", "c42", "former", "teacher", None, None, None),
    ("e13", "c42", "helper", "teacher", None, None, None),
    ("e14", "w41", "west", "student", None, None, 1),
]


@pytest.fixture
async def school(database: Database) -> AsyncIterator[Database]:
    orgs = [("city", "あゆみ市", "district", None), ("east", "市立東小学校", "school", "city")]
    orgs += [("west", "市立西小学校", "school", "city"), ("far", "遠小学校", "school", None)]
    classes = [("c41", "4年1組", ["P4"], "homeroom", "east"), ("c42", "4年2組", ["P4"], "homeroom", "east")]
    classes += [("c51", "5年1組", ["P5"], "homeroom", "east"), ("m42", "4年2組 算数", ["P4"], "scheduled", "east")]
    classes += [("w41", "4年1組", ["P4"], "homeroom", "west")]
    people: list[tuple[Any, ...]] = [
        (id, *names, "P4", ["mother"] if id == "hana" else ["mother2"]) for id, names in STUDENTS.items()
    ]
    people += [("west", "西", "舞", "にし", "P4", [])]
    people += [(id, "職員", id, None, None, []) for id in STAFF]
    roles = [(id, "student", "east", None, None) for id in STUDENTS] + [(id, *role) for id, role in STAFF.items()]
    async with database.write() as connection:
        await connection.execute(
            insert(Org),
            [
                {"sourced_id": o, "name": n, "type": t, "identifier": None, "parent_sourced_id": p}
                for o, n, t, p in orgs
            ],
        )
        await connection.execute(
            insert(SchoolClass),
            [
                {"sourced_id": id, "title": title, "grades": grades, "course_sourced_id": "course", "class_type": kind}
                | {"school_sourced_id": school, "term_sourced_ids": [], "subjects": [], "subject_codes": []}
                for id, title, grades, kind, school in classes
            ],
        )
        await connection.execute(
            insert(User),
            [
                {
                    "sourced_id": id,
                    "enabled": id != "gone",
                    "family_name": family,
                    "given_name": given,
                    "kana_given_name": None,
                }
                | {
                    "kana_family_name": kana,
                    "grade": grade,
                    "agent_sourced_ids": agents,
                    "primary_org_sourced_id": None,
                }
                for id, family, given, kana, grade, agents in people
            ],
        )
        await connection.execute(
            insert(Role),
            [
                {"sourced_id": f"r-{user}", "user_sourced_id": user, "role_type": "primary", "role": role}
                | {"org_sourced_id": org, "begin_date": begin, "end_date": end}
                for user, role, org, begin, end in roles
            ],
        )
        await connection.execute(
            insert(Enrollment),
            [
                {"sourced_id": id, "class_sourced_id": class_id, "school_sourced_id": "east", "user_sourced_id": user}
                | {"role": role, "is_primary": False, "begin_date": begin, "end_date": end, "attendance_number": number}
                for id, class_id, user, role, begin, end, number in ENROLLMENTS
            ],
        )
    yield database


async def check_in(
    database: Database,
    student: str,
    day: date,
    phase: P,
    *,
    status: str = "finished",
    hour: int | None = 8,
    visibility: str = "teacher",
) -> None:
    moment = datetime(day.year, day.month, day.day, hour or 8, tzinfo=TOKYO)
    async with database.write() as connection:
        await connection.execute(
            insert(CheckIn).values(
                student_id=student,
                date=day,
                phase=phase.value,
                status=status,
                started_at=moment,
                answered_at=moment if hour else None,
                updated_at=moment,
                visibility=visibility,
                extra={},
            )
        )


async def close(database: Database, day: date, *grades: str) -> None:
    async with database.write() as connection:
        await connection.execute(
            insert(CalendarDay).values(
                school_id="east", date=day, kind="closed", title=None, grades=[*grades], grades_key=";".join(grades)
            )
        )


def class_scope(*ids: str) -> Scope:
    return Scope(kind=ScopeKind.CLASS, ids=ids, label="・".join(ids))


def question(
    metric: Metric = Metric.CHECKIN_RATE,
    shape: Shape = Shape.VALUE,
    scope: Scope | None = None,
    start: date = FRI,
    end: date = FRI,
    condition: Condition | None = None,
) -> Question:
    period = Period(start=start, end=end, label="")
    return Question(metric=metric, shape=shape, scope=scope or class_scope("c42"), period=period, condition=condition)


def missing(metric: Metric = Metric.CHECKIN_RATE, scope: Scope | None = None, start: date = FRI, end: date = FRI):
    return question(metric, Shape.STUDENTS, scope, start, end, MISSING)


async def ask(database: Database, asked: Question, *, by: str = "tanaka", at: datetime = FRIDAY_10) -> Answer:
    async with database.read() as connection:
        viewer = await load_viewer(connection, by, at.astimezone(TOKYO).date())
        return await answer(connection, viewer, asked, at=at, timezone=TOKYO)


def named(given: Answer) -> list[str]:
    return [row.id for row in given.rows]


async def test_the_missing_are_listed_by_attendance_number_then_name(school: Database):
    given = await ask(school, missing())
    assert given.status is Status.ANSWERED
    assert [(row.id, row.label, row.value) for row in given.rows] == [
        ("ren", "高橋 蓮", 1),
        ("hana", "佐藤 花", 1),
        ("sora", "伊藤 空", 1),
        ("yui", "渡辺 結衣", 1),
    ]
    assert given.unit == "days"
    assert given.students == 4


async def test_a_decline_is_an_answer_and_a_half_done_check_in_is_not(school: Database):
    await check_in(school, "ren", FRI, P.ANTICIPATION, status="declined")
    await check_in(school, "hana", FRI, P.ANTICIPATION, status="open", hour=None)
    await check_in(school, "yui", FRI, P.ANTICIPATION, visibility="self")
    assert named(await ask(school, missing())) == ["hana", "sora"]


async def test_from_noon_on_an_unphased_question_is_about_the_reflection(school: Database):
    await check_in(school, "ren", FRI, P.ANTICIPATION)
    await check_in(school, "hana", FRI, P.REFLECTION, hour=11)
    just_before = datetime(2026, 5, 15, 11, 59, 59, tzinfo=TOKYO)
    noon = datetime(2026, 5, 15, 12, tzinfo=TOKYO)
    assert named(await ask(school, missing(), at=just_before)) == ["hana", "sora", "yui"]
    assert named(await ask(school, missing(), at=noon)) == ["ren", "sora", "yui"]


async def test_a_phase_that_was_named_is_asked_at_any_hour(school: Database):
    await check_in(school, "ren", FRI, P.ANTICIPATION)
    assert "ren" in named(await ask(school, missing(Metric.REFLECTION_RATE)))
    assert "ren" not in named(await ask(school, missing(Metric.ANTICIPATION_RATE)))


async def test_on_past_days_either_phase_may_be_missing(school: Database):
    await check_in(school, "ren", THU, P.ANTICIPATION)
    await check_in(school, "hana", THU, P.ANTICIPATION)
    await check_in(school, "hana", THU, P.REFLECTION, hour=15)
    assert named(await ask(school, missing(start=THU, end=THU))) == ["ren", "sora", "yui"]


async def test_a_period_with_today_in_it_asks_both_phases_before_and_the_phase_of_the_hour_today(school: Database):
    for day in (MON, TUE, WED, THU):
        await check_in(school, "ren", day, P.ANTICIPATION)
        await check_in(school, "ren", day, P.REFLECTION, hour=15)
    await check_in(school, "ren", FRI, P.ANTICIPATION)
    await check_in(school, "hana", FRI, P.ANTICIPATION)
    given = await ask(school, missing(start=MON))
    assert {row.id: row.value for row in given.rows} == {"hana": 4, "yui": 5, "sora": 3}


async def test_the_rate_counts_phases_and_says_each(school: Database):
    await check_in(school, "ren", FRI, P.ANTICIPATION)
    await check_in(school, "hana", FRI, P.ANTICIPATION)
    await check_in(school, "hana", FRI, P.REFLECTION, hour=9)
    given = await ask(school, question())
    assert (given.value, given.n, given.unit, given.rows) == (37.5, 8, "%", ())
    assert given.counts == (
        PhaseCount(phase=P.ANTICIPATION, answered=2, expected=4),
        PhaseCount(phase=P.REFLECTION, answered=1, expected=4),
    )
    assert given.definition is not None
    assert "÷" in given.definition


@pytest.mark.parametrize(
    ("metric", "value"), [(Metric.ANTICIPATION_RATE, 50.0), (Metric.REFLECTION_RATE, 25.0)], ids=str
)
async def test_a_rate_of_one_phase_has_student_days_below(school: Database, metric: Metric, value: float):
    await check_in(school, "ren", FRI, P.ANTICIPATION)
    await check_in(school, "hana", FRI, P.ANTICIPATION)
    await check_in(school, "hana", FRI, P.REFLECTION, hour=9)
    given = await ask(school, question(metric))
    assert (given.value, given.n) == (value, 4)


async def test_silence_of_everybody_is_a_rate_of_zero(school: Database):
    given = await ask(school, question())
    assert (given.status, given.value) == (Status.ANSWERED, 0.0)


async def test_records_made_later_do_not_exist(school: Database):
    await check_in(school, "ren", FRI, P.ANTICIPATION, hour=9)
    before = datetime(2026, 5, 15, 8, 59, tzinfo=TOKYO)
    on_time = datetime(2026, 5, 15, 9, tzinfo=TOKYO)
    assert (await ask(school, question(Metric.ANTICIPATION_RATE), at=before)).value == 0
    assert (await ask(school, question(Metric.ANTICIPATION_RATE), at=on_time)).value == 25


async def test_an_imported_answer_without_its_time_counts_from_its_day(school: Database):
    await check_in(school, "ren", THU, P.ANTICIPATION, hour=None)
    assert (await ask(school, question(Metric.ANTICIPATION_RATE, start=THU, end=THU))).value == 25


async def test_after_a_change_of_class_a_day_counts_where_the_child_was_that_day(school: Database):
    await check_in(school, "sora", TUE, P.ANTICIPATION)  # last day in 4-1
    await check_in(school, "sora", WED, P.ANTICIPATION)  # first day in 4-2
    old = await ask(school, question(Metric.ANTICIPATION_RATE, scope=class_scope("c41"), start=MON), by="nurse")
    new = await ask(school, question(Metric.ANTICIPATION_RATE, start=MON))
    both = await ask(school, question(Metric.ANTICIPATION_RATE, scope=class_scope("c41", "c42"), start=MON), by="nurse")
    assert (old.n, old.value) == (12, 8.33)
    assert (new.n, new.value) == (18, 5.56)
    assert (both.n, both.value, both.students) == (30, 6.67, 6)


async def test_only_expected_days_count(school: Database):
    await check_in(school, "ren", SATURDAY, P.ANTICIPATION)
    await check_in(school, "sora", MON, P.ANTICIPATION)  # was not in the class yet
    saturday = datetime(2026, 5, 16, 20, tzinfo=TOKYO)
    asked = question(Metric.ANTICIPATION_RATE, start=MON, end=SATURDAY)
    given = await ask(school, asked, by="nurse", at=saturday)
    assert (given.n, given.value) == (18, 0)


@pytest.mark.parametrize("shape", [Shape.VALUE, Shape.STUDENTS])
async def test_a_holiday_has_no_records_rather_than_a_zero(school: Database, shape: Shape):
    greenery_day = date(2026, 5, 4)
    asked = replace(question(start=greenery_day, end=greenery_day), shape=shape)
    given = await ask(school, asked)
    assert (given.status, given.reason, given.value) == (Status.EMPTY, Reason.NO_RECORDS, None)


async def test_the_calendar_of_the_school_closes_days_for_the_grades_it_names(school: Database):
    await close(school, FRI, "P5")
    assert (await ask(school, question())).n == 8
    await close(school, FRI, "P4")
    assert (await ask(school, question())).reason is Reason.NO_RECORDS


async def test_days_after_the_asking_day_are_not_expected(school: Database):
    given = await ask(school, question(start=THU, end=date(2026, 5, 29)))
    assert given.n == 16


async def test_a_class_nobody_is_enrolled_in_is_empty(school: Database):
    given = await ask(school, missing(scope=class_scope("c51")), by="nurse")
    assert (given.status, given.reason, given.rows) == (Status.EMPTY, Reason.NO_RECORDS, ())


async def test_a_list_without_a_condition_gives_each_child_a_rate_in_the_order_asked(school: Database):
    await check_in(school, "hana", FRI, P.ANTICIPATION)
    await check_in(school, "hana", FRI, P.REFLECTION, hour=9)
    await check_in(school, "yui", FRI, P.ANTICIPATION)
    asked = replace(question(shape=Shape.STUDENTS), order=Order.DESCENDING, limit=2)
    given = await ask(school, asked)
    assert [(row.id, row.value, row.n) for row in given.rows] == [("hana", 100.0, 2), ("yui", 50.0, 2)]


async def test_a_threshold_chooses_rows(school: Database):
    await check_in(school, "hana", FRI, P.ANTICIPATION)
    asked = question(Metric.ANTICIPATION_RATE, Shape.STUDENTS, condition=Condition(op=Operator.AT_LEAST, value=100))
    assert named(await ask(school, asked)) == ["hana"]


EAST = Scope(kind=ScopeKind.SCHOOL, ids=("east",), label="東小")
WEST = Scope(kind=ScopeKind.SCHOOL, ids=("west",), label="西小")
CITY = Scope(kind=ScopeKind.DISTRICT, ids=("city",), label="あゆみ市")
GRADE_4 = Scope(kind=ScopeKind.GRADE, ids=("c41", "c42"), label="4年生")
HANA = Scope(kind=ScopeKind.STUDENT, ids=("hana",), label="佐藤 花")
REN = Scope(kind=ScopeKind.STUDENT, ids=("ren",), label="高橋 蓮")


@pytest.mark.parametrize(
    ("by", "scope", "n"),
    [
        ("head", EAST, 12),
        ("vice", GRADE_4, 12),
        ("nurse", EAST, 12),
        ("tanaka", HANA, 2),
        ("maths", class_scope("m42"), 2),
        ("maths", HANA, 2),
        ("mother", HANA, 2),
        ("hana", HANA, 2),
        ("board", CITY, 14),
    ],
)
async def test_who_may_ask_is_answered(school: Database, by: str, scope: Scope, n: int):
    given = await ask(school, question(scope=scope), by=by)
    assert (given.status, given.n) == (Status.ANSWERED, n)


@pytest.mark.parametrize(
    ("by", "scope"),
    [
        ("tanaka", class_scope("c41")),
        ("tanaka", class_scope("c42", "c41")),
        ("tanaka", GRADE_4),
        ("tanaka", EAST),
        ("tanaka", CITY),
        ("maths", class_scope("c42")),
        ("maths", REN),
        ("former", class_scope("c42")),
        ("helper", class_scope("c42")),
        ("admin", EAST),
        ("proctor", EAST),
        ("head", WEST),
        ("nurse", class_scope("w41")),
        ("westhead", class_scope("c42")),
        ("board", class_scope("c42")),
        ("board", HANA),
        ("board", Scope(kind=ScopeKind.SCHOOL, ids=("far",), label="")),
        ("hana", class_scope("c42")),
        ("hana", REN),
        ("mother", REN),
        ("hana", Scope(kind=ScopeKind.STUDENT, ids=("hana", "ren"), label="")),
        ("tanaka", class_scope("nowhere")),
        ("tanaka", class_scope()),
    ],
)
async def test_who_may_not_ask_is_refused(school: Database, by: str, scope: Scope):
    given = await ask(school, question(scope=scope), by=by)
    assert (given.status, given.reason, given.value, given.rows) == (Status.REFUSED, Reason.NOT_PERMITTED, None, ())
    assert given.unit is None


async def test_refusal_comes_before_emptiness_and_before_what_cannot_be_answered(school: Database):
    asked = question(Metric.MOOD, scope=class_scope("c51"), start=date(2026, 5, 4), end=date(2026, 5, 4))
    assert (await ask(school, asked)).status is Status.REFUSED


async def test_a_list_of_children_is_refused_to_the_board(school: Database):
    assert (await ask(school, missing(scope=EAST), by="board")).status is Status.REFUSED


async def test_a_small_group_is_not_shown_to_the_board(school: Database):
    given = await ask(school, question(scope=WEST), by="board")
    assert (given.status, given.reason, given.value, given.n) == (Status.EMPTY, Reason.SMALL_GROUP, None, None)


@pytest.mark.parametrize("scope", [EAST, GRADE_4])
async def test_what_would_tell_a_small_group_apart_from_the_whole_is_not_shown_either(school: Database, scope: Scope):
    given = await ask(school, question(scope=scope), by="board")
    assert (given.status, given.reason) == (Status.EMPTY, Reason.SMALL_GROUP)


async def test_a_principal_sees_a_small_group(school: Database):
    assert (await ask(school, question(scope=WEST), by="westhead")).value == 0


@pytest.mark.parametrize(
    ("by", "day", "status"),
    [
        ("tanaka", THU, Status.REFUSED),
        ("tanaka", FRI, Status.ANSWERED),
        ("tanaka", SATURDAY, Status.REFUSED),
        ("head", THU, Status.REFUSED),
        ("head", FRI, Status.ANSWERED),
        ("head", SATURDAY, Status.REFUSED),
    ],
)
async def test_rights_hold_from_the_first_to_the_last_day(school: Database, by: str, day: date, status: Status):
    at = datetime(day.year, day.month, day.day, 10, tzinfo=TOKYO)
    assert (await ask(school, question(start=MON, end=MON), by=by, at=at)).status is status


async def test_someone_who_left_sees_nothing(school: Database):
    async with school.write() as connection:
        await connection.execute(update(User).where(User.sourced_id == "nurse").values(enabled=False))
    assert (await ask(school, question(), by="nurse")).status is Status.REFUSED


async def test_a_subject_teacher_may_not_ask_about_mood(school: Database):
    assert (await ask(school, question(Metric.MOOD, scope=class_scope("m42")), by="maths")).status is Status.REFUSED


async def test_an_unknown_person_is_an_error(school: Database):
    async with school.read() as connection:
        with pytest.raises(NoSuchPersonError):
            await load_viewer(connection, "nobody", FRI)


async def test_the_definition_comes_in_the_language_asked(school: Database):
    async with school.read() as connection:
        viewer = await load_viewer(connection, "tanaka", FRI)
        given = await answer(connection, viewer, question(), at=FRIDAY_10, timezone=TOKYO, language="en")
    assert given.definition is not None
    assert given.definition.startswith("Answered morning check-ins")


async def test_a_viewer_holds_what_their_roles_of_the_day_give(school: Database):
    async with school.read() as connection:
        assert await load_viewer(connection, "tanaka", FRI) == Viewer(
            person_id="tanaka",
            on=FRI,
            roles=frozenset({"teacher"}),
            homerooms=frozenset({"c42"}),
            workplaces=frozenset({"east"}),
        )
        assert (await load_viewer(connection, "mother", FRI)).children == {"hana"}


@pytest.mark.parametrize(
    ("by", "kind", "ids"),
    [
        ("tanaka", ScopeKind.CLASS, ("c42",)),
        ("maths", ScopeKind.CLASS, ("m42",)),
        ("head", ScopeKind.SCHOOL, ("east",)),
        ("board", ScopeKind.DISTRICT, ("city",)),
        ("hana", ScopeKind.STUDENT, ("hana",)),
        ("mother", ScopeKind.STUDENT, ("hana",)),
        ("admin", ScopeKind.CLASS, ()),
    ],
)
async def test_whoever_is_not_named_is_the_askers_own(school: Database, by: str, kind: ScopeKind, ids: tuple[str, ...]):
    async with school.read() as connection:
        vocabulary = await load_vocabulary(connection, await load_viewer(connection, by, FRI), TOKYO)
    assert (vocabulary.default.kind, vocabulary.default.ids) == (kind, ids)


async def test_a_vocabulary_names_the_classes_of_ones_own_school_only(school: Database):
    async with school.read() as connection:
        teacher = await load_vocabulary(connection, await load_viewer(connection, "tanaka", FRI), TOKYO)
        mother = await load_vocabulary(connection, await load_viewer(connection, "mother", FRI), TOKYO)
        board = await load_vocabulary(connection, await load_viewer(connection, "board", FRI), TOKYO)
        student = await load_vocabulary(connection, await load_viewer(connection, "hana", FRI), TOKYO)
    assert {each.id for each in teacher.classes} == {"c41", "c42", "c51", "m42"}
    assert [place.name for place in teacher.schools] == ["市立東小学校", "市立西小学校"]
    assert board.classes == ()
    assert {(each.grade, each.school_id) for each in board.grades} == {("P4", "east"), ("P5", "east"), ("P4", "west")}
    assert (student.classes, student.schools) == ((), ())
    assert mother.default.label == "佐藤 花"
