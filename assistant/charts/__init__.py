"""Pictures of answers, where people would rather look than read."""

from __future__ import annotations

from assistant.channels.wording import kana
from assistant.charts.chart import alt_of, chart_of
from assistant.messages import Words
from assistant.wording.texts import Speaker
from knowledge.questions.model import Answer

# A picture is fitted to everyone who hears the same wording, so to the youngest of them.
YOUNGEST = {"lower": "P1", "upper": "P4"}


def draw(answer: Answer, speaker: Speaker) -> bytes | None:
    """The answer as a PNG, 1080 pixels wide; None where a picture would not help. Raises nothing, may be called from
    any thread, and takes some tenths of a second: not for the event loop."""
    chart = chart_of(answer, speaker)
    if chart is None:
        return None
    from assistant.charts.paint import paint  # matplotlib takes half a second to load

    return paint(chart, lambda words: kana(words, YOUNGEST.get(speaker.band)))


def describe(answer: Answer, speaker: Speaker) -> Words:
    """What ``draw`` shows, in words, for those who do not see it; empty where nothing is drawn."""
    chart = chart_of(answer, speaker)
    return alt_of(chart, speaker) if chart is not None else Words()
