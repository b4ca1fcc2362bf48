"""The kinds of thresholds, from ``thresholds.yaml``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from knowledge.yaml_data import load_yaml

Numbers = Mapping[str, float]  # what a school set, by the name of the parameter


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A number that a school sets."""

    default: float
    least: float
    most: float
    step: float = 1

    def fits(self, value: float) -> bool:
        """Whether it lies within the limits, on a step."""
        return self.least <= value <= self.most and (value - self.least) % self.step == 0


@dataclass(frozen=True, kw_only=True)
class Said:
    """A kind in the words of one language."""

    name: str
    means: str  # with the parameters in braces
    fields: Mapping[str, str]  # what each parameter is
    why: str  # with the figures of a child in braces
    might: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class ThresholdKind:
    """What a threshold may be about."""

    id: str
    looks_back: int  # days
    worse_by: float  # in the unit of what the rule finds
    parameters: Mapping[str, Parameter]
    said: Mapping[str, Said]  # by language

    @property
    def defaults(self) -> Numbers:
        return {name: parameter.default for name, parameter in self.parameters.items()}

    def complete(self, numbers: Mapping[str, Any]) -> Numbers:
        """What was stored, with the default for what this version does not find there, or no longer allows."""
        return {
            name: numbers[name] if name in numbers and parameter.fits(numbers[name]) else parameter.default
            for name, parameter in self.parameters.items()
        }


@cache
def kinds() -> Mapping[str, ThresholdKind]:
    """All kinds by id, in the order in which they are shown."""
    read: Mapping[str, Any] = load_yaml(files("knowledge.care").joinpath("thresholds.yaml").read_text("utf-8"))
    return {
        id: ThresholdKind(
            id=id,
            looks_back=entry["looks_back"],
            worse_by=entry["worse_by"],
            parameters={name: Parameter(**limits) for name, limits in entry["parameters"].items()},
            said={language: Said(**entry[language]) for language in ("ja", "en")},
        )
        for id, entry in read.items()
    }
