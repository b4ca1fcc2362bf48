"""How many of the held-back reminder lines are understood, and how many are read wrongly?

Every line is understood the product's own way, as the person it names, in a store into which the file's roster and
calendar were imported. A reading is right when it has every key that the line expects. A reading that is sure of
something else is *wrong*, and counts for more than all the others.

    python -m benchmarks.held_back_reminders [--misses FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any, cast

import yaml
from dateutil.rrule import rrulestr
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.bootstrap import build_services
from assistant.dialogue.asking import understand
from assistant.dialogue.turn import Services
from assistant.settings import load_settings
from benchmarks.held_back import ASKED_BACK, EXACT, NOT_UNDERSTOOD, WRONG, with_roster
from benchmarks.machine import ROOT
from knowledge.db import Database
from knowledge.questions.model import Metric, Period, Question, Scope, ScopeKind, Shape
from knowledge.records.calendar import CalendarDay
from knowledge.records.scope import load_viewer, permit_for

FOLDER = ROOT / "benchmarks" / "understanding"
LINES = FOLDER / "held_back_reminders.yaml"
ROSTER = FOLDER / "held_back.yaml"
COMPARED = 10  # dates of a rule
FAMILY = frozenset({"student", "guardian"})


def verdict(expected: Any, meant: Mapping[str, Any], *, is_refused: bool) -> str:
    """How a reading compares with what a line expects, or with any of several."""
    choices = cast("list[Any]", expected) if isinstance(expected, list) else [expected]
    if any(_is_right(each, meant, is_refused=is_refused) for each in choices):
        return EXACT
    if meant["intent"] != "reminder":
        return NOT_UNDERSTOOD
    return WRONG if meant["confidence"] == "clear" else ASKED_BACK


def _is_right(expected: Any, meant: Mapping[str, Any], *, is_refused: bool) -> bool:
    is_reminder = meant["intent"] == "reminder"
    match expected:
        case "none":
            return not is_reminder
        case "clarify":
            return is_reminder and meant["confidence"] == "confirm"
        case "refused":
            return is_reminder and (is_refused or meant["problem"] in ("class", "person"))
        case _:
            return is_reminder and meant["confidence"] == "clear" and _has(meant["reminder"], expected)


def _has(given: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    for name, wanted in expected.items():
        match name:
            case "audience":
                audience: dict[str, Any] | None = given["audience"]
                if audience is None or audience["kind"] != wanted.get("kind", audience["kind"]):
                    return False
                if "ids" in wanted and set(audience["ids"]) != set(wanted["ids"]):
                    return False
            case "rrule":
                if _dates(given["rrule"], given["start"]) != _dates(wanted, str(expected.get("start", given["start"]))):
                    return False
            case _:
                if given[name] != (str(wanted) if isinstance(wanted, date) else wanted):
                    return False
    return True


def _dates(rule: str | None, start: str | None) -> list[date] | None:
    """The first dates of a rule from a day on; None for one single sending."""
    if rule is None or start is None:
        return None
    begin = datetime.combine(date.fromisoformat(start), time())  # naive, as the rule's days have no zone
    return [each.date() for each in islice(rrulestr(rule, dtstart=begin), COMPARED)]


async def is_refused(
    connection: AsyncConnection, person_id: str, role: str, meant: Mapping[str, Any], on: date
) -> bool:
    """Whether the product would not send it for this person: a family's, or to children who are not theirs."""
    if meant["intent"] != "reminder":
        return False
    audience: dict[str, Any] | None = meant["reminder"]["audience"]
    if audience is None or audience["kind"] == "self":
        return False
    if role in FAMILY:
        return True
    if audience["kind"] == "staff":
        return False
    today = Period(start=on, end=on, label="")
    scope = Scope(kind=ScopeKind(audience["kind"]), ids=tuple(audience["ids"]), label="")
    question = Question(metric=Metric.REFLECTION_RATE, shape=Shape.STUDENTS, scope=scope, period=today)
    viewer = await load_viewer(connection, person_id, on)
    return await permit_for(connection, viewer, question) is None


async def understand_all(services: Services, held: Mapping[str, Any]) -> list[tuple[Any, str, Mapping[str, Any]]]:
    """(line, verdict, what was understood) of every line."""
    roster = held["roster"]
    roles = {each["id"]: each["role"] for each in roster["staff"]}
    roles |= {each["id"]: "student" for each in roster["students"]}
    roles |= {each["id"]: "guardian" for each in roster["guardians"]}
    found: list[tuple[Any, str, Mapping[str, Any]]] = []
    for line in held["lines"]:
        at = _moment(line.get("at", held["at"]))
        meant = await understand(services, line["as"], line["text"], at)
        async with services.database.read() as connection:
            refused = await is_refused(connection, line["as"], roles[line["as"]], meant, at.date())
        found.append((line, verdict(line["expect"], meant, is_refused=refused), meant))
    return found


def _moment(said: Any) -> datetime:
    at = datetime.fromisoformat(str(said))
    return at if at.tzinfo is not None else at.replace(tzinfo=load_settings().zone)


def load_lines(path: Path) -> dict[str, Any]:
    """The file, with the roster of the held-back questions where it has none of its own."""
    base = yaml.safe_load(ROSTER.read_text(encoding="utf-8"))
    held = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {"at": base["at"], "roster": base["roster"], "calendar": [], **held}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misses", type=Path, default=None, help="file for the lines that were not read as expected")
    given = parser.parse_args()
    held = load_lines(LINES)
    with tempfile.TemporaryDirectory(prefix="ayumi-bench-") as folder:
        database = Database(f"sqlite:///{folder}/ayumi.db")
        await with_roster(database, held["roster"], Path(folder), _moment(held["at"]).date())
        async with database.write() as connection:
            for row in held["calendar"]:
                await connection.execute(insert(CalendarDay), _calendar_row(row))
        found = await understand_all(build_services(load_settings(), database), held)
        await database.close()
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for line, how, _ in found:
        counts[line["id"][:2]][how] += 1
    for language, count in sorted(counts.items(), reverse=True):
        parts = ", ".join(f"{how} {count[how]}" for how in (EXACT, ASKED_BACK, NOT_UNDERSTOOD, WRONG))
        total = count.total()
        print(f"| held-back reminders, {language} | {count[EXACT] / total:.0%} of {total} | {WRONG} 0 | {parts} | |")
    if given.misses is not None:
        misses = [
            f"{how}: {line['id']} ({line['as']}) {line['text']}\n  expected {line['expect']}\n  {meant}"
            for line, how, meant in found
            if how != EXACT
        ]
        given.misses.write_text("\n".join(misses) + "\n", encoding="utf-8")


def _calendar_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the file as the calendar stores it: school, date, kind, title, grades."""
    grades = sorted(row.get("grades") or [])
    return {
        "school_id": row.get("school") or row.get("school_id") or row.get("schoolSourcedId"),
        "date": date.fromisoformat(str(row["date"])),
        "kind": row.get("kind", "event"),
        "title": row.get("title"),
        "grades": grades,
        "grades_key": ",".join(grades),
    }


if __name__ == "__main__":
    asyncio.run(main())
