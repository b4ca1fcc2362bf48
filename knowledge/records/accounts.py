"""Accounts on channels, and the codes that link them to a person."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


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
