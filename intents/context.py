"""What a question may lean on: the question before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from knowledge.questions.model import Question, Scope

LASTS = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class Previous:
    """The last question of a conversation. It is leant on for ten minutes; whoever passes an older one is ignored."""

    at: datetime  # when it was asked
    question: Question | None = None  # what was answered, or shown to be confirmed; None where ``choices`` were asked
    students: Scope | None = None  # (kind ``list``) who was listed in the answer: その子たち
    choices: tuple[Question, ...] = ()  # it was asked which of these was meant

    def holds(self, now: datetime) -> bool:
        return timedelta() <= now - self.at <= LASTS
