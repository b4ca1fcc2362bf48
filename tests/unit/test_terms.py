"""What the lexical index counts of a text."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from knowledge.documents import terms
from knowledge.documents.fusion import fuse, needs_vectors
from knowledge.documents.lexical import Found, Place
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


def found(*scored: tuple[str, float], coverage: float) -> list[Found]:
    return [Found(place=Place(name, "v", 0), score=score, coverage=coverage) for name, score in scored]


def order(of: list[Found], *nearest: str) -> list[str]:
    return [each.place.document for each in fuse(of, [Place(name, "v", 0) for name in nearest])]


def test_both_rankings_count_alike_where_hardly_anything_was_found() -> None:
    hardly = found(("a", 3.0), ("b", 2.0), ("c", 1.0), coverage=0.05)
    assert order(hardly, "d", "b") == ["b", "a", "d", "c"]
    assert order([], "d", "b") == ["d", "b"]


def test_the_nearest_goes_first_where_its_words_are_nearly_as_good() -> None:
    partly = found(("a", 10.0), ("b", 8.5), ("c", 7.0), coverage=0.3)
    assert order(partly, "b", "c") == ["b", "a", "c"]
    assert order(partly, "c", "b") == ["a", "b", "c"]
    assert order(partly, "d") == ["a", "b", "c"]
    assert order(partly) == ["a", "b", "c"]


def test_vectors_are_heard_where_the_words_do_not_decide() -> None:
    assert needs_vectors("水筒は必要ですか", found(("a", 1.0), coverage=0.3))
    assert not needs_vectors("水筒は必要ですか", found(("a", 1.0), coverage=0.5))
    assert not needs_vectors("すいとうは いりますか", found(("a", 1.0), coverage=0.05))
    assert needs_vectors("すいとうは いりますか", [])
    assert needs_vectors("Do we need a bottle?", found(("a", 1.0), coverage=0.05))
