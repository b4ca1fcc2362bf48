"""PDF files are read as they are understood: paragraphs, headings, rows of tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from knowledge.documents.reading.marks import joined
from knowledge.documents.reading.model import ReadDocument, Reason, UnreadableError
from knowledge.documents.reading.pdf_page import Run, lines_down
from knowledge.documents.reading.registry import read_file
from tests.builders.documents import CURRICULUM, encrypted_pdf, pdf


@pytest.fixture(scope="module")
def curriculum() -> ReadDocument:
    return read_file(CURRICULUM.name, CURRICULUM.read_bytes())


def test_the_title_is_the_one_that_the_cover_shows(curriculum: ReadDocument) -> None:
    assert curriculum.title == "あゆみ市 ICT活用モデルカリキュラム（令和8年度）"
    assert curriculum.pages == 8


def test_a_paragraph_stands_on_its_page_under_its_headings_in_one_piece(curriculum: ReadDocument) -> None:
    (part,) = [part for part in curriculum.parts if part.text.startswith("端末は、小学校3年生以上")]
    assert (part.page, part.section) == (5, "第3章 端末の使い方のきまり › 3.1 持ち帰り")
    assert part.text == (
        "端末は、小学校3年生以上では毎週金曜日に家庭へ持ち帰り、月曜日に学校へ持ってきます。小学校1年生と2年生は、長い休みの前と、"
        "学級閉鎖のおそれがあるときに持ち帰ります。持ち帰った日は、家庭で充電してから登校します。"
    )


def test_a_row_of_a_table_names_its_columns(curriculum: ReadDocument) -> None:
    rows = [part.text for part in curriculum.parts if part.is_row and part.page == 4]
    assert len(rows) == 7
    assert rows[1] == (
        "学年：3年／年間の時数：15時間／文字入力の目標：ローマ字で1分間に20文字／主な学習活動：調べたことを3枚のスライドにまとめる"
    )


def test_items_of_a_list_are_paragraphs_of_their_own(curriculum: ReadDocument) -> None:
    texts = [part.text for part in curriculum.parts]
    assert "えらぶ力：集めた情報を比べ、確かめ、目的に合うものを選ぶ力" in texts


def test_running_heads_page_numbers_and_the_list_of_contents_are_left_out(curriculum: ReadDocument) -> None:
    whole = "\n".join(part.text for part in curriculum.parts)
    assert "……" not in whole
    assert "目次" not in whole
    assert not [part for part in curriculum.parts if part.page != 1 and "モデルカリキュラム（令和8年度）" in part.text]
    assert not [part for part in curriculum.parts if part.text.strip("- ").isdigit()]


def test_lines_of_letters_are_joined_with_a_space(curriculum: ReadDocument) -> None:
    assert curriculum.parts[-1].text.endswith("Families who need an interpreter may ask their school at least one week "
                                              "before a meeting.")  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "whole"),
    [
        (["毎日の学びの道", "具として"], "毎日の学びの道具として"),
        (["more than", "one line"], "more than one line"),
        (["an inter-", "preter"], "an interpreter"),
        (["端末センター（0123-45-", "6789）"], "端末センター（0123-45-6789）"),
        (["ICT", "支援員"], "ICT支援員"),
        (["the well-", "Known"], "the well- Known"),
    ],
)
def test_lines_become_one(lines: list[str], whole: str) -> None:
    assert joined(lines) == whole


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pdf("", "", ""), Reason.NO_TEXT),
        (encrypted_pdf(), Reason.ENCRYPTED),
        (pdf("a text of some words")[:200], Reason.BROKEN),
        (b"no pdf at all", Reason.BROKEN),
        (b"", Reason.EMPTY),
    ],
)
def test_a_pdf_that_cannot_be_read_says_why(content: bytes, reason: Reason) -> None:
    with pytest.raises(UnreadableError) as error:
        read_file("a.pdf", content)
    assert error.value.reason is reason


def test_pages_of_a_small_pdf_are_told_apart() -> None:
    read = read_file("a.pdf", pdf("The library opens at nine.", "It closes at five."))
    assert [(part.page, part.text) for part in read.parts] == [
        (1, "The library opens at nine."),
        (2, "It closes at five."),
    ]


def test_a_paragraph_of_a_column_is_in_one_piece() -> None:
    next_column = ") Tj ET BT /F 11 Tf 14 TL 320 700 Td ("
    left = "The library of the school is open on\nevery day of the week, and it closes\nat five in the afternoon."
    right = "Books may be kept for two weeks, but\nnot those that others wait for, which\ncome back after one."
    read = read_file("a.pdf", pdf(f"{left}{next_column}{right}"))
    assert [part.text for part in read.parts] == [left.replace("\n", " "), right.replace("\n", " ")]


def _drawn(text: str, left: float, top: float) -> Iterator[Run]:
    """Characters of 12 points one below the other; ``12`` is drawn as one."""
    for number, each in enumerate(re.findall(r"12|.", text)):
        at = top - 12 * number
        yield Run(text=each, left=left, right=left + 12, bottom=at - 12, top=at, grid=None, cell=None)


def test_columns_that_are_read_from_the_top_to_the_bottom_are_sentences() -> None:
    lines = ("運動会は五月12日に行い", 500), ("ます。", 480), ("弁当を持ってくる", 460)
    drawn = [run for text, left in lines for run in _drawn(text, left, 800)]
    assert [run.text for run in lines_down(drawn)] == ["運動会は五月12日に行います。", "弁当を持ってくる"]


def test_single_characters_that_stand_below_each_other_by_chance_stay_apart() -> None:
    drawn = [*_drawn("一二", 500, 800), *_drawn("三", 300, 700), *_drawn("月火", 60, 400)]
    assert [run.text for run in lines_down(drawn)] == ["一", "二", "三", "月", "火"]
