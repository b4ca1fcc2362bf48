"""Pictures and tables that go with a message: stored once, fetched by whoever holds a signed address."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


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
