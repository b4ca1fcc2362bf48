"""Paints a chart as PNG. Imported where a picture is drawn, and only there: matplotlib takes half a second to load.

Everything is placed in pixels of a picture 1080 wide: a phone shows that about 390 wide, so a letter here is a bit more
than a third as large there.
"""

from __future__ import annotations

import io
import math
import threading
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache, lru_cache

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font, LoadFlags
from matplotlib.patches import Rectangle
from matplotlib_fontja import get_font_ttf_path

from assistant.charts.chart import Chart, Colour
from assistant.messages import Words

WIDTH = 1080  # pixels, as every length below
DPI = 100
MARGIN = 48
INNER = WIDTH - 2 * MARGIN
TITLE, ABOUT, TEXT, NOTE = 52, 37, 38, 32  # sizes of letters
LEADING = 1.3  # of a line, in sizes of its letters
LABEL = 420  # width of the label of a bar; a longer one takes a second line
BAR, ROW = 46, 78  # thickness of a bar, height of its row
PLOT_HEIGHT = 560

# Okabe and Ito's palette, which people see apart who see colours differently; the moods also differ in lightness.
COLOURS = {
    Colour.MAIN: "#0072b2",
    Colour.OTHER: "#e69f00",
    Colour.SUNNY: "#f0a500",
    Colour.CLOUDY: "#b3b3b3",
    Colour.RAINY: "#2f7fc1",
    Colour.THUNDER: "#3b1f5b",
}
INK, SOFT, RULE, TRACK = "#1b2430", "#4b5563", "#cbd2d9", "#eef1f4"
MISSING = "〓"  # printers' mark for a letter the font has not
LOCK = threading.Lock()  # matplotlib shares fonts and caches between figures


def paint(chart: Chart, as_text: Callable[[Words], str]) -> bytes:
    """The PNG; the same chart always gives the same bytes. ``as_text`` fits words to the reader."""
    with LOCK:
        return _Painter(chart, as_text).png()


class _Painter:
    def __init__(self, chart: Chart, as_text: Callable[[Words], str]) -> None:
        self._font = FontProperties(fname=get_font_ttf_path())
        self._chart = chart
        self._as_text = as_text

    def png(self) -> bytes:
        chart = self._chart
        title = wrap(self._words(chart.title), TITLE, INNER, 3)
        about = [line for words in chart.about for line in wrap(self._words(words), ABOUT, INNER, 2)]
        note = wrap(self._words(chart.note), NOTE, INNER, 2) if chart.note else []
        labels = [wrap(self._words(mark.label), TEXT, LABEL, 2) for mark in chart.marks]
        top = MARGIN + _height(title, TITLE) + 12 + _height(about, ABOUT) + 36
        rows = [max(ROW, _height(label, TEXT) + 24) for label in labels]
        body = (
            PLOT_HEIGHT + (2 if any(mark.under for mark in chart.marks) else 1) * TEXT * LEADING + 24
            if chart.is_line
            else sum(rows)
        )
        foot = 20 + _height(note, NOTE) if note else 0
        height = math.ceil(top + body + foot + MARGIN)

        figure = Figure(figsize=(WIDTH / DPI, height / DPI), dpi=DPI, facecolor="white")
        canvas = FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(height, 0))
        axes.axis("off")
        self._block(axes, MARGIN, MARGIN, title, TITLE, INK)
        self._block(axes, MARGIN, MARGIN + _height(title, TITLE) + 12, about, ABOUT, SOFT)
        if chart.is_line:
            self._line(axes, top)
        else:
            self._bars(axes, top, labels, rows)
        self._block(axes, MARGIN, top + body + 20, note, NOTE, SOFT)
        buffer = io.BytesIO()
        canvas.print_png(buffer, metadata={"Software": None})  # no version in it
        return buffer.getvalue()

    def _bars(self, axes: Axes, top: float, labels: Sequence[Sequence[str]], rows: Sequence[float]) -> None:
        scale, marks = self._chart.scale, self._chart.marks
        texts = [self._words(mark.text) for mark in marks]
        left = MARGIN + max(_width(line, TEXT) for label in labels for line in label) + 24
        # What is said instead of a figure starts at zero, where there is room.
        figures = [_width(text, TEXT) for text, mark in zip(texts, marks, strict=True) if mark.value is not None]
        long = max(_width(text, TEXT) for text in texts)
        right = max(left + 120, min(WIDTH - MARGIN - max(figures) - 16, WIDTH - MARGIN - long + 400))
        zero = left + scale.share(0.0) * (right - left)
        axes.plot([zero, zero], [top, top + sum(rows)], color=SOFT, linewidth=2)
        y = top
        for mark, text, label, height in zip(marks, texts, labels, rows, strict=True):
            middle = y + height / 2
            self._block(axes, left - 24, middle - _height(label, TEXT) / 2, label, TEXT, INK, align="right")
            end = zero
            if mark.value is not None:
                if scale.is_closed:
                    axes.add_patch(Rectangle((zero, middle - BAR / 2), right - zero, BAR, facecolor=TRACK))
                end = left + scale.share(mark.value) * (right - left)
                colour = COLOURS[mark.colour]
                box = Rectangle((zero, middle - BAR / 2), end - zero, BAR, facecolor=colour, edgecolor=INK, linewidth=1)
                axes.add_patch(box)
            ink = SOFT if mark.value is None else INK
            self._block(axes, max(end, zero) + 16, middle - TEXT * LEADING / 2, [text], TEXT, ink)
            y += height

    def _line(self, axes: Axes, top: float) -> None:
        scale, marks = self._chart.scale, self._chart.marks
        ticks = [(at, self._words(words)) for at, words in self._chart.ticks]
        left = MARGIN + max(_width(text, TEXT) for _, text in ticks) + 24
        inner_left, inner_right = left + 50, WIDTH - MARGIN - 50
        inner_top, bottom = top + TEXT * LEADING + 16, top + PLOT_HEIGHT - 24

        def place(value: float) -> float:
            return bottom - scale.share(value) * (bottom - inner_top)

        for at, text in ticks:
            axes.plot([left, WIDTH - MARGIN], [place(at)] * 2, color=RULE, linewidth=2)
            self._block(axes, left - 24, place(at) - TEXT * LEADING / 2, [text], TEXT, SOFT, align="right")
        step = (inner_right - inner_left) / max(1, len(marks) - 1)
        xs = [inner_left + step * index for index in range(len(marks))]
        ys = [math.nan if mark.value is None else place(mark.value) for mark in marks]
        size = 16 if step > 40 else 8
        axes.plot(xs, ys, color=COLOURS[Colour.MAIN], linewidth=5, marker="o", markersize=size, markeredgecolor="white")
        labels = [[self._words(mark.label), self._words(mark.under)] for mark in marks]
        widest = max(_width(line, TEXT) for label in labels for line in label)
        every = math.ceil((widest + 20) / step) if step else 1
        for index, (x, y, mark, label) in enumerate(zip(xs, ys, marks, labels, strict=True)):
            if index in self._chart.written:
                text = self._words(mark.text)
                half = _width(text, TEXT) / 2
                middle = min(max(x, left + half), WIDTH - MARGIN - half)
                around = [other for other in ys[max(0, index - 1) : index + 2] if not math.isnan(other)]
                # In a valley the line leaves room below, elsewhere above.
                is_below = len(around) > 1 and y == max(around) and y + TEXT * LEADING + 16 < bottom
                above = y + 16 if is_below else y - TEXT * LEADING - 16
                self._block(axes, middle, above, [text], TEXT, INK, align="center", halo=True)
            if (len(marks) - 1 - index) % every == 0:  # the latest always carries its day
                half = max(_width(line, TEXT) for line in label) / 2
                middle = min(max(x, MARGIN + half), WIDTH - MARGIN - half)
                self._block(axes, middle, top + PLOT_HEIGHT + 8, label, TEXT, INK, align="center")

    def _words(self, words: Words) -> str:
        """The words in one line, without what the font cannot show: marks that join or change letters go, other letters
        get a mark."""
        text = unicodedata.normalize("NFC", " ".join(self._as_text(words).split()))
        kept = [letter for letter in text if unicodedata.category(letter) not in ("Cc", "Cf", "Mn")]
        return "".join(letter if ord(letter) in _letters() else MISSING for letter in kept)

    def _block(
        self,
        axes: Axes,
        x: float,
        y: float,
        lines: Sequence[str],
        size: float,
        colour: str,
        *,
        align: str = "left",
        halo: bool = False,
    ) -> None:
        """Lines of text from ``y`` down."""
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.75} if halo else None
        for index, line in enumerate(lines):
            axes.text(
                x, y + (index + 0.5) * size * LEADING, line, fontproperties=self._font, fontsize=size * 72 / DPI,
                color=colour, ha=align, va="center_baseline", parse_math=False, bbox=box,
            )  # fmt: skip


def wrap(text: str, size: float, width: float, lines: int) -> list[str]:
    """At most so many lines of at most ``width``, cut at spaces where there are any; what is over ends in ``…``."""
    wrapped: list[str] = []
    rest = text
    while rest:
        cut = len(rest)
        while cut > 1 and _width(rest[:cut], size) > width:
            cut -= 1
        space = rest.rfind(" ", 1, cut + 1)
        if cut < len(rest) and space > 0:
            cut = space
        wrapped.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    if len(wrapped) > lines:
        last = wrapped[lines - 1]
        while _width(f"{last}…", size) > width:
            last = last[:-1]
        wrapped[lines - 1 :] = [f"{last}…"]
    return wrapped or [""]


@cache
def _font() -> FT2Font:
    return FT2Font(get_font_ttf_path())


@cache
def _letters() -> frozenset[int]:
    """The code points that the font can show."""
    return frozenset(_font().get_charmap())


@lru_cache(maxsize=4096)
def _em(letter: str) -> float:
    """How wide a letter is, in sizes of letters."""
    return _font().load_char(ord(letter), flags=LoadFlags.NO_SCALE).horiAdvance / _font().units_per_EM


def _width(text: str, size: float) -> float:
    return size * sum(_em(letter) for letter in text)


def _height(lines: Sequence[str], size: float) -> float:
    return len(lines) * size * LEADING
