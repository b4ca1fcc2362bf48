"""What children write when they want to talk, and what they write that is something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.wishes import (
    Subject,
    Whom,
    Wish,
    asks_for_list,
    find_subject,
    find_whom,
    find_wish,
    is_withdrawal,
)

WISHES = {
    "保健の先生に相談したい": Wish(whom=Whom.NURSE),
    "ほけんしつの せんせいと はなしたい": Wish(whom=Whom.NURSE),
    "養護の先生に話を聞いてほしいです": Wish(whom=Whom.NURSE),
    "友だちのことで担任の先生と話したい": Wish(whom=Whom.HOMEROOM, subject=Subject.FRIENDS),
    "ともだちの ことで、たんにんの せんせいに そうだんしたい": Wish(whom=Whom.HOMEROOM, subject=Subject.FRIENDS),
    "担任の先生に、家のことを相談したいです": Wish(whom=Whom.HOMEROOM, subject=Subject.HOME),
    "スクールカウンセラーの先生と話したいんだけど": Wish(whom=Whom.COUNSELOR),
    "森先生と話したい": Wish(name="森"),
    "森先生に数学のことで相談したいです": Wish(name="森", subject=Subject.STUDY),
    "数学の先生と話したい": Wish(whom=Whom.OTHER),
    "担任じゃない先生に相談したい": Wish(whom=Whom.OTHER),
    "ほかの先生に相談したい": Wish(whom=Whom.OTHER),
    "だれでもいいから話を聞いてほしい": Wish(whom=Whom.ANYONE),
    "学校の外の人と話したい": Wish(whom=Whom.OUTSIDE),
    "先生に伝えてほしい": Wish(),
    "先生に相談したい！": Wish(),
    "進路のことで相談したい": Wish(subject=Subject.FUTURE),
    "話したいことがある": Wish(),
    "相談に乗ってほしい": Wish(),
    "I want to talk to the school nurse": Wish(whom=Whom.NURSE),
    "Can I talk to my homeroom teacher about my friends?": Wish(whom=Whom.HOMEROOM, subject=Subject.FRIENDS),
    "I'd like to talk with Ms Mori about home please": Wish(name="mori", subject=Subject.HOME),
    "I need to talk to someone outside school": Wish(whom=Whom.OUTSIDE),
    "I want to talk": Wish(),
}
OTHERWISE = """
友だちと話したい
みんなの前で話したい
英語で話したい
お母さんと話したい
つぎは先生に相談したい
先生に質問したい
先生に相談した
先生と話せた
保健室に行きたい
担任の先生が好き
話せる
発表を聞いてほしい
本の話をしたい
友だちのことがわかった
先生の話をよく聞く
今日は友だちと相談してきめた
わたしは、先生と話したいことがたくさんあったけど、今日はがまんして、そのかわりにノートに書いてみたら、気持ちがすっきりして、とてもよかったと思います。
I talked to my teacher
I want to talk English well
talk to my friends about the game
I want to ask the teacher
""".strip().splitlines()


@pytest.mark.parametrize(("text", "wish"), WISHES.items())
def test_a_wish_is_understood_with_whom_and_about_what(text: str, wish: Wish) -> None:
    assert find_wish(text) == wish


@pytest.mark.parametrize("text", OTHERWISE)
def test_what_a_child_writes_otherwise_is_left_alone(text: str) -> None:
    assert find_wish(text) is None


def test_answers_to_the_two_questions_are_read() -> None:
    assert find_whom("たんにんの先生がいい") == Wish(whom=Whom.HOMEROOM)
    assert find_whom("森先生") == Wish(name="森")
    assert find_whom("the nurse") == Wish(whom=Whom.NURSE)
    assert find_whom("晴れ") is None
    assert find_whom("先生") is None  # which one?
    assert find_subject("言いたくないです") is Subject.UNSAID
    assert find_subject("うちのこと") is Subject.HOME
    assert find_subject("ほかのこと") is Subject.OTHER
    assert find_subject("my future") is Subject.FUTURE
    assert find_subject("昨日のことなんだけど") is None


def test_taking_back_and_the_list_of_staff_are_short_words_and_nothing_else() -> None:
    assert all(map(is_withdrawal, ["やっぱりいい", "やっぱいいや", "相談はやめる", "never mind", "取り消して"]))
    assert not any(map(is_withdrawal, ["いい", "やっぱり算数にする", "やめる", "やっぱり友だちがいい", ""]))
    assert all(map(asks_for_list, ["相談一覧", "相談したい子", "相談リストを見せて", "talk requests"]))
    assert not any(map(asks_for_list, ["相談したい子は？", "相談", "今週の相談", ""]))


@given(st.text(max_size=120))
def test_any_text_at_all_is_read_without_an_error(text: str) -> None:
    for read in (find_wish, find_whom, find_subject, is_withdrawal, asks_for_list):
        read(text)
