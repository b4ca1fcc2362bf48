"""``/account``: where somebody is signed in, for themselves to look at and to end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from assistant.bootstrap import Core
from assistant.channels.browser.notify import listeners_of
from assistant.channels.browser.sessions import Listed, Session, id_of
from assistant.channels.guard import BadBodyError
from assistant.settings import Settings
from assistant.web.staff import Door
from assistant.wording.occasions import say_moment
from assistant.wording.texts import Speaker

PATH = "/account"


def account_routes(settings: Settings, core: Core, now: Callable[[], datetime]) -> list[Route]:
    """For everybody who is signed in. What is shown is their own, and tells nothing of class I or II."""
    account = Account(Door(settings, core, now))
    return [
        account.door.route(PATH, account.page),
        account.door.route(f"{PATH}/end", account.end, "POST"),
    ]


class Account:
    """The endpoints."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self._listeners = listeners_of(door.core.database)

    async def page(self, request: Request) -> Response:
        session = await self.door.anybody(request)
        async with self.door.core.database.read() as connection:
            listed = await self.door.sessions.of_people(connection, [session.person.id])
        page = self.door.pages.staff_page(
            "account.html",
            session,
            band=session.person.band,
            sessions=[self._shown(each, session) for each in listed],
            is_ended="ended" in request.query_params,
        )
        return HTMLResponse(page)

    async def end(self, request: Request) -> Response:
        """One session, all others, or all. One that is not theirs, or not there any more, changes nothing."""
        session = await self.door.anybody(request)
        form = await self.door.own_form(request, session)
        person_id = session.person.id
        match form:
            case {"all": "all"}:
                await self.door.sessions.end(person_id, person_id)
            case {"all": "others"}:
                await self.door.sessions.end(person_id, person_id, but=session)
            case {"session": str(only)} if only:
                await self.door.sessions.end(person_id, person_id, only=only)
            case _:
                raise BadBodyError("neither one nor all")
        self._listeners.wake(session.account_id)  # their open pages go at once
        return RedirectResponse(f"{PATH}?ended", 303)  # whoever ended this one, too, is led to the sign-in

    def _shown(self, listed: Listed, session: Session) -> dict[str, Any]:
        settings = self.door.settings
        speaker = Speaker(language=settings.language, band=session.person.band)

        def said(at: datetime) -> str:
            return str(say_moment(at.astimezone(settings.zone), speaker))

        return {
            "id": listed.id,
            "device": listed.device,
            "method": listed.method,
            "since": said(listed.signed_in_at),
            "last": said(listed.last_used_at),
            "is_this": listed.id == id_of(session.token_hash),
        }
