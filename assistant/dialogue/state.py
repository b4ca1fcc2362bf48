"""Where a conversation stands. It is small on purpose: what was answered is in the check-in itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from assistant.dialogue.draft import Draft
from assistant.dialogue.topic import Topic
from knowledge.questions.model import Phase


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A question of a check-in that waits for its answer."""

    date: date
    phase: Phase
    question: str  # the question's id; "" while the child chooses which answer to correct
    editing: bool = False  # correcting an earlier answer: afterwards nothing new is asked of a finished check-in
    offer: str | None = None  # the text of the child's own that was offered to tap


@dataclass(frozen=True, kw_only=True)
class DialogueState:
    """The state of one conversation."""

    pending: Pending | None = None
    topic: Topic | None = None  # what was asked about data
    draft: Draft | None = None  # words to children that wait to be sent
    language: str | None = None  # chosen by the person; None: the installation's

    def to_json(self) -> dict[str, Any]:
        result: dict[str, Any] = {}
        if self.pending is not None:
            result["pending"] = {**asdict(self.pending), "date": self.pending.date.isoformat()}
        if self.topic is not None:
            result["topic"] = self.topic.to_json()
        if self.draft is not None:
            result["draft"] = self.draft.to_json()
        if self.language is not None:
            result["language"] = self.language
        return result

    @staticmethod
    def from_json(value: Mapping[str, Any] | None) -> DialogueState:
        if not value:
            return DialogueState()
        return DialogueState(
            pending=_pending(value.get("pending")),
            topic=Topic.from_json(value.get("topic")),
            draft=Draft.from_json(value.get("draft")),
            language=value.get("language"),
        )


def _pending(value: Mapping[str, Any] | None) -> Pending | None:
    """What another version of the product wrote and this one cannot read counts as nothing pending."""
    if not value:
        return None
    known: dict[str, Any] = {key: each for key, each in value.items() if key in Pending.__dataclass_fields__}
    try:
        known |= {"date": date.fromisoformat(value["date"]), "phase": Phase(value["phase"])}
        return Pending(**known)
    except (KeyError, TypeError, ValueError):
        return None
