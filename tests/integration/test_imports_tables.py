"""The product's own CSV kinds: `ayumi import checkins`, `ayumi import calendar`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from knowledge.db import Database
from knowledge.imports.problems import SHOWN, ImportFailedError
from knowledge.imports.registry import KINDS, run_import
from knowledge.records.calendar import CalendarDay
from knowledge.records.checkins import CheckIn
from tests.builders.oneroster import write_oneroster
from tests.integration.stored import TOKYO, everything, load, refused, row, rows

HEADER = "studentId,date,phase,answeredAt,declined,mood,goal,confidence,achievement,wentWell,visibility"


@pytest.fixture
async def school(database: Database, tmp_path: Path) -> Database:
    """A store that knows the people of a district."""
    await load(database, "oneroster", write_oneroster(tmp_path / "roster"))
    return database


def _file(tmp_path: Path, *lines: str, header: str = HEADER, name: str = "checkins.csv") -> Path:
    path = tmp_path / name
    path.write_text("".join(f"{line}\n" for line in (header, *lines)), encoding="utf-8")
    return path


async def test_a_check_in_is_stored_as_answered(school: Database, tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "s-hana,2026-05-11,anticipation,2026-05-11T08:30,,sunny,九九を覚える,4,,,class",
        "s-hana,2026-05-11,reflection,2026-05-11T06:10:00Z,false,,,,mostly,発表できた,",
    )
    assert str(await load(school, "checkins", path)) == "added=2 changed=0 unchanged=0 rejected=0"
    morning = await row(school, CheckIn, phase="anticipation")
    assert (morning.status, morning.mood, morning.goal, morning.confidence, morning.visibility) == (
        "finished",
        "sunny",
        "九九を覚える",
        4,
        "class",
    )
    assert morning.answered_at == morning.started_at == datetime(2026, 5, 10, 23, 30, tzinfo=UTC)
    evening = await row(school, CheckIn, phase="reflection")
    assert (evening.achievement, evening.went_well, evening.visibility) == ("mostly", "発表できた", "teacher")
    assert evening.answered_at == datetime(2026, 5, 11, 6, 10, tzinfo=UTC)


async def test_a_decline_is_an_answer_and_without_time_counts_from_midnight(school: Database, tmp_path: Path) -> None:
    await load(school, "checkins", _file(tmp_path, "s-hana,2026-05-11,reflection,,TRUE,,,,,,"))
    declined = await row(school, CheckIn)
    assert (declined.status, declined.answered_at) == ("declined", None)
    assert declined.started_at == datetime(2026, 5, 10, 15, tzinfo=UTC)


async def test_the_same_file_again_changes_nothing(school: Database, tmp_path: Path) -> None:
    path = _file(tmp_path, *(f"s-hana,2026-05-{day:02},reflection,,,rainy,,2,,," for day in range(1, 10)))
    await load(school, "checkins", path)
    before = await everything(school)
    assert str(await load(school, "checkins", path)) == "added=0 changed=0 unchanged=9 rejected=0"
    assert await everything(school) == before


async def test_a_later_file_replaces_all_but_the_answers_to_the_schools_own_questions(
    school: Database, tmp_path: Path
) -> None:
    await load(school, "checkins", _file(tmp_path, "s-hana,2026-05-11,reflection,,,rainy,めあて,2,,,self"))
    async with school.write() as connection:
        await connection.execute(update(CheckIn).values(extra={"q1": "はい"}))
    before = await row(school, CheckIn)
    later = _file(tmp_path, "s-hana,2026-05-11,reflection", header="studentId,date,phase")
    assert str(await load(school, "checkins", later)) == "added=0 changed=1 unchanged=0 rejected=0"
    after = await row(school, CheckIn)
    assert (after.id, after.extra) == (before.id, {"q1": "はい"})
    assert (after.mood, after.goal, after.confidence, after.visibility) == (None, None, None, "teacher")


async def test_columns_come_in_any_order_and_strangers_are_ignored(school: Database, tmp_path: Path) -> None:
    header = "memo,phase,mood,date,studentId"
    await load(school, "checkins", _file(tmp_path, "x,reflection,cloudy,2026-05-11,s-ren", header=header))
    assert (await row(school, CheckIn)).mood == "cloudy"


async def test_a_header_without_rows_is_fine(school: Database, tmp_path: Path) -> None:
    assert str(await load(school, "checkins", _file(tmp_path))) == "added=0 changed=0 unchanged=0 rejected=0"


async def test_a_dry_run_counts_and_writes_nothing(school: Database, tmp_path: Path) -> None:
    await load(school, "checkins", _file(tmp_path, "s-hana,2026-05-11,reflection,,,rainy,,,,,"))
    before = await everything(school)
    path = _file(tmp_path, "s-hana,2026-05-11,reflection,,,sunny,,,,,", "s-hana,2026-05-12,reflection,,,sunny,,,,,")
    told = await load(school, "checkins", path, dry_run=True)
    assert (told.added, told.changed) == (1, 1)
    assert await everything(school) == before
    assert await load(school, "checkins", path) == told


WRONG_ROWS = {
    "s-9,2026-05-11,reflection,,,,,,,,": "studentId 's-9': expected the sourcedId of someone in the roster",
    ",2026-05-11,reflection,,,,,,,,": "studentId '': expected a value",
    "s-hana,2026/05/11,reflection,,,,,,,,": "date '2026/05/11': expected a date YYYY-MM-DD",
    "s-hana,2026-06-31,reflection,,,,,,,,": "date '2026-06-31': expected a date YYYY-MM-DD",
    "s-hana,2026-05-11,evening,,,,,,,,": "phase 'evening': expected one of anticipation, reflection",
    "s-hana,2026-05-11,reflection,8:30,,,,,,,": "answeredAt '8:30': expected a time as in ISO 8601, such as "
    "2026-05-11T08:30 or 2026-05-11T08:30:00+09:00",
    "s-hana,2026-05-11,reflection,,maybe,,,,,,": "declined 'maybe': expected true or false",
    "s-hana,2026-05-11,reflection,,,snowy,,,,,": "mood 'snowy': expected one of sunny, cloudy, rainy, thunder",
    "s-hana,2026-05-11,reflection,,,,,6,,,": "confidence '6': expected a whole number from 1 to 5",
    "s-hana,2026-05-11,reflection,,,,,３,,,": "confidence '３': expected a whole number from 1 to 5",
    "s-hana,2026-05-11,reflection,,,,,,done,,": "achievement 'done': expected one of achieved, mostly, partly, not_yet",
    "s-hana,2026-05-11,reflection,,,,,,,,all": "visibility 'all': expected one of self, teacher, class",
    "s-hana,2026-05-11": "expected 11 cells as in the header, found 2",
    's-hana,2026-05-11,"reflection': "expected CSV: unexpected end of data",
    "s-ren,2026-05-11,reflection,,,rainy,,,,,": "studentId+date+phase 's-ren 2026-05-11 reflection': expected once in "
    "a file, but line 2 has it too",
}


@pytest.mark.parametrize("line", WRONG_ROWS)
async def test_a_wrong_row_is_named_and_nothing_is_written(school: Database, tmp_path: Path, line: str) -> None:
    path = _file(tmp_path, "s-ren,2026-05-11,reflection,,,sunny,,,,,", line)
    assert await refused(school, "checkins", path) == [f"checkins.csv:3: {WRONG_ROWS[line]}"]


async def test_lines_are_counted_as_an_editor_shows_them(school: Database, tmp_path: Path) -> None:
    path = _file(tmp_path, 's-hana,2026-05-11,reflection,,,,"一\n二\n三",,,,', "", "s-9,2026-05-12,reflection,,,,,,,,")
    (problem,) = await refused(school, "checkins", path)
    assert problem.startswith("checkins.csv:6: studentId 's-9'")


async def test_all_problems_are_counted_and_the_first_shown(school: Database, tmp_path: Path) -> None:
    path = _file(tmp_path, *(f"s-{n},2026-05-11,reflection,,,,,9,,," for n in range(1000)))
    before = await everything(school)
    with pytest.raises(ImportFailedError) as failed:
        await load(school, "checkins", path)
    assert await everything(school) == before
    error = failed.value
    assert (len(error.problems), error.total) == (SHOWN, 1000)
    assert str(error.summary) == "added=0 changed=0 unchanged=0 rejected=1000"
    assert [problem.line for problem in error.problems] == list(range(2, SHOWN + 2))
    assert str(error).endswith("\n… and 950 more")


async def test_a_row_far_down_undoes_all_before_it(school: Database, tmp_path: Path) -> None:
    days = [date.fromordinal(730_000 + n) for n in range(5000)]
    path = _file(tmp_path, *(f"s-hana,{day},reflection,,,,,,,," for day in days), "s-hana,never,reflection,,,,,,,,")
    assert await refused(school, "checkins", path) == [
        "checkins.csv:5002: date 'never': expected a date YYYY-MM-DD",
    ]
    assert not await rows(school, CheckIn)


# How the file is written


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
async def test_any_usual_encoding_and_line_end_is_read(
    school: Database, tmp_path: Path, encoding: str, newline: str
) -> None:
    path = tmp_path / "checkins.csv"
    lines = [HEADER, "s-hana,2026-05-11,reflection,,,,髙い山―①,,,,", ""]
    path.write_bytes(newline.join(lines).encode(encoding))
    await load(school, "checkins", path)
    assert (await row(school, CheckIn)).goal == "髙い山―①"


NO_TEXT = "expected text in UTF-8 or CP932 (Shift_JIS) throughout"
NO_HEADER = "expected a header with the names of the columns; the file is empty"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", f"checkins.csv: {NO_HEADER}"),
        (b"\xef\xbb\xbf\r\n", f"checkins.csv: {NO_HEADER}"),
        (b"date,phase\n", "checkins.csv:1: expected a column named studentId in the header"),
        (b"studentId,date,phase,date\n", "checkins.csv:1: date 'date': expected each column once"),
        (b"studentId,date,phase\na\nb\xff\xff\n", f"checkins.csv:3: {NO_TEXT}"),
        ("studentId,date,phase\r\n髙,,\r\n".encode("cp932") + b"\x81\r\n",
         f"checkins.csv:3: {NO_TEXT}"),
        ("\ufeffstudentId,date,phase\n花,,\n".encode() + b"\x8a\xbf\n",
         f"checkins.csv:3: {NO_TEXT}"),
        (b"studentId,date,phase\ns-\0hana,,\n", f"checkins.csv:2: {NO_TEXT}"),
        ("studentId,date".encode("utf-16"), f"checkins.csv:1: {NO_TEXT}"),
    ],
)  # fmt: skip
async def test_a_file_that_cannot_be_read_says_where(
    school: Database, tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "checkins.csv"
    path.write_bytes(content)
    assert await refused(school, "checkins", path) == [said]


async def test_a_path_that_is_no_file_is_refused(school: Database, tmp_path: Path) -> None:
    (problem,) = await refused(school, "checkins", tmp_path / "nothing.csv")
    assert problem.endswith("expected a file: there is none at this path")
    (problem,) = await refused(school, "checkins", tmp_path)
    assert problem.endswith("expected a CSV file, not a folder")


async def test_an_unknown_kind_names_those_there_are(school: Database, tmp_path: Path) -> None:
    (problem,) = await refused(school, "chekins", _file(tmp_path))
    assert problem == "chekins: expected one of the kinds " + ", ".join(KINDS)


async def test_progress_reaches_the_end(school: Database, tmp_path: Path) -> None:
    told: list[tuple[int, float]] = []
    path = _file(tmp_path, *(f"s-hana,{1930 + n // 28}-01-{n % 28 + 1:02},reflection,,,,,,,," for n in range(2500)))
    await run_import(
        school, "checkins", path, timezone=TOKYO, progress=lambda rows, fraction: told.append((rows, fraction))
    )
    assert [rows for rows, _ in told] == [2000, 2500]
    assert 0 < told[0][1] <= told[1][1] == 1.0


# Calendar

CALENDAR = "schoolId,date,kind,title,grades"


def _calendar(tmp_path: Path, *lines: str) -> Path:
    return _file(tmp_path, *lines, header=CALENDAR, name="calendar.csv")


async def test_calendar_days_are_stored_for_some_grades_or_all(school: Database, tmp_path: Path) -> None:
    path = _calendar(tmp_path, "minami,2026-05-02,school_day,運動会,", "minami,2026-10-30,closed,遠足代休,P2;P1")
    await load(school, "calendar", path)
    days = [(day.date, day.kind, day.title, day.grades) for day in await rows(school, CalendarDay)]
    assert days == [
        (date(2026, 5, 2), "school_day", "運動会", []),
        (date(2026, 10, 30), "closed", "遠足代休", ["P1", "P2"]),
    ]
    again = _calendar(tmp_path, "minami,2026-05-02,school_day,体育祭,", "minami,2026-10-30,closed,遠足代休,P1;P2")
    assert str(await load(school, "calendar", again)) == "added=0 changed=1 unchanged=1 rejected=0"


async def test_the_order_of_grades_does_not_make_another_day(school: Database, tmp_path: Path) -> None:
    path = _calendar(tmp_path, "minami,2026-05-02,closed,,P1;P2", "minami,2026-05-02,closed,,P2;P1")
    assert await refused(school, "calendar", path) == [
        "calendar.csv:3: schoolId+date+kind+grades 'minami 2026-05-02 closed P2;P1': "
        "expected once in a file, but line 2 has it too"
    ]


async def test_a_calendar_of_a_school_that_is_not_there_is_refused(school: Database, tmp_path: Path) -> None:
    path = _calendar(tmp_path, "kita,2026-05-02,closed,,P1,P2", "kita,2026-05-02,closed,,P9")
    problems = await refused(school, "calendar", path)
    assert problems[0] == "calendar.csv:2: expected 5 cells as in the header, found 6"
    assert problems[1].startswith("calendar.csv:3: grades 'P9': expected one of E1")
    (problem,) = await refused(school, "calendar", _calendar(tmp_path, "kita,2026-05-02,closed,,P1"))
    assert problem == "calendar.csv:2: schoolId 'kita': expected the sourcedId of a school of the roster"
