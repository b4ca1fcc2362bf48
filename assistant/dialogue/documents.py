"""One question about what stands in documents: found for its reader, answered, cited. No channel, no buttons."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from assistant.dialogue.asking import may_go_to_model
from assistant.dialogue.turn import Services
from assistant.masking import hidden, naming_children
from knowledge.db import Database
from knowledge.documents.answering import LOOKED_AT, answer_from
from knowledge.documents.library import Hide
from knowledge.documents.model import AnswerStatus, DocumentAnswer, Reader
from knowledge.documents.readers import load_reader
from knowledge.questions.model import Scope, ScopeKind, Vocabulary
from knowledge.questions.vocabulary import load_vocabulary
from knowledge.records.scope import load_viewer

LONGEST = 500  # characters that are looked for; what is longer is a story
FOUND = LOOKED_AT + 2  # the best is compared with what comes after it


async def answer_from_documents(services: Services, person_id: str | None, text: str, at: datetime) -> DocumentAnswer:
    """The answer of the documents that a person may read on the day; ``person_id`` None: an operator, who may read all.
    ``not_found`` where they do not say it. Raises ``NoSuchPersonError``.

    With a language model, staff get its words where every sentence was verified; children and guardians, whose words
    never go to a model, get the passage, and so does everybody where the model has nothing to say.
    """
    on = at.astimezone(services.timezone).date()
    reader = Reader(orgs=None, is_staff=True, on=on)
    if person_id is not None:
        async with services.database.read() as connection:
            reader = await load_reader(connection, person_id, on)
    hide = hiding(services.database, services.timezone, person_id, at)
    has_model = services.answerer is not None or services.library.asks_model
    may_go = not has_model or await may_go_to_model(services.database, person_id)
    hits = await services.library.search(text[:LONGEST], reader, k=FOUND, hide=hide, may_embed=may_go)
    answer = await asyncio.to_thread(answer_from, text[:LONGEST], hits)
    is_found = answer.status is not AnswerStatus.NOT_FOUND
    if services.answerer is None or not (may_go and reader.is_staff and is_found):
        return answer
    vocabulary = await _vocabulary(services.database, services.timezone, person_id, at)
    async with services.database.read() as connection:
        texts = [f"{hit.passage.title}\n{hit.passage.section}\n{hit.passage.text}" for hit in answer.hits]
        are_named = await naming_children(connection, texts)  # also those whom the asker does not know
    handed = [hit for hit, is_named in zip(answer.hits, are_named, strict=True) if not is_named]
    told = await services.answerer.answer(text, handed, vocabulary)
    return replace(told, hits=answer.hits) if told else answer


def hiding(database: Database, timezone: ZoneInfo, person_id: str | None, at: datetime) -> Hide:
    """What takes the names out of somebody's question before an embedding model gets it."""

    async def hide(text: str) -> str:
        return await asyncio.to_thread(hidden, text, await _vocabulary(database, timezone, person_id, at))

    return hide


async def _vocabulary(database: Database, timezone: ZoneInfo, person_id: str | None, at: datetime) -> Vocabulary:
    """The names that the asker may use; an operator's are not known, and only what looks like a name is one."""
    if person_id is None:
        return Vocabulary(timezone=timezone, default=Scope(kind=ScopeKind.DISTRICT, ids=(), label=""))
    async with database.read() as connection:
        viewer = await load_viewer(connection, person_id, at.astimezone(timezone).date())
        return await load_vocabulary(connection, viewer, timezone)
