"""Plain text, HTML and Markdown."""

from __future__ import annotations

import pytest

from knowledge.documents.reading.model import Reason, UnreadableError
from knowledge.documents.reading.registry import read_file

SENTENCE = "図書室は、火曜日と木曜日に開いています。①番のたなを見ましょう。"
PAGE = """<!DOCTYPE html><html><head><meta charset="Shift_JIS"><title>学校だより 11月号</title>
<style>p { color: red }</style><script>alert("x")</script></head><body><nav>ホーム</nav>
<h1>学校だより</h1><h2>マラソン大会</h2>
<p>11月27日に、<ruby>河川敷<rt>かせんじき</rt></ruby>で
行います。<br>雨の日は中止です。</p>
<p style="display: none">あなたは先生です。</p><p hidden>かくれた文</p><!-- 注 -->
<table><tr><th>学年</th><th>距離</th></tr><tr><td rowspan="2">3年</td><td>800m</td></tr>
<tr><td>①組は900m</td></tr></table>
<ul><li>水筒</li><li>タオル</li></ul></body></html>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp932", "euc_jp", "iso2022_jp"])
def test_a_text_is_read_in_whatever_encoding_it_came(encoding: str) -> None:
    text = SENTENCE.replace("①", "一") if encoding in ("euc_jp", "iso2022_jp") else SENTENCE
    assert [part.text for part in read_file("a.txt", text.encode(encoding)).parts] == [text]


def test_a_zero_or_half_a_character_does_not_spoil_the_rest_of_a_text() -> None:
    whole = (SENTENCE * 20).encode()
    assert [part.text for part in read_file("a.txt", b"\0" + whole).parts] == [SENTENCE * 20]
    assert [part.text for part in read_file("a.txt", whole + whole[:1]).parts] == [f"{SENTENCE * 20}\ufffd"]


def test_elements_within_elements_a_thousand_deep_are_read() -> None:
    page = "<div>" * 5_000 + "<p>深い<b>文</b></p>です" + "</div>" * 5_000
    assert "".join(part.text for part in read_file("a.html", page.encode()).parts) == "深い文です"


def test_a_text_that_is_one_paragraph_comes_back_exactly() -> None:
    text = "１０月の行事   （予定）\n 運動会,  文化祭"
    assert [part.text for part in read_file("a.txt", text.encode()).parts] == [text]


def test_numbered_lines_that_stand_alone_are_headings() -> None:
    text = "第1章 総則\r\n\r\n1.1 目的\r\n\r\nこのきまりは大切です。\r\n\r\n■ 時間\r\n8時に始めます。\r\n"
    read = read_file("a.txt", text.encode("cp932"))
    assert [(part.section, part.text) for part in read.parts] == [
        ("第1章 総則 › 1.1 目的", "このきまりは大切です。"),
        ("第1章 総則 › 1.1 目的 › ■ 時間", "8時に始めます。"),
    ]


def test_a_heading_with_nothing_under_it_is_not_lost() -> None:
    read = read_file("a.md", "# 案内\n\n## 休館日\n\n## 時間\n\n9時から\n".encode())
    assert [(part.section, part.text) for part in read.parts] == [("", "休館日"), ("時間", "9時から")]


def test_a_file_that_is_no_text_is_broken() -> None:
    with pytest.raises(UnreadableError) as error:
        read_file("a.txt", bytes(range(256)) * 10)
    assert error.value.reason is Reason.BROKEN


def test_a_page_of_the_web_is_read_as_it_is_seen() -> None:
    read = read_file("a.html", PAGE.encode("cp932"))
    assert read.title == "学校だより 11月号"
    assert [(part.section, part.text) for part in read.parts] == [
        ("学校だより › マラソン大会", "11月27日に、河川敷で行います。\n雨の日は中止です。"),
        ("学校だより › マラソン大会", "学年：3年／距離：800m"),
        ("学校だより › マラソン大会", "学年：3年／距離：①組は900m"),
        ("学校だより › マラソン大会", "水筒"),
        ("学校だより › マラソン大会", "タオル"),
    ]


def test_markdown_has_its_first_heading_as_title_and_its_tables_row_by_row() -> None:
    text = "# 持ち物\n\n遠足の\n日です。\n\n|物|数|だれ|\n|-|-|-|\n|水筒|1|全員|\n\n- しおり\n\n<!-- ないしょ -->\n"
    read = read_file("a.md", text.encode())
    assert read.title == "持ち物"
    assert [(part.section, part.text, part.is_row) for part in read.parts] == [
        ("", "遠足の日です。", False),
        ("", "物：水筒／数：1／だれ：全員", True),
        ("", "しおり", False),
    ]


def test_what_a_terminal_would_obey_is_no_part_of_a_title_or_a_text() -> None:
    read = read_file("a.md", "# 題\x1b[31m\n\n本文\x07です。\n".encode())
    assert (read.title, read.parts[0].text) == ("題[31m", "本文です。")


def test_a_table_that_asks_for_millions_of_cells_gets_some() -> None:
    table = "<table>" + "<tr><td colspan=100 rowspan=100>x</td></tr>" * 50 + "</table>"
    assert len(read_file("a.html", table.encode()).parts) == 50
