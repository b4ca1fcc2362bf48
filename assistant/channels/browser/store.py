"""What the browser chat keeps: sessions, and the transcript that a page shows and that events are replayed from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


class BrowserSession(Base):
    """A signed-in browser. Only the token's hash is stored."""

    __tablename__ = "browser_sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]  # moves on with use; a browser left alone signs out by itself
    csrf_token: Mapped[str] = mapped_column(String(64))
    # What follows is empty in sessions that were opened by a release before it.
    method: Mapped[str | None] = mapped_column(String(16))  # code, account, demo: how the person showed who they are
    device: Mapped[str | None] = mapped_column(String(32))  # roughly: 「iPad / Safari」, for the list of sessions
    last_used_at: Mapped[datetime | None]
    fresh_at: Mapped[datetime | None]  # when they showed it last; None: nobody can say
    code_nonce: Mapped[str | None] = mapped_column(String(32))  # of the code that was sent to show it again
    code_until: Mapped[datetime | None]


class BrowserMessage(Base):
    """One line of a person's transcript."""

    __tablename__ = "browser_messages"
    __table_args__ = (Index("ix_browser_messages_account_id_id", "account_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)  # message sequence
    account_id: Mapped[str] = mapped_column(String(255))
    key: Mapped[str] = mapped_column(String(255), unique=True)  # a message is there once, however often it is delivered
    direction: Mapped[str] = mapped_column(String(8))  # in, out
    payload: Mapped[dict[str, Any]]  # out: an ``Outgoing`` and the grade; in: the text
    at: Mapped[datetime]
