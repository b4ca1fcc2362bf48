"""What reminders are made of: frozen values, no I/O, nothing imported but the standard library.

What a text asks to be sent, what is stored and what is planned speak of one kind of thing, so all sides import this
module. The codes are those of the JSON that ``ayumi reminders --json`` and ``ayumi understand`` print.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AudienceKind(StrEnum):
    """Whom something is sent to."""

    STUDENT = "student"
    LIST = "list"  # of students
    CLASS = "class"
    GRADE = "grade"  # as the homeroom classes of it
    SCHOOL = "school"  # its students
    STAFF = "staff"  # of a school
    SELF = "self"  # the one who set it


class What(StrEnum):
    """What is sent."""

    ANTICIPATION = "anticipation"
    REFLECTION = "reflection"
    CHECKIN = "checkin"  # whichever check-in the hour is in
    TEXT = "text"  # words of the one who set it
    QUESTION = "question"  # a question about data, answered anew each time under the receiver's rights
    ANNOUNCEMENT = "announcement"  # words that ask for an answer


class ReminderState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"  # its rule has ended


class AnswerKind(StrEnum):
    """How an announcement is answered."""

    YES_NO = "yes_no"
    CHOICE = "choice"
    TEXT = "text"


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Whom something is sent to, before anybody is left out."""

    kind: AudienceKind
    ids: tuple[str, ...]  # sourcedIds: of students, classes, schools (also of ``staff``), of the person (``self``)
    label: str  # as a reader would name it: 「4年2組」

    @property
    def is_children(self) -> bool:
        return self.kind not in (AudienceKind.STAFF, AudienceKind.SELF)


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """Days counted from an event of the school calendar: 遠足の前日 is -1 to -1, テストの1週間前から is -7 to -1."""

    title: str  # a part of the event's title
    first: int  # days from the event to the first sending; negative: before it
    last: int  # likewise to the last
