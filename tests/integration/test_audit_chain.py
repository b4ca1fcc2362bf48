"""The chain of the audit: whatever is done to it is found, and erasing a person or cutting off the oldest is not."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Database
from knowledge.records.audit import (
    Act,
    AuditEntry,
    AuditHead,
    AuditPerson,
    Entry,
    Kind,
    append,
    cut,
    digest_of,
    forget,
    hash_of,
    record,
)
from knowledge.records.audit_check import ADDED, MISSING, NOT_CUT, verify
from knowledge.records.audit_reading import listed, looks_at
from tests.worlds import TOKYO, with_roster

START = datetime(2026, 5, 11, 9, tzinfo=TOKYO)
COLUMNS = ("at", "role", "act", "kind", "channel", "detail", "prev_hash", "hash")


class UndoneError(Exception):
    """Ends a transaction without keeping anything of it."""


def read_by(actor: str | None, *subjects: str, at: datetime = START, **more: Any) -> Entry:
    given: dict[str, Any] = {"act": Act.READ, "kind": Kind.CHECKINS, "channel": "line", **more}
    return Entry(actor_id=actor, subject_ids=subjects, at=at, **given)


async def filled(database: Database, count: int = 8) -> None:
    """A chain of entries an hour apart: one with nobody in it, one with three children, the others with one."""
    for n in range(count):
        subjects = {0: (), 1: ("s-hana", "s-ren", "s-sora")}.get(n, ("s-hana",))
        entry = read_by("t-ito", *subjects, at=START + timedelta(hours=n), detail=f"mood {n}")
        await record(database, [entry])


async def verdict(database: Database, expect: str | None = None):
    async with database.read() as connection:
        return await verify(connection, expect)


async def test_an_empty_chain_holds(database: Database):
    assert (await verdict(database)).holds
    await record(database, [])
    assert (await verdict(database)).entries == 0


async def test_entries_hold_and_say_who_looked_at_whom(database: Database, tmp_path: Path):
    await with_roster(database, tmp_path / "data")
    await filled(database)
    found = await verdict(database)
    assert found.holds and (found.entries, found.last_id) == (8, 8)
    async with database.read() as connection:
        newest, *_, second, first = await listed(connection, 100)
        of_ren = await listed(connection, 100, "s-ren")
    assert (newest.id, newest.actor_id, newest.role, newest.subject_ids) == (8, "t-ito", "teacher", ["s-hana"])
    assert second.subject_ids == ["s-hana", "s-ren", "s-sora"] and first.subject_ids == []
    assert [each.id for each in of_ren] == [2]


async def test_the_hash_noted_down_earlier_is_looked_for(database: Database):
    await filled(database, 3)
    noted = (await verdict(database)).last_hash
    await filled(database, 2)
    assert (await verdict(database, noted)).holds
    assert not (await verdict(database, "0" * 64)).holds


async def test_the_newest_entries_are_checked_without_the_older_ones(database: Database):
    await filled(database)
    for id, broken_at in ((5, None), (6, 6)):
        async with database.write() as connection:
            await connection.execute(update(AuditEntry).where(AuditEntry.id == id).values(detail="another"))
        async with database.read() as connection:
            found = await verify(connection, newest=3)
        assert (found.entries, found.broken_at) == (3 if broken_at is None else 0, broken_at)


async def test_many_who_append_at_once_make_one_chain(database: Database):
    await asyncio.gather(*(record(database, [read_by(f"t-{n}", "s-hana"), read_by(None)]) for n in range(8)))
    found = await verdict(database)
    assert found.holds and found.entries == 16


async def test_a_transaction_that_fails_leaves_no_gap(database: Database):
    await filled(database, 2)
    with pytest.raises(UndoneError):
        async with database.write() as connection:
            await append(connection, [read_by("t-ito", "s-hana")])
            raise UndoneError
    await filled(database, 2)
    assert (await verdict(database)).holds


async def test_erasing_somebody_leaves_no_trace_of_them_and_the_chain_holds(database: Database):
    await filled(database)
    async with database.write() as connection:
        assert await forget(connection, ["s-hana", "t-ito"], START) == 7 + 8
    async with database.read() as connection:
        people = (await connection.execute(select(AuditPerson.person_id, AuditPerson.salt))).all()
        left = await listed(connection, 100, "s-hana")
        looks = await looks_at(connection, "s-ren", START, 10)
    assert sorted(id for id, _ in people if id) == ["s-ren", "s-sora"]
    assert all(salt is None for id, salt in people if id is None), "without its salt an id cannot be guessed"
    assert left == [] and [(look.name, look.person_id) for look in looks] == [(None, None)]
    assert (await verdict(database)).holds


async def test_the_oldest_entries_can_be_cut_off_again_and_again(database: Database):
    await filled(database)
    for hours in (3, 5):
        async with database.write() as connection:
            assert await cut(connection, START + timedelta(hours=hours), START + timedelta(days=1)) in (3, 2)
        found = await verdict(database)
        assert found.holds and found.cut_before == hours + 1
    async with database.write() as connection:
        assert await cut(connection, START, START + timedelta(days=2)) == 0
    assert (await verdict(database)).entries == 3 + 2
    async with database.write() as connection:
        assert await cut(connection, START + timedelta(days=9), START + timedelta(days=9)) == 4, "the last one stays"
    found = await verdict(database)
    assert found.holds and found.entries == 2


async def test_cutting_off_without_saying_so_is_found(database: Database):
    await filled(database)
    async with database.write() as connection:
        await connection.execute(delete(AuditPerson).where(AuditPerson.entry_id <= 3))
        await connection.execute(delete(AuditEntry).where(AuditEntry.id <= 3))
    assert (await verdict(database)).reason == NOT_CUT


async def test_the_last_entries_cannot_vanish(database: Database):
    await filled(database)
    async with database.write() as connection:
        await connection.execute(delete(AuditPerson).where(AuditPerson.entry_id >= 7))
        await connection.execute(delete(AuditEntry).where(AuditEntry.id >= 7))
    found = await verdict(database)
    assert (found.broken_at, found.reason) == (7, MISSING)


async def test_an_entry_behind_the_head_was_put_there_by_somebody_else(database: Database):
    await filled(database, 3)
    async with database.write() as connection:
        last = (await connection.execute(select(AuditEntry.hash).where(AuditEntry.id == 3))).scalar_one()
        row = {"id": 4, "at": START, "role": "", "act": "read", "kind": "checkins", "channel": "", "detail": ""}
        row["prev_hash"] = last
        await connection.execute(insert(AuditEntry), [{**row, "hash": hash_of(row, [])}])
    found = await verdict(database)
    assert (found.broken_at, found.reason) == (4, ADDED)


async def test_a_chain_written_anew_lacks_the_hash_that_was_noted_down(database: Database):
    await filled(database, 4)
    noted = (await verdict(database)).last_hash
    async with database.write() as connection:
        for table in (AuditPerson, AuditEntry, AuditHead):
            await connection.execute(delete(table))
    await filled(database, 5)
    assert (await verdict(database)).holds
    assert not (await verdict(database, noted)).holds


async def _edit(connection: AsyncConnection, pick: random.Random) -> None:
    column, id = pick.choice(COLUMNS), pick.randint(1, 8)
    value = START - timedelta(microseconds=1) if column == "at" else f"other {pick.random()}"
    await connection.execute(update(AuditEntry).where(AuditEntry.id == id).values({column: value}))


async def _remove(connection: AsyncConnection, pick: random.Random) -> None:
    id = pick.randint(1, 8)
    await connection.execute(delete(AuditPerson).where(AuditPerson.entry_id == id))
    await connection.execute(delete(AuditEntry).where(AuditEntry.id == id))


async def _close_ranks(connection: AsyncConnection, pick: random.Random) -> None:
    """Remove an entry and move up those behind it."""
    id = pick.randint(1, 7)
    await _remove(connection, _Fixed(id))
    await _renumber(connection, {n: n - 1 for n in range(id + 1, 9)})
    await connection.execute(update(AuditHead).values(last_id=7))


async def _swap(connection: AsyncConnection, pick: random.Random) -> None:
    one, other = pick.sample(range(1, 9), 2)
    await _renumber(connection, {one: 99, other: one})
    await _renumber(connection, {99: other})


async def _insert(connection: AsyncConnection, pick: random.Random) -> None:
    """Put a well-made entry in between, and move down those behind it."""
    id = pick.randint(1, 8)
    await _renumber(connection, {n: n + 1 for n in range(8, id - 1, -1)})
    before = await connection.scalar(select(AuditEntry.hash).where(AuditEntry.id == id - 1)) or ""
    row = {"id": id, "at": START, "role": "", "act": "read", "kind": "checkins", "channel": "", "detail": ""}
    row["prev_hash"] = before
    await connection.execute(insert(AuditEntry), [{**row, "hash": hash_of(row, [])}])
    await connection.execute(update(AuditHead).values(last_id=9))


async def _blame(connection: AsyncConnection, pick: random.Random) -> None:
    """Another person in the place of one: by the id alone, or with a digest that fits."""
    rows = (await connection.execute(select(AuditPerson.entry_id, AuditPerson.digest, AuditPerson.salt))).all()
    row = pick.choice(sorted(rows))
    values = {"person_id": "s-other"} | pick.choice([{}, {"digest": digest_of(row.salt, "s-other")}, {"salt": None}])
    await connection.execute(update(AuditPerson).where(AuditPerson.digest == row.digest).values(values))


async def _leave_out(connection: AsyncConnection, pick: random.Random) -> None:
    rows = sorted([*await connection.scalars(select(AuditPerson.digest))])
    await connection.execute(delete(AuditPerson).where(AuditPerson.digest == pick.choice(rows)))


async def _add(connection: AsyncConnection, pick: random.Random) -> None:
    row = {"entry_id": pick.randint(1, 8), "part": "subject", "digest": digest_of("salt", "s-new")}
    await connection.execute(insert(AuditPerson).values(row | {"person_id": "s-new", "salt": "salt"}))


async def _behead(connection: AsyncConnection, pick: random.Random) -> None:
    await connection.execute(pick.choice([delete(AuditHead), update(AuditHead).values(last_hash="0" * 64)]))


async def _hide(connection: AsyncConnection, pick: random.Random) -> None:
    """Strike somebody out as an erasure would."""
    rows = await connection.scalars(select(AuditPerson.digest).where(AuditPerson.person_id.is_not(None)))
    named = AuditPerson.digest == pick.choice(sorted([*rows]))
    await connection.execute(update(AuditPerson).where(named).values(person_id=None, salt=None))


class _Fixed(random.Random):
    """Always picks the same entry."""

    def __init__(self, id: int) -> None:
        super().__init__()
        self._id = id

    def randint(self, a: int, b: int) -> int:
        return self._id


async def _renumber(connection: AsyncConnection, ids: dict[int, int]) -> None:
    """Move entries with their people, by copying them: an entry that has people keeps its id."""
    for old, new in ids.items():
        entry = (await connection.execute(select(*AuditEntry.__table__.c).where(AuditEntry.id == old))).mappings().one()
        statement = select(*AuditPerson.__table__.c).where(AuditPerson.entry_id == old)
        people: Sequence[Any] = (await connection.execute(statement)).mappings().all()
        await _remove(connection, _Fixed(old))
        await connection.execute(insert(AuditEntry).values({**entry, "id": new}))
        for person in people:
            await connection.execute(insert(AuditPerson).values({**person, "entry_id": new}))


TAMPERINGS: Sequence[Callable[[AsyncConnection, random.Random], Any]] = (
    _edit,
    _remove,
    _close_ranks,
    _swap,
    _insert,
    _blame,
    _leave_out,
    _add,
    _behead,
    _hide,
)


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda each: each.__name__.strip("_"))
async def test_whatever_is_done_to_the_chain_is_found(database: Database, tampering: Any):
    await filled(database, 7)
    for seed in range(8):
        pick = random.Random(seed)
        erased = pick.random() < 0.5
        with pytest.raises(UndoneError):
            async with database.write() as connection:
                if erased:
                    await forget(connection, ["s-ren"], START)
                else:
                    await append(connection, [read_by("t-ito")])
                assert (await verify(connection)).holds
                await tampering(connection, pick)
                assert not (await verify(connection)).holds, (tampering.__name__, seed)
                raise UndoneError
    assert (await verdict(database)).holds


async def test_every_column_of_an_entry_is_covered(database: Database):
    await filled(database, 3)
    for column in COLUMNS:
        with pytest.raises(UndoneError):
            async with database.write() as connection:
                value = START + timedelta(microseconds=1) if column == "at" else "another"
                await connection.execute(update(AuditEntry).where(AuditEntry.id == 2).values({column: value}))
                assert (await verify(connection)).broken_at in (2, 3), column
                raise UndoneError


async def test_a_child_is_told_who_looked_but_not_of_their_own_acts(database: Database, tmp_path: Path):
    await with_roster(database, tmp_path / "data")
    await record(
        database,
        [
            read_by("t-ito", "s-hana", "s-ren", at=START),
            read_by("s-hana", "s-hana", at=START + timedelta(hours=1), act=Act.CHANGE),
            read_by("s-ren", "s-hana", at=START + timedelta(hours=1), act=Act.REFUSED),
            read_by(None, "s-hana", at=START + timedelta(hours=2), act=Act.EXPORT, kind=Kind.PERSON),
        ],
    )
    async with database.read() as connection:
        looks = await looks_at(connection, "s-hana", START, 10)
        later = await looks_at(connection, "s-hana", START + timedelta(hours=1), 10)
    assert [(look.kind, look.act, look.role, look.name) for look in looks] == [
        (Kind.PERSON, Act.EXPORT, "", None),
        (Kind.CHECKINS, Act.READ, "teacher", ANY),
    ]
    assert len(later) == 1


async def test_an_entry_keeps_nothing_of_a_person_in_its_own_row(database: Database):
    await filled(database)
    async with database.read() as connection:
        count = await connection.scalar(select(func.count()).select_from(AuditEntry))
        rows = (await connection.execute(select(*AuditEntry.__table__.c))).all()
    assert count == 8 and not any("s-hana" in str(row) or "t-ito" in str(row) for row in rows)
