"""The catalogue of metrics: unit and definition of each one that can be answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from knowledge.questions.model import Metric, Phase

CATALOGUE = Path(__file__).with_name("metrics.yaml")


@dataclass(frozen=True, kw_only=True)
class MetricEntry:
    metric: Metric
    name: Mapping[str, str]  # what people call it, by language
    unit: str  # of the JSON: %, days, count …
    definition: Mapping[str, str]  # how it is counted, by language
    phases: tuple[Phase, ...]  # whose answers are counted; empty where the metric is no rate of check-ins


@cache
def catalogue() -> Mapping[Metric, MetricEntry]:
    """Every metric that can be answered, read once; a metric that is not in here cannot."""
    entries = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))
    return {
        Metric(name): MetricEntry(
            metric=Metric(name),
            name=entry["name"],
            unit=entry["unit"],
            definition=entry["definition"],
            phases=tuple(Phase(phase) for phase in entry.get("phases", ())),
        )
        for name, entry in entries.items()
    }
