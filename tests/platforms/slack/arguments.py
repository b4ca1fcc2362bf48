"""The arguments of a Web API method: a form or a query carries strings only, JSON carries values; both are taken."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .schema import Json
from .workspace import Refusal, Workspace


class Malformed(Exception):
    """An argument is not what the method takes."""


def text(value: object) -> str:
    if not isinstance(value, str):
        raise Malformed("must be a string")
    return value


def timestamp(value: object) -> str:
    if not re.fullmatch(r"\d{1,10}(\.\d{1,6})?", text(value)):
        raise Malformed("must be a timestamp such as 1355517523.000005")
    return text(value)


def flag(value: object) -> bool:
    known = {
        True: True,
        False: False,
        "true": True,
        "false": False,
        "1": True,
        "0": False,
    }
    if not isinstance(value, bool | str) or value not in known:
        raise Malformed("must be a boolean")
    return known[value]


def number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str) or not re.fullmatch(r"\d+", str(value)):
        raise Malformed("must be an integer")
    return int(value)


def structure(value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise Malformed("must be JSON") from error


Parser = Callable[[object], object]
Arguments = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Method:
    """One method of the Web API."""

    do: Callable[[Workspace, Arguments], Json]  # returns the answer without `ok`; raises Refusal
    required: Mapping[str, Parser] = field(default_factory=dict[str, Parser])
    optional: Mapping[str, Parser] = field(default_factory=dict[str, Parser])
    takes_json: bool = True  # some read a form or a query only, and ignore a JSON body
    needs_token: bool = True
    scope: str | None = None  # what the app must have been given when it was installed
    any_argument: bool = False

    def parse(self, raw: Mapping[str, object]) -> Arguments:
        """The arguments as Python values; raises Refusal naming each that is missing, unknown or malformed."""
        known = {**self.required, **self.optional}
        problems = [f"[ERROR] missing required field: {name}" for name in self.required.keys() - raw.keys()]
        arguments: Arguments = {}
        for name, value in raw.items():
            if self.any_argument:
                arguments[name] = value
            elif name not in known:
                problems.append(f"[ERROR] unknown argument: {name}")
            else:
                try:
                    arguments[name] = known[name](value)
                except Malformed as error:
                    problems.append(f"[ERROR] {name} {error}")
        if problems:
            raise Refusal("invalid_arguments", *problems)
        return arguments
