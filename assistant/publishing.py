"""Puts approved practices into the library, and takes out those that were taken back.

What was decided is stored by the turn alone; this makes the library follow, however often a process dies in between.
"""

from __future__ import annotations

from datetime import datetime

from assistant.dialogue.turn import Services
from assistant.wording.practices import say_about, say_author
from assistant.wording.texts import Speaker
from knowledge.documents.model import DocumentAudience, DocumentKind, NewDocument
from knowledge.documents.reading.model import Part, ReadDocument
from knowledge.documents.splitting import split
from knowledge.records.practices import Told, forget, publish, unpublished, withdrawn


class Publisher:
    """Looks for practices whose document is not what was decided about them."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def plan(self, now: datetime) -> int:
        """Put in and take out what is due. Nothing is sent by it: always 0."""
        database, library = self._services.database, self._services.library
        async with database.read() as connection:
            news, olds = await unpublished(connection), await withdrawn(connection)
        for told in news:
            document_id, _ = await library.put(self._document(told), now)
            async with database.write() as connection:
                is_kept = await publish(connection, told.id, document_id)
            if not is_kept:  # taken back at this very moment
                await library.remove(document_id)
        for practice_id in olds:
            document = await library.find(source_of(practice_id))
            if document is not None:
                await library.remove(document.id)
            async with database.write() as connection:
                await forget(connection, practice_id)
        return 0

    def _document(self, told: Told) -> NewDocument:
        speaker = Speaker(language=self._services.language, band="staff")
        author = say_author(told.author_family_name, told.author_given_name, told.school, speaker)
        about = say_about(told.grades, told.subject, speaker)
        parts = tuple(Part(section="", page=None, text=line) for line in told.text.splitlines() if line.strip())
        key = "practices.title" if about else "practices.title_plain"
        return NewDocument(
            source=source_of(told.id),
            kind=DocumentKind.PRACTICE,
            title=str(speaker.say(key, about=about, author=author)),
            file_name=f"practice-{told.id}.txt",
            media_type="text/plain",
            audience=DocumentAudience.STAFF,
            org_id=told.org_id,
            author=str(author),
            dated=told.told_on,
            content=told.text.encode(),
            pieces=split(ReadDocument(title=None, parts=parts, pages=None)),
            added_by=told.author_id,
        )


def source_of(practice_id: str) -> str:
    return f"practice:{practice_id}"
