"""How deep a reflection goes, by the words in it: 0–4, and None where nothing was written."""

from __future__ import annotations

import time

import pytest

from knowledge.records.depth import depth_of

# (went well, difficult, next step) → level
JAPANESE: list[tuple[str | None, str | None, str | None, int | None]] = [
    (None, None, None, None),
    ("", " ", "　\n", None),
    ("九九の七の段", None, None, 0),
    ("とくに なかった", None, None, 0),
    ("特になし。", "ない", "わからない", 0),
    ("……", "？", "ー", 0),
    ("またね", "うた", "なし", 0),
    ("あしたのじゅんび", None, None, 1),
    ("おんどくが できた", None, None, 1),
    ("たのしい", None, None, 1),
    ("さか上がり", "むずかしかった", None, 1),
    ("せんせいからの はなし", None, None, 0),
    ("たからもの", None, None, 0),
    ("たし算のひっ算", "たねまき", None, 0),
    ("できたし、ほめてもらったよ", None, None, 1),
    (None, "てつぼうが できない", None, 1),
    ("とくに なかった", None, "もういちど やってみる", 1),
    (None, None, "漢字ドリル", 1),
    ("図をかいたら、文章題がとけた。", None, None, 2),
    ("練習したので、うまくふけた", None, None, 2),
    ("前より はやく 読めた", None, None, 2),
    ("めあてが たっせいできた", None, None, 2),
    ("次は見直しをしたい", None, None, 2),
    ("漢字を十こ覚えた", "形がにていてこまった", "家で練習する", 2),
    ("友だちの考えを聞いて、新しい見方に気づいた。", "意見をまとめられなかった", None, 3),
    ("昨日よりミスが減った。見直しをしたから。", None, "明日もつづける", 4),
    ("目標の十問がとけた。一つずつたしかめたから。", "時間が足りなかった", "とくになし", 3),
    ("計画を立てたので、予定どおり終わった。前回よりも早かった。", "後半は集中が切れた", "次は25分で区切る", 4),
    ("カタカナの テスト", None, "ナイ", 1),
    ("I drew a 図 because it helps", None, None, 2),
]
ENGLISH: list[tuple[str | None, str | None, str | None, int | None]] = [
    ("times tables", None, None, 0),
    ("Nothing much", None, None, 0),
    ("nothing.", "I don’t know", "none", 0),
    ("...", "?", "-", 0),
    ("I finished it", None, None, 1),
    ("We had fun!", None, None, 1),
    ("reading", "Fractions are hard", None, 1),
    ("a seed", None, None, 0),
    ("the north", None, "no idea", 0),
    ("Nothing", None, "Ask the teacher", 1),
    (None, None, "Recorder practice", 1),
    ("my speech", "It was scary because everybody looked", None, 2),
    ("I got it by drawing a picture", None, None, 2),
    ("I was faster than last week", None, None, 2),
    ("I reached my goal", None, None, 2),
    ("I was late, tomorrow I'll get up earlier", None, None, 2),
    ("We won", "It was hard to pass the ball", "Practise at home", 2),
    ("I used a number line, so I did better than before", None, None, 3),
    ("My friend’s idea helped me. I understood it", None, None, 3),
    ("I learned ten words because I practised", "spelling", "Read them again", 3),
    ("I checked every answer, and made fewer mistakes than last time", "The last one was hard", "Keep checking", 4),
    ("My goal was two pages and I wrote three, because I made a plan first", None, "I will read it aloud", 4),
    ("At first I was nervous, but after I asked the teacher I understood", None, "Next time I'll ask sooner", 4),
    ("BECAUSE I PRACTISED I WON", None, None, 2),
    ("cancel the class", None, None, 0),
]


@pytest.mark.parametrize(("went_well", "difficult", "next_step", "level"), [*JAPANESE, *ENGLISH])
def test_a_reflection_has_its_level(
    went_well: str | None, difficult: str | None, next_step: str | None, level: int | None
) -> None:
    assert depth_of(went_well, difficult, next_step) == level


def test_the_level_of_many_texts_is_found_without_waiting() -> None:
    """A million reflections come in by one import: typically 5 µs a text; the bar leaves room for a busy machine."""
    begun = time.process_time()
    for _ in range(200):
        for went_well, difficult, next_step, _level in (*JAPANESE, *ENGLISH):
            depth_of(went_well, difficult, next_step)
    texts = 200 * sum(bool(text) for *answers, _ in (*JAPANESE, *ENGLISH) for text in answers)
    assert (time.process_time() - begun) / texts < 50e-6


def test_a_very_long_text_does_not_take_long() -> None:
    begun = time.process_time()
    for text in ("あ" * 20_000, "as " * 7_000, "えとえとた" * 4_000, "by " * 7_000):
        depth_of(text, None, None)
    assert time.process_time() - begun < 1.0
