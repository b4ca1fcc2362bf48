"""The demo district is a valid import set on any day of the year, and its children write like children."""

import csv
import re
import unicodedata
from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import jpholiday
import pytest
import yaml

import assistant
from assistant.demo.generate import write_demo

DAYS = [
    date(2026, 11, 20),
    date(2026, 4, 2),
    date(2027, 1, 5),
    date(2026, 11, 22),
    date(2028, 2, 29),
    date(2026, 8, 14),
]
HEADERS = {
    "academicSessions": "title,type,startDate,endDate,parentSourcedId,schoolYear",
    "orgs": "name,type,identifier,parentSourcedId",
    "courses": "schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,subjectCodes",
    "classes": "title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,termSourcedIds,subjects,"
    "subjectCodes,periods,metadata.jp.specialNeeds",
    "users": "enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,"
    "grades,password,userMasterIdentifier,preferredGivenName,preferredMiddleName,preferredFamilyName,"
    "primaryOrgSourcedId,pronouns,metadata.jp.kanaGivenName,metadata.jp.kanaFamilyName,metadata.jp.kanaMiddleName,"
    "metadata.jp.homeClass,metadata.jp.kanaPreferredFamilyName,metadata.jp.kanaPreferredGivenName,"
    "metadata.jp.kanaPreferredMiddleName",
    "roles": "userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId",
    "enrollments": "classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate,"
    "metadata.jp.ShussekiNo,metadata.jp.PublicFlg",
}
REFERENCES = [
    ("academicSessions", "parentSourcedId", "academicSessions"),
    ("orgs", "parentSourcedId", "orgs"),
    ("courses", "schoolYearSourcedId", "academicSessions"),
    ("courses", "orgSourcedId", "orgs"),
    ("classes", "courseSourcedId", "courses"),
    ("classes", "schoolSourcedId", "orgs"),
    ("classes", "termSourcedIds", "academicSessions"),
    ("users", "primaryOrgSourcedId", "orgs"),
    ("users", "agentSourcedIds", "users"),
    ("users", "metadata.jp.homeClass", "classes"),
    ("roles", "userSourcedId", "users"),
    ("roles", "orgSourcedId", "orgs"),
    ("enrollments", "classSourcedId", "classes"),
    ("enrollments", "schoolSourcedId", "orgs"),
    ("enrollments", "userSourcedId", "users"),
]
ANSWERS = ("goal", "plan", "wentWell", "difficult", "nextStep")
Rows = list[dict[str, str]]


def read(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.fixture(params=DAYS, ids=str)
def today(request: pytest.FixtureRequest) -> date:
    return request.param


@pytest.fixture
def demo(tmp_path: Path, today: date) -> dict[str, Rows]:
    """Every file that was written, by its name without ending."""
    write_demo(tmp_path, today)
    return {path.stem: read(path) for path in tmp_path.rglob("*.csv")}


@pytest.fixture
def november(tmp_path: Path) -> dict[str, Rows]:
    write_demo(tmp_path, date(2026, 11, 20))
    return {path.stem: read(path) for path in tmp_path.rglob("*.csv")}


def test_every_file_has_the_header_of_the_format(tmp_path: Path):
    write_demo(tmp_path, DAYS[0])
    for name, columns in HEADERS.items():
        with (tmp_path / "oneroster" / f"{name}.csv").open(encoding="utf-8") as file:
            assert file.readline().rstrip("\n") == f"sourcedId,status,dateLastModified,{columns}"


def test_the_manifest_lists_exactly_the_files_that_are_there(demo: dict[str, Rows]):
    manifest = {row["propertyName"]: row["value"] for row in demo["manifest"]}
    assert (manifest["manifest.version"], manifest["oneroster.version"]) == ("1.0", "1.2.1")
    listed = {name.removeprefix("file."): value for name, value in manifest.items() if name.startswith("file.")}
    assert {name for name, value in listed.items() if value == "bulk"} == set(HEADERS)
    assert set(listed.values()) == {"bulk", "absent"}


def test_every_reference_leads_to_a_row_and_no_id_comes_twice(demo: dict[str, Rows]):
    ids = {name: [row["sourcedId"] for row in demo[name]] for name in HEADERS}
    assert all(len(of_file) == len(set(of_file)) > 0 for of_file in ids.values())
    broken = [
        row for file, column, to in REFERENCES for row in demo[file] if row[column] and row[column] not in ids[to]
    ]
    assert broken == []
    students = {row["userSourcedId"] for row in demo["roles"] if row["role"] == "student"}
    assert {row["studentId"] for row in demo["checkins"]} <= students
    assert {row["schoolId"] for row in demo["calendar"]} <= set(ids["orgs"])


def test_sessions_and_enrolments_lie_in_the_school_year_of_today(demo: dict[str, Rows], today: date):
    year = next(row for row in demo["academicSessions"] if row["type"] == "schoolYear")
    assert year["startDate"] <= today.isoformat() <= year["endDate"]
    assert year["startDate"][4:] == "-04-01" and year["startDate"][:4] == year["schoolYear"]
    terms = [row for row in demo["academicSessions"] if row["type"] == "term"]
    for row in [*terms, *demo["enrollments"]]:
        begin, end = row.get("beginDate") or row["startDate"], row["endDate"]
        assert year["startDate"] <= begin <= end <= year["endDate"]


def test_check_ins_are_made_on_school_days_up_to_today(demo: dict[str, Rows], today: date):
    closed = {(r["schoolId"], r["date"]) for r in demo["calendar"] if r["kind"] in ("holiday", "closed")}
    school = {row["sourcedId"]: row["primaryOrgSourcedId"] for row in demo["users"]}
    for row in demo["checkins"]:
        day = date.fromisoformat(row["date"])
        assert day < today or (day == today and row["phase"] == "anticipation")
        assert day == today or (day.weekday() < 5 and not jpholiday.is_holiday(day))
        assert (school[row["studentId"]], row["date"]) not in closed
        assert datetime.fromisoformat(row["answeredAt"]).date() == day


@pytest.mark.parametrize(
    ("today", "days"),
    [(date(2026, 11, 20), 25), (date(2026, 4, 2), 1), (date(2027, 1, 5), 25), (date(2026, 11, 22), 25)],
)
def test_history_covers_five_weeks_of_school_where_the_year_is_that_old(tmp_path: Path, today: date, days: int):
    write_demo(tmp_path, today)
    rows = read(tmp_path / "checkins.csv")
    per_class: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row["date"] < today.isoformat():
            per_class[row["studentId"].rsplit("-", 1)[0]].add(row["date"])
    assert {name: len(dates) for name, dates in per_class.items()} == dict.fromkeys(per_class, days)
    assert len(per_class) == 5
    assert datetime.fromisoformat(min(row["date"] for row in rows)).date() > today - timedelta(days=60)


def test_about_two_thirds_have_answered_this_morning(november: dict[str, Rows]):
    students = sum(row["role"] == "student" for row in november["roles"])
    this_morning = [row for row in november["checkins"] if row["date"] == "2026-11-20"]
    assert 0.5 < len(this_morning) / students < 0.8


@pytest.mark.parametrize("today", ["2026-11-22", "2026-11-23", "2026-08-14"])  # a Sunday, a holiday, in the vacation
def test_whoever_tries_it_on_a_free_day_sees_a_school_day_too(tmp_path: Path, today: str):
    write_demo(tmp_path, date.fromisoformat(today))
    assert max(row["date"] for row in read(tmp_path / "checkins.csv")) == today
    opened = [row for row in read(tmp_path / "calendar.csv") if row["date"] == today]
    assert {row["kind"] for row in opened} <= {"school_day", "event", "short_day"}


def test_answers_use_the_values_of_the_format(demo: dict[str, Rows]):
    allowed = {
        "phase": {"anticipation", "reflection"},
        "declined": {"true", "false"},
        "mood": {"sunny", "cloudy", "rainy", "thunder", ""},
        "confidence": {"1", "2", "3", "4", "5", ""},
        "achievement": {"achieved", "mostly", "partly", "not_yet", ""},
        "visibility": {"self", "teacher", "class"},
    }
    for column, values in allowed.items():
        assert {row[column] for row in demo["checkins"]} <= values
    keys = [(row["studentId"], row["date"], row["phase"]) for row in demo["checkins"]]
    assert len(keys) == len(set(keys))


def test_a_decline_carries_no_answers(november: dict[str, Rows]):
    declines = [row for row in november["checkins"] if row["declined"] == "true"]
    assert declines
    assert not any(row[column] for row in declines for column in (*ANSWERS, "mood", "confidence", "achievement"))


def test_calendar_rows_have_known_kinds_and_come_once(demo: dict[str, Rows]):
    assert {row["kind"] for row in demo["calendar"]} <= {"holiday", "closed", "event", "short_day", "school_day"}
    keys = [(row["schoolId"], row["date"], row["kind"], row["grades"]) for row in demo["calendar"]]
    assert len(keys) == len(set(keys))


def test_the_primary_school_was_closed_on_its_foundation_day(november: dict[str, Rows]):
    (closed,) = [row for row in november["calendar"] if row["kind"] == "closed"]
    answered = {row["date"] for row in november["checkins"] if row["studentId"].startswith("ayumi-e")}
    assert closed["schoolId"] == "ayumi-e"
    assert closed["date"] not in answered
    assert closed["date"] in {row["date"] for row in november["checkins"]}  # the junior high had school


def test_the_same_day_gives_the_same_files(tmp_path: Path):
    for name in ("one", "two"):
        write_demo(tmp_path / name, DAYS[0])
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.csv"))
    assert len(files) == 17
    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files)


def test_register_numbers_follow_the_kana_order(november: dict[str, Rows]):
    def kana(user: dict[str, str]) -> list[str]:  # か and が sort alike
        names = (user["metadata.jp.kanaFamilyName"], user["metadata.jp.kanaGivenName"])
        return [re.sub("[\u3099\u309a]", "", unicodedata.normalize("NFD", name)) for name in names]

    users = {row["sourcedId"]: row for row in november["users"]}
    classes: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for row in november["enrollments"]:
        if row["role"] == "student" and row["beginDate"] == "2026-04-01":
            classes[row["classSourcedId"]].append((int(row["metadata.jp.ShussekiNo"]), row["userSourcedId"]))
    assert len(classes) == 8
    for numbered in classes.values():
        readings = [kana(users[person]) for _, person in sorted(numbered)]
        assert readings == sorted(readings)
        assert 24 <= len(numbered) <= 31


def test_one_child_changes_class_in_may_and_keeps_one_class_on_every_day(november: dict[str, Rows]):
    rooms = [
        (row["classSourcedId"], row["beginDate"], row["endDate"])
        for row in november["enrollments"]
        if row["userSourcedId"] == "ayumi-e-4-1-s12" and not row["classSourcedId"].endswith("-math")
    ]
    assert rooms == [("ayumi-e-4-1", "2026-04-01", "2026-05-10"), ("ayumi-e-4-2", "2026-05-11", "2027-03-31")]


def test_names_that_must_be_asked_about_are_there(november: dict[str, Rows]):
    students = [row for row in november["users"] if row["grades"]]
    family = [row["familyName"] for row in students if row["sourcedId"].startswith("ayumi-e-4-2-s")]
    assert family.count("佐藤") == 2
    full = defaultdict[str, set[str]](set)
    for row in students:
        full[row["familyName"] + row["givenName"]].add(row["metadata.jp.homeClass"])
    assert [classes for classes in full.values() if len(classes) > 1] == [{"ayumi-e-4-1", "ayumi-e-6-1"}]


def test_hardly_anyone_writes_what_another_child_wrote(november: dict[str, Rows]):
    writers: dict[str, set[str]] = defaultdict(set)
    for row in november["checkins"]:
        for column in ANSWERS:
            writers[row[column]].add(row["studentId"])
    writers.pop("")
    assert max(map(len, writers.values())) <= 3
    assert not [text for text in writers if "{" in text]


def test_tonights_next_step_often_opens_tomorrow(november: dict[str, Rows]):
    steps: dict[str, str] = {}
    kept: list[bool] = []
    for row in sorted(november["checkins"], key=lambda row: (row["studentId"], row["answeredAt"])):
        if row["goal"] and (step := steps.pop(row["studentId"], "")):
            kept.append(step == row["goal"])
        if row["phase"] == "reflection":
            steps[row["studentId"]] = row["nextStep"]
    assert sum(kept) / len(kept) > 0.5


@pytest.mark.parametrize("band", ["P2", "P4", "P6"])
def test_children_write_only_kanji_they_have_been_taught(band: str):
    root = Path(assistant.__file__).parent
    phrases: dict[str, Any] = yaml.safe_load((root / "demo" / "phrases.yaml").read_text(encoding="utf-8"))
    grades: dict[str, str] = yaml.safe_load((root / "wording" / "kyoiku_kanji.yaml").read_text(encoding="utf-8"))
    taught = "".join(kanji for grade, kanji in grades.items() if grade <= band)
    banks = list(phrases[band]["subjects"].values())  # names of subjects are given, not written by the child
    words = str([phrases[band]["how"], phrases[band]["feelings"], banks])
    assert set(re.findall(r"[\u4e00-\u9fff]", words)) - set(taught) == set()
