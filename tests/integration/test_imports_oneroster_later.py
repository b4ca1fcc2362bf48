"""A later set: what a bulk file no longer lists, and what a delta file changes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import insert

from knowledge.db import Database
from knowledge.records.checkins import CheckIn, Note
from knowledge.records.roster import AcademicSession, Enrollment, Role, SchoolClass, User
from tests.builders.oneroster import Row, district, enrollment, only, with_cells, without, write_oneroster
from tests.integration.stored import enrollments, everything, load, refused, row, rows

D = district()
ROWS = sum(len(table) for table in D.values())

# Bulk: the whole truth


async def _check_in(database: Database, student: str, day: date) -> None:
    noon = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
    async with database.write() as connection:
        await connection.execute(
            insert(CheckIn).values(
                student_id=student,
                date=day,
                phase="reflection",
                status="finished",
                started_at=noon,
                updated_at=noon,
                visibility="teacher",
                extra={},
            )
        )


def _without_people(*users: str) -> dict[str, list[Row]]:
    """The district without these people, their roles and enrolments."""
    return {
        "users": without(D["users"], *users),
        "roles": [role for role in D["roles"] if role["userSourcedId"] not in users],
        "enrollments": [enrollment for enrollment in D["enrollments"] if enrollment["userSourcedId"] not in users],
    }


async def test_who_is_no_longer_listed_goes(database: Database, tmp_path: Path) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "set"))
    summary = await load(database, "oneroster", write_oneroster(tmp_path / "next", _without_people("s-ren")))
    assert str(summary) == f"added=0 changed=3 unchanged={ROWS - 3} rejected=0"
    for model in (Role, Enrollment):
        assert not await rows(database, model, user_sourced_id="s-ren")
    assert not await rows(database, User, sourced_id="s-ren")


async def test_who_left_with_records_keeps_them(database: Database, tmp_path: Path) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "set"))
    await _check_in(database, "s-ren", date(2026, 6, 30))
    await _check_in(database, "s-ren", date(2026, 7, 10))
    path = write_oneroster(tmp_path / "next", _without_people("s-ren"))
    assert (await load(database, "oneroster", path)).changed == 3
    assert (await row(database, User, sourced_id="s-ren")).enabled is False
    assert not await rows(database, Role, user_sourced_id="s-ren")
    (enrollment,) = await enrollments(database, "s-ren")
    assert enrollment.end_date == date(2026, 7, 10)
    assert len(await rows(database, CheckIn, student_id="s-ren")) == 2
    assert (await load(database, "oneroster", path)).changed == 0


async def test_who_comes_back_is_enabled_again(database: Database, tmp_path: Path) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "set"))
    before = await everything(database)
    await _check_in(database, "s-ren", date(2026, 7, 10))
    await load(database, "oneroster", write_oneroster(tmp_path / "next", _without_people("s-ren")))
    await load(database, "oneroster", write_oneroster(tmp_path / "set"))
    assert {**await everything(database), "check_ins": []} == before


async def test_records_without_a_day_keep_the_person_but_no_enrolment(database: Database, tmp_path: Path) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "set"))
    async with database.write() as connection:
        await connection.execute(
            insert(Note).values(
                id="n1",
                student_id="s-ren",
                date=date(2026, 4, 2),
                noted_at=datetime(2026, 4, 2, tzinfo=UTC),
                text="入学前のメモ",
                visibility="self",
            )
        )
    await load(database, "oneroster", write_oneroster(tmp_path / "next", _without_people("s-ren")))
    assert (await row(database, User, sourced_id="s-ren")).enabled is False
    assert not await enrollments(database, "s-ren")
    assert len(await rows(database, Note)) == 1


def _school(school: str) -> dict[str, list[Row]]:
    """One school's part of the district, as its own system exports it: with the district above it."""
    users = [user for user in D["users"] if user["primaryOrgSourcedId"] == school]
    return {
        "orgs": [org for org in D["orgs"] if org["sourcedId"] in ("board", school)],
        "courses": [course for course in D["courses"] if course["orgSourcedId"] == school],
        "classes": [item for item in D["classes"] if item["schoolSourcedId"] == school],
        "users": users,
        "roles": [role for role in D["roles"] if role["orgSourcedId"] == school],
        "enrollments": [item for item in D["enrollments"] if item["schoolSourcedId"] == school],
    }


async def test_a_set_of_one_school_leaves_the_other_schools_and_the_board_alone(
    database: Database, tmp_path: Path
) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "set"))
    before = await everything(database)
    for school in ("minami", "higashi"):
        summary = await load(database, "oneroster", write_oneroster(tmp_path / school, _school(school)))
        assert (summary.added, summary.changed) == (0, 0)
    assert await everything(database) == before
    fewer = _school("minami")
    fewer["users"], fewer["roles"] = without(fewer["users"], "n-hayashi"), without(fewer["roles"], "r-n-hayashi")
    assert (await load(database, "oneroster", write_oneroster(tmp_path / "fewer", fewer))).changed == 2


async def test_schools_may_come_one_after_the_other(database: Database, tmp_path: Path) -> None:
    for school in ("minami", "higashi"):
        await load(database, "oneroster", write_oneroster(tmp_path / school, _school(school)))
    assert len(await rows(database, SchoolClass)) == len(D["classes"])
    assert len(await rows(database, AcademicSession)) == len(D["academicSessions"])


async def test_a_set_of_the_board_alone_is_the_truth_about_the_board(database: Database, tmp_path: Path) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "set"))
    nobody = only(orgs=D["orgs"][:1], users=[], roles=[])
    assert (await load(database, "oneroster", write_oneroster(tmp_path / "board", nobody))).changed == 2
    assert not await rows(database, User, sourced_id="b-nakano")
    assert len(await rows(database, User)) == len(D["users"]) - 1


def _next_year() -> dict[str, list[Row]]:
    """令和9年度: 4年2組 is now 5年2組 with a class id of its own, 2年1組 keeps its id; last year is not listed."""
    year = {"title": "令和9年度", "startDate": "2027-04-01", "endDate": "2028-03-31", "schoolYear": "2027"}
    classes = with_cells(D["classes"], "c-4-2", sourcedId="c-5-2", title="5年2組", grades="P5")
    return {
        "academicSessions": [{"sourcedId": "y2027", "type": "schoolYear", **year}],
        "courses": [{**course, "schoolYearSourcedId": "y2027"} for course in D["courses"]],
        "classes": [{**item, "termSourcedIds": "y2027"} for item in classes],
        "enrollments": [
            {
                **item,
                "sourcedId": item["sourcedId"] + "-27",
                "classSourcedId": item["classSourcedId"].replace("c-4-2", "c-5-2"),
                "beginDate": "2027-04-01",
                "endDate": "",
            }
            for item in D["enrollments"]
        ],
    }


async def test_last_year_is_history_and_stays(database: Database, tmp_path: Path) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "set"))
    path = write_oneroster(tmp_path / "2027", _next_year())
    await load(database, "oneroster", path)
    assert {item.sourced_id for item in await rows(database, SchoolClass)} >= {"c-4-2", "c-5-2"}
    assert len(await rows(database, AcademicSession)) == len(D["academicSessions"]) + 1
    stays = [(item.class_sourced_id, item.begin_date, item.end_date) for item in await enrollments(database, "t-ito")]
    assert stays == [("c-4-2", None, date(2027, 3, 31)), ("c-5-2", date(2027, 4, 1), None)]
    stays = [(item.class_sourced_id, item.end_date) for item in await enrollments(database, "t-kato")]
    assert stays == [("c-2-1", date(2027, 3, 31)), ("c-2-1", None)]
    assert (await load(database, "oneroster", path)).changed == 0


async def test_a_corrected_class_replaces_the_wrong_one(database: Database, tmp_path: Path) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "set"))
    await _check_in(database, "s-sora", date(2026, 7, 10))
    corrected = [*without(D["enrollments"], "e-sora"), enrollment("e-sora-2", "s-sora")]
    await load(database, "oneroster", write_oneroster(tmp_path / "next", enrollments=corrected))
    assert [item.sourced_id for item in await enrollments(database, "s-sora")] == ["e-sora-2"]


async def test_an_unlisted_class_goes_with_its_enrolments_and_course(database: Database, tmp_path: Path) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "set"))
    path = write_oneroster(
        tmp_path / "next",
        courses=without(D["courses"], "co-j1-math"),
        classes=without(D["classes"], "c-j1-math"),
        enrollments=without(D["enrollments"], "e-yui-math", "e-mori"),
    )
    assert (await load(database, "oneroster", path)).changed == 4
    assert not await rows(database, SchoolClass, sourced_id="c-j1-math")


async def test_what_a_bulk_file_no_longer_lists_cannot_be_referred_to(database: Database, tmp_path: Path) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "set"))
    path = write_oneroster(tmp_path / "next", classes=without(D["classes"], "c-j1-math"))
    assert await refused(database, "oneroster", path) == [
        f"enrollments.csv:{line}: classSourcedId 'c-j1-math': expected a sourcedId of classes.csv" for line in (6, 10)
    ]


async def test_a_class_stays_while_enrolments_that_were_not_sent_refer_to_it(
    database: Database, tmp_path: Path
) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "set"))
    fewer = only(classes=without(D["classes"], "c-j1-math"))
    assert (await load(database, "oneroster", write_oneroster(tmp_path / "next", fewer))).changed == 0
    assert await rows(database, SchoolClass, sourced_id="c-j1-math")


# Delta: what changed


def _deleted(*sourced_ids: str, at: str = "2026-09-30T18:00:00+09:00") -> list[Row]:
    return [{"sourcedId": key, "status": "tobedeleted", "dateLastModified": at} for key in sourced_ids]


async def _delta(database: Database, path: Path, **changes: list[Row]) -> str:
    return str(await load(database, "oneroster", write_oneroster(path, only(**changes), delta=list(changes))))


async def test_a_delta_adds_changes_and_deletes(database: Database, tmp_path: Path) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "set"))
    kana = with_cells(D["users"], "s-hana", **{"metadata.jp.kanaGivenName": "ハナ"})[0]
    new = {**D["users"][1], "sourcedId": "s-new", "givenName": "新"}
    changes: dict[str, list[Row]] = {
        "users": [kana, new, *_deleted("s-ren")],
        "roles": _deleted("r-s-ren"),
        "enrollments": [enrollment("e-new", "s-new"), *_deleted("e-ren", "e-unheard-of")],
    }
    said = await _delta(database, tmp_path / "delta", **changes)
    assert said == "added=2 changed=4 unchanged=1 rejected=0"
    assert (await row(database, User, sourced_id="s-hana")).kana_given_name == "ハナ"
    assert [item.sourced_id for item in await enrollments(database, "s-new")] == ["e-new"]
    assert not await rows(database, User, sourced_id="s-ren")
    assert await _delta(database, tmp_path / "delta", **changes) == "added=0 changed=0 unchanged=7 rejected=0"


async def test_a_deleted_person_with_records_ends_on_the_day_of_the_deletion(
    database: Database, tmp_path: Path
) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "set"))
    await _check_in(database, "s-ren", date(2026, 7, 10))
    assert await _delta(database, tmp_path / "d", users=_deleted("s-ren")) == (
        "added=0 changed=3 unchanged=0 rejected=0"
    )
    assert (await row(database, User, sourced_id="s-ren")).enabled is False
    assert [item.end_date for item in await enrollments(database, "s-ren")] == [date(2026, 9, 30)]


async def test_a_delta_cannot_delete_what_others_refer_to(database: Database, tmp_path: Path) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "set"))
    path = write_oneroster(tmp_path / "d", only(classes=_deleted("c-j1-math")), delta=["classes"])
    assert await refused(database, "oneroster", path) == [
        "classes.csv:2: sourcedId 'c-j1-math': expected that nothing refers to it any more, "
        "but there is e-mori in enrollments, e-yui-math in enrollments"
    ]


async def test_a_delta_cannot_refer_to_what_it_deletes(database: Database, tmp_path: Path) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "set"))
    changes = only(users=_deleted("s-ren"), enrollments=[enrollment("e-ren", "s-ren")])
    path = write_oneroster(tmp_path / "d", changes, delta=["users", "enrollments"])
    assert await refused(database, "oneroster", path) == [
        "enrollments.csv:2: userSourcedId 's-ren': expected a sourcedId of users.csv"
    ]


async def test_delta_rows_say_what_happened_and_when(database: Database, tmp_path: Path) -> None:
    wrong: list[Row] = [
        {"sourcedId": "s-hana", "status": "removed", "dateLastModified": "2026-09-01T00:00:00Z"},
        {"sourcedId": "s-ren", "status": "tobedeleted", "dateLastModified": "yesterday"},
    ]
    problems = await refused(database, "oneroster", write_oneroster(tmp_path / "d", only(users=wrong), delta=["users"]))
    assert problems[0] == "users.csv:2: status 'removed': expected one of active, tobedeleted"
    assert problems[-1].startswith("users.csv:3: dateLastModified 'yesterday': expected a time as in ISO 8601")
