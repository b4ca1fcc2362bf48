"""``GET /files/{id}``: a picture or a table, for whoever holds its signed address, as long as the one it was made for
has a role here, and not in the browser of somebody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from assistant.attachments import File, find_files, has_expired, is_signed
from assistant.bootstrap import Core
from assistant.channels.browser.cookies import Cookies
from assistant.channels.browser.sessions import Sessions
from assistant.dialogue.people_store import load_people
from assistant.messages import LANGUAGES
from assistant.settings import Settings
from assistant.wording.texts import Speaker
from knowledge.db import Database
from knowledge.errors import StorageDownError
from knowledge.records.audit import Act, Entry, Kind, record

MayOpen = Callable[[Request, str], Awaitable[bool]]  # whether a request may have a file made for this person


async def _anybody(request: Request, person_id: str) -> bool:
    return True


def file_routes(
    database: Database, secret: bytes, now: Callable[[], datetime], may_open: MayOpen = _anybody
) -> list[Route]:
    """403 for an address that is not ours, 410 when its time is over, 404 when nothing is there for them, 503 while
    nothing can be read. LINE looks with HEAD before it fetches."""

    async def file(request: Request) -> Response:
        file_id: str = request.path_params["file_id"]
        expires, signature = request.query_params.get("expires", ""), request.query_params.get("signature", "")
        if not is_signed(secret, file_id, expires, signature):
            return _sorry(403, "link_wrong")
        if has_expired(expires, now()):
            return _sorry(410, "link_expired")
        try:
            found = (await find_files(database, [file_id], now())).get(file_id)
            if found is not None and not await may_open(request, found.person_id):
                found = None
        except StorageDownError:
            return _sorry(503, "link_later")
        if found is None:
            return _sorry(404, "link_unknown")
        return Response(found.content, media_type=found.media_type, headers=_headers(found))

    return [Route("/files/{file_id}", file, methods=["GET", "HEAD"])]


def opens_for(settings: Settings, core: Core, now: Callable[[], datetime]) -> MayOpen:
    """Who fetches without being signed in is LINE, or the person on their phone; rights do not outlive a role."""
    idle, cookies = timedelta(minutes=settings.session_minutes), Cookies.of(settings.base_url)
    sessions = Sessions(core.database, core.services.secret, now, settings.zone, idle)

    async def may_open(request: Request, person_id: str) -> bool:
        at = now().astimezone(settings.zone)
        session = await sessions.find(cookies.session_of(request), is_use=False)
        if session is not None and session.person.id != person_id:  # sent on, or a machine that is shared
            entry = Entry(actor_id=session.person.id, act=Act.REFUSED, kind=Kind.FILES, channel="page", at=at)
            await record(core.database, [entry])
            return False
        async with core.database.read() as connection:
            person = (await load_people(connection, [person_id], at.date())).get(person_id)
        return person is not None and bool(person.roles)

    return may_open


def _headers(file: File) -> dict[str, str]:
    # RFC 6266 and 5987: the name as it is, for everyone who reads UTF-8, which by now is everyone.
    where = "inline" if file.media_type.startswith("image/") else "attachment"
    return {
        "Content-Disposition": f"{where}; filename*=UTF-8''{quote(file.name, safe='')}",
        "Cross-Origin-Resource-Policy": "cross-origin",  # LINE shows it in a page of its own
    }


def _sorry(status: int, key: str) -> Response:
    """Whoever opens it, we do not know them: both languages, in words for the youngest."""
    texts = [str(Speaker(language=language, band="lower").say(f"charts.{key}")) for language in LANGUAGES]
    return PlainTextResponse("\n\n".join(texts), status)
