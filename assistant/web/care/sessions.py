"""``/care/sessions``: who of a school is signed in, for its leads to end the sessions of somebody: a device that was
lost, a person who left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from assistant.channels.browser.notify import listeners_of
from assistant.channels.browser.sessions import account_of
from assistant.channels.browser.store import BrowserSession
from assistant.web.staff import Door, NotHereError, Visitor
from assistant.wording.occasions import say_moment
from assistant.wording.texts import Speaker
from knowledge.records.audit import Act, Entry, Kind, record
from knowledge.records.leads import schools_led
from knowledge.records.roster import Role, User

PATH = "/care/sessions"
SHOWN = 100  # people; the others are found by name


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """Somebody with open sessions."""

    person_id: str
    name: str
    count: int
    devices: str
    last_used_at: datetime


def routes(door: Door) -> list[Route]:
    async def page(request: Request) -> Response:
        visitor, schools = await _lead(door, request)
        wanted = request.query_params.get("name", "").strip()
        async with door.core.database.read() as connection:
            people = await _signed_in(door, connection, schools, wanted)
        speaker = Speaker(language=door.settings.language, band="staff")
        shown = [
            {**vars(each), "last": str(say_moment(each.last_used_at.astimezone(door.settings.zone), speaker))}
            for each in people[:SHOWN]
        ]
        return door.page(
            "care/sessions.html",
            visitor,
            people=shown,
            more=len(people) - len(shown),
            wanted=wanted,
            ended=request.query_params.get("ended"),
        )

    async def end(request: Request) -> Response:
        visitor, schools = await _lead(door, request)
        form = await door.form(request, visitor)
        person_id = form.get("person", "")
        async with door.core.database.read() as connection:
            people = {each.person_id for each in await _signed_in(door, connection, schools, "")}
            known = await connection.scalar(select(User.sourced_id).where(User.sourced_id == person_id))
        if person_id in people:
            await door.sessions.end(person_id, visitor.id)
            listeners_of(door.core.database).wake(account_of(person_id))  # open pages go at once
        else:
            entry = Entry(
                actor_id=visitor.id,
                act=Act.REFUSED,
                kind=Kind.ACCOUNTS,
                subject_ids=() if known is None else (person_id,),
                channel="page",
                at=door.now().astimezone(door.settings.zone),
                detail="sessions of somebody else's school, or of nobody who is signed in",
            )
            await record(door.core.database, [entry])
        return RedirectResponse(f"{PATH}?ended=1", 303)  # the same whether or not there was such a person

    return [door.route(PATH, page), door.route(f"{PATH}/end", end, "POST")]


async def _lead(door: Door, request: Request) -> tuple[Visitor, frozenset[str]]:
    """Who asks, and the schools that they lead. Raises as ``fresh_staff``, and ``NotHereError`` for everybody else."""
    visitor = await door.fresh_staff(request)
    async with door.core.database.read() as connection:
        schools = await schools_led(connection, visitor.id, door.today)
    if not schools:
        raise NotHereError(visitor.id)
    return visitor, schools


async def _signed_in(door: Door, connection: AsyncConnection, schools: frozenset[str], name: str) -> Sequence[SignedIn]:
    """The people of these schools with open sessions whose name contains ``name``, the one who was there last first;
    also those whose roles have ended."""
    at_school = select(Role.user_sourced_id).where(Role.org_sourced_id.in_(schools))
    found = await connection.execute(
        select(User.sourced_id, User.family_name, User.given_name, User.kana_family_name, User.kana_given_name).where(
            User.sourced_id.in_(select(BrowserSession.person_id).where(BrowserSession.expires_at > door.now())),
            or_(User.primary_org_sourced_id.in_(schools), User.sourced_id.in_(at_school)),
        )
    )
    sought = "".join(name.split())
    names: Mapping[str, str] = {
        row.sourced_id: f"{row.family_name} {row.given_name}"
        for row in found
        if sought in f"{row.family_name}{row.given_name} {row.kana_family_name or ''}{row.kana_given_name or ''}"
    }
    by_person: dict[str, list[tuple[datetime, str]]] = {}
    for each in await door.sessions.of_people(connection, list(names)):
        by_person.setdefault(each.person_id, []).append((each.last_used_at, each.device))
    return [
        SignedIn(
            person_id=person_id,
            name=names[person_id],
            count=len(uses),
            devices="、".join(dict.fromkeys(device for _, device in uses if device)),
            last_used_at=uses[0][0],
        )
        for person_id, uses in by_person.items()
    ]
