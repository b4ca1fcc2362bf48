"""Link codes: eight letters and digits without look-alikes, used once, stored as a keyed hash."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.errors import NoSuchPersonError
from knowledge.keys import key_for
from knowledge.records.accounts import LinkAttempt, LinkCode
from knowledge.records.roster import User

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # no I, L, O, 0, 1
LENGTH = 8  # 31^8 ≈ 8.5 · 10^11 codes
SHAPE = re.compile(r"[A-Z0-9]{8}")
PREFIX = re.compile(r"^(?:連携コード|れんけいコード|コード|CODE(?=.{8}$))[は:：]?")  # 「コード ABCD2345」


class Refusal(StrEnum):
    """Why a code does not link."""

    WRONG = "wrong"
    USED = "used"
    EXPIRED = "expired"


def looks_like_code(text: str) -> bool:
    """Whether a text can be meant as a code: typed small, full-width or with spaces it still is one."""
    return SHAPE.fullmatch(_plain(text)) is not None


async def create_code(
    connection: AsyncConnection, person_id: str, *, at: datetime, expires_at: datetime, secret: bytes
) -> str:
    """A fresh code for a person. Raises ``NoSuchPersonError``, also for one who is not enabled any more."""
    if await connection.scalar(select(User.sourced_id).where(User.sourced_id == person_id, User.enabled)) is None:
        raise NoSuchPersonError(person_id)
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    await connection.execute(
        insert(LinkCode).values(
            code_hash=_hash(code, secret), person_id=person_id, created_at=at, expires_at=expires_at
        )
    )
    return code


async def use_code(
    connection: AsyncConnection, text: str, *, account_id: str, at: datetime, secret: bytes
) -> str | Refusal:
    """The person whom the code links, or why it does not. The same account using its code again (its message was
    handled twice) gets the same answer again."""
    code_hash = _hash(_plain(text), secret)
    code = (
        await connection.execute(select(*LinkCode.__table__.columns).where(LinkCode.code_hash == code_hash))
    ).first()
    if code is None:
        return Refusal.WRONG
    if code.used_at is not None:
        return code.person_id if (code.used_by, code.used_at) == (account_id, at) else Refusal.USED
    if code.expires_at < at:
        return Refusal.EXPIRED
    taken = await connection.execute(
        update(LinkCode)
        .where(LinkCode.code_hash == code_hash, LinkCode.used_at.is_(None))
        .values(used_at=at, used_by=account_id)
    )
    return code.person_id if taken.rowcount == 1 else Refusal.USED


async def owner_of(connection: AsyncConnection, text: str, *, secret: bytes) -> str | None:
    """Whose code this is or was, whatever became of it; None: nobody's."""
    code_hash = _hash(_plain(text), secret)
    return await connection.scalar(select(LinkCode.person_id).where(LinkCode.code_hash == code_hash))


async def wrong_codes(connection: AsyncConnection, account_id: str, since: datetime) -> int:
    """How many codes an account got wrong since a moment."""
    statement = select(func.count()).where(LinkAttempt.account_id == account_id, LinkAttempt.at >= since)
    return await connection.scalar(statement) or 0


async def wrong_codes_of_all(connection: AsyncConnection, since: datetime) -> int:
    """How many wrong codes there were since a moment, whoever tried them."""
    return await connection.scalar(select(func.count()).select_from(LinkAttempt).where(LinkAttempt.at >= since)) or 0


async def record_wrong(
    connection: AsyncConnection, account_ids: Iterable[str], at: datetime, *, forget_before: datetime
) -> None:
    """Remember a wrong code of whoever tried it, and forget those that are too old to count."""
    await connection.execute(delete(LinkAttempt).where(LinkAttempt.at < forget_before))
    await connection.execute(insert(LinkAttempt), [{"account_id": each, "at": at} for each in account_ids])


def _plain(text: str) -> str:
    plain = re.sub(r"[\s\-‐‑–]+", "", unicodedata.normalize("NFKC", text)).upper()
    return PREFIX.sub("", plain).replace("ー", "")


def _hash(code: str, secret: bytes) -> str:
    return hmac.new(key_for("link code", secret), code.encode(), hashlib.sha256).hexdigest()
