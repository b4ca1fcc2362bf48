"""A check-in as data: what a YAML file of ``assistant/checkins`` (or of a school's own folder) may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from knowledge.questions.model import Phase

# Answers that have a column of their own; every other question id goes to the record's ``extra``.
COLUMNS = {
    "mood": "mood",
    "goal": "goal",
    "plan": "plan",
    "subject": "subject",
    "confidence": "confidence",
    "achievement": "achievement",
    "wentWell": "went_well",
    "difficult": "difficult",
    "nextStep": "next_step",
}
ALLOWED = {
    "mood": {"sunny", "cloudy", "rainy", "thunder"},
    "achievement": {"achieved", "mostly", "partly", "not_yet"},
    "confidence": {"1", "2", "3", "4", "5"},
}
MAX_OPTIONS = 10  # thirteen quick replies fit on LINE, and three are taken by とばす, あとで, 今日は答えない

Localised = dict[Annotated[str, Field(pattern="^(ja|en)$")], str]  # a text per language


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Option(_Strict):
    """One answer to tap."""

    value: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,30}$")]
    label: Localised
    reply: Localised = {}  # said after it was chosen, before the next question
    also: list[str] = []  # other ways to type it


class Question(_Strict):
    """One question of a check-in."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,30}$")]
    kind: Literal["mood", "choice", "scale", "text"]
    ask: Localised
    name: Localised  # what the answer is called when the child corrects it: 「めあて」
    options: list[Option] = []
    suggestions: list[Localised] = []  # texts to tap instead of typing, for kind ``text``
    offer: Literal["last_next_step"] | None = None  # a text of the child's own, offered to tap
    when: dict[str, list[str] | Literal["given"]] = {}  # asked only if every named answer is one of these
    readers: Literal["self", "teacher", "class"] = "teacher"
    max_length: int = 300  # characters of a typed answer

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Question:
        if (self.kind == "text") == bool(self.options):
            says = "takes no" if self.options else "needs"
            raise ValueError(f"question '{self.id}': kind '{self.kind}' {says} options")
        if self.suggestions and self.kind != "text":
            raise ValueError(f"question '{self.id}': suggestions are for kind 'text'")
        if max(len(self.options), len(self.suggestions) + bool(self.offer)) > MAX_OPTIONS:
            raise ValueError(f"question '{self.id}': more than {MAX_OPTIONS} options cannot be shown on every channel")
        values = [option.value for option in self.options]
        if len(set(values)) != len(values):
            raise ValueError(f"question '{self.id}': an option value is there twice")
        if self.id in ALLOWED and not set(values) <= ALLOWED[self.id]:
            raise ValueError(f"question '{self.id}': values must be among {', '.join(sorted(ALLOWED[self.id]))}")
        return self

    def option(self, value: str) -> Option | None:
        return next((option for option in self.options if option.value == value), None)


class Closing(_Strict):
    """A sentence of the last message; the first whose condition holds is said."""

    when: dict[str, list[str] | Literal["given"]] = {}
    say: Localised


class PhaseScript(_Strict):
    """The questions of one phase, in order, and how it ends."""

    opening: Localised
    questions: Annotated[list[Question], Field(min_length=1, max_length=8)]
    noticed: list[Closing]  # one thing the child wrote or did
    process: list[Closing]  # one word on how it was done
    ahead: list[Closing]  # one next step

    @model_validator(mode="after")
    def _refers_to_earlier_answers(self) -> PhaseScript:
        ids = [question.id for question in self.questions]
        if len(set(ids)) != len(ids):
            raise ValueError("a question id is there twice")
        return self

    def question(self, question_id: str) -> Question | None:
        return next((question for question in self.questions if question.id == question_id), None)


class Script(_Strict):
    """Both check-ins of one grade band."""

    grades: list[str]  # P1 … H3
    anticipation: PhaseScript
    reflection: PhaseScript

    def phase(self, phase: Phase) -> PhaseScript:
        return self.anticipation if phase is Phase.ANTICIPATION else self.reflection
