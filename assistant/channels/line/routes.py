"""``POST /line/webhook``: verify, store, answer 200. Everything else happens afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from time import perf_counter

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assistant.channels.guard import BadBodyError, Bodies, OverloadedError, TooLargeError
from assistant.channels.line.webhook import is_signed, raw_events
from assistant.inbox import Inbox
from assistant.metrics import webhook_answered
from knowledge.errors import StorageDownError


def line_routes(inbox: Inbox, channel_secret: str, now: Callable[[], datetime]) -> list[Route]:
    """401 for a bad or missing signature, 400 for an unreadable body, 413 over 1 MB, 503 when nothing can be stored."""
    bodies = Bodies()

    async def webhook(request: Request) -> Response:
        begun = perf_counter()
        status = await _answer(request)
        webhook_answered("line", status, perf_counter() - begun)
        return Response(status_code=status)

    async def _answer(request: Request) -> int:
        try:
            async with bodies.of(request) as body:
                if not is_signed(body, request.headers.get("x-line-signature"), channel_secret):
                    return 401
                await inbox.receive(raw_events(body, now()))
        except TooLargeError:
            return 413
        except BadBodyError:
            return 400
        except (StorageDownError, OverloadedError):
            return 503
        return 200

    return [Route("/line/webhook", webhook, methods=["POST"])]
