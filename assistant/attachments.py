"""Pictures and tables that go with a message: stored once, fetched by whoever holds a signed address."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

import uuid_utils
from sqlalchemy import Index, LargeBinary, String, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base, Database, upsert
from knowledge.keys import key_for

LIVES = timedelta(days=3)  # long enough to be looked at again, short enough not to lie about


class StoredFile(Base):
    """One file, for some days."""

    __tablename__ = "files"
    __table_args__ = (Index("ix_files_expires_at", "expires_at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(255))  # for whom it was made
    media_type: Mapped[str] = mapped_column(String(64))  # image/png, text/csv
    name: Mapped[str]  # of the file, where it is saved
    content: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


@dataclass(frozen=True, kw_only=True)
class StoreFile:
    """What a turn wants stored: a file."""

    id: str
    person_id: str
    media_type: str
    name: str
    content: bytes
    created_at: datetime
    expires_at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        await upsert(connection, StoredFile, [vars(write) for write in writes], key=["id"])


@dataclass(frozen=True, kw_only=True)
class File:
    """A stored file, read."""

    person_id: str  # for whom it was made
    media_type: str
    name: str
    content: bytes
    expires_at: datetime


def new_file(person_id: str, media_type: str, name: str, content: bytes, at: datetime) -> tuple[StoreFile, str]:
    """The write that stores a file from ``at`` (aware) on, and the id an ``Attachment`` refers to it by."""
    file_id = str(uuid_utils.uuid7())
    write = StoreFile(
        id=file_id,
        person_id=person_id,
        media_type=media_type,
        name=name,
        content=content,
        created_at=at,
        expires_at=at + LIVES,
    )
    return write, file_id


async def find_files(database: Database, ids: Collection[str], now: datetime) -> Mapping[str, File]:
    """The stored files by id, without those that are not there or whose time is over."""
    if not ids:
        return {}
    shown = (StoredFile.media_type, StoredFile.name, StoredFile.content, StoredFile.expires_at)
    columns = (StoredFile.id, StoredFile.person_id, *shown)
    wanted = StoredFile.id.in_(ids) & (StoredFile.expires_at > now)
    async with database.read() as connection:
        rows = (await connection.execute(select(*columns).where(wanted))).all()
    return {
        row.id: File(
            person_id=row.person_id,
            media_type=row.media_type,
            name=row.name,
            content=row.content,
            expires_at=row.expires_at,
        )
        for row in rows
    }


async def forget_expired(database: Database, now: datetime) -> int:
    """Delete the files whose time is over; how many there were."""
    async with database.write() as connection:
        return (await connection.execute(delete(StoredFile).where(StoredFile.expires_at <= now))).rowcount


def address(base_url: str, secret: bytes, file_id: str, expires_at: datetime) -> str:
    """Where the file can be fetched until then, by anybody who has the address. ``base_url`` may be empty: then it is
    an address within the site."""
    expires = str(int(expires_at.timestamp()))
    path = f"/files/{file_id}?expires={expires}&signature={_signature(secret, file_id, expires)}"
    return base_url.rstrip("/") + path


def is_signed(secret: bytes, file_id: str, expires: str, signature: str) -> bool:
    """Whether an address is one of ours, as it was given out. Whether its time is over is another question."""
    return hmac.compare_digest(_signature(secret, file_id, expires).encode(), signature.encode("utf-8", "replace"))


def has_expired(expires: str, now: datetime) -> bool:
    """Whether the time of an address of ours is over."""
    return datetime.fromtimestamp(int(expires), UTC) <= now


def _signature(secret: bytes, file_id: str, expires: str) -> str:
    return hmac.new(key_for("file", secret), f"{file_id}:{expires}".encode(), hashlib.sha256).hexdigest()
