"""By which name of the roster the school's account of a person is known: a keyed hash, so no address lies around."""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Index, String, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base
from knowledge.keys import key_for
from knowledge.records.roster import Id, User

AT_ONCE = 2_000  # people in one statement


class RosterField(StrEnum):
    """What of the roster (columns of OneRoster's ``users.csv``) an account is compared with."""

    EMAIL = "email"
    USERNAME = "username"
    SOURCED_ID = "sourcedId"


class SignInName(Base):
    """A name of a person, hashed. It may be somebody else's, too (a family's address): then nobody signs in with it."""

    __tablename__ = "sign_in_names"
    __table_args__ = (Index("ix_sign_in_names_person_id", "person_id"),)

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)  # email, username
    name_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str] = mapped_column(Id, primary_key=True)  # whom the import keeps or forgets with the roster


@dataclass(frozen=True, kw_only=True)
class SignInNames:
    """Which names an import keeps, and under which key."""

    kind: RosterField
    secret: bytes = field(repr=False)

    @property
    def column(self) -> str | None:
        """The column of ``users.csv`` to be read; None: the sourcedId, which is kept anyway."""
        return None if self.kind is RosterField.SOURCED_ID else self.kind.value

    def hash(self, name: str) -> str:
        """The same however the name is written: in capitals, full-width, with space around it."""
        plain = unicodedata.normalize("NFKC", name).strip().casefold()
        return hmac.digest(key_for("sign-in name", self.secret), plain.encode(), "sha256").hex()

    async def person_of(self, connection: AsyncConnection, name: str) -> str | None:
        """The one enabled person of this name; None when there is none, or more than one."""
        found = select(User.sourced_id).where(User.enabled).limit(2)
        if self.kind is RosterField.SOURCED_ID:
            found = found.where(User.sourced_id == name)
        else:
            named = (SignInName.kind == self.kind.value) & (SignInName.name_hash == self.hash(name))
            found = found.join(SignInName, SignInName.person_id == User.sourced_id).where(named)
        people = (await connection.scalars(found)).all()
        return people[0] if len(people) == 1 else None


async def keep_names(
    connection: AsyncConnection, person_ids: Collection[str], names: Mapping[str, str], how: SignInNames | None
) -> None:
    """Of these people keep the names they have (person → name) and no other; ``how`` None: no name at all."""
    wanted = {} if how is None else {id: how.hash(name) for id, name in names.items() if id in person_ids}
    kind = "" if how is None else how.kind.value
    ids = sorted(person_ids)
    for start in range(0, len(ids), AT_ONCE):
        chunk = ids[start : start + AT_ONCE]
        stored = select(SignInName.kind, SignInName.name_hash, SignInName.person_id)
        rows = await connection.execute(stored.where(SignInName.person_id.in_(chunk)))
        there = {(row.kind, row.name_hash, row.person_id) for row in rows}
        now = {(kind, wanted[id], id) for id in chunk if id in wanted}
        if changed := {id for _, _, id in there ^ now}:
            await connection.execute(delete(SignInName).where(SignInName.person_id.in_(changed)))
            new = [{"kind": k, "name_hash": h, "person_id": id} for k, h, id in sorted(now) if id in changed]
            if new:
                await connection.execute(insert(SignInName), new)
