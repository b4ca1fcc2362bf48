"""The gate before every webhook: size, shape, depth, and how much of all of them is held at once. Nothing that fails
here is stored."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import orjson
from starlette.requests import Request

from assistant.errors import AssistantError
from assistant.metrics import REFUSED

LARGEST_BODY = 1_000_000  # bytes; more is answered with 413
MOST_BYTES = 32_000_000  # of all bodies under way; more is answered with 503, and the platform sends again
BODY_WITHIN = 5.0  # seconds until all of a body is here


class BadBodyError(AssistantError):
    """The body is not what the platform would send."""


class TooLargeError(AssistantError):
    """The body is over the limit."""


class OverloadedError(AssistantError):
    """More is under way than this process can hold."""


class Bodies:
    """The bodies of requests under way: all of them together are bounded."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        """``most``: bytes."""
        self._free = most

    @asynccontextmanager
    async def of(self, request: Request) -> AsyncGenerator[bytes]:
        """The raw body, counted until the block ends. Raises what ``body_of`` raises, and ``OverloadedError``."""
        held = 0

        def count(size: int) -> None:
            nonlocal held
            if size > self._free:
                REFUSED.labels(reason="bytes").inc()
                raise OverloadedError("too many bodies under way")
            held += size
            self._free -= size

        try:
            yield await body_of(request, count)
        finally:
            self._free += held


async def body_of(request: Request, count: Callable[[int], None] = lambda _: None) -> bytes:
    """The raw body. Stops reading, and raises ``TooLargeError``, as soon as it is over ``LARGEST_BODY``;
    ``BadBodyError`` when it takes too long. ``count`` is told the size of each part."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > LARGEST_BODY:
        raise TooLargeError("over 1 MB")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN):
            async for chunk in request.stream():
                count(len(chunk))
                body += chunk
                if len(body) > LARGEST_BODY:
                    raise TooLargeError("over 1 MB")
    except TimeoutError as error:
        raise BadBodyError("it takes too long") from error
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
