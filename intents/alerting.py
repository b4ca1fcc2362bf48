"""What staff write about alerts: アラート一覧, 見ました, 「佐藤さんの件、対応しました」, 心配なし.

The words are data per language (``intents/data/<language>/alerting.yaml``); every language is always understood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, cast

from intents.commands import END
from intents.normalise import plain
from knowledge.yaml_data import load_yaml

DATA = Path(__file__).parent / "data"


class Alerting(StrEnum):
    """What is said. All but ``LIST`` are the state that an alert gets."""

    LIST = "list"
    SEEN = "seen"
    ADDRESSED = "addressed"
    NOT_A_CONCERN = "not_a_concern"


@dataclass(frozen=True, kw_only=True)
class AboutAlert:
    """What is said, and whose alert it is said of."""

    what: Alerting
    name: str | None = None  # as written; None: nobody is named


def find_alerting(text: str) -> AboutAlert | None:
    """What ``text`` says about an alert, and nothing but it; None for anything else."""
    said = END.sub("", plain(text))
    for what, pattern in _patterns():
        if match := pattern.fullmatch(said):
            names = [value for value in match.groupdict().values() if value]
            return AboutAlert(what=what, name=names[0].strip() if names else None)
    return None


@cache
def _patterns() -> tuple[tuple[Alerting, re.Pattern[str]], ...]:
    languages = [
        cast("dict[str, Any]", load_yaml(path.read_text("utf-8"))) for path in sorted(DATA.glob("*/alerting.yaml"))
    ]
    return tuple(
        (what, re.compile(pattern.replace("<of>", language["of"]), re.IGNORECASE))
        for language in languages
        for what in Alerting
        for pattern in language[what]
    )
