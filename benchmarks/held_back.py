"""How many of the held-back lines are understood, and how many are answered wrongly?

Every line is asked the product's own way, as the person it names, in a store into which the file's roster was imported.
An answer is right when it has every key that the line expects. A line that is asked back or not understood is a miss;
a figure for a question that was not asked is *wrong*, and counts for more than all the others.

    python -m benchmarks.held_back [--misses FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import yaml
from sqlalchemy import insert

from assistant.bootstrap import build_services
from assistant.dialogue.asking import ask
from assistant.dialogue.topic import Topic
from assistant.dialogue.turn import Services
from assistant.schema import migrate
from assistant.settings import load_settings
from assistant.wording.texts import Speaker
from benchmarks.machine import ROOT
from knowledge.db import Database
from knowledge.imports.registry import run_import
from knowledge.questions.model import Answer, Reason, Status
from knowledge.records.assessments import Assessment
from knowledge.records.attendance import AttendanceEntry
from knowledge.records.checkins import CheckIn
from knowledge.records.collected import Collected
from knowledge.records.study_log import StudyEntry
from tests.builders.oneroster import write_oneroster

LINES = ROOT / "benchmarks" / "understanding" / "held_back.yaml"
EXACT, ASKED_BACK, NOT_UNDERSTOOD, WRONG = "exact", "asked back", "not understood", "WRONG"
FIGURES = (Status.ANSWERED, Status.EMPTY)
SCHOOL_YEAR = {"beginDate": "2026-04-01", "endDate": "2027-03-31"}
KINDS = ("attendance", "nurse-visits", "study-log", "assessments", "observations")
Row = dict[str, str]


def verdict(expected: Any, given: Answer) -> str:
    """How an answer compares with what a line expects, or with any of several."""
    choices = cast("list[Any]", expected) if isinstance(expected, list) else [expected]
    if any(_is_right(each, given) for each in choices):
        return EXACT
    if given.status in FIGURES:
        return WRONG
    return ASKED_BACK if given.status is Status.CLARIFY else NOT_UNDERSTOOD


def _is_right(expected: Any, given: Answer) -> bool:
    match expected:
        case "none":
            return given.status in (Status.TALK, Status.NOT_UNDERSTOOD)
        case "clarify":
            return given.status is Status.CLARIFY
        case "refused":
            return given.status is Status.REFUSED
        case "future":
            return given.status is Status.NOT_UNDERSTOOD and given.reason is Reason.FUTURE
        case _:
            question = given.question
            return given.status in FIGURES and question is not None and _has(question.to_json(), expected)


def _has(given: Any, expected: Any, key: str = "") -> bool:
    """Whether ``given`` has all that is expected; ``ids`` are a set, a period is written as its two days."""
    if key == "ids":
        return set(given) == set(expected)
    if key == "period":
        return [given["start"], given["end"]] == [str(day) for day in expected]
    if isinstance(expected, dict):
        wanted = cast("Mapping[str, Any]", expected)
        return isinstance(given, dict) and all(_has(given.get(name), each, name) for name, each in wanted.items())
    if isinstance(expected, list):
        sides = cast("Sequence[Any]", expected)
        return len(given or ()) == len(sides) and all(_has(*pair) for pair in zip(given, sides, strict=True))
    return bool(given == expected)


async def with_roster(database: Database, roster: Mapping[str, Any], folder: Path, today: date) -> None:
    """The people and classes of the file by way of the import, and a month of records, so that there are figures."""
    services_zone = load_settings().zone
    await migrate(database)
    path = write_oneroster(folder / "oneroster", _tables(roster))
    await run_import(database, "oneroster", path, timezone=services_zone)
    async with database.write() as connection:
        for table, rows in _records(roster, today):
            await connection.execute(insert(table), rows)


def _tables(roster: Mapping[str, Any]) -> dict[str, list[Row]]:
    orgs = {each["id"]: each for each in roster["orgs"]}
    schools = {each["id"]: each["school"] for each in roster["classes"]}
    students: list[Any] = [
        {**each, "role": "student", "org": schools[each["classes"][0]]} for each in roster["students"]
    ]
    guardians = [{**each, "role": "guardian"} for each in roster["guardians"]]
    people: list[Any] = [*students, *roster["staff"], *guardians]
    agents = {child: each["id"] for each in guardians for child in each["children"]}
    numbers = Counter[str]()
    enrollments: list[Row] = []
    for person in [*students, *roster["staff"]]:
        is_student = person["role"] == "student"
        for class_id in person.get("classes", ()):
            numbers[class_id] += is_student
            enrollments.append(
                {
                    "sourcedId": f"e-{person['id']}-{class_id}",
                    "classSourcedId": class_id,
                    "schoolSourcedId": schools[class_id],
                    "userSourcedId": person["id"],
                    "role": "student" if is_student else "teacher",
                    "primary": "false" if is_student else "true",
                    "metadata.jp.ShussekiNo": str(numbers[class_id]) if is_student else "",
                    **(SCHOOL_YEAR if is_student else {}),
                }
            )
    return {
        "academicSessions": [
            {"sourcedId": each["id"], "title": each["title"], "type": each["type"], "startDate": str(each["start"])}
            | {
                "endDate": str(each["end"]),
                "parentSourcedId": each.get("parent", ""),
                "schoolYear": str(each["start"].year),
            }
            for each in roster["sessions"]
        ],
        "orgs": [
            {"sourcedId": id, "name": each["name"], "type": each["type"], "parentSourcedId": each.get("parent", "")}
            for id, each in orgs.items()
        ],
        "courses": [
            {"sourcedId": f"co-{each['id']}", "title": each["title"], "grades": each["grade"]}
            | {"orgSourcedId": each["school"], "schoolYearSourcedId": "y26"}
            | {"subjects": ",".join(each.get("subjects", roster["subjects"]))}
            for each in roster["classes"]
        ],
        "classes": [
            {"sourcedId": each["id"], "title": each["title"], "grades": each["grade"], "classType": each["type"]}
            | {"courseSourcedId": f"co-{each['id']}", "schoolSourcedId": each["school"], "termSourcedIds": "y26"}
            | {"subjects": ",".join(each.get("subjects", ()))}
            for each in roster["classes"]
        ],
        "users": [_user(each, agents) for each in people],
        "roles": [
            {"sourcedId": f"r-{each['id']}", "userSourcedId": each["id"], "roleType": "primary", "role": each["role"]}
            | {"orgSourcedId": each["org"]}
            for each in people
        ],
        "enrollments": enrollments,
    }


def _user(person: Mapping[str, Any], agents: Mapping[str, str]) -> Row:
    family, given = person["name"].split() if "name" in person else (person["family"], person["given"])
    return {
        "sourcedId": person["id"],
        "enabledUser": "true",
        "username": person["id"],
        "familyName": family,
        "givenName": given,
        "metadata.jp.kanaFamilyName": person.get("family_kana", ""),
        "metadata.jp.kanaGivenName": person.get("given_kana", ""),
        "primaryOrgSourcedId": person["org"],
        "agentSourcedIds": agents.get(person["id"], ""),
    }


def _records(roster: Mapping[str, Any], today: date) -> Iterable[tuple[Any, list[dict[str, Any]]]]:
    """What was recorded in the five weeks before: something of everything that lists and follow-ups stand on."""
    zone = load_settings().zone
    schools = {each["id"]: each["school"] for each in roster["classes"]}
    days = [today - timedelta(days=n) for n in range(35) if (today - timedelta(days=n)).weekday() < 5]
    check_ins: list[dict[str, Any]] = []
    register: list[dict[str, Any]] = []
    studied: list[dict[str, Any]] = []
    scores: list[dict[str, Any]] = []
    for place, student in enumerate(roster["students"]):
        id = student["id"]
        for number, day in enumerate(days):
            when = datetime(day.year, day.month, day.day, 8, 30, tzinfo=zone)
            status = ("present", "absent_sick", "late")[
                (place + number) % 11 % 3 if (place * 3 + number) % 4 == 0 else 0
            ]
            register.append({"student_id": id, "date": day, "status": status})
            for phase in ("anticipation", "reflection"):
                if (place * 5 + number * 7 + len(phase)) % 4:
                    row = {"student_id": id, "date": day, "phase": phase, "status": "finished", "started_at": when}
                    row |= {"answered_at": when, "updated_at": when, "mood": ("sunny", "rainy", "cloudy")[place % 3]}
                    row |= {"confidence": place % 5 + 1, "visibility": "teacher", "extra": {}}
                    row |= {"achievement": "mostly" if phase == "reflection" else None}
                    check_ins.append({**row, "went_well": "図をかいた" if phase == "reflection" else None, "depth": 1})
            entry = {"student_id": id, "started_at": when, "date": day, "content_id": "drill", "answered": 10}
            subject = roster["subjects"][number % len(roster["subjects"])]
            studied.append({**entry, "subject": subject, "correct": (place + number) % 10, "duration_seconds": 600})
        for test in roster["assessments"]:
            if test["school"] == schools[student["classes"][0]]:
                score = {"student_id": id, "date": days[5], "title": test["title"], "subject": test["subject"]}
                scores.append({**score, "score": float(50 + place), "max_score": 100.0})
    yield CheckIn, check_ins
    yield AttendanceEntry, register
    yield StudyEntry, studied
    yield Assessment, scores
    yield Collected, [{"school_id": school, "kind": kind} for school in {*schools.values()} for kind in KINDS]


async def ask_all(
    services: Services, lines: Sequence[Mapping[str, Any]], at: datetime
) -> list[tuple[Any, str, Answer]]:
    """(line, verdict, answer) of every line; lines of one conversation lean on each other, a minute apart."""
    topics: dict[str, Topic | None] = {}
    turns = Counter[str]()
    found: list[tuple[Any, str, Answer]] = []
    for line in lines:
        conversation = str(line.get("conversation", line["id"]))
        speaker = Speaker(language=line["id"][:2], band="staff")
        when = at + timedelta(minutes=turns[conversation])
        asked = await ask(services, line["as"], line["text"], when, speaker, topics.get(conversation))
        topics[conversation] = asked.topic
        turns[conversation] += 1
        found.append((line, verdict(line["expect"], asked.answer), asked.answer))
    return found


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misses", type=Path, default=None, help="file for the lines that were not read as expected")
    given = parser.parse_args()
    held = yaml.safe_load(LINES.read_text(encoding="utf-8"))
    at = datetime.fromisoformat(held["at"])
    with tempfile.TemporaryDirectory(prefix="ayumi-bench-") as folder:
        database = Database(f"sqlite:///{folder}/ayumi.db")
        await with_roster(database, held["roster"], Path(folder), at.date())
        services = build_services(load_settings(), database)
        found = await ask_all(services, held["lines"], at)
        await database.close()
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for line, how, _ in found:
        counts[line["id"][:2]][how] += 1
    for language, count in sorted(counts.items(), reverse=True):
        parts = ", ".join(f"{how} {count[how]}" for how in (EXACT, ASKED_BACK, NOT_UNDERSTOOD, WRONG))
        total = count.total()
        print(f"| held-back lines, {language} | {count[EXACT] / total:.0%} of {total} | {WRONG} 0 | {parts} | |")
    if given.misses is not None:
        given.misses.write_text("\n".join(miss for each in found if (miss := _miss(*each))) + "\n", encoding="utf-8")


def _miss(line: Mapping[str, Any], how: str, given: Answer) -> str | None:
    """One missed line, what was expected, and what came instead."""
    if how == EXACT:
        return None
    question = given.question.to_json() if given.question is not None else None
    return (
        f"{how}: {line['id']} ({line['as']}) {line['text']}\n  expected {line['expect']}\n  {given.status} {question}"
    )


if __name__ == "__main__":
    asyncio.run(main())
