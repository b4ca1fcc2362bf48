"""Sends to LINE: reply while the token is young, else push with the row's id as retry key.

LINE knows a push again by its key, a reply only by its token, and says the same of a token that was used and of one
that is too old. So a reply whose process was lost before it stored the result is tried with its token again: "invalid"
means "it was delivered" as long as the token is young, and processes that died are noticed within seconds. Later than
that nobody can know, and it is pushed: better twice than never, it may be the answer to a child in distress. It is
logged and counted (``Sent.maybe_twice``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson

from assistant.channels.download import download
from assistant.channels.files import PICTURE, Files
from assistant.channels.line.convert import to_line
from assistant.channels.line.webhook import to_incoming
from assistant.channels.port import Letter
from assistant.channels.sender import REPLY_WITHIN
from assistant.channels.wording import utf16
from assistant.messages import Incoming, Outgoing, SentFile
from knowledge.errors import StorageDownError
from scheduler.delivery import Apart, Fail, Hold, Later, Result, Sent, Skip
from scheduler.rates import Limit, Pace

ADDRESS = 2000  # UTF-16 units of the address of a picture
PREVIEW = 1_000_000  # bytes of a picture that stands in the talk (the one that a tap opens may have ten times that)
# Delivery gives a send its deadline, all its calls together. A timer of each call would double the price of watching,
# and would count the wait for a free connection as LINE's silence.
UNTIMED = aiohttp.ClientTimeout(total=None)
# LINE gives what people sent from another host than everything else (Messaging API, "Get content").
API_HOST, DATA_HOST = "https://api.line.me", "https://api-data.line.me"
# In a second LINE takes 2,000 pushes or replies, 200 multicasts, 100 loading animations (Messaging API reference,
# "Rate limits"). All draw on one bucket, so that no mixture is too much; no second sees more than rate and burst.
PACE = Pace(width=1000, limit=Limit(name="line", rate=1700, burst=300), batch=10, busy=20)
MONTHLY = "monthly limit"  # how LINE words the one 429 that waiting does not cure
TOKEN_LIVES = timedelta(seconds=60)  # about; a reply that was tried before is tried with it for as long
TAKEN_OVER = "another process may be sending it"
USED_TOKEN = "Invalid reply token"  # noqa: S105 -- LINE's message for a token that was used or is too old


class LineChannel:
    """One LINE official account. The two hot calls go through one shared session; everything else through the SDK."""

    name = "line"
    keeps_prompts = True
    holds_for_replies = True
    batch_size = 500  # users of one multicast
    pace = PACE

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        access_token: str,
        now: Callable[[], datetime],
        files: Files,
    ) -> None:
        """``base_url`` without a slash at the end. ``now`` must be aware."""
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._token = access_token
        self._now = now
        self._files = files

    def to_incoming(self, body: Mapping[str, Any], event_id: str, account_id: str, occurred_at: datetime) -> Incoming:
        return to_incoming(body, event_id, account_id, occurred_at)

    async def deliver(self, letter: Letter) -> Result:
        born_at = letter.reply_token_born_at
        try:
            if letter.reply_token and born_at:
                age = self._now() - born_at
                if age < (REPLY_WITHIN if letter.attempts == 1 else TOKEN_LIVES):
                    result = await self._reply(letter, letter.reply_token, is_young=age < REPLY_WITHIN)
                    if result is not None:
                        return result
            return await self._push(letter)
        except StorageDownError:
            return Later(problem="storage")

    async def multicast(self, letter: Letter, account_ids: Sequence[str]) -> Result:
        """All or nobody: LINE accepts the request as a whole. 400 means that something in it is wrong, a single user id
        maybe, and that it was never accepted: of an accepted one LINE says 409."""
        try:
            messages = await self._objects(letter.messages, letter.grade)
        except StorageDownError:
            return Later(problem="storage")
        body = {"to": [account_id.partition(":")[2] for account_id in account_ids], "messages": messages}
        status, answer = await self._post(letter, "multicast", body, {"X-Line-Retry-Key": letter.key})
        match status:
            case 409:
                return Sent()
            case 400:
                return Apart(problem="HTTP 400")
            case _:
                return self._result(status, answer)

    async def publish_home(self, letter: Letter, home: Mapping[str, Any]) -> Result:
        return Skip(problem="LINE has no home page")

    async def fetch_file(self, file: SentFile, most: int) -> bytes:
        host = DATA_HOST if self._base_url == API_HOST else self._base_url
        address = f"{host}/v2/bot/message/{quote(file.reference, safe='')}/content"
        return (await download(self._session, address, self._token, most)).content

    async def close(self) -> None:
        return

    async def show_busy(self, account_id: str) -> None:
        """Start the loading animation; that it cannot be shown is no harm."""
        show_loading = await asyncio.to_thread(_animation)
        await show_loading(self._base_url, self._token, account_id.partition(":")[2])

    async def _reply(self, letter: Letter, token: str, *, is_young: bool) -> Result | None:
        """None: the token is of no use, push instead."""
        body = {"replyToken": token, "messages": await self._objects([*letter.held, *letter.messages], letter.grade)}
        status, answer = await self._post(letter, "reply", body, {})
        if status == 400 and USED_TOKEN in answer:
            # Still young, and an earlier try had no answer: that one was delivered.
            return Sent(held_too=True) if is_young and letter.attempts > 1 else None
        return self._result(status, answer, held_too=True)

    async def _push(self, letter: Letter) -> Result:
        body = {"to": letter.external_id, "messages": await self._objects(letter.messages, letter.grade)}
        status, answer = await self._post(letter, "push", body, {"X-Line-Retry-Key": letter.key})
        if status == 200:
            return Sent(maybe_twice=letter.is_unsure and letter.reply_token is not None)
        return Sent() if status == 409 else self._result(status, answer)

    async def _objects(self, messages: Sequence[Outgoing], grade: str | None) -> list[dict[str, Any]]:
        """The message objects; a file that LINE could not fetch is replaced by a word about it."""
        files = await self._files.of(messages)
        ready: list[Outgoing] = []
        addresses: dict[str, str] = {}
        for message in map(self._files.with_addresses, messages):
            attached = message.attachment
            if attached is not None:
                file = files.get(attached.file_id)
                address = self._files.address(attached.file_id, file) if file is not None else None
                is_picture = attached.media_type.startswith(PICTURE)
                if file is None or address is None or (is_picture and not _is_shown(address, file.content)):
                    message = self._files.without_file(message, grade, is_gone=file is None)
                else:
                    addresses[attached.file_id] = address
            ready.append(message)
        return to_line(ready, grade, addresses)

    def _result(self, status: int, answer: str, *, held_too: bool = False) -> Result:
        match status:
            case 200:
                return Sent(held_too=held_too)
            case 429 if MONTHLY in answer:
                return Hold(problem="quota")
            case 401 | 403:
                return Hold(problem="token")
            case 0 | 408 | 429:
                return Later(problem=answer if status == 0 else f"HTTP {status}", too_fast=status == 429)
            case _ if status >= 500:
                return Later(problem=f"HTTP {status}")
            case _:
                return Fail(problem=f"HTTP {status}")

    async def _post(
        self, letter: Letter, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> tuple[int, str]:
        """Status and text of the answer; status 0 when there was none, and then nobody knows whether it arrived."""
        if not letter.may_begin():
            return 0, TAKEN_OVER
        try:
            async with self._session.post(
                f"{self._base_url}/v2/bot/message/{path}",
                data=orjson.dumps(body),
                headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", **headers},
                timeout=UNTIMED,
            ) as response:
                return response.status, await response.text(errors="replace")
        except (TimeoutError, aiohttp.ClientError) as error:
            return 0, type(error).__name__


def _animation() -> Callable[[str, str, str], Awaitable[None]]:
    from assistant.channels.line.loading import show_loading  # with LINE's SDK, half of what a process loads

    return show_loading


def _is_shown(address: str, content: bytes) -> bool:
    """Whether LINE takes a picture from this address."""
    return address.startswith("https://") and utf16(address) <= ADDRESS and len(content) <= PREVIEW
