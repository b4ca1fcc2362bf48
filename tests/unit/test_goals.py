"""How specific a morning's goal is, by the words in it."""

from __future__ import annotations

import time

import pytest

from knowledge.records.goals import POINTS, seen_in

GOALS: list[tuple[str, set[str]]] = [
    ("がんばる", set()),
    ("べんきょうを がんばる", set()),
    ("算数をがんばる", set()),
    ("今日も楽しくすごす", set()),
    ("しゅうちゅうする", set()),
    ("特になし", set()),
    ("きめてない", set()),
    ("分数のわり算", {"what"}),
    ("てを あげて はなす", {"what"}),
    ("リコーダーのソの音", {"what"}),
    ("10問とく", {"amount"}),
    ("さいごまで がんばる", {"amount"}),
    ("算数の時間に集中する", {"time"}),
    ("友だちと相談してがんばる", {"how"}),
    ("分数のわり算を10問とく", {"what", "amount"}),
    ("けいさん ドリル 2ページ やる", {"what", "amount"}),
    ("昼休みに本を読む", {"what", "time"}),
    ("リコーダーのソの音を昼休みに3回練習する", {"what", "amount", "time"}),
    ("漢字を10こ、声に出しておぼえる", {"what", "amount", "how"}),
    ("放課後に英単語を20個、カードを使って覚える", {"what", "amount", "time", "how"}),
    ("do my best", set()),
    ("study maths", set()),
    ("idk", set()),
    ("the book report", {"what"}),
    ("read 3 pages out loud", {"amount", "how"}),
    ("finish the book report by lunch", {"what", "time"}),
    ("solve 10 fraction problems before lunch by drawing them", {"what", "amount", "time", "how"}),
]


@pytest.mark.parametrize(("goal", "points"), GOALS)
def test_a_goal_has_its_points(goal: str, points: set[str]) -> None:
    seen = seen_in(goal)

    assert seen is not None
    assert set(seen) == points


def test_the_words_that_show_a_point_stand_in_the_goal() -> None:
    assert seen_in("漢字を10こ、声に出しておぼえる") == {"what": "漢字を", "amount": "10こ", "how": "声に出し"}


def test_a_plan_is_a_way_to_do_it() -> None:
    assert seen_in("音読カード", "じぶんで かんがえる") == {"what": "音読", "how": "じぶんで かんがえる"}
    assert seen_in("音読カード", "わからない") == {"what": "音読"}


def test_without_words_nothing_is_said() -> None:
    assert seen_in(None) is None
    assert seen_in("　 ") is None
    assert seen_in("……") == {}


def test_a_very_long_goal_does_not_take_long() -> None:
    begun = time.process_time()
    for text in ("あ" * 20_000, "10" * 10_000, "な" * 20_000, "read ten " * 3_000):
        seen_in(text)
    assert time.process_time() - begun < 2.0


def test_the_points_are_in_the_order_in_which_they_are_learnt() -> None:
    assert list(seen_in("放課後に英単語を20個、カードを使って覚える") or {}) == [*POINTS]
