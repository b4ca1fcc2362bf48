"""Words from staff to children, on their way from a draft over a preview to being sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from assistant.dialogue.taps import key_of

LASTS = timedelta(minutes=30)  # a draft left lying is dropped, so that a later text is never taken for its words


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A message that was begun. Nothing is sent before the preview was confirmed."""

    at: datetime  # when it was touched last
    students: tuple[tuple[str, str], ...]  # (sourcedId, label) of those it goes to
    text: str | None = None  # None: the words are still to be written
    ready: str | None = None  # words that were offered to tap instead of writing some
    offers: tuple[str, ...] = ()  # replies that were offered to choose from
    after: str | None = None  # where in the queue of reflections it stands, as its buttons say it; None: not from there
    reflection: date | None = None  # it answers the one student's reflection of this day; None: a word to all of them
    is_latest: bool = True  # whether nothing else was said since, so that a bare はい means it

    @property
    def key(self) -> str:
        """Stands in the buttons of the preview, so that an older one does not send a newer draft."""
        return key_of(self.at)

    def holds(self, now: datetime) -> bool:
        return timedelta() <= now - self.at <= LASTS

    def to_json(self) -> dict[str, Any]:
        day = self.reflection
        students = [[*student] for student in self.students]
        told = {"at": self.at.isoformat(), "students": students, "reflection": day and day.isoformat()}
        return {**asdict(self), **told, "offers": [*self.offers]}

    @staticmethod
    def from_json(value: Mapping[str, Any] | None) -> Draft | None:
        """What another version wrote and this one cannot read counts as no draft."""
        if not value:
            return None
        try:
            return Draft(
                at=datetime.fromisoformat(value["at"]),
                students=tuple((id, label) for id, label in value["students"]),
                text=value["text"],
                ready=value["ready"],
                is_latest=value["is_latest"],
                offers=tuple(value.get("offers", ())),
                after=value.get("after"),
                reflection=date.fromisoformat(value["reflection"]) if value["reflection"] else None,
            )
        except (KeyError, TypeError, ValueError):
            return None
