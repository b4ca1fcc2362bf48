"""A practice on its way to its preview, or the reason why one was not taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from assistant.dialogue.taps import key_of

LASTS = timedelta(minutes=30)  # a draft left lying is dropped, so that a later はい never hands it in


@dataclass(frozen=True, kw_only=True)
class PracticeDraft:
    """Nothing is stored, and nobody told, before the preview was confirmed or the reason written."""

    at: datetime  # when it was touched last
    text: str = ""  # "": its words are awaited
    subject: str | None = None
    grades: tuple[str, ...] = ()
    is_previewed: bool = True  # False: it may hold a child's name, and its author has not said that it does not
    practice_id: str | None = None  # not a practice: a reason for handing back this one is awaited
    is_latest: bool = True  # whether nothing else was said since, so that a bare はい means it

    @property
    def key(self) -> str:
        """Stands in the buttons, so that those of an older preview do nothing to a newer draft."""
        return key_of(self.at)

    def holds(self, now: datetime) -> bool:
        return timedelta() <= now - self.at <= LASTS

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "at": self.at.isoformat(), "grades": [*self.grades]}

    @staticmethod
    def from_json(value: Mapping[str, Any] | None) -> PracticeDraft | None:
        """What another version wrote and this one cannot read counts as no draft."""
        if not value:
            return None
        try:
            read: dict[str, Any] = {**value, "at": datetime.fromisoformat(value["at"])}
            read["grades"] = tuple(value["grades"])
            return PracticeDraft(**read)
        except (KeyError, TypeError, ValueError):
            return None
