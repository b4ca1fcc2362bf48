"""Whoever is erased is nowhere any more, and everybody else is as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import inspect

from knowledge.db import Base, Database
from knowledge.documents.library import Library
from knowledge.privacy import erasing
from knowledge.privacy.kinds import kinds, table_rules
from knowledge.records.audit_check import verify
from tests.builders.everywhere import NOW, Everywhere, Person
from tests.integration.stored import everything

DOCUMENTS = ("documents", "document_passages", "document_files")
Rows = dict[str, list[tuple[Any, ...]]]


def text_of(row: tuple[Any, ...]) -> str:
    shown = [orjson.dumps(value) if isinstance(value, (dict, list)) else value for value in row]
    return " ".join(value.decode() if isinstance(value, bytes) else str(value) for value in shown)


def tells_in(row: tuple[Any, ...], person: Person) -> list[str]:
    return [tell for tell in person.written if tell in text_of(row)]


def changed(before: Rows, after: Rows) -> list[tuple[str, tuple[Any, ...]]]:
    """Rows that are not as they were."""
    return [(table, row) for table, rows in before.items() for row in rows if row not in after[table]]


@pytest.mark.parametrize("seed", range(4))
async def test_a_random_person_of_a_random_world_is_gone_and_nothing_else(
    database: Database, tmp_path: Path, seed: int
) -> None:
    world = Everywhere(seed)
    async with database.write() as connection:
        await world.fill(connection)
    person = world.random.choice(world.people)
    before = await everything(database)
    found = await erasing.survey_of(database, person.id)
    left = await erasing.erase(database, found, NOW, Library(database, tmp_path).remove)
    after = await everything(database)

    assert left.is_empty
    for table, rows in after.items():
        assert [row for row in rows if tells_in(row, person)] == [], table
    # A document that names somebody goes as a whole.
    documents = {str(row[0]) for table in DOCUMENTS for row in before[table] if tells_in(row, person)}
    gone_keys = {*documents}
    touched = [(table, row) for table, row in changed(before, after) if not table.startswith("audit")]
    unexplained = touched
    while True:  # a row may go, or refer to nothing, because of another one that went
        explained = [
            (table, row)
            for table, row in unexplained
            if tells_in(row, person) or not gone_keys.isdisjoint(str(value) for value in row)
        ]
        if not explained:
            break
        gone_keys |= {str(row[0]) for _, row in explained if isinstance(row[0], str)}
        unexplained = [each for each in unexplained if each not in explained]
    assert [each for each in unexplained if each[0] != "document_revision"] == []
    async with database.read() as connection:
        assert (await verify(connection)).broken_at is None
    with pytest.raises(erasing.NothingToEraseError, match=person.id):
        await erasing.survey_of(database, person.id)


def test_every_table_is_in_the_registry_and_every_entry_is_a_table() -> None:
    tables = Base.metadata.tables
    assert set(table_rules()) == set(tables)
    for name, rule in table_rules().items():
        own = [*rule.person, *rule.account, *rule.secret, *rule.only]
        own += [column for column in (rule.of, rule.age) if column]
        assert not {column for column in own if column not in tables[name].columns}, name


def test_every_column_that_names_a_person_as_the_one_it_is_about_says_so() -> None:
    for name, rule in table_rules().items():
        for column in Base.metadata.tables[name].columns:
            if column.name in ("person_id", "student_id") and not rule.fixed:
                assert column.name in rule.person, name


def test_every_kind_says_in_both_languages_what_it_is_for_who_reads_it_and_how_long() -> None:
    for kind in kinds().values():
        assert bool(kind.until) == (kind.days is None), kind.id
        for words in (kind.name, kind.purpose, kind.readers, *([kind.until] if kind.until else [])):
            assert set(words) == {"ja", "en"} and all(words.values()), kind.id


def test_what_grows_by_the_day_is_cleared_by_an_index_or_from_its_oldest_end() -> None:
    big = ("check_ins", "notes", "replies", "attendance", "study_log", "observations", "nurse_visits", "assessments")
    for name in (*big, "content_offers", "inbox", "outbox", "browser_messages"):
        rule, table = table_rules()[name], inspect(Base.metadata.tables[name])
        first = {next(iter(index.columns)).name for index in table.indexes}
        assert rule.walk or rule.age in first, name
