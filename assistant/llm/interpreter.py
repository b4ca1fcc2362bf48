"""A LangChain chat model fills the same typed question that the rules fill, where the rules were not sure.

What comes back is checked like anything from outside, must be confirmed by the person, and is answered under the same
permissions. A model that talks nonsense, is slow or is down is as if there were none.
"""

from __future__ import annotations

import asyncio
import os
import re
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, cast

import structlog
from pydantic import BaseModel, ConfigDict, Field

from assistant.errors import SettingsError
from assistant.llm.placeholders import Masked, mask, unmask
from intents.deciding import OF_THE_YEAR, WITHOUT_LIMIT
from intents.periods import find_periods, named_period
from intents.questions import Reading
from intents.spans import Reader
from knowledge.bulkhead import Bulkhead
from knowledge.questions.model import (
    Condition,
    GroupBy,
    Metric,
    Operator,
    Order,
    Period,
    Phase,
    Question,
    Scope,
    ScopeKind,
    Shape,
    Vocabulary,
)

TIMEOUT = 8.0  # seconds: a person is waiting
AT_ONCE = 16  # questions to a model, of 200 turns under way: a slow one must not keep everybody else waiting
LONGEST = 300  # characters; what is longer is a story, not a question
MOST_ROWS = 1000  # that a question may be limited to

log = structlog.get_logger(__name__)

_FIGURE = re.compile(r"\d+(?:\.\d+)?")
SINGLE_SHAPES = (Shape.VALUE, Shape.STUDENTS, Shape.TREND, Shape.BREAKDOWN, Shape.OVERVIEW, Shape.TEXTS)


class Frame(BaseModel):
    """A question about school data. Every field must come from the text; leave out what it does not say."""

    model_config = ConfigDict(extra="forbid")

    is_question: bool = Field(description="whether the text asks for data about students, classes or schools")
    metric: Metric | None = None
    shape: Shape | None = None
    phase: Phase | None = None
    subject: str | None = Field(default=None, description="school subject, as written in the text")
    who: list[str] = Field(default_factory=list[str], description="placeholders of the text, such as [S1]")
    period: str | None = Field(default=None, description="the words of the text that say when, copied exactly")
    op: Operator | None = None
    threshold: float | None = None
    group_by: GroupBy | None = None
    order: Order | None = None
    limit: int | None = Field(default=None, ge=1, le=MOST_ROWS)


class ModelInterpreter:
    """Asks a language model."""

    def __init__(self, model: Any, timeout: float = TIMEOUT) -> None:
        """``model``: a LangChain chat model; see ``build_interpreter``. ``timeout``: seconds it is waited for."""
        self._model = model
        self._bulkhead = Bulkhead(AT_ONCE)
        self.timeout = timeout

    async def read(self, text: str, vocabulary: Vocabulary, now: datetime) -> Reading | None:
        """What the text may ask, always with ``confirm``; None when there is no saying."""
        if vocabulary.default.kind is ScopeKind.STUDENT or len(text) > LONGEST:
            return None  # a child's words do not go to a model
        masked = mask(text, vocabulary)
        if not all(masked.scopes.values()):
            return None  # about somebody the roster does not know: no model could say who
        today = now.astimezone(vocabulary.timezone).date()
        try:
            with self._bulkhead:
                async with asyncio.timeout(self.timeout):
                    frame = await self._model.with_structured_output(Frame).ainvoke(
                        [("system", _instructions()), ("human", masked.text)]
                    )
        except Exception as error:  # whatever a provider's library raises: without a model nothing is lost but reach
            log.warning("language_model_failed", error=type(error).__name__)
            return None
        return _reading(frame, masked, vocabulary, today) if isinstance(frame, Frame) else None


def build_interpreter(name: str, base_url: str) -> ModelInterpreter:
    """The interpreter for ``AYUMI_LLM``. Nothing is asked of the model yet. Raises ``SettingsError`` where a key is
    missing."""
    return ModelInterpreter(build_model(name, base_url))


def build_model(name: str, base_url: str) -> Any:
    """The LangChain chat model of ``AYUMI_LLM``: ``openai:MODEL`` (also for any server that speaks its protocol, at
    ``base_url``) or ``ollama:MODEL``. Nothing is asked of it yet. Raises ``SettingsError`` where a key is missing."""
    from langchain.chat_models import init_chat_model  # takes a second to load: only where a model is configured

    if name.startswith("openai:") and not base_url and not os.environ.get("OPENAI_API_KEY"):
        raise SettingsError(f"AYUMI_LLM={name} needs OPENAI_API_KEY, or AYUMI_LLM_BASE_URL for a model of one's own")
    options: dict[str, Any] = {"base_url": base_url} if base_url else {}
    if base_url and name.startswith("openai:"):
        options["api_key"] = _key_or_none()
    if name.startswith("openai:"):
        options |= {"timeout": TIMEOUT, "max_retries": 0}
    return cast("Any", init_chat_model(name, temperature=0, **options))


def _reading(frame: Frame, masked: Masked, vocabulary: Vocabulary, today: date) -> Reading | None:
    """The frame as a question, if everything in it is borne out by the text; None otherwise."""
    if not frame.is_question or frame.shape is None or frame.shape not in SINGLE_SHAPES or _is_made_up(frame, masked):
        return None
    if frame.metric is None and frame.shape not in (Shape.OVERVIEW, Shape.TEXTS):
        return None
    if (frame.op is None or frame.op is Operator.MISSING) != (frame.threshold is None):
        return None
    scopes = unmask(frame.who, masked) if frame.who else (vocabulary.default,)
    if not scopes or (not frame.who and masked.scopes):
        return None
    if frame.subject is not None and frame.subject not in vocabulary.subjects:
        return None
    language = Reader(masked.text).language
    found = find_periods(Reader(frame.period or masked.text), language, vocabulary, today)
    if len(found.periods) > 1 or found.future or found.impossible or (frame.period and not found.periods):
        return None
    period = found.periods[0] if found.periods else None  # the model may overlook words that say when
    questions = tuple(_question(frame, frame.shape, scope, today, period, language) for scope in scopes)
    first = questions[0] if len(questions) == 1 else None
    return Reading(question=first, confidence="confirm", choices=() if first else questions, about="scope")


def _question(frame: Frame, shape: Shape, scope: Scope, today: date, period: Period | None, language: str) -> Question:
    is_missing = frame.op is Operator.MISSING
    condition = Condition(op=frame.op, value=frame.threshold) if frame.op is not None else None
    return Question(
        metric=frame.metric,
        shape=Shape.STUDENTS if is_missing else shape,
        phase=frame.phase,
        subject=frame.subject,
        scope=scope,
        period=period or named_period(_default(frame.metric, is_missing), language, today),
        condition=condition,
        group_by=frame.group_by,
        order=frame.order,
        limit=frame.limit,
        has_period=period is not None,
    )


def _default(metric: Metric | None, is_missing: bool) -> str:
    """The name of the period of a question that names none (questions.md)."""
    if is_missing:
        return "today"
    if metric in WITHOUT_LIMIT:
        return "always"
    return "school_year" if metric in OF_THE_YEAR else "this_week"


def _is_made_up(frame: Frame, masked: Masked) -> bool:
    """Whether something in the frame is not in the text: words that must be copied, figures, a row count."""
    copied = [words for words in (frame.subject, frame.period) if words is not None]
    figures = [figure for figure in (frame.threshold, frame.limit) if figure is not None]
    written = {float(figure) for figure in _FIGURE.findall(masked.text)}
    return any(words not in masked.text for words in copied) or any(float(figure) not in written for figure in figures)


@cache
def _instructions() -> str:
    """What the model is told; it is data, in one language, for people never read it."""
    return files("assistant.llm").joinpath("instructions.md").read_text("utf-8")


def _key_or_none() -> str:
    """The key of a model on one's own machine, which asks for none."""
    return os.environ.get("OPENAI_API_KEY") or "none"
