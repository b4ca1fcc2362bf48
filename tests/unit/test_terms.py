"""What the lexical index counts of a text."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from knowledge.documents import terms
from knowledge.documents.fusion import fuse
from knowledge.documents.terms import KIND_SHIFT, PAIR, SOUND, WORD, pack, reading, stem, terms_of, unpack


def of_kind(text: str, kind: int) -> set[int]:
    found, _ = terms_of(text)
    return set(found[found >> KIND_SHIFT == kind].tolist())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("水筒", "すいとう"),
        ("避難訓練", "ヒナンクンレン"),
        ("めあて", "メアテ"),
    ],
)
def test_kanji_and_kana_sound_alike(one: str, other: str) -> None:
    assert of_kind(one, SOUND) == of_kind(other, SOUND) != set()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ＰＣルーム", "pcルーム"),
        ("ﾀﾌﾞﾚｯﾄ", "タブレット"),
        ("申し込み", "申込み"),
        ("Students are asked", "student asks"),
    ],
)
def test_ways_to_write_one_word_are_one_word(one: str, other: str) -> None:
    assert of_kind(one, WORD) == of_kind(other, WORD) != set()


def test_particles_and_english_function_words_are_not_counted_as_words() -> None:
    assert of_kind("水筒はどこにありますか", WORD) & of_kind("は に ます か", WORD) == set()
    assert of_kind("Where is the bottle?", WORD) == of_kind("bottle", WORD)


def test_pairs_do_not_reach_over_marks() -> None:
    assert of_kind("水。筒", PAIR) == set()
    assert len(of_kind("水筒", PAIR)) == 1


def test_english_has_no_pairs_and_no_sound() -> None:
    found, _ = terms_of("The lost tablet is reported to the office.")
    assert set((found >> KIND_SHIFT).tolist()) == {WORD}


def test_repeated_terms_are_counted_up_to_255() -> None:
    found, counts = terms_of("水筒、" * 300)
    assert counts.max() == 255
    assert len(found) == len(set(found.tolist()))


def test_terms_are_the_same_after_packing_and_other_versions_are_told_apart() -> None:
    found, counts = terms_of("東小のきまり 水筒は一年中もってきてよいです。")
    packed = pack(found, counts)
    unpacked = unpack(packed)
    assert unpacked is not None
    assert np.array_equal(unpacked[0], found)
    assert np.array_equal(unpacked[1], counts)
    assert unpack(bytes((terms.VERSION + 1,)) + packed[1:]) is None


@pytest.mark.parametrize("text", ["", " \n", "？！", "\ud800", "😀", "あ" * 40_000])
def test_every_text_has_terms_or_none(text: str) -> None:
    found, counts = terms_of(text)
    assert len(found) == len(counts)


@pytest.mark.parametrize(
    ("word", "stemmed"),
    [
        ("children", "children"),
        ("bottles", "bottl"),
        ("bottle", "bottl"),
        ("policies", "policy"),
        ("stopped", "stop"),
        ("stopping", "stop"),
        ("class", "class"),
        ("bus", "bus"),
        ("sing", "sing"),
    ],
)
def test_english_endings(word: str, stemmed: str) -> None:
    assert stem(word) == stemmed


def test_a_reading_is_in_hiragana() -> None:
    assert reading("避難訓練は3時から") == "ひなんくんれんは3じから"


async def test_many_threads_count_at_once() -> None:
    expected = terms_of("避難訓練のしおり")
    with ThreadPoolExecutor(8) as pool:
        loop = asyncio.get_running_loop()
        texts = ["避難訓練のしおり"] * 200
        found = await asyncio.gather(*(loop.run_in_executor(pool, terms_of, text) for text in texts))
    assert all(np.array_equal(each[0], expected[0]) for each in found)


def test_fusing_prefers_what_both_name_and_then_the_first() -> None:
    assert [each for each, _ in fuse(["a", "b", "c"], ["d", "b"])] == ["b", "a", "d", "c"]
    assert fuse(["a"], [])[0] == ("a", 1 / 61)
