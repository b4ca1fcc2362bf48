"""Figures and shapes of teacher questions, rule by rule, on both databases. The district is that of
``tests.builders.district``; questions are the principal's of school east, about 4-2 and the week, asked on Friday
evening, unless a test says otherwise.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from knowledge.db import Database
from knowledge.questions.answer import UnsupportedQuestionError
from knowledge.questions.metrics import catalogue
from knowledge.questions.model import (
    Condition,
    GroupBy,
    Metric,
    Operator,
    Order,
    Phase,
    Question,
    Reason,
    Scope,
    ScopeKind,
    Shape,
    Status,
)
from knowledge.records.calendar import CalendarDay
from knowledge.records.nurse_visits import NurseVisit
from knowledge.records.observations import Observation
from knowledge.records.replies import Reply
from knowledge.records.talk_requests import TalkRequest
from tests.builders.district import (
    C41,
    C42,
    C51,
    CITY,
    EAST,
    FRI,
    M42,
    MON,
    THU,
    TOKYO,
    TUE,
    WED,
    WEST,
    ask,
    check_in,
    collects,
    enroll,
    figures,
    mark,
    period,
    put,
    question,
    sit_test,
    student,
    study,
    with_district,
)

M = Metric
MORNING, AFTERNOON = Phase.ANTICIPATION, Phase.REFLECTION
NOT_SENT = (Status.EMPTY, Reason.NOT_COLLECTED)
NOTHING = (Status.EMPTY, Reason.NO_RECORDS)
SILENCE = (Status.EMPTY, Reason.NOT_ANSWERED)
SMALL = (Status.EMPTY, Reason.SMALL_GROUP)
SATURDAY = date(2026, 5, 16)
LAST_MONDAY = date(2026, 5, 4)  # a holiday


@pytest.fixture
async def school(database: Database) -> AsyncIterator[Database]:
    await with_district(database)
    yield database


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=TOKYO)


def over(op: Operator, value: float) -> Condition:
    return Condition(op=op, value=value)


AT_LEAST, BELOW = Operator.AT_LEAST, Operator.LESS


async def test_every_metric_has_an_answer_in_every_shape_or_no_meaning_in_it(school: Database):
    await collects(school, "attendance", "nurse-visits", "study-log", "assessments", "observations")
    await some_of_everything(school)
    answered: set[tuple[Metric, Shape]] = set()
    for metric in Metric:
        for shape in Shape:
            for group in (None, *GroupBy) if shape in (Shape.TREND, Shape.BREAKDOWN) else (None,):
                for scope, by in ((C42, "head"), (student("b1"), "head"), (EAST, "board"), (CITY, "board")):
                    sides = (period(MON),) if shape is Shape.COMPARE else ()
                    try:
                        given = await ask(school, question(metric, shape, scope, group_by=group, compare=sides), by=by)
                    except UnsupportedQuestionError:
                        continue
                    assert given.status is Status.ANSWERED or given.reason is not None
                    if given.status is Status.ANSWERED:
                        answered.add((metric, shape))
    plain = {Shape.VALUE, Shape.STUDENTS, Shape.COMPARE, Shape.OVERVIEW}
    assert {(metric, shape) for metric in Metric for shape in plain} <= answered
    timed = set(Metric) - {M.MOOD_CHANGE, M.STREAK}
    assert {(metric, shape) for metric in timed for shape in (Shape.TREND, Shape.BREAKDOWN)} <= answered


async def some_of_everything(school: Database) -> None:
    for back in range(10):
        day = MON - timedelta(days=7) + timedelta(days=back)
        await check_in(school, "b1", day, MORNING, mood="rainy", confidence=3)
        await check_in(school, "b1", day, went_well="あ", achievement="mostly", depth=2)
    await mark(school, "late", MON, "b1")
    await study(school, "b1", MON, subject="算数", answered=10, correct=5, duration_seconds=600)
    await sit_test(school, "b1", 40)
    await visit(school, "b1", MON)
    await note(school, "b1", MON)
    await wish(school, "b1", MON)


async def visit(school: Database, id: str, day: date, hour: int = 10) -> None:
    await put(school, NurseVisit, {"student_id": id, "date": day, "visited_at": at(day, hour)})


async def note(school: Database, id: str, day: date, text: str = "元気", by: str = "tanaka", **more: Any) -> None:
    row = {"student_id": id, "date": day, "recorded_at": at(day, 16), "recorded_by": by, "text": text}
    await put(school, Observation, row | more)


async def wish(school: Database, id: str, day: date, closed: datetime | None = None) -> None:
    row = {"id": f"{id}-{day}", "student_id": id, "date": day, "requested_at": at(day, 12)}
    await put(school, TalkRequest, row | {"closed_at": closed, "closed_by": closed and "tanaka"})


async def reply(school: Database, id: str, day: date, sent: datetime) -> None:
    row = {"id": f"{id}-{day}", "student_id": id, "date": day, "author_id": "tanaka", "text": "よし", "sent_at": sent}
    await put(school, Reply, row)


async def on_calendar(school: Database, kind: str, day: date, *grades: str) -> None:
    row = {"school_id": "east", "date": day, "kind": kind, "grades": [*grades], "grades_key": ";".join(grades)}
    await put(school, CalendarDay, row)


class TestExpectedStudents:
    @pytest.mark.parametrize(
        "status", ["absent_sick", "absent_other", "suspended", "bereavement", "not_enrolled", "no_school_day"]
    )
    async def test_nothing_is_expected_of_who_is_away(self, school: Database, status: str):
        await mark(school, status, FRI, "b1")
        await check_in(school, "b1", FRI)  # neither below nor above the line
        await check_in(school, "b2", FRI)
        given = await ask(school, question(M.REFLECTION_RATE, during=period(FRI)))
        assert (given.value, given.n) == (20.0, 5)
        missing = question(M.REFLECTION_RATE, Shape.STUDENTS, during=period(FRI), condition=MISSING)
        assert [*figures(await ask(school, missing))] == ["b3", "b4", "b5", "mover"]

    @pytest.mark.parametrize("status", ["present", "late", "early_leave", "attend_nurse_room"])
    async def test_who_came_is_expected(self, school: Database, status: str):
        await mark(school, status, FRI, "b1")
        assert (await ask(school, question(M.REFLECTION_RATE, during=period(FRI)))).n == 6

    async def test_an_event_changes_nothing_and_a_row_for_some_grades_is_theirs(self, school: Database):
        await on_calendar(school, "event", FRI)
        await on_calendar(school, "short_day", SATURDAY)
        await on_calendar(school, "closed", THU, "P5")
        await check_in(school, "e1", THU)
        await check_in(school, "e2", FRI)
        given = await ask(school, question(M.REFLECTION_RATE, Shape.BREAKDOWN, EAST, period(THU, FRI)))
        assert [(row.id, row.value, row.n) for row in given.rows] == [("P4", 0.0, 24), ("P5", 33.33, 3)]
        by_day = await ask(school, question(M.REFLECTION_RATE, Shape.TREND, EAST, period(THU, FRI)))
        assert [(row.value, row.n) for row in by_day.rows] == [(0.0, 12), (6.67, 15)]
        late = at(SATURDAY, 20)
        assert (await ask(school, question(M.REFLECTION_RATE, during=period(SATURDAY)), at=late)).n == 6

    async def test_one_enrolled_twice_in_the_scope_counts_once(self, school: Database):
        await enroll(school, "b1", "c41", begin=WED, number=20)
        await check_in(school, "b1", FRI, mood="sunny")
        both = Scope(kind=ScopeKind.CLASS, ids=("c41", "c42"), label="")
        given = await ask(school, question(M.REFLECTION_RATE, scope=both, during=period(FRI)))
        assert (given.n, given.students) == (12, 12)
        assert (await ask(school, question(M.MOOD, scope=EAST, during=period(FRI)))).n == 1
        by_class = await ask(school, question(M.MOOD, Shape.BREAKDOWN, both, period(FRI), group_by=GroupBy.CLASS))
        assert figures(by_class) == {"c41": 4.0, "c42": 4.0}

    async def test_a_record_is_of_the_class_of_its_day(self, school: Database):
        await check_in(school, "mover", TUE, mood="rainy")
        await check_in(school, "mover", WED, mood="sunny")
        assert (await ask(school, question(M.MOOD, scope=C41))).value == 2
        assert (await ask(school, question(M.MOOD, scope=C42))).value == 4
        assert (await ask(school, question(M.MOOD, scope=student("mover")))).value == 3

    async def test_a_list_has_whoever_was_in_the_class_on_a_day_of_the_period(self, school: Database):
        given = await ask(school, question(M.CHECKIN_RATE, Shape.STUDENTS, C41))
        assert [(row.id, row.n) for row in given.rows][-1] == ("mover", 4)

    async def test_a_record_outside_the_enrolments_is_the_childs_and_no_classs(self, school: Database):
        await enroll(school, "w1", "c51", begin=FRI, number=9)
        await collects(school, "nurse-visits", "study-log")
        await visit(school, "w1", FRI)
        await enroll(school, "board", "c51", begin=FRI)  # a child new in town: nothing before Friday
        await visit(school, "board", THU)
        assert (await ask(school, question(M.NURSE_VISITS, scope=C51))).value == 1
        assert (await ask(school, question(M.NURSE_VISITS, scope=student("board")))).value == 1


class TestTime:
    async def test_what_comes_later_does_not_exist(self, school: Database):
        await collects(school, "nurse-visits", "study-log", "observations")
        await some_of_everything(school)
        before = at(MON, 8)
        for metric in (M.NURSE_VISITS, M.OBSERVATIONS, M.TALK_REQUESTS, M.AWAITING_REPLY, M.STUDY_MINUTES):
            assert (await ask(school, question(metric, during=period(MON)), at=before)).value == 0
        assert (await ask(school, question(M.CORRECT_RATE, during=period(MON)), at=before)).reason is Reason.NO_RECORDS
        assert (await ask(school, question(M.MOOD, during=period(MON)), at=before)).reason is Reason.NOT_ANSWERED

    async def test_the_register_and_tests_of_days_to_come_do_not_exist(self, school: Database):
        await collects(school, "attendance", "assessments")
        await mark(school, "absent_sick", WED, "b1")
        await sit_test(school, "b1", 40)
        tuesday = at(TUE, 20)
        assert (await ask(school, question(M.ABSENT_DAYS), at=tuesday)).value == 0
        assert (await ask(school, question(M.ASSESSMENT_SCORE), at=tuesday)).reason is Reason.NO_RECORDS

    async def test_a_request_closed_later_is_open_and_a_reply_sent_later_is_none(self, school: Database):
        await wish(school, "b1", MON, closed=at(WED, 9))
        await check_in(school, "b1", MON, went_well="あ")
        await reply(school, "b1", MON, at(WED, 9))
        for metric in (M.TALK_REQUESTS, M.AWAITING_REPLY):
            assert (await ask(school, question(metric), at=at(WED, 8))).value == 1
            assert (await ask(school, question(metric), at=at(WED, 10))).value == 0


class TestNothing:
    @pytest.mark.parametrize(
        ("metric", "kind"),
        [
            (M.ABSENT_DAYS, "attendance"),
            (M.NURSE_VISITS, "nurse-visits"),
            (M.STUDY_MINUTES, "study-log"),
            (M.OBSERVATIONS, "observations"),
        ],
    )
    async def test_no_events_are_zero_once_they_are_collected(self, school: Database, metric: Metric, kind: str):
        given = await ask(school, question(metric))
        assert (given.status, given.reason) == NOT_SENT
        assert (await ask(school, question(metric, Shape.STUDENTS))).reason is Reason.NOT_COLLECTED
        assert (await ask(school, question(metric, Shape.TREND))).reason is Reason.NOT_COLLECTED
        await collects(school, kind)
        given = await ask(school, question(metric))
        assert (given.status, given.value, given.n) == (Status.ANSWERED, 0, 6)

    @pytest.mark.parametrize(
        ("metric", "kind"),
        [
            (M.CORRECT_RATE, "study-log"),
            (M.ASSESSMENT_SCORE, "assessments"),
            (M.ATTENDANCE_RATE, "attendance"),
        ],
    )
    async def test_a_share_of_nothing_is_no_figure(self, school: Database, metric: Metric, kind: str):
        given = await ask(school, question(metric))
        assert (given.status, given.reason) == NOT_SENT
        await collects(school, kind)
        given = await ask(school, question(metric))
        assert (given.status, given.reason) == NOTHING

    async def test_one_school_of_several_that_sends_is_enough(self, school: Database):
        await collects(school, "nurse-visits", school="west")
        assert (await ask(school, question(M.NURSE_VISITS, scope=CITY), by="board")).value == 0
        by_school = await ask(school, question(M.NURSE_VISITS, Shape.BREAKDOWN, CITY), by="board")
        assert [(row.id, row.value, row.reason) for row in by_school.rows] == [
            ("east", None, Reason.NOT_COLLECTED),
            ("west", 0, None),
        ]

    @pytest.mark.parametrize(
        "metric", [M.MOOD, M.GOAL_ACHIEVEMENT, M.CONFIDENCE, M.REFLECTION_DEPTH, M.MOOD_CHANGE, M.LOW_MOOD_DAYS]
    )
    async def test_silence_is_not_answered_and_a_holiday_has_no_records(self, school: Database, metric: Metric):
        await check_in(school, "b1", FRI, status="declined", mood="sunny")
        given = await ask(school, question(metric))
        assert (given.status, given.reason) == SILENCE
        given = await ask(school, question(metric, during=period(LAST_MONDAY)))
        assert (given.status, given.reason) == NOTHING

    async def test_requests_and_replies_are_always_collected(self, school: Database):
        assert (await ask(school, question(M.TALK_REQUESTS))).value == 0
        assert (await ask(school, question(M.AWAITING_REPLY))).value == 0


MISSING = Condition(op=Operator.MISSING)


class TestMetrics:
    async def test_goal_achievement_is_of_reflections_that_say(self, school: Database):
        for id, achievement in zip(("b1", "b2", "b3", "b4"), ("achieved", "mostly", "partly", None), strict=True):
            await check_in(school, id, FRI, achievement=achievement)
        given = await ask(school, question(M.GOAL_ACHIEVEMENT))
        assert (given.value, given.n, given.unit) == (66.67, 3, "%")

    async def test_mood_is_a_mean_of_answers_and_of_one_phase_when_asked(self, school: Database):
        await check_in(school, "b1", FRI, MORNING, mood="sunny")
        await check_in(school, "b1", FRI, mood="thunder")
        await check_in(school, "b2", FRI, mood="rainy")
        given = await ask(school, question(M.MOOD))
        assert (given.value, given.n, given.unit) == (2.33, 3, "1-4")
        assert (await ask(school, question(M.MOOD, phase=MORNING))).value == 4

    async def test_two_low_moods_on_a_day_are_one_low_day(self, school: Database):
        await check_in(school, "b1", FRI, MORNING, mood="rainy")
        await check_in(school, "b1", FRI, mood="thunder")
        await check_in(school, "b1", THU, MORNING, mood="sunny")
        await check_in(school, "b1", THU, mood="rainy")
        await check_in(school, "b2", THU, mood="cloudy")
        given = await ask(school, question(M.LOW_MOOD_DAYS))
        assert (given.value, given.n, given.unit) == (2, 6, "days")
        assert figures(await ask(school, question(M.LOW_MOOD_DAYS, Shape.STUDENTS))) == {"b1": 2, "b2": 0}

    async def test_a_change_of_mood_needs_three_answers_in_each_span_and_says_who_is_left_out(self, school: Database):
        for day in (WED, THU, FRI):
            await check_in(school, "b1", day, mood="rainy")
            await check_in(school, "b2", day, mood="rainy")
        for back in (3, 4, 5):  # the three days before Wednesday: Sunday counts like any
            await check_in(school, "b1", FRI - timedelta(days=back), mood="sunny")
        await check_in(school, "b2", TUE, mood="sunny")
        asked = question(M.MOOD_CHANGE, Shape.STUDENTS, during=period(WED, FRI))
        given = await ask(school, asked)
        assert figures(given) == {"b1": -2.0}
        assert (given.left_out, given.unit) == (5, "points")
        fell = replace(asked, condition=Condition(op=Operator.AT_MOST, value=-1.0))
        assert figures(await ask(school, fell)) == {"b1": -2.0}
        assert (await ask(school, question(M.MOOD_CHANGE, during=period(WED, FRI)))).value == -2.0

    async def test_confidence_and_depth_are_means(self, school: Database):
        await check_in(school, "b1", FRI, MORNING, confidence=5, depth=4)  # depth is of reflections only
        await check_in(school, "b1", FRI, depth=1, subject="算数")
        await check_in(school, "b2", FRI, depth=2, subject="国語")
        assert (await ask(school, question(M.CONFIDENCE))).value == 5
        assert (await ask(school, question(M.REFLECTION_DEPTH))).value == 1.5
        assert (await ask(school, question(M.REFLECTION_DEPTH, subject="算数"))).value == 1

    async def test_the_study_log_adds_up(self, school: Database):
        await collects(school, "study-log")
        await study(school, "b1", MON, subject="算数", answered=10, correct=9, duration_seconds=90)
        await study(school, "b2", MON, subject="国語", answered=30, correct=3, duration_seconds=None)
        await study(school, "b2", TUE, subject=None, answered=5, correct=None, duration_seconds=600)
        assert (await ask(school, question(M.STUDY_MINUTES))).value == 11.5
        assert (await ask(school, question(M.QUESTIONS_ANSWERED))).value == 45
        given = await ask(school, question(M.CORRECT_RATE))
        assert (given.value, given.n) == (30.0, 40)
        given = await ask(school, question(M.CORRECT_RATE, subject="算数"))
        assert (given.value, given.n) == (90.0, 10)
        by_subject = await ask(school, question(M.CORRECT_RATE, Shape.BREAKDOWN, group_by=GroupBy.SUBJECT))
        assert figures(by_subject) == {"国語": 10.0, "算数": 90.0}

    async def test_absences_are_of_two_kinds(self, school: Database):
        await collects(school, "attendance")
        for status, id in (("absent_sick", "b1"), ("absent_other", "b2"), ("suspended", "b3"), ("bereavement", "b4")):
            await mark(school, status, FRI, id)
        await mark(school, "late", THU, "b1", "b2")
        await mark(school, "early_leave", WED, "b1")
        assert (await ask(school, question(M.ABSENT_DAYS))).value == 2
        assert (await ask(school, question(M.LATE_COUNT))).value == 2
        assert (await ask(school, question(M.EARLY_LEAVE_COUNT))).value == 1

    async def test_the_attendance_rate_is_of_days_with_a_register(self, school: Database):
        await collects(school, "attendance")
        await mark(school, "absent_sick", MON, "b1")  # the others attended
        await mark(school, "attend_ict_home", TUE, "b1")
        await mark(school, "bereavement", TUE, "b2")
        await mark(school, "late", TUE, "a1")  # of another class
        await mark(school, "present", SATURDAY, "b1")  # no school day
        given = await ask(school, question(M.ATTENDANCE_RATE), at=at(SATURDAY, 20))
        assert (given.value, given.n) == (88.89, 9)  # Monday 4 of 5, Tuesday 4 of 4
        by_student = await ask(school, question(M.ATTENDANCE_RATE, Shape.STUDENTS))
        assert [(row.id, row.value, row.n) for row in by_student.rows] == [
            ("b1", 50.0, 2),
            ("b2", 100.0, 1),
            ("b3", 100.0, 2),
            ("b4", 100.0, 2),
            ("b5", 100.0, 2),
        ]
        assert (await ask(school, question(M.ATTENDANCE_RATE, scope=student("b3")))).n == 2

    async def test_a_test_is_in_percent_and_in_points_when_one_is_named(self, school: Database):
        await collects(school, "assessments")
        await sit_test(school, "b1", 40, title="分数テスト")
        await sit_test(school, "b2", 20, title="分数テスト")
        await sit_test(school, "b1", 90, title="漢字100%テスト", subject="国語", full=100)
        given = await ask(school, question(M.ASSESSMENT_SCORE))
        assert (given.value, given.n, given.unit) == (70.0, 3, "%")
        given = await ask(school, question(M.ASSESSMENT_SCORE, title="分数"))
        assert (given.value, given.n, given.unit) == (30.0, 2, "points")
        given = await ask(school, question(M.ASSESSMENT_SCORE, title="テスト"))
        assert (given.value, given.unit) == (70.0, "%")
        given = await ask(school, question(M.ASSESSMENT_SCORE, title="テスト", subject="国語"))
        assert (given.value, given.unit) == (90.0, "points")
        assert (await ask(school, question(M.ASSESSMENT_SCORE, title="100%"))).n == 1
        assert (await ask(school, question(M.ASSESSMENT_SCORE, title="数_"))).reason is Reason.NO_RECORDS

    async def test_visits_and_notes_are_counted(self, school: Database):
        await collects(school, "nurse-visits", "observations")
        await visit(school, "b1", MON, 10)
        await visit(school, "b1", MON, 14)
        await note(school, "b2", MON, subject="算数")
        await note(school, "b2", TUE)
        assert (await ask(school, question(M.NURSE_VISITS))).value == 2
        assert (await ask(school, question(M.OBSERVATIONS))).value == 2
        assert (await ask(school, question(M.OBSERVATIONS, subject="算数"))).value == 1

    async def test_a_reflection_with_text_waits_until_somebody_replies(self, school: Database):
        await check_in(school, "b1", MON, went_well="あ")
        await check_in(school, "b1", TUE, next_step="い")
        await check_in(school, "b2", TUE, achievement="mostly")
        await check_in(school, "b3", TUE, went_well="う", visibility="self")
        await check_in(school, "b4", TUE, MORNING, goal="え")
        await reply(school, "b1", MON, at(TUE, 9))
        assert (await ask(school, question(M.AWAITING_REPLY))).value == 1
        assert figures(await ask(school, question(M.AWAITING_REPLY, Shape.STUDENTS))) == {"b1": 1}

    async def test_a_streak_passes_over_days_off_absences_changes_of_class_and_the_start_of_the_period(
        self, school: Database
    ):
        await mark(school, "absent_sick", THU, "mover")
        days = [date(2026, 5, 1), date(2026, 5, 7), date(2026, 5, 8), MON, TUE, WED, FRI]  # with holidays and a weekend
        for day in days:
            await check_in(school, "mover", day)
        for day in (MON, TUE, THU, FRI):
            await check_in(school, "b1", day)
        await check_in(school, "b2", THU)
        await check_in(school, "b3", FRI)
        given = await ask(school, question(M.STREAK, during=period(FRI)))
        assert given.question is not None
        assert given.question.shape is Shape.STUDENTS
        assert figures(given) == {"b1": 2, "b2": 1, "b3": 1, "b4": 0, "b5": 0, "mover": 7}
        assert (await ask(school, question(M.STREAK, scope=student("mover")))).value == 7
        assert (await ask(school, question(M.STREAK, scope=student("b1"), during=period(MON, TUE)))).value == 2

    async def test_a_streak_longer_than_a_first_look_is_read_to_its_beginning(self, school: Database):
        for back in range(250):
            await on_calendar(school, "school_day", FRI - timedelta(days=back))
            await check_in(school, "b1", FRI - timedelta(days=back))
        assert (await ask(school, question(M.STREAK, scope=student("b1")))).value == 250
        assert figures(await ask(school, question(M.STREAK)))["b1"] == 250


class TestSelf:
    """What a child keeps to themself."""

    @pytest.fixture
    async def kept(self, school: Database) -> Database:
        await check_in(school, "b1", FRI, mood="thunder", went_well="ないしょ", visibility="self")
        await check_in(school, "b2", FRI, mood="sunny", went_well="うれしい")
        return school

    async def test_counts_for_the_class_and_for_having_answered(self, kept: Database):
        assert (await ask(kept, question(M.MOOD))).value == 2.5
        assert (await ask(kept, question(M.LOW_MOOD_DAYS))).value == 1
        shares = await ask(kept, question(M.MOOD, Shape.BREAKDOWN, group_by=GroupBy.MOOD))
        assert figures(shares) == {"sunny": 1, "cloudy": 0, "rainy": 0, "thunder": 1}
        rates = await ask(kept, question(M.REFLECTION_RATE, Shape.STUDENTS, during=period(FRI)))
        assert figures(rates)["b1"] == 100

    async def test_is_nowhere_where_a_child_is_named(self, kept: Database):
        assert figures(await ask(kept, question(M.MOOD, Shape.STUDENTS))) == {"b2": 4.0}
        assert (await ask(kept, question(M.MOOD, scope=student("b1")))).reason is Reason.NOT_ANSWERED
        listed = Scope(kind=ScopeKind.LIST, ids=("b1", "b2"), label="")
        assert (await ask(kept, question(M.MOOD, scope=listed))).value == 4
        assert "mood" not in figures(await ask(kept, question(None, Shape.OVERVIEW, student("b1"))))
        assert figures(await ask(kept, question(None, Shape.TEXTS))) == {"b2": "うれしい"}

    async def test_is_the_childs_own_to_see(self, kept: Database):
        me = student("b1")
        assert (await ask(kept, question(M.MOOD, scope=me), by="b1")).value == 1
        assert figures(await ask(kept, question(None, Shape.TEXTS, me), by="b1")) == {"b1": "ないしょ"}

    async def test_is_not_the_familys_to_read(self, kept: Database):
        assert (await ask(kept, question(None, Shape.TEXTS, student("b1")), by="mother")).status is Status.EMPTY


class TestStudents:
    async def test_a_condition_an_order_and_a_limit(self, school: Database):
        await collects(school, "attendance")
        for id, days in (("b1", 1), ("b2", 3), ("b3", 3), ("b4", 2)):
            await put_absences(school, id, days)
        asked = question(M.ABSENT_DAYS, Shape.STUDENTS)
        assert figures(await ask(school, asked)) == {"b1": 1, "b2": 3, "b3": 3, "b4": 2, "b5": 0, "mover": 0}
        most = await ask(school, replace(asked, order=Order.DESCENDING, limit=3))
        assert ([*figures(most)], most.tied) == (["b2", "b3", "b4"], 0)
        first = await ask(school, replace(asked, order=Order.DESCENDING, limit=1))
        assert ([*figures(first)], first.tied) == (["b2"], 1)  # b3 was absent as often, and that is said
        fewest = await ask(school, replace(asked, order=Order.ASCENDING, limit=3))
        assert [*figures(fewest)] == ["b5", "mover", "b1"]
        often = await ask(school, replace(asked, condition=over(AT_LEAST, 2), order=Order.ASCENDING, limit=1))
        assert figures(often) == {"b4": 2}
        nobody = await ask(school, replace(asked, condition=over(AT_LEAST, 9)))
        assert (nobody.status, nobody.rows, nobody.n) == (Status.ANSWERED, (), 6)

    async def test_who_has_no_data_is_not_in_the_list(self, school: Database):
        await collects(school, "study-log")
        await study(school, "b1", MON, answered=10, correct=3)
        asked = question(M.CORRECT_RATE, Shape.STUDENTS, condition=over(BELOW, 60))
        given = await ask(school, asked)
        assert [(row.id, row.label, row.value, row.n) for row in given.rows] == [("b1", "姓 b1", 30.0, 10)]

    async def test_a_school_is_listed_by_class(self, school: Database):
        given = await ask(school, question(M.CHECKIN_RATE, Shape.STUDENTS, EAST))
        assert [row.id[0] for row in given.rows] == [*"aaaaaa", "m", *"bbbbb", *"eee"]


async def put_absences(school: Database, id: str, days: int) -> None:
    for back in range(days):
        await mark(school, "absent_sick", FRI - timedelta(days=back), id)


class TestTrend:
    async def test_days_weeks_and_months_by_length(self, school: Database):
        asked = question(M.MOOD, Shape.TREND)
        await check_in(school, "b1", MON, mood="sunny")
        for start, group, first, last, rows in (
            (date(2026, 5, 2), GroupBy.DAY, "2026-05-02", "2026-05-15", 14),
            (date(2026, 5, 1), GroupBy.WEEK, "2026-05-01", "2026-05-11", 3),
            (date(2026, 1, 16), GroupBy.WEEK, "2026-01-16", "2026-05-11", 18),
            (date(2026, 1, 15), GroupBy.MONTH, "2026-01-15", "2026-05-01", 5),
        ):
            given = await ask(school, replace(asked, period=period(start, date(2026, 5, 31))))
            assert given.question is not None
            assert given.question.group_by is group
            assert (given.rows[0].id, given.rows[-1].id, len(given.rows)) == (first, last, rows)
            assert [row.value for row in given.rows if row.value is not None] == [4.0]

    async def test_a_day_without_data_is_null(self, school: Database):
        await check_in(school, "b1", THU)
        given = await ask(
            school, question(M.REFLECTION_RATE, Shape.TREND, during=period(THU, SATURDAY)), at=at(SATURDAY, 9)
        )
        assert [(row.id, row.value) for row in given.rows] == [
            ("2026-05-14", 16.67),
            ("2026-05-15", 0.0),
            ("2026-05-16", None),
        ]


class TestBreakdown:
    async def test_groups_come_in_their_own_order_or_the_one_asked(self, school: Database):
        await check_in(school, "e1", FRI, mood="rainy")
        await check_in(school, "a1", FRI, mood="cloudy")
        await check_in(school, "b1", MON, mood="sunny")
        asked = question(M.MOOD, Shape.BREAKDOWN, EAST)
        given = await ask(school, asked)
        assert given.question is not None
        assert given.question.group_by is GroupBy.GRADE
        assert [(row.id, row.value) for row in given.rows] == [("P4", 3.5), ("P5", 2.0)]
        by_class = await ask(school, replace(asked, group_by=GroupBy.CLASS))
        assert [(row.id, row.label, row.value) for row in by_class.rows] == [
            ("c41", "4年1組", 3.0),
            ("c42", "4年2組", 4.0),
            ("c51", "5年1組", 2.0),
        ]
        best = await ask(school, replace(asked, group_by=GroupBy.CLASS, order=Order.DESCENDING, limit=1))
        assert figures(best) == {"c42": 4.0}
        weekdays = await ask(school, replace(asked, group_by=GroupBy.WEEKDAY))
        assert [(row.id, row.value) for row in weekdays.rows] == [
            ("mon", 4.0),
            ("tue", None),
            ("wed", None),
            ("thu", None),
            ("fri", 2.5),
        ]

    async def test_moods_are_counts_of_answers(self, school: Database):
        await check_in(school, "b1", FRI, MORNING, mood="sunny")
        await check_in(school, "b2", FRI, MORNING, mood="sunny")
        await check_in(school, "b3", FRI, MORNING, mood="thunder")
        given = await ask(school, question(M.MOOD, Shape.BREAKDOWN, phase=MORNING))
        assert given.question is not None
        assert given.question.group_by is GroupBy.MOOD
        assert [(row.id, row.value, row.n) for row in given.rows] == [
            ("sunny", 2, 3),
            ("cloudy", 0, 3),
            ("rainy", 0, 3),
            ("thunder", 1, 3),
        ]
        assert given.unit == "count"


class TestCompare:
    async def test_periods_in_the_order_asked_with_the_difference(self, school: Database):
        for id in ("b1", "b2", "b3"):
            await check_in(school, id, THU)
        await check_in(school, "b1", FRI)
        asked = question(M.REFLECTION_RATE, Shape.COMPARE, during=period(THU), compare=(period(FRI),))
        given = await ask(school, asked)
        assert [(row.label, row.value, row.n) for row in given.rows] == [
            ("2026-05-14", 50.0, 6),
            ("2026-05-15", 16.67, 6),
        ]
        assert given.difference == 33.33

    async def test_a_side_without_data_has_no_difference(self, school: Database):
        await check_in(school, "b1", FRI, mood="sunny")
        given = await ask(school, question(M.MOOD, Shape.COMPARE, compare=(C41,)))
        assert [(row.id, row.value) for row in given.rows] == [("c42", 4.0), ("c41", None)]
        assert (given.difference, given.status) == (None, Status.ANSWERED)

    async def test_every_side_is_asked_for(self, school: Database):
        asked = question(M.MOOD, Shape.COMPARE, compare=(C41,))
        assert (await ask(school, asked, by="tanaka")).status is Status.REFUSED


class TestOverview:
    async def test_shows_what_was_collected_each_in_its_unit(self, school: Database):
        await collects(school, "attendance")
        await mark(school, "absent_sick", MON, "b1")
        await check_in(school, "b1", FRI, mood="rainy")
        given = await ask(school, question(None, Shape.OVERVIEW, student("b1")))
        rows = {row.id: (row.value, row.unit) for row in given.rows}
        assert rows["mood"] == (2.0, "1-4")
        assert rows["absent_days"] == (1, "days")
        assert rows["reflection_rate"] == (25.0, "%")
        assert rows["streak"] == (1, "days")
        assert rows.keys().isdisjoint({"nurse_visits", "study_minutes", "assessment_score", "confidence"})
        assert [*rows] == [metric for metric in catalogue() if metric in rows]

    async def test_shows_a_subject_teacher_nothing_but_their_own(self, school: Database):
        await collects(school, "attendance", "nurse-visits", "study-log")
        await some_of_everything(school)
        rows = figures(await ask(school, question(None, Shape.OVERVIEW, M42), by="maths"))
        assert rows["correct_rate"] == 50.0
        assert rows.keys().isdisjoint({"mood", "absent_days", "nurse_visits", "talk_requests", "low_mood_days"})


class TestTexts:
    async def test_one_row_per_check_in_with_its_fields(self, school: Database):
        await check_in(school, "b2", MON, went_well="できた", difficult="わり算", next_step="れんしゅう")
        await check_in(school, "b1", MON, MORNING, goal="よむ", plan="ゆっくり")
        await check_in(school, "b1", TUE, MORNING, mood="sunny")
        given = await ask(school, question(None, Shape.TEXTS))
        assert [(row.id, row.label, row.day, row.phase, row.value) for row in given.rows] == [
            ("b1", "姓 b1", MON, MORNING, "よむ\nゆっくり"),
            ("b2", "姓 b2", MON, AFTERNOON, "できた\nわり算\nれんしゅう"),
        ]
        assert [*figures(await ask(school, question(None, Shape.TEXTS, phase=AFTERNOON)))] == ["b2"]
        assert [*figures(await ask(school, question(M.REFLECTION_RATE, Shape.TEXTS)))] == ["b2"]

    async def test_the_one_who_waits_longest_comes_first(self, school: Database):
        await check_in(school, "b1", TUE, went_well="い")
        await check_in(school, "b2", MON, went_well="あ")
        await check_in(school, "b3", MON, went_well="う")
        await reply(school, "b3", MON, at(TUE, 9))
        given = await ask(school, question(M.AWAITING_REPLY, Shape.TEXTS))
        assert figures(given) == {"b2": "あ", "b1": "い"}
        assert [*figures(given)] == ["b2", "b1"]

    async def test_notes_are_texts_too(self, school: Database):
        assert (await ask(school, question(M.OBSERVATIONS, Shape.TEXTS))).reason is Reason.NOT_COLLECTED
        await collects(school, "observations")
        assert (await ask(school, question(M.OBSERVATIONS, Shape.TEXTS))).reason is Reason.NO_RECORDS
        await note(school, "b1", MON, "よく手を挙げた", subject="算数")
        await note(school, "b1", TUE, "元気", subject="国語")
        given = await ask(school, question(M.OBSERVATIONS, Shape.TEXTS, subject="算数"))
        assert [(row.day, row.value) for row in given.rows] == [(MON, "よく手を挙げた")]

    async def test_nobody_wrote(self, school: Database):
        assert (await ask(school, question(None, Shape.TEXTS))).reason is Reason.NOT_ANSWERED
        assert (await ask(school, question(None, Shape.TEXTS, during=period(LAST_MONDAY)))).reason is Reason.NO_RECORDS


class TestSmallGroups:
    """What a board sees. East has 12 in P4 and 3 in P5, west 6 in P4."""

    GRADE_4 = Scope(kind=ScopeKind.GRADE, ids=("c41", "c42", "w41"), label="4年生")
    GRADE_4_EAST = Scope(kind=ScopeKind.GRADE, ids=("c41", "c42"), label="東小4年生")
    GRADE_5 = Scope(kind=ScopeKind.GRADE, ids=("c51",), label="5年生")

    async def test_a_small_grade_and_what_would_tell_it_are_hidden(self, school: Database):
        asked = question(M.REFLECTION_RATE, Shape.BREAKDOWN, EAST, group_by=GroupBy.GRADE)
        given = await ask(school, asked, by="board")
        hidden = [(grade, None, None, Reason.SMALL_GROUP) for grade in ("P4", "P5")]
        assert [(row.id, row.value, row.n, row.reason) for row in given.rows] == hidden
        for scope in (self.GRADE_5, self.GRADE_4_EAST):
            single = await ask(school, question(M.REFLECTION_RATE, scope=scope), by="board")
            assert (single.status, single.reason, single.n) == (*SMALL, None)

    async def test_whole_schools_are_shown(self, school: Database):
        asked = question(M.REFLECTION_RATE, Shape.BREAKDOWN, CITY)
        assert figures(await ask(school, asked, by="board")) == {"east": 0.0, "west": 0.0}
        assert (await ask(school, question(M.REFLECTION_RATE, scope=EAST), by="board")).value == 0

    async def test_a_grade_of_the_district_is_hidden_where_another_one_is_small(self, school: Database):
        given = await ask(school, question(M.REFLECTION_RATE, scope=self.GRADE_4), by="board")
        assert (given.status, given.reason) == SMALL

    async def test_some_classes_of_a_grade_are_no_grade(self, school: Database):
        one = Scope(kind=ScopeKind.GRADE, ids=("c41",), label="")
        assert (await ask(school, question(M.REFLECTION_RATE, scope=one), by="board")).status is Status.REFUSED

    async def test_a_mean_of_few_answers_is_hidden(self, school: Database):
        for id in ("a1", "a2", "a3", "a4"):
            await check_in(school, id, FRI, mood="sunny")
        assert (await ask(school, question(M.MOOD, scope=EAST), by="board")).reason is Reason.SMALL_GROUP
        await check_in(school, "a5", FRI, mood="sunny")
        assert (await ask(school, question(M.MOOD, scope=EAST), by="board")).value == 4

    async def test_a_comparison_hides_a_side_and_the_difference(self, school: Database):
        for id in ("a1", "a2", "a3", "a4", "a5", "w1"):
            await check_in(school, id, FRI, mood="sunny")
        given = await ask(school, question(M.MOOD, Shape.COMPARE, EAST, compare=(WEST,)), by="board")
        assert [(row.value, row.reason) for row in given.rows] == [(None, Reason.SMALL_GROUP)] * 2
        assert given.difference is None

    async def test_staff_of_the_school_see_small_groups(self, school: Database):
        assert (await ask(school, question(M.REFLECTION_RATE, scope=C51))).value == 0


class TestSubjectTeachers:
    async def test_see_their_own_subject_when_none_is_named(self, school: Database):
        await collects(school, "study-log", "assessments")
        await study(school, "b1", MON, subject="算数", answered=10, correct=5)
        await study(school, "b1", MON, subject="国語", answered=10, correct=10)
        await sit_test(school, "b1", 40)
        await sit_test(school, "b1", 50, subject="国語")
        assert (await ask(school, question(M.CORRECT_RATE, scope=M42), by="maths")).value == 50
        assert (await ask(school, question(M.ASSESSMENT_SCORE, scope=M42), by="maths")).value == 80
        assert (await ask(school, question(M.CORRECT_RATE, scope=M42))).value == 75


@pytest.mark.parametrize(
    "asked",
    [
        question(M.CHECKIN_RATE, subject="算数"),
        question(M.MOOD, title="学力調査"),
        question(M.MOOD, group_by=GroupBy.CLASS),
        question(M.MOOD, compare=(C41,)),
        question(M.MOOD, Shape.COMPARE),
        question(M.MOOD, condition=over(BELOW, 2)),
        question(M.MOOD, Shape.STUDENTS, condition=MISSING),
        question(M.STREAK, Shape.STUDENTS, condition=MISSING),
        question(M.MOOD, Shape.BREAKDOWN, group_by=GroupBy.SUBJECT),
        question(M.CONFIDENCE, Shape.BREAKDOWN, group_by=GroupBy.MOOD),
        question(M.STUDY_MINUTES, Shape.TEXTS),
        question(M.STREAK, Shape.TREND),
        question(M.MOOD_CHANGE, Shape.TREND),
        question(None, Shape.VALUE),
    ],
    ids=lambda asked: f"{asked.metric}-{asked.shape}",
)
async def test_parts_that_mean_nothing_together_are_never_a_figure(school: Database, asked: Question):
    with pytest.raises(UnsupportedQuestionError):
        await ask(school, asked)
