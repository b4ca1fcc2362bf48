"""From which figure to which one a picture reaches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.questions.model import Metric

# Metrics whose figures lie between two ends (questions.md, "Metrics"), whatever was measured.
ENDS = {Metric.MOOD: (1.0, 4.0), Metric.CONFIDENCE: (1.0, 5.0), Metric.REFLECTION_DEPTH: (0.0, 4.0)}
PERCENT = (0.0, 25.0, 50.0, 75.0, 100.0)
STEPS = 4  # about so many between the ends


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The way from a figure to a place."""

    low: float
    high: float  # above ``low``
    ticks: Sequence[float]
    is_closed: bool  # whether nothing can lie beyond the ends, so that what is missing to the end says something

    def share(self, value: float) -> float:
        """Where a figure lies between the ends, 0 to 1; one that lies beyond is taken to the nearer end."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))


def scale_of(metric: Metric | None, is_percent: bool, values: Sequence[float], *, from_zero: bool) -> Scale:
    """The scale for these values. ``from_zero``: bars, whose length would lie if they began anywhere else."""
    if is_percent and max(values) <= 100 and min(values) >= 0:
        return Scale(low=0.0, high=100.0, ticks=PERCENT, is_closed=True)
    ends = ENDS.get(metric) if metric else None
    if ends is not None and ends[0] <= min(values) and max(values) <= ends[1]:
        low, high = (0.0 if from_zero else ends[0]), ends[1]
        ticks = [float(tick) for tick in range(math.ceil(ends[0]), int(high) + 1)]
        return Scale(low=low, high=high, ticks=ticks, is_closed=True)
    low, high = min(0.0, *values), max(0.0, *values)
    step = _nice((high - low) / STEPS)
    first, last = math.floor(low / step), max(math.ceil(high / step), math.floor(low / step) + 1)
    return Scale(low=first * step, high=last * step, ticks=[step * n for n in range(first, last + 1)], is_closed=False)


def _nice(step: float) -> float:
    """The next of 1, 2, 5, 10, 20 … that is not below ``step``."""
    if step <= 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(step))
    return next((power * factor for factor in (1, 2, 5) if power * factor >= step), power * 10)
