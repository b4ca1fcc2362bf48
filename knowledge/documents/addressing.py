"""Sentences of a document that speak to the assistant instead of its reader. They are data like everything that stands
in a document, and never an answer: what somebody wrote there to be obeyed is not what a document says.

The words are data (``addressing.yaml``). They are one wall of several: nothing that reads documents can send, write or
change anything, and who may read what is decided before they are searched.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import cast

from knowledge.documents.sentences import Sentence
from knowledge.yaml_data import load_yaml

_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")


def addresses_the_assistant(text: str) -> bool:
    """Whether a sentence gives the assistant an order, or pretends to end the document."""
    address, order, anyway = _patterns()
    folded = _UNSEEN.sub("", unicodedata.normalize("NFKC", text)).lower()
    if anyway.search(folded):
        return True
    found = address.search(folded)
    return found is not None and order.search(folded, found.end()) is not None


def addressed(text: str, sentences: Sequence[Sentence]) -> frozenset[int]:
    """Which of a text's sentences are no answer: those that speak to the assistant, and what follows them in their
    line, for that is often the words to be said."""
    found: set[int] = set()
    for place, sentence in enumerate(sentences):
        goes_on = place - 1 in found and "\n" not in text[sentences[place - 1].end : sentence.start]
        if goes_on or addresses_the_assistant(sentence.text):
            found.add(place)
    return frozenset(found)


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    raw = files("knowledge.documents").joinpath("addressing.yaml").read_text("utf-8")
    words = cast("dict[str, list[str]]", load_yaml(raw))
    address, order, anyway = ("|".join(words[name]) for name in ("address", "order", "anyway"))
    return re.compile(address), re.compile(order), re.compile(anyway)
