"""What each school set in ``<data folder>/schools.yaml``: when its children are asked, and how often written to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import yaml

from knowledge.questions.model import Phase
from knowledge.yaml_data import in_one_line
from scheduler.errors import ScheduleError

OFF = "off"


class LinePrompts(StrEnum):
    """How the check-in begins on LINE, where every push counts against the month's quota."""

    PUSH = "push"  # a message at the school's time
    MENU = "menu"  # the child begins by the rich menu or a word: answers are free


@dataclass(frozen=True, kw_only=True)
class Times:
    """One school's rules, times in its time zone. A prompt that was missed is still sent until its window closes."""

    anticipation: time = time(8, 20)
    anticipation_until: time = time(12, 0)
    reflection: time = time(15, 10)
    reflection_until: time = time(20, 0)
    brief: time | None = time(16, 30)  # when homeroom teachers get the day's brief; None: never
    short_day_reflection: time = time(12, 10)  # when a ``short_day`` of the calendar asks for the reflection
    anticipation_nudge: time | None = None  # when those who have not answered are asked once more; None: never
    reflection_nudge: time | None = time(18, 30)
    quiet_from: time = time(20, 0)  # nothing reaches a child by itself from here …
    quiet_until: time = time(7, 0)  # … until here of the next day
    daily_limit: int = 3  # messages a day that a child did not ask for
    ignored_limit: int = 3  # prompts in a row without a word from the child, after which prompting stops; 0: never
    later: int = 60  # minutes after which あとで is honoured where the child names no time
    late: int = 15  # minutes after which a reminder that was missed is reported instead of sent
    line_prompts: LinePrompts = LinePrompts.PUSH
    read_receipts: bool = True  # a child who looks at their own day sees that a teacher has read the reflection
    suggestions: bool = True  # content that fits a child's results is offered at the end of a reflection
    care: tuple[str, ...] = ()  # who is told of a child's alert, one after another: sourcedIds, roles, homeroom
    alert_urgent: int = 10  # minutes after which an urgent alert that nobody has seen goes to the next of them
    alert_soon: int = 60  # the same of the others
    talk_hours: int = 4  # hours of school after which an unread wish to talk goes to the next

    def window(self, phase: Phase, day: date, zone: ZoneInfo, *, short: bool = False) -> tuple[datetime, datetime]:
        """From when to when the prompt of a phase may go out; on a ``short`` day the reflection is earlier."""
        if phase is Phase.ANTICIPATION:
            start, end = self.anticipation, self.anticipation_until
        else:
            start, end = self.short_day_reflection if short else self.reflection, self.reflection_until
        return datetime.combine(day, start, zone), datetime.combine(day, end, zone)

    def nudge(self, phase: Phase) -> time | None:
        return self.anticipation_nudge if phase is Phase.ANTICIPATION else self.reflection_nudge

    def is_quiet(self, at: time) -> bool:
        """Whether children are left in peace at a time of day."""
        if self.quiet_from <= self.quiet_until:
            return self.quiet_from <= at < self.quiet_until
        return at >= self.quiet_from or at < self.quiet_until

    def quiet_after(self, moment: datetime) -> datetime:
        """When the next quiet hours begin after a moment in the school's time zone."""
        start = datetime.combine(moment.date(), self.quiet_from, moment.tzinfo)
        return start if start > moment else start + timedelta(days=1)

    def out_of_quiet(self, moment: datetime) -> datetime:
        """The moment itself, in the school's time zone, or when the quiet hours it lies in end."""
        if not self.is_quiet(moment.time()):
            return moment
        end = datetime.combine(moment.date(), self.quiet_until, moment.tzinfo)
        return end if end > moment else end + timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class SchoolTimes:
    """The rules of all schools."""

    default: Times = field(default_factory=Times)
    by_school: Mapping[str, Times] = field(default_factory=dict[str, Times])

    def of(self, school_id: str) -> Times:
        return self.by_school.get(school_id, self.default)

    def care_of(self, school_id: str) -> tuple[str, ...]:
        """Who is told of what its children ask for help with; () where it names nobody."""
        return self.of(school_id).care

    @staticmethod
    def load(path: Path) -> SchoolTimes:
        """From ``<data folder>/schools.yaml``; a file that is not there means the default rules everywhere.

        Raises ``ScheduleError`` naming the school and the entry that is wrong.
        """
        if not path.exists():
            return SchoolTimes()
        try:
            # Without YAML's own types: an unquoted 15:40 would be read as a number.
            content: object = yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader) or {}  # noqa: S506 -- builds text only
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ScheduleError(f"{path}: not readable as YAML: {in_one_line(error)}") from error
        if not isinstance(content, dict):
            raise ScheduleError(f"{path}: expected schools by sourcedId")
        schools = cast("dict[str, Any]", content)
        default = _times(path, "default", schools.pop("default", {}), Times())
        by_school = {school: _times(path, school, entry, default) for school, entry in schools.items()}
        return SchoolTimes(default=default, by_school=by_school)


def _times(path: Path, school: str, entry: Any, base: Times) -> Times:
    if not isinstance(entry, dict):
        raise ScheduleError(f"{path}: {school}: expected times such as anticipation: '08:20'")
    values: dict[str, Any] = {}
    for name, value in cast("dict[str, Any]", entry).items():
        if name not in READERS:
            raise ScheduleError(f"{path}: {school}: '{name}' is not one of {', '.join(READERS)}")
        try:
            values[name] = READERS[name](value)
        except (KeyError, TypeError, ValueError) as error:
            raise ScheduleError(f"{path}: {school}: {name}: {value!r} {EXPECTED[READERS[name]]}") from error
    times = replace(base, **values)
    _check(path, school, times)
    return times


def _check(path: Path, school: str, times: Times) -> None:
    def said(*names: str) -> str:
        return ", ".join(f"{name} {getattr(times, name):%H:%M}" for name in names if getattr(times, name) is not None)

    follow = ("anticipation", "anticipation_until", "reflection", "reflection_until")
    if not times.anticipation < times.anticipation_until <= times.reflection < times.reflection_until:
        raise ScheduleError(f"{path}: {school}: the times must follow each other within one day: {said(*follow)}")
    if not times.anticipation < times.short_day_reflection < times.reflection_until:
        names = ("anticipation", "short_day_reflection", "reflection_until")
        raise ScheduleError(f"{path}: {school}: the times must follow each other within one day: {said(*names)}")
    for name in ("alert_urgent", "alert_soon", "talk_hours"):
        if getattr(times, name) < 1:
            raise ScheduleError(f"{path}: {school}: {name}: 0 would tell everybody at once: the least is 1")
    if times.late < 1:
        raise ScheduleError(f"{path}: {school}: late: 0 minutes would let no reminder through: the least is 1")
    for phase in Phase:
        nudge, (start, end) = times.nudge(phase), (getattr(times, phase), getattr(times, f"{phase}_until"))
        if nudge is not None and not start < nudge < end:
            names = (phase.value, f"{phase}_nudge", f"{phase}_until")
            raise ScheduleError(f"{path}: {school}: the nudge must lie within its window: {said(*names)}")


def _time(value: str) -> time:
    read = time.fromisoformat(value)
    if read.tzinfo is not None:
        raise ValueError("the school's time zone holds")
    return read


def _time_or_off(value: str) -> time | None:
    return None if value == OFF else _time(value)


def _number(value: str) -> int:
    number = int(value)
    if not 0 <= number <= 1000:
        raise ValueError("out of range")
    return number


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in cast("list[Any]", value)):
        raise ValueError("no list")
    return tuple(cast("list[str]", value))


def _switch(value: str) -> bool:
    return {"true": True, "on": True, "false": False, OFF: False}[value.lower()]


EXPECTED: Mapping[Callable[[str], Any], str] = {
    _time: "is not a time such as '08:20' (without an offset: the school's time zone holds)",
    _time_or_off: "is not a time such as '16:30' (without an offset: the school's time zone holds), nor off",
    _number: "is not a whole number from 0 to 1000",
    _switch: "is neither true nor false",
    _names: "is not a list such as [homeroom, principal, ext:nurse]",
    LinePrompts: f"is not one of {', '.join(LinePrompts)}",
}
OPTIONAL = frozenset({"brief", "anticipation_nudge", "reflection_nudge"})
READERS: Mapping[str, Callable[[str], Any]] = {
    each.name: _time_or_off
    if each.name in OPTIONAL
    else LinePrompts
    if each.name == "line_prompts"
    else _switch
    if isinstance(each.default, bool)
    else _names
    if isinstance(each.default, tuple)
    else _number
    if isinstance(each.default, int)
    else _time
    for each in fields(Times)
}
