"""Who may read, keep and tell what: every role against everything that documents, good practice, clubs and content let
people do."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import delete, func, insert, select, update
from starlette.applications import Starlette

from assistant.dialogue.conversation import Conversation
from assistant.document_links import page_path, signature_for
from assistant.schema import migrate
from assistant.web.documents import document_routes
from knowledge.db import Database
from knowledge.documents.model import DocumentAudience, NewDocument, Piece, Reader
from knowledge.imports.registry import run_import
from knowledge.records.activities import Activity
from knowledge.records.content import Content, ContentOffer
from knowledge.records.practices import Practice
from knowledge.records.reminders import Reminder
from knowledge.records.roster import Role
from tests.builders.oneroster import Row, with_cells, write_oneroster
from tests.integration.test_who_may_plan import PEOPLE as PLANNERS
from tests.integration.test_who_may_plan import roster, rows_of
from tests.platforms.line import user_id
from tests.running import served
from tests.worlds import TOKYO, HandClock, LineWorld, line_world, settings_of

TODAY = date(2026, 5, 11)  # a Monday
EVERYTHING = Reader(orgs=None, is_staff=True, on=date.min)

PEOPLE = PLANNERS | {
    "parent": "g-kondo",
    "teacher of another school": "t-abe",
    "principal of another school": "p-hara",
    "former principal": "p-moto",
    "teacher elsewhere with a child here": "t-kato",
}
READS = "find, open"
STAFF = f"{READS}, list, find for staff, open for staff, tap for staff, find practice"
TEACHING = f"{STAFF}, tell practice, take back own practice"
LEADS = "list, add, remove, change readers, approve, hand back, take back others practice"
MAY = {
    "homeroom teacher": f"{TEACHING}, announce, see use",
    "subject teacher": f"{TEACHING}, announce",
    "nurse": f"{TEACHING}, announce, see use",
    "counselor": f"{TEACHING}, announce, see use",
    "principal": f"{TEACHING}, {LEADS}, announce, see use",
    "administrator": f"{TEACHING}, {LEADS}, announce, see use",
    "siteAdministrator": f"{TEACHING}, {LEADS}",
    "district administrator": "add, take back own practice, find practice",
    "student": READS,
    "guardian": READS,
    "parent": READS,
    "teacher of another school": "tell practice, take back own practice, find practice",
    "principal of another school": "add, tell practice, take back own practice, find practice",
    "former principal": "",
    "former teacher": "",
    "teacher elsewhere with a child here": f"{READS}, tell practice, take back own practice, find practice",
}


@dataclass
class World:
    """Somebody's phone, under the name ``me``, and the site that opens documents."""

    line: LineWorld
    person_id: str
    url: str
    http: aiohttp.ClientSession

    async def say(self, text: str) -> str:
        return "\n".join(await self.line.say("me", text))

    async def post(self, value: str) -> str:
        """The answer to the value of a button, whoever was shown it."""
        before = len(self.line.line.texts_to(user_id("me")))
        await self.line.send(self.line.line.events.postback(user_id("me"), value))
        await self.line.core.drain()
        return "\n".join(self.line.line.texts_to(user_id("me"))[before:])

    async def opens(self, document_id: str) -> str:
        sign = signature_for(self.line.core.services.secret, document_id, self.person_id, self.line.clock.now())
        async with self.http.get(self.url + page_path(document_id, sign=sign)) as response:
            return await response.text()

    async def documents(self) -> dict[str, DocumentAudience]:
        listed = await self.line.core.services.library.listed(EVERYTHING)
        return {each.title: each.audience for each in listed}

    async def state(self, practice_id: str) -> str | None:
        async with self.line.core.database.read() as connection:
            return await connection.scalar(select(Practice.state).where(Practice.id == practice_id))

    async def count(self, table: Any) -> int:
        async with self.line.core.database.read() as connection:
            return await connection.scalar(select(func.count()).select_from(table)) or 0


def document(name: str, text: str, audience: DocumentAudience) -> NewDocument:
    return NewDocument(
        source=f"upload:minami:{name}.txt",
        title=name,
        file_name=f"{name}.txt",
        media_type="text/plain",
        audience=audience,
        org_id="minami",
        content=text.encode(),
        pieces=(Piece(section="", page=None, text=text),),
    )


DOCUMENTS = (
    document("rules", "水筒は一年中持ってきてよいです。", DocumentAudience.EVERYONE),
    document("codes", "金庫の番号は4417です。", DocumentAudience.STAFF),
)


def people() -> dict[str, list[Row]]:
    """Those of the roster who plan, and some who came from elsewhere, or are gone."""
    tables = roster()
    names = "sourcedId familyName givenName grades primaryOrgSourcedId enabledUser username"
    tables["users"] += rows_of(
        names,
        "g-kondo|近堂|実||minami|true|g-kondo",
        "p-hara|原|薫||higashi|true|p-hara",
        "p-moto|元田|学||minami|true|p-moto",
    )
    tables["roles"] += rows_of(
        "sourcedId userSourcedId roleType role orgSourcedId endDate",
        "r-g-kondo|g-kondo|primary|parent|minami|",
        "r-p-hara|p-hara|primary|principal|higashi|",
        "r-p-moto|p-moto|primary|principal|minami|2026-03-31",
        "r-kato-2|t-kato|secondary|guardian|minami|",
    )
    tables["users"] = with_cells(tables["users"], "t-kato", primaryOrgSourcedId="higashi")
    tables["roles"] = with_cells(tables["roles"], "r-t-kato", orgSourcedId="higashi")
    tables["enrollments"] = [row for row in tables["enrollments"] if row["userSourcedId"] != "t-kato"]
    return tables


@asynccontextmanager
async def school(database: Database, folder: Path, person_id: str) -> AsyncGenerator[World]:
    """Monday at three at みなみ小: a document for everyone and one for staff; a practice that was approved and one that
    waits; a club; content that was offered and opened."""
    clock = HandClock(datetime.combine(TODAY, time(15), TOKYO))
    async with line_world(database, folder, clock=clock) as line:
        now = clock.now()
        async with database.write() as connection:
            await connection.execute(delete(Role).where(Role.user_sourced_id == "t-kato"))
        write_oneroster(folder / "more", people())
        await run_import(database, "oneroster", folder / "more", timezone=TOKYO)
        await line.core.services.library.put_all(DOCUMENTS, now)
        told: dict[str, Any] = {"author_id": "t-zuko", "school_id": "minami", "told_on": TODAY, "subject": "音楽"}
        told |= {"grades": [], "decided_by": None, "decided_at": None, "document_id": None, "created_at": now}
        club: dict[str, Any] = {"activity_id": "code", "org_id": "minami", "kind": "club", "name": "プログラミング教室"}
        club |= dict.fromkeys(("place", "start_date", "end_date", "schedule", "apply_until", "contact", "url"))
        content: dict[str, Any] = {"content_id": "frac", "title": "分数の動画", "url": "https://content.example/"}
        content |= {"grades": [], "subject": "算数", "provider": None, "minutes": None, "description": None}
        offer: dict[str, Any] = {"id": "one", "content_id": "frac", "person_id": "s-hana", "source": "search"}
        offer |= {"offered_at": now, "opened_at": now}
        async with database.write() as connection:
            await connection.execute(
                insert(Practice),
                [
                    told | {"id": "shown", "state": "approved", "text": "合奏を始める前に、声で拍を合わせた"},
                    told | {"id": "waiting", "state": "waiting", "text": "リコーダーを二人組で聞き合った"},
                ],
            )
            await connection.execute(insert(Activity), [club | {"grades": [], "is_online": False, "description": None}])
            await connection.execute(insert(Content), [content])
            await connection.execute(insert(ContentOffer), [offer])
        await line.link("me", person_id)
        app = Starlette(routes=document_routes(settings_of(folder, ""), line.core, clock.now))
        async with served(app) as url, aiohttp.ClientSession() as http:
            yield World(line, person_id, url, http)


def says(text: str, *words: str) -> Callable[[World], Awaitable[bool]]:
    async def is_said(world: World) -> bool:
        said = await world.say(text)
        return all(word in said for word in words)

    return is_said


async def opens(world: World) -> bool:
    return "水筒" in await world.opens("rules")


async def opens_for_staff(world: World) -> bool:
    return "4417" in await world.opens("codes")


async def taps(world: World) -> bool:
    """A button that somebody of the staff was shown."""
    return "4417" in await world.post("doc:read/codes~0")


async def adds(world: World) -> bool:
    await world.line.send(world.line.line.send_file(user_id("me"), "new.txt", "新しいきまりです。".encode()))
    await world.line.core.drain()
    if any(label == "教職員だけ" for label, _ in world.line.line.quick_replies_to(user_id("me"))):
        await world.line.tap("me", "教職員だけ")
    return "new" in await world.documents()


async def removes(world: World) -> bool:
    await world.say("資料「rules」を消して")
    await world.say("はい")
    return "rules" not in await world.documents()


async def changes_readers(world: World) -> bool:
    await world.say("資料「codes」を全員に公開して")
    await world.say("はい")
    return (await world.documents())["codes"] is DocumentAudience.EVERYONE


async def tells(world: World) -> bool:
    before = await world.count(Practice)
    await world.say("実践メモ: 図を先にかかせたら、式の意味を話せた")
    await world.say("はい")
    return await world.count(Practice) > before


async def hands_back(world: World) -> bool:
    await world.post("p/bare/waiting")
    return await world.state("waiting") == "declined"


async def approves(world: World) -> bool:
    await world.post("p/take/waiting")
    return await world.state("waiting") == "approved"


async def takes_back_own(world: World) -> bool:
    async with world.line.core.database.write() as connection:
        await connection.execute(update(Practice).where(Practice.id == "shown").values(author_id=world.person_id))
    return await takes_back(world)


async def takes_back(world: World) -> bool:
    await world.post("p/out/shown")
    return await world.state("shown") == "withdrawn"


async def announces(world: World) -> bool:
    before = await world.count(Reminder)
    await world.say("プログラミング教室を4年2組にお知らせして")
    await world.say("はい")
    return await world.count(Reminder) > before


ACTIONS: Mapping[str, Callable[[World], Awaitable[bool]]] = {
    "find": says("しらべて: 水筒は持ってきてよいですか", "一年中"),
    "find for staff": says("しらべて: 金庫の番号は何ですか", "4417"),
    "list": says("資料一覧", "codes"),
    "open": opens,
    "open for staff": opens_for_staff,
    "tap for staff": taps,
    "find practice": says("音楽の実践は？", "声で拍を合わせた"),
    "tell practice": tells,
    "announce": announces,
    "see use": says("教材の使われ方は？", "分数の動画"),
    # From here on something of the world is changed, and put back.
    "add": adds,
    "remove": removes,
    "change readers": changes_readers,
    "approve": approves,
    "hand back": hands_back,
    "take back others practice": takes_back,
    "take back own practice": takes_back_own,
}


async def put_back(world: World) -> None:
    """All as it was, and nobody in the middle of anything."""
    await world.line.core.services.library.put_all(DOCUMENTS, world.line.clock.now())
    async with world.line.core.database.write() as connection:
        await connection.execute(delete(Conversation))
        for id, state in (("shown", "approved"), ("waiting", "waiting")):
            values = {"state": state, "decided_by": None, "decided_at": None, "author_id": "t-zuko"}
            await connection.execute(update(Practice).where(Practice.id == id).values(**values))


@pytest.mark.parametrize("role", PEOPLE)
async def test_a_role_may_do_what_the_table_says_and_nothing_else(sqlite_url: str, tmp_path: Path, role: str) -> None:
    """On one database: the conditions on both are looked at elsewhere."""
    database = Database(sqlite_url)
    await migrate(database)
    async with school(database, tmp_path / "data", PEOPLE[role]) as world:
        did: set[str] = set()
        for name, action in ACTIONS.items():
            if role == "subject teacher" and name == "take back others practice":  # they are that teacher's own
                continue
            if await action(world):
                did.add(name)
            await put_back(world)
        assert did == {name for name in MAY[role].split(", ") if name}
    await database.close()
