"""Every request has an id, which its log lines carry; one that nobody answered is answered with 500."""

from __future__ import annotations

import re

import structlog
import uuid_utils
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scheduler.trace import kinds, places

HEADER = "X-Request-Id"
RAW = HEADER.lower().encode()  # as ASGI has it
WELL_FORMED = re.compile(
    rb"[A-Za-z0-9][A-Za-z0-9._-]{7,127}"
)  # of a proxy: an id, and nothing that a log may trip over

log = structlog.get_logger(__name__)


class RequestIds:
    """ASGI middleware, the outermost of ours: binds ``request_id`` to the log lines of a request, and returns it. What
    a route raises is logged by its types and places only; the server would log what it says."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == RAW), b"")
        request_id = given.decode() if WELL_FORMED.fullmatch(given) else uuid_utils.uuid7().hex
        has_begun = False

        async def send_with_id(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                message["headers"] = [*message.get("headers", ()), (RAW, request_id.encode())]
            await send(message)

        before = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:  # whatever a route raises: its request is answered, its words are kept back
            log.error("request_broke", method=scope["method"], error=kinds(error), at=places(error))
            if not has_begun:
                await PlainTextResponse("Internal Server Error", 500)(scope, receive, send_with_id)
        finally:
            structlog.contextvars.reset_contextvars(**before)
