"""An announcement that somebody is answering in words, or has just answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

LASTS = timedelta(minutes=30)  # after this a text is not taken for the answer any more


@dataclass(frozen=True, kw_only=True)
class Answering:
    """Which announcement the conversation is about."""

    announcement_id: str
    at: datetime  # when こたえる was tapped, or the answer given
    waits: bool = False  # the next text is the answer
    text: str | None = None  # a text that may be the answer: it was asked whether it is
    resumes: bool = False  # a question of a check-in was put off for it

    def holds(self, now: datetime) -> bool:
        return timedelta() <= now - self.at <= LASTS

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "at": self.at.isoformat()}

    @staticmethod
    def from_json(value: Mapping[str, Any] | None) -> Answering | None:
        """What another version wrote and this one cannot read counts as nothing to answer."""
        if not value:
            return None
        try:
            read: dict[str, Any] = {**value, "at": datetime.fromisoformat(value["at"])}
            return Answering(**read)
        except (KeyError, TypeError, ValueError):
            return None
