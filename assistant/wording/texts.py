"""What Ayumi says: texts by key, language and reader, from ``assistant/texts/<language>/*.yaml``.

A text is a template (``"{name}さん、おはよう"``), or templates by reader: ``lower`` (P1–P3), ``upper`` (P4–P6),
``secondary`` (J1–H3), ``guardian``, ``staff``. A reader without an entry takes the nearest older one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from string import Formatter
from typing import cast

from assistant.messages import Span, Words
from knowledge.yaml_data import load_yaml

TEXTS = Path(__file__).parent.parent / "texts"
BANDS = ("lower", "upper", "secondary", "guardian", "staff")


def band_of(grade: str | None) -> str:
    """The reader that a grade code makes; ``staff`` for everyone without one."""
    if not grade:
        return "staff"
    if grade[0] == "E" or grade in ("P1", "P2", "P3"):
        return "lower"
    return "upper" if grade[0] == "P" else "secondary"


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """Chooses texts for one reader."""

    language: str  # ja, en
    band: str  # one of BANDS

    def say(self, key: str, **args: object) -> Words:
        """The text of ``key``. Arguments that are ``Words`` keep their spans; all others count as the product's own
        words. Raises ``KeyError`` for a key that the language does not have."""
        return fill(template(self.language, key, self.band), args)


def fill(pattern: str, args: Mapping[str, object]) -> Words:
    """``pattern`` with its ``{names}`` replaced. A missing argument raises ``KeyError``."""
    spans: list[Span] = []
    for literal, name in _parsed(pattern):
        if literal:
            spans.append(Span(text=literal))
        if name is not None:
            value = args[name]
            spans.extend(value.spans if isinstance(value, Words) else [Span(text=str(value))])
    return Words(tuple(span for span in spans if span.text))


@lru_cache(maxsize=4096)
def template(language: str, key: str, band: str) -> str:
    """The template of ``key``. Raises ``KeyError`` where there is none."""
    value = _load(language)[key]
    return value if isinstance(value, str) else choose(value, band)


def choose(by_band: Mapping[str, str], band: str) -> str:
    """The entry for ``band``, or that of the nearest older reader, or the last one there is."""
    for name in BANDS[BANDS.index(band) :]:
        if name in by_band:
            return by_band[name]
    return next(by_band[name] for name in reversed(BANDS) if name in by_band)


def keys(language: str) -> frozenset[str]:
    """Every key that a language has."""
    return frozenset(_load(language))


@cache
def _load(language: str) -> dict[str, str | dict[str, str]]:
    texts: dict[str, str | dict[str, str]] = {}
    for path in sorted((TEXTS / language).glob("*.yaml")):
        content = cast("dict[str, str | dict[str, str]]", load_yaml(path.read_text("utf-8")))
        for key, value in content.items():
            texts[f"{path.stem}.{key}"] = value
    return texts


@lru_cache(maxsize=4096)
def _parsed(pattern: str) -> tuple[tuple[str, str | None], ...]:
    return tuple((literal, name) for literal, name, _, _ in Formatter().parse(pattern))
