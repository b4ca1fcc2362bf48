"""``/care/talks``: the children who want to talk with this member of staff. What about is shown once it is opened,
and the child is then told that it was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from assistant.dialogue.talk_writes import CloseTalkRequest, ReadTalkRequest
from assistant.messages import Words
from assistant.talking import say_subject, tell_child
from assistant.web.staff import Door, NotHereError, Visitor
from assistant.wording.texts import Speaker
from knowledge.records.audit import Act, Entry, Kind, append, record
from knowledge.records.talk_requests import find_request
from scheduler import outbox, talks

PAGE = "/care/talks"


def routes(door: Door) -> list[Route]:
    pages = _Talks(door)
    return [
        door.route(PAGE, pages.index),
        door.route(f"{PAGE}/read", pages.read, "POST"),
        door.route(f"{PAGE}/done", pages.done, "POST"),
    ]


class _Talks:
    def __init__(self, door: Door) -> None:
        self._door = door
        self._services = door.core.services
        self._database = door.core.database
        self._lists = door.core.services.times.care_of
        self._speaker = Speaker(language=door.settings.language, band="staff")

    async def index(self, request: Request) -> Response:
        visitor = await self._door.fresh_staff(request)
        async with self._database.read() as connection:
            rows = await talks.talks_for(connection, visitor.viewer, self._lists)
            others = await talks.count_for_others(connection, visitor.viewer, self._lists)
        if rows:
            await record(self._database, [self._entry(visitor, Act.READ, [row.student_id for row in rows])])
        return self._door.page("care/talks.html", visitor, wishes=[self._shown(row) for row in rows], others=others)

    async def read(self, request: Request) -> Response:
        visitor, row = await self._wish(request)
        if row.closed_at is None and row.read_at is None:
            write = ReadTalkRequest(request_id=row.id, person_id=visitor.id, at=self._door.now())
            async with self._database.write() as connection:
                await ReadTalkRequest.store(connection, [write])
                await self._tell_child(connection, talks.READ, row)
                await append(connection, [self._entry(visitor, Act.READ, [row.student_id], "opened")])
        return RedirectResponse(PAGE, 303)

    async def done(self, request: Request) -> Response:
        visitor, row = await self._wish(request)
        if row.closed_at is None:
            write = CloseTalkRequest(request_id=row.id, person_id=visitor.id, at=self._door.now())
            async with self._database.write() as connection:
                await CloseTalkRequest.store(connection, [write])
                if row.read_at is None:
                    await self._tell_child(connection, talks.DONE, row)
                await append(connection, [self._entry(visitor, Act.CHANGE, [row.student_id], "done")])
        return RedirectResponse(PAGE, 303)

    async def _wish(self, request: Request) -> tuple[Visitor, Any]:
        """Who asks, and the wish that the form names. Raises ``NotHereError``, whether there is no such wish or it is
        not for this person; that they tried is in the audit."""
        visitor = await self._door.fresh_staff(request)
        form: Mapping[str, str] = await self._door.form(request, visitor)
        request_id = form.get("id", "")
        async with self._database.read() as connection:
            row = await talks.talk_for(connection, visitor.viewer, self._lists, request_id)
            known = row or await find_request(connection, request_id)
        if row is None:
            subjects = [known.student_id] if known is not None else []
            await record(self._database, [self._entry(visitor, Act.REFUSED, subjects)])
            raise NotHereError(request_id)
        return visitor, row

    async def _tell_child(self, connection: Any, kind: str, row: Any) -> None:
        now = self._door.now().astimezone(self._door.settings.zone)
        item = await tell_child(self._services, connection, kind, row, now)
        if item is not None:
            await outbox.put(connection, [item])

    def _shown(self, row: Any) -> Mapping[str, object]:
        at = row.requested_at.astimezone(self._door.settings.zone)
        return {
            "id": row.id,
            "name": f"{row.family_name} {row.given_name}",
            "school_class": row.school_class or "",
            "at": f"{at.month}/{at.day} {at:%H:%M}",
            "is_read": row.read_at is not None,
            "subject": say_subject(self._speaker, row.subject) if row.read_at is not None else Words(),
        }

    def _entry(self, visitor: Visitor, act: Act, student_ids: Sequence[str], detail: str = "") -> Entry:
        return Entry(
            actor_id=visitor.id,
            act=act,
            kind=Kind.TALK_REQUESTS,
            subject_ids=student_ids,
            channel="page",
            at=self._door.now().astimezone(self._door.settings.zone),
            detail=detail,
        )
