"""The reference against sums done by hand, in the week of Monday 2026-05-11. Class ``a`` is of grade 4."""

from datetime import date, datetime
from typing import Any

from knowledge.db import Base
from knowledge.questions.model import Metric, Period, Reason, Scope, ScopeKind
from knowledge.records.assessments import Assessment
from knowledge.records.attendance import AttendanceEntry
from knowledge.records.calendar import CalendarDay
from knowledge.records.checkins import CheckIn
from knowledge.records.collected import Collected
from knowledge.records.replies import Reply
from knowledge.records.roster import Enrollment, SchoolClass, User
from knowledge.records.study_log import StudyEntry
from knowledge.records.talk_requests import TalkRequest
from tests.oracle.reference import Figure, Oracle
from tests.oracle.world import Row, World, moment

MON, TUE, WED, THU, FRI, SAT = (date(2026, 5, day) for day in range(11, 17))
WEEK = Period(start=MON, end=FRI, label="")
FRIDAY_10, FRIDAY_NOON = moment(FRI, 10), moment(FRI, 12)
CLASS_A = Scope(kind=ScopeKind.CLASS, ids=("a",), label="")
HANA = Scope(kind=ScopeKind.STUDENT, ids=("hana",), label="")


def oracle(*records: tuple[type[Base], Row], at: datetime = FRIDAY_10) -> Oracle:
    """hana and ren are in class a, sora until Tuesday, then in b; all of East, which sent every kind."""
    rows: dict[type[Base], list[Row]] = {
        User: [{"sourced_id": id, "grade": "P4"} for id in ("hana", "ren", "sora")],
        SchoolClass: [
            {"sourced_id": id, "grades": ["P4"], "class_type": "homeroom", "school_sourced_id": "east"}
            for id in ("a", "b")
        ],
        Enrollment: [
            {
                "class_sourced_id": room,
                "user_sourced_id": child,
                "role": "student",
                "begin_date": begin,
                "end_date": end,
            }
            for room, child, begin, end in (
                ("a", "hana", None, None),
                ("a", "ren", date(2026, 4, 1), None),
                ("a", "sora", None, TUE),
                ("b", "sora", WED, None),
            )
        ],
        Collected: [{"school_id": "east", "kind": kind} for kind in ("attendance", "study-log", "assessments")],
    }
    for table, row in records:
        rows.setdefault(table, []).append(row)
    return Oracle(world=World(rows=rows), at=at)


def check_in(child: str, day: date, phase: str = "reflection", **more: Any) -> tuple[type[Base], Row]:
    empty = dict.fromkeys(
        ("mood", "achievement", "confidence", "depth", "subject", "went_well", "difficult", "next_step")
    )
    row = {"student_id": child, "date": day, "phase": phase, "status": "finished", "visibility": "teacher"}
    return CheckIn, row | {"answered_at": moment(day, 9)} | empty | more


def entry(child: str, day: date, status: str) -> tuple[type[Base], Row]:
    return AttendanceEntry, {"student_id": child, "date": day, "status": status}


def figure(
    given: Oracle, metric: Metric, scope: Scope = CLASS_A, period: Period = WEEK, *, private: bool = True, **more: Any
) -> Figure:
    return given.figure(metric, given.who(scope), given.days(period), private=private, **more)


def test_a_rate_counts_the_days_of_each_child_in_the_class():
    given = figure(oracle(check_in("hana", MON), check_in("sora", TUE), check_in("sora", WED)), Metric.REFLECTION_RATE)
    assert (given.n, given.value) == (12, 100 * 2 / 12)  # hana 5, ren 5, sora 2


def test_an_absent_child_is_not_expected_and_an_answer_of_that_day_does_not_count():
    given = figure(oracle(entry("hana", MON, "absent_sick"), check_in("hana", MON)), Metric.REFLECTION_RATE)
    assert (given.n, given.value) == (11, 0)


def test_the_check_in_rate_has_two_phases_a_day():
    given = figure(oracle(check_in("hana", MON), check_in("hana", MON, "anticipation")), Metric.CHECKIN_RATE)
    assert (given.n, given.value) == (24, 100 * 2 / 24)


def test_a_decline_is_answered_and_an_open_one_and_a_later_one_are_not():
    given = oracle(
        check_in("hana", MON, status="declined"),
        check_in("hana", TUE, status="open"),
        check_in("hana", FRI, answered_at=moment(FRI, 10, 30)),
        check_in("hana", THU, answered_at=None),
    )
    assert figure(given, Metric.REFLECTION_RATE, HANA).value == 100 * 2 / 5


def test_the_calendar_opens_a_saturday_and_closes_a_day_for_a_grade():
    rows = (("school_day", SAT, ()), ("closed", MON, ("P4",)), ("closed", TUE, ("P3",)), ("event", WED, ()))
    calendar = [
        (CalendarDay, {"school_id": "east", "date": day, "kind": kind, "grades": grades}) for kind, day, grades in rows
    ]
    days = Period(start=MON, end=date(2026, 5, 17), label="")
    at = moment(date(2026, 5, 18), 9)
    assert figure(oracle(*calendar, at=at), Metric.REFLECTION_RATE, HANA, days).n == 5  # Tuesday to Saturday


def test_golden_week_is_no_school():
    golden = Period(start=date(2026, 4, 29), end=date(2026, 5, 6), label="")
    assert figure(oracle(), Metric.REFLECTION_RATE, HANA, golden).n == 2  # 30 April and 1 May


def test_attendance_looks_at_the_register_of_the_class():
    register = [entry("hana", MON, "absent_other"), entry("ren", TUE, "late"), entry("ren", WED, "suspended")]
    given = figure(oracle(*register), Metric.ATTENDANCE_RATE)
    # Monday: hana away, ren and sora there; Tuesday: all there; Wednesday: hana there; Thursday, Friday: no register
    assert (given.n, given.value) == (7, 100 * 6 / 7)


def test_absences_count_in_the_class_of_the_day():
    register = [entry("sora", TUE, "absent_sick"), entry("sora", WED, "absent_sick"), entry("ren", MON, "bereavement")]
    assert figure(oracle(*register), Metric.ABSENT_DAYS).value == 1


def test_a_school_that_never_sent_a_kind_has_no_zero():
    assert figure(oracle(), Metric.ABSENT_DAYS).value == 0
    assert figure(oracle(), Metric.NURSE_VISITS).reasons == {Reason.NOT_COLLECTED}


def test_moods_have_points_and_the_lowest_of_a_day_makes_it_low():
    given = oracle(
        check_in("hana", MON, "anticipation", mood="sunny"),
        check_in("hana", MON, mood="rainy"),
        check_in("ren", MON, mood="thunder", visibility="self"),
    )
    assert figure(given, Metric.MOOD).value == (4 + 2 + 1) / 3
    assert figure(given, Metric.LOW_MOOD_DAYS).value == 2
    assert figure(given, Metric.LOW_MOOD_DAYS, private=False).value == 1


def test_goals_that_say_nothing_are_left_out():
    said = [check_in("hana", MON, achievement="mostly"), check_in("hana", TUE, achievement="partly")]
    given = figure(oracle(*said, check_in("hana", WED)), Metric.GOAL_ACHIEVEMENT)
    assert (given.value, given.n) == (50, 2)


def test_a_change_of_mood_needs_three_answers_on_either_side():
    before = [check_in("hana", date(2026, 5, day), mood="sunny") for day in (6, 7, 8)]
    now = [check_in("hana", day, mood="rainy") for day in (MON, TUE, WED)]
    given, less = oracle(*before, *now), oracle(*before, *now[:2])
    assert given.mood_change(given.who(HANA), WEEK, private=False).value == -2
    assert less.mood_change(less.who(HANA), WEEK, private=False).value is None


def test_study_adds_up_and_unmarked_questions_are_no_mistakes():
    log = [(600, 10, 4), (None, 10, 8), (90, 5, None)]
    rows = [
        (StudyEntry, {"student_id": "hana", "date": MON, "started_at": moment(MON, hour), "subject": "算数"}
         | {"duration_seconds": seconds, "answered": answered, "correct": correct})
        for hour, (seconds, answered, correct) in enumerate(log, start=9)
    ]  # fmt: skip
    given = oracle(*rows)
    assert figure(given, Metric.STUDY_MINUTES).value == 11.5
    assert (figure(given, Metric.STUDY_MINUTES).n, figure(given, Metric.QUESTIONS_ANSWERED).value) == (3, 25)
    assert (figure(given, Metric.CORRECT_RATE).value, figure(given, Metric.CORRECT_RATE).n) == (60, 20)


def test_one_assessment_is_in_points_and_several_are_in_percent():
    rows = [
        (Assessment, {"student_id": child, "date": MON, "title": "中間テスト", "subject": subject, "score": score}
         | {"max_score": full})
        for child, subject, score, full in (("hana", "算数", 30, 40), ("ren", "算数", 20, 40), ("ren", "国語", 9, 9))
    ]  # fmt: skip
    given = oracle(*rows)
    assert figure(given, Metric.ASSESSMENT_SCORE, title="中間", subject="算数").value == 25
    assert figure(given, Metric.ASSESSMENT_SCORE, title="中間").value == (75 + 50 + 100) / 3


def test_a_reflection_waits_until_staff_replied():
    rows = [check_in("hana", day, went_well="できた") for day in (MON, TUE)]
    reply = (Reply, {"student_id": "hana", "date": MON, "sent_at": moment(TUE, 8)})
    assert figure(oracle(*rows, reply, check_in("hana", WED)), Metric.AWAITING_REPLY).value == 1
    assert figure(oracle(*rows, reply, at=moment(TUE, 7)), Metric.AWAITING_REPLY).value == 1  # Tuesday's is not yet


def test_a_request_waits_until_it_is_closed():
    request = {"student_id": "hana", "date": MON, "requested_at": moment(MON, 9), "closed_at": FRIDAY_NOON}
    assert figure(oracle((TalkRequest, request)), Metric.TALK_REQUESTS).value == 1
    assert figure(oracle((TalkRequest, request), at=FRIDAY_NOON), Metric.TALK_REQUESTS).value == 0


def test_a_streak_passes_over_absences_and_the_unfinished_day():
    done = [check_in("hana", day) for day in (date(2026, 5, 8), MON, WED, THU)]
    given = oracle(*done, entry("hana", TUE, "absent_sick"))
    assert given.streak("hana", WEEK, given.who(HANA)) == 4  # 8 May lies before the period
    over = oracle(*done, entry("hana", TUE, "absent_sick"), at=moment(SAT, 9))
    assert over.streak("hana", WEEK, over.who(HANA)) == 0


def test_the_phase_of_the_hour_is_missing_today_and_either_on_days_before():
    answers = [check_in("hana", day, phase) for day in (MON, TUE, WED) for phase in ("anticipation", "reflection")]
    answers += [check_in("hana", THU), check_in("hana", FRI, "anticipation")]
    for at, days in ((FRIDAY_10, 1), (FRIDAY_NOON, 2)):
        given = oracle(*answers, at=at)
        assert given.missing("hana", given.who(HANA), WEEK, Metric.CHECKIN_RATE) == days
