"""What a conversation about data is at: the last question, who was listed, what was asked back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from assistant.dialogue.taps import key_of
from intents.context import Previous
from knowledge.questions.model import Answer, Phase, Question, Scope, ScopeKind, Shape, Status

MOST_LISTED = 500  # students that その子たち can mean: some grades; of more none is kept, never a part of them


@dataclass(frozen=True, kw_only=True)
class Topic:
    """The last question of a conversation and what may be tapped or said about it."""

    at: datetime  # when it was asked
    question: Question | None = None  # what was answered
    proposed: Question | None = None  # what was shown to be confirmed; no figure was given
    choices: tuple[Question, ...] = ()  # it was asked which of these was meant
    students: tuple[tuple[str, str], ...] = ()  # (sourcedId, label) of those listed in the answer, in its order
    reflections: tuple[tuple[str, date], ...] = ()  # (sourcedId, day) of the latest reflection of each that was shown
    announcement_id: str | None = None  # the announcement whose answers were shown
    page: int = 0  # of a long answer, the one shown last
    page_left: bool = False  # whether there is one more

    @property
    def key(self) -> str:
        """Stands in the buttons of the answer, so that one that was scrolled past does not act on a later one."""
        return key_of(self.at)

    def previous(self) -> Previous:
        """The part that understanding leans on."""
        listed = None
        if self.students:
            ids, labels = zip(*self.students, strict=True)
            listed = Scope(kind=ScopeKind.LIST, ids=ids, label=_listed_label(labels))
        return Previous(
            at=self.at,
            question=self.question or self.proposed,
            students=listed,
            choices=self.choices,
        )

    @staticmethod
    def after(answer: Answer, at: datetime, before: Topic | None) -> Topic | None:
        """What the next question may lean on; what was not understood leaves it as it was."""
        match answer.status:
            case Status.ANSWERED | Status.EMPTY:
                listed = answer.question is not None and answer.question.shape in (Shape.STUDENTS, Shape.TEXTS)
                students = {row.id: row.label for row in answer.rows} if listed else {}
                if not students and answer.question is not None and answer.question.scope.kind is ScopeKind.LIST:
                    students = dict(before.students) if before is not None else {}
                written = sorted(
                    (row.day, row.id) for row in answer.rows if row.phase is Phase.REFLECTION and row.day is not None
                )
                return Topic(
                    at=at,
                    question=answer.question,
                    students=tuple(students.items()) if len(students) <= MOST_LISTED else (),
                    reflections=tuple({id: day for day, id in written}.items()),
                )
            case Status.REFUSED:
                return None
            case _:
                return before

    def to_json(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "question": _stored(self.question),
            "proposed": _stored(self.proposed),
            "choices": [_stored(choice) for choice in self.choices],
            "students": [[*student] for student in self.students],
            "reflections": [[id, day.isoformat()] for id, day in self.reflections],
            "announcement": self.announcement_id,
            "page": self.page,
            "pageLeft": self.page_left,
        }

    @staticmethod
    def from_json(value: Mapping[str, Any] | None) -> Topic | None:
        """What another version wrote and this one cannot read counts as nothing said before."""
        if not value:
            return None
        try:
            return Topic(
                at=datetime.fromisoformat(value["at"]),
                question=_read(value["question"]),
                proposed=_read(value["proposed"]),
                choices=tuple(read for choice in value["choices"] if (read := _read(choice)) is not None),
                students=tuple((id, label) for id, label in value["students"]),
                reflections=tuple((id, date.fromisoformat(day)) for id, day in value["reflections"]),
                announcement_id=value.get("announcement"),
                page=value["page"],
                page_left=value["pageLeft"],
            )
        except (KeyError, TypeError, ValueError):
            return None


def _stored(question: Question | None) -> dict[str, Any] | None:
    return None if question is None else {**question.to_json(), "hasPeriod": question.has_period}


def _read(value: Mapping[str, Any] | None) -> Question | None:
    return None if value is None else replace(Question.from_json(value), has_period=value["hasPeriod"])


def _listed_label(labels: Sequence[str]) -> str:
    return "・".join(labels[:3]) + ("…" if len(labels) > 3 else "")
