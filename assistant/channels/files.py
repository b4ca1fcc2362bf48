"""Stored files as the channels need them: their content, or an address where the platform fetches them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from assistant.attachments import File, address, find_files
from assistant.messages import Link, Outgoing, Words
from assistant.wording.texts import Speaker, band_of
from knowledge.db import Database

PICTURE = "image/"  # how the media type of what is shown begins; anything else is offered to be saved


@dataclass(frozen=True, kw_only=True)
class Files:
    """The files of one installation."""

    database: Database
    base_url: str  # where others reach the installation; empty: nowhere
    secret: bytes = field(repr=False)  # signs addresses
    language: str  # of the installation: a letter does not say that of its reader
    now: Callable[[], datetime]  # aware

    async def of(self, messages: Sequence[Outgoing]) -> Mapping[str, File]:
        """The files of the messages by id; those whose time is over are left out. Raises ``StorageDownError``."""
        ids = {message.attachment.file_id for message in messages if message.attachment is not None}
        return await find_files(self.database, ids, self.now())

    def address(self, file_id: str, file: File) -> str | None:
        """Where it can be fetched: the same for every try. None when the installation has no address."""
        return address(self.base_url, self.secret, file_id, file.expires_at) if self.base_url else None

    def with_addresses(self, message: Outgoing) -> Outgoing:
        """The message with whole addresses in its links. Where the installation has no address of its own, a link leads
        elsewhere if it can, and is its label alone otherwise."""
        return replace(message, links=tuple(self._whole(link) for link in message.links)) if message.links else message

    def _whole(self, link: Link) -> Link:
        if not link.address.startswith("/"):
            return link
        whole = self.base_url.rstrip("/") + link.address if self.base_url else link.elsewhere
        return replace(link, address=whole)

    def without_file(self, message: Outgoing, grade: str | None, *, is_gone: bool) -> Outgoing:
        """The message when its file cannot be given: it says so."""
        speaker = Speaker(language=self.language, band=band_of(grade))
        is_picture = message.attachment is None or message.attachment.media_type.startswith(PICTURE)
        away = "not_here" if is_picture else "file_not_here"
        note = speaker.say("charts.gone" if is_gone else f"charts.{away}")
        return replace(message, text=Words.join([message.text, note], "\n"), attachment=None)
