"""How much may go to a platform in a second: token buckets, shared by all processes of an installation."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


class RateBucket(Base):
    __tablename__ = "rate_buckets"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)  # of a channel, or of whatever is limited
    tokens: Mapped[float]  # that were left at ``refilled_at``; below zero: borrowed
    refilled_at: Mapped[datetime]  # by the database's clock
