"""``GET /documents/{id}``: a document at the passage that an answer cites, and its file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from assistant.bootstrap import Core
from assistant.channels.browser.cookies import Cookies
from assistant.channels.browser.pages import TEMPLATES, Wording
from assistant.channels.browser.sessions import Sessions
from assistant.dialogue.people import Person
from assistant.dialogue.people_store import load_people
from assistant.document_links import Signed, check_signature, file_path
from assistant.errors import AssistantError
from assistant.messages import LANGUAGES, Words
from assistant.settings import Settings
from assistant.web.limits import PAGES, Buckets
from assistant.wording.documents import sections
from assistant.wording.texts import Speaker
from knowledge.documents.model import DocumentAudience, Listed, Passage, Reader
from knowledge.documents.readers import load_reader
from knowledge.errors import NoSuchPersonError, StorageDownError

PDF = "application/pdf"
FILE = "application/octet-stream"  # whatever it is: saved, never shown as a page of ours


class RefusedError(AssistantError):
    """The document is not shown. Carries the status and the key of the words; they never tell what there is."""

    def __init__(self, status: int, key: str, wait: float = 0.0) -> None:
        """``wait``: seconds after which it may be tried again."""
        super().__init__(key)
        self.status, self.key, self.wait = status, key, wait


@dataclass(frozen=True, kw_only=True)
class Opener:
    """Who opens a document."""

    person: Person
    reader: Reader  # of today: a link does not outlive its reader's rights
    sign: str  # the signature of the address, for the address of the file; "" with a session


def document_routes(settings: Settings, core: Core, now: Callable[[], datetime]) -> list[Route]:
    """For whoever holds an address signed for them, or is signed in in this browser: 403 for an address that is not
    ours, 410 when its time is over, 404 when nothing is there for them, 429 for too many in a short time, 503 while
    nothing can be read."""
    shelf = Shelf(settings, core, now)
    return [
        Route("/documents/{document_id}", shelf.kindly(shelf.page), methods=["GET"]),
        Route("/documents/{document_id}/file", shelf.kindly(shelf.file), methods=["GET"]),
    ]


class Shelf:
    """The endpoints."""

    def __init__(self, settings: Settings, core: Core, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._core = core
        self._now = now
        idle = timedelta(minutes=settings.session_minutes)
        self._cookies = Cookies.of(settings.base_url)
        self._opened = Buckets(PAGES)
        self._sessions = Sessions(core.database, core.services.secret, now, settings.zone, idle)
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def kindly(self, endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint, with words for each thing that may go wrong."""

        async def answer(request: Request) -> Response:
            try:
                return await endpoint(request)
            except RefusedError as refused:
                return _sorry(refused.status, refused.key, refused.wait)
            except StorageDownError:
                return _sorry(503, "link_later", 0.0)

        return answer

    async def page(self, request: Request) -> Response:
        document_id = _document_id(request)
        opener = await self._opener(request, document_id)
        passages = await self._core.services.library.passages(document_id, opener.reader)
        listed = await self._core.services.library.listed(opener.reader)
        document = next((each for each in listed if each.id == document_id), None)
        if document is None:
            raise RefusedError(404, "link_unknown")
        person = opener.person
        speaker = Speaker(language=self._settings.language, band=person.band)
        wording = Wording(speaker=speaker, grade=person.grade if person.is_student else None)

        def words(key: str, **args: object) -> Markup:
            return wording.html(speaker.say(f"documents.{key}", **args))

        def text(written: str) -> Markup:
            return wording.html(Words.of(written))

        # With the readings for a child a long document takes tenths of a second, which others must not wait for.
        html = await asyncio.to_thread(
            self._templates.get_template("document.html").render,
            language=self._settings.language,
            band=person.band,
            words=words,
            text=text,
            document=document,
            sections=sections(passages),
            starts_page=_starts_page(passages),
            until=self._until(document, speaker),
            is_for_staff=document.audience is DocumentAudience.STAFF,
            is_pdf=document.media_type == PDF,
            file=file_path(document_id, page=_page(request), sign=opener.sign),
            is_signed_in=not opener.sign,
        )
        return HTMLResponse(html)

    async def file(self, request: Request) -> Response:
        document_id = _document_id(request)
        opener = await self._opener(request, document_id)
        found = await self._core.services.library.file(document_id, opener.reader)
        if found is None:
            raise RefusedError(404, "link_unknown")
        document, content = found
        is_pdf = document.media_type == PDF
        # RFC 6266 and 5987: the name as it is, for everyone who reads UTF-8, which by now is everyone.
        where = f"{'inline' if is_pdf else 'attachment'}; filename*=UTF-8''{quote(document.file_name, safe='')}"
        return Response(content, media_type=PDF if is_pdf else FILE, headers={"Content-Disposition": where})

    async def _opener(self, request: Request, document_id: str) -> Opener:
        """Who opens it, by the signature or else the session. Raises ``RefusedError``."""
        query, now = request.query_params, self._now()
        session = await self._sessions.find(self._cookies.session_of(request), is_use=True)
        match check_signature(self._core.services.secret, document_id, query, now):
            case Signed.VALID:
                person_id, sign = query["for"], _signature_of(query)
                if session is not None and session.person.id != person_id:  # somebody else's, on a shared machine
                    raise RefusedError(403, "link_wrong")
            case Signed.WRONG:
                raise RefusedError(403, "link_wrong")
            case signed:
                if session is None:
                    raise RefusedError(*((410, "link_expired") if signed is Signed.EXPIRED else (403, "link_wrong")))
                person_id, sign = session.person.id, ""
        if wait := self._opened.wait(person_id):
            raise RefusedError(429, "link_too_many", wait)
        today = now.astimezone(self._settings.zone).date()
        async with self._core.database.read() as connection:
            person = (await load_people(connection, [person_id], today)).get(person_id)
            if person is None or not person.roles:
                raise RefusedError(403, "link_wrong")
            try:
                reader = await load_reader(connection, person_id, today)
            except NoSuchPersonError:
                raise RefusedError(403, "link_wrong") from None
        return Opener(person=person, reader=reader, sign=sign)

    def _until(self, document: Listed, speaker: Speaker) -> Words:
        day = document.valid_until
        if day is None:
            return Words()
        return speaker.say("documents.day", year=day.year, month=day.month, day=day.day)


def _signature_of(query: Mapping[str, str]) -> str:
    return "&".join(f"{name}={quote(query[name], safe='')}" for name in ("for", "expires", "signature"))


def _document_id(request: Request) -> str:
    """The id in the path, without NUL characters, which PostgreSQL cannot even be asked about."""
    return str(request.path_params["document_id"]).replace("\0", "")


def _page(request: Request) -> int | None:
    page = request.query_params.get("page", "")
    return int(page) if page.isascii() and page.isdecimal() and len(page) < 6 else None


def _starts_page(passages: Sequence[Passage]) -> frozenset[int]:
    """Positions of the passages with which a page begins."""
    pages = [None, *(passage.page for passage in passages)]
    return frozenset(
        passage.position for before, passage in zip(pages, passages, strict=False) if passage.page not in (None, before)
    )


def _sorry(status: int, key: str, wait: float) -> Response:
    """Whoever opens it, we do not know them: both languages, in words for the youngest."""
    texts = [str(Speaker(language=language, band="lower").say(f"documents.{key}")) for language in LANGUAGES]
    return PlainTextResponse("\n\n".join(texts), status, {"Retry-After": str(ceil(wait))} if wait else None)
