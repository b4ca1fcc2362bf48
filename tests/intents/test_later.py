"""あとで, and the times that children name with it."""

from datetime import time, timedelta

import pytest

from intents.later import LaterRequest, find_later


@pytest.mark.parametrize(
    "text", ["あとで", "後で。", "またあとで", "あとにする", "あとでやるね", "ごはんのあとで",
             "しゅくだいが おわってから あとで",
             "今はむり", "later", "Later!", "not now", "ask me later", "after dinner, later"],
)  # fmt: skip
def test_あとで_alone_names_no_time(text: str) -> None:
    assert find_later(text) == LaterRequest(puts_off=True)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("30分あとで", 30), ("あとで、30分", 30), ("１時間あとで", 60), ("1時間半あとで", 90), ("あと10分", 10),
     ("三十分後で", 30),
     ("later, in 30 minutes", 30), ("later in half an hour", 30), ("ask me in an hour", 60),
     ("ask me again in 2 hours", 120)],
)  # fmt: skip
def test_a_span_of_time_counts_from_now(text: str, minutes: int) -> None:
    assert find_later(text) == LaterRequest(puts_off=True, after=timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("あとで、5時に", (time(5), time(17))),
        ("あとで５じ", (time(5), time(17))),
        ("五時半にあとでやる", (time(5, 30), time(17, 30))),
        ("午後4時15分にあとで", (time(16, 15),)),
        ("あとで17:30", (time(17, 30),)),
        ("夜7時にあとで", (time(19),)),
        ("あとで、25時に", ()),
        ("あとで、5時70分に", ()),
        ("later at 5", (time(5), time(17))),
        ("later, at 5:30 pm", (time(17, 30),)),
        ("remind me at 6pm", (time(18),)),
    ],
)
def test_a_time_of_day_is_each_time_it_may_mean(text: str, times: tuple[time, ...]) -> None:
    assert find_later(text) == LaterRequest(puts_off=True, at=times)


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("30分後", LaterRequest(puts_off=True, after=timedelta(minutes=30))),
        ("17時", LaterRequest(puts_off=False, at=(time(17),))),
        ("5時がいい", LaterRequest(puts_off=False, at=(time(5), time(17)))),
        ("in 30 minutes", LaterRequest(puts_off=False, after=timedelta(minutes=30))),
        ("at 5 pm", LaterRequest(puts_off=False, at=(time(17),))),
    ],
)
def test_a_time_and_nothing_else_is_known_as_such(text: str, request_: LaterRequest) -> None:
    assert find_later(text) == request_


@pytest.mark.parametrize("text", ["よばなくていい", "もう呼ばないで", "よばなくてもいいよ", "don't call me"])
def test_not_to_be_called_at_all(text: str) -> None:
    assert find_later(text) == LaterRequest(puts_off=True, never=True)


@pytest.mark.parametrize(
    "text",
    ["", "。", "に", "5", "ごはん", "ごはんを食べた", "しゅくだいをする", "あとで先生に聞く",
     "あとで漢字を10個おぼえる", "5時に先生と話したい",
     "30分本を読む", "友だちとあとで遊んだのが楽しかった", "the game", "I will tell you about dinner later",
     "see you at school", "at", "四"],
)  # fmt: skip
def test_a_childs_own_words_are_not_taken_for_it(text: str) -> None:
    assert find_later(text) is None
