"""Reading CSV files of any office: UTF-8 or CP932, any line ending, and every fault named by its line."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from knowledge.imports.problems import Problem, Problems, fail

BLOCK = 1 << 20  # bytes read at a time while the encoding is found out

# Bytes that Python's cp932 lets through although Shift_JIS gives them no character.
_NOT_CP932 = re.compile("[\x80-\x9f\xa0\uf8f0-\uf8f3]")
_NEWLINE = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, kw_only=True)
class CsvSource:
    """A file that can be read more than once, wherever it lies."""

    name: str  # shown in problems
    size: int  # bytes
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True, kw_only=True)
class Record:
    """One row of a file."""

    line: int  # physical line where it starts; the header starts on line 1
    cells: list[str]


def path_source(path: Path) -> CsvSource:
    """Raises ``ImportFailedError`` when ``path`` is no file that can be read."""
    try:
        if path.is_dir():
            raise fail(path.name, "a CSV file, not a folder")
        with path.open("rb"):
            return CsvSource(name=path.name, size=path.stat().st_size, open=lambda: path.open("rb"))
    except FileNotFoundError as error:
        raise fail(str(path), "a file: there is none at this path") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        raise fail(str(path), "a file that can be read") from error


@contextmanager
def open_csv(source: CsvSource, problems: Problems) -> Generator[CsvReader]:
    """Raises ``ImportFailedError`` when the file is not text, or has no header."""
    encoding = _encoding(source)
    with source.open() as stream, io.TextIOWrapper(stream, encoding=encoding, newline="") as text:
        yield CsvReader(source, stream, text, problems)


class CsvReader:
    """The records of one file. ``header`` is there at once, the rest is read as it is asked for."""

    def __init__(self, source: CsvSource, stream: IO[bytes], text: Iterable[str], problems: Problems) -> None:
        """``text``: the lines of ``stream``. Raises ``ImportFailedError`` when there is no header."""
        self.source = source
        self._problems = problems
        self._stream = stream
        self._reader = csv.reader(text, strict=True)
        self.header: list[str] = []
        for record in self._parsed():
            self.header = record.cells
            break
        self._check_header()

    @property
    def fraction(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return min(1.0, self._stream.tell() / self.source.size) if self.source.size else 1.0

    def records(self) -> Iterator[Record]:
        """The rows after the header. A row with too few or too many cells is a problem and left out; blank lines are
        skipped; a fault in the quoting is a problem and ends the file."""
        for record in self._parsed():
            if len(record.cells) == len(self.header):
                yield record
            else:
                expected = f"{len(self.header)} cells as in the header, found {len(record.cells)}"
                self._problems.add(Problem(file=self.source.name, line=record.line, expected=expected))

    def _parsed(self) -> Iterator[Record]:
        while True:
            line = self._reader.line_num + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                expected = f"CSV: {error}"
                self._problems.add(Problem(file=self.source.name, line=line, expected=expected))
                return
            if cells:
                yield Record(line=line, cells=cells)

    def _check_header(self) -> None:
        if not self.header:
            self._problems.raise_if_any()
            raise fail(self.source.name, "a header with the names of the columns; the file is empty")
        for index, name in enumerate(self.header):
            if name and name in self.header[:index]:
                self._problems.add(
                    Problem(file=self.source.name, line=1, column=name, value=name, expected="each column once")
                )


def _encoding(source: CsvSource) -> str:
    """``utf-8-sig`` when every byte is UTF-8, else ``cp932``; raises ``ImportFailedError`` when it is neither, naming
    the line at which the better of the two stops."""
    utf8_line = _stops_at(source, "utf-8-sig")
    if utf8_line is None:
        return "utf-8-sig"
    with source.open() as stream:
        has_bom = stream.read(3) == codecs.BOM_UTF8
    cp932_line = 0 if has_bom else _stops_at(source, "cp932")
    if cp932_line is None:
        return "cp932"
    line = max(utf8_line, cp932_line)
    raise fail(source.name, "text in UTF-8 or CP932 (Shift_JIS) throughout", line=line)


def _stops_at(source: CsvSource, encoding: str) -> int | None:
    """The physical line of the first byte that is no text in ``encoding`` (a NUL is none); None: it is text."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    lines = 0  # line ends before this block
    with source.open() as stream:
        while True:
            block = stream.read(BLOCK)
            if block.endswith(b"\r"):
                block += stream.read(1)  # do not count CR LF twice
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                return lines + len(_NEWLINE.findall(error.object[: error.start])) + 1
            wrong = text.find("\0")
            if wrong < 0 and encoding == "cp932":
                match = _NOT_CP932.search(text)
                wrong = match.start() if match else -1
            if wrong >= 0:
                return lines + len(re.findall("\r\n|\r|\n", text[:wrong])) + 1
            if not block:
                return None
            lines += len(_NEWLINE.findall(block))
