"""``GET /files/{id}``: a picture or a table, for whoever holds its signed address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from assistant.attachments import File, find_files, has_expired, is_signed
from assistant.messages import LANGUAGES
from assistant.wording.texts import Speaker
from knowledge.db import Database
from knowledge.errors import StorageDownError


def file_routes(database: Database, secret: bytes, now: Callable[[], datetime]) -> list[Route]:
    """403 for an address that is not ours, 410 when its time is over, 404 when nothing is there, 503 while nothing can
    be read. LINE looks with HEAD before it fetches."""

    async def file(request: Request) -> Response:
        file_id: str = request.path_params["file_id"]
        expires, signature = request.query_params.get("expires", ""), request.query_params.get("signature", "")
        if not is_signed(secret, file_id, expires, signature):
            return _sorry(403, "link_wrong")
        if has_expired(expires, now()):
            return _sorry(410, "link_expired")
        try:
            found = (await find_files(database, [file_id], now())).get(file_id)
        except StorageDownError:
            return _sorry(503, "link_later")
        if found is None:
            return _sorry(404, "link_unknown")
        return Response(found.content, media_type=found.media_type, headers=_headers(found))

    return [Route("/files/{file_id}", file, methods=["GET", "HEAD"])]


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
