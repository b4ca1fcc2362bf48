"""A wish to talk that a child is putting together: with whom was asked, or what about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

LASTS = timedelta(minutes=10)  # after this a text is not taken for the answer any more


@dataclass(frozen=True, kw_only=True)
class WishDraft:
    at: datetime  # when the question was asked; its key is in the buttons, so that one asking makes one wish
    person: str | None = None  # as in a button's value; None: it was asked with whom
    subject: str | None = None  # what is known already of what it is about

    def holds(self, now: datetime) -> bool:
        return timedelta() <= now - self.at <= LASTS

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "at": self.at.isoformat()}

    @staticmethod
    def from_json(value: Mapping[str, Any] | None) -> WishDraft | None:
        """What another version wrote and this one cannot read counts as no wish."""
        if not value:
            return None
        try:
            read: dict[str, Any] = {**value, "at": datetime.fromisoformat(value["at"])}
            return WishDraft(**read)
        except (KeyError, TypeError, ValueError):
            return None
