"""The browser chat over HTTP: pages, posts, and the stream of new lines. Everything works without JavaScript."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from anyio import CancelScope
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from assistant.bootstrap import Core
from assistant.channels.browser.cookies import Cookies, new_token
from assistant.channels.browser.gate import ForeignPostError, check_own, form_of
from assistant.channels.browser.notify import listeners_of
from assistant.channels.browser.pages import Pages
from assistant.channels.browser.sessions import Refused, Session, Sessions
from assistant.channels.browser.transcript import Line, append, is_answered, lines_after
from assistant.channels.guard import BadBodyError, TooLargeError
from assistant.dialogue.people_store import load_people
from assistant.inbox import RawEvent
from assistant.messages import Outgoing, Words
from assistant.settings import Settings
from assistant.web.limits import address_of
from knowledge.documents.keepers import orgs_kept
from knowledge.errors import StorageDownError

STATIC = Path(__file__).parents[2] / "web" / "static"
CLIENT_ID = re.compile("[0-9A-Za-z-]{8,64}")
ANSWER_WITHIN = 2.0  # seconds a page without JavaScript waits for the answer
LOOK_AGAIN = 0.5  # seconds after which a waiting page looks by itself: another process may have answered
MOST_STREAMS = 60  # open pages of one person in one process; a whole class may try the demo as the same child
CHECK_EVERY = 10.0  # seconds between looks of an open stream at its session
RECONNECT_AFTER = 3000  # milliseconds a browser waits before it opens a cut stream again
# Who can be tried with one tap: people of the demo district, and the texts on their buttons.
DEMO = {
    "ayumi-e-2-1-s01": "demo_p2",
    "ayumi-e-4-2-s07": "demo_p4",
    "ayumi-j-1-1-s01": "demo_j1",
    "ayumi-e-4-2-t": "demo_teacher",
    "ayumi-e-principal": "demo_principal",
}
PROBLEMS: dict[type[Exception], tuple[int, str]] = {
    BadBodyError: (400, "bad_form"),
    ForeignPostError: (403, "foreign"),
    TooLargeError: (413, "too_large"),
    StorageDownError: (503, "storage"),
}

Endpoint = Callable[[Request], Awaitable[Response]]


def browser_routes(settings: Settings, core: Core, now: Callable[[], datetime], *, demo: bool) -> list[BaseRoute]:
    """The routes of the browser chat. ``demo`` offers sign-in with one tap."""
    chat = BrowserChat(settings, core, now, demo=demo)

    def route(path: str, endpoint: Endpoint, method: str) -> Route:
        return Route(path, chat.kindly(endpoint), methods=[method])

    return [
        route("/", chat.page, "GET"),
        route("/signin", chat.sign_in, "POST"),
        *([route("/signin/demo", chat.sign_in_demo, "POST")] if demo else []),
        route("/signout", chat.sign_out, "POST"),
        route("/messages", chat.message, "POST"),
        route("/events", chat.events, "GET"),
        Mount("/static", ExceptionMiddleware(StaticFiles(directory=STATIC))),
    ]


class EventStream(EventSourceResponse):
    """A stream that is ended properly when the server stops; the library just leaves it, which uvicorn reports."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__(scope, receive, send)
        if self.active:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


class BrowserChat:
    """The endpoints. Each returns a response; what goes wrong is raised, and worded by ``kindly``."""

    def __init__(self, settings: Settings, core: Core, now: Callable[[], datetime], *, demo: bool) -> None:
        self._settings = settings
        self._core = core
        self._now = now
        self._demo = demo
        self._idle = timedelta(minutes=settings.session_minutes)
        self._pages = Pages(settings.language, settings.zone, core.services.secret, now)
        self._cookies = Cookies.of(settings.base_url)
        self._listeners = listeners_of(core.database)
        self._sessions = Sessions(core.database, core.services.secret, now, settings.zone, self._idle)

    def kindly(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint, with a page for each thing that may go wrong."""

        async def answer(request: Request) -> Response:
            try:
                return await endpoint(request)
            except tuple(PROBLEMS) as error:
                status, key = PROBLEMS[type(error)]
                return HTMLResponse(self._pages.problem(key), status)

        return answer

    async def page(self, request: Request) -> Response:
        """The chat, or the page to sign in. ``?idle``: the page came by itself, which is no use of the session."""
        session = await self._session(request, is_use="idle" not in request.query_params)
        if session is None:
            return await self._sign_in_page(request)
        lines = await self._lines(session)
        if not lines:
            await self._store(session, f"browser:follow:{session.person.id}", {"follow": True}, wait=True)
            lines = await self._lines(session)
        page = self._pages.chat(
            session, lines, int(self._idle.total_seconds()), keeps_documents=await self._keeps_documents(session)
        )
        return HTMLResponse(page)

    async def sign_in(self, request: Request) -> Response:
        browser = self._cookies.form_of(request)
        form = await self._own_form(request, browser)
        address = address_of(request.scope)
        token = await self._sessions.sign_in_with_code(form.get("code", ""), browser or "", address)
        if isinstance(token, Refused):
            return await self._sign_in_page(request, problem=token)
        return await self._signed_in(request, token)

    async def sign_in_demo(self, request: Request) -> Response:
        form = await self._own_form(request, self._cookies.form_of(request))
        person_id = form.get("person", "")
        token = await self._sessions.sign_in(person_id) if person_id in DEMO else None
        if token is None:
            raise BadBodyError("nobody of the demo")
        return await self._signed_in(request, token)

    async def sign_out(self, request: Request) -> Response:
        session = await self._session(request)
        if session is not None:
            await self._own_form(request, session.csrf_token)
            await self._sessions.sign_out(session)
            self._listeners.wake(session.account_id)  # pages in other tabs go, too
        response = _to_the_page()
        self._cookies.drop(response, self._cookies.session)
        return response

    async def message(self, request: Request) -> Response:
        """A text or a tapped choice. The script gets 204, or 401 when it has to sign in; a form comes back to the
        page, after a moment for the answer."""
        is_script = "x-requested-with" in request.headers
        session = await self._session(request)
        if session is None:
            return Response(status_code=401) if is_script else _to_the_page()
        form = await self._own_form(request, session.csrf_token)
        client_id = form.get("client_id", "")
        if not CLIENT_ID.fullmatch(client_id):
            raise BadBodyError("no client_id")
        if "choice" in form:
            said = _label(await self._lines(session), form["choice"])
            body = {"choice": form["choice"], "text": str(said)}
        else:
            said = Words.own(form.get("text", "").strip())
            body = {"text": str(said)}
        if str(said):
            await self._store(session, f"browser:{client_id}", body, said, wait=not is_script)
        return Response(status_code=204) if is_script else _to_the_page()

    async def events(self, request: Request) -> Response:
        """New lines as they come, each as the HTML of its list item; after a break, first those that were missed."""
        session = await self._session(request, is_use=False)
        after = request.headers.get("last-event-id") or request.query_params.get("after", "0")
        if not (after.isascii() and after.isdecimal() and len(after) < 19):
            raise BadBodyError("no message sequence")
        if session is not None and self._listeners.count(session.account_id) >= MOST_STREAMS:
            return Response(status_code=429, headers={"Retry-After": str(RECONNECT_AFTER // 1000)})
        stream = self._stream(session, int(after))
        return EventStream(stream, headers={"Cache-Control": "no-store"})

    async def _stream(self, session: Session | None, after: int) -> AsyncIterator[ServerSentEvent]:
        """Ends when the browser signed out or was left alone. While the store is down it stays open and looks again."""
        if session is not None:
            with self._listeners.listen(session.account_id, self._core.database) as news:
                while True:
                    news.clear()
                    lines: list[Line] = []
                    # A closed page cancels us; a read that was cut off would leave its connection unusable.
                    with CancelScope(shield=True), suppress(StorageDownError):
                        async with self._core.database.read() as connection:
                            if not await self._sessions.is_open(connection, session):
                                break
                            lines.extend(await lines_after(connection, session.account_id, after))
                    newest = max((line.id for line in lines if not line.is_own), default=None)
                    for line in lines:
                        html = self._pages.line(session, line, can_answer=line.id == newest)
                        yield ServerSentEvent(id=str(line.id), data=str(html), retry=RECONNECT_AFTER)
                        after = line.id
                    with suppress(TimeoutError):
                        async with asyncio.timeout(CHECK_EVERY):
                            await news.wait()
        yield ServerSentEvent(event="signed-out", data="/")

    async def _store(
        self,
        session: Session,
        event_id: str,
        body: Mapping[str, object],
        said: Words | None = None,
        *,
        wait: bool,
    ) -> None:
        """Put what a person did into the transcript and then the inbox, each once; ``wait`` a moment for the answer."""
        now, account_id, database = self._now(), session.account_id, self._core.database
        with self._listeners.listen(account_id, database) as news:
            if said:
                async with database.write() as connection:
                    line = {event_id: Outgoing(text=said)}
                    await append(connection, account_id, line, is_own=True, grade=session.grade, at=now)
                self._listeners.wake(account_id)
            event = RawEvent(event_id=event_id, channel="browser", account_id=account_id, occurred_at=now, body=body)
            await self._core.inbox.receive([event])
            if wait:
                with suppress(TimeoutError):
                    async with asyncio.timeout(ANSWER_WITHIN):
                        await self._answered(account_id, event_id, news)

    async def _answered(self, account_id: str, key: str, news: asyncio.Event) -> None:
        """Returns when there is an answer to the message with this key (to a greeting: when there is any line)."""
        while True:
            news.clear()
            async with self._core.database.read() as connection:
                if await is_answered(connection, account_id, key):
                    return
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN):
                    await news.wait()

    async def _lines(self, session: Session) -> list[Line]:
        async with self._core.database.read() as connection:
            return list(await lines_after(connection, session.account_id))

    async def _keeps_documents(self, session: Session) -> bool:
        if session.person.band != "staff":
            return False
        today = self._now().astimezone(self._settings.zone).date()
        async with self._core.database.read() as connection:
            return bool(await orgs_kept(connection, session.person.id, today))

    async def _session(self, request: Request, *, is_use: bool = True) -> Session | None:
        return await self._sessions.find(self._cookies.session_of(request), is_use=is_use)

    async def _own_form(self, request: Request, token: str | None) -> Mapping[str, str]:
        form = await form_of(request)
        check_own(request, form, token, self._settings.base_url)
        return form

    async def _sign_in_page(self, request: Request, problem: Refused | None = None) -> Response:
        token = self._cookies.form_of(request) or new_token()
        demo: dict[str, tuple[str, str]] = {}
        if self._demo:
            async with self._core.database.read() as connection:
                people = await load_people(connection, DEMO, self._now().astimezone(self._settings.zone).date())
            language = self._settings.language
            demo = {id: (key, people[id].called(language)) for id, key in DEMO.items() if id in people}
        status = {None: 200, Refused.LOCKED: 429}.get(problem, 403)
        page = self._pages.sign_in(csrf_token=token, problem=problem, demo=demo)
        response = HTMLResponse(page, status)
        self._cookies.put(response, self._cookies.form, token)
        return response

    async def _signed_in(self, request: Request, token: str) -> Response:
        """Whoever used this browser before is signed out: a session never goes over to somebody else."""
        before = await self._session(request, is_use=False)
        if before is not None:
            await self._sessions.sign_out(before)
        response = _to_the_page()
        self._cookies.put(response, self._cookies.session, token)
        return response


def _to_the_page() -> Response:
    return RedirectResponse("/", 303)


def _label(lines: list[Line], value: str) -> Words:
    """What is written on the button with this value. Raises ``BadBodyError`` when none was offered."""
    for line in reversed(lines):
        for choice in line.message.choices:
            if choice.value == value:
                return choice.label
    raise BadBodyError("no such choice")
