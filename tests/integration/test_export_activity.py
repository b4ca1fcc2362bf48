"""What each child did, as a file: on the command line and in the store."""

import csv
import io
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from knowledge.db import Database
from knowledge.exports.activity import activity_report
from knowledge.exports.registry import ExportError, run_export
from knowledge.questions.model import Phase
from knowledge.records.checkins import CheckInRecord, Status, save_checkins
from knowledge.records.study_log import StudyEntry
from tests.builders.oneroster import write_oneroster
from tests.integration.test_cli import ayumi
from tests.worlds import TOKYO, with_roster

MONDAY = date(2026, 5, 11)
Lines = list[dict[str, str]]


@pytest.fixture
async def school(database: Database, tmp_path: Path) -> Database:
    await with_roster(database, tmp_path / "data")
    moment = datetime(2026, 5, 11, 8, 25, tzinfo=TOKYO)

    def record(student: str, goal: str, visibility: str) -> CheckInRecord:
        return CheckInRecord(
            student_id=student,
            date=MONDAY,
            phase=Phase.ANTICIPATION,
            status=Status.FINISHED,
            started_at=moment,
            updated_at=moment,
            answered_at=moment,
            goal=goal,
            visibility=visibility,
        )

    study = {"student_id": "s-hana", "date": MONDAY, "title": None, "correct": None}
    async with database.write() as connection:
        await save_checkins(connection, [record("s-hana", "=1+1を解く", "teacher"), record("s-ren", "ひみつ", "self")])
        await connection.execute(
            insert(StudyEntry),
            [
                study
                | {"started_at": moment, "subject": "算数", "content_id": "a", "answered": 10, "duration_seconds": 600},
                study
                | {"started_at": moment, "subject": "国語", "content_id": "b", "answered": 5, "duration_seconds": 90},
            ],
        )
    return database


async def lines(database: Database, first: date = MONDAY, last: date = MONDAY) -> Lines:
    async with database.read() as connection:
        content = await activity_report(connection, "c-4-2", first, last, TOKYO)
    assert content.startswith(b"\xef\xbb\xbf")
    return [*csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))]


async def test_a_line_says_what_a_child_did_on_a_day(school: Database) -> None:
    [hana, ren] = await lines(school)
    assert (hana["studentId"], hana["date"], hana["day"]) == ("s-hana", "2026-05-11", "school")
    assert (hana["anticipation"], hana["anticipationAt"], hana["reflection"]) == ("finished", "08:25", "")
    assert (hana["studyMinutes"], hana["questionsAnswered"]) == ("12", "15")
    assert hana["study"] == "国語 2min 5 / 算数 10min 10"
    assert "校長" in hana["note"]
    assert (ren["anticipation"], ren["studyMinutes"]) == ("finished", "")


async def test_what_a_child_kept_to_themself_is_not_in_it(school: Database) -> None:
    assert [line["goal"] for line in await lines(school)] == ["'=1+1を解く", ""]  # and no cell is a formula


async def test_days_off_without_anything_are_left_out(school: Database) -> None:
    days = {line["date"] for line in await lines(school, MONDAY - timedelta(days=3), MONDAY)}
    assert days == {"2026-05-08", "2026-05-11"}


@pytest.mark.parametrize(
    ("class_id", "first", "said"),
    [
        ("nowhere", MONDAY, "nowhere"),
        ("c-j1-math", MONDAY, "homeroom"),
        ("c-4-2", MONDAY + timedelta(days=1), "lies after"),
    ],
)
async def test_what_is_not_there_is_named(school: Database, class_id: str, first: date, said: str) -> None:
    async with school.read() as connection:
        with pytest.raises(ExportError, match=said):
            await run_export(connection, "activity", class_id, first, MONDAY, TOKYO)


def test_the_command_writes_the_file_and_says_what_is_wrong(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    folder.mkdir()
    write_oneroster(folder / "oneroster")
    ayumi(folder, "import", "oneroster", str(folder / "oneroster"))
    out = tmp_path / "activity.csv"
    asked = ("export", "activity", "--from", "2026-05-11", "--to", "2026-05-12", "--out", str(out))
    status, said, _ = ayumi(folder, *asked, "--class", "c-4-2")
    assert status == 0 and str(out) in said
    assert out.read_text("utf-8-sig").count("s-hana") == 2
    for arguments, wrong, named in (
        ((*asked, "--class", "nowhere"), 1, "nowhere"),
        (asked, 2, "--class"),
        (("export", "marks", "--class", "c-4-2", "--out", str(out)), 2, "activity"),
        ((*asked, "--class", "c-4-2", "--from", "May"), 2, "--from"),
        ((*asked, "--class", "c-4-2", "--from", "2026-05-13"), 2, "--from"),
        (("export", "activity", "--class", "c-4-2", "--to", "0001-01-01", "--out", str(out)), 2, "--to"),
        (("export", "activity", "--class", "c-4-2", "--out", str(tmp_path)), 2, "--out"),
        (("export", "activity", "--class", "c-4-2", "--out", "/dev/full"), 2, "--out"),
        (("export", "activity", "--class", "c-4-2", "--out", str(tmp_path / "no" / "a.csv")), 2, "--out"),
    ):
        status, _, err = ayumi(folder, *arguments)
        assert status == wrong and named in err and "Traceback" not in err
