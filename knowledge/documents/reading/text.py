"""Plain text, in whatever encoding it came."""

from __future__ import annotations

import codecs
import re

from knowledge.documents.reading.marks import heading_level
from knowledge.documents.reading.model import ReadDocument, Reason, UnreadableError
from knowledge.documents.reading.outline import Outline

BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
JAPANESE = ("cp932", "euc_jp")
KANJI_IN = b"\x1b$"  # of ISO-2022-JP, as old mail is written
MOST_DAMAGED = 0.02  # of the characters that are not ASCII
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
KANA = re.compile(r"[ぁ-んァ-ヶー、。]")
HALF_KANA = re.compile(r"[｡-ﾟ]")
BLANK = re.compile(r"\n[ \t\u3000]*\n\s*")


def read_text(content: bytes) -> ReadDocument:
    """Paragraphs are parted by empty lines; a line alone that is numbered as a heading is one. Raises
    ``UnreadableError`` for what is no text."""
    outline = Outline()
    text = decoded(content).replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n").strip()
    blocks = BLANK.split(text)
    for block in blocks:
        first, _, rest = block.partition("\n")
        level = heading_level(first.strip(), certain_only=bool(rest)) if len(blocks) > 1 or rest else None
        if level is None:
            outline.add(block)
        else:
            outline.heading(level, first)
            outline.add(rest)
    return outline.build(None)


def decoded(content: bytes) -> str:
    """The text of a file. Raises ``UnreadableError`` when it is none."""
    for mark, encoding in BOMS:
        if content.startswith(mark):
            return _checked(_attempt(content, encoding))
    text = _attempt(content, "iso2022_jp") if KANJI_IN in content else _attempt(content, "utf-8")
    if text is None or text.count("\0") > MOST_DAMAGED * len(text):
        text = _utf_16(content) or _damaged(content) or _japanese(content) or _guessed(content)
    return _checked(text)


def _attempt(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _utf_16(content: bytes) -> str | None:
    """UTF-16 without its mark: every other byte of letters, digits and line ends is zero."""
    zeros = content[:4000:2].count(0), content[1:4000:2].count(0)
    if not any(zeros):
        return None
    return _attempt(content, "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le")


def _damaged(content: bytes) -> str | None:
    """UTF-8 but for a few bytes, as a file that was cut off has them."""
    text = content.decode("utf-8", "replace")
    known = sum(character > "\x7f" for character in text)
    return text if text.count("\ufffd") <= MOST_DAMAGED * known else None


def _japanese(content: bytes) -> str | None:
    """The one of the two old Japanese encodings that gives more kana; either may accept the bytes of the other, but
    then as half-width kana or rare kanji."""
    found = [text for encoding in JAPANESE if (text := _attempt(content, encoding)) is not None]
    best = max(found, key=lambda text: len(KANA.findall(text)) - len(HALF_KANA.findall(text)), default=None)
    return best if best is not None and KANA.search(best) else None


def _guessed(content: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(content[: 1 << 20]).best()
    return None if best is None else _attempt(content, best.encoding)


def _checked(text: str | None) -> str:
    if text is None or len(CONTROL.findall(text[:10_000])) > 3 + len(text[:10_000]) // 100:
        raise UnreadableError(Reason.BROKEN)
    return CONTROL.sub("", text)
