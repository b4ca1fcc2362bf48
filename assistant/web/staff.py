"""The door to every page for staff: who is signed in, whether freshly, and forms of our own pages only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from assistant.bootstrap import Core
from assistant.channels.browser.cookies import Cookies
from assistant.channels.browser.gate import check_own, form_of
from assistant.channels.browser.pages import Pages
from assistant.channels.browser.routes import PROBLEMS
from assistant.channels.browser.sessions import AGAIN, Session, Sessions
from assistant.errors import AssistantError
from assistant.settings import Settings
from assistant.web.limits import Buckets, Limit
from knowledge.records.audit import Act, Entry, Kind, record
from knowledge.records.scope import Viewer, load_viewer

REFUSALS = Limit(burst=5, per_second=1 / 60, why="an entry of the audit a minute tells as much as a hundred")

Endpoint = Callable[[Request], Awaitable[Response]]


class NotHereError(AssistantError):
    """There is nothing for this person, whether or not there is something for somebody else."""


class SignInError(AssistantError):
    """Nobody is signed in."""


class NotFreshError(AssistantError):
    """The sign-in is too long ago for what is asked."""


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """A member of staff at a page, with what they may see today."""

    session: Session
    viewer: Viewer

    @property
    def id(self) -> str:
        return self.session.person.id


class Door:
    """What the pages for staff have in common."""

    def __init__(self, settings: Settings, core: Core, now: Callable[[], datetime]) -> None:
        self.core = core
        self.settings = settings
        self.now = now
        self.pages = Pages(settings.language, settings.zone, core.services.secret, now)
        idle = timedelta(minutes=settings.session_minutes)
        self._cookies = Cookies.of(settings.base_url)
        self.sessions = Sessions(core.database, core.services.secret, now, settings.zone, idle)
        self._refusals = Buckets(REFUSALS)

    def route(self, path: str, endpoint: Endpoint, method: str = "GET") -> Route:
        """An endpoint with a kind page for each thing that may go wrong."""
        return Route(path, self._kindly(endpoint), methods=[method])

    async def anybody(self, request: Request) -> Session:
        """Whoever is signed in. Raises ``SignInError``."""
        session = await self.sessions.find(self._cookies.session_of(request), is_use=True)
        if session is None:
            raise SignInError("nobody")
        return session

    async def staff(self, request: Request) -> Visitor:
        """Raises ``SignInError``, and ``NotHereError`` for whoever is no member of staff today: the audit keeps it."""
        session = await self.anybody(request)
        if not session.person.is_staff:
            await self._keep_refusal(session, request.url.path)
            raise NotHereError(session.person.id)
        async with self.core.database.read() as connection:
            return Visitor(session=session, viewer=await load_viewer(connection, session.person.id, self.today))

    async def fresh_staff(self, request: Request) -> Visitor:
        """For data of class I and II: as ``staff``, and ``NotFreshError`` unless they signed in a short while ago."""
        visitor = await self.staff(request)
        fresh_at = visitor.session.fresh_at
        if fresh_at is None or self.now() - fresh_at > self.settings.fresh:
            raise NotFreshError(visitor.id)
        return visitor

    async def form(self, request: Request, visitor: Visitor) -> Mapping[str, str]:
        """Raises as ``form_of`` and ``check_own``."""
        return await self.own_form(request, visitor.session)

    async def own_form(self, request: Request, session: Session) -> Mapping[str, str]:
        """The form of anybody who is signed in; raises the same."""
        form = await form_of(request)
        check_own(request, form, session.csrf_token, self.settings.base_url)
        return form

    def page(self, template: str, visitor: Visitor, status: int = 200, **values: Any) -> Response:
        return HTMLResponse(self.pages.staff_page(template, visitor.session, **values), status)

    async def _keep_refusal(self, session: Session, path: str) -> None:
        if self._refusals.wait(session.person.id):
            return  # somebody who taps on and on: that they try is known
        entry = Entry(
            actor_id=session.person.id,
            act=Act.REFUSED,
            kind=Kind.PERSON,
            channel="page",
            at=self.now().astimezone(self.settings.zone),
            detail="/".join(path.split("/")[:3]),  # which page, without whom it is about
        )
        await record(self.core.database, [entry])

    @property
    def today(self) -> date:
        return self.now().astimezone(self.settings.zone).date()

    def _kindly(self, endpoint: Endpoint) -> Endpoint:
        problems: dict[type[Exception], tuple[int, str]] = {**PROBLEMS, NotHereError: (404, "not_here")}

        async def answer(request: Request) -> Response:
            try:
                return await endpoint(request)
            except SignInError:
                return RedirectResponse("/", 303)
            except NotFreshError:
                where = request.url.path if request.method == "GET" else "/care"
                return RedirectResponse(f"{AGAIN}?{urlencode({'next': where})}", 303)
            except tuple(problems) as error:
                status, key = problems[type(error)]
                return HTMLResponse(self.pages.problem(key), status)

        return answer
