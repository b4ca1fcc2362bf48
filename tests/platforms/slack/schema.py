"""Small checks that combine into a closed schema: what a value from a caller must look like, field by field."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

Json = dict[str, Any]
Problems = Iterator[str]
Check = Callable[[object, str], Problems]
"""Looks at a value found at a JSON pointer and yields one sentence per fault; nothing when all is well."""
Fields = Mapping[str, Check]


def string(longest: int, shortest: int = 1, pattern: str = r".*") -> Check:
    def check(value: object, at: str) -> Problems:
        if not isinstance(value, str):
            yield f"must be a string [json-pointer:{at}]"
        elif len(value) < shortest:
            yield f"must be more than {shortest - 1} characters [json-pointer:{at}]"
        elif len(value) > longest:
            yield f"must be less than {longest + 1} characters [json-pointer:{at}]"
        elif not re.fullmatch(pattern, value, re.DOTALL):
            yield f"must match pattern {pattern} [json-pointer:{at}]"

    return check


def integer(least: int, most: int) -> Check:
    def check(value: object, at: str) -> Problems:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            yield f"must be a whole number from {least} to {most} [json-pointer:{at}]"

    return check


def boolean(value: object, at: str) -> Problems:
    if not isinstance(value, bool):
        yield f"must be a boolean [json-pointer:{at}]"


def anything(value: object, at: str) -> Problems:
    """Left unlooked-at on purpose: the depths of rich text."""
    yield from ()


def one_of(*words: str) -> Check:
    return string(max(map(len, words)), pattern="|".join(map(re.escape, words)))


def array(item: Check, fewest: int, most: int) -> Check:
    def check(value: object, at: str) -> Problems:
        if not isinstance(value, list):
            yield f"must be an array [json-pointer:{at}]"
            return
        items = cast("list[object]", value)
        if len(items) < fewest:
            yield f"no fewer than {fewest} items allowed [json-pointer:{at}]"
        if len(items) > most:
            yield f"no more than {most} items allowed [json-pointer:{at}]"
        for number, entry in enumerate(items):
            yield from item(entry, f"{at}/{number}")

    return check


def shape(
    required: Fields,
    optional: Fields | None = None,
    *,
    exactly_one: Sequence[str] = (),
    at_least_one: Sequence[str] = (),
) -> Check:
    """An object with these fields and no other."""
    fields = {**(optional or {}), **required}

    def check(value: object, at: str) -> Problems:
        if not isinstance(value, dict):
            yield f"must be an object [json-pointer:{at}]"
            return
        found = cast("Json", value)
        for name in required.keys() - found.keys():
            yield f"missing required field: {name} [json-pointer:{at}]"
        if exactly_one and len(found.keys() & set(exactly_one)) != 1:
            yield f"must define exactly one of {', '.join(exactly_one)} [json-pointer:{at}]"
        if at_least_one and not found.keys() & set(at_least_one):
            yield f"must define either {' or '.join(at_least_one)} [json-pointer:{at}]"
        for name, entry in found.items():
            if name in fields:
                yield from fields[name](entry, f"{at}/{name}")
            else:
                yield f"unsupported field: {name} [json-pointer:{at}]"

    return check


def typed(table: Fields) -> Check:
    """An object whose `type` picks the row of the table it is held against."""

    def check(value: object, at: str) -> Problems:
        found = cast("Json", value) if isinstance(value, dict) else {}
        kind = found.get("type")
        if isinstance(kind, str) and kind in table:
            yield from table[kind](cast("object", value), at)
        else:
            yield f"unsupported type: {kind} [json-pointer:{at}]"

    return check
