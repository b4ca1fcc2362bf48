"""Which of the schedulers acts: the one that holds the lease. The others stand by and take over when it runs out."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


class Lease(Base):
    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)  # what is to be done by one process alone
    holder: Mapped[str] = mapped_column(String(64))  # the process that does it: a UUID made when it started
    until: Mapped[datetime]  # by the database's clock; then anybody may take it
    acted_at: Mapped[datetime | None]  # when the holder last did all of it
