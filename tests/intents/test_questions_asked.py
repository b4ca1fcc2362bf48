"""Every way of asking, with the question it is taken for; the lines are data per language (``questions_asked.yaml``,
``questions_followups.yaml``), those that must not be understood too.

Asked on Friday 2026-05-15 at 10:00 in Tokyo, by the homeroom teacher of 4年2組 unless a line says who.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from intents.context import Previous
from intents.questions import Reading, understand_question
from knowledge.questions.model import Question, Scope, ScopeKind
from tests.intents.asking import ASKERS, NOW, STUDENTS, TEACHER, shown

CLEAR = ("metrics", "conditions", "shapes", "names", "askers")
LISTED = Scope(kind=ScopeKind.LIST, ids=("hana", "yui"), label="佐藤 花・田中 結衣")


def lines(*sections: str, file: str = "questions_asked") -> list[Any]:
    found: list[Any] = []
    for language in ("ja", "en"):
        data = yaml.safe_load((Path(__file__).parent / language / f"{file}.yaml").read_text(encoding="utf-8"))
        for line in (line for section in sections for line in data.get(section, [])):
            entry: dict[str, Any] = {"say": line} if isinstance(line, str) else line
            found.append(pytest.param(entry, id=f"{language}:{entry.get('as', 'teacher')}:{entry['say']}"))
    return found


def read(entry: dict[str, Any]) -> Reading | None:
    return understand_question(entry["say"], ASKERS[entry.get("as", "teacher")], NOW)


def said(reading: Reading | None) -> str | None:
    return shown(reading.question) if reading is not None and reading.question is not None else None


@pytest.mark.parametrize("entry", lines(*CLEAR))
def test_a_question_is_understood(entry: dict[str, Any]):
    reading = read(entry)
    assert said(reading) == entry["ask"]
    assert reading is not None
    assert (reading.confidence, reading.leftover, reading.choices) == ("clear", (), ())


@pytest.mark.parametrize("entry", lines("confirm"))
def test_what_is_not_quite_understood_is_never_clear(entry: dict[str, Any]):
    reading = read(entry)
    assert reading is not None
    assert reading.confidence == "confirm"
    assert "".join(reading.leftover) == entry["left"]


@pytest.mark.parametrize("entry", lines("not"))
def test_what_is_no_question_about_the_data_is_not_understood(entry: dict[str, Any]):
    assert read(entry) is None


@pytest.mark.parametrize("entry", lines("which"))
def test_what_may_mean_several_things_is_asked_about(entry: dict[str, Any]):
    reading = read(entry)
    assert reading is not None
    assert reading.question is None
    assert [shown(each) for each in reading.choices] == entry["ask"]
    assert reading.about == entry["about"]


@pytest.mark.parametrize("entry", lines("outside"))
def test_somebody_who_is_not_there_gives_a_scope_of_nobody(entry: dict[str, Any]):
    reading = read(entry)
    assert reading is not None
    assert reading.outside == entry["is"]
    assert reading.question is not None
    assert reading.question.scope.ids == ()


@pytest.mark.parametrize("entry", lines("others"))
def test_a_family_that_names_somebody_else_gets_no_question(entry: dict[str, Any]):
    assert read(entry) == Reading(question=None, confidence="confirm", others=True)


@pytest.mark.parametrize("entry", lines("future"))
def test_days_to_come_are_known_as_such(entry: dict[str, Any]):
    assert read(entry) == Reading(question=None, confidence="clear", future=True)


@pytest.mark.parametrize("entry", lines("impossible"))
def test_what_cannot_be_is_named_back(entry: dict[str, Any]):
    reading = read(entry)
    assert reading is not None
    assert reading.question is None
    assert reading.impossible == entry["is"]


@pytest.mark.parametrize("entry", lines("second"))
def test_of_two_questions_the_first_is_answered(entry: dict[str, Any]):
    reading = read(entry)
    assert reading is not None
    assert reading.second
    assert said(reading) == entry["ask"]


@pytest.mark.parametrize("entry", lines("talks", file="questions_followups"))
def test_a_follow_up_changes_what_it_names(entry: dict[str, Any]):
    reading = understand_question(entry["say"], TEACHER, NOW)
    for step in entry["then"]:
        assert reading is not None
        previous = Previous(at=NOW, question=reading.question, students=LISTED, choices=reading.choices)
        after = understand_question(step["say"], TEACHER, NOW + timedelta(minutes=9), previous)
        assert said(after) == step["ask"], step["say"]
        assert after is None or after.confidence == "clear"
        reading = after or reading


def test_after_ten_minutes_nothing_carries_over():
    first = understand_question("今月の4年1組の提出率は?", TEACHER, NOW)
    assert first is not None
    previous = Previous(at=NOW, question=first.question)
    assert understand_question("じゃあ先月は?", TEACHER, NOW + timedelta(minutes=11), previous) is None


def test_a_follow_up_with_a_word_left_over_is_none():
    first = understand_question("今月の4年1組の提出率は?", TEACHER, NOW)
    assert first is not None
    previous = Previous(at=NOW, question=first.question)
    for text in ("先月の宿題は?", "3組の男子は?", "先月以外は?", "ありがとう", "もっと見せて"):
        assert understand_question(text, TEACHER, NOW, previous) is None, text


def test_a_class_without_a_grade_is_of_the_grade_before_for_one_without_a_homeroom():
    for first, then, ask in (
        ("4年2組の先月の提出率は?", "1組は?", "reflection_rate value phase=reflection of=class:c41 [先月]"),
        ("5年1組の出席率は?", "2組は?", "attendance_rate value of=class:c52 [今年度]"),
        ("4年2組の先月の欠席は?", "じゃあ3組の遅刻は?", "late_count value of=class:c43 [先月]"),
    ):
        asked = understand_question(first, ASKERS["principal"], NOW)
        assert asked is not None
        previous = Previous(at=NOW, question=asked.question)
        assert said(understand_question(then, ASKERS["principal"], NOW, previous)) == ask


def test_those_of_whom_nobody_was_listed_are_never_the_whole_class():
    first = understand_question("先月の提出率は?", TEACHER, NOW)
    assert first is not None
    empty = Scope(kind=ScopeKind.LIST, ids=(), label="")
    for text in ("その子たちの欠席は?", "those students' absences?"):
        for students in (None, empty):
            previous = Previous(at=NOW, question=first.question, students=students)
            assert understand_question(text, TEACHER, NOW, previous) is None, text


def test_a_family_names_its_own_child_in_kanji_kana_and_latin_letters():
    family = replace(ASKERS["student"], students=STUDENTS[:1])
    for text in ("佐藤花の欠席は?", "花さんの欠席は?", "サトウハナさんの欠席は?", "はなさんの欠席は?"):
        assert said(understand_question(text, family, NOW)) == "absent_days value of=student:hana [今年度]", text
    english = "absent_days value of=student:hana [this school year]"
    assert said(understand_question("Hana's absences?", family, NOW)) == english
    for text in ("鈴木さんの欠席は?", "タナカユイさんの欠席は?", "Ren's absences?"):
        assert understand_question(text, family, NOW) == Reading(question=None, confidence="confirm", others=True), text


def test_two_students_of_one_name_are_told_apart_by_class_then_by_number():
    principal = ASKERS["principal"]
    twin = replace(STUDENTS[0], id="hana2", number=31)
    for students, labels in (
        (principal.students, ["佐藤 葵（4年1組）", "森 葵（4年1組）"]),
        ((*principal.students, twin), ["佐藤 花（4年2組・1番）", "佐藤 花（4年2組・31番）"]),
    ):
        name = "葵" if students is principal.students else "佐藤花"
        reading = understand_question(f"{name}さんの欠席は?", replace(principal, students=students), NOW)
        assert reading is not None
        assert sorted(each.scope.label for each in reading.choices) == labels


def test_a_test_whose_title_is_an_everyday_word_does_not_take_the_word_away():
    odd = replace(TEACHER, titles=("算数", "1学期", "ふりかえり", "漢字50問"))
    for text, ask in (
        ("算数の正答率は?", "correct_rate value subject=算数 [今週]"),
        ("1学期の欠席は?", "absent_days value [1学期]"),
        ("ふりかえりの提出率は?", "reflection_rate value phase=reflection [今週]"),
        ("算数のテストの平均点は?", "assessment_score value subject=算数 [今年度]"),
        ("漢字50問の平均点は?", "assessment_score value title=漢字50問 [今年度]"),
    ):
        assert said(understand_question(text, odd, NOW)) == ask


def test_a_question_without_a_time_says_so():
    for text, named in (("欠席は?", False), ("今年度の欠席は?", True)):
        reading = understand_question(text, TEACHER, NOW)
        assert reading is not None
        assert reading.question is not None
        assert (reading.question.has_period, reading.question.period.label) == (named, "今年度")


def test_the_same_names_loaded_anew_mean_the_same():
    again = replace(TEACHER, students=tuple(replace(each) for each in STUDENTS))
    assert read({"say": "田中さんの欠席は?"}) == understand_question("田中さんの欠席は?", again, NOW)


WORDS = [
    "佐藤",
    "花",
    "さん",
    "欠席",
    "提出率",
    "3回",
    "以上",
    "の子",
    "先月",
    "と",
    "は?",
    "くらべて",
    "算数",
    "4年2組",
]


@settings(deadline=None)
@given(st.one_of(st.text(), st.lists(st.sampled_from(WORDS), max_size=12).map("".join)), st.sampled_from([*ASKERS]))
def test_any_text_at_all_is_read_without_an_error(text: str, asker: str):
    first = understand_question("先月の欠席は?", TEACHER, NOW)
    assert first is not None
    for previous in (None, Previous(at=NOW, question=first.question, students=LISTED)):
        reading = understand_question(text, ASKERS[asker], NOW, previous)
        assert reading is None or reading.question is None or isinstance(reading.question, Question)


def test_what_is_understood_can_be_kept_and_read_again():
    for entry in (each.values[0] for each in lines(*CLEAR)):
        reading = read(entry)
        assert reading is not None
        assert reading.question is not None
        kept = Question.from_json(reading.question.to_json())
        assert replace(kept, has_period=reading.question.has_period) == reading.question
