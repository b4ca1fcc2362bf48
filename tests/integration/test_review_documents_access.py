"""Who is staff where, whose words reach a model, and whose names leave the house."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from langchain_core.embeddings import Embeddings
from sqlalchemy import insert, update

from assistant.bootstrap import build_services
from assistant.dialogue.documents import answer_from_documents
from assistant.dialogue.people_store import load_people
from assistant.dialogue.turn import Services
from assistant.keeping import source_of
from assistant.masking import without_names
from knowledge.db import Database
from knowledge.documents.library import Library
from knowledge.documents.model import DocumentAudience, NewDocument, Piece, Reader
from knowledge.documents.readers import load_reader
from knowledge.exports.content_feedback import content_feedback
from knowledge.records.content import Content, ContentOffer, judge
from knowledge.records.practices import Practice, shown_to
from knowledge.records.roster import Enrollment, Org, Role, User
from tests.worlds import TOKYO, settings_of, with_roster

NOW = datetime(2026, 5, 11, 12, tzinfo=ZoneInfo("Asia/Tokyo"))
TODAY = NOW.date()


def document(name: str, org_id: str | None, audience: DocumentAudience) -> NewDocument:
    text = f"{name}の通用口の番号は4417です。"
    return NewDocument(
        source=f"file:/{name}",
        title=name,
        file_name=f"{name}.md",
        media_type="text/markdown",
        audience=audience,
        org_id=org_id,
        content=text.encode(),
        pieces=(Piece(section="", page=None, text=text),),
    )


class Listening(Embeddings):
    """An embedding model that remembers what it was handed."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed_query(self, text: str) -> list[float]:
        self.asked.append(text)
        return [1.0, 0.5]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[1.0, float(len(text))] for text in texts]


class School:
    def __init__(self, services: Services, model: Listening) -> None:
        self.services, self.model, self.database = services, model, services.database

    async def reader(self, person_id: str, on: date = TODAY) -> Reader:
        async with self.database.read() as connection:
            return await load_reader(connection, person_id, on)

    async def listed(self, person_id: str) -> set[str]:
        """The documents of a person, the same by every way in."""
        reader, library = await self.reader(person_id), self.services.library
        found = {each.id for each in await library.listed(reader)}
        assert {hit.passage.document for hit in await library.search("通用口の番号", reader, 50)} == found
        every = [each.id for each in await library.listed(Reader(orgs=None, is_staff=True, on=TODAY))]
        assert {each for each in every if await library.passages(each, reader)} == found
        return found

    async def becomes(self, person_id: str, role: str, org_id: str) -> None:
        """A further role of a person."""
        row: dict[str, Any] = {"sourced_id": f"{person_id}-{role}-{org_id}", "user_sourced_id": person_id}
        row |= {"role_type": "secondary", "role": role, "begin_date": None, "end_date": None, "org_sourced_id": org_id}
        async with self.database.write() as connection:
            await connection.execute(insert(Role), [row])

    async def is_only(self, person_id: str, role: str) -> None:
        async with self.database.write() as connection:
            await connection.execute(update(Role).where(Role.user_sourced_id == person_id).values(role=role))


@pytest.fixture
async def school(database: Database, tmp_path: Path) -> AsyncIterator[School]:
    """Two schools of a district and a third of another, each with a document for everyone and one for its staff."""
    await with_roster(database, tmp_path / "data")
    async with database.write() as connection:
        orgs = [("city", "となり市", "district", None), ("kita", "となり市立きた小学校", "school", "city")]
        rows: list[dict[str, Any]] = [
            dict(zip(("sourced_id", "name", "type", "parent_sourced_id"), org, strict=True)) for org in orgs
        ]
        await connection.execute(insert(Org), rows)
    model = Listening()
    services = build_services(settings_of(tmp_path, ""), database)
    services = replace(
        services, library=Library(database, tmp_path, embeddings=model, embeddings_name="openai:listening")
    )
    orgs = ("board", "minami", "higashi", "city", "kita")
    news = [document(f"{org}-{audience}", org, audience) for org, audience in product(orgs, DocumentAudience)]
    await services.library.put_all([*news, document("staff", None, DocumentAudience.STAFF)], NOW)
    yield School(services, model)


STAFF_OF_MINAMI = {"board-everyone", "minami-everyone", "board-staff", "minami-staff", "staff"}


async def test_a_teacher_with_a_child_at_another_school_is_a_parent_there(school: School) -> None:
    assert await school.listed("t-ito") == STAFF_OF_MINAMI
    await school.becomes("t-ito", "guardian", "kita")
    assert await school.listed("t-ito") == STAFF_OF_MINAMI | {"city-everyone", "kita-everyone"}


async def test_a_teacher_of_two_schools_is_staff_at_both(school: School) -> None:
    await school.becomes("t-ito", "teacher", "higashi")
    assert await school.listed("t-ito") == STAFF_OF_MINAMI | {"higashi-everyone", "higashi-staff"}


@pytest.mark.parametrize("role", ["parent", "relative"])
async def test_parents_and_relatives_are_no_staff(school: School, role: str) -> None:
    await school.is_only("g-sato", role)
    assert await school.listed("g-sato") == {"board-everyone", "minami-everyone"}
    async with school.database.read() as connection:
        assert (await load_people(connection, ["g-sato"], TODAY))["g-sato"].band == "guardian"


async def test_a_child_with_an_office_is_no_staff(school: School) -> None:
    await school.becomes("s-hana", "ext:library-committee", "minami")
    assert await school.listed("s-hana") == {"board-everyone", "minami-everyone"}


async def test_whose_child_it_is_the_childs_own_record_says(school: School) -> None:
    """As everywhere else: a guardian's own record may name whom it likes."""
    async with school.database.write() as connection:
        await connection.execute(update(User).where(User.sourced_id == "g-sato").values(agent_sourced_ids=["s-yui"]))
    assert await school.listed("g-sato") == {"board-everyone", "minami-everyone"}
    async with school.database.write() as connection:
        await connection.execute(update(User).where(User.sourced_id == "s-yui").values(agent_sourced_ids=["g-sato"]))
    assert await school.listed("g-sato") == {"board-everyone", "minami-everyone", "higashi-everyone"}


async def test_who_moved_to_another_school_reads_what_is_there(school: School) -> None:
    async with school.database.write() as connection:
        await connection.execute(update(Role).where(Role.user_sourced_id == "t-ito").values(org_sourced_id="kita"))
        ended = update(Enrollment).where(Enrollment.user_sourced_id == "t-ito").values(end_date=date(2026, 5, 10))
        await connection.execute(ended)
    assert await school.listed("t-ito") == {"city-everyone", "kita-everyone", "city-staff", "kita-staff", "staff"}


async def test_an_officer_of_the_board_reads_what_is_the_boards(school: School) -> None:
    assert await school.listed("b-nakano") == {"board-everyone", "board-staff", "staff"}


# Words on their way to an embedding model

UNKNOWN = "プールの更衣室"  # stands in no document: the words alone find nothing


@pytest.mark.parametrize("person_id", ["s-hana", "g-sato"])
async def test_words_of_children_and_families_do_not_go_to_the_embedding_model(school: School, person_id: str) -> None:
    await answer_from_documents(school.services, person_id, UNKNOWN, NOW)
    assert school.model.asked == []
    await answer_from_documents(school.services, "t-ito", UNKNOWN, NOW)
    assert school.model.asked == [UNKNOWN]


@pytest.mark.parametrize("name", ["佐藤花さん", "さとうはなさん", "サトウさん", "Hana", "高橋 空くん", "s-hana"])
async def test_no_name_goes_to_the_embedding_model(school: School, name: str) -> None:
    await answer_from_documents(school.services, "t-ito", f"{name}の{UNKNOWN}", NOW)
    [asked] = school.model.asked
    assert UNKNOWN[-3:] in asked and "○○" in asked
    assert not any(part in asked for part in ("佐藤", "花", "さとう", "はな", "サトウ", "Hana", "hana", "高橋", "空"))


# Good practice


async def test_practices_of_a_district_are_not_for_parents_who_teach_elsewhere(school: School) -> None:
    await school.becomes("t-ito", "guardian", "kita")
    row: dict[str, Any] = {"id": "one", "author_id": "t-abe", "school_id": "kita", "told_on": TODAY, "subject": None}
    row |= {"grades": [], "text": "音読を毎日", "state": "approved", "decided_by": None, "decided_at": None}
    async with school.database.write() as connection:
        await connection.execute(insert(Practice), [row | {"document_id": None, "created_at": NOW}])
    async with school.database.read() as connection:
        reader = await load_reader(connection, "t-ito", TODAY)
        assert await shown_to(connection, reader.staff_orgs) == []


# What providers of content get


async def masked(database: Database, school_id: str | None, texts: Sequence[str]) -> Sequence[str]:
    async with database.read() as connection:
        return (await without_names(connection, {school_id: texts}))[school_id]


async def test_names_of_staff_who_only_have_a_role_at_the_school_do_not_leave_it(school: School) -> None:
    async with school.database.write() as connection:
        named = {"primary_org_sourced_id": None, "family_name": "凪元", "given_name": "杜乃"}
        await connection.execute(update(User).where(User.sourced_id == "p-ogawa").values(**named))
    [text] = await masked(school.database, "minami", ["凪元と見た。杜乃もいた"])
    assert "凪元" not in text and "杜乃" not in text


async def test_names_do_not_leave_with_the_comment_of_a_child_without_a_primary_school(school: School) -> None:
    people = ["s-hana", "s-ren", "s-sora", "t-ito", "t-kato"]
    content: dict[str, Any] = {"content_id": "frac", "title": "分数", "url": "https://example.com/", "subject": None}
    content |= {"grades": [], "provider": None, "minutes": None, "description": None}
    async with school.database.write() as connection:
        await connection.execute(update(User).values(primary_org_sourced_id=None))
        await connection.execute(
            update(User).where(User.sourced_id == "s-ren").values(family_name="凪元", given_name="杜乃")
        )
        await connection.execute(insert(Content), [content])
        offers = [
            {"id": each, "content_id": "frac", "person_id": each, "source": "search", "offered_at": NOW}
            | {"opened_at": NOW, "is_useful": None, "comment": "杜乃とやった" if each == "s-hana" else None}
            for each in people
        ]
        await connection.execute(insert(ContentOffer), offers)
    async with school.database.read() as connection:
        exported = (await content_feedback(connection, TODAY, TODAY, TOKYO, without_names)).decode()
    assert "とやった" in exported and "杜乃" not in exported


async def test_what_nobody_opened_is_not_judged(school: School) -> None:
    """A button may be sent by somebody who was never shown it; and so few people's words would stand alone."""
    content: dict[str, Any] = {"content_id": "frac", "title": "分数", "url": "https://example.com/", "subject": None}
    content |= {"grades": [], "provider": None, "minutes": None, "description": None}
    offer: dict[str, Any] = {"id": "one", "content_id": "frac", "person_id": "s-hana", "source": "search"}
    offer |= {"offered_at": NOW, "opened_at": None, "is_useful": None, "comment": None}
    async with school.database.write() as connection:
        await connection.execute(insert(Content), [content])
        await connection.execute(insert(ContentOffer), [offer])
        await judge(connection, "s-hana", "one", is_useful=False)
    async with school.database.read() as connection:
        exported = (await content_feedback(connection, TODAY, TODAY, TOKYO, without_names)).decode("utf-8-sig")
    assert exported.splitlines()[1] == "frac,分数,,<5,0,0,0,0,"


def test_no_file_of_one_school_takes_the_place_of_anothers() -> None:
    assert source_of("a:b", "c.pdf") != source_of("a", "b:c.pdf")
    assert source_of("minami", "きまり.txt") == "upload:minami:きまり.txt"
