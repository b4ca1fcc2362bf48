"""Questions about clubs and events, and what only sounds like one."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.activities import likeness, understand_activity

TODAY = date(2026, 5, 11)
NAMES = ["プログラミング教室", "科学館の日", "ロボットクラブ"]


@pytest.mark.parametrize(
    "text",
    [
        "プログラミング教室はいつ？",
        "ピアノ教室はどこ？",
        "参加できるイベントある？",
        "夏休みのクラブは？",
        "申し込みはいつまで？",
        "オンラインでできるものは？",
        "What clubs can I join?",
        "any events in the summer?",
        "When is the coding club?",
        "5年生が参加できるクラブは？",
        "来月のワークショップはどこでありますか",
        "クラブの申し込み方法を教えてください",
    ],
)
def test_a_question_about_clubs_and_events_is_one_without_any_entry(text: str) -> None:
    assert understand_activity(text, TODAY) is not None


def test_what_is_called_so_is_asked_for_by_its_name() -> None:
    found = understand_activity("科学館の日はいつ？", TODAY, NAMES)
    assert found is not None and found.named == ("科学館の日",)
    assert understand_activity("科学館の日はいつ？", TODAY) is None
    found = understand_activity("そろばん教室ってどこでやるの", TODAY, NAMES)
    assert found is not None and (found.named, found.said) == ((), "そろばん教室")


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("夏休みのクラブは？", date(2026, 7, 20), date(2026, 8, 31)),
        ("冬休みのイベントは？", date(2026, 12, 24), date(2027, 1, 7)),
        ("春休みのイベントは？", date(2027, 3, 20), date(2027, 4, 7)),
        ("来月のイベントは？", date(2026, 6, 1), date(2026, 6, 30)),
        ("4月のイベントは？", date(2027, 4, 1), date(2027, 4, 30)),
        ("クラブは？", None, None),
    ],
)
def test_the_time_of_year_lies_ahead(text: str, first: date | None, last: date | None) -> None:
    found = understand_activity(text, TODAY)
    assert found is not None and (found.first, found.last) == (first, last)


def test_within_a_season_it_is_meant_and_not_the_next() -> None:
    found = understand_activity("冬休みのイベントは？", date(2027, 1, 5))
    assert found is not None and (found.first, found.last) == (date(2026, 12, 24), date(2027, 1, 7))


@pytest.mark.parametrize(
    "text",
    [
        "クラブでがんばる",
        "プログラミング教室に行った",
        "クラブの提出率は？",
        "今日の提出率は？",
        "なんで星は光るのか調べる",
        "イベントの準備をする",
        "水筒は持ってきていい？",
        "分数の動画ある？",
        "クラブ活動の欠席は？",
        "夏休みはいつから？",
        "クラスの様子は？",
        "給食費の申し込みはいつまで？",
        "教室はどこ？",
        "理科教室はどこですか",
        "4年2組の教室はどこ？",
        "運動会はいつ？",
        "できた？かも",
        "クラブ楽しかった",
        "プログラミング教室を5年生にお知らせして",
        "はい",
        "",
        "学校行事はいつ？",
    ],
)
def test_other_texts_are_none(text: str) -> None:
    assert understand_activity(text, TODAY, NAMES) is None


def test_a_sentence_is_no_plain_question() -> None:
    found = understand_activity("今日はクラブがある", TODAY)
    assert found is None or not found.is_plain


def test_likeness_is_the_share_that_stands_there() -> None:
    assert likeness("ぷろぐらみんぐ教室", "夏のプログラミング教室") == 1
    assert likeness("ぴあの教室", "プログラミング教室") < 0.5
    assert likeness("coding", "Coding Club") == 1 and likeness("cooking", "Coding Club") == 0


@given(st.text(max_size=90))
def test_any_text_at_all_is_read_without_harm(text: str) -> None:
    understand_activity(text, TODAY, NAMES)
