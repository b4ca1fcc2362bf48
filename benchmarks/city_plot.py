"""The picture of a city's morning: four panels over one time. Imported where it is drawn, and only there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from assistant.charts.chart import Colour
from assistant.charts.paint import COLOURS, INK, RULE, SOFT

if TYPE_CHECKING:
    from benchmarks.city_morning import Record

WIDTH, HEIGHT = 10.0, 11.0  # inches
ROLES = {"web": "#56b4e9", "worker": "#0072b2", "scheduler": "#e69f00", "PostgreSQL": "#009e73"}  # Okabe and Ito


def draw(record: Record, path: Path, students: int, answering: int) -> None:
    """Save the picture, as its name's ending says."""
    figure = Figure(figsize=(WIDTH, HEIGHT), facecolor="white")
    traffic, age, prompts, cores = figure.subplots(4, 1, sharex=True)
    begun = record.posted.values()
    replied = [at for key, at in record.arrived if key in record.posted]
    _filled(traffic, _per_second(begun), COLOURS[Colour.MAIN], "webhooks")
    _line(traffic, _per_second(replied), COLOURS[Colour.OTHER], "replies at LINE")
    _titled(traffic, "Webhooks and replies a second", is_named=True)
    _line(age, [(each.at, each.queue_age) for each in record.samples], COLOURS[Colour.THUNDER], "")
    _titled(age, "Seconds the oldest unanswered event has waited")
    _filled(prompts, [(each.at, float(each.prompts_open)) for each in record.samples], COLOURS[Colour.CLOUDY], "")
    _titled(prompts, "Prompts not yet sent")
    steps = list(pairwise(record.samples))
    times = [after.at for _, after in steps]
    used = [[(b.cpu.get(role, 0.0) - a.cpu.get(role, 0.0)) / (b.at - a.at) for a, b in steps] for role in ROLES]
    cores.stackplot(times, *used, labels=list(ROLES), colors=list(ROLES.values()), linewidth=0)
    _titled(cores, "Cores at work, by role", is_named=True)
    cores.set_xlabel("seconds since the prompts were due", color=SOFT)
    figure.suptitle(
        f"A morning of {students:,} students, {answering:,} answering", color=INK, fontsize=16, x=0.07, ha="left"
    )
    figure.tight_layout()
    canvas = FigureCanvasSVG(figure) if path.suffix == ".svg" else FigureCanvasAgg(figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.print_figure(str(path), metadata={"Date": None} if path.suffix == ".svg" else None)


def _per_second(moments: Iterable[float]) -> list[tuple[float, float]]:
    counted = Counter(int(at) for at in moments)
    return [(float(at), float(counted[at])) for at in range(max(counted, default=0) + 1)]


def _line(axes: Axes, points: Sequence[tuple[float, float]], colour: str, label: str) -> None:
    axes.plot([x for x, _ in points], [y for _, y in points], color=colour, linewidth=1.5, label=label)


def _filled(axes: Axes, points: Sequence[tuple[float, float]], colour: str, label: str) -> None:
    axes.fill_between([x for x, _ in points], [y for _, y in points], color=colour, alpha=0.5, linewidth=0, label=label)


def _titled(axes: Axes, title: str, *, is_named: bool = False) -> None:
    axes.set_title(title, loc="left", color=INK, fontsize=12)
    axes.set_ylim(0, axes.get_ylim()[1] * (1.25 if is_named else 1.05))  # the names stand above the curves
    axes.tick_params(colors=SOFT)
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(RULE)
    if is_named:
        axes.legend(frameon=False, labelcolor=SOFT, ncols=4, loc="upper right")
