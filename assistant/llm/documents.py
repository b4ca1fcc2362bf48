"""A LangChain chat model puts an answer from documents into fewer words, and every sentence of it is verified.

It gets passages that answer by the rules already, of documents that its reader may read, and no tools. What it says
counts only where the passage it cites contains it (``knowledge.documents.verifying``); a model that says anything else,
is slow or is down is as if there were none.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict, Field

from assistant.llm.interpreter import AT_ONCE, TIMEOUT, build_model
from assistant.llm.placeholders import mask
from knowledge.bulkhead import Bulkhead
from knowledge.documents.answering import citation, legible
from knowledge.documents.model import AnswerStatus, Citation, DocumentAnswer, Hit, Passage
from knowledge.documents.verifying import find_quote, is_contained
from knowledge.questions.model import ScopeKind, Vocabulary

LONGEST = 300  # characters of a question; what is longer is a story
LONGEST_SENTENCE = 200  # characters
MOST_SENTENCES = 3

log = structlog.get_logger(__name__)


class Statement(BaseModel):
    """One sentence of the answer."""

    model_config = ConfigDict(extra="forbid")

    sentence: str = Field(description="in the words of the passage")
    passage: int = Field(description="number of the passage that contains it")
    quote: str = Field(description="the words of the passage it was taken from, copied letter by letter")


class Told(BaseModel):
    """An answer from the passages; no sentence where they do not answer."""

    model_config = ConfigDict(extra="forbid")

    sentences: list[Statement]


class ModelAnswerer:
    """Asks a language model."""

    def __init__(self, model: Any, timeout: float = TIMEOUT) -> None:
        """``model``: a LangChain chat model; see ``build_answerer``. ``timeout``: seconds it is waited for."""
        self._model = model
        self._bulkhead = Bulkhead(AT_ONCE)
        self.timeout = timeout

    async def answer(self, question: str, hits: Sequence[Hit], vocabulary: Vocabulary) -> DocumentAnswer | None:
        """The answer in a few sentences, each cited and verified; None when there is no saying. ``vocabulary``: whom
        the asker may know by name; a passage that names a student is not handed over."""
        passages = [hit.passage for hit in hits if not _names_students(hit.passage, vocabulary)]
        if not passages or len(question) > LONGEST:
            return None
        try:
            with self._bulkhead:
                handed_over = _handed_over(mask(question, vocabulary).text, passages)
                async with asyncio.timeout(self.timeout):
                    told = await self._model.with_structured_output(Told).ainvoke(
                        [("system", _instructions()), ("human", handed_over)]
                    )
        except Exception as error:  # whatever a provider's library raises: without a model the passage is given
            log.warning("language_model_failed", error=type(error).__name__)
            return None
        return _verified(told, passages, hits) if isinstance(told, Told) else None


def build_answerer(name: str, base_url: str) -> ModelAnswerer:
    """The answerer for ``AYUMI_LLM``. Nothing is asked of the model yet. Raises ``SettingsError`` where a key is
    missing."""
    return ModelAnswerer(build_model(name, base_url))


def _verified(told: Told, passages: Sequence[Passage], hits: Sequence[Hit]) -> DocumentAnswer | None:
    """The sentences with their citations, if every one of them is contained in what it cites."""
    if not 1 <= len(told.sentences) <= MOST_SENTENCES:
        return None
    citations: dict[tuple[str, int, str], Citation] = {}
    for each in told.sentences:
        if not 1 <= each.passage <= len(passages) or len(each.sentence) > LONGEST_SENTENCE:
            return None
        passage = passages[each.passage - 1]
        quote = find_quote(each.quote, passage)
        if quote is None or not is_contained(each.sentence, quote, passage):
            return None
        citations[passage.document, passage.position, quote] = citation(passage, quote)
    return DocumentAnswer(
        status=AnswerStatus.ANSWERED,
        text="\n".join(legible(each.sentence.strip()) for each in told.sentences),
        citations=tuple(citations.values()),
        from_model=True,
        hits=tuple(hits),
    )


def _names_students(passage: Passage, vocabulary: Vocabulary) -> bool:
    """Whether the passage names a student whom the asker may know by name."""
    if not vocabulary.students:
        return False
    meant = mask(f"{passage.title}\n{passage.section}\n{passage.text}", vocabulary).scopes.values()
    return any(scope.kind is ScopeKind.STUDENT for scopes in meant for scope in scopes)


def _handed_over(question: str, passages: Sequence[Passage]) -> str:
    """The question and the passages. The key is new each time, so that no document can end its passage by itself."""
    key = secrets.token_hex(8)
    parts = [f"KEY: {key}", f"=== question {key}", question, f"=== end {key}"]
    for number, passage in enumerate(passages, start=1):
        parts += [f"=== passage {number} {key}", passage.title, passage.section, passage.text, f"=== end {key}"]
    return "\n".join(parts)


@cache
def _instructions() -> str:
    """What the model is told; it is data, in one language, for people never read it."""
    return files("assistant.llm").joinpath("answering_instructions.md").read_text("utf-8")
