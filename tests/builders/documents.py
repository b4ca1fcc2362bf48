"""Files of every format, made as small as they can be. Run as a module, it writes the Word document of
``tests/documents`` again."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pptx
import yaml

FOLDER = Path("tests/documents")
CURRICULUM = FOLDER / "ict-curriculum.pdf"
RULES = FOLDER / "school-rules.docx"


def write_rules(path: Path = RULES) -> None:
    """School rules as an office writes them: headings, lists, a table of times."""
    document: Any = docx.Document()
    for paragraph in yaml.safe_load(RULES.with_suffix(".yaml").read_text("utf-8")):
        ((style, text),) = paragraph.items()
        if style == "table":
            table = document.add_table(rows=0, cols=len(text[0]), style="Table Grid")
            for row in text:
                for cell, value in zip(table.add_row().cells, row, strict=True):
                    cell.text = value
        else:
            document.add_paragraph(text, style=style)
    document.core_properties.author = "あゆみ市立東小学校"
    document.core_properties.comments = ""
    document.save(str(path))


def workbook(sheets: dict[str, list[list[Any]]]) -> bytes:
    book: Any = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    return _saved(book)


def slides(*slides: tuple[str, str, list[list[str]], str]) -> bytes:
    """Slides of a title, a text, a table and the speaker's notes; what is empty is left out."""
    show: Any = pptx.Presentation()
    for title, text, rows, notes in slides:
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = text
        if rows:
            placed = slide.shapes.add_table(len(rows), len(rows[0]), 0, 4_000_000, 8_000_000, 1_000_000)
            for y, row in enumerate(rows):
                for x, value in enumerate(row):
                    placed.table.cell(y, x).text = value
        if notes:
            slide.notes_slide.notes_text_frame.text = notes
    return _saved(show)


def word(*paragraphs: str) -> bytes:
    document: Any = docx.Document()
    for each in paragraphs:
        document.add_paragraph(each)
    return _saved(document)


def zipped(entries: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return content.getvalue()


def cp932_zipped(name: str, data: bytes) -> bytes:
    """A zip as Windows in Japan writes it: the name in CP932, without a flag that says so."""
    placeholder = "n" * len(name.encode("cp932"))
    return zipped({placeholder: data}).replace(placeholder.encode(), name.encode("cp932"))


def pdf(*pages: str, trailer: str = "") -> bytes:
    """A PDF of letters, one line after the other on each page; a page without a text shows a grey box, as a scan."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"", b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    kids: list[int] = []
    for page in pages:
        lines = "".join(f"({line}) Tj T* " for line in page.split("\n"))
        drawn = f"BT /F 11 Tf 14 TL 60 700 Td {lines} ET" if page else "0.8 g 50 50 500 700 re f"
        objects.append(f"<</Length {len(drawn)}>>stream\n{drawn}\nendstream".encode())
        kids.append(len(objects) + 1)
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents {len(objects)} 0 R"
            "/Resources<</Font<</F 3 0 R>>>>>>".encode()
        )
    objects[1] = f"<</Type/Pages/Count {len(kids)}/Kids[{' '.join(f'{each} 0 R' for each in kids)}]>>".encode()
    content, places = b"%PDF-1.7\n", list[int]()
    for number, each in enumerate(objects, 1):
        places.append(len(content))
        content += f"{number} 0 obj\n".encode() + each + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer<</Size {size}/Root 1 0 R{trailer}>>\n"
    return content + end.encode() + f"startxref\n{len(content)}\n%%EOF".encode()


def encrypted_pdf() -> bytes:
    """One whose password nobody knows (standard security handler, revision 2)."""
    zeros = "00" * 32
    keys = f"/Filter/Standard/V 1/R 2/P -4/O<{zeros}>/U<{zeros}>"
    return pdf("secret", trailer=f"/Encrypt<<{keys}>>/ID[<{'00' * 16}><{'00' * 16}>]")


def _saved(document: Any) -> bytes:
    content = io.BytesIO()
    document.save(content)
    return content.getvalue()


if __name__ == "__main__":
    write_rules()
