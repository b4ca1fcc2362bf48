"""What is said and what it is taken to ask; the lines are data per language, those that must not be understood too.

Asked on Friday 2026-05-15 at 10:00 in Tokyo, by the homeroom teacher of 4年2組 (c42) unless a line says who.
"""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from intents.questions import Reading, understand_question
from knowledge.questions.model import (
    ClassName,
    Condition,
    GradeName,
    Metric,
    Operator,
    Period,
    Phase,
    PlaceName,
    Question,
    Scope,
    ScopeKind,
    Shape,
    Vocabulary,
)

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 5, 15, 10, tzinfo=TOKYO)
PHASE_OF = {"anticipation_rate": Phase.ANTICIPATION, "reflection_rate": Phase.REFLECTION, "checkin_rate": None}
PERIODS = {
    "today": "2026-05-15",
    "yesterday": "2026-05-14",
    "this week": "2026-05-11 2026-05-15",
    "last week": "2026-05-04 2026-05-10",
}

CLASSES = tuple(
    ClassName(id=id, title=title, grade=grade, school_id=school, homeroom=homeroom)
    for id, title, grade, school, homeroom in (
        ("c41", "4年1組", "P4", "east", True),
        ("c42", "4年2組", "P4", "east", True),
        ("c43", "4年3組", "P4", "east", True),
        ("c51", "5年1組", "P5", "east", True),
        ("c52", "5年2組", "P5", "east", True),
        ("sun", "ひまわり学級", None, "east", True),
        ("m42", "4年2組", "P4", "east", False),
        ("k42", "4年2組 算数", "P4", "east", False),
    )
)
TEACHER = Vocabulary(
    timezone=TOKYO,
    default=Scope(kind=ScopeKind.CLASS, ids=("c42",), label="4年2組"),
    homerooms=("c42",),
    classes=CLASSES,
    grades=(
        GradeName(grade="P4", school_id="east", class_ids=("c41", "c42", "c43")),
        GradeName(grade="P5", school_id="east", class_ids=("c51", "c52")),
    ),
    own_schools=("east",),
    schools=(PlaceName(id="east", name="あゆみ市立東小学校"), PlaceName(id="west", name="あゆみ市立西小学校")),
)
ASKERS = {
    "teacher": TEACHER,
    "principal": replace(
        TEACHER, default=Scope(kind=ScopeKind.SCHOOL, ids=("east",), label="あゆみ市立東小学校"), homerooms=()
    ),
    "subject": replace(TEACHER, default=Scope(kind=ScopeKind.CLASS, ids=("k42",), label="4年2組 算数"), homerooms=()),
    "board": replace(
        TEACHER,
        default=Scope(kind=ScopeKind.DISTRICT, ids=("city",), label="あゆみ市"),
        homerooms=(),
        classes=(),
        own_schools=(),
        districts=(PlaceName(id="city", name="あゆみ市"),),
    ),
    "student": Vocabulary(timezone=TOKYO, default=Scope(kind=ScopeKind.STUDENT, ids=("hana",), label="")),
}


def lines(section: str) -> list[Any]:
    found: list[Any] = []
    for language in ("ja", "en"):
        data = yaml.safe_load((Path(__file__).parent / language / "questions.yaml").read_text(encoding="utf-8"))
        for line in data[section]:
            entry: dict[str, Any] = {"say": line} if isinstance(line, str) else line
            found.append(pytest.param(entry, id=f"{language}:{entry.get('as', 'teacher')}:{entry['say']}"))
    return found


def read(entry: dict[str, Any]) -> Reading | None:
    return understand_question(entry["say"], ASKERS[entry.get("as", "teacher")], NOW)


def summary(question: Question) -> dict[str, Any]:
    """A question as the lines write it."""
    days = dict.fromkeys([question.period.start.isoformat(), question.period.end.isoformat()])
    return {
        "ask": "missing" if question.condition == Condition(op=Operator.MISSING) else question.shape.value,
        "of": question.metric and question.metric.value,
        "phase": question.phase,
        "scope": " ".join([question.scope.kind.value, *question.scope.ids]),
        "when": " ".join(days),
    }


def expected(entry: dict[str, Any]) -> dict[str, Any]:
    of = entry.get("of", "checkin_rate")
    when = str(entry.get("when", "today"))
    return {
        "ask": entry.get("ask", "missing"),
        "of": of,
        "phase": PHASE_OF[of],
        "scope": entry.get("scope", "class c42"),
        "when": PERIODS.get(when, when),
    }


@pytest.mark.parametrize("entry", lines("clear"))
def test_a_plain_question_is_clear(entry: dict[str, Any]):
    reading = read(entry)
    assert reading is not None
    assert reading.leftover == ()
    assert reading.confidence == "clear"
    assert reading.question is not None
    assert summary(reading.question) == expected(entry)


@pytest.mark.parametrize("entry", lines("confirm"))
def test_a_question_with_words_left_over_is_not_clear(entry: dict[str, Any]):
    reading = read(entry)
    assert reading is not None
    assert reading.confidence == "confirm"
    assert "".join(reading.leftover) == entry["left"]


@pytest.mark.parametrize("entry", lines("not"))
def test_what_is_no_question_about_check_ins_is_not_understood(entry: dict[str, Any]):
    assert read(entry) is None


@pytest.mark.parametrize("entry", lines("future"))
def test_days_to_come_are_known_as_such(entry: dict[str, Any]):
    assert read(entry) == Reading(question=None, confidence="clear", future=True)


@pytest.mark.parametrize("entry", lines("which"))
def test_a_name_that_fits_several_is_asked_about(entry: dict[str, Any]):
    reading = read(entry)
    assert reading is not None
    assert reading.question is None
    assert [each.scope.label for each in reading.choices] == entry["choices"]


@pytest.mark.parametrize("entry", lines("outside"))
def test_a_class_that_is_not_there_gives_a_scope_of_nobody(entry: dict[str, Any]):
    reading = read(entry)
    assert reading is not None
    assert reading.outside == entry["outside"]
    assert reading.question is not None
    assert reading.question.scope.ids == ()


def test_the_two_first_questions_are_typed_whole():
    missing = Question(
        metric=Metric.CHECKIN_RATE,
        shape=Shape.STUDENTS,
        scope=Scope(kind=ScopeKind.CLASS, ids=("c42",), label="4年2組"),
        period=Period(start=NOW.date(), end=NOW.date(), label="今日"),
        condition=Condition(op=Operator.MISSING),
    )
    assert understand_question("今日まだチェックインしていない子は?", TEACHER, NOW) == Reading(
        question=missing, confidence="clear"
    )
    assert understand_question("今日のチェックインは?", TEACHER, NOW) == Reading(
        question=replace(missing, shape=Shape.VALUE, condition=None), confidence="clear"
    )


def test_today_is_the_day_at_the_school():
    late = datetime(2026, 5, 15, 15, 30, tzinfo=ZoneInfo("UTC"))  # half past midnight in Tokyo
    reading = understand_question("今日のチェックインは?", TEACHER, late)
    assert reading is not None
    assert reading.question is not None
    assert reading.question.period.start == date(2026, 5, 16)


def test_scopes_and_periods_are_named_back_as_people_say_them():
    for text, scope, period in (
        ("5/10の4-1の提出率", "4年1組", "5月10日"),
        ("先週の4年1組と3組の提出率は?", "4年1組・4年3組", "先週"),
        ("昨日の4年生のチェックイン率", "4年生", "昨日"),
        ("check-in rate of grade 5 on May 8", "Grade 5", "May 8"),
    ):
        reading = understand_question(text, TEACHER, NOW)
        assert reading is not None
        assert reading.question is not None
        assert (reading.question.scope.label, reading.question.period.label) == (scope, period)


def test_a_long_story_is_no_question():
    assert understand_question("今日のチェックイン率は?" * 30, TEACHER, NOW) is None


@given(st.text())
def test_any_text_at_all_is_read_without_an_error(text: str):
    reading = understand_question(text, TEACHER, NOW)
    assert reading is None or reading.question is None or reading.question.scope.kind in ScopeKind
