"""Which kinds of records a school has ever sent: the difference between "none" and "not collected"."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base
from knowledge.records.roster import Id


class Collected(Base):
    """That records of a kind were imported for a student of a school at least once; such a row is never removed."""

    __tablename__ = "collected"

    school_id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)  # the name of the import: attendance, study-log …
