"""Sends to Slack: a direct message per letter, marked with the letter's key so that it can be found again."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.models.metadata import Metadata
from slack_sdk.web.async_client import AsyncWebClient

from assistant.attachments import File
from assistant.channels.download import download
from assistant.channels.files import PICTURE, Files
from assistant.channels.port import FileNotFetchedError, Letter, Unfetched
from assistant.channels.slack.client import TIMEOUT, problem_of, web_client
from assistant.channels.slack.convert import to_slack
from assistant.channels.slack.home import home_view
from assistant.channels.slack.webhook import to_incoming
from assistant.channels.wording import kana, shorten
from assistant.errors import AssistantError
from assistant.messages import Attachment, Incoming, Outgoing, SentFile
from knowledge.errors import StorageDownError
from scheduler.delivery import Apart, Fail, Hold, Later, Result, Sent
from scheduler.rates import Limit, Pace

EVENT_TYPE = "ayumi"  # of the metadata of our messages
ALT = 1000  # characters of the text that stands for a picture
LOOKED_AT = 100  # latest messages among which one that may have arrived is looked for
RATE = frozenset({"ratelimited", "rate_limited"})
# Several hundred messages a minute for an app in a workspace, with short bursts ("Rate limiting" on the page of
# chat.postMessage, and "Rate limits" of the Web API, docs.slack.dev): 300. The one message a second that a single
# conversation may get needs no bucket: sends of one account go one by one, and Slack's 429 says how long to wait.
PACE = Pace(width=60, limit=Limit(name="slack", rate=5, burst=60))
# What Slack calls a token that is of no use any more, or was never enough (docs: errors of chat.postMessage).
TOKEN = frozenset(
    {"token_revoked", "token_expired", "invalid_auth", "account_inactive", "not_authed", "missing_scope",
     "no_permission", "not_allowed_token_type", "org_login_required", "ekm_access_denied"}
)  # fmt: skip
SCOPE = "missing_scope"
PASSING = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Arrived:
    """What Slack has of a letter already."""

    keys: frozenset[str] = frozenset()  # of its posts
    files: frozenset[str] = frozenset()  # names of files that came after them


class _TakenOverError(AssistantError):
    """The letter is no longer ours to send."""


class SlackChannel:
    """One Slack app in one workspace."""

    name = "slack"
    keeps_prompts = True
    holds_for_replies = False
    batch_size = 1
    pace = PACE

    def __init__(self, bot_token: str, api_base_url: str, files: Files) -> None:
        """``api_base_url`` ends in ``/api/``. Nothing is opened before the first call."""
        self._token = bot_token
        self._base_url = api_base_url
        self._files = files
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections; safe to call when there are none."""
        if self._session is not None:
            await self._session.close()

    def to_incoming(self, body: Mapping[str, Any], event_id: str, account_id: str, occurred_at: datetime) -> Incoming:
        return to_incoming(body, event_id, account_id, occurred_at)

    async def deliver(self, letter: Letter) -> Result:
        return await _result_of(self._post(letter))

    async def multicast(self, letter: Letter, account_ids: Sequence[str]) -> Result:
        return Apart(problem="Slack posts to one channel at a time")

    async def publish_home(self, letter: Letter, home: Mapping[str, Any]) -> Result:
        return await _result_of(self._client().views_publish(user_id=letter.external_id, view=home_view(home)))

    async def fetch_file(self, file: SentFile, most: int) -> bytes:
        """The token goes to Slack alone. A page to sign in, which Slack gives to an app that may not read files, is no
        file."""
        if not self._is_slacks(file.reference):
            raise FileNotFetchedError(Unfetched.REFUSED)
        found = await download(self._open_session(), file.reference, self._token, most)
        if found.media_type == "text/html" and not file.name.lower().endswith((".html", ".htm")):
            raise FileNotFetchedError(Unfetched.REFUSED)
        return found.content

    def _is_slacks(self, address: str) -> bool:
        there, here = urlsplit(address), urlsplit(self._base_url)
        is_theirs = there.scheme == "https" and (there.hostname or "").endswith(".slack.com")
        return is_theirs or (there.scheme, there.netloc) == (here.scheme, here.netloc)

    async def show_busy(self, account_id: str) -> None:
        """Slack has nothing to show in a direct message."""

    async def _post(self, letter: Letter) -> None:
        arrived = await self._arrived(letter) if letter.attempts > 1 else _Arrived()
        # Files first, where nobody sees them yet: what cannot be uploaded is told in the posts.
        messages, uploads = await self._upload([*letter.held, *letter.messages], letter.grade, arrived.files)
        for number, post in enumerate(to_slack(messages, letter.grade)):
            key = f"{letter.key}/{number}" if number else letter.key
            if key not in arrived.keys:
                _check(letter)
                await self._client().chat_postMessage(
                    channel=letter.external_id,
                    text=post.text,
                    blocks=post.blocks,
                    metadata=Metadata(event_type=EVENT_TYPE, event_payload={"key": key}),
                    unfurl_links=False,
                    unfurl_media=False,
                )
        if uploads:
            channel = await self._conversation(letter.external_id)
            _check(letter)
            await self._client().files_completeUploadExternal(files=uploads, channel_id=channel)

    async def _upload(
        self, messages: Sequence[Outgoing], grade: str | None, arrived: frozenset[str]
    ) -> tuple[Sequence[Outgoing], list[dict[str, str | None]]]:
        """The messages, with a word about each file that cannot be shown, and the files that wait to be shown."""
        files = await self._files.of(messages)
        ready: list[Outgoing] = []
        uploads: list[dict[str, str | None]] = []
        for message in map(self._files.with_addresses, messages):
            attached = message.attachment
            if attached is not None and attached.name not in arrived:
                file = files.get(attached.file_id)
                uploaded = await self._uploaded(attached, file, grade) if file is not None else None
                if uploaded is None:
                    message = self._files.without_file(message, grade, is_gone=file is None)
                else:
                    uploads.append({"id": uploaded, "title": attached.name})
            ready.append(message)
        return ready, uploads

    async def _uploaded(self, attached: Attachment, file: File, grade: str | None) -> str | None:
        """Slack's id of the file; None when Slack takes none from us, which is no reason to keep the words back."""
        is_picture = attached.media_type.startswith(PICTURE)
        alt = {"alt_txt": shorten(kana(attached.alt, grade), ALT)[:ALT]} if is_picture else {}
        try:
            # The SDK's own method puts everything into the address, which a long text in Japanese makes too long.
            place: Any = await self._client().api_call(
                "files.getUploadURLExternal",
                data={"filename": attached.name, "length": len(file.content), **alt},
            )
        except SlackApiError as error:
            _, problem = problem_of(error)
            if problem != SCOPE and not isinstance(_refused(error), Fail):
                raise
            log.warning("no_file_for_slack", problem=problem)
            return None
        async with self._open_session().post(place["upload_url"], data=file.content) as response:
            response.raise_for_status()
        return str(place["file_id"])

    async def _arrived(self, letter: Letter) -> _Arrived:
        """What an earlier try brought. Files carry no mark of ours, but they come after the post that does."""
        answer: Any = await self._client().conversations_history(
            channel=await self._conversation(letter.external_id), include_all_metadata=True, limit=LOOKED_AT
        )
        messages: list[dict[str, Any]] = answer["messages"]  # the newest first
        keys = frozenset(key for message in messages if (key := _key_of(message)) is not None)
        if letter.key not in keys:
            return _Arrived(keys=keys)
        later = takewhile(lambda message: _key_of(message) != letter.key, messages)
        ours = [message for message in later if "bot_id" in message]
        return _Arrived(keys=keys, files=frozenset(file["name"] for each in ours for file in each.get("files", ())))

    async def _conversation(self, user: str) -> str:
        opened: Any = await self._client().conversations_open(users=user)
        return opened["channel"]["id"]

    def _client(self) -> AsyncWebClient:
        return web_client(self._token, self._base_url, self._open_session())

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT)
            self._session = aiohttp.ClientSession(timeout=timeout, trust_env=False)
        return self._session


def _check(letter: Letter) -> None:
    """Before something is shown. Raises ``_TakenOverError`` when another process may be showing it."""
    if not letter.may_begin():
        raise _TakenOverError


def _key_of(message: Mapping[str, Any]) -> str | None:
    """The key of a message of ours."""
    return message.get("metadata", {}).get("event_payload", {}).get("key")


async def _result_of(call: Awaitable[object]) -> Result:
    try:
        await call
    except SlackApiError as error:
        return _refused(error)
    except (TimeoutError, aiohttp.ClientError) as error:
        return Later(problem=type(error).__name__)
    except StorageDownError:
        return Later(problem="storage")
    except _TakenOverError:
        return Later(problem="another process may be sending it")
    return Sent(held_too=True)


def _refused(error: SlackApiError) -> Result:
    status, problem = problem_of(error)
    if status == 429 or problem in RATE:
        response: Any = error.response
        after = str(response.headers.get("Retry-After", ""))
        return Later(problem="HTTP 429", after=float(after) if after.isdecimal() else None, too_fast=True)
    if problem in TOKEN:
        return Hold(problem="token")
    if problem is None or status >= 500 or problem in PASSING:
        return Later(problem=f"HTTP {status}")
    return Fail(problem=problem)
