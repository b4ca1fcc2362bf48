"""Sends to Slack: a direct message per letter, marked with the letter's key so that it can be found again."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.models.metadata import Metadata
from slack_sdk.web.async_client import AsyncWebClient

from assistant.channels.port import Letter
from assistant.channels.slack.client import TIMEOUT, problem_of, web_client
from assistant.channels.slack.convert import to_slack
from assistant.channels.slack.home import home_view
from assistant.channels.slack.webhook import to_incoming
from assistant.messages import Incoming
from scheduler.delivery import Fail, Hold, Later, Result, Sent

EVENT_TYPE = "ayumi"  # of the metadata of our messages
LOOKED_AT = 100  # latest messages among which one that may have arrived is looked for
RATE = frozenset({"ratelimited", "rate_limited"})
# What Slack calls a token that is of no use any more, or was never enough (docs: errors of chat.postMessage).
TOKEN = frozenset(
    {"token_revoked", "token_expired", "invalid_auth", "account_inactive", "not_authed", "missing_scope",
     "no_permission", "not_allowed_token_type", "org_login_required", "ekm_access_denied"}
)  # fmt: skip
PASSING = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})


class SlackChannel:
    """One Slack app in one workspace."""

    name = "slack"
    keeps_prompts = True
    holds_for_replies = False

    def __init__(self, bot_token: str, api_base_url: str) -> None:
        """``api_base_url`` ends in ``/api/``. Nothing is opened before the first call."""
        self._token = bot_token
        self._base_url = api_base_url
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections; safe to call when there are none."""
        if self._session is not None:
            await self._session.close()

    def to_incoming(self, body: Mapping[str, Any], event_id: str, account_id: str, occurred_at: datetime) -> Incoming:
        return to_incoming(body, event_id, account_id, occurred_at)

    async def deliver(self, letter: Letter) -> Result:
        return await _result_of(self._post(letter))

    async def publish_home(self, letter: Letter, home: Mapping[str, Any]) -> Result:
        return await _result_of(self._client().views_publish(user_id=letter.external_id, view=home_view(home)))

    async def show_busy(self, account_id: str) -> None:
        """Slack has nothing to show in a direct message."""

    async def _post(self, letter: Letter) -> None:
        arrived = await self._keys_with(letter.external_id) if letter.attempts > 1 else frozenset[str]()
        for number, post in enumerate(to_slack([*letter.held, *letter.messages], letter.grade)):
            key = f"{letter.key}/{number}" if number else letter.key
            if key not in arrived:
                await self._client().chat_postMessage(
                    channel=letter.external_id,
                    text=post.text,
                    blocks=post.blocks,
                    metadata=Metadata(event_type=EVENT_TYPE, event_payload={"key": key}),
                    unfurl_links=False,
                    unfurl_media=False,
                )

    async def _keys_with(self, user: str) -> frozenset[str]:
        """The keys of our latest messages to a person."""
        opened: Any = await self._client().conversations_open(users=user)
        answer: Any = await self._client().conversations_history(
            channel=opened["channel"]["id"], include_all_metadata=True, limit=LOOKED_AT
        )
        messages: list[dict[str, Any]] = answer["messages"]
        marks = [message.get("metadata", {}).get("event_payload", {}) for message in messages]
        return frozenset(mark["key"] for mark in marks if "key" in mark)

    def _client(self) -> AsyncWebClient:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT)
            self._session = aiohttp.ClientSession(timeout=timeout, trust_env=False)
        return web_client(self._token, self._base_url, self._session)


async def _result_of(call: Awaitable[object]) -> Result:
    try:
        await call
    except SlackApiError as error:
        return _refused(error)
    except (TimeoutError, aiohttp.ClientError) as error:
        return Later(problem=type(error).__name__)
    return Sent(held_too=True)


def _refused(error: SlackApiError) -> Result:
    status, problem = problem_of(error)
    if status == 429 or problem in RATE:
        response: Any = error.response
        after = str(response.headers.get("Retry-After", ""))
        return Later(problem="HTTP 429", after=float(after) if after.isdecimal() else None)
    if problem in TOKEN:
        return Hold(problem="token")
    if problem is None or status >= 500 or problem in PASSING:
        return Later(problem=f"HTTP {status}")
    return Fail(problem=problem)
