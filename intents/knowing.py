"""Questions that a document may answer: rules, dates of the school year, how things are done.

The words are data per language (``intents/data/<language>/knowing.yaml``); every language is always understood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import cast

from intents.deciding import Reading
from intents.normalise import fold, letters, plain
from knowledge.yaml_data import load_yaml

DATA = Path(__file__).parent / "data"
LONGEST = 300  # characters; what is longer is a story, not a question
# it asks about something: 「国語は?」 leans on what was said before
CONTENT = re.compile(
    "[々一-鿿ァ-ヴー]{3,}|[々一-鿿ァ-ヴー].*[ぁ-ん].*[々一-鿿ァ-ヴー]|[a-z]{4,}|[ぁ-ん]{5,}", re.IGNORECASE
)


class Sureness(StrEnum):
    """How sure it is that the documents are asked."""

    TOLD = "told"  # しらべて: …
    CLEAR = "clear"  # a question about something that documents are about
    MAYBE = "maybe"  # a question, that is all


@dataclass(frozen=True, kw_only=True)
class Knowing:
    """A question for the documents."""

    about: str  # what is looked up, as it was typed; "" where しらべて: stands alone
    sureness: Sureness
    is_plain: bool = False  # a question in its form too, so that no answer to a waiting one is meant
    is_worry: bool = False  # of a child it asks for somebody to talk to: けんかしたらどうすればいい？


def find_knowing(text: str) -> Knowing | None:
    """The question for the documents that ``text`` may be; None for what asks nothing, and for small talk. Whether it
    asks for a figure instead is for others to say (``is_for_documents``)."""
    said = plain(text)
    if not said or len(said) > LONGEST:
        return None
    if (about := _led(said, "leads")) is not None:
        return Knowing(about=about, sureness=Sureness.TOLD)
    folded = fold(text)
    if not _has("asks", folded):
        is_brief = _has("brief", folded) and CONTENT.search(said) is not None and not _has("talk", folded)
        return Knowing(about=said, sureness=Sureness.MAYBE) if is_brief else None
    if (about := _led(said, "leads_of_questions")) is not None:
        return Knowing(about=about, sureness=Sureness.TOLD)
    if _has("talk", folded):
        return None
    is_worry = _has("worries", folded)
    if _has("matters", folded):
        is_plain = not is_worry and _has("plain", folded)
        return Knowing(about=said, sureness=Sureness.CLEAR, is_plain=is_plain, is_worry=is_worry)
    return Knowing(about=said, sureness=Sureness.MAYBE, is_worry=is_worry) if CONTENT.search(said) else None


def is_for_documents(knowing: Knowing | None, reading: Reading | None) -> bool:
    """Whether the documents are asked and not the learning data. A figure that is clearly asked for wins, and so does
    the refusal to tell about others. Where it would have to be asked back, the documents win if a word that no rule
    explained is one of theirs: 学習時間の目安は?"""
    if knowing is None:
        return False
    if knowing.sureness is Sureness.TOLD or reading is None:
        return True
    if reading.others or knowing.sureness is Sureness.MAYBE:
        return False
    return any(_has("matters", fold(words)) for words in (*reading.leftover, " ".join(reading.leftover)))


def _led(said: str, name: str) -> str | None:
    """What stands behind (or before) the words that send it to the documents; None where there are none."""
    for pattern in _patterns()[name]:
        if (found := pattern.fullmatch(said)) is not None:
            return found["about"].strip()
    return None


def _has(name: str, folded: str) -> bool:
    return any(pattern.search(folded) for pattern in _patterns()[name])


@cache
def _patterns() -> dict[str, tuple[re.Pattern[str], ...]]:
    merged: dict[str, list[re.Pattern[str]]] = {}
    for path in sorted(DATA.glob("*/knowing.yaml")):
        for name, lines in cast("dict[str, list[str]]", load_yaml(path.read_text("utf-8"))).items():
            is_typed = name.startswith("leads")
            found = [re.compile(line if is_typed else letters(line), re.IGNORECASE) for line in lines]
            merged.setdefault(name, []).extend(found)
    return {name: tuple(patterns) for name, patterns in merged.items()}
