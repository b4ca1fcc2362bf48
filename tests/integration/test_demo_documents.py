"""The documents that the demo begins with."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from assistant.demo.library import load_documents
from assistant.library import build_library
from knowledge.db import Database
from knowledge.documents.model import DocumentAudience, Reader
from tests.worlds import MORNING, settings_of

EVERYBODY = Reader(orgs=None, is_staff=True, on=MORNING.date())
CHILD = Reader(orgs=frozenset({"ayumi-e", "ayumi"}), is_staff=False, on=MORNING.date())


async def test_they_are_put_in_once_and_children_find_only_what_is_for_them(database: Database, tmp_path: Path) -> None:
    library = build_library(settings_of(tmp_path, ""), database)
    await load_documents(library, MORNING)
    before = await library.listed(EVERYBODY)
    await load_documents(library, MORNING + timedelta(days=1))
    assert await library.listed(EVERYBODY) == before
    assert {each.title for each in await library.listed(CHILD)} == {"学校のきまり", "年間行事予定"}
    assert sum(each.audience is DocumentAudience.STAFF for each in before) == 2
    assert all(each.passages for each in before)
