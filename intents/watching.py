"""「気になる子は？」: staff ask whom the school's thresholds point out.

The words are data per language (``intents/data/<language>/watching.yaml``); every language is always understood.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, cast

from intents.normalise import plain
from intents.patterns import written_out
from knowledge.yaml_data import load_yaml

DATA = Path(__file__).parent / "data"
LONGEST = 80  # characters; what is longer tells something
MARKS = re.compile(r"[\s。.、,!！?？〜~'’]+")
SPACES = re.compile(r"(?<![a-z]) | (?![a-z])")


def asks_for_flags(text: str) -> bool:
    """Whether a text asks for the children to look out for, and for nothing else."""
    if len(text) > LONGEST:
        return False
    said = SPACES.sub("", MARKS.sub(" ", plain(text).lower().replace("'", "").replace("’", "")).strip())
    return any(pattern.fullmatch(said) for pattern in _patterns())


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    patterns: list[re.Pattern[str]] = []
    for language in ("ja", "en"):
        read = cast("dict[str, Any]", load_yaml((DATA / language / "watching.yaml").read_text("utf-8")))
        whole: list[str] = read.pop("whole")
        patterns += [re.compile(written_out(each, {}, read)) for each in whole]
    return tuple(patterns)
