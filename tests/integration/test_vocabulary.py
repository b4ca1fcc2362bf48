"""The names that each may use, over the small district of ``tests.builders.oneroster`` on Friday 2026-05-15."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from sqlalchemy import insert

from knowledge.db import Database
from knowledge.imports.registry import run_import
from knowledge.questions.model import StudentName, Term, Vocabulary
from knowledge.questions.vocabulary import load_vocabulary
from knowledge.records.assessments import Assessment
from knowledge.records.scope import load_viewer
from tests.builders.oneroster import Row, district, enrollment, with_cells, write_oneroster
from tests.worlds import TOKYO

FRIDAY = date(2026, 5, 15)


async def load(database: Database, folder: Path, **changes: Sequence[Row]) -> None:
    write_oneroster(folder / "oneroster", changes)
    await run_import(database, "oneroster", folder / "oneroster", timezone=TOKYO)


async def words(database: Database, by: str, on: date = FRIDAY) -> Vocabulary:
    async with database.read() as connection:
        return await load_vocabulary(connection, await load_viewer(connection, by, on), TOKYO)


async def took(database: Database, student: str, *titles: str, on: date = FRIDAY) -> None:
    rows = [{"student_id": student, "date": on, "title": title} for title in titles]
    async with database.write() as connection:
        await connection.execute(
            insert(Assessment), [{**row, "subject": "", "score": 1, "max_score": 2} for row in rows]
        )


def mine(vocabulary: Vocabulary) -> Mapping[str, bool]:
    """Student → whether they are the asker's own."""
    return {each.id: each.mine for each in vocabulary.students}


def user(id: str, **cells: str) -> Row:
    return {"sourcedId": id, "enabledUser": "true", "username": id, "familyName": "木", "givenName": id, **cells}


def role(id: str, name: str, org: str = "minami") -> Row:
    part = {"sourcedId": f"r-{id}-{name}", "userSourcedId": id, "roleType": "primary", "role": name}
    return {**part, "orgSourcedId": org}


async def test_a_homeroom_teacher_knows_the_school_and_their_own_class_in_it(database: Database, tmp_path: Path):
    await load(database, tmp_path)
    known = await words(database, "t-ito")
    assert mine(known) == {"s-sora": False, "s-hana": True, "s-ren": True}
    assert known.students[1] == StudentName(
        id="s-hana",
        family_name="佐藤",
        given_name="花",
        kana_family_name="さとう",
        kana_given_name="はな",
        class_id="c-4-2",
        class_title="4年2組",
        number=1,
        mine=True,
    )


async def test_what_is_mine_follows_the_role(database: Database, tmp_path: Path):
    await load(database, tmp_path)
    assert mine(await words(database, "p-ogawa")) == {"s-sora": True, "s-hana": True, "s-ren": True}
    assert mine(await words(database, "n-hayashi")) == {"s-sora": True, "s-hana": True, "s-ren": True}
    assert mine(await words(database, "t-mori")) == {"s-yui": True}
    assert mine(await words(database, "b-nakano")) == {}


async def test_a_family_knows_its_own_children_only(database: Database, tmp_path: Path):
    await load(database, tmp_path, users=with_cells(district()["users"], "s-yui", agentSourcedIds="g-sato"))
    mother, child = await words(database, "g-sato"), await words(database, "s-ren")
    assert mine(mother) == {"s-hana": True, "s-yui": True}
    assert (mother.default.ids, mother.default.label) == (("s-hana", "s-yui"), "佐藤 花・田中 結衣")
    assert mine(child) == {"s-ren": True}
    assert (child.classes, child.grades, child.schools, child.districts) == ((), (), (), ())


async def test_a_child_of_no_class_is_still_their_mothers(database: Database, tmp_path: Path):
    await load(database, tmp_path, enrollments=[])
    (hana,) = (await words(database, "g-sato")).students
    assert (hana.id, hana.class_id, hana.class_title, hana.number) == ("s-hana", None, None, None)


async def test_the_class_is_that_of_the_asking_day(database: Database, tmp_path: Path):
    rows = district()["enrollments"]
    moved = enrollment("e-hana-2", "s-hana", "c-2-1", beginDate="2026-05-16", **{"metadata.jp.ShussekiNo": "7"})
    await load(database, tmp_path, enrollments=[*with_cells(rows, "e-hana", endDate="2026-05-15"), moved])
    assert [(each.id, each.class_id, each.number) for each in (await words(database, "t-ito")).students] == [
        ("s-sora", "c-2-1", 1),
        ("s-hana", "c-4-2", 1),
        ("s-ren", "c-4-2", 2),
    ]
    saturday = await words(database, "t-ito", date(2026, 5, 16))
    assert [(each.id, each.class_id, each.mine) for each in saturday.students] == [
        ("s-sora", "c-2-1", False),
        ("s-hana", "c-2-1", False),
        ("s-ren", "c-4-2", True),
    ]


async def test_those_who_left_are_not_named(database: Database, tmp_path: Path):
    rows = district()
    users = with_cells(rows["users"], "s-ren", enabledUser="false")
    await load(
        database, tmp_path, users=users, enrollments=with_cells(rows["enrollments"], "e-sora", endDate="2026-05-14")
    )
    assert mine(await words(database, "p-ogawa")) == {"s-hana": True}


async def test_a_child_of_a_subject_class_without_a_homeroom_comes_last(database: Database, tmp_path: Path):
    rows = district()
    await load(
        database,
        tmp_path,
        users=[*rows["users"], user("s-ai", grades="J1")],
        roles=[*rows["roles"], role("s-ai", "student", "higashi")],
        enrollments=[*rows["enrollments"], enrollment("e-ai", "s-ai", "c-j1-math", schoolSourcedId="higashi")],
    )
    known = await words(database, "t-mori")
    assert [(each.id, each.class_title, each.mine) for each in known.students] == [
        ("s-yui", "1年1組", True),
        ("s-ai", None, True),
    ]
    assert mine(await words(database, "t-abe")) == {"s-yui": True}


async def test_a_teacher_learns_no_names_of_their_childs_school(database: Database, tmp_path: Path):
    rows = district()
    users = with_cells(rows["users"], "s-yui", agentSourcedIds="t-ito")
    await load(database, tmp_path, users=users, roles=[*rows["roles"], role("t-ito", "guardian", "higashi")])
    known = await words(database, "t-ito")
    assert mine(known) == {"s-yui": True, "s-sora": False, "s-hana": True, "s-ren": True}
    assert {each.id for each in known.classes} == {"c-2-1", "c-4-2"}
    assert (known.own_schools, known.default.ids) == (("minami",), ("c-4-2",))


def last_years(classes: Sequence[Row]) -> list[Row]:
    """The class of the same title, a school year before."""
    (now,) = [row for row in classes if row["sourcedId"] == "c-4-2"]
    return [*classes, {**now, "sourcedId": "c-4-2-2025", "termSourcedIds": "y2025"}]


YEARS = [
    *district()["academicSessions"],
    {"sourcedId": "y2025", "title": "令和7年度", "type": "schoolYear", "schoolYear": "2025"}
    | {"startDate": "2025-04-01", "endDate": "2026-03-31"},
]


async def test_a_class_of_last_year_does_not_share_its_title_with_todays(database: Database, tmp_path: Path):
    rows = district()
    again = enrollment("e-ito-2025", "t-ito", "c-4-2-2025", role="teacher")
    await load(
        database,
        tmp_path,
        academicSessions=YEARS,
        classes=last_years(rows["classes"]),
        enrollments=[*rows["enrollments"], again],
    )
    known = await words(database, "t-ito")
    assert {each.id for each in known.classes} == {"c-4-2", "c-2-1"}
    assert {each.grade: each.class_ids for each in known.grades} == {"P2": ("c-2-1",), "P4": ("c-4-2",)}
    assert (known.homerooms, known.default.ids) == (("c-4-2",), ("c-4-2",))


async def test_a_school_with_old_classes_only_keeps_them(database: Database, tmp_path: Path):
    await load(database, tmp_path)
    assert {each.id for each in (await words(database, "t-ito", date(2027, 4, 2))).classes} == {"c-4-2", "c-2-1"}


async def test_terms_come_in_their_order_and_once(database: Database, tmp_path: Path):
    again = {"sourcedId": "other-1", "title": "1学期", "type": "term", "schoolYear": "2026"}
    half = {**again, "sourcedId": "half", "title": "前期", "type": "semester", "startDate": "2026-04-01"}
    again |= {"startDate": "2026-04-01", "endDate": "2026-08-31"}
    sessions = [*district()["academicSessions"], again, {**half, "endDate": "2026-09-30"}]
    await load(database, tmp_path, academicSessions=sessions)
    terms = (
        Term(title="1学期", kind="term", start=date(2026, 4, 1), end=date(2026, 8, 31)),
        Term(title="前期", kind="semester", start=date(2026, 4, 1), end=date(2026, 9, 30)),
        Term(title="2学期", kind="term", start=date(2026, 9, 1), end=date(2026, 12, 31)),
        Term(title="3学期", kind="term", start=date(2027, 1, 1), end=date(2027, 3, 31)),
    )
    for by in ("t-ito", "b-nakano", "s-hana"):
        assert (await words(database, by)).terms == terms


async def test_subjects_are_those_of_the_classes_or_else_of_their_courses(database: Database, tmp_path: Path):
    rows = district()
    courses = with_cells(rows["courses"], "co-p4", subjects="国語,算数")
    await load(database, tmp_path, courses=with_cells(courses, "co-j1-math", subjects="理科"))
    assert (await words(database, "t-kato")).subjects == ("国語", "算数")
    assert (await words(database, "t-abe")).subjects == ("数学",)
    assert (await words(database, "b-nakano")).subjects == ("国語", "数学", "算数")
    assert (await words(database, "s-yui")).subjects == ("数学",)
    assert (await words(database, "s-sora")).subjects == ()


async def test_titles_are_those_of_tests_that_ones_students_took(database: Database, tmp_path: Path):
    await load(database, tmp_path)
    await took(database, "s-hana", "学力調査", "2学期中間テスト", on=date(2025, 10, 20))
    await took(database, "s-ren", "学力調査", "小テスト")
    await took(database, "s-sora", "九九テスト", on=date(2024, 4, 1))
    await took(database, "s-sora", "むかしのテスト", on=date(2024, 3, 31))
    await took(database, "s-sora", "来週のテスト", on=date(2026, 5, 16))
    await took(database, "s-yui", "定期考査")
    assert (await words(database, "t-ito")).titles == ("2学期中間テスト", "学力調査", "小テスト")
    assert (await words(database, "p-ogawa")).titles == ("2学期中間テスト", "九九テスト", "学力調査", "小テスト")
    assert (await words(database, "s-ren")).titles == ("学力調査", "小テスト")
    assert "定期考査" in (await words(database, "b-nakano")).titles


async def test_those_without_any_childs_data_get_no_names(database: Database, tmp_path: Path):
    rows = district()
    people = [("a-site", "siteAdministrator"), ("a-proctor", "proctor"), ("x-helper", "ext:helper")]
    users = [*rows["users"], *(user(id) for id, _ in people)]
    await load(database, tmp_path, users=users, roles=[*rows["roles"], *(role(*each) for each in people)])
    for by, _ in people:
        known = await words(database, by)
        assert (known.students, known.classes, known.grades, known.subjects, known.titles) == ((), (), (), (), ())
        assert known.default.ids == ()
        assert {place.id for place in known.schools} <= set(known.own_schools)  # the name of the own house alone
