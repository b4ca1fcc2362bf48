"""Slack's own client, as every part of this channel uses it."""

from __future__ import annotations

import logging
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

TIMEOUT = 10  # seconds for one call

# Slack's libraries write whole bodies into their logs, and those hold what children wrote.
SILENT = logging.Logger("slack")
SILENT.disabled = True


def web_client(token: str, base_url: str, session: aiohttp.ClientSession | None = None) -> AsyncWebClient:
    """A client that tries a call once: trying again is the outbox's business, which looks first whether the message is
    there. Without a ``session`` each call opens one."""
    client = AsyncWebClient(
        token, base_url=base_url, timeout=TIMEOUT, session=session, retry_handlers=[], logger=SILENT
    )
    client.proxy = None  # like every outbound call: no proxy from the environment
    return client


def problem_of(error: SlackApiError) -> tuple[int, str | None]:
    """The HTTP status of a refused call, and Slack's word for what is wrong; None where the answer has none."""
    response: Any = error.response  # the SDK's answer, or aiohttp's where the body could not be read
    status: int = getattr(response, "status_code", 0) or getattr(response, "status", 0)
    match getattr(response, "data", None):
        case {"error": str(problem)}:
            return status, problem
        case _:
            return status, None
