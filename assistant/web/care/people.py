"""``/care/people``: who stands in for whom, appointed by the school's leads, with an end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from assistant.web.staff import Door, NotHereError, Visitor
from knowledge.records.audit import Act, Entry, Kind, append, record
from knowledge.records.leads import schools_led
from knowledge.records.substitutes import (
    NoSubstituteError,
    appoint,
    classes_at,
    end,
    substitutes_at,
    teachers_at,
)

PATH = "/care/people"


def routes(door: Door) -> list[Route]:
    async def page(request: Request) -> Response:
        visitor, schools = await _lead(door, request)
        return await _page(door, visitor, schools, done=request.query_params.get("done", ""))

    async def add(request: Request) -> Response:
        visitor, schools = await _lead(door, request)
        form = await door.form(request, visitor)
        person_id, class_id = form.get("person", ""), form.get("class", "")
        try:
            first, last = _days(form, door.today)
            async with door.core.database.write() as connection:
                await appoint(connection, schools, person_id, class_id, first=first, last=last, today=door.today)
                said = f"appointed class:{class_id} {first}/{last}"
                await append(connection, [_entry(door, visitor, person_id, Act.CHANGE, said)])
        except NoSubstituteError as error:
            if error.problem in ("who", "where"):  # nothing that the page offers
                await record(door.core.database, [_entry(door, visitor, None, Act.REFUSED, error.problem)])
            return await _page(door, visitor, schools, problem=error.problem, status=422)
        return RedirectResponse(f"{PATH}?done=added", 303)

    async def stop(request: Request) -> Response:
        visitor, schools = await _lead(door, request)
        form = await door.form(request, visitor)
        async with door.core.database.write() as connection:
            known = {each.id: each for each in await substitutes_at(connection, schools, door.today)}
            found = known.get(form.get("id", ""))
            if found is not None:
                await end(connection, found.id, door.today)
                said = f"ended class:{found.class_id}"
                await append(connection, [_entry(door, visitor, found.person_id, Act.CHANGE, said)])
            else:
                await append(connection, [_entry(door, visitor, None, Act.REFUSED, "no such substitute here")])
        return RedirectResponse(f"{PATH}?done=ended", 303)  # the same whether or not there was one

    return [
        door.route(PATH, page),
        door.route(f"{PATH}/add", add, "POST"),
        door.route(f"{PATH}/end", stop, "POST"),
    ]


async def _page(
    door: Door,
    visitor: Visitor,
    schools: frozenset[str],
    *,
    problem: str = "",
    done: str = "",
    status: int = 200,
) -> Response:
    async with door.core.database.read() as connection:
        people = await substitutes_at(connection, schools, door.today)
        teachers = await teachers_at(connection, schools, door.today)
        classes = await classes_at(connection, schools)
    return door.page(
        "care/people.html",
        visitor,
        status,
        people=people,
        teachers=teachers,
        classes=classes,
        today=door.today.isoformat(),
        problem=problem,
        done=done if done in ("added", "ended") else "",
    )


async def _lead(door: Door, request: Request) -> tuple[Visitor, frozenset[str]]:
    """Who asks, and the schools that they lead. Raises as ``fresh_staff``, and ``NotHereError`` for everybody else."""
    visitor = await door.fresh_staff(request)
    async with door.core.database.read() as connection:
        schools = await schools_led(connection, visitor.id, door.today)
    if not schools:
        raise NotHereError(visitor.id)
    return visitor, schools


def _days(form: Mapping[str, str], today: date) -> tuple[date, date]:
    """First and last day; the first is today where none was given. Raises ``NoSubstituteError``."""
    try:
        first = date.fromisoformat(form["first"]) if form.get("first") else today
        return first, date.fromisoformat(form.get("last", ""))
    except ValueError:
        raise NoSubstituteError("when") from None


def _entry(door: Door, visitor: Visitor, person_id: str | None, act: Act, detail: str) -> Entry:
    return Entry(
        actor_id=visitor.id,
        act=act,
        kind=Kind.ROLES,
        subject_ids=() if person_id is None else (person_id,),
        channel="page",
        at=door.now().astimezone(door.settings.zone),
        detail=detail,
    )
