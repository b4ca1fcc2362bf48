"""Whether the chain of the audit still holds, entry by entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.records.audit import FIRST, PLACES, Act, AuditEntry, AuditHead, AuditPerson, digest_of, hash_of

PAGE = 1_000  # entries that are looked at together

MISSING = "is missing"
OUT_OF_LINE = "does not follow on the one before it"
CHANGED = "was changed"
RENAMED = "names another person than it did"
NOT_CUT = "is missing, and no entry says that the oldest were cut off"
ADDED = "was not put there by Ayumi"
STRUCK = "or a later one has lost a person whom no erasure tells of"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What checking the chain found."""

    entries: int = 0  # how many hold
    last_id: int = 0
    last_hash: str = FIRST  # to be noted down elsewhere: who rewrote the whole chain could not keep it
    cut_before: int | None = None  # the oldest entry there is, when those before it were cut off
    broken_at: int | None = None  # the first entry that does not fit; None: all of it holds
    reason: str = ""  # why it does not
    struck: int = 0  # people whose ids are gone
    first_struck: int | None = None  # the first entry with one
    erased: int = 0  # how many of them the entries of erasures tell of
    is_expected: bool = True  # whether the hash that was expected is in the chain

    @property
    def holds(self) -> bool:
        return self.broken_at is None and self.is_expected


async def verify(connection: AsyncConnection, expect: str | None = None, *, newest: int | None = None) -> Verdict:
    """Go through the whole chain, or the ``newest`` entries, while others may append to it. ``expect``: a hash that was
    noted down earlier and has to be in it."""
    oldest = select(AuditEntry.id, AuditEntry.prev_hash).order_by(AuditEntry.id).limit(1)
    if newest is not None and (end := await _head(connection)) is not None:
        oldest = oldest.where(AuditEntry.id > end[0] - newest)
    first = (await connection.execute(oldest)).first()
    base = (0, FIRST) if first is None else (first.id - 1, first.prev_hash)
    is_whole = base == (0, FIRST)
    so_far = Verdict(
        last_id=base[0],
        last_hash=base[1],
        cut_before=None if is_whole else base[0] + 1,
        is_expected=expect in (None, base[1]),
    )
    is_explained = is_whole or newest is not None
    while page := await _more(connection, so_far.last_id):
        people = await _people(connection, page)
        for row in page:
            if (reason := _fault(row, people.get(row["id"], ()), so_far)) is not None:
                return replace(so_far, broken_at=so_far.last_id + 1, reason=reason)
            is_explained |= row["act"] == Act.CUT and row["detail"] == f"{base[0]} {base[1]}"
            gone = sum(each.person_id is None for each in people.get(row["id"], ()))
            so_far = replace(
                so_far,
                entries=so_far.entries + 1,
                struck=so_far.struck + gone,
                first_struck=so_far.first_struck or (row["id"] if gone else None),
                erased=so_far.erased + _erased(row),
                last_id=row["id"],
                last_hash=row["hash"],
                is_expected=so_far.is_expected or row["hash"] == expect,
            )
    if so_far.struck > so_far.erased:
        return replace(so_far, broken_at=so_far.first_struck, reason=STRUCK)
    head = await _head(connection) or (0, FIRST)
    if not is_explained:
        return replace(so_far, broken_at=base[0], reason=NOT_CUT)
    if head[0] > so_far.last_id:
        return replace(so_far, broken_at=so_far.last_id + 1, reason=MISSING)
    return (
        so_far if head == (so_far.last_id, so_far.last_hash) else replace(so_far, broken_at=head[0] + 1, reason=ADDED)
    )


async def _more(connection: AsyncConnection, after: int) -> Sequence[RowMapping]:
    """The next entries, also those that were appended while the ones before were looked at. None left: empty, though
    the head of the chain may speak of more."""
    page = await _page(connection, after)
    if page:
        return page
    head = await _head(connection)
    return await _page(connection, after) if head is not None and head[0] > after else ()


async def _head(connection: AsyncConnection) -> tuple[int, str] | None:
    row = (await connection.execute(select(AuditHead.last_id, AuditHead.last_hash))).first()
    return None if row is None else (row.last_id, row.last_hash)


def _fault(row: Mapping[Any, Any], people: Sequence[Any], before: Verdict) -> str | None:
    """What is wrong with an entry behind the one before it; None: nothing."""
    if row["id"] != before.last_id + 1:
        return MISSING
    if row["prev_hash"] != before.last_hash:
        return OUT_OF_LINE
    if hash_of(row, [(each.part, each.digest) for each in people]) != row["hash"]:
        return CHANGED
    return None if all(map(_is_true, people)) else RENAMED


def _erased(row: Mapping[Any, Any]) -> int:
    """Out of how many places an erasure struck somebody; 0 for any other entry."""
    places = row["detail"].rpartition(PLACES)[2]
    return int(places) if row["act"] == Act.ERASE and places.isdecimal() else 0


def _is_true(person: Any) -> bool:
    """Whether the id is the one that the chain covers, or was erased together with its salt."""
    if person.person_id is None or person.salt is None:
        return person.person_id is person.salt
    return digest_of(person.salt, person.person_id) == person.digest


async def _page(connection: AsyncConnection, after: int) -> Sequence[RowMapping]:
    statement = select(*AuditEntry.__table__.columns).where(AuditEntry.id > after).order_by(AuditEntry.id).limit(PAGE)
    return (await connection.execute(statement)).mappings().all()


async def _people(connection: AsyncConnection, page: Sequence[RowMapping]) -> dict[int, list[Any]]:
    """Entry → its people."""
    statement = select(*AuditPerson.__table__.columns).where(
        AuditPerson.entry_id.between(page[0]["id"], page[-1]["id"])
    )
    people: dict[int, list[Any]] = {}
    for row in await connection.execute(statement):
        people.setdefault(row.entry_id, []).append(row)
    return people
