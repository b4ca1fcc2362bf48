"""Writes the demo district as files to import: a OneRoster folder, and one CSV for every other kind."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from assistant.demo.history import Writer, answers
from assistant.demo.records import COLUMNS, records
from assistant.demo.roster import Row, roster_rows, school_of, student_id
from knowledge.records.calendar import SchoolCalendar
from knowledge.yaml_data import load_yaml

SEED = "あゆみ"
HISTORY = 25  # school days, about five weeks
CALENDAR_COLUMNS = ("schoolId", "date", "kind", "title", "grades")
CONTENT_COLUMNS = ("contentId", "title", "url", "provider", "subject", "grades", "minutes", "description")
CONTENT_ADDRESS = "https://example.com/"
ACTIVITY_COLUMNS = (
    "activityId", "name", "kind", "orgId", "place", "startDate", "endDate", "schedule", "applyUntil", "grades",
    "contact", "online", "url", "description",
)  # fmt: skip
CHECKIN_COLUMNS = (
    "studentId", "date", "phase", "answeredAt", "declined", "mood", "goal", "plan", "subject", "confidence",
    "achievement", "wentWell", "difficult", "nextStep", "visibility",
)  # fmt: skip


def write_demo(folder: Path, today: date) -> None:
    """Writes ``oneroster/`` and ``<kind>.csv`` for every other kind into ``folder``, made if it is not there.

    The same ``today`` always gives the same files. Check-ins stay within the school year of ``today``, so that there
    are few in early April. Raises OSError where the folder cannot be written.
    """
    district, phrases = (_load(name) for name in ("district", "phrases"))
    on = partial(_date_in_school_year, today.year if today.month >= 4 else today.year - 1)
    oneroster = folder / "oneroster"
    oneroster.mkdir(parents=True, exist_ok=True)
    manifest = {"manifest.version": "1.0", "oneroster.version": "1.2.1"}
    manifest |= {f"file.{name}": "bulk" for name in district["files"]}
    manifest |= {f"file.{name}": "absent" for name in district["absent"].split()}
    manifest |= {"source.systemName": "Ayumi demo", "source.systemCode": "ayumi-demo"}
    properties = [{"propertyName": name, "value": value} for name, value in sorted(manifest.items())]
    _write(oneroster / "manifest.csv", ("propertyName", "value"), properties)
    for name, rows in roster_rows(district, today, on).items():
        columns = ("sourcedId", "status", "dateLastModified", *district["files"][name].split())
        _write(oneroster / f"{name}.csv", columns, rows)
    calendar = _calendar_rows(district, today, on)
    _write(folder / "calendar.csv", CALENDAR_COLUMNS, calendar)
    content = [
        {"contentId": name, "url": f"{CONTENT_ADDRESS}{name}", **about} for name, about in _load("content").items()
    ]
    _write(folder / "content.csv", CONTENT_COLUMNS, content)
    _write(folder / "activities.csv", ACTIVITY_COLUMNS, _activity_rows(today))
    checkins = [*_checkin_rows(district, phrases, calendar, today, on("04-01"))]
    _write(folder / "checkins.csv", CHECKIN_COLUMNS, checkins)
    answered: dict[str, set[date]] = {}
    for row in checkins:
        answered.setdefault(row["studentId"], set()).add(date.fromisoformat(row["date"]))
    for kind, columns in COLUMNS.items():
        rows = _record_rows(kind, district, _load("records"), calendar, today, on("04-01"), answered)
        _write(folder / f"{kind}.csv", columns, rows)


def demo_practices(today: date) -> list[dict[str, Any]]:
    """Good practice that was approved before ``today``: id, author, school, told_on, subject, grades, text."""
    return [
        {"id": id, "told_on": today + timedelta(days=about["days"]), **about}
        for id, about in _load("shared")["practices"].items()
    ]


def _activity_rows(today: date) -> list[Row]:
    """Clubs and events around ``today``, one of them over."""
    days = {"starts": "startDate", "ends": "endDate", "apply": "applyUntil"}
    return [
        {"activityId": id}
        | {name: value for name, value in about.items() if name not in days}
        | {column: str(today + timedelta(days=about[name])) for name, column in days.items() if name in about}
        for id, about in _load("shared")["activities"].items()
    ]


def _calendar_rows(district: dict[str, Any], today: date, on: Callable[[str], date]) -> list[Row]:
    """Vacations of every school, then the special days around ``today`` that fall into the school year; ``today``
    itself is always a school day."""
    free = [
        (on(vacation["start"]) + timedelta(days=n), vacation["title"])
        for vacation in district["vacations"]
        for n in range((on(vacation["end"]) - on(vacation["start"])).days + 1)
        if on(vacation["start"]) + timedelta(days=n) != today
    ]
    rows = [
        {"schoolId": school, "date": day.isoformat(), "kind": "holiday", "title": title, "grades": ""}
        for school in district["schools"]
        for day, title in free
    ]
    usual = SchoolCalendar((day, "holiday", ()) for day, _ in free)
    past = usual.school_days(on("04-01"), today - timedelta(days=1))
    coming = usual.school_days(today, on("03-31"))
    if not usual.is_school_day(today):  # whoever tries the demo on a Sunday shall see a school day too
        day = {"date": today.isoformat(), "kind": "school_day", "title": district["open_day"], "grades": ""}
        rows += [{"schoolId": school, **day} for school in district["schools"]]
    for special in district["calendar"]:
        n: int = special["days"]
        days = past[n:] if len(past) >= -n > 0 else coming[n:] if n >= 0 else []
        if days:
            row = {"schoolId": special["school"], "date": days[0].isoformat(), "grades": special.get("grades", "")}
            rows.append(row | {"kind": special["kind"], "title": special["title"]})
    return rows


def _checkin_rows(
    district: dict[str, Any], phrases: dict[str, Any], calendar: Sequence[Row], today: date, first: date
) -> Iterable[Row]:
    rng = Random(f"{SEED} {today}")
    writers = {grade: Writer(rng, band) for grade, band in phrases.items()}
    profiles = [profile for profile in district["profiles"] for _ in range(profile["share"])]
    for class_id, about in district["classes"].items():
        days = _school_days(calendar, school_of(class_id), about["grade"], first, today)
        for number in range(1, len(about["students"]) + 1):
            student = student_id(class_id, number)
            profile = Random(f"{SEED} {student}").choice(profiles)  # a quiet child is quiet whatever the day
            yield from answers(student, days, today, profile, writers[about["grade"]], rng)


def _record_rows(
    kind: str,
    district: dict[str, Any],
    words: dict[str, Any],
    calendar: Sequence[Row],
    today: date,
    first: date,
    answered: Mapping[str, set[date]],
) -> Iterable[Row]:
    """Records of the days before ``today``: the systems report in the evening."""
    for class_id, about in district["classes"].items():
        days = [day for day in _school_days(calendar, school_of(class_id), about["grade"], first, today) if day < today]
        for number in range(1, len(about["students"]) + 1):
            student = student_id(class_id, number)
            there = frozenset(answered.get(student, ()))
            rng = Random(f"{SEED} {student} {kind}")
            yield from records(kind, student, f"{class_id}-t", days, there, words[about["grade"]], rng)


def _school_days(calendar: Sequence[Row], school: str, grade: str, first: date, today: date) -> list[date]:
    """The last ``HISTORY`` school days before ``today`` in the school year, and ``today`` when it is one."""
    marked = SchoolCalendar(
        (date.fromisoformat(row["date"]), row["kind"], [grade for grade in [row["grades"]] if grade])
        for row in calendar
        if row["schoolId"] == school
    )
    days = marked.school_days(first, today - timedelta(days=1), grade)[-HISTORY:]
    return days + marked.school_days(today, today, grade)


def _date_in_school_year(year: int, month_day: str) -> date:
    """The day of the Japanese school year ``year`` (from April 1st) that ``month_day`` ("05-11") names."""
    month, day = map(int, month_day.split("-"))
    return date(year if month >= 4 else year + 1, month, day)


def _load(name: str) -> dict[str, Any]:
    return load_yaml(Path(__file__).with_name(f"{name}.yaml").read_text(encoding="utf-8"))


def _write(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
