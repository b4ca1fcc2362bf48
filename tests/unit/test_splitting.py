"""Passages: whole sentences, whole rows, never across a heading or a page, and nothing lost."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from knowledge.documents.reading.model import Part, ReadDocument
from knowledge.documents.splitting import SIZE, split

WORDS = st.sampled_from(
    [
        "算数の宿題を出します",
        "雨の日は、体育館で「走らない。」と決めました",
        "Bring a hat",
        "ページ3",
        "「はい！」",
        "、",
        "水筒",
    ]
)
ENDS = st.sampled_from(["。", "！", "？", "。\n", ". ", " ", ""])
TEXTS = st.lists(st.tuples(WORDS, ENDS), min_size=1, max_size=80).map(lambda each: "".join(map("".join, each)).strip())
PARTS = st.builds(
    Part,
    section=st.sampled_from(["", "一", "一 › 二"]),
    page=st.sampled_from([None, 1, 2]),
    text=TEXTS.filter(bool),
    is_row=st.booleans(),
)


def _document(*texts: str, section: str = "", is_row: bool = False) -> ReadDocument:
    parts = tuple(Part(section=section, page=1, text=text, is_row=is_row) for text in texts)
    return ReadDocument(title=None, parts=parts, pages=1)


def _squeezed(texts: list[str]) -> str:
    return re.sub(r"\s", "", "".join(texts))


@given(st.lists(PARTS, min_size=1, max_size=8))
def test_nothing_is_lost_or_doubled_and_no_passage_crosses_a_heading_or_a_page(parts: list[Part]) -> None:
    pieces = split(ReadDocument(title=None, parts=tuple(parts), pages=None))
    assert _squeezed([piece.text for piece in pieces]) == _squeezed([part.text for part in parts])
    for place in {(part.section, part.page) for part in parts}:
        there = [piece.text for piece in pieces if (piece.section, piece.page) == place]
        assert _squeezed(there) == _squeezed([part.text for part in parts if (part.section, part.page) == place])


def test_a_file_of_one_paragraph_is_one_passage_with_exactly_its_text() -> None:
    text = "長い段落の一つの文です。" * 60
    assert [piece.text for piece in split(_document(text))] == [text]


def test_a_long_text_is_cut_between_sentences() -> None:
    sentence = "校長先生は「雨の日も外で遊べます。」と言い、みんなはよろこびました。"
    pieces = split(_document(sentence * 40, "次の段落です。"))
    assert 3 <= len(pieces) <= 6
    assert all(len(piece.text.encode()) <= SIZE for piece in pieces)
    assert all(piece.text.startswith("校長先生は") and piece.text.endswith("。") for piece in pieces)


def test_an_english_text_is_cut_between_sentences() -> None:
    sentence = "The library is open on Tuesdays and lends three books for two weeks. "
    pieces = split(_document(sentence * 40, "Another paragraph."))
    assert all(piece.text.startswith(("The library", "Another")) and piece.text.endswith(".") for piece in pieces)
    assert 600 < len(pieces[0].text) <= SIZE


def test_short_neighbours_share_a_passage_and_rows_stay_whole() -> None:
    rows = [f"学年：{year}年／内容：{'読書と作文の学習' * 12}" for year in range(1, 7)]
    pieces = split(_document(*rows, is_row=True))
    assert 1 < len(pieces) < 6
    assert [row for piece in pieces for row in piece.text.split("\n")] == rows
