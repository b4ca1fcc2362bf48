"""A passage into its sentences, items and rows, each at its place."""

import pytest

from knowledge.documents.sentences import Shape, needed_after, needed_before, split_sentences

LIST = "次のものを持ってきます：\n・水筒（お茶か水。ジュースは不可。）\n・筆箱\n忘れた人は先生に言います。"
TABLE = "学年 | 時刻 | 場所\n--- | --- | ---\n1年 | 14:00 | 体育館\n5年 | 15:30 | 理科室"


def texts(text: str) -> list[str]:
    return [sentence.text for sentence in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "水筒を持ちます。帽子もかぶります！　いいですか？",
            ["水筒を持ちます。", "帽子もかぶります！", "いいですか？"],
        ),
        (
            "先生は「忘れずに。早く。」と言いました。終わり。",
            ["先生は「忘れずに。早く。」と言いました。", "終わり。"],
        ),
        ("費用（税込み。送料は別。）は千円です。次です。", ["費用（税込み。送料は別。）は千円です。", "次です。"]),
        ("閉じない「かっこです。次です。", ["閉じない「かっこです。", "次です。"]),
        ("一つ目です。」二つ目です。", ["一つ目です。」", "二つ目です。"]),
        (
            "Tell Mr. Sato by 5 p.m. Devices, e.g. tablets, stay here. It costs 3.50 yen.",
            ["Tell Mr. Sato by 5 p.m.", "Devices, e.g. tablets, stay here.", "It costs 3.50 yen."],
        ),
        ("See https://example.com/a.html today. Then go.", ["See https://example.com/a.html today.", "Then go."]),
        ("", []),
        (" \n\n ", []),
    ],
)
def test_a_sentence_ends_where_it_ends(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


def test_a_line_that_the_page_broke_goes_on() -> None:
    text = "この文はページの幅で折り返されている長い文であり途中で改行が入って\nいますが一つの文です。次の文。"
    assert len(split_sentences(text)) == 2


def test_a_sentence_knows_its_place() -> None:
    for text in (LIST, TABLE, "　前に空白。\n\n  後。 "):
        for sentence in split_sentences(text):
            assert text[sentence.start : sentence.end] == sentence.text


def test_items_and_rows_are_told_from_sentences() -> None:
    assert [each.shape for each in split_sentences(LIST)] == [Shape.LEAD, Shape.ITEM, Shape.ITEM, Shape.SENTENCE]
    assert [each.shape for each in split_sentences(TABLE)] == [Shape.ROW] * 3


def test_a_row_needs_the_header_of_its_table() -> None:
    assert needed_before(split_sentences(TABLE), 2) == (0,)
    assert needed_before(split_sentences(TABLE), 0) == ()


def test_an_item_needs_the_line_above_its_list() -> None:
    assert needed_before(split_sentences(LIST), 2) == (0,)


def test_a_line_above_a_list_needs_its_items() -> None:
    assert needed_after(split_sentences(LIST), 0, 3) == (1, 2)
    assert needed_after(split_sentences(LIST), 3, 3) == ()


@pytest.mark.parametrize("text", ["端末が壊れました。それは先生に渡します。", "Keep the charger. It stays at home."])
def test_a_sentence_that_points_back_needs_the_one_before(text: str) -> None:
    assert needed_before(split_sentences(text), 1) == (0,)


def test_a_sentence_that_stands_alone_needs_none() -> None:
    assert needed_before(split_sentences("端末が壊れました。水筒を持ちます。"), 1) == ()


def test_a_row_that_names_its_columns_stands_alone() -> None:
    text = "時刻は次のとおりです。\n時刻：8:15〜8:30／すること：朝の会\n時刻：15:30／すること：下校"
    assert [each.shape for each in split_sentences(text)] == [Shape.LEAD, Shape.RECORD, Shape.RECORD]
    assert needed_before(split_sentences(text), 2) == (0,)
