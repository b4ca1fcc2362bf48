"""Words that people use for one another (``synonyms.yaml``): a child has lost what a document calls 紛失."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from knowledge.documents.words import Word, WordKind, content_words
from knowledge.yaml_data import load_yaml


@dataclass(frozen=True, kw_only=True)
class Told:
    """A group of synonyms, and where one of its words stands in a text."""

    group: int  # its number
    start: int
    end: int


@cache
def groups() -> tuple[tuple[str, ...], ...]:
    """The words of each group; a group is known by its place."""
    table = load_yaml(files("knowledge.documents").joinpath("synonyms.yaml").read_text("utf-8"))
    return tuple(tuple(words) for language in table.values() for words in language)


def told_in(words: Sequence[Word]) -> list[Told]:
    """The groups that have one of these words, or of their runs, in the order of the words."""
    found: list[Told] = []
    for at, word in enumerate(words):
        for forms, group in _by_first().get(word.form, ()):
            run = words[at : at + len(forms)]
            if tuple(each.form for each in run) == forms:
                found.append(Told(group=group, start=word.start, end=run[-1].end))
    return found


@cache
def _by_first() -> dict[str, list[tuple[tuple[str, ...], int]]]:
    """The words of all groups as forms, with the number of the group, by the first form."""
    found: dict[str, list[tuple[tuple[str, ...], int]]] = {}
    for group, members in enumerate(groups()):
        for words in {content_words(member) for member in members}:
            if any(word.kind is not WordKind.LIGHT for word in words):
                found.setdefault(words[0].form, []).append((tuple(word.form for word in words), group))
    return found
