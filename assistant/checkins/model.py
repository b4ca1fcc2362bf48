"""A check-in as data: what a YAML file of ``assistant/checkins`` (or of a school's own folder) may say."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from string import Formatter
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

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
MISSING = "missing"  # what a hint's condition calls the first point that a text lacks
EVENING_KNOWS = frozenset({"goal", "plan", "notes"})  # the morning's answers and the notes of the day
MAX_OPTIONS = 10  # thirteen quick replies fit on LINE, and three are taken by とばす, あとで, 今日は答えない

Localised = dict[Annotated[str, Field(pattern="^(ja|en)$")], str]  # a text per language


def _in_japanese(text: dict[str, str]) -> dict[str, str]:
    if "ja" not in text:
        raise ValueError("the Japanese text (ja) is missing")
    return text


Said = Annotated[Localised, AfterValidator(_in_japanese)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Option(_Strict):
    """One answer to tap."""

    value: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,30}$")]
    label: Said
    reply: Localised = {}  # said after it was chosen, before the next question
    also: list[str] = []  # other ways to type it


class Question(_Strict):
    """One question of a check-in."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,30}$")]
    kind: Literal["mood", "choice", "scale", "text"]
    ask: Said
    ask_remote: Said | None = None  # instead, on days of learning at home
    name: Said  # what the answer is called when the child corrects it: 「めあて」
    options: list[Option] = []
    suggestions: list[Said] = []  # texts to tap instead of typing, for kind ``text``
    suggestions_remote: list[Said] = []  # instead, on days of learning at home
    offer: Literal["last_next_step"] | None = None  # a text of the child's own, offered to tap
    when: dict[str, list[str] | Literal["given"]] = {}  # asked only if every named answer is one of these
    readers: Literal["self", "teacher", "class"] = "teacher"
    max_length: int = 300  # characters of a typed answer

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Question:
        if (self.kind == "text") == bool(self.options):
            says = "takes no" if self.options else "needs"
            raise ValueError(f"question '{self.id}': kind '{self.kind}' {says} options")
        if (self.suggestions or self.suggestions_remote) and self.kind != "text":
            raise ValueError(f"question '{self.id}': suggestions are for kind 'text'")
        suggested = max(len(self.suggestions), len(self.suggestions_remote)) + bool(self.offer)
        if max(len(self.options), suggested) > MAX_OPTIONS:
            raise ValueError(f"question '{self.id}': more than {MAX_OPTIONS} options cannot be shown on every channel")
        values = [option.value for option in self.options]
        if len(set(values)) != len(values):
            raise ValueError(f"question '{self.id}': an option value is there twice")
        if self.id in ALLOWED and (self.kind == "text" or not set(values) <= ALLOWED[self.id]):
            raise ValueError(f"question '{self.id}': values must be among {', '.join(sorted(ALLOWED[self.id]))}")
        return self

    def option(self, value: str) -> Option | None:
        return next((option for option in self.options if option.value == value), None)

    def at_home(self) -> Question:
        """The question as it is asked on days of learning at home."""
        suggestions = self.suggestions_remote or self.suggestions
        return self.model_copy(update={"ask": self.ask_remote or self.ask, "suggestions": suggestions})


class Closing(_Strict):
    """A sentence of the last message; the first whose condition holds is said."""

    when: dict[str, list[str] | Literal["given"]] = {}
    say: Said


class PhaseScript(_Strict):
    """The questions of one phase, in order, and how it ends."""

    opening: Said
    opening_remote: Said | None = None  # instead, on days of learning at home
    questions: Annotated[list[Question], Field(min_length=1, max_length=8)]
    noticed: list[Closing]  # one thing the child wrote or did
    process: list[Closing]  # one word on how it was done
    hint: list[Closing] = []  # how the next text could say more; ``missing`` is the point that is not there yet
    ahead: list[Closing]  # one next step
    ahead_remote: list[Closing] = []  # instead, on days of learning at home

    def check(self, carried: frozenset[str]) -> None:
        """Raise ``ValueError`` where a condition or a ``{name}`` speaks of an answer that cannot be there by then.
        ``carried``: what is known before the first question."""
        known, asked = set(carried), set[str]()
        for question in self.questions:
            if question.id in asked:
                raise ValueError(f"question '{question.id}' is there twice")
            asked.add(question.id)
            for ask in (question.ask, question.ask_remote or {}):
                _check_names(f"question '{question.id}'", question.when, ask, known)
            known.add(question.id)
        for part in (*self.noticed, *self.process, *self.ahead, *self.ahead_remote):
            _check_names("a closing sentence", part.when, part.say, known)
        for part in self.hint:
            _check_names("a hint", part.when, part.say, {*known, MISSING})

    @cached_property
    def at_home(self) -> PhaseScript:
        """The same check-in in the words for days of learning at home."""
        return self.model_copy(
            update={
                "opening": self.opening_remote or self.opening,
                "questions": [question.at_home() for question in self.questions],
                "ahead": self.ahead_remote or self.ahead,
            }
        )

    def question(self, question_id: str) -> Question | None:
        return next((question for question in self.questions if question.id == question_id), None)


class Script(_Strict):
    """Both check-ins of one grade band."""

    grades: list[Annotated[str, Field(pattern=r"^(P[1-6]|[JH][1-3]|E[1-3])$")]]
    anticipation: PhaseScript
    reflection: PhaseScript

    @model_validator(mode="after")
    def _speaks_of_what_is_known(self) -> Script:
        self.anticipation.check(frozenset())
        self.reflection.check(EVENING_KNOWS)
        return self

    def phase(self, phase: Phase) -> PhaseScript:
        return self.anticipation if phase is Phase.ANTICIPATION else self.reflection


def _check_names(place: str, when: Mapping[str, object], text: Mapping[str, str], known: Collection[str]) -> None:
    for name in when:
        if name not in known:
            raise ValueError(f"{place}: its condition names '{name}', which is not asked before")
    for language, template in text.items():
        for _, name, _, _ in Formatter().parse(template):
            if name is not None and name not in when and not (name == "note" and "notes" in when):
                raise ValueError(f"{place} ({language}): '{{{name}}}' needs the condition '{name}: given'")
