"""Accounts on channels, and the codes that link them to a person."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, String, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base

SEEN_EVERY = timedelta(minutes=10)  # how exactly we remember where a person was last


class Account(Base):
    """One identity on one channel. A person may have many, and has one conversation all the same."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(String(255), primary_key=True)  # "<channel>:<the platform's id>"
    channel: Mapped[str]
    person_id: Mapped[str | None] = mapped_column(ForeignKey("users.sourced_id"), index=True)
    linked_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]  # the last message from there; prompts go where the person was last
    reachable: Mapped[bool]  # False after the person blocked or left


class LinkCode(Base):
    """A single-use code. Only its hash is stored."""

    __tablename__ = "link_codes"

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_by: Mapped[str | None] = mapped_column(String(255))  # account id


class LinkAttempt(Base):
    """A wrong code, counted to slow down guessing."""

    __tablename__ = "link_attempts"
    __table_args__ = (Index("ix_link_attempts_account_id_at", "account_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(String(255))
    at: Mapped[datetime]


async def accounts_of(
    connection: AsyncConnection, person_ids: Collection[str], channels: Collection[str]
) -> dict[str, str]:
    """Of each person the account on ``channels`` that was used last; people who cannot be reached are left out."""
    statement = (
        select(Account.person_id, Account.id)
        .where(Account.person_id.in_(person_ids), Account.reachable, Account.channel.in_(channels))
        .order_by(Account.person_id, Account.last_seen_at.nulls_first(), Account.id)
    )
    rows = await connection.execute(statement)
    return {person: account for person, account in rows if person is not None}
