"""Checks JSON against the closed schemas of LINE's API: an unknown property is a problem."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend  # pyright: ignore[reportUnknownVariableType]  not typed

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing wrong in a body, in the shape of LINE's error details."""

    property: str  # where, such as messages[0].text; empty for the body as a whole
    message: str  # what


def problems(part: Literal["messaging", "webhook"], name: str, body: object) -> list[Problem]:
    """What the schema `name` has against the body; an empty list if nothing."""
    return [
        Problem(property=_path(error.absolute_path), message=error.message)
        for error in _validator(part, name).iter_errors(body)
    ]


def _path(keys: Iterable[str | int]) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")


def _by_discriminator(validator: Any, rule: Json, instance: object, _schema: object) -> Iterator[ValidationError]:
    """OpenAPI's `discriminator`: one property names the schema, which keeps errors readable and checking fast."""
    named = cast("Json", instance).get(rule["propertyName"]) if isinstance(instance, dict) else None
    target = rule["mapping"].get(named) if isinstance(named, str) else None
    if target is None:
        yield ValidationError(f"{named!r} is not one of {sorted(rule['mapping'])}", path=[rule["propertyName"]])
    else:
        yield from validator.descend(instance, {"$ref": target})


_Validator = cast("Any", extend(Draft202012Validator, {"discriminator": _by_discriminator}))


@cache
def _schemas() -> dict[str, dict[str, Any]]:
    return json.loads(Path(__file__).with_name("schemas.json").read_text(encoding="utf-8"))


@cache
def _validator(part: str, name: str) -> Any:
    return _Validator({"$ref": f"#/$defs/{name}", "$defs": _schemas()[part]})
