"""Draws the picture of the rich menu. Imported where it is drawn, and only there: matplotlib takes half a second."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Circle, Ellipse, FancyBboxPatch, Polygon, Wedge
from matplotlib_fontja import get_font_ttf_path

DPI = 100
PAPER, INK, SOFT = "#fffdf7", "#1b2430", "#4b5563"
FIELDS = ("#fde9b8", "#d6e6f7", "#d9f0de", "#ece4f6")  # light enough for ink to be read by everybody
SIGNS = ("#f0a500", "#2f6db0", "#2e8b57", "#7a56a8")
GAP = 24  # pixels between fields
TITLE, NOTE = 130, 62  # sizes of letters at most, in pixels
Sign = Callable[[Axes, float, float, str, str], None]


def draw_menu(labels: Sequence[tuple[str, str]], width: int, height: int) -> bytes:
    """The PNG: four fields side by side, each with a sign, its name, and a few words. The same labels always give the
    same bytes."""
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=PAPER)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))  # a unit is a pixel
    axes.axis("off")
    font = FontProperties(fname=get_font_ttf_path())
    field = width / len(labels)
    for number, (title, note) in enumerate(labels):
        left, middle = number * field, (number + 0.5) * field
        box = FancyBboxPatch(
            (left + GAP / 2 + 40, GAP + 40), field - GAP - 80, height - 2 * GAP - 80,
            boxstyle="round,pad=40", facecolor=FIELDS[number], edgecolor="none",
        )  # fmt: skip
        axes.add_patch(box)
        SIGN[number](axes, middle, height * 0.66, SIGNS[number], FIELDS[number])
        room = field - 100
        for text, size, y, colour in ((title, TITLE, height * 0.33, INK), (note, NOTE, height * 0.16, SOFT)):
            letters = sum(1.0 if ord(letter) > 0x2E80 else 0.56 for letter in text)
            points = min(size, room / letters) * 72 / DPI
            axes.text(
                middle, y, text, fontsize=points, fontproperties=font, color=colour, ha="center",
                va="center",
            )  # fmt: skip
    buffer = io.BytesIO()
    canvas.print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


def _sun(axes: Axes, x: float, y: float, colour: str, _: str) -> None:
    axes.add_patch(Circle((x, y), 82, color=colour))
    for turn in range(12):
        angle = turn * math.pi / 6
        near, far = 106, 150
        points = [(near, -0.12), (near, 0.12), (far, 0.0)]
        tips = [(x + length * math.cos(angle + off), y + length * math.sin(angle + off)) for length, off in points]
        axes.add_patch(Polygon(tips, color=colour))


def _moon(axes: Axes, x: float, y: float, colour: str, paper: str) -> None:
    axes.add_patch(Circle((x - 10, y), 125, color=colour))
    axes.add_patch(Circle((x + 48, y + 34), 105, color=paper))
    points = [
        (x + 62 + length * math.sin(n * math.pi / 5), y + 40 + length * math.cos(n * math.pi / 5))
        for n, length in enumerate([46, 19] * 5)
    ]
    axes.add_patch(Polygon(points, color=colour))


def _talk(axes: Axes, x: float, y: float, colour: str, paper: str) -> None:
    axes.add_patch(Ellipse((x, y + 14), 310, 220, color=colour))
    axes.add_patch(Polygon([(x - 90, y - 60), (x - 20, y - 88), (x - 110, y - 142)], color=colour))
    for side in (-1, 0, 1):
        axes.add_patch(Circle((x + side * 78, y + 14), 22, color=paper))


def _question(axes: Axes, x: float, y: float, colour: str, paper: str) -> None:
    axes.add_patch(Circle((x, y), 135, color=colour))
    axes.add_patch(Wedge((x, y + 34), 58, -90, 180, width=26, color=paper))
    axes.add_patch(Polygon([(x - 13, y - 36), (x + 13, y - 36), (x + 13, y + 6), (x - 13, y + 6)], color=paper))
    axes.add_patch(Circle((x, y - 72), 19, color=paper))


SIGN: tuple[Sign, ...] = (_sun, _moon, _talk, _question)
