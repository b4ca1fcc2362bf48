"""``GET /go/{signed offer}``: remembers that an offer was opened, and leads on to its content."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from assistant.links import signed
from assistant.messages import LANGUAGES
from assistant.wording.texts import Speaker
from knowledge.db import Database
from knowledge.errors import StorageDownError
from knowledge.records.content import address_of, record_opening

# Who fetches an address that stands in a chat without anybody having tapped it: LINE's preview calls itself
# «facebookexternalhit/1.1;line-poker/1.0», Slack's «Slackbot-LinkExpanding 1.0».
FETCHERS = re.compile(r"line-poker|facebookexternalhit|slackbot|bot\b|crawler|spider|preview", re.IGNORECASE)
SAFE = "!#$%&'()*+,/:;=?@[]~"  # of an address, kept as it is (RFC 3986)


def go_routes(database: Database, secret: bytes, now: Callable[[], datetime]) -> list[Route]:
    """302 to the stored address of the content and to nowhere else; 404 for an address that is not ours or whose
    content is gone, 503 while nothing can be stored. HEAD, prefetching browsers and previews of chats are led on
    without counting as an opening."""

    async def go(request: Request) -> Response:
        offer_id = signed(secret, request.path_params["offer"])
        if offer_id is None:
            return _sorry(404, "link_unknown")
        try:
            async with database.read() as connection:
                address = await address_of(connection, offer_id)
            if address is None or not address.lower().startswith(("http://", "https://")):
                return _sorry(404, "link_unknown")
            if _is_opened_by_a_person(request):
                async with database.write() as connection:
                    await record_opening(connection, offer_id, now())
        except StorageDownError:
            return _sorry(503, "link_later")
        return Response(status_code=302, headers={"Location": quote(address, safe=SAFE)})

    return [Route("/go/{offer}", go, methods=["GET", "HEAD"])]


def _is_opened_by_a_person(request: Request) -> bool:
    purposes = {request.headers.get(name, "").lower().partition(";")[0] for name in ("purpose", "sec-purpose")}
    is_fetcher = FETCHERS.search(request.headers.get("user-agent", "")) is not None
    return request.method == "GET" and "prefetch" not in purposes and not is_fetcher


def _sorry(status: int, key: str) -> Response:
    """Whoever opens it, we do not know them: both languages, in words for the youngest."""
    texts = [str(Speaker(language=language, band="lower").say(f"content.{key}")) for language in LANGUAGES]
    return PlainTextResponse("\n\n".join(texts), status)
