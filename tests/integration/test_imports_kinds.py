"""What holds for every kind that is one CSV file for one table, and what each refuses."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from assistant.cli.main import IMPORTED
from knowledge.db import Base, Database
from knowledge.imports.registry import KINDS
from knowledge.records.activities import Activity
from knowledge.records.assessments import Assessment
from knowledge.records.attendance import STATUSES, AttendanceEntry
from knowledge.records.calendar import CalendarDay
from knowledge.records.checkins import CheckIn
from knowledge.records.collected import Collected
from knowledge.records.consents import Consent
from knowledge.records.content import Content
from knowledge.records.nurse_visits import NurseVisit
from knowledge.records.observations import Observation
from knowledge.records.study_log import StudyEntry
from tests.builders.oneroster import district, write_oneroster
from tests.integration.stored import everything, load, refused, row, rows

A_DAY = "a date YYYY-MM-DD"
A_MOMENT = "a time as in ISO 8601, such as 2026-05-11T08:30 or 2026-05-11T08:30:00+09:00"
A_COUNT = "a whole number of 0 or more, of at most 9 digits"
POINTS = "a number of 0 or more, such as 85 or 7.5"
SOMEONE = "the sourcedId of someone in the roster"
AN_ADDRESS = "an address that begins with https:// or http://"
A_GRADE = "one of E1, E2, E3, P1, P2, P3, P4, P5, P6, J1, J2, J3, H1, H2, H3"

Cells = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind with a right row of it, every column filled."""

    model: type[Base]
    cells: Cells
    key: str  # its natural key: the columns of the file
    other: Cells  # cells that make another row of it
    later: Cells  # cells that a later file brings for the same key
    optional: frozenset[str]  # columns that may be empty, or not be there
    wrong: Mapping[tuple[str, str], str] = field(
        default_factory=dict[tuple[str, str], str]
    )  # (column, cell) → expected


OF_KIND = {
    "checkins": Kind(
        model=CheckIn,
        cells={
            "studentId": "s-hana", "date": "2026-05-11", "phase": "reflection", "answeredAt": "2026-05-11T15:30",
            "declined": "false", "mood": "sunny", "goal": "九九", "plan": "となえる", "subject": "算数",
            "confidence": "4", "achievement": "mostly", "wentWell": "できた", "difficult": "七の段",
            "nextStep": "八の段", "visibility": "class",
        },
        key="studentId+date+phase",
        other={"phase": "anticipation"},
        later={"wentWell": "ぜんぶ言えた"},
        optional=frozenset(
            {
                "answeredAt", "declined", "mood", "goal", "plan", "subject", "confidence", "achievement", "wentWell",
                "difficult", "nextStep", "visibility",
            }
        ),
    ),
    "attendance": Kind(
        model=AttendanceEntry,
        cells={"studentId": "s-hana", "date": "2026-05-11", "status": "absent_sick", "note": "熱"},
        key="studentId+date",
        other={"studentId": "s-ren"},
        later={"status": "late"},
        optional=frozenset({"note"}),
        wrong={
            ("studentId", "s-9"): SOMEONE,
            ("date", "2026-02-30"): A_DAY,
            ("status", "absent"): "one of " + ", ".join(STATUSES),
        },
    ),
    "nurse-visits": Kind(
        model=NurseVisit,
        cells={"studentId": "s-hana", "visitedAt": "2026-05-11T10:20", "reason": "頭痛", "outcome": "教室にもどった"},
        key="studentId+visitedAt",
        other={"visitedAt": "2026-05-11T10:21"},
        later={"outcome": "早退した"},
        optional=frozenset({"reason", "outcome"}),
        wrong={("studentId", "s-9"): SOMEONE, ("visitedAt", "2026-05-11"): A_MOMENT, ("visitedAt", "10:20"): A_MOMENT},
    ),
    "study-log": Kind(
        model=StudyEntry,
        cells={
            "studentId": "s-hana", "startedAt": "2026-05-11T19:00:00+09:00", "subject": "算数", "contentId": "d-1",
            "title": "かけ算ドリル", "answered": "10", "correct": "8", "durationSeconds": "600",
        },
        key="studentId+startedAt+contentId",
        other={"contentId": ""},
        later={"correct": "10"},
        optional=frozenset({"subject", "contentId", "title", "answered", "correct", "durationSeconds"}),
        wrong={
            ("studentId", "s-9"): SOMEONE,
            ("startedAt", "2026-05-11T25:00"): A_MOMENT,
            ("contentId", "x" * 256): "at most 255 characters",
            ("answered", "-1"): A_COUNT,
            ("correct", "8.5"): A_COUNT,
            ("durationSeconds", "-600"): A_COUNT,
            ("durationSeconds", "10分"): A_COUNT,
            ("correct", "11"): "at most 10, the value of answered",
            ("answered", ""): "a value, as correct has one",
        },
    ),
    "assessments": Kind(
        model=Assessment,
        cells={
            "studentId": "s-hana", "date": "2026-05-11", "title": "わり算", "subject": "算数", "score": "42.5",
            "maxScore": "50",
        },
        key="studentId+date+title+subject",
        other={"subject": ""},
        later={"score": "50"},
        optional=frozenset({"subject"}),
        wrong={
            ("studentId", "s-9"): SOMEONE,
            ("date", "5/11"): A_DAY,
            ("title", "題" * 201): "at most 200 characters",
            ("subject", "科" * 101): "at most 100 characters",
            ("score", "-1"): POINTS,
            ("score", "A"): POINTS,
            ("maxScore", "1e3"): POINTS,
            ("score", "50.5"): "at most 50, the maxScore",
            ("maxScore", "0"): "more than 0",
        },
    ),
    "consents": Kind(
        model=Consent,
        cells={
            "personId": "s-hana", "purpose": "prompts", "given": "false", "decidedAt": "2026-05-11T10:00",
            "decidedBy": "g-sato",
        },
        key="personId+purpose",
        other={"purpose": "model"},
        later={"given": "true"},
        optional=frozenset({"decidedBy"}),
        wrong={
            ("personId", "s-9"): SOMEONE,
            ("purpose", "fun"): "one of prompts, model",
            ("decidedAt", "2026-05-11T16"): A_MOMENT,
            ("decidedBy", "g-9"): SOMEONE,
        },
    ),
    "observations": Kind(
        model=Observation,
        cells={
            "studentId": "s-hana", "recordedAt": "2026-05-11T16:00", "recordedBy": "t-ito", "subject": "算数",
            "text": "友だちに教えていた",
        },
        key="studentId+recordedAt+recordedBy",
        other={"recordedBy": "n-hayashi"},
        later={"text": "友だちに九九を教えていた"},
        optional=frozenset({"subject"}),
        wrong={
            ("studentId", "s-9"): SOMEONE,
            ("recordedAt", "2026-05-11T16"): A_MOMENT,
            ("recordedBy", "t-9"): SOMEONE,
        },
    ),
    "calendar": Kind(
        model=CalendarDay,
        cells={"schoolId": "minami", "date": "2026-05-11", "kind": "closed", "title": "代休", "grades": "P1;P2"},
        key="schoolId+date+kind+grades",
        other={"grades": ""},
        later={"title": "運動会の代休"},
        optional=frozenset({"title", "grades"}),
        wrong={
            ("schoolId", "kita"): "the sourcedId of a school of the roster",
            ("date", "0011-05-11"): A_DAY,
            ("kind", "open"): "one of school_day, holiday, closed, event, short_day",
            ("grades", "P1;4年"): A_GRADE,
        },
    ),
    "content": Kind(
        model=Content,
        cells={
            "contentId": "d-1", "title": "かけ算ドリル", "url": "https://drill.example/九九?page=1",
            "provider": "ドリル社", "subject": "算数", "grades": "P2;P3", "minutes": "10",
            "description": "九九を楽しく",
        },
        key="contentId",
        other={"contentId": "d-2"},
        later={"url": "http://drill.example/"},
        optional=frozenset({"provider", "subject", "grades", "minutes", "description"}),
        wrong={
            ("contentId", "x" * 256): "at most 255 characters",
            ("url", "drill.example"): AN_ADDRESS,
            ("url", "javascript:alert(1)"): AN_ADDRESS,
            ("url", "ftp://drill.example/"): AN_ADDRESS,
            ("url", "https:///page"): AN_ADDRESS,
            ("url", "https://[drill"): AN_ADDRESS,
            ("url", "https://drill.example:x/"): AN_ADDRESS,
            ("url", "https://drill.example/a b"): AN_ADDRESS,
            ("grades", "P7"): A_GRADE,
            ("minutes", "-10"): A_COUNT,
        },
    ),
    "activities": Kind(
        model=Activity,
        cells={
            "activityId": "a-1", "name": "プログラミング教室", "kind": "club", "orgId": "minami",
            "place": "市民センター",
            "startDate": "2026-06-06", "endDate": "2027-03-20", "schedule": "毎週土曜 10時から12時",
            "applyUntil": "2026-05-29", "grades": "P4;P5", "contact": "市民センター 03-0000-0000", "online": "false",
            "url": "https://center.example/", "description": "ゲームを作ります",
        },
        key="activityId",
        other={"activityId": "a-2"},
        later={"endDate": "2027-03-27"},
        optional=frozenset(
            {
                "orgId", "place", "startDate", "endDate", "schedule", "applyUntil", "grades", "contact", "online",
                "url", "description",
            }
        ),
        wrong={
            ("activityId", "x" * 256): "at most 255 characters",
            ("kind", "school"): "one of club, event",
            ("orgId", "kita"): "the sourcedId of a school or district of the roster",
            ("startDate", "6/6"): A_DAY,
            ("endDate", "2026-06-05"): "no day before startDate 2026-06-06",
            ("applyUntil", "29 May"): A_DAY,
            ("grades", "4"): A_GRADE,
            ("online", "yes"): "true or false",
            ("url", "center.example"): AN_ADDRESS,
        },
    ),
}  # fmt: skip

every_kind = pytest.mark.parametrize("kind", OF_KIND)


@pytest.fixture
async def school(database: Database, tmp_path: Path) -> Database:
    """A store that knows the people of a district."""
    await load(database, "oneroster", write_oneroster(tmp_path / "roster"))
    return database


@pytest.fixture
async def small_school(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    """The same on SQLite alone, for what is decided before the store is asked."""
    database = Database(sqlite_url)
    await load(database, "oneroster", write_oneroster(tmp_path / "roster"))
    yield database
    await database.close()


def _content(kind: str, *changes: Cells, without: frozenset[str] = frozenset(), more: str = "", end: str = "\n") -> str:
    """A file of ``kind``: a row with each of ``changes``."""
    of = OF_KIND[kind]
    names = [*([more] if more else []), *(name for name in reversed([*of.cells]) if name not in without)]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator=end, restval="?")
    writer.writeheader()
    writer.writerows({**of.cells, **cells} for cells in changes)
    return text.getvalue()


def _file(tmp_path: Path, kind: str, *changes: Cells) -> Path:
    path = tmp_path / f"{kind}.csv"
    path.write_text(_content(kind, *changes), encoding="utf-8")
    return path


def test_every_kind_of_one_file_is_looked_at_here() -> None:
    assert {*OF_KIND} == {*KINDS} - {"oneroster"}


def test_the_help_of_the_command_names_every_kind() -> None:
    assert IMPORTED.rstrip(".").split(", ") == [*KINDS]


@every_kind
async def test_the_same_file_again_changes_nothing(school: Database, tmp_path: Path, kind: str) -> None:
    path = _file(tmp_path, kind, {}, OF_KIND[kind].other)
    assert str(await load(school, kind, path)) == "added=2 changed=0 unchanged=0 rejected=0"
    before = await everything(school)
    assert str(await load(school, kind, path)) == "added=0 changed=0 unchanged=2 rejected=0"
    assert await everything(school) == before


@every_kind
async def test_a_later_file_replaces_and_a_dry_run_only_tells(school: Database, tmp_path: Path, kind: str) -> None:
    await load(school, kind, _file(tmp_path, kind, {}))
    before = await everything(school)
    path = _file(tmp_path, kind, OF_KIND[kind].later, OF_KIND[kind].other)
    told = await load(school, kind, path, dry_run=True)
    assert str(told) == "added=1 changed=1 unchanged=0 rejected=0"
    assert await everything(school) == before
    assert await load(school, kind, path) == told
    assert len(await rows(school, OF_KIND[kind].model)) == 2


@every_kind
async def test_only_the_key_and_what_is_required_must_be_there(
    small_school: Database, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / f"{kind}.csv"
    path.write_text(_content(kind, {}, without=OF_KIND[kind].optional), encoding="utf-8")
    assert (await load(small_school, kind, path)).added == 1
    required = [name for name in OF_KIND[kind].cells if name not in OF_KIND[kind].optional]
    path.write_text(_content(kind, dict.fromkeys(required, "")), encoding="utf-8")
    assert sorted(await refused(small_school, kind, path)) == sorted(
        f"{kind}.csv:2: {name} '': expected a value" for name in required
    )
    path.write_text(_content(kind, {}, without=frozenset(required)), encoding="utf-8")
    assert sorted(await refused(small_school, kind, path)) == sorted(
        f"{kind}.csv:1: expected a column named {name} in the header" for name in required
    )


@every_kind
async def test_the_file_may_come_from_any_office(small_school: Database, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"{kind}.csv"
    path.write_text(_content(kind), encoding="utf-8")
    assert str(await load(small_school, kind, path)) == "added=0 changed=0 unchanged=0 rejected=0"
    path.write_bytes(_content(kind, {}, more="備考", end="\r\n").encode("cp932"))
    assert (await load(small_school, kind, path)).added == 1
    path.write_bytes(_content(kind, {}).encode("utf-8-sig"))
    assert (await load(small_school, kind, path)).unchanged == 1


@every_kind
async def test_a_key_twice_in_one_file_is_named_with_both_lines(
    small_school: Database, tmp_path: Path, kind: str
) -> None:
    of = OF_KIND[kind]
    key = " ".join(of.cells[name] for name in of.key.split("+"))
    path = _file(tmp_path, kind, {}, of.other, of.later)
    assert await refused(small_school, kind, path) == [
        f"{kind}.csv:4: {of.key} '{key}': expected once in a file, but line 2 has it too"
    ]


@pytest.mark.parametrize("kind", [kind for kind, of in OF_KIND.items() if of.wrong])
async def test_every_wrong_cell_is_named_and_nothing_is_written(
    small_school: Database, tmp_path: Path, kind: str
) -> None:
    wrong = OF_KIND[kind].wrong
    path = _file(tmp_path, kind, OF_KIND[kind].other, *({column: cell} for column, cell in wrong))
    said = await refused(small_school, kind, path)
    assert [problem for problem in said if "expected once in a file" not in problem] == [
        f"{kind}.csv:{line}: {column} '{cell if len(cell) <= 60 else cell[:60] + '…'}': expected {expected}"
        for line, ((column, cell), expected) in enumerate(wrong.items(), start=3)
    ]


# What is stored


async def test_a_moment_counts_for_the_day_it_is_at_the_school(school: Database, tmp_path: Path) -> None:
    await load(school, "nurse-visits", _file(tmp_path, "nurse-visits", {"visitedAt": "2026-05-10T23:30:00Z"}))
    visit = await row(school, NurseVisit)
    assert (visit.visited_at, visit.date) == (datetime(2026, 5, 10, 23, 30, tzinfo=UTC), date(2026, 5, 11))
    await load(school, "study-log", _file(tmp_path, "study-log", {"startedAt": "2026-05-11T00:10"}))
    entry = await row(school, StudyEntry)
    assert (entry.started_at, entry.date) == (datetime(2026, 5, 10, 15, 10, tzinfo=UTC), date(2026, 5, 11))
    await load(school, "observations", _file(tmp_path, "observations", {"recordedAt": "2026-05-11T23:59:59-05:00"}))
    assert (await row(school, Observation)).date == date(2026, 5, 12)


async def test_one_moment_is_one_key_however_it_is_written(small_school: Database, tmp_path: Path) -> None:
    path = _file(tmp_path, "nurse-visits", {}, {"visitedAt": "2026-05-11T01:20:00Z"})
    assert await refused(small_school, "nurse-visits", path) == [
        "nurse-visits.csv:3: studentId+visitedAt 's-hana 2026-05-11T01:20:00Z': "
        "expected once in a file, but line 2 has it too"
    ]


async def test_scores_and_counts_are_stored_as_numbers(school: Database, tmp_path: Path) -> None:
    await load(school, "assessments", _file(tmp_path, "assessments", {}, {"title": "満点", "score": "50.0"}))
    scores = [(test.title, test.score, test.max_score) for test in await rows(school, Assessment)]
    assert scores == [("わり算", 42.5, 50.0), ("満点", 50.0, 50.0)]
    await load(school, "study-log", _file(tmp_path, "study-log", {"correct": "10"}, {"contentId": "", "correct": ""}))
    entries = [(one.content_id, one.answered, one.correct) for one in await rows(school, StudyEntry)]
    assert entries == [("d-1", 10, 10), ("", 10, None)]
    await load(school, "content", _file(tmp_path, "content", {"grades": "P3; P2;P3"}))
    assert (await row(school, Content)).grades == ["P2", "P3"]
    await load(school, "activities", _file(tmp_path, "activities", {"online": "TRUE", "grades": "P5;P4"}))
    activity = await row(school, Activity)
    assert (activity.is_online, activity.grades, activity.end_date) == (True, ["P4", "P5"], date(2027, 3, 20))


async def test_an_event_without_a_day_would_be_offered_for_ever(small_school: Database, tmp_path: Path) -> None:
    path = _file(tmp_path, "activities", {"kind": "event", "startDate": "", "endDate": ""})
    problem = f"activities.csv:2: startDate '': expected {A_DAY}: an event has a day"
    assert problem in await refused(small_school, "activities", path)
    await load(small_school, "activities", _file(tmp_path, "activities", {"kind": "event", "endDate": ""}))


# Which schools collect what


async def _collected(database: Database) -> list[tuple[str, str]]:
    return [(one.school_id, one.kind) for one in await rows(database, Collected)]


async def test_the_schools_of_the_students_count_as_collecting_the_kind(school: Database, tmp_path: Path) -> None:
    attendance = _file(tmp_path, "attendance", {}, {"studentId": "s-ren"})
    await load(school, "attendance", attendance, dry_run=True)
    assert await _collected(school) == []
    await load(school, "attendance", attendance)
    await load(school, "attendance", attendance)
    assert await _collected(school) == [("minami", "attendance")]
    await load(school, "study-log", _file(tmp_path, "study-log", {"studentId": "s-yui"}))
    assert await _collected(school) == [("higashi", "study-log"), ("minami", "attendance")]


async def test_a_student_of_no_class_counts_for_the_organisation_of_the_roster(
    database: Database, tmp_path: Path
) -> None:
    enrollments = [one for one in district()["enrollments"] if one["userSourcedId"] != "s-hana"]
    await load(database, "oneroster", write_oneroster(tmp_path / "roster", enrollments=enrollments))
    await load(database, "nurse-visits", _file(tmp_path, "nurse-visits", {}))
    assert await _collected(database) == [("minami", "nurse-visits")]


async def test_a_file_without_rows_or_without_students_marks_no_school(school: Database, tmp_path: Path) -> None:
    await load(school, "attendance", _file(tmp_path, "attendance"))
    await load(school, "content", _file(tmp_path, "content", {}))
    await load(school, "calendar", _file(tmp_path, "calendar", {}))
    assert await _collected(school) == []
