"""What the children of the demo district answered: goals in the morning, reflections in the evening."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from assistant.demo.roster import Row

MOST_WRITERS = 3  # children who may ever write the very same text
NEXT_STEP_TAKEN = 0.65  # chance that tonight's next step becomes tomorrow's goal
LATE = 0.1  # chance that an answer comes hours after the usual time
WEATHER = ("thunder", "rainy", "cloudy", "sunny")  # 1 … 4
ACHIEVEMENTS = ("achieved", "mostly", "partly", "not_yet")
TOKYO = "+09:00"


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A child's aim for a day; its reflection is worded with the same topic and point."""

    subject: str
    topic: str
    point: str  # the tricky part of the topic
    text: str


class Writer:
    """Words goals and answers from the phrase banks of one band."""

    def __init__(self, rng: Random, band: Mapping[str, Any]) -> None:
        self._rng = rng
        self._band = band
        self._writers: dict[str, set[str]] = {}  # text → students who wrote it

    def goal(self, student: str, week: int, subject: str | None = None) -> Goal | None:
        """A new goal, mostly about the class's topic of that week; None (a skipped question) if all words are used."""
        subject = subject or self._rng.choice(list(self._band["subjects"]))
        topics: Sequence[str] = self._band["subjects"][subject]["topics"]
        for attempt in range(8):
            of_week = topics[(week + len(subject)) % len(topics)]
            line = of_week if attempt < 4 and self._rng.random() < 0.75 else self._rng.choice(topics)
            topic, *points = line.split("/")
            goal = Goal(subject=subject, topic=topic, point=self._rng.choice(points), text="")
            if text := self.say(student, goal, "goals"):
                return replace(goal, text=text)
        return None

    def say(self, student: str, goal: Goal, bank: str) -> str:
        """A text about the goal, new for this child; empty (a skipped question) when none was found."""
        words = self._band["subjects"][goal.subject][bank]
        for _ in range(8):
            how, number = self._rng.choice(self._band["how"]), self._rng.randint(3, 9)
            text: str = self._rng.choice(words).format(t=goal.topic, p=goal.point, h=how, n=number)
            if bank == "well" and self._rng.random() < 0.5:
                text += self._rng.choice(self._band["feelings"])
            writers = self._writers.setdefault(text, set())
            if student not in writers and len(writers) < MOST_WRITERS:
                writers.add(student)
                return text
        return ""


def answers(
    student: str, days: Sequence[date], today: date, profile: Mapping[str, Any], writer: Writer, rng: Random
) -> Iterator[Row]:
    """The ``checkins`` rows of one student on those school days; of ``today`` only the morning has come."""
    usual: int = profile["weather"]
    weather, step = usual, None
    for day in days:
        base = {"studentId": student, "date": day.isoformat()}
        week = day.isocalendar().week
        if rng.random() > 0.55:  # otherwise the mood of the last school day stays
            weather = min(4, max(1, usual + rng.choices((-2, -1, 0, 1), (1, 4, 9, 3))[0]))
        taken = step if rng.random() < NEXT_STEP_TAKEN else None
        goal = step = None
        confidence = min(5, max(1, round(rng.gauss(2.4 + weather * 0.35, 0.8))))
        morning = profile["morning"] * (0.78 if day == today else 1)  # some have not come to it yet
        if rng.random() < profile["decline"]:
            yield base | _declined("anticipation", _at(rng, day, time(8, 5), time(10, 20)))
        elif rng.random() < morning:
            goal = taken or writer.goal(student, week)
            yield base | {
                "phase": "anticipation",
                "answeredAt": _at(rng, day, time(8, 5), time(10, 20)),
                "declined": "false",
                "mood": WEATHER[weather - 1],
                "goal": goal.text if goal else "",
                "plan": writer.say(student, goal, "plans") if goal and rng.random() < 0.75 else "",
                "subject": goal.subject if goal else "",
                "confidence": str(confidence),
                "visibility": _visibility(rng),
            }
        if day == today:
            return
        if rng.random() < profile["decline"]:
            yield base | _declined("reflection", _at(rng, day, time(15, 5), time(18, 10)))
        elif rng.random() < profile["evening"]:
            about = goal or writer.goal(student, week)
            if about is None:
                continue
            level = rng.choices(range(4), (20 + 6 * confidence, 36, 22, 12 - confidence))[0]
            if rng.random() < 0.8:
                step = writer.goal(student, week, about.subject if rng.random() < 0.9 else None)
            trouble = (0.1, 0.3, 0.8, 0.9)[level]
            yield base | {
                "phase": "reflection",
                "answeredAt": _at(rng, day, time(15, 5), time(18, 10)),
                "declined": "false",
                "mood": WEATHER[weather - 1] if rng.random() < 0.6 else "",
                "subject": about.subject,
                "achievement": ACHIEVEMENTS[level] if goal else "",
                "wentWell": writer.say(student, about, "well" if level < 2 else "some") if rng.random() < 0.85 else "",
                "difficult": writer.say(student, about, "hard") if rng.random() < trouble else "",
                "nextStep": step.text if step else "",
                "visibility": _visibility(rng),
            }


def _at(rng: Random, day: date, usual: time, late: time) -> str:
    start = late if rng.random() < LATE else usual
    minutes = rng.uniform(0, 120 if start == late else 30)
    return (datetime.combine(day, start) + timedelta(minutes=minutes)).isoformat(timespec="seconds") + TOKYO


def _declined(phase: str, answered_at: str) -> Row:
    return {"phase": phase, "answeredAt": answered_at, "declined": "true", "visibility": "teacher"}


def _visibility(rng: Random) -> str:
    return rng.choices(("teacher", "class", "self"), (78, 18, 4))[0]
