"""The catalogue of metrics: what each is called, counted in, made of and defined as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from knowledge.questions.model import GroupBy, Metric, Phase
from knowledge.yaml_data import load_yaml

CATALOGUE = Path(__file__).with_name("metrics.yaml")
IMPORTED = frozenset({"attendance", "nurse-visits", "study-log", "assessments", "observations"})


class Kind(StrEnum):
    """How a figure comes from the numerators and denominators of its facts."""

    RATE = "rate"  # 100 × Σ numerator ÷ Σ denominator
    MEAN = "mean"  # Σ numerator ÷ Σ denominator
    COUNT = "count"  # Σ numerator
    SUM = "sum"  # Σ numerator
    CHANGE = "change"  # a mean minus the one before
    STREAK = "streak"  # days in a row


@dataclass(frozen=True, kw_only=True)
class MetricEntry:
    """One metric, as ``metrics.yaml`` explains its fields."""

    metric: Metric
    name: Mapping[str, str]  # what people call it, by language
    unit: str  # of the JSON: %, days, count …
    definition: Mapping[str, str]  # how it is counted, by language
    kind: Kind
    source: str  # the import it lives on, or check_ins, expected, queue
    phases: tuple[Phase, ...]  # whose answers are counted; empty where the metric is no rate of check-ins
    by: frozenset[GroupBy]  # of subject and mood, those the records have
    in_overview: bool
    sensitivity: str  # class of the records behind it: I, II, III, IV

    @property
    def is_ratio(self) -> bool:
        """Whether it is divided by something, and so has no value where there is nothing to divide by."""
        return self.kind in (Kind.RATE, Kind.MEAN, Kind.CHANGE)

    @property
    def collected_as(self) -> str | None:
        """The import without which nothing is known; None: never "not collected"."""
        return self.source if self.source in IMPORTED else None


@cache
def catalogue() -> Mapping[Metric, MetricEntry]:
    """Every metric, read once, in the order in which an overview shows them."""
    entries = load_yaml(CATALOGUE.read_text(encoding="utf-8"))
    return {
        Metric(name): MetricEntry(
            metric=Metric(name),
            name=entry["name"],
            unit=entry["unit"],
            definition=entry["definition"],
            kind=Kind(entry["kind"]),
            source=entry["source"],
            phases=tuple(Phase(phase) for phase in entry.get("phases", ())),
            by=frozenset(GroupBy(each) for each in entry.get("by", ())),
            in_overview=entry.get("overview", False),
            sensitivity=entry["sensitivity"],
        )
        for name, entry in entries.items()
    }
