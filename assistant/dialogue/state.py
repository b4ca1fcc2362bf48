"""Where a conversation stands. It is small on purpose: what was answered is in the check-in itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from assistant.dialogue.adding_draft import AddingDraft
from assistant.dialogue.answering import Answering
from assistant.dialogue.closing_draft import ClosureDraft, MenuDraft
from assistant.dialogue.draft import Draft
from assistant.dialogue.pace import Pace
from assistant.dialogue.practice_draft import PracticeDraft
from assistant.dialogue.reminder_draft import Listed, ReminderDraft
from assistant.dialogue.topic import Topic
from assistant.dialogue.wish_draft import WishDraft
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
class PutOff:
    """A question that the child put off (あとで). It waits for its answer again from the time it is asked again."""

    pending: Pending
    until: datetime


@dataclass(frozen=True, kw_only=True)
class DialogueState:
    """The state of one conversation."""

    pending: Pending | None = None
    put_off: PutOff | None = None
    topic: Topic | None = None  # what was asked about data
    draft: Draft | None = None  # words to children that wait to be sent
    reminder: ReminderDraft | None = None  # a reminder that waits to be completed or confirmed
    listed: Listed | None = None  # the reminders shown last
    answering: Answering | None = None  # an announcement that is being answered
    closing: ClosureDraft | None = None  # a closure that waits to be confirmed
    menu: MenuDraft | None = None  # a learning menu that waits to be confirmed
    adding: AddingDraft | None = None  # something about documents that waits to be confirmed
    practice: PracticeDraft | None = None  # a good practice that waits to be confirmed, or a word about one
    wish: WishDraft | None = None  # a wish to talk that waits for a person or a subject
    pace: Pace | None = None  # how fast the person talks; None: nothing was said yet
    notice: int | None = None  # the version of the notice that the person was shown last; None: none yet
    language: str | None = None  # chosen by the person; None: the installation's

    def following(self, before: DialogueState) -> DialogueState:
        """This state at the end of a turn that began with ``before``: a draft that the turn did not touch is no longer
        the latest thing said, and a bare はい no longer means it."""
        result = self
        if self.draft is not None and self.draft is before.draft:
            result = replace(result, draft=replace(self.draft, is_latest=False))
        if self.reminder is not None and self.reminder is before.reminder:
            result = replace(result, reminder=replace(self.reminder, is_latest=False))
        if self.closing is not None and self.closing is before.closing:
            result = replace(result, closing=replace(self.closing, is_latest=False))
        if self.menu is not None and self.menu is before.menu:
            result = replace(result, menu=replace(self.menu, is_latest=False))
        if self.adding is not None and self.adding is before.adding:
            result = replace(result, adding=replace(self.adding, is_latest=False))
        if self.practice is not None and self.practice is before.practice:
            result = replace(result, practice=replace(self.practice, is_latest=False))
        return result

    def to_json(self) -> dict[str, Any]:
        result: dict[str, Any] = {}
        if self.pending is not None:
            result["pending"] = _pending_json(self.pending)
        if self.put_off is not None:
            until = self.put_off.until.isoformat()
            result["put_off"] = {"pending": _pending_json(self.put_off.pending), "until": until}
        if self.topic is not None:
            result["topic"] = self.topic.to_json()
        if self.draft is not None:
            result["draft"] = self.draft.to_json()
        if self.reminder is not None:
            result["reminder"] = self.reminder.to_json()
        if self.listed is not None:
            result["listed"] = self.listed.to_json()
        if self.answering is not None:
            result["answering"] = self.answering.to_json()
        if self.closing is not None:
            result["closing"] = self.closing.to_json()
        if self.menu is not None:
            result["menu"] = self.menu.to_json()
        if self.adding is not None:
            result["adding"] = self.adding.to_json()
        if self.practice is not None:
            result["practice"] = self.practice.to_json()
        if self.wish is not None:
            result["wish"] = self.wish.to_json()
        if self.pace is not None:
            result["pace"] = self.pace.to_json()
        if self.notice is not None:
            result["notice"] = self.notice
        if self.language is not None:
            result["language"] = self.language
        return result

    @staticmethod
    def from_json(value: Mapping[str, Any] | None) -> DialogueState:
        if not value:
            return DialogueState()
        return DialogueState(
            pending=_pending(value.get("pending")),
            put_off=_put_off(value.get("put_off")),
            topic=Topic.from_json(value.get("topic")),
            draft=Draft.from_json(value.get("draft")),
            reminder=ReminderDraft.from_json(value.get("reminder")),
            listed=Listed.from_json(value.get("listed")),
            answering=Answering.from_json(value.get("answering")),
            closing=ClosureDraft.from_json(value.get("closing")),
            menu=MenuDraft.from_json(value.get("menu")),
            adding=AddingDraft.from_json(value.get("adding")),
            practice=PracticeDraft.from_json(value.get("practice")),
            wish=WishDraft.from_json(value.get("wish")),
            pace=Pace.from_json(value.get("pace")),
            notice=value.get("notice"),
            language=value.get("language"),
        )


def _pending_json(pending: Pending) -> dict[str, Any]:
    return {**asdict(pending), "date": pending.date.isoformat()}


def _put_off(value: Mapping[str, Any] | None) -> PutOff | None:
    pending = _pending(value.get("pending")) if value else None
    if value is None or pending is None:
        return None
    try:
        return PutOff(pending=pending, until=datetime.fromisoformat(value["until"]))
    except (KeyError, TypeError, ValueError):
        return None


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
