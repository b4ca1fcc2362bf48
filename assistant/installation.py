"""What is remembered of the installation itself: which secret key it has."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy import String, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base, Database, upsert
from knowledge.errors import StorageDownError
from knowledge.keys import key_for
from scheduler.trace import kinds

KEY = "secret_key"

log = structlog.get_logger(__name__)


class Mark(Base):
    __tablename__ = "marks"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(String(255))
    at: Mapped[datetime]


async def key_fits(database: Database, secret: bytes, now: datetime) -> bool:
    """Whether this secret key is that of the installation, which is the one that asks first. What is stored tells two
    keys apart, and nothing else. Raises ``StorageDownError``."""
    async with database.write() as connection:
        await upsert(connection, Mark, [_row(secret, now)], key=["name"])
        known = await connection.scalar(select(Mark.value).where(Mark.name == KEY))
    return known == _check_value(secret)


async def warn_of_other_key(database: Database, secret: bytes, now: datetime) -> None:
    """Say in the log when this process has another key than the installation; a store that cannot be asked yet is
    asked at the next start."""
    try:
        if not await key_fits(database, secret, now):
            log.error("secret_key_differs", hint="links made elsewhere are refused here: run 'ayumi doctor'")
    except (StorageDownError, SQLAlchemyError) as error:
        log.warning("secret_key_not_checked", error=kinds(error))


async def change_key(database: Database, secret: bytes, now: datetime) -> None:
    """From now on the installation has this key. Raises ``StorageDownError``."""
    async with database.write() as connection:
        await upsert(connection, Mark, [_row(secret, now)], key=["name"], update=["value", "at"])


def _row(secret: bytes, now: datetime) -> dict[str, object]:
    return {"name": KEY, "value": _check_value(secret), "at": now}


def _check_value(secret: bytes) -> str:
    return key_for("which key is this", secret).hex()
