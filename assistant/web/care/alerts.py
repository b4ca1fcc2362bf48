"""``/care/alerts``: the alerts of the children whom a member of staff looks after, and what was done about each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from assistant.alerting import CLOSED, PAGE
from assistant.channels.guard import BadBodyError
from assistant.dialogue.alert_writes import ChangeAlert
from assistant.handlers.safety import CATEGORY as SAFETY_CHECK
from assistant.web.staff import Door, NotHereError, Visitor
from knowledge.records.alerts import OPEN, Alert, AlertState, Listed, Raised, alerts_for, steps_of, words_of
from knowledge.records.audit import Act, Entry, Kind, append, record
from knowledge.records.care_staff import named_at
from knowledge.records.roster import User
from scheduler.alerts import KIND
from scheduler.outbox import State
from scheduler.tellings import who_was_told

LONGEST = 2000  # characters of a note
CLOSED_SHOWN = 30  # alerts that are closed
ARRIVED = {State.SENT: "sent", None: "sent", State.PENDING: "waits", State.SENDING: "waits"}  # any other: it did not


def routes(door: Door) -> list[Route]:
    pages = _Alerts(door)
    return [
        door.route(PAGE, pages.index),
        door.route(f"{PAGE}/{{id}}", pages.one),
        door.route(f"{PAGE}/{{id}}", pages.change, "POST"),
    ]


class _Alerts:
    def __init__(self, door: Door) -> None:
        self._door = door
        self._database = door.core.database

    async def index(self, request: Request) -> Response:
        visitor = await self._door.fresh_staff(request)
        async with self._database.read() as connection:
            waiting = await self._find(connection, visitor, states=OPEN)
            closed = (await self._find(connection, visitor, states=CLOSED))[:CLOSED_SHOWN]
        if waiting or closed:
            await record(self._database, [self._entry(visitor, Act.READ, [*waiting, *closed])])
        lists = [(key, [self._row(each) for each in found]) for key, found in (("open", waiting), ("closed", closed))]
        return self._door.page("care/alerts.html", visitor, lists=lists)

    async def one(self, request: Request) -> Response:
        """The words that raised an alert, who was told when, and what was done; reading it changes nothing."""
        visitor = await self._door.fresh_staff(request)
        alert = await self._known(visitor, request.path_params["id"])
        await record(self._database, [self._entry(visitor, Act.READ, [alert])])
        async with self._database.read() as connection:
            raised = await words_of(connection, alert.id)
            told = await who_was_told(connection, KIND, [alert.id])
            steps = await steps_of(connection, alert.id)
            names = await _names(connection, {each.person_id for each in told} | {each.actor_id for each in steps})
        return self._door.page(
            "care/alert.html",
            visitor,
            alert=self._row(alert),
            raised=[self._said(each) for each in raised],
            told=[
                {
                    "at": self._local(each.at),
                    "name": names.get(each.person_id, ""),
                    "state": ARRIVED.get(each.state, "lost"),
                }
                for each in told
            ],
            steps=[
                {
                    "at": self._local(each.at),
                    "state": each.state.value,
                    "name": names.get(each.actor_id or "", ""),
                    "note": each.note,
                }
                for each in steps
            ],
            states=_offered(alert.state),
            longest=LONGEST,
            last_at=alert.last_at.isoformat(),
            is_again="again" in request.query_params,
        )

    async def change(self, request: Request) -> Response:
        """A state, with a note if there is one. A child that wrote again meanwhile is seen on the page that follows."""
        visitor = await self._door.fresh_staff(request)
        form = await self._door.form(request, visitor)
        alert = await self._known(visitor, request.path_params["id"])
        if form.get("last_at") != alert.last_at.isoformat():  # who closes it has not read what the child wrote since
            return RedirectResponse(f"{PAGE}/{alert.id}?again", 303)
        state, note = form.get("state", ""), form.get("note", "").strip()
        if state not in {AlertState.SEEN, *CLOSED} or len(note) > LONGEST:
            raise BadBodyError("no such state, or too long a note")
        write = ChangeAlert(
            alert_id=alert.id,
            state=AlertState(state),
            actor_id=visitor.id,
            at=self._door.now(),
            note=note,
            reopens=True,
        )
        async with self._database.write() as connection:
            await ChangeAlert.store(connection, [write])
            await append(connection, [self._entry(visitor, Act.CHANGE, [alert], state)])
        return RedirectResponse(f"{PAGE}/{alert.id}", 303)

    async def _known(self, visitor: Visitor, alert_id: str) -> Listed:
        """Raises ``NotHereError``, whether there is no such alert or it is not for this person; that they tried is in
        the audit."""
        async with self._database.read() as connection:
            found = await self._find(connection, visitor, ids=[alert_id])
            if found:
                return found[0]
            student = await connection.scalar(select(Alert.student_id).where(Alert.id == alert_id))
        await record(self._database, [self._entry(visitor, Act.REFUSED, [] if student is None else [student])])
        raise NotHereError(alert_id)

    async def _find(self, connection: AsyncConnection, visitor: Visitor, **which: Any) -> list[Listed]:
        at = named_at(visitor.viewer, self._door.core.services.times.care_of)
        return await alerts_for(connection, visitor.viewer, at, **which)

    def _row(self, alert: Listed) -> Mapping[str, Any]:
        return {
            "id": alert.id,
            "name": f"{alert.family_name} {alert.given_name}",
            "school_class": alert.school_class,
            "level": alert.level,
            "state": alert.state.value,
            "at": self._local(alert.at),
            "last_at": self._local(alert.last_at) if alert.last_at > alert.at else "",
        }

    def _said(self, raised: Raised) -> Mapping[str, str]:
        """``key``: of a text that the child chose instead of writing."""
        key = f"closures.safety_{raised.words}" if raised.category == SAFETY_CHECK else ""
        return {"at": self._local(raised.at), "level": raised.level, "words": raised.words, "key": key}

    def _local(self, moment: datetime) -> str:
        local = moment.astimezone(self._door.settings.zone)
        return f"{local.year}/{local.month}/{local.day} {local:%H:%M}"

    def _entry(self, visitor: Visitor, act: Act, about: Sequence[Listed | str], detail: str = "") -> Entry:
        subjects = dict.fromkeys(each if isinstance(each, str) else each.student_id for each in about)
        return Entry(
            actor_id=visitor.id,
            act=act,
            kind=Kind.ALERTS,
            subject_ids=tuple(subjects),
            channel="page",
            at=self._door.now().astimezone(self._door.settings.zone),
            detail=detail,
        )


def _offered(state: AlertState) -> Sequence[str]:
    """The states that an alert may get, in the order of the buttons."""
    if state is AlertState.NEW:
        return [AlertState.SEEN.value, *(each.value for each in CLOSED)]
    if state is AlertState.SEEN:
        return [each.value for each in CLOSED]
    return [AlertState.SEEN.value, *(each.value for each in CLOSED if each is not state)]


async def _names(connection: AsyncConnection, ids: set[str | None] | set[str]) -> dict[str, str]:
    rows = await connection.execute(
        select(User.sourced_id, User.family_name, User.given_name).where(User.sourced_id.in_(ids - {None}))
    )
    return {id: f"{family} {given}" for id, family, given in rows}
