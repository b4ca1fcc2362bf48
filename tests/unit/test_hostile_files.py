"""Office files that are made to harm whoever opens them are refused, or read as the little text that they are."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from knowledge.documents.reading.apart import ReaderApart
from knowledge.documents.reading.model import UnreadableError
from tests.builders.documents import slides, word, workbook

LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
EXPANDING = f'<!DOCTYPE x [<!ENTITY a0 "ha">{LAUGHS}]>'  # to two thousand million characters
FILES = {
    "a.docx": (word("MARK"), "word/document.xml"),
    "a.xlsx": (workbook({"MARK": [["MARK", "MARK"], ["MARK", 1]]}), "xl/sharedStrings.xml"),
    "a.pptx": (slides(("MARK", "MARK", [], "")), "ppt/slides/slide1.xml"),
}


def with_entities(name: str, declared: str) -> bytes:
    """The file with ``declared`` at the head of its text, and the entity where MARK was."""
    content, inner = FILES[name]
    written = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as source, zipfile.ZipFile(written, "w") as target:
        for entry in source.infolist():
            data = source.read(entry)
            if entry.filename == inner:
                assert b"MARK" in data
                head, _, rest = data.partition(b"?>")
                data = head + b"?>" + declared.encode() + rest.replace(b"MARK", b"&a9;")
            target.writestr(entry, data)
    return written.getvalue()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", ["expanding", "foreign"])
async def test_entities_of_a_file_are_never_filled_in(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "foreign").write_text("SOMEBODY ELSE")
    declared = EXPANDING if kind == "expanding" else f'<!DOCTYPE x [<!ENTITY a9 SYSTEM "{tmp_path.as_uri()}/foreign">]>'
    reader = ReaderApart(seconds=20)
    try:
        read = await reader.read(name, with_entities(name, declared))
        text = "".join(part.text for part in read.parts)
    except UnreadableError:
        text = ""
    finally:
        await reader.close()
    assert len(text) < 1000
    assert "SOMEBODY ELSE" not in text
