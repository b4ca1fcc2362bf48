"""The gate before every webhook: size, shape, depth. Nothing that fails here is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, cast

import orjson
from starlette.requests import Request

from assistant.errors import AssistantError

LARGEST_BODY = 1_000_000  # bytes; more is answered with 413


class BadBodyError(AssistantError):
    """The body is not what the platform would send."""


class TooLargeError(AssistantError):
    """The body is over the limit."""


async def body_of(request: Request) -> bytes:
    """The raw body. Stops reading, and raises ``TooLargeError``, as soon as it is over ``LARGEST_BODY``."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > LARGEST_BODY:
        raise TooLargeError("over 1 MB")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise TooLargeError("over 1 MB")
    return bytes(body)


def as_object(body: bytes) -> Mapping[str, Any]:
    """The body as a JSON object that can also be written again (not nested beyond reason). Raises ``BadBodyError``."""
    try:
        value = orjson.loads(body)
        orjson.dumps(value)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError) as error:
        raise BadBodyError("not JSON, or nested too deeply") from error
    if not isinstance(value, dict):
        raise BadBodyError("not a JSON object")
    return cast("Mapping[str, Any]", value)


def event_hash(event: Mapping[str, Any]) -> str:
    """An id for an event that brings none: the same content has the same id."""
    return hashlib.sha256(orjson.dumps(event, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
