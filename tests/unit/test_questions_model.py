"""The JSON of an answer is a contract: its keys, their order, and what null means."""

from datetime import date

from knowledge.questions.metrics import catalogue
from knowledge.questions.model import (
    Answer,
    AnswerRow,
    Condition,
    Metric,
    Operator,
    Option,
    Order,
    Period,
    Phase,
    Question,
    Reason,
    Scope,
    ScopeKind,
    Shape,
    Status,
)

LAST_WEEK = Period(start=date(2026, 5, 11), end=date(2026, 5, 17), label="先週")
CLASS_4_2 = Scope(kind=ScopeKind.CLASS, ids=("c42",), label="4年2組")


def test_an_answer_prints_as_the_contract_shows_it():
    answer = Answer(
        status=Status.ANSWERED,
        question=Question(
            metric=Metric.CORRECT_RATE,
            shape=Shape.STUDENTS,
            subject="算数",
            scope=CLASS_4_2,
            period=LAST_WEEK,
            condition=Condition(op=Operator.LESS, value=60),
            order=Order.ASCENDING,
            limit=5,
        ),
        unit="%",
        n=31,
        rows=(AnswerRow(id="s1", label="佐藤 花", value=41.7, n=24),),
        definition="…",
        text="…",
    )
    printed = answer.to_json()
    assert printed == {
        "status": "answered",
        "question": {
            "metric": "correct_rate",
            "shape": "students",
            "phase": None,
            "subject": "算数",
            "scope": {"kind": "class", "ids": ["c42"], "label": "4年2組"},
            "period": {"start": "2026-05-11", "end": "2026-05-17", "label": "先週"},
            "condition": {"op": "<", "value": 60},
            "compare": None,
            "group_by": None,
            "order": "asc",
            "limit": 5,
        },
        "value": None,
        "unit": "%",
        "n": 31,
        "rows": [{"id": "s1", "label": "佐藤 花", "value": 41.7, "n": 24}],
        "difference": None,
        "reason": None,
        "options": [],
        "definition": "…",
        "text": "…",
    }
    assert [*printed] == (
        ["status", "question", "value", "unit", "n", "rows", "difference", "reason", "options", "definition", "text"]
    )
    assert [*printed["question"]] == (
        ["metric", "shape", "phase", "subject", "scope", "period", "condition", "compare", "group_by", "order", "limit"]
    )


def test_sides_of_a_comparison_say_what_they_are():
    question = Question(
        metric=Metric.CHECKIN_RATE,
        shape=Shape.COMPARE,
        phase=Phase.REFLECTION,
        scope=CLASS_4_2,
        period=LAST_WEEK,
        compare=(LAST_WEEK, CLASS_4_2),
    )
    printed = Answer(status=Status.ANSWERED, question=question).to_json()["question"]
    assert printed["compare"] == [{"period": printed["period"]}, {"scope": printed["scope"]}]
    assert printed["phase"] == "reflection"


def test_a_missing_condition_has_no_figure():
    condition = Condition(op=Operator.MISSING)
    question = Question(
        metric=Metric.CHECKIN_RATE, shape=Shape.STUDENTS, scope=CLASS_4_2, period=LAST_WEEK, condition=condition
    )
    printed = Answer(status=Status.ANSWERED, question=question).to_json()
    assert printed["question"]["condition"] == {"op": "missing", "value": None}


def test_an_answer_without_a_question_prints_null():
    printed = Answer(
        status=Status.CLARIFY, question=None, reason=Reason.FUTURE, options=(Option(id="c1", label="4年1組"),)
    ).to_json()
    assert printed["question"] is None
    assert printed["reason"] == "future"
    assert printed["options"] == [{"id": "c1", "label": "4年1組"}]


def test_every_metric_is_named_and_defined_in_both_languages():
    assert {*catalogue()} == {*Metric}
    for entry in catalogue().values():
        assert entry.name.keys() == entry.definition.keys() == {"ja", "en"}
        assert entry.unit in {"%", "days", "count", "min", "points", "1-4", "1-5", "0-4"}


def test_a_question_is_read_back_from_its_json():
    question = Question(
        metric=Metric.ASSESSMENT_SCORE,
        shape=Shape.COMPARE,
        subject="算数",
        scope=Scope(kind=ScopeKind.CLASS, ids=("c42",), label="4年2組"),
        period=Period(start=date(2026, 5, 11), end=date(2026, 5, 15), label="今週"),
        condition=Condition(op=Operator.LESS, value=60),
        compare=(
            Period(start=date(2026, 5, 4), end=date(2026, 5, 10), label="先週"),
            Scope(kind=ScopeKind.CLASS, ids=("c41",), label="4年1組"),
        ),
        order=Order.ASCENDING,
        limit=5,
        title="学力調査",
    )
    assert Question.from_json(question.to_json()) == question


def test_the_phases_counted_by_a_rate_are_those_it_is_named_for():
    assert catalogue()[Metric.ANTICIPATION_RATE].phases == (Phase.ANTICIPATION,)
    assert catalogue()[Metric.REFLECTION_RATE].phases == (Phase.REFLECTION,)
    assert catalogue()[Metric.CHECKIN_RATE].phases == (Phase.ANTICIPATION, Phase.REFLECTION)
