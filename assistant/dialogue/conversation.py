"""Where conversations are kept: one per person, however many accounts; one per account until it is linked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


class Conversation(Base):
    __tablename__ = "conversations"

    id: Mapped[str] = mapped_column(String(300), primary_key=True)
    version: Mapped[int]  # grows with every turn: a turn worked out on an older version is worked out again
    state: Mapped[dict[str, Any]]
    changed_at: Mapped[datetime]  # the moment of the event that changed the state last


def conversation_id(account_id: str, person_id: str | None) -> str:
    return f"person:{person_id}" if person_id is not None else account_id
