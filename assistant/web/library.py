"""``/library``: the documents of a school or district, kept by its leads in a browser. No script is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from assistant.bootstrap import Core
from assistant.channels.browser.cookies import Cookies
from assistant.channels.browser.gate import check_own, form_of, upload_of
from assistant.channels.browser.pages import Pages
from assistant.channels.browser.routes import PROBLEMS
from assistant.channels.browser.sessions import Session, Sessions
from assistant.channels.guard import BadBodyError, TooLargeError
from assistant.errors import AssistantError
from assistant.keeping import (
    AT_ONCE,
    LARGEST_MB,
    file_name,
    find_kept,
    kept,
    refused,
    say_added,
    say_date,
    say_skipped,
    say_terms,
    set_terms,
    take_in,
)
from assistant.messages import Words
from assistant.settings import Settings
from assistant.web.limits import UPLOADS, Buckets
from assistant.wording.texts import Speaker
from knowledge.documents.keepers import orgs_kept
from knowledge.documents.model import DocumentAudience, Listed

LARGEST_UPLOAD = 200_000_000  # bytes of all files of one form
MOST_FILES = 20  # of one form
MOST_UPLOADS = 4  # forms on their way into one process: each may lie on its disk with ``LARGEST_UPLOAD`` bytes
TRY_AGAIN = 60  # seconds
LONGEST_TITLE = 200  # characters
# What a browser offers to choose from; what it was told to leave out is refused with its reason.
ACCEPTED = ".pdf,.docx,.xlsx,.pptx,.html,.htm,.md,.txt,.zip"

Endpoint = Callable[[Request], Awaitable[Response]]


class NotHereError(AssistantError):
    """There is nothing for this person, whether or not there is something for somebody else."""


class TooManyError(AssistantError):
    """More files than one person, or all together, may send in a short time."""


@dataclass(frozen=True, kw_only=True)
class Keeper:
    """Who keeps documents in this browser."""

    session: Session
    orgs: Mapping[str, str]  # name by sourcedId


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The answers of a form about a document."""

    audience: DocumentAudience
    until: date | None


class FormError(AssistantError):
    """Something in the form is to be filled in differently. Carries the key of the words."""


def library_routes(settings: Settings, core: Core, now: Callable[[], datetime]) -> list[Route]:
    """For leads of a school and administrators of a district who are signed in; anybody else gets the same 404 as for
    a document that does not exist."""
    desk = Desk(settings, core, now)

    def route(path: str, endpoint: Endpoint, method: str) -> Route:
        return Route(path, desk.kindly(endpoint), methods=[method])

    return [
        route("/library", desk.page, "GET"),
        route("/library", desk.add, "POST"),
        route("/library/change", desk.change_page, "GET"),
        route("/library/change", desk.change, "POST"),
        route("/library/remove", desk.remove_page, "GET"),
        route("/library/remove", desk.remove, "POST"),
    ]


class Desk:
    """The endpoints."""

    def __init__(self, settings: Settings, core: Core, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._core = core
        self._library = core.services.library
        self._now = now
        self._pages = Pages(settings.language, settings.zone, core.services.secret, now)
        self._speaker = Speaker(language=settings.language, band="staff")
        idle = timedelta(minutes=settings.session_minutes)
        self._cookies = Cookies.of(settings.base_url)
        self._sessions = Sessions(core.database, core.services.secret, now, settings.zone, idle)
        self._reading = asyncio.Semaphore(AT_ONCE)
        self._receiving = asyncio.Semaphore(MOST_UPLOADS)
        self._sent = Buckets(UPLOADS)

    def kindly(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint, with a page for each thing that may go wrong."""
        problems: dict[type[Exception], tuple[int, str]] = {
            **PROBLEMS,
            NotHereError: (404, "not_here"),
            TooLargeError: (413, "upload_too_large"),
            TooManyError: (429, "too_many"),
        }

        async def answer(request: Request) -> Response:
            try:
                return await endpoint(request)
            except tuple(problems) as error:
                status, key = problems[type(error)]
                headers = {"Retry-After": str(TRY_AGAIN)} if status == 429 else None
                return HTMLResponse(self._pages.problem(key), status, headers)

        return answer

    async def page(self, request: Request) -> Response:
        """What there is, and the form to add more."""
        session = await self._session(request)
        if session is None:
            return RedirectResponse("/", 303)
        return await self._shown(await self._keeper(session), said=_said(request, self._speaker))

    async def add(self, request: Request) -> Response:
        """Files are read one after the other; the page then says of each what came of it."""
        keeper = await self._keeper(await self._session(request))
        if self._receiving.locked() or self._sent.wait(keeper.session.person.id):
            raise TooManyError("too many uploads")
        async with self._receiving, upload_of(request, largest=LARGEST_UPLOAD, most_files=MOST_FILES) as form:
            fields = {name: value.replace("\0", "") for name, value in form.items() if isinstance(value, str)}
            check_own(request, fields, keeper.session.csrf_token, self._settings.base_url)
            files = [file for file in form.getlist("files") if isinstance(file, UploadFile) and file.filename]
            try:
                wanted = _wanted(fields, self._today())
                if not files:
                    raise FormError("library.no_file")
            except FormError as error:
                return await self._shown(keeper, problem=str(error), fields=fields)
            org_id = fields.get("org", "")
            if org_id not in keeper.orgs:
                raise NotHereError(org_id)
            title = fields.get("title", "").strip()[:LONGEST_TITLE]
            results: list[Words] = []
            async with self._reading:
                for file in files:
                    own_title = title if len(files) == 1 else ""
                    results.append(await self._take(file, keeper, org_id, wanted, own_title))
        if title and len(files) > 1:
            results.append(self._speaker.say("library.title_unused"))
        return await self._shown(keeper, said=results)

    async def change_page(self, request: Request) -> Response:
        keeper, document = await self._document(request, request.query_params.get("id", ""))
        return self._about(keeper, document, "change")

    async def change(self, request: Request) -> Response:
        session = await self._session(request)
        form = await self._own_form(request, session)
        keeper, document = await self._document(request, form.get("id", ""))
        try:
            wanted = _wanted(form, self._today(), unless=document.valid_until)
        except FormError as error:
            return self._about(keeper, document, "change", problem=str(error), fields=form)
        if not await set_terms(self._library, document, wanted.audience, wanted.until, self._now()):
            raise NotHereError(document.id)
        return _back("changed")

    async def remove_page(self, request: Request) -> Response:
        keeper, document = await self._document(request, request.query_params.get("id", ""))
        return self._about(keeper, document, "remove")

    async def remove(self, request: Request) -> Response:
        session = await self._session(request)
        form = await self._own_form(request, session)
        _, document = await self._document(request, form.get("id", ""))
        await self._library.remove(document.id)
        return _back("removed")

    async def _take(self, file: UploadFile, keeper: Keeper, org_id: str, wanted: Wanted, title: str) -> Words:
        """What came of one file, in words."""
        name = file_name(file.filename or "")
        if (reason := refused(name, file.size)) is not None:
            return say_skipped(name, reason, self._speaker)
        added = await take_in(
            self._library,
            name,
            await file.read(),
            org_id=org_id,
            audience=wanted.audience,
            valid_until=wanted.until,
            title=title or None,
            person_id=keeper.session.person.id,
            now=self._now(),
        )
        return say_added(added, self._speaker)

    async def _shown(
        self,
        keeper: Keeper,
        *,
        said: Sequence[Words] = (),
        problem: str | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> Response:
        """The page; ``problem`` is the key of what is wrong with the form that was sent with ``fields``."""
        found = await kept(self._library, keeper.orgs)
        today = self._today()
        shelves = [
            (name, [self._entry(each, today) for each in found if each.org_id == org_id])
            for org_id, name in keeper.orgs.items()
        ]
        html = self._pages.staff_page(
            "library.html",
            keeper.session,
            said=said,
            problem=problem,
            fields=fields or {},
            shelves=shelves,
            orgs=keeper.orgs,
            accepted=ACCEPTED,
            most=LARGEST_MB,
            most_files=MOST_FILES,
            today=today.isoformat(),
        )
        return HTMLResponse(html, 200 if problem is None else 422)

    def _entry(self, document: Listed, today: date) -> Mapping[str, object]:
        """A document as the page shows it."""
        is_over = document.valid_until is not None and document.valid_until < today
        return {
            "document": document,
            "query": urlencode({"id": document.id}),
            "terms": say_terms(document.audience, document.valid_until, self._speaker),
            "is_over": is_over,
            "updated": say_date(document.updated_at.astimezone(self._settings.zone).date(), self._speaker),
        }

    def _about(
        self,
        keeper: Keeper,
        document: Listed,
        act: str,
        *,
        problem: str | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> Response:
        """A page about one document: to change who may read it until when, or to confirm that it is to go."""
        html = self._pages.staff_page(
            "library_document.html",
            keeper.session,
            act=act,
            problem=problem,
            fields=fields or {},
            today=self._today().isoformat(),
            **self._entry(document, self._today()),
        )
        return HTMLResponse(html, 200 if problem is None else 422)

    async def _document(self, request: Request, document_id: str) -> tuple[Keeper, Listed]:
        """Raises ``NotHereError``."""
        keeper = await self._keeper(await self._session(request))
        document = await find_kept(self._library, keeper.orgs, document_id)
        if document is None:
            raise NotHereError(document_id)
        return keeper, document

    async def _keeper(self, session: Session | None) -> Keeper:
        """Raises ``NotHereError`` for anybody who keeps no documents."""
        if session is None:
            raise NotHereError("nobody")
        async with self._core.database.read() as connection:
            orgs = await orgs_kept(connection, session.person.id, self._today())
        if not orgs:
            raise NotHereError(session.person.id)
        return Keeper(session=session, orgs=orgs)

    async def _session(self, request: Request) -> Session | None:
        return await self._sessions.find(self._cookies.session_of(request), is_use=True)

    async def _own_form(self, request: Request, session: Session | None) -> Mapping[str, str]:
        """Raises ``NotHereError`` where nobody is signed in, and as ``form_of`` and ``check_own``."""
        if session is None:
            raise NotHereError("nobody")
        form = await form_of(request)
        check_own(request, form, session.csrf_token, self._settings.base_url)
        return form

    def _today(self) -> date:
        return self._now().astimezone(self._settings.zone).date()


def _wanted(fields: Mapping[str, str], today: date, *, unless: date | None = None) -> Wanted:
    """Raises ``FormError`` for a day that is none or has passed (``unless`` it is the one there was before), and
    ``BadBodyError`` for an audience that nobody offered."""
    said = fields.get("until", "").strip()
    try:
        audience = DocumentAudience(fields.get("audience", ""))
    except ValueError as error:
        raise BadBodyError("no such audience") from error
    try:
        until = date.fromisoformat(said.replace("/", "-")) if said else None
    except ValueError as error:
        raise FormError("library.bad_date") from error
    if until is not None and until < today and until != unless:
        raise FormError("library.past_date")
    return Wanted(audience=audience, until=until)


def _back(done: str) -> Response:
    return RedirectResponse(f"/library?done={done}", 303)


def _said(request: Request, speaker: Speaker) -> list[Words]:
    """What was done on the page before, as its address says."""
    done = request.query_params.get("done")
    return [speaker.say(f"library.done_{done}")] if done in ("changed", "removed") else []
