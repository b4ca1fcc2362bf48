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
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from assistant.bootstrap import Core
from assistant.channels.browser.cookies import Cookies
from assistant.channels.browser.gate import ForeignPostError, check_own, form_of
from assistant.channels.browser.notify import listeners_of
from assistant.channels.browser.pages import Pages
from assistant.channels.browser.provider import CALLBACK
from assistant.channels.browser.sessions import AGAIN, Session, Sessions
from assistant.channels.browser.sign_in import SignIn, to_page
from assistant.channels.browser.transcript import Line, append, is_answered, lines_after
from assistant.channels.guard import BadBodyError, TooLargeError
from assistant.handlers import notice
from assistant.inbox import RawEvent
from assistant.messages import Outgoing, Words
from assistant.settings import Settings
from assistant.wording.texts import Speaker
from knowledge.documents.keepers import orgs_kept
from knowledge.errors import StorageDownError

STATIC = Path(__file__).parents[2] / "web" / "static"
CLIENT_ID = re.compile("[0-9A-Za-z-]{8,64}")
ANSWER_WITHIN = 2.0  # seconds a page without JavaScript waits for the answer
LOOK_AGAIN = 0.5  # seconds after which a waiting page looks by itself: another process may have answered
MOST_STREAMS = 60  # open pages of one person in one process; a whole class may try the demo as the same child
CHECK_EVERY = 10.0  # seconds between looks of an open stream at its session
RECONNECT_AFTER = 3000  # milliseconds a browser waits before it opens a cut stream again
PROBLEMS: dict[type[Exception], tuple[int, str]] = {
    BadBodyError: (400, "bad_form"),
    ForeignPostError: (403, "foreign"),
    TooLargeError: (413, "too_large"),
    StorageDownError: (503, "storage"),
}

Endpoint = Callable[[Request], Awaitable[Response]]


def browser_routes(settings: Settings, core: Core, now: Callable[[], datetime], *, demo: bool) -> list[BaseRoute]:
    """The routes of the browser chat. ``demo`` offers sign-in with one tap."""
    sign_in = SignIn(settings, core, now, demo=demo)
    chat = BrowserChat(settings, core, now, sign_in)

    def route(path: str, endpoint: Endpoint, method: str) -> Route:
        return Route(path, chat.kindly(endpoint), methods=[method])

    return [
        route("/", chat.page, "GET"),
        route("/signin", sign_in.with_code, "POST"),
        *([route("/signin/demo", sign_in.with_demo, "POST")] if demo else []),
        *(
            [route("/signin/oidc", sign_in.with_account, "GET"), route(CALLBACK, sign_in.from_account, "GET")]
            if settings.has_oidc
            else []
        ),
        route(AGAIN, sign_in.again_page, "GET"),
        route(AGAIN, sign_in.again_with_code, "POST"),
        route(f"{AGAIN}/send", sign_in.send_code, "POST"),
        route("/signout", sign_in.out, "POST"),
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

    def __init__(self, settings: Settings, core: Core, now: Callable[[], datetime], sign_in: SignIn) -> None:
        self._settings = settings
        self._core = core
        self._now = now
        self._sign_in = sign_in
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
            return await self._sign_in.page(request)
        lines = await self._lines(session)
        if not lines:
            await self._store(session, f"browser:follow:{session.person.id}", {"follow": True}, wait=True)
            lines = await self._lines(session)
        page = self._pages.chat(
            session,
            lines,
            int(self._idle.total_seconds()),
            keeps_documents=await self._keeps_documents(session),
            notice=notice.VERSION if await notice.is_to_be_read(self._core.database, session.person.id) else None,
        )
        return HTMLResponse(page)

    async def message(self, request: Request) -> Response:
        """A text or a tapped choice. The script gets 204, or 401 when it has to sign in; a form comes back to the
        page, after a moment for the answer."""
        is_script = "x-requested-with" in request.headers
        session = await self._session(request)
        if session is None:
            return Response(status_code=401) if is_script else to_page()
        form = await self._own_form(request, session.csrf_token)
        client_id = form.get("client_id", "")
        if not CLIENT_ID.fullmatch(client_id):
            raise BadBodyError("no client_id")
        if "choice" in form:
            said = await self._said(session, form["choice"])
            body = {"choice": form["choice"], "text": str(said)}
        else:
            said = Words.own(form.get("text", "").strip())
            body = {"text": str(said)}
        if str(said):
            await self._store(session, f"browser:{client_id}", body, said, wait=not is_script)
        return Response(status_code=204) if is_script else to_page()

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
        """Ends when the browser signed out or was left alone, and when its person left or has other roles. While the
        store is down it stays open and looks again."""
        if session is not None:
            with self._listeners.listen(session.account_id, self._core.database) as news:
                clock = asyncio.get_running_loop().time
                look_at = clock()  # when the person is looked up again: a role may have ended meanwhile
                while True:
                    news.clear()
                    lines: list[Line] = []
                    # A closed page cancels us; a read that was cut off would leave its connection unusable.
                    with CancelScope(shield=True), suppress(StorageDownError):
                        async with self._core.database.read() as connection:
                            if not await self._sessions.is_open(connection, session):
                                break
                            if clock() >= look_at:
                                if not await self._sessions.is_same_person(connection, session):
                                    break
                                look_at = clock() + CHECK_EVERY
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

    async def _said(self, session: Session, choice: str) -> Words:
        """What is written on the button that was tapped: of the notice above the chat, or of a line."""
        if choice == f"{notice.PREFIX}{notice.VERSION}":
            return Speaker(language=self._settings.language, band=session.person.band).say("notice.button")
        return _label(await self._lines(session), choice)

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


def _label(lines: list[Line], value: str) -> Words:
    """What is written on the button with this value. Raises ``BadBodyError`` when none was offered."""
    for line in reversed(lines):
        for choice in line.message.choices:
            if choice.value == value:
                return choice.label
    raise BadBodyError("no such choice")
