"""What is wrong with a file, in words for the person who made it, and what an import did."""

from __future__ import annotations

from dataclasses import dataclass, field

from knowledge.errors import KnowledgeError

SHOWN = 50  # problems kept to be shown; the rest is counted
LONGEST_VALUE = 60  # characters of a wrong value that are repeated


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong. ``str()`` reads ``enrollments.csv:12: beginDate '2026-13-01': expected a date``."""

    file: str  # its name without folders
    line: int | None = None  # physical line where the record starts, the header being 1; None: the file as a whole
    column: str | None = None  # None: the record as a whole
    value: str | None = None  # as it stands in the file
    expected: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        parts = [where]
        if self.column is not None:
            value = self.value or ""
            shown = value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + "…"
            parts.append(f"{self.column} '{shown}'".translate(_ONE_LINE))
        return ": ".join([*parts, f"expected {self.expected}"])


_ONE_LINE = str.maketrans({"\n": "⏎", "\r": None})  # a quoted line break must not break the message in two


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What became of the rows of an import. Rows that were removed or closed count as changed."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0  # rows with at least one problem; 0 unless the import failed

    def __str__(self) -> str:
        return f"added={self.added} changed={self.changed} unchanged={self.unchanged} rejected={self.rejected}"

    def __add__(self, other: Summary) -> Summary:
        return Summary(
            added=self.added + other.added,
            changed=self.changed + other.changed,
            unchanged=self.unchanged + other.unchanged,
            rejected=self.rejected + other.rejected,
        )


class ImportFailedError(KnowledgeError):
    """Nothing was written, because of these problems."""

    def __init__(self, problems: tuple[Problem, ...], *, total: int, rejected: int) -> None:
        """``problems``: the first ``SHOWN``; ``total``: how many there are; ``rejected``: how many rows they touch."""
        more = [f"… and {total - len(problems)} more"] if total > len(problems) else []
        super().__init__("\n".join([*map(str, problems), *more]))
        self.problems = problems
        self.total = total
        self.summary = Summary(rejected=rejected)


@dataclass(kw_only=True)
class Problems:
    """Problems met so far: the first are kept, all are counted."""

    first: list[Problem] = field(default_factory=list[Problem])
    total: int = 0
    rows: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])  # (file, line) with a problem

    def add(self, problem: Problem) -> None:
        self.total += 1
        if len(self.first) < SHOWN:
            self.first.append(problem)
        if problem.line is not None:
            self.rows.add((problem.file, problem.line))

    def raise_if_any(self) -> None:
        """Raises ``ImportFailedError`` when there is at least one problem."""
        if self.total:
            raise ImportFailedError(tuple(self.first), total=self.total, rejected=len(self.rows))


def fail(file: str, expected: str, *, line: int | None = None) -> ImportFailedError:
    """The error for a file that cannot be read on."""
    problems = (Problem(file=file, line=line, expected=expected),)
    return ImportFailedError(problems, total=1, rejected=0 if line is None else 1)
