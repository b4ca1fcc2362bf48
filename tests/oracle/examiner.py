"""An answer held against the reference: what is wrong with it, in words.

Where the contract leaves a detail of one shape open, either is right here: rows of zero in a list without a condition,
the first day of a week that the period cuts, groups without data, whether the scope of a bucket is that of its days.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from knowledge.questions.model import (
    Answer,
    AnswerRow,
    Condition,
    GroupBy,
    Metric,
    Operator,
    Order,
    Period,
    Question,
    Reason,
    Scope,
    ScopeKind,
    Shape,
    Status,
)
from knowledge.records.roster import SchoolClass
from tests.oracle.reference import COUNTS, IMPORTED, MOODS, Figure, Oracle, Who, buckets, meets

SMALL = 5  # children; a group under this is not shown to a board
TOLERANCE = 0.01
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNITS = {
    Metric.MOOD: "1-4",
    Metric.CONFIDENCE: "1-5",
    Metric.REFLECTION_DEPTH: "0-4",
    Metric.STUDY_MINUTES: "min",
    Metric.MOOD_CHANGE: "points",
    Metric.LOW_MOOD_DAYS: "days",
    Metric.ABSENT_DAYS: "days",
    Metric.STREAK: "days",
    **dict.fromkeys((Metric.QUESTIONS_ANSWERED, Metric.LATE_COUNT, Metric.EARLY_LEAVE_COUNT), "count"),
    **dict.fromkeys((Metric.NURSE_VISITS, Metric.OBSERVATIONS), "count"),
    **dict.fromkeys((Metric.AWAITING_REPLY, Metric.TALK_REQUESTS), "count"),
}


@dataclass(frozen=True, kw_only=True)
class Examiner:
    """Judges answers given to one asker at one moment."""

    oracle: Oracle
    board: bool = False  # the asker sees groups of five and more only
    own: bool = False  # the asker is the child the question is about
    taught: str | None = None  # the asker teaches a subject: study log and tests are of this one

    def complaints(self, asked: Question, got: Answer) -> list[str]:
        """What of the answer is not as the contract has it; empty: all of it is right."""
        if self.taught and IMPORTED.get(asked.metric or Metric.MOOD) in ("study-log", "assessments"):
            asked = replace(asked, subject=self.taught)
        if got.status not in (Status.ANSWERED, Status.EMPTY):
            return [f"status {got.status}, reason {got.reason}"]
        if got.status is Status.EMPTY and got.rows and all(row.value is not None for row in got.rows):
            return ["empty, with rows"]
        match asked.shape:
            case Shape.VALUE if asked.metric is not Metric.STREAK or asked.scope.kind is ScopeKind.STUDENT:
                found = self._value(self.figure(asked), got)
            case Shape.VALUE | Shape.STUDENTS:
                found = self._students(asked, got)
            case Shape.TREND:
                found = self._trend(asked, got)
            case Shape.BREAKDOWN:
                found = self._breakdown(asked, got)
            case Shape.COMPARE:
                found = self._compare(asked, got)
            case Shape.OVERVIEW:
                found = self._overview(asked, got)
            case Shape.TEXTS:
                found = self._texts(asked, got)
        return [*found, *self._unit(asked, got)]

    # -- figures --------------------------------------------------------------------------------------------------

    def figure(
        self,
        asked: Question,
        *,
        days: Collection[date] | None = None,
        who: Who | None = None,
        child: str | None = None,
        class_id: str | None = None,
    ) -> Figure:
        """The figure of a question, or of a part of it: of some days, of those whom ``who`` holds for, of one child
        or of one class."""
        metric, oracle = asked.metric, self.oracle
        assert metric
        within = oracle.who(asked.scope)
        base = who or within

        def counted(name: str, day: date) -> bool:
            return child in (None, name) and base(name, day)

        private = child is None and self._private(asked.scope)
        inside = oracle.days(asked.period) if days is None else days
        if metric is Metric.MOOD_CHANGE:
            inside = sorted(inside)
            span = Period(start=inside[0], end=inside[-1], label="") if inside else asked.period
            return oracle.mood_change(counted, span, private=private)
        if metric is Metric.STREAK:
            streak = oracle.streak(child or asked.scope.ids[0], asked.period, base)
            members = frozenset(
                name
                for name in oracle.children
                for day in inside
                if counted(name, day) and oracle.homerooms_of(name, day)
            )
            return Figure(value=streak, n=None, reasons=frozenset({Reason.NO_RECORDS}), members=members)
        classes = asked.scope.ids if asked.scope.kind is ScopeKind.CLASS else ()
        figure = oracle.figure(
            metric,
            counted,
            inside,
            private=private,
            subject=asked.subject,
            title=asked.title,
            schools=self.schools(asked.scope) if class_id is None else {self._school_of(class_id)},
            classes=classes if class_id is None else (class_id,),
        )
        # Of a bucket of several days the most who gave something on one of them are known, not how many all together.
        by_days = asked.shape is Shape.TREND or asked.group_by is GroupBy.WEEKDAY
        return replace(figure, near_small=asked.scope.kind is ScopeKind.GRADE or by_days)

    def _private(self, scope: Scope) -> bool:
        """Whether answers marked ``self`` are in the figure of a scope: not where it names a child."""
        named = scope.kind is ScopeKind.STUDENT or (
            scope.kind is ScopeKind.LIST and self.oracle.reading.list_hides_self
        )
        return not named or (self.own and self.oracle.reading.own_sees_self)

    def schools(self, scope: Scope) -> set[str]:
        match scope.kind:
            case ScopeKind.CLASS | ScopeKind.GRADE:
                return {self._school_of(id) for id in scope.ids}
            case ScopeKind.SCHOOL:
                return {*scope.ids}
            case ScopeKind.DISTRICT:
                return {"east", "west"}
            case ScopeKind.STUDENT | ScopeKind.LIST:
                return {"west" if id[0] in "wx" else "east" for id in scope.ids}

    def row_figures(self, asked: Question) -> dict[str, Figure]:
        """The figure of every child enrolled on at least one day of the period, without those who have none."""
        who, days = self.oracle.who(asked.scope), self.oracle.days(asked.period)
        children = [child for child in self.oracle.children if any(who(child, day) for day in days)]
        figures = {child: self.figure(asked, child=child) for child in children}
        return {child: figure for child, figure in figures.items() if figure.value is not None}

    def with_figure(self, asked: Question) -> Question:
        """The question with a figure in its condition that divides the children, and that no rounding decides: one of
        theirs where that is a whole number. A condition without an operator that needs one stays as it is."""
        if asked.condition is None or asked.condition.op is Operator.MISSING:
            return asked
        values = sorted(figure.value for figure in self.row_figures(asked).values() if figure.value is not None)
        wanted = values[len(values) // 2] if values else 1.0
        if wanted != int(wanted):
            wanted += 0.01
            while any(0 < abs(value - wanted) < 0.008 for value in values):
                wanted += 0.01
        return replace(asked, condition=replace(asked.condition, value=wanted))

    # -- shapes ---------------------------------------------------------------------------------------------------

    def _value(self, figure: Figure, got: Answer) -> list[str]:
        if got.status is Status.EMPTY:
            if self._hidden(figure, got.reason) or not (figure.members or figure.value):
                return []  # of a small group, or of nobody who was enrolled
            if figure.value is not None or got.reason not in figure.reasons:
                return [f"empty {got.reason}, should be {_shown(figure)}"]
            return []
        return self._row("", figure, got.value, got.n, got.reason)

    def _students(self, asked: Question, got: Answer) -> list[str]:
        condition = asked.condition or Condition(op=Operator.AT_LEAST, value=float("-inf"))
        if condition.op is Operator.MISSING:
            return self._missing(asked, got)
        figures = self.row_figures(asked)
        if not figures:
            total = self.figure(asked) if asked.metric is not Metric.STREAK else Figure(value=None, n=None)
            allowed = _without(total).reasons
            ok = got.status is Status.EMPTY and got.reason in allowed and not got.rows
            return [] if ok else [f"{got.status} {got.reason} {len(got.rows)} rows, should be empty {set(allowed)}"]
        if got.status is not Status.ANSWERED:
            nobody = asked.condition is None and asked.metric in COUNTS and not any(f.value for f in figures.values())
            return (
                []
                if nobody and got.reason is Reason.NO_RECORDS
                else [f"empty {got.reason}, should list {len(figures)}"]
            )
        wanted = condition.value if condition.value is not None else float("-inf")
        listed = {
            child: figure
            for child, figure in figures.items()
            if figure.value is not None and meets(condition.op, figure.value, wanted)
        }
        lists = [listed]
        if asked.condition is None and asked.metric in COUNTS:
            lists.append({child: figure for child, figure in listed.items() if figure.value})
        found = [self._list(asked, each, got) for each in lists]
        return [] if [] in found else found[0]

    def _list(self, asked: Question, listed: dict[str, Figure], got: Answer) -> list[str]:
        rows = {row.id: row for row in got.rows}
        size = min(asked.limit or len(listed), len(listed))
        if len(rows) != len(got.rows) or len(rows) != size or not rows.keys() <= listed.keys():
            too_many, too_few = sorted(rows.keys() - listed.keys()), sorted(listed.keys() - rows.keys())
            return [f"{len(got.rows)} rows, should be {size}; too many {too_many}, not there {too_few}"]
        found: list[str] = []
        for id, row in rows.items():
            figure = listed[id]
            ns = {None, 1} if asked.metric in COUNTS else {figure.n}
            found += self._row(id, figure, row.value, row.n, row.reason, ns=ns)
        if asked.order:
            figures = [each.value for each in listed.values() if each.value is not None]
            values = sorted(figures, reverse=asked.order is Order.DESCENDING)
            for value, row in zip(values, got.rows, strict=False):
                if not _close(value, row.value):
                    return [*found, f"order: {[(row.id, row.value) for row in got.rows]}, should be {values}"]
        return found

    def _missing(self, asked: Question, got: Answer) -> list[str]:
        oracle, metric = self.oracle, asked.metric
        assert metric
        who, days = oracle.who(asked.scope), oracle.days(asked.period)
        if not any(who(child, day) and oracle.expected(child, day) for child in oracle.children for day in days):
            ok = got.status is Status.EMPTY and got.reason is Reason.NO_RECORDS
            return [] if ok else [f"{got.status} {got.reason}, nobody was expected"]
        counts = {child: oracle.missing(child, who, asked.period, metric) for child in oracle.children}
        wanted = {child: count for child, count in counts.items() if count}
        given = {row.id: row.value for row in got.rows}
        if got.status is not Status.ANSWERED or given != wanted or len(given) != len(got.rows):
            return [f"{got.status} {given}, should be {wanted}"]
        return []

    def _trend(self, asked: Question, got: Answer) -> list[str]:
        days = self.oracle.days(asked.period)
        by = asked.group_by or (GroupBy.DAY if len(days) <= 14 else GroupBy.WEEK if len(days) <= 120 else GroupBy.MONTH)
        parts = buckets(days, by.value)
        figures = _beside({str(first): self.figure(asked, days=inside) for first, inside in parts.items()})
        whole = self.figure(asked)
        if all(figure.value is None for figure in figures.values()):
            return self._value(_without(whole), got)
        if got.status is Status.EMPTY:
            shown = [figure for figure in figures.values() if not self._hidden(figure, Reason.SMALL_GROUP)]
            ok = self.board and got.reason is Reason.SMALL_GROUP and not shown
            return [] if ok else [f"empty {got.reason}, should be a trend"]
        ids = [row.id for row in got.rows]
        names = [_bucket_names(first, by) for first in parts]
        if len(ids) != len(names) or any(id not in allowed for id, allowed in zip(ids, names, strict=True)):
            return [f"buckets {ids}, should be {names}"]
        found: list[str] = []
        for (first, inside), row in zip(parts.items(), got.rows, strict=True):
            figure = figures[str(first)]
            idle = not any(self.oracle.school_day(child, day) for child in figure.members for day in inside)
            ns = {figure.n, whole.n} if asked.metric in COUNTS else {figure.n}
            if not (figure.value == 0 and row.value is None and idle):
                found += self._row(row.id, figure, row.value, row.n, row.reason, ns=ns)
        return found

    def _breakdown(self, asked: Question, got: Answer) -> list[str]:
        if asked.group_by is GroupBy.MOOD:
            return self._mood_breakdown(asked, got)
        groups = _beside(self._groups(asked))
        if all(figure.value is None for figure in groups.values()):
            whole = self.figure(asked)
            return self._value(_without(whole), got)
        if got.status is Status.EMPTY:
            ok = got.reason is Reason.SMALL_GROUP and all(self._hidden(f, got.reason) for f in groups.values())
            ok = ok or (got.reason is Reason.NO_RECORDS and not any(figure.value for figure in groups.values()))
            return [] if ok else [f"empty {got.reason}, should have {len(groups)} groups"]
        rows = {row.id: row for row in got.rows if row.id}
        strange = rows.keys() - groups.keys()
        if strange or len({row.id for row in got.rows}) != len(got.rows):
            return [f"groups {[row.id for row in got.rows]}, should be {list(groups)}"]
        members = len(self.figure(asked).members)
        found: list[str] = []
        for id, figure in groups.items():
            row = rows.get(id)
            if row is None:
                idle = asked.group_by in (GroupBy.WEEKDAY, GroupBy.SUBJECT) and not figure.value
                found += [] if figure.value is None or idle else [f"no group {id}, should be {_shown(figure)}"]
            else:
                ns = {figure.n, members} if asked.metric in COUNTS and asked.group_by is GroupBy.WEEKDAY else {figure.n}
                if not (row.value is None and not figure.value and asked.group_by is GroupBy.WEEKDAY):
                    found += self._row(id, figure, row.value, row.n, row.reason, ns=ns)
        if asked.group_by is GroupBy.WEEKDAY and not asked.order:
            found += _in_order(got.rows, WEEKDAYS)
        return found

    def _groups(self, asked: Question) -> dict[str, Figure]:
        oracle, within, days = self.oracle, self.oracle.who(asked.scope), self.oracle.days(asked.period)
        match asked.group_by:
            case GroupBy.WEEKDAY:
                parts = {name: [day for day in days if day.weekday() == n] for n, name in enumerate(WEEKDAYS)}
                return {name: self.figure(asked, days=inside) for name, inside in parts.items() if inside}
            case GroupBy.SUBJECT:
                assert asked.metric
                names = [asked.subject] if asked.subject else oracle.subjects(asked.metric)
                return {name: self.figure(replace(asked, subject=name)) for name in names}
            case GroupBy.GRADE:
                return {
                    grade: self.figure(
                        asked,
                        who=lambda name, day, grade=grade: within(name, day) and grade in oracle.grades_of(name, day),
                    )
                    for grade in ("P3", "P4", "P5", "P6")
                }
            case GroupBy.SCHOOL:
                schools = self.schools(asked.scope)
                return {
                    id: self.figure(replace(asked, scope=Scope(kind=ScopeKind.SCHOOL, ids=(id,), label="")))
                    for id in schools
                }
            case _:
                rooms = [row["sourced_id"] for row in oracle.world.of(SchoolClass) if row["class_type"] == "homeroom"]
                return {
                    room: self.figure(
                        asked,
                        who=lambda name, day, room=room: within(name, day) and room in oracle.homerooms_of(name, day),
                        class_id=room,
                    )
                    for room in rooms
                    if self._school_of(room) in self.schools(asked.scope)
                    and (asked.scope.kind not in (ScopeKind.CLASS, ScopeKind.GRADE) or room in asked.scope.ids)
                }

    def _mood_breakdown(self, asked: Question, got: Answer) -> list[str]:
        figure = self.figure(replace(asked, metric=Metric.MOOD))
        counts = self.oracle.mood_counts(
            self.oracle.who(asked.scope),
            self.oracle.days(asked.period),
            private=self._private(asked.scope),
        )
        if figure.value is None or got.status is Status.EMPTY:
            return self._value(figure, got)
        total, found = sum(counts.values()), list[str]()
        rows = {row.id: row for row in got.rows}
        if self.board and all(row.reason is Reason.SMALL_GROUP for row in got.rows) and len(figure.givers) < SMALL:
            return []
        for mood, count in counts.items():
            row = rows.get(mood)
            if row is None or row.value != count or row.n != total:
                hidden = self.board and row is not None and row.reason is Reason.SMALL_GROUP and row.value is None
                if not hidden and (row is not None or count):
                    found.append(f"{mood}: {row and (row.value, row.n)}, should be {(count, total)}")
        return found + [f"strange {id}" for id in rows.keys() - MOODS.keys()] + _in_order(got.rows, tuple(MOODS))

    def _compare(self, asked: Question, got: Answer) -> list[str]:
        sides = [asked]
        for side in asked.compare:
            sides.append(replace(asked, period=side) if isinstance(side, Period) else replace(asked, scope=side))
        figures = [*_beside({str(number): self.figure(side) for number, side in enumerate(sides)}).values()]
        if got.status is Status.EMPTY:
            empty = all(each.value is None or self._hidden(each, Reason.SMALL_GROUP) for each in figures)
            return [] if empty else [f"empty {got.reason}, should be {[_shown(each) for each in figures]}"]
        if len(got.rows) != len(sides):
            return [f"{len(got.rows)} rows, should be {len(sides)}"]
        found: list[str] = []
        for number, (figure, row) in enumerate(zip(figures, got.rows, strict=True)):
            found += self._row(f"side {number}", figure, row.value, row.n, row.reason)
        first, second = got.rows[0].value, got.rows[1].value
        wanted = None
        if first is not None and second is not None and not isinstance(first, str) and not isinstance(second, str):
            wanted = (figures[0].value or 0) - (figures[1].value or 0)
        # two figures rounded to two places are up to 0.01 from the difference of the unrounded ones
        return (
            found if _close(wanted, got.difference, 0.0151) else [*found, f"difference {got.difference} not {wanted}"]
        )

    def _overview(self, asked: Question, got: Answer) -> list[str]:
        if got.status is Status.EMPTY:
            metrics = set(Metric) - {Metric.STREAK, Metric.MOOD_CHANGE}
            known = [each for each in metrics if self.figure(replace(asked, metric=each)).value]
            return [f"empty {got.reason}, though there is {known}"] if known else []
        found = [] if len(got.rows) >= 4 else [f"only {[row.id for row in got.rows]}"]
        for row in got.rows:
            metric = Metric(row.id)
            if metric is Metric.STREAK and asked.scope.kind is not ScopeKind.STUDENT:
                found.append("streak of a class is a list")
                continue
            one = replace(asked, metric=metric)
            found += self._row(row.id, self.figure(one), row.value, row.n, row.reason)
            if metric in UNITS and row.unit not in (UNITS[metric], None):
                found.append(f"{row.id} in {row.unit}")
        return found

    def _texts(self, asked: Question, got: Answer) -> list[str]:
        """One row per check-in with text, its fields joined by newlines; none kept to themselves by others."""
        wanted = {key: lines for key, lines in self._written(asked).items() if lines}
        if not wanted:
            return [] if not got.rows else [f"{len(got.rows)} texts, should be none"]
        given: dict[tuple[str, date | None, str | None], str] = {}
        for row in got.rows:
            key = (row.id, row.day, row.phase and row.phase.value)
            if key in given:
                return [f"{key} twice"]
            given[key] = str(row.value)
        found = [f"no text of {key}" for key in wanted.keys() - given.keys()]
        allowed = self._written(asked)
        for key, text in given.items():
            if key not in allowed:
                found.append(f"text of {key} should not be there")
            elif not {*allowed[key]} <= {*text.split("\n")}:
                found.append(f"text of {key} is {text!r}, should have {allowed[key]}")
        return found

    def _written(self, asked: Question) -> dict[tuple[str, date | None, str | None], list[str]]:
        oracle, who = self.oracle, self.oracle.who(asked.scope)
        private = self.own and oracle.reading.own_sees_self
        texts: dict[tuple[str, date | None, str | None], list[str]] = {}
        for child in oracle.children:
            for day in oracle.days(asked.period):
                if not who(child, day):
                    continue
                if asked.metric is Metric.OBSERVATIONS:
                    notes = oracle.notes(child, day)
                    if notes:
                        texts[child, day, None] = [note["text"] for note in notes]
                    continue
                for row in oracle.given(child, day, private=private):
                    if asked.phase in (None, row["phase"]):
                        names = ("goal", "plan", "went_well", "difficult", "next_step")
                        texts[child, day, row["phase"]] = [row[name] for name in names if row[name]]
        return texts

    # -- one figure -----------------------------------------------------------------------------------------------

    def _row(
        self,
        name: str,
        figure: Figure,
        value: float | str | None,
        n: int | None,
        reason: Reason | None,
        *,
        ns: Iterable[int | None] | None = None,
    ) -> list[str]:
        if self._hidden(figure, reason):
            return [] if value is None else [f"{name}: {value} of a small group, with its reason"]
        if self.board and 0 < len(figure.members) < SMALL and value is not None:
            return [f"{name}: {value} of a group of {len(figure.members)}"]
        if not figure.members and not figure.value and not value:
            return []  # nobody was enrolled: zero or nothing
        allowed = {figure.n} if ns is None else {*ns}
        wrong_n = figure.n is not None and n not in allowed and figure.value is not None
        if not _close(figure.value, value) or wrong_n:
            return [f"{name}: {value} (n {n}, {reason}), should be {_shown(figure)}"]
        return []

    def _hidden(self, figure: Figure, reason: Reason | None) -> bool:
        """Rightly suppressed: to a board, a group under five; a figure that comes from under five may be one too."""
        small = _fewest(figure) < SMALL or (figure.near_small and self.oracle.reading.secondary)
        return self.board and reason is Reason.SMALL_GROUP and small

    def _unit(self, asked: Question, got: Answer) -> list[str]:
        if asked.metric is None or got.status is not Status.ANSWERED or asked.shape is Shape.TEXTS:
            return []
        unit = UNITS.get(asked.metric, "%")
        if asked.condition and asked.condition.op is Operator.MISSING:
            unit = "days"
        if asked.title or asked.group_by is GroupBy.MOOD or got.unit == unit:
            return []
        return [f"unit {got.unit}, should be {unit}"]

    def _school_of(self, class_id: str) -> str:
        rows = self.oracle.world.of(SchoolClass)
        return next(row["school_sourced_id"] for row in rows if row["sourced_id"] == class_id)


def _bucket_names(first: date, by: GroupBy) -> set[str]:
    """A bucket cut by the period's start begins there, or on its Monday or first of the month."""
    whole = first
    if by is GroupBy.WEEK:
        whole = date.fromisocalendar(*first.isocalendar()[:2], 1)
    elif by is GroupBy.MONTH:
        whole = first.replace(day=1)
    return {first.isoformat(), whole.isoformat()}


def _fewest(figure: Figure) -> int:
    return min(len(figure.members), len(figure.givers))


def _beside(figures: dict[str, Figure]) -> dict[str, Figure]:
    """The figures of one answer: where one of them is of a small group, all are near one."""
    small = any(figure.members and _fewest(figure) < SMALL for figure in figures.values())
    return {id: replace(figure, near_small=figure.near_small or small) for id, figure in figures.items()}


def _without(figure: Figure) -> Figure:
    """No figure where every part of one has none."""
    collected = Reason.NOT_COLLECTED not in figure.reasons
    either = frozenset({Reason.NO_RECORDS, Reason.NOT_ANSWERED})
    return replace(figure, value=None, reasons=either if collected else figure.reasons)


def _in_order(rows: Sequence[AnswerRow], names: Sequence[str]) -> list[str]:
    ids = [row.id for row in rows]
    return [] if ids == [name for name in names if name in ids] else [f"order {ids}"]


def _close(wanted: float | None, value: float | str | None, tolerance: float = TOLERANCE) -> bool:
    if wanted is None or value is None or isinstance(value, str):
        return wanted is value
    return abs(wanted - value) <= tolerance


def _shown(figure: Figure) -> str:
    return f"{figure.value} (n {figure.n}, {sorted(figure.reasons)}, {len(figure.members)} children)"
