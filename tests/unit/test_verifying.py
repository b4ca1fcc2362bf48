"""Whether a sentence is contained in what it cites: a copy is, anything turned round is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.documents.model import Passage
from knowledge.documents.sentences import split_sentences
from knowledge.documents.verifying import find_quote, is_contained

TEXT = """水筒は毎日持ってきてよいです。ただし、ジュースは入れません。ゲーム機は持ってきてはいけません。
提出期限は12月25日（金）の午後5時です。校庭は雨の日は使えません。プールはありません。
対象は6年生ではありません。辞書を持ってきてよい日はありません。1年生は5分、2年生は10分まで使います。
学年 | 冊数
1年生 | 2冊
5年生 | 5冊
Students must not use phones in class. Bottles may be filled before 8:30. Report losses to the office within 3 days."""
PASSAGE = Passage(document="rules", position=0, title="学校のきまり", section="持ち物", page=2, text=TEXT)
COPIED = [each.text for each in split_sentences(TEXT)]


def contained(sentence: str, quote: str = TEXT) -> bool:
    return is_contained(sentence, quote, PASSAGE)


@given(st.sampled_from(COPIED))
def test_a_sentence_that_was_copied_is_contained(sentence: str) -> None:
    assert contained(sentence, sentence)


@given(st.sampled_from([each for each in COPIED if any(letter.isdigit() for letter in each)]), st.data())
def test_a_sentence_with_another_figure_is_not(sentence: str, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from([at for at, letter in enumerate(sentence) if letter.isdigit()]))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != sentence[place]]))
    changed = sentence[:place] + other + sentence[place + 1 :]
    assert not contained(changed) or changed in TEXT  # 1年生 for 2年生 in a row of its own would be a copy again


@given(
    st.sampled_from(COPIED),
    st.sampled_from(["タブレット", "校長", "2027", "図書室", "禁止", "computer", "Saturday"]),
    st.data(),
)
def test_a_sentence_with_a_word_from_elsewhere_is_not(sentence: str, word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(sentence) - 1))
    assert not contained(f"{sentence[:place]} {word} {sentence[place:]}")


@pytest.mark.parametrize(
    "turned",
    [
        "水筒は持ってきてはいけません。",
        "水筒は毎日持ってきません。",
        "ジュースは入れます。",
        "ゲーム機は持ってきてよいです。",
        "校庭は雨の日は使えます。",
        "プールはあります。",
        "対象は6年生です。",
        "辞書を持ってきてよいです。",
        "Students use phones in class.",
        "Students may use phones in class.",
        "Bottles must be filled before 8:30.",
        "Bottles may be filled after 8:30.",
    ],
)
def test_a_sentence_that_is_turned_round_is_not(turned: str) -> None:
    assert not contained(turned)


@pytest.mark.parametrize(
    "cut",
    [
        "校庭は使えません。",  # without its condition
        "2年生は10分使います。",  # まで
        "1年生は10分まで使います。",  # of somebody else
        "1年生は5冊です。",
        "提出期限は午後5時です。",  # without its day
        "提出期限は12月25日からです。",
    ],
)
def test_a_sentence_that_lost_what_it_depends_on_is_not(cut: str) -> None:
    assert not contained(cut)


@pytest.mark.parametrize(
    "short",
    [
        "水筒は持ってきていい。",
        "ゲーム機は、持って来てはいけない。",
        "提出期限は１２月２５日の午後５時",
        "5年生は5冊です。",
        "Phones: students must not use phones in class."[8:],
    ],
)
def test_a_shorter_sentence_that_says_the_same_is(short: str) -> None:
    assert contained(short)


def test_only_the_sentences_that_a_quote_touches_count() -> None:
    assert contained("ゲーム機は持ってきてはいけない。", "ゲーム機は持ってきて")
    assert not contained("ゲーム機は持ってきてはいけない。", "水筒は毎日")


def test_a_quote_must_stand_in_the_passage_white_space_aside() -> None:
    assert find_quote("水筒は 毎日\n持って", PASSAGE) == "水筒は毎日持って"
    assert find_quote("水筒を毎日", PASSAGE) is None
    assert find_quote("  ", PASSAGE) is None
    assert not contained("水筒は毎日持ってきてよいです。", "水筒を毎日持ってきてよいです。")


@pytest.mark.parametrize("nothing", ["", "はい。", "!?", "これはそうです。"])
def test_a_sentence_that_says_nothing_is_not(nothing: str) -> None:
    assert not contained(nothing)
