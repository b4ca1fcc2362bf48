"""A closure, or a day's learning menu, on its way from what was said over a preview to being stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from assistant.dialogue.taps import key_of

LASTS = timedelta(minutes=30)  # a draft left lying is dropped, so that a later はい never closes a school


@dataclass(frozen=True, kw_only=True)
class ClosureDraft:
    """A closure that was begun. Nothing is stored or stopped before the preview was confirmed."""

    at: datetime  # when it was touched last
    school_id: str
    grades: tuple[str, ...]  # with ``class_ids`` empty too: the whole school
    class_ids: tuple[str, ...]
    label: str
    first: date | None  # None: still to be asked
    last: date | None  # None: until it is ended
    reason: str = ""
    is_remote: bool = False
    safety: bool = False  # ask everyone whether they are safe
    tells: bool = True  # tell children and staff
    waits: bool = False  # tell and ask when quiet hours end
    ends: bool = False  # not a closure: it was asked from when there is school again
    is_latest: bool = True  # whether nothing else was said since, so that a bare はい means it

    @property
    def key(self) -> str:
        """Stands in the buttons of the preview, so that an older one does nothing to a newer draft."""
        return key_of(self.at)

    def holds(self, now: datetime) -> bool:
        return timedelta() <= now - self.at <= LASTS

    def to_json(self) -> dict[str, Any]:
        days = {"first": self.first and self.first.isoformat(), "last": self.last and self.last.isoformat()}
        return {**asdict(self), **days, "at": self.at.isoformat()}

    @staticmethod
    def from_json(value: Mapping[str, Any] | None) -> ClosureDraft | None:
        """What another version wrote and this one cannot read counts as no draft."""
        if not value:
            return None
        try:
            read: dict[str, Any] = {**value, "at": datetime.fromisoformat(value["at"])}
            read |= {name: value[name] and date.fromisoformat(value[name]) for name in ("first", "last")}
            read |= {name: tuple(value[name]) for name in ("grades", "class_ids")}
            return ClosureDraft(**read)
        except (KeyError, TypeError, ValueError):
            return None


@dataclass(frozen=True, kw_only=True)
class MenuDraft:
    """A learning menu that waits to be confirmed."""

    at: datetime
    school_id: str
    grade: str  # P4
    day: date
    lines: tuple[tuple[str, str, str, str | None, str | None], ...]  # subject, kind, title, url, HH:MM
    is_latest: bool = True

    @property
    def key(self) -> str:
        return key_of(self.at)

    def holds(self, now: datetime) -> bool:
        return timedelta() <= now - self.at <= LASTS

    def to_json(self) -> dict[str, Any]:
        lines = [[*line] for line in self.lines]
        return {**asdict(self), "at": self.at.isoformat(), "day": self.day.isoformat(), "lines": lines}

    @staticmethod
    def from_json(value: Mapping[str, Any] | None) -> MenuDraft | None:
        """What another version wrote and this one cannot read counts as no draft."""
        if not value:
            return None
        try:
            lines: Any = tuple((subject, kind, title, url, at) for subject, kind, title, url, at in value["lines"])
            read: dict[str, Any] = {**value, "lines": lines, "day": date.fromisoformat(value["day"])}
            read["at"] = datetime.fromisoformat(value["at"])
            return MenuDraft(**read)
        except (KeyError, TypeError, ValueError):
            return None
