"""A reminder on its way from what was said over a preview to being stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from assistant.dialogue.taps import key_of
from knowledge.reminding import AnswerKind, AudienceKind, What

TUPLES = ("audience_ids", "left_out", "choices")
LASTS = timedelta(minutes=30)  # a draft left lying is dropped, so that a later はい never stores it


class Asking(StrEnum):
    """What the draft waits for."""

    WHOM = "whom"
    WORDS = "words"
    DAY = "day"
    TIME = "time"
    ANY_DAY = "any_day"  # whether to send on a day without school
    CHANGE = "change"  # what of it is to be changed
    PREVIEW = "preview"  # はい
    SEND_NOW = "send_now"  # はい to sending a stored reminder at once


@dataclass(frozen=True, kw_only=True)
class ReminderDraft:
    """A reminder that was begun. Fields are those of ``knowledge.records.reminders.Reminder`` where they share a name;
    nothing is stored before the preview was confirmed."""

    at: datetime  # when it was touched last
    school_id: str
    audience_kind: AudienceKind
    audience_ids: tuple[str, ...]  # empty: still to be asked
    audience_label: str
    what: What
    text: str
    rrule: str | None = None
    starts_on: date | None = None  # None: still to be asked
    time: str | None = None  # HH:MM; None: still to be asked
    event_title: str | None = None
    event_first: int | None = None
    event_last: int | None = None
    any_day: bool = False
    only_missing: bool = False
    left_out: tuple[str, ...] = ()
    answers: AnswerKind | None = None  # of an announcement
    choices: tuple[str, ...] = ()
    closes_on: date | None = None
    announcement_id: str | None = None
    reminder_id: str | None = None  # the stored reminder that is to be changed; None: a new one
    at_once: bool = False  # sent in the minute of はい, which ``starts_on`` and ``time`` become
    begun: str = ""  # what was said of its days and is no whole yet: 「毎週」
    asks: Asking = Asking.PREVIEW
    is_latest: bool = True  # whether nothing else was said since, so that a bare はい means it

    @property
    def key(self) -> str:
        """Stands in the buttons, so that those of an older preview do nothing to a newer draft."""
        return key_of(self.at)

    @property
    def is_children(self) -> bool:
        return self.audience_kind not in (AudienceKind.STAFF, AudienceKind.SELF)

    def holds(self, now: datetime) -> bool:
        return timedelta() <= now - self.at <= LASTS

    def to_json(self) -> dict[str, Any]:
        days = {name: day and day.isoformat() for name, day in _days(self).items()}
        return {**asdict(self), **days, "at": self.at.isoformat()}

    @staticmethod
    def from_json(value: Mapping[str, Any] | None) -> ReminderDraft | None:
        """What another version wrote and this one cannot read counts as no draft."""
        if not value:
            return None
        try:
            read: dict[str, Any] = {**value, **{name: tuple(value[name]) for name in TUPLES}}
            read |= {name: value[name] and date.fromisoformat(value[name]) for name in ("starts_on", "closes_on")}
            read |= {"audience_kind": AudienceKind(value["audience_kind"]), "what": What(value["what"])}
            read |= {"asks": Asking(value["asks"]), "answers": value["answers"] and AnswerKind(value["answers"])}
            read["at"] = datetime.fromisoformat(value["at"])
            return ReminderDraft(**read)
        except (KeyError, TypeError, ValueError):
            return None


@dataclass(frozen=True, kw_only=True)
class Listed:
    """The reminders of a list that was shown, so that 「2番」 means what was second in it."""

    at: datetime
    ids: tuple[str, ...]

    def holds(self, now: datetime) -> bool:
        return timedelta() <= now - self.at <= LASTS

    def to_json(self) -> dict[str, Any]:
        return {"at": self.at.isoformat(), "ids": [*self.ids]}

    @staticmethod
    def from_json(value: Mapping[str, Any] | None) -> Listed | None:
        """What another version wrote and this one cannot read counts as no list."""
        if not value:
            return None
        try:
            return Listed(at=datetime.fromisoformat(value["at"]), ids=tuple(value["ids"]))
        except (KeyError, TypeError, ValueError):
            return None


def _days(draft: ReminderDraft) -> dict[str, date | None]:
    return {"starts_on": draft.starts_on, "closes_on": draft.closes_on}
