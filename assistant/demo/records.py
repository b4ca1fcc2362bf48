"""What the systems around the demo's children recorded: register, nurse's office, drills, tests, notes of staff."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from assistant.demo.roster import Row

COLUMNS: Mapping[str, Sequence[str]] = {  # by kind of import; the second column says when
    "attendance": ("studentId", "date", "status", "note"),
    "nurse-visits": ("studentId", "visitedAt", "reason", "outcome"),
    "study-log": (
        "studentId", "startedAt", "subject", "contentId", "title", "answered", "correct", "durationSeconds",
    ),
    "assessments": ("studentId", "date", "title", "subject", "score", "maxScore"),
    "observations": ("studentId", "recordedAt", "recordedBy", "subject", "text"),
}  # fmt: skip
ABSENT = 0.4  # chance that a child who did not check in at all was away
TOKYO = "+09:00"


def records(
    kind: str,
    student: str,
    teacher: str,
    days: Sequence[date],
    answered: frozenset[date],
    words: Mapping[str, Any],
    rng: Random,
) -> Iterator[Row]:
    """The rows of one kind for one student on those school days. ``answered``: days on which the child checked in, and
    so was there; ``words``: subjects, reasons and notes of the child's grade."""
    skill = rng.uniform(0.55, 0.95)  # share of drill questions the child gets right
    for day in days:
        away = day not in answered and rng.random() < ABSENT
        match kind:
            case "attendance":
                yield {"studentId": student, "date": day.isoformat(), "status": _status(rng, away)}
            case "nurse-visits" if not away and rng.random() < 0.02:
                reason = rng.choice(words["reasons"])
                yield {"studentId": student, "visitedAt": _at(rng, day, 10, 14), "reason": reason}
            case "study-log" if not away and rng.random() < 0.7:
                yield _drill(student, day, skill, words, rng)
            case "assessments" if day.day % 10 == 5 and not away:
                for subject in words["subjects"][:2]:
                    score = min(100, max(0, round(rng.gauss(skill * 100, 9))))
                    title = words["test"].format(month=day.month)
                    yield {
                        "studentId": student, "date": day.isoformat(), "title": title, "subject": subject,
                        "score": str(score), "maxScore": "100",
                    }  # fmt: skip
            case "observations" if not away and rng.random() < 0.03:
                text = rng.choice(words["notes"])
                yield {
                    "studentId": student, "recordedAt": _at(rng, day, 12, 16), "recordedBy": teacher, "text": text,
                }  # fmt: skip
            case _:
                pass


def _status(rng: Random, away: bool) -> str:
    if away:
        return rng.choices(("absent_sick", "absent_other", "suspended"), (80, 16, 4))[0]
    return rng.choices(("present", "late", "early_leave", "attend_nurse_room"), (955, 28, 12, 5))[0]


def _drill(student: str, day: date, skill: float, words: Mapping[str, Any], rng: Random) -> Row:
    subject = rng.choice(words["subjects"])
    answered = rng.randint(5, 20)
    correct = sum(rng.random() < skill for _ in range(answered))
    units = words["units"][subject]
    week = day.isocalendar().week
    return {
        "studentId": student,
        "startedAt": _at(rng, day, 8, 15),
        "subject": subject,
        "contentId": f"drill-{words['subjects'].index(subject)}-{week}",
        "title": words["drill"].format(unit=units[week % len(units)]),
        "answered": str(answered),
        "correct": str(correct),
        "durationSeconds": str(answered * rng.randint(20, 60)),
    }


def _at(rng: Random, day: date, start: int, end: int) -> str:
    """A moment of the day between two full hours."""
    moment = datetime.combine(day, time(start)) + timedelta(minutes=rng.randrange((end - start) * 60))
    return moment.isoformat(timespec="seconds") + TOKYO
