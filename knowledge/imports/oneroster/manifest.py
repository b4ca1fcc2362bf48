"""manifest.csv: which version of OneRoster, and for each file whether it is there, whole or as changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from knowledge.imports.csvfile import CsvSource, open_csv
from knowledge.imports.oneroster.package import MANIFEST
from knowledge.imports.oneroster.schema import BY_NAME, UNKEPT, UNREAD, VERSIONS
from knowledge.imports.problems import Problem, Problems, fail

HEADER = ["propertyName", "value"]


class Mode(StrEnum):
    """What a file holds."""

    ABSENT = "absent"
    BULK = "bulk"  # the whole truth
    DELTA = "delta"  # what changed


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What the set says of itself."""

    version: str  # one of VERSIONS
    modes: Mapping[str, Mode]  # by file name without .csv


def read_manifest(sources: Mapping[str, CsvSource], problems: Problems) -> Manifest:
    """Raises ``ImportFailedError`` when there is no manifest, or when it and the files do not agree."""
    if MANIFEST not in sources:
        raise fail(MANIFEST, "this file beside the others, it is missing")
    properties: dict[str, tuple[int, str]] = {}  # name → (line, value)
    with open_csv(sources[MANIFEST], problems) as reader:
        if reader.header[:2] != HEADER:
            problems.add(Problem(file=MANIFEST, line=1, expected="the header propertyName,value"))
        problems.raise_if_any()
        for record in reader.records():
            name, value = record.cells[:2]
            if name in properties:
                problems.add(Problem(file=MANIFEST, line=record.line, column=name, value=value, expected="it once"))
            properties.setdefault(name, (record.line, value))
    _one_of(properties, "manifest.version", ("1.0",), problems)
    version = _one_of(properties, "oneroster.version", VERSIONS, problems)
    modes = {name: _mode(name, properties, sources, problems) for name in (*BY_NAME, *UNKEPT, *UNREAD)}
    problems.raise_if_any()
    return Manifest(version=version, modes=modes)


def _one_of(properties: Mapping[str, tuple[int, str]], name: str, allowed: tuple[str, ...], problems: Problems) -> str:
    line, value = properties.get(name, (None, ""))
    if value not in allowed:
        expected = " or ".join(allowed)
        problems.add(Problem(file=MANIFEST, line=line, column=name, value=value, expected=expected))
    return value


def _mode(
    name: str, properties: Mapping[str, tuple[int, str]], sources: Mapping[str, CsvSource], problems: Problems
) -> Mode:
    """A file that the manifest does not mention counts as absent."""
    key = f"file.{name}"
    line, value = properties.get(key, (None, Mode.ABSENT.value))
    is_there = f"{name}.csv" in sources
    if value not in list(Mode):
        expected = "absent, bulk or delta"
    elif value == Mode.ABSENT and is_there:
        expected = f"bulk or delta, since {name}.csv is there"
    elif value != Mode.ABSENT and not is_there:
        expected = f"{name}.csv beside the manifest, or absent"
    else:
        return Mode(value)
    problems.add(Problem(file=MANIFEST, line=line, column=key, value=value, expected=expected))
    return Mode.ABSENT
