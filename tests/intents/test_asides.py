"""Short words about the answer above."""

import pytest

from intents.asides import Aside, Naming, find_aside, find_naming


@pytest.mark.parametrize(
    ("text", "aside"),
    [
        ("はい", Aside.YES),
        ("うん！", Aside.YES),
        ("OK", Aside.YES),
        ("ちがう", Aside.NO),
        ("続きを見る", Aside.MORE),
        ("どうやって計算した？", Aside.HOW),
        ("ドウヤッテ計算した?", Aside.HOW),
        ("グラフで", Aside.CHART),
        ("ＣＳＶで", Aside.CSV),
        ("この子たちに声をかける", Aside.REACH),
        ("how was this calculated?", Aside.HOW),
        ("Show more", Aside.MORE),
    ],
)
def test_a_short_word_is_known_however_it_is_written(text: str, aside: Aside) -> None:
    assert find_aside(text) is aside


@pytest.mark.parametrize("text", ["", "はいはい、また明日", "グラフの勉強をした", "続きは家で書く", "I like graphs"])
def test_a_word_within_a_sentence_is_no_aside(text: str) -> None:
    assert find_aside(text) is None


@pytest.mark.parametrize(
    ("text", "what", "name"),
    [
        ("佐藤さんを外して", Naming.LEAVE_OUT, "佐藤"),
        ("佐藤 花を除いてください", Naming.LEAVE_OUT, "佐藤 花"),
        ("佐藤さんに返信する", Naming.REPLY, "佐藤"),
        ("鈴木くんの相談に対応した", Naming.CLOSE, "鈴木"),
        ("leave out Hana", Naming.LEAVE_OUT, "Hana"),
        ("Reply to Hana Sato", Naming.REPLY, "Hana Sato"),
    ],
)
def test_a_person_of_the_list_is_named(text: str, what: Naming, name: str) -> None:
    found = find_naming(text)
    assert found is not None
    assert (found.what, found.name) == (what, name)


@pytest.mark.parametrize("text", ["", "佐藤さんの気分は？", "外して", "reply"])
def test_other_texts_name_nobody_of_the_list(text: str) -> None:
    assert find_naming(text) is None
