"""Paragraphs collected under the headings they stand under."""

from __future__ import annotations

import re
from dataclasses import dataclass

from knowledge.documents.reading.model import Part, ReadDocument

BETWEEN = " › "
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True)
class _Heading:
    level: int  # 1 the outermost
    text: str
    page: int | None


class Outline:
    """A document as it is being read, from its beginning to its end."""

    def __init__(self) -> None:
        self._above: list[_Heading] = []
        self._found: list[tuple[tuple[str, ...], Part]] = []
        self._tops: list[str] = []  # headings with nothing above them
        self._is_bare = False  # nothing stands under the last heading yet

    @property
    def first(self) -> str | None:
        """The one heading that everything stands under, as the title of a text does; None when there is none."""
        return self._tops[0] if len(self._tops) == 1 else None

    def heading(self, level: int, text: str, page: int | None = None) -> None:
        """What follows stands under this. One without words changes nothing."""
        text = " ".join(_writable(text).split())
        if not text:
            return
        self._close(level)
        while self._above and self._above[-1].level >= level:
            self._above.pop()
        if not self._above:
            self._tops.append(text)
        self._above.append(_Heading(level=level, text=text, page=page))
        self._is_bare = True

    def add(self, text: str, page: int | None = None, *, is_row: bool = False) -> None:
        """A paragraph, a list item, or a row of a table. One without words changes nothing."""
        text = _writable(text).strip()
        if text:
            self._put(tuple(each.text for each in self._above), text, page, is_row=is_row)
            self._is_bare = False

    def build(self, title: str | None, pages: int | None = None) -> ReadDocument:
        """The document. Its title, where it is the one heading above everything, is left out of the sections."""
        self._close(0)
        title = title and _writable(title)
        is_above = title is not None and self.first == title
        if is_above:
            self._found = [each for each in self._found if each[0] or each[1].text != title] or self._found
        return ReadDocument(
            title=title,
            parts=tuple(
                Part(
                    section=BETWEEN.join(path[1:] if is_above and path[:1] == (title,) else path),
                    page=part.page,
                    text=part.text,
                    is_row=part.is_row,
                )
                for path, part in self._found
            ),
            pages=pages,
        )

    def _close(self, level: int) -> None:
        """A heading that nothing stood under is a text of its own, so that it is not lost."""
        if self._is_bare and self._above[-1].level >= level:
            *above, last = self._above
            self._put(tuple(each.text for each in above), last.text, last.page)
            self._is_bare = False

    def _put(self, path: tuple[str, ...], text: str, page: int | None, *, is_row: bool = False) -> None:
        self._found.append((path, Part(section="", page=page, text=text, is_row=is_row)))


def _writable(text: str) -> str:
    """Without what a database refuses or a terminal obeys, as broken files hold it: halves of characters, controls."""
    return CONTROL.sub("", text.encode("utf-8", "replace").decode())
