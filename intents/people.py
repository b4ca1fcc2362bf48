"""Whether a text asks about somebody by name. No roster is needed: it is the way of naming that counts."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, cast

from knowledge.yaml_data import load_yaml

DATA = Path(__file__).parent / "data"


def asks_about(text: str) -> frozenset[str]:
    """The names in a question about somebody's record (「鈴木くんのめあては？」 → 鈴木); empty for any other text,
    such as a sentence about a friend or one's mother."""
    return frozenset(
        match["name"].replace(" ", "")
        for names, asks, others in _languages()
        if asks.search(text)
        for match in names.finditer(text)
        if match["name"] not in others
    )


def named(text: str) -> frozenset[str]:
    """Everything in ``text`` that is named like a person (鈴木くん → 鈴木), in a question or not."""
    return frozenset(
        match["name"]
        for names, _, others in _languages()
        for match in names.finditer(text)
        if match["name"] not in others
    )


@cache
def _languages() -> tuple[tuple[re.Pattern[str], re.Pattern[str], frozenset[str]], ...]:
    found: list[tuple[re.Pattern[str], re.Pattern[str], frozenset[str]]] = []
    for path in sorted(DATA.glob("*/people.yaml")):
        data = cast("dict[str, Any]", load_yaml(path.read_text("utf-8")))
        endings = "|".join(map(re.escape, data["after_a_name"]))
        asks = re.compile("|".join(map(re.escape, data["asks"])), re.IGNORECASE)
        found.append((re.compile(rf"(?P<name>{data['name']})(?:{endings})"), asks, frozenset(data["not_a_name"])))
    return tuple(found)
