"""Word, Excel and PowerPoint."""

from __future__ import annotations

import io
import zipfile
from datetime import date, time
from typing import Any

import docx
import openpyxl
import pptx
import pytest
from docx.enum.style import WD_STYLE_TYPE

from knowledge.documents.reading import limits
from knowledge.documents.reading.model import ReadDocument, Reason, UnreadableError
from knowledge.documents.reading.office import ENCRYPTED_PACKAGE, OLE
from knowledge.documents.reading.registry import read_file
from tests.builders.documents import RULES, slides, word, workbook, zipped


@pytest.fixture(scope="module")
def rules() -> ReadDocument:
    return read_file(RULES.name, RULES.read_bytes())


def test_a_word_document_has_its_title_and_its_headings(rules: ReadDocument) -> None:
    assert rules.title == "あゆみ市立東小学校 学校のきまり（令和8年度）"
    assert rules.pages is None
    (part,) = [part for part in rules.parts if part.text.startswith("本は一人3冊まで")]
    assert part.section == "4. 学校でのすごし方 › 4.2 図書室"


def test_a_row_of_a_word_table_names_its_columns(rules: ReadDocument) -> None:
    rows = [part.text for part in rules.parts if part.is_row]
    assert rows[4] == "時刻：12:10〜12:55／すること：給食／気をつけること：白衣は金曜日に持ち帰って洗います"


def _with_body(body: str) -> bytes:
    """A Word document whose body is this XML."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(word("x"))) as before, zipfile.ZipFile(content, "w") as after:
        for name in before.namelist():
            data = before.read(name)
            if name == "word/document.xml":
                start, end = data.index(b"<w:body>") + 8, data.index(b"</w:body>")
                data = data[:start] + body.encode() + data[end:]
            after.writestr(name, data)
    return content.getvalue()


def test_readings_over_kanji_and_deleted_words_are_not_part_of_the_text() -> None:
    reading, base = "<w:rt><w:r><w:t>こうてい</w:t></w:r></w:rt>", "<w:rubyBase><w:r><w:t>校庭</w:t></w:r></w:rubyBase>"
    deleted = "<w:del><w:r><w:t>を走る</w:t></w:r><w:r><w:delText>走る</w:delText></w:r></w:del>"
    added = "<w:ins><w:r><w:t>で歩く</w:t></w:r></w:ins>"
    body = f"<w:p><w:r><w:ruby>{reading}{base}</w:ruby></w:r>{deleted}{added}</w:p>"
    assert [part.text for part in read_file("a.docx", _with_body(body)).parts] == ["校庭で歩く"]


def test_what_word_hides_is_not_part_of_the_text() -> None:
    hidden = "<w:r><w:rPr><w:vanish/></w:rPr><w:t>を見せない</w:t></w:r>"
    shown = '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>を見せる</w:t></w:r>'
    row = "<w:tr>{}<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc></w:tr>"
    table = row.format("<w:trPr><w:del/></w:trPr>", "消した行") + row.format("", "残した行")
    body = f"<w:p><w:r><w:t>表</w:t></w:r>{hidden}{shown}</w:p><w:tbl>{table}</w:tbl>"
    assert [part.text for part in read_file("a.docx", _with_body(body)).parts] == ["表を見せる", "残した行"]


def test_a_style_that_hides_its_paragraphs_hides_them() -> None:
    document: Any = docx.Document()
    document.styles.add_style("Memo", WD_STYLE_TYPE.PARAGRAPH).font.hidden = True
    document.add_paragraph("係だけのメモ", style="Memo")
    document.add_paragraph("みんなへ")
    content = io.BytesIO()
    document.save(content)
    assert [part.text for part in read_file("a.docx", content.getvalue()).parts] == ["みんなへ"]


def test_what_stands_in_content_controls_is_read() -> None:
    paragraph = "<w:p><w:r><w:t>{}</w:t></w:r></w:p>"
    table = f"<w:tbl><w:tr><w:tc>{paragraph.format('表の中')}</w:tc></w:tr></w:tbl>"
    form = f"<w:sdt><w:sdtContent>{paragraph.format('日時 5月11日')}{table}</w:sdtContent></w:sdt>"
    body = f"{paragraph.format('遠足')}{form}{paragraph.format('以上')}"
    texts = [part.text for part in read_file("a.docx", _with_body(body)).parts]
    assert texts == ["遠足", "日時 5月11日", "表の中", "以上"]


def test_the_text_of_a_text_box_is_read_once() -> None:
    box = "<w:txbxContent><w:p><w:r><w:t>集合は9時</w:t></w:r></w:p></w:txbxContent>"
    body = f"<w:p><w:r><w:t>遠足</w:t></w:r><w:r><w:pict>{box}</w:pict></w:r></w:p>"
    assert [part.text for part in read_file("a.docx", _with_body(body)).parts] == ["遠足", "集合は9時"]


def test_a_row_of_a_workbook_can_be_understood_alone() -> None:
    content = workbook(
        {
            "行事": [["令和8年度 行事予定"], ["日付", "行事", "集合"], [date(2026, 5, 11), "遠足", time(8, 20)],
                     [date(2026, 10, 3), "運動会", None]],
            "係": [["係", "人数"], ["図書", 3.0], ["放送", 4]],
        }
    )  # fmt: skip
    read = read_file("a.xlsx", content)
    assert [(part.section, part.page, part.text) for part in read.parts] == [
        ("行事", 1, "令和8年度 行事予定"),
        ("行事", 1, "日付：2026-05-11／行事：遠足／集合：8:20"),
        ("行事", 1, "日付：2026-10-03／行事：運動会"),
        ("係", 2, "係：図書／人数：3"),
        ("係", 2, "係：放送／人数：4"),
    ]


def test_hidden_rows_and_columns_are_left_out_and_numbers_are_as_they_are_shown() -> None:
    book: Any = openpyxl.load_workbook(
        io.BytesIO(
            workbook({"係": [["係", "電話", "メモ", "費用"], ["図書", 312345678, "x", 1500], ["放送", 1, "y", 2]]})
        )
    )
    sheet = book.active
    sheet["B2"].number_format, sheet["D2"].number_format = "0000000000", '#,##0"円"'
    sheet.column_dimensions["C"].hidden = sheet.row_dimensions[3].hidden = True
    content = io.BytesIO()
    book.save(content)
    (part,) = read_file("a.xlsx", content.getvalue()).parts
    assert part.text == "係：図書／電話：0312345678／費用：1,500円"


def test_a_hidden_shape_of_a_slide_is_left_out() -> None:
    show: Any = pptx.Presentation(io.BytesIO(slides(("研修", "見せない", [], ""), ("次", "見せる", [], ""))))
    show.slides[0].placeholders[1]._element.nvSpPr.cNvPr.set("hidden", "1")
    content = io.BytesIO()
    show.save(content)
    assert [part.text for part in read_file("a.pptx", content.getvalue()).parts] == ["研修", "見せる"]


def test_a_slide_is_a_page_with_its_table_and_notes() -> None:
    table = [["月", "担当", "内容"], ["5月", "3年", "見学"]]
    read = read_file(
        "a.pptx", slides(("研修のお知らせ", "9時から\n図書室で", [], ""), ("予定", "", table, "時間に注意"))
    )
    assert [(part.section, part.page, part.text) for part in read.parts] == [
        ("研修のお知らせ", 1, "9時から\n図書室で"),
        ("予定", 2, "月：5月／担当：3年／内容：見学"),
        ("予定", 2, "時間に注意"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.docx", OLE + b"..." + ENCRYPTED_PACKAGE, Reason.ENCRYPTED),
        ("a.xlsx", OLE + b"...", Reason.OLD_FORMAT),
        ("a.docx", word("text")[:500], Reason.BROKEN),
        ("a.pptx", b"not a zip", Reason.BROKEN),
        ("a.docx", zipped({"any.txt": b"x"}), Reason.BROKEN),
        ("a.docx", zipped({"[Content_Types].xml": b"<broken"}), Reason.BROKEN),
        ("a.docx", word(""), Reason.EMPTY),
        ("a.doc", b"x", Reason.OLD_FORMAT),
        ("a.jtd", b"x", Reason.OLD_FORMAT),
        ("a.png", b"x", Reason.PICTURE),
        ("a.exe", b"x", Reason.UNKNOWN_FORMAT),
        ("noending", b"x", Reason.UNKNOWN_FORMAT),
    ],
)
def test_a_file_that_cannot_be_read_says_why(name: str, content: bytes, reason: Reason) -> None:
    with pytest.raises(UnreadableError) as error:
        read_file(name, content)
    assert error.value.reason is reason


def test_a_small_file_that_unpacks_to_a_large_one_is_refused_before_it_is_unpacked() -> None:
    with pytest.raises(UnreadableError) as error:
        read_file("a.docx", zipped({"[Content_Types].xml": b"x", "word/document.xml": bytes(limits.MAX_UNPACKED)}))
    assert error.value.reason is Reason.TOO_LARGE


def test_a_text_of_too_many_characters_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knowledge.documents.reading.registry.MAX_CHARACTERS", 10)
    with pytest.raises(UnreadableError) as error:
        read_file("a.txt", "十文字を一つこえる文。".encode())
    assert error.value.reason is Reason.TOO_LONG
