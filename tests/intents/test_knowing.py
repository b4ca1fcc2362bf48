"""Questions for the documents are told from figures, from answers to a check-in, from small talk and from orders."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from intents.knowing import Sureness, find_knowing, is_for_documents
from intents.questions import understand_question
from tests.intents.asking import ASKERS, NOW

FOLDER = Path(__file__).parent
Lines = dict[str, list[str]]


def lines(kind: str) -> list[str]:
    """The lines of a kind in both languages."""
    found = [cast("dict[str, Any]", yaml.safe_load(path.read_text("utf-8"))) for path in FOLDER.glob("*/knowing.yaml")]
    return [line for data in sorted(found, key=str) for line in data[kind]]


def is_knowing(text: str, asker: str = "teacher") -> bool:
    """Whether the documents are asked, as it is decided where nothing is pending."""
    return is_for_documents(find_knowing(text), understand_question(text, ASKERS[asker], NOW))


@pytest.mark.parametrize("asker", ["teacher", "board", "student", "guardian"])
@pytest.mark.parametrize("text", lines("documents"))
def test_what_stands_in_a_document_is_asked_of_the_documents(text: str, asker: str) -> None:
    assert is_knowing(text, asker)


@pytest.mark.parametrize("text", lines("documents"))
def test_what_documents_are_about_is_clear(text: str) -> None:
    knowing = find_knowing(text)
    assert knowing is not None and knowing.sureness is not Sureness.MAYBE


@pytest.mark.parametrize("text", lines("figures"))
def test_a_figure_that_is_clearly_asked_for_stays_one(text: str) -> None:
    assert not is_knowing(text)


@pytest.mark.parametrize("text", lines("neither"))
def test_statements_small_talk_and_orders_ask_no_document(text: str) -> None:
    assert not is_knowing(text)


@pytest.mark.parametrize("text", lines("answers"))
def test_what_a_child_answers_a_check_in_is_no_clear_question(text: str) -> None:
    knowing = find_knowing(text)
    assert knowing is None or knowing.sureness is Sureness.MAYBE


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("しらべて: 水筒", "水筒"),
        ("しらべて： 欠席の連絡", "欠席の連絡"),
        ("資料: タブレットの修理", "タブレットの修理"),
        ("資料では、タブレットの修理はどうする？", "タブレットの修理はどうする?"),
        ("忘れ物についてマニュアルでは？", "忘れ物"),
        ("Look up: lost tablets", "lost tablets"),
        ("According to the handbook, who pays for repairs?", "who pays for repairs?"),
    ],
)
def test_words_that_send_a_question_to_the_documents_are_left_out_of_it(text: str, about: str) -> None:
    knowing = find_knowing(text)
    assert knowing is not None and (knowing.about, knowing.sureness) == (about, Sureness.TOLD)


def test_a_child_who_asks_about_another_child_is_refused_and_not_sent_to_the_documents() -> None:
    assert not is_knowing("鈴木くんの欠席は何日？", "student")


def test_a_story_is_no_question() -> None:
    assert find_knowing("今日はいろいろあった。" * 40 + "水筒は持ってきていい？") is None


@pytest.mark.parametrize("text", ["", " ", "?", "？？", "。"])
def test_nothing_asks_nothing(text: str) -> None:
    assert find_knowing(text) is None
