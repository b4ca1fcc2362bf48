"""What a turn about documents wants stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Self

from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.messages import SentFile
from knowledge.documents.model import DocumentAudience
from scheduler import outbox
from scheduler.outbox import Item

KIND = "document"  # of the outbox row


@dataclass(frozen=True, kw_only=True)
class TakeIn:
    """A file that was sent is to be fetched, read and put in, and its sender told what came of it: an outbox row, so
    that it is taken up again after a crash. It goes out behind what the turn itself says."""

    key: str
    account_id: str  # that sent it, and gets the result
    person_id: str
    file: SentFile
    org_id: str
    audience: DocumentAudience
    valid_until: date | None
    replaces: bool  # whether there was a document of that name before
    language: str  # of the result
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        await outbox.put(connection, [write.item() for write in writes])

    def item(self) -> Item:
        payload: dict[str, Any] = {
            "file": asdict(self.file),
            "org_id": self.org_id,
            "audience": self.audience.value,
            "valid_until": self.valid_until and self.valid_until.isoformat(),
            "replaces": self.replaces,
            "language": self.language,
        }
        return Item(
            key=self.key,
            account_id=self.account_id,
            kind=KIND,
            payload=payload,
            due_at=self.at,
            created_at=self.at,
            person_id=self.person_id,
        )
