"""Regular expressions that are data: ``<name>`` in a pattern stands for a macro or a named group of that file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_REFERENCE = re.compile(r"(?<!\?P)<([a-z_]+)>")


def written_out(pattern: str, groups: Mapping[str, str | Mapping[str, Any]], macros: Mapping[str, str]) -> str:
    """The pattern with every reference replaced. A group is a pattern, or a table of the words that may stand there.
    Raises ``KeyError`` for a name the file does not have."""

    def one(reference: re.Match[str]) -> str:
        name = reference[1]
        if name in macros:
            return f"(?:{written_out(macros[name], groups, macros)})"
        group = groups[name]
        said = written_out(group, groups, macros) if isinstance(group, str) else longest_first(group)
        return f"(?P<{name}>{said})"

    return _REFERENCE.sub(one, pattern)


def longest_first(words: Mapping[str, Any] | Sequence[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
