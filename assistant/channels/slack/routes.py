"""``POST /slack/events``: verify, store, acknowledge. Everything else happens afterwards."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from time import perf_counter
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from assistant.channels.guard import BadBodyError, Bodies, OverloadedError, TooLargeError
from assistant.channels.slack.client import SILENT, web_client
from assistant.channels.slack.form import CALLBACK, open_form
from assistant.channels.slack.webhook import form_wanted, is_signed, payload_of, raw_event
from assistant.dialogue.turn import Services
from assistant.inbox import Inbox, RawEvent
from assistant.metrics import webhook_answered
from assistant.settings import Settings
from knowledge.errors import StorageDownError

ANYTHING = re.compile(".*")
EVENT = "ayumi_event"  # the key under which a request carries its event to the listeners


def slack_routes(settings: Settings, inbox: Inbox, services: Services, now: Callable[[], datetime]) -> list[Route]:
    """401 for a bad or missing signature, 400 for an unreadable body, 413 over 1 MB, 503 when nothing can be stored."""
    bodies = Bodies()
    client = web_client(settings.slack_bot_token.get_secret_value(), settings.slack_api_base_url)
    bolt = _bolt(client, inbox)
    opening: set[asyncio.Task[None]] = set()  # a task that nobody holds may vanish half-way

    async def webhook(request: Request) -> Response:
        begun = perf_counter()
        response = await _answer(request)
        webhook_answered("slack", response.status_code, perf_counter() - begun)
        return response

    async def _answer(request: Request) -> Response:
        try:
            async with bodies.of(request) as body:
                if not is_signed(body, request.headers, settings.slack_signing_secret.get_secret_value(), now()):
                    return Response(status_code=401)
                payload = payload_of(body, request.headers.get("content-type", ""))
                if payload.get("type") == "url_verification" and isinstance(payload.get("challenge"), str):
                    return JSONResponse({"challenge": payload["challenge"]})
                response = await _dispatched(payload)
        except TooLargeError:
            return Response(status_code=413)
        except BadBodyError:
            return Response(status_code=400)
        except (StorageDownError, OverloadedError):
            return Response(status_code=503)
        wanted = form_wanted(payload)
        if wanted is not None and response.status_code == 200:
            task = asyncio.create_task(open_form(client, services, *wanted, now()), name="slack form")
            opening.add(task)
            task.add_done_callback(opening.discard)
        return response

    async def _dispatched(payload: Mapping[str, Any]) -> Response:
        """Bolt's answer; what Bolt has no listener for, or stumbles over, is stored and counted all the same."""
        event = raw_event(payload, now())
        try:
            # Its "socket mode" takes a body that was read already.
            request = AsyncBoltRequest(body=dict(payload), mode="socket_mode", context={EVENT: event})
            answer = await bolt.async_dispatch(request)
        except Exception:  # Bolt trusts the shape of what it reads, and raises whatever comes of it
            answer = BoltResponse(status=500)
        if answer.status in (200, 503):
            return Response(answer.body, answer.status, answer.first_headers_without_set_cookie())
        await inbox.receive([event])
        return Response()

    return [Route("/slack/events", webhook, methods=["POST"])]


def _bolt(client: AsyncWebClient, inbox: Inbox) -> AsyncApp:
    """Bolt with listeners that only store, before the request is answered. The route has verified the request."""

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        """Without asking Slack who we are: a start needs no network, and messages of bots are told by their bot_id."""
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=client.token)

    async def store(ack: AsyncAck, context: Mapping[str, Any]) -> BoltResponse | None:
        try:
            event: RawEvent = context[EVENT]
            await inbox.receive([event])
        except StorageDownError:
            return BoltResponse(status=503)
        await ack()
        return None

    async def store_form(ack: AsyncAck, context: Mapping[str, Any]) -> BoltResponse | None:
        refused = await store(ack, context)
        return refused or await ack(response_action="clear")

    bolt = AsyncApp(
        client=client,
        authorize=authorize,
        logger=SILENT,
        process_before_response=True,
        request_verification_enabled=False,
        ssl_check_enabled=False,
        url_verification_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    bolt.event(ANYTHING)(store)
    bolt.action(ANYTHING)(store)
    bolt.view(CALLBACK)(store_form)
    bolt.command("/ayumi")(store)
    return bolt
