"""Figures as an answer carries them."""

from __future__ import annotations

from knowledge.questions.metrics import Kind, MetricEntry

DIGITS = 2  # after the point


def shown(value: float | None, entry: MetricEntry) -> float | None:
    """Rounded; counts are whole. None stays None."""
    if value is None:
        return None
    return int(value) if entry.kind in (Kind.COUNT, Kind.STREAK) else round(value, DIGITS)
