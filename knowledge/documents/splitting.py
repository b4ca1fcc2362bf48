"""Documents cut into passages: never within a sentence that fits, never across a heading, a page, or a row."""

from __future__ import annotations

from collections.abc import Iterator

from knowledge.documents.model import Piece
from knowledge.documents.reading.model import Part, ReadDocument

# Sizes are bytes of UTF-8: a kanji or kana counts three times as much as a letter, as it says about as much more.
SIZE = 1_100  # of a passage: about 360 Japanese characters, or 1,100 letters
ALONE = 3_600  # of a paragraph that is the whole document: it stays in one piece
LONGEST_ROW = 4 * SIZE  # beyond it even a row is cut: its cells hold whole texts

CLOSING = "」』）】)”’\"'"
# After the mark that ends a sentence and what closes after it; not where the quotation goes on (「…。」と言う).
SENTENCE_END = "|".join(
    (
        rf"(?<=[。．！？])(?![。．！？{CLOSING}])",
        rf"(?<=[。！？][{CLOSING}])(?![{CLOSING}とのはがをにでもっな、。])",
        r"(?<=[.!?])\s+",
    )
)
SEPARATORS = ["\n", SENTENCE_END, r"(?<=[、，；;,])", r"(?<=\s)", ""]  # the first that is there parts a text


def split(document: ReadDocument) -> tuple[Piece, ...]:
    """The passages in order; put together they are the text of the document, white space aside."""
    if len(document.parts) == 1 and _size(document.parts[0].text) <= ALONE:
        return (_piece(document.parts[0], document.parts[0].text),)
    return tuple(_packed(document.parts))


def _packed(parts: tuple[Part, ...]) -> Iterator[Piece]:
    """Short neighbours under the same heading and on the same page are one passage."""
    at, waiting, size = None, list[str](), 0
    for part in parts:
        for text in _cut(part):
            if at is not None and (
                (at.section, at.page) != (part.section, part.page) or size + _size(text) + len(waiting) > SIZE
            ):
                yield _piece(at, "\n".join(waiting))
                waiting, size = [], 0
            at = part
            waiting.append(text)
            size += _size(text)
    if at is not None:
        yield _piece(at, "\n".join(waiting))


def _cut(part: Part) -> list[str]:
    """The text of a part, in passages of about the same size when it is too long for one."""
    size = _size(part.text)
    if size <= (LONGEST_ROW if part.is_row else SIZE):
        return [part.text]
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    count = -(-size // SIZE)
    splitter = RecursiveCharacterTextSplitter(
        separators=SEPARATORS,
        is_separator_regex=True,
        keep_separator="end",
        chunk_size=min(SIZE, int(size / count * 1.15)),  # sentences are not all of one length
        chunk_overlap=0,
        length_function=_size,
    )
    return splitter.split_text(part.text)


def _size(text: str) -> int:
    return len(text.encode())


def _piece(part: Part, text: str) -> Piece:
    return Piece(section=part.section, page=part.page, text=text)
