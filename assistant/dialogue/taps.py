"""What a button stands for. The value of a check-in's names the question it answers, so that it means the same whenever
it is tapped; the value of one about an answer or a draft carries its key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from knowledge.questions.model import Phase

PREFIX = "c"  # values: c/<phase>/<date>/<question>/<answer>, or …/!<command>


def key_of(moment: datetime) -> str:
    """Tells what was said at one moment from what was said at another, to the microsecond."""
    return format(round(moment.timestamp() * 1_000_000), "x")


@dataclass(frozen=True, kw_only=True)
class Tap:
    """What a button of a check-in stands for."""

    phase: Phase
    date: date
    question: str  # "" where the child chooses which answer to correct
    value: str  # an answer, or "!" and a command

    @staticmethod
    def parse(value: str | None) -> Tap | None:
        """None for a value that is no check-in's."""
        parts = (value or "").split("/")
        if len(parts) != 5 or parts[0] != PREFIX:
            return None
        try:
            return Tap(phase=Phase(parts[1]), date=date.fromisoformat(parts[2]), question=parts[3], value=parts[4])
        except ValueError:
            return None

    @staticmethod
    def prefix(phase: Phase, day: date, question: str) -> str:
        return f"{PREFIX}/{phase}/{day.isoformat()}/{question}/"
