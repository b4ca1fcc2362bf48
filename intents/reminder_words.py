"""How people ask for something to be sent, as compiled patterns; the words themselves are data per language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from intents.patterns import written_out
from knowledge.yaml_data import load_yaml

DATA = Path(__file__).with_name("data")
QUOTE = "\ue000"  # stands for the words in quotation marks
QUOTED = re.compile(
    r"「[^「」]*(?:「[^「」]*」[^「」]*)*」|『[^『』]*』|“[^“”]*”|\"[^\"]*\"|‘[^‘’]*’|(?<![A-Za-z0-9])'[^']*'(?![A-Za-z0-9])"
)


Patterns = Mapping[str, tuple[re.Pattern[str], ...]]


@cache
def load_reminder_words(language: str) -> Patterns:
    """The patterns of ``ja`` or ``en`` by the name of their list, compiled once."""
    data: dict[str, Any] = load_yaml((DATA / language / "reminders.yaml").read_text(encoding="utf-8"))
    macros = data.pop("macros")

    def compiled(patterns: str | list[str]) -> tuple[re.Pattern[str], ...]:
        listed = [patterns] if isinstance(patterns, str) else patterns
        return tuple(re.compile(written_out(each, {}, macros)) for each in listed)

    return {name: compiled(patterns) for name, patterns in data.items()}
