"""The contract of teacher questions worked out by hand: plain loops over days and children, no SQL, no cleverness.

Each rule is a function whose docstring says which sentence of the contract it follows. What the contract leaves open
is a field of ``Reading``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

import jpholiday

from knowledge.questions.model import Metric, Operator, Period, Phase, Reason, Scope, ScopeKind
from knowledge.records.assessments import Assessment
from knowledge.records.attendance import AttendanceEntry
from knowledge.records.calendar import CalendarDay
from knowledge.records.checkins import CheckIn
from knowledge.records.closures import Closure
from knowledge.records.collected import Collected
from knowledge.records.nurse_visits import NurseVisit
from knowledge.records.observations import Observation
from knowledge.records.replies import Reply
from knowledge.records.roster import Enrollment, Org, SchoolClass, User
from knowledge.records.study_log import StudyEntry
from knowledge.records.talk_requests import TalkRequest
from tests.oracle.world import TOKYO, Row, World

DAY = timedelta(days=1)
MOODS = {"sunny": 4, "cloudy": 3, "rainy": 2, "thunder": 1}
RATES = {
    Metric.ANTICIPATION_RATE: ("anticipation",),
    Metric.REFLECTION_RATE: ("reflection",),
    Metric.CHECKIN_RATE: ("anticipation", "reflection"),
}
ANSWERS = frozenset(  # what children say in a check-in
    {Metric.GOAL_ACHIEVEMENT, Metric.MOOD, Metric.LOW_MOOD_DAYS, Metric.MOOD_CHANGE, Metric.CONFIDENCE}
) | {Metric.REFLECTION_DEPTH}
COUNTS = frozenset({Metric.LOW_MOOD_DAYS, Metric.STUDY_MINUTES, Metric.QUESTIONS_ANSWERED, Metric.ABSENT_DAYS}) | {
    Metric.LATE_COUNT,
    Metric.EARLY_LEAVE_COUNT,
    Metric.NURSE_VISITS,
    Metric.OBSERVATIONS,
    Metric.AWAITING_REPLY,
    Metric.TALK_REQUESTS,
}
IMPORTED = {
    Metric.STUDY_MINUTES: "study-log",
    Metric.QUESTIONS_ANSWERED: "study-log",
    Metric.CORRECT_RATE: "study-log",
    Metric.ABSENT_DAYS: "attendance",
    Metric.LATE_COUNT: "attendance",
    Metric.EARLY_LEAVE_COUNT: "attendance",
    Metric.ATTENDANCE_RATE: "attendance",
    Metric.NURSE_VISITS: "nurse-visits",
    Metric.ASSESSMENT_SCORE: "assessments",
    Metric.OBSERVATIONS: "observations",
}
MARKS = {
    Metric.ABSENT_DAYS: ("absent_sick", "absent_other"),
    Metric.LATE_COUNT: ("late",),
    Metric.EARLY_LEAVE_COUNT: ("early_leave",),
}
OFF_REGISTER = ("suspended", "bereavement", "not_enrolled", "no_school_day")
AWAY = (*MARKS[Metric.ABSENT_DAYS], *OFF_REGISTER)

Who = Callable[[str, date], bool]  # whether what a child did on a day is asked about


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the contract leaves open, each as it is read here."""

    own_sees_self: bool = True  # children asked about themselves see what they kept to themselves
    list_hides_self: bool = True  # a total over children named one by one is a figure that names children
    expected_days_only: bool = False  # moods, goals … given on days off or of absence are not counted
    register_school_days_only: bool = False  # nor absences that the register has on days off
    low_mood_needs_moods: bool = True  # without any mood there is no zero
    unmarked_counts: bool = False  # questions of entries that do not say how many were correct are "answered"
    any_register: bool = True  # of a child in two homerooms, either one's register opens the day; else the first one's
    self_awaits_reply: bool = False  # reflections that nobody may read wait for a reply
    uncollected_in_n: bool = True  # children of schools that never sent the kind are in the scope of a sum
    outside_counts_for_list: bool = True  # a record outside the enrolments counts for a list of children
    secondary: bool = False  # a board is not given figures either, from which that of a small group could be worked out
    streak_of_class: bool = False  # in a class, only days in that class make a streak


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure; ``value`` None: there is none, and ``reasons`` may say why."""

    value: float | None
    n: int | None
    reasons: frozenset[Reason] = frozenset()
    members: frozenset[str] = frozenset()  # children of the scope
    givers: frozenset[str] = frozenset()  # children whose records are in the figure
    near_small: bool = False  # with what else is known it may tell the figure of a group too small to be shown


@dataclass(kw_only=True)
class Oracle:
    """A district as it stood at a moment."""

    world: World
    at: datetime
    reading: Reading = field(default_factory=Reading)

    # -- the roster -----------------------------------------------------------------------------------------------

    @cached_property
    def today(self) -> date:
        return self.at.astimezone(TOKYO).date()

    @cached_property
    def children(self) -> list[str]:
        return sorted({row["user_sourced_id"] for row in self.world.of(Enrollment) if row["role"] == "student"})

    @cached_property
    def _classes(self) -> Mapping[str, Row]:
        return {row["sourced_id"]: row for row in self.world.of(SchoolClass)}

    @cached_property
    def _grades(self) -> Mapping[str, str | None]:
        return {row["sourced_id"]: row["grade"] for row in self.world.of(User)}

    @cached_property
    def _enrolments(self) -> Mapping[str, list[Row]]:
        students = [row for row in self.world.of(Enrollment) if row["role"] == "student"]
        return _grouped(students, "user_sourced_id")

    @cached_property
    def _enrolled(self) -> dict[tuple[str, date], frozenset[str]]:
        return {}

    def classes_of(self, child: str, day: date) -> frozenset[str]:
        """Classes the child is enrolled in on the day; begin and end date are included, an empty one sets no limit."""
        if (child, day) not in self._enrolled:
            self._enrolled[child, day] = frozenset(
                row["class_sourced_id"]
                for row in self._enrolments.get(child, [])
                if (row["begin_date"] is None or row["begin_date"] <= day)
                and (row["end_date"] is None or day <= row["end_date"])
            )
        return self._enrolled[child, day]

    def homerooms_of(self, child: str, day: date) -> frozenset[str]:
        classes = self.classes_of(child, day)
        return frozenset(id for id in classes if self._classes[id]["class_type"] == "homeroom")

    def schools_of(self, child: str, day: date) -> set[str]:
        return {self._classes[id]["school_sourced_id"] for id in self.homerooms_of(child, day)}

    def grade_of(self, child: str, class_id: str) -> str | None:
        """The grade of a class of one grade; in a class of several each child has their own."""
        grades = self._classes[class_id]["grades"]
        return grades[0] if len(grades) == 1 else self._grades[child]

    def grades_of(self, child: str, day: date) -> set[str | None]:
        return {self.grade_of(child, id) for id in self.homerooms_of(child, day)}

    def who(self, scope: Scope) -> Who:
        """A record counts for the class in which the student was enrolled on that day; one outside all enrolments
        counts for the student and for no class."""
        ids = frozenset(scope.ids)
        match scope.kind:
            case ScopeKind.CLASS | ScopeKind.GRADE:
                return lambda child, day: bool(ids & self.classes_of(child, day))
            case ScopeKind.SCHOOL:
                return lambda child, day: bool(ids & self.schools_of(child, day))
            case ScopeKind.DISTRICT:
                schools = {row["sourced_id"] for row in self.world.of(Org) if row["parent_sourced_id"] in ids}
                return lambda child, day: bool(schools & self.schools_of(child, day))
            case ScopeKind.LIST if not self.reading.outside_counts_for_list:
                return lambda child, day: child in ids and bool(self.homerooms_of(child, day))
            case ScopeKind.STUDENT | ScopeKind.LIST:
                return lambda child, _: child in ids

    # -- days -----------------------------------------------------------------------------------------------------

    @cached_property
    def _calendar(self) -> Mapping[tuple[str, date], list[Row]]:
        rows: dict[tuple[str, date], list[Row]] = {}
        for row in self.world.of(CalendarDay):
            rows.setdefault((row["school_id"], row["date"]), []).append(row)
        return rows

    def is_shut(self, school: str, grade: str | None, class_id: str, day: date) -> bool:
        """A lead closed the school, the grade or the class: a closed day is no school day."""
        return any(
            row["school_id"] == school
            and row["first_day"] <= day
            and (row["last_day"] is None or day <= row["last_day"])
            and (not (row["grades"] or row["class_ids"]) or grade in row["grades"] or class_id in row["class_ids"])
            for row in self.world.of(Closure)
        )

    def has_school(self, school: str, grade: str | None, day: date) -> bool:
        """From the calendar where it lists the day (``event`` changes nothing, ``short_day`` is a school day, grades
        limit the row), otherwise Monday to Friday without national holidays."""
        for row in self._calendar.get((school, day), []):
            if row["kind"] != "event" and (not row["grades"] or grade in row["grades"]):
                return row["kind"] in ("school_day", "short_day")
        return day.weekday() <= 4 and not jpholiday.is_holiday(day)

    def school_day(self, child: str, day: date) -> bool:
        """Whether one of the child's homerooms has school that day, and none of them was closed (学級閉鎖)."""
        homerooms = [
            (self._classes[id]["school_sourced_id"], self.grade_of(child, id), id)
            for id in self.homerooms_of(child, day)
        ]
        if any(self.is_shut(school, None, id, day) for school, _, id in homerooms):
            return False
        return any(
            self.has_school(school, grade, day) and not self.is_shut(school, grade, id, day)
            for school, grade, id in homerooms
        )

    def days(self, period: Period) -> list[date]:
        """A period ends at the asking day at the latest."""
        end = min(period.end, self.today)
        return [period.start + n * DAY for n in range((end - period.start).days + 1)]

    @cached_property
    def _register(self) -> Mapping[tuple[str, date], str]:
        rows = [row for row in self.world.of(AttendanceEntry) if row["date"] <= self.today]
        return {(row["student_id"], row["date"]): row["status"] for row in rows}

    def expected(self, child: str, day: date) -> bool:
        """Enrolled in a homeroom, on a school day, and not marked away; without an entry, expected."""
        return self.school_day(child, day) and self._register.get((child, day)) not in AWAY

    # -- check-ins ------------------------------------------------------------------------------------------------

    @cached_property
    def _check_ins(self) -> Mapping[str, list[Row]]:
        """Check-ins finished or declined by now; one without its time counts from its day."""
        rows = [row for row in self.world.of(CheckIn) if row["status"] in ("finished", "declined")]
        known = [row for row in rows if row["date"] <= self.today]
        return _grouped((row for row in known if (row["answered_at"] or self.at) <= self.at), "student_id")

    @cached_property
    def _answered(self) -> frozenset[tuple[str, date, str]]:
        return frozenset(
            (row["student_id"], row["date"], row["phase"]) for rows in self._check_ins.values() for row in rows
        )

    def answered(self, child: str, day: date, phase: str) -> bool:
        """A finished check-in of that phase, or a decline."""
        return (child, day, phase) in self._answered

    def given(self, child: str, day: date, *, private: bool) -> list[Row]:
        """What a child said in the finished check-ins of a day; ``private``: with what they kept to themselves."""
        if self.reading.expected_days_only and not self.expected(child, day):
            return []
        return [
            row
            for row in self._check_ins.get(child, [])
            if row["date"] == day and row["status"] == "finished" and (private or row["visibility"] != "self")
        ]

    def moods(self, child: str, day: date, *, private: bool) -> list[int]:
        return [MOODS[row["mood"]] for row in self.given(child, day, private=private) if row["mood"]]

    # -- figures --------------------------------------------------------------------------------------------------

    def figure(
        self,
        metric: Metric,
        who: Who,
        days: Collection[date],
        *,
        private: bool,
        subject: str | None = None,
        title: str | None = None,
        schools: Collection[str] = ("east", "west"),
        classes: Collection[str] = (),
    ) -> Figure:
        """The metric over the days of ``days`` on which ``who`` holds. ``private``: answers marked ``self`` count, as
        they do in class rates and means and nowhere that names one student. ``schools``: those of the scope;
        ``classes``: its homerooms, where it is of classes."""
        asked = [(child, day) for child in self.children for day in days if who(child, day)]
        members = frozenset(child for child, day in asked if self.classes_of(child, day))
        kind = IMPORTED.get(metric)
        sent = {row["school_id"] for row in self.world.of(Collected) if row["kind"] == kind}
        if kind and not sent & {*schools}:
            return Figure(value=None, n=None, reasons=frozenset({Reason.NOT_COLLECTED}), members=members)
        if metric in RATES:
            return self._rate(asked, RATES[metric], members)
        if metric is Metric.ATTENDANCE_RATE:
            return self._attendance_rate(asked, members, classes)
        if metric in ANSWERS and metric is not Metric.LOW_MOOD_DAYS:
            return self._mean(metric, asked, members, subject, private=private)
        if metric in (Metric.CORRECT_RATE, Metric.ASSESSMENT_SCORE):
            return self._score(metric, asked, members, subject, title)
        amounts = [(child, self._amount(metric, child, day, subject, private=private)) for child, day in asked]
        silent = not any(self.moods(child, day, private=private) for child, day in asked)
        if metric is Metric.LOW_MOOD_DAYS and silent and self.reading.low_mood_needs_moods:
            return Figure(value=None, n=None, reasons=self._silence(asked), members=members)
        if not members and not any(amount for _, amount in amounts):
            return Figure(value=None, n=None, reasons=frozenset({Reason.NO_RECORDS}))
        n = len(members) or None  # of records outside all enrolments, which are the student's, nothing is said
        if kind and not self.reading.uncollected_in_n:
            n = len({child for child, day in asked if sent & self.schools_of(child, day)})
        givers = frozenset(child for child, amount in amounts if amount)
        return Figure(value=sum(amount for _, amount in amounts), n=n, members=members, givers=givers)

    def _rate(self, asked: list[tuple[str, date]], phases: tuple[str, ...], members: frozenset[str]) -> Figure:
        """Answered ÷ expected student-days, of ``checkin_rate`` phases ÷ (2 × expected). Only expected days count
        above the line, and a silent class has 0 %."""
        pairs = [(child, day, phase) for child, day in asked if self.expected(child, day) for phase in phases]
        return _share([(child, float(self.answered(child, day, phase))) for child, day, phase in pairs], 100, members)

    def _attendance_rate(
        self, asked: list[tuple[str, date]], members: frozenset[str], classes: Collection[str]
    ) -> Figure:
        """Attended ÷ (school days − suspended − bereavement). Without an entry attended if the class's register of the
        day has any entry, otherwise the day is outside. Days of no enrolment or no school are nobody's school days."""
        pairs: list[tuple[str, float]] = []
        for child, day in asked:
            mark = self._register.get((child, day))
            if not self.school_day(child, day) or mark in OFF_REGISTER:
                continue
            if mark is not None or self._has_register(child, day, classes):
                pairs.append((child, float(mark not in MARKS[Metric.ABSENT_DAYS])))
        return _share(pairs, 100, members)

    def _has_register(self, child: str, day: date, classes: Collection[str]) -> bool:
        """Whether the register of the child's class has any entry that day."""
        mine = self.homerooms_of(child, day)
        if not self.reading.any_register:
            mine = {min(mine & {*classes} or mine, key=lambda class_id: self._rank(child, class_id), default="")}
        return any((other, day) in self._register for other in self.children if mine & self.homerooms_of(other, day))

    def _rank(self, child: str, class_id: str) -> tuple[date, str]:
        """Which of a child's two classes comes first: the one whose enrolment began first."""
        return min(
            (row["begin_date"] or date.min, row["sourced_id"])
            for row in self.world.of(Enrollment)
            if (row["class_sourced_id"], row["user_sourced_id"]) == (class_id, child)
        )

    def _mean(
        self,
        metric: Metric,
        asked: list[tuple[str, date]],
        members: frozenset[str],
        subject: str | None,
        *,
        private: bool,
    ) -> Figure:
        """The mean of what was given; of the goals the share achieved or mostly achieved among those that say so."""
        pairs: list[tuple[str, float]] = []
        for child, day in asked:
            for row in self.given(child, day, private=private):
                value = _said(metric, row)
                if value is not None and subject in (None, row["subject"]):
                    pairs.append((child, value))
        found = _share(pairs, 100 if metric is Metric.GOAL_ACHIEVEMENT else 1, members)
        return found if pairs else Figure(value=None, n=None, reasons=self._silence(asked), members=members)

    def _score(
        self,
        metric: Metric,
        asked: list[tuple[str, date]],
        members: frozenset[str],
        subject: str | None,
        title: str | None,
    ) -> Figure:
        """Sum correct ÷ sum answered; or the mean of score ÷ full score, in points where one assessment is named."""
        if metric is Metric.CORRECT_RATE:
            studied = [
                (row["student_id"], row["answered"], row["correct"] or 0)
                for row in self._study_on(asked, subject)
                if row["answered"] and (row["correct"] is not None or self.reading.unmarked_counts)
            ]
            total = sum(answered for _, answered, _ in studied)
            value = 100 * sum(correct for *_, correct in studied) / total if total else None
            givers = frozenset(child for child, *_ in studied)
            reasons = frozenset({Reason.NO_RECORDS})
            return Figure(value=value, n=total or None, reasons=reasons, members=members, givers=givers)
        taken = [
            row for row in self._tests_on(asked) if subject in (None, row["subject"]) and (title or "") in row["title"]
        ]
        points = title is not None and len({(row["title"], row["subject"], row["max_score"]) for row in taken}) == 1
        pairs = [
            (row["student_id"], row["score"] if points else 100 * row["score"] / row["max_score"]) for row in taken
        ]
        return _share(pairs, 1, members)

    def _amount(self, metric: Metric, child: str, day: date, subject: str | None, *, private: bool) -> float:
        """What a child's day adds to a count or a sum."""
        match metric:
            case Metric.ABSENT_DAYS | Metric.LATE_COUNT | Metric.EARLY_LEAVE_COUNT:
                if self.reading.register_school_days_only and not self.school_day(child, day):
                    return 0
                return self._register.get((child, day)) in MARKS[metric]
            case Metric.LOW_MOOD_DAYS:  # student-days whose lowest mood is rainy or thunder
                return min(self.moods(child, day, private=private), default=4) <= 2
            case Metric.STUDY_MINUTES:
                return sum(row["duration_seconds"] or 0 for row in self._study_on([(child, day)], subject)) / 60
            case Metric.QUESTIONS_ANSWERED:
                return sum(row["answered"] or 0 for row in self._study_on([(child, day)], subject))
            case Metric.NURSE_VISITS:
                return len(self._on(NurseVisit, child, day, "visited_at"))
            case Metric.OBSERVATIONS:
                return sum(subject in (None, row["subject"]) for row in self.notes(child, day))
            case Metric.TALK_REQUESTS:  # made by now and not closed by now
                made = self._on(TalkRequest, child, day, "requested_at")
                return sum(row["closed_at"] is None or row["closed_at"] > self.at for row in made)
            case Metric.AWAITING_REPLY:
                return self._awaiting(child, day, subject)
            case _:
                raise ValueError(metric)

    def _awaiting(self, child: str, day: date, subject: str | None) -> int:
        """Reflections with text and no staff reply by now."""
        if self._on(Reply, child, day, "sent_at"):
            return 0
        return sum(
            row["phase"] == "reflection"
            and any(row[name] for name in ("went_well", "difficult", "next_step"))
            and subject in (None, row["subject"])
            for row in self.given(child, day, private=self.reading.self_awaits_reply)
        )

    def mood_change(self, who: Who, period: Period, *, private: bool) -> Figure:
        """Mean mood of the period minus that of as many days just before; needs three answers in each."""
        days = self.days(period)
        before = [day - len(days) * DAY for day in days]
        now = self.figure(Metric.MOOD, who, days, private=private)
        then = self.figure(Metric.MOOD, who, before, private=private)
        enough = (now.n or 0) >= 3 and (then.n or 0) >= 3
        value = now.value - then.value if enough and now.value is not None and then.value is not None else None
        reasons = frozenset({Reason.NO_RECORDS, Reason.NOT_ANSWERED})
        return Figure(value=value, n=None, reasons=reasons, members=now.members, givers=now.givers & then.givers)

    def streak(self, child: str, period: Period, who: Who) -> int | None:
        """Expected days in a row with an answered reflection up to the period's end, not cut at its start; today is not
        over and does not break it. None: there was no expected day."""
        end = self.days(period)[-1]
        days = [end - n * DAY for n in range(120)]
        if self.reading.streak_of_class:
            days = [day for day in days if who(child, day)]
        mine = [day for day in days if self.expected(child, day)]
        done = [self.answered(child, day, Phase.REFLECTION) for day in mine]
        if not mine:
            return None
        if mine[0] == self.today and not done[0]:
            done = done[1:]
        return done.index(False) if False in done else len(done)

    def missing(self, child: str, who: Who, period: Period, metric: Metric) -> int:
        """Expected days without an answered check-in of that phase. Without a phase: either phase of a past day, of
        today the one whose time it is, anticipation until 12:00."""
        count = 0
        for day in self.days(period):
            phases = RATES[metric]
            if metric is Metric.CHECKIN_RATE and day == self.today:
                phases = ("anticipation",) if self.at.astimezone(TOKYO).hour < 12 else ("reflection",)
            if who(child, day) and self.expected(child, day):
                count += not all(self.answered(child, day, phase) for phase in phases)
        return count

    def mood_counts(self, who: Who, days: Collection[date], *, private: bool) -> dict[str, int]:
        """How often each mood was given."""
        counts: dict[str, int] = dict.fromkeys(MOODS, 0)
        for child in self.children:
            for day in days:
                if who(child, day):
                    for row in self.given(child, day, private=private):
                        if row["mood"]:
                            counts[row["mood"]] += 1
        return counts

    # -- records --------------------------------------------------------------------------------------------------

    @cached_property
    def _by_day(self) -> dict[type, Mapping[tuple[str, date], list[Row]]]:
        return {}

    def _on(self, table: type, child: str, day: date, moment: str) -> list[Row]:
        """A child's rows of a day that were there by now."""
        if table not in self._by_day:
            rows: dict[tuple[str, date], list[Row]] = {}
            for row in self.world.of(table):
                if row[moment] <= self.at if moment != "date" else row["date"] <= self.today:
                    rows.setdefault((row["student_id"], row["date"]), []).append(row)
            self._by_day[table] = rows
        return self._by_day[table].get((child, day), [])

    def notes(self, child: str, day: date) -> list[Row]:
        """What staff noted about a child on a day."""
        return self._on(Observation, child, day, "recorded_at")

    def _study_on(self, asked: Iterable[tuple[str, date]], subject: str | None) -> list[Row]:
        rows = [row for child, day in asked for row in self._on(StudyEntry, child, day, "started_at")]
        return [row for row in rows if subject in (None, row["subject"])]

    def _tests_on(self, asked: Iterable[tuple[str, date]]) -> list[Row]:
        return [row for child, day in asked for row in self._on(Assessment, child, day, "date")]

    def subjects(self, metric: Metric) -> list[str]:
        """Every subject that the records of a metric name."""
        table = {"study-log": StudyEntry, "assessments": Assessment, "observations": Observation}
        rows = self.world.of(table.get(IMPORTED.get(metric, ""), CheckIn))
        return sorted({row["subject"] for row in rows if row["subject"]})

    def _silence(self, asked: list[tuple[str, date]]) -> frozenset[Reason]:
        """``no_records`` where nobody was asked, ``not_answered`` where somebody was. Where not even a decline is
        there, and where only on days off something is, either may be said."""
        reasons: set[Reason] = set()
        if not any((child, day, phase) in self._answered for child, day in asked for phase in Phase):
            reasons.add(Reason.NO_RECORDS)
        if any(self.expected(child, day) for child, day in asked):
            reasons.add(Reason.NOT_ANSWERED)
        return frozenset(reasons or {Reason.NO_RECORDS, Reason.NOT_ANSWERED})


def meets(op: Operator, value: float, wanted: float) -> bool:
    """以上 ≥, 以下 ≤, 未満 <, 超 >."""
    match op:
        case Operator.LESS:
            return value < wanted
        case Operator.AT_MOST:
            return value <= wanted
        case Operator.MORE:
            return value > wanted
        case Operator.AT_LEAST:
            return value >= wanted
        case Operator.EQUAL:
            return value == wanted
        case Operator.MISSING:
            raise ValueError(op)


def buckets(days: list[date], by: str) -> dict[date, list[date]]:
    """The days by the first day of their day, week (from Monday) or month that lies in the period."""
    found: dict[tuple[int, ...], list[date]] = {}
    for day in days:
        key = {"day": (day.toordinal(),), "week": day.isocalendar()[:2], "month": (day.year, day.month)}[by]
        found.setdefault(key, []).append(day)
    return {inside[0]: inside for inside in found.values()}


def _said(metric: Metric, row: Row) -> float | None:
    match metric:
        case Metric.MOOD:
            return MOODS[row["mood"]] if row["mood"] else None
        case Metric.CONFIDENCE:
            return row["confidence"]
        case Metric.REFLECTION_DEPTH:
            return row["depth"] if row["phase"] == "reflection" else None
        case _:
            if row["phase"] != "reflection" or row["achievement"] is None:
                return None
            return float(row["achievement"] in ("achieved", "mostly"))


def _share(pairs: list[tuple[str, float]], factor: int, members: frozenset[str]) -> Figure:
    """The mean of the pairs' figures, times ``factor``."""
    value = factor * sum(value for _, value in pairs) / len(pairs) if pairs else None
    givers = frozenset(child for child, _ in pairs)
    reasons = frozenset({Reason.NO_RECORDS})
    return Figure(value=value, n=len(pairs) or None, reasons=reasons, members=members, givers=givers)


def _grouped(rows: Iterable[Row], by: str) -> Mapping[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[by], []).append(row)
    return groups
