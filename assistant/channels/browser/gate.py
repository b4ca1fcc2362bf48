"""The gate before every page: small well-formed forms, and posts from our own pages only."""

from __future__ import annotations

import hmac
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message, Receive

from assistant.channels.guard import BadBodyError, TooLargeError, body_of
from assistant.errors import AssistantError

LARGEST_FORM = 100_000  # bytes
MOST_FIELDS = 20
LONGEST_PART = 2000  # bytes of a field of a form with files
FORM = "application/x-www-form-urlencoded"


class ForeignPostError(AssistantError):
    """The post does not come from a page of ours."""


async def form_of(request: Request) -> Mapping[str, str]:
    """The fields of a posted form, without NUL characters. Raises ``TooLargeError`` or ``BadBodyError``."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise BadBodyError(f"not {FORM}")
    body = await body_of(request)
    if len(body) > LARGEST_FORM:
        raise TooLargeError("over 100 kB")
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:  # not UTF-8, or too many fields
        raise BadBodyError("not a form") from error
    return {name: value.replace("\0", "") for name, value in fields}


@asynccontextmanager
async def upload_of(request: Request, *, largest: int, most_files: int) -> AsyncGenerator[FormData]:
    """A form with files, of which large ones lie on the disk until the block ends. Raises ``BadBodyError``, and
    ``TooLargeError`` as soon as more than ``largest`` bytes have come."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise BadBodyError("no form with files")
    limited = Request(request.scope, _limited(request.receive, largest))
    try:
        form = await limited.form(max_files=most_files, max_fields=MOST_FIELDS, max_part_size=LONGEST_PART)
    except (MultiPartException, HTTPException) as error:
        raise BadBodyError("not a form with files, or too many of them") from error
    try:
        yield form
    finally:
        await form.close()


def _limited(receive: Receive, largest: int) -> Receive:
    came = 0

    async def counted() -> Message:
        nonlocal came
        message = await receive()
        came += len(message.get("body", b""))
        if came > largest:
            raise TooLargeError("too large an upload")
        return message

    return counted


def check_own(request: Request, form: Mapping[str, str], token: str | None, base_url: str) -> None:
    """Raises ``ForeignPostError`` unless the form carries the token and the browser names no other origin."""
    sent = form.get("csrf_token", "")
    if not token or not hmac.compare_digest(sent.encode(), token.encode()):
        raise ForeignPostError("wrong token")
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise ForeignPostError(f"sent from {site}")
        return
    origin = request.headers.get("origin", "null")
    # Our own referrer policy makes browsers say "null" for a plain form; the token alone must do then.
    if origin != "null" and urlsplit(origin).netloc not in (request.headers.get("host"), urlsplit(base_url).netloc):
        raise ForeignPostError("another origin")
