"""What teachers write about good practice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.practices import PracticeAct, find_request, find_told, grades_of, subjects_of


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("実践メモ: 5年算数で、図をかかせた", "5年算数で、図をかかせた"),
        ("実践メモ：理科の実験", "理科の実験"),
        ("優良事例:音読", "音読"),
        ("実践メモ\n体育で、\n動画をとった", "体育で、\n動画をとった"),
        ("実践メモ 国語で役割を決めて読んだ", "国語で役割を決めて読んだ"),
        ("Practice note: drawing first helped", "drawing first helped"),
        ("実践メモ：", ""),
    ],
)
def test_a_practice_is_told_behind_its_name(text: str, told: str) -> None:
    assert find_told(text) == told


@pytest.mark.parametrize(
    "text",
    [
        "実践メモの確認",
        "実践メモを見せて",
        "優良事例 ある？",
        "実践メモ",
        "メモ 分数がわかった",
        "実践した",
        "practice makes perfect",
    ],
)
def test_other_texts_tell_none(text: str) -> None:
    assert find_told(text) is None


@pytest.mark.parametrize(
    ("text", "subjects", "grades", "words"),
    [
        ("分数の実践は？", (), (), ("分数",)),
        ("5年の実践メモを見せて", (), ("P5",), ()),
        ("1年の実践メモを見せて", (), ("P1", "J1", "H1"), ()),
        ("理科の優良事例ある？", ("理科",), (), ()),
        ("中1の数学の実践例は？", ("数学",), ("J1",), ()),
        ("小5国語の話し合いの実践事例を探してください", ("国語",), ("P5",), ("話し合い",)),
        ("タブレットを使った実践を教えて", (), (), ("タブレット",)),
        ("ほかの学校の実践を見たい", (), (), ()),
        ("any good practices for fractions?", (), (), ("fractions",)),
        ("show me practice notes about science", ("理科",), (), ()),
    ],
)
def test_practices_are_looked_for(
    text: str, subjects: tuple[str, ...], grades: tuple[str, ...], words: tuple[str, ...]
) -> None:
    found = find_request(text)
    assert found is not None and found.act is PracticeAct.FIND
    assert (found.subjects, found.grades, found.words) == (subjects, grades, words)


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("実践メモの確認", PracticeAct.REVIEW),
        ("実践メモの確認待ちを見せて", PracticeAct.REVIEW),
        ("review practice notes", PracticeAct.REVIEW),
        ("実践メモを取り下げて", PracticeAct.WITHDRAW),
        ("優良事例を取り下げたい", PracticeAct.WITHDRAW),
        ("withdraw my practice note", PracticeAct.WITHDRAW),
        ("実践メモを書きたい", PracticeAct.HOW),
        ("実践メモの書き方は？", PracticeAct.HOW),
        ("how do I share a practice note?", PracticeAct.HOW),
    ],
)
def test_practices_are_reviewed_and_taken_back(text: str, act: PracticeAct) -> None:
    found = find_request(text)
    assert found is not None and found.act is act


@pytest.mark.parametrize(
    "text",
    [
        "実践する",
        "算数を実践した",
        "実践的な学習は？",
        "避難訓練の実践力は？",
        "4年2組の提出率は？",
        "今日のめあては？",
        "実践メモってなに？",
        "",
    ],
)
def test_other_texts_ask_for_none(text: str) -> None:
    assert find_request(text) is None


def test_subject_and_grades_are_read_from_the_text() -> None:
    assert subjects_of("算数と理科で") == ("算数",) and subjects_of("朝の会で") == ()
    assert grades_of("5年と6年の合同で", "P") == ("P5", "P6") and grades_of("5年間で") == ()


@given(st.text(max_size=120))
def test_any_text_at_all_is_read_without_harm(text: str) -> None:
    for read in (find_told, find_request, subjects_of, grades_of):
        read(text)
