"""Webhooks of many children, and a client that posts them and costs little, so that the machine is left to what is
measured."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

import orjson

from tests.platforms.line.events import Event, LineEvents
from tests.worlds import LINE_SECRET

CONNECTIONS = 64  # to each address
AGAIN_AFTER = 1.0  # seconds; LINE itself waits longer
MOST_TRIES = 60
PATIENCE = 10.0  # seconds for one answer

_LINE = LineEvents(channel_secret=LINE_SECRET)
_ANYBODY = "U" + "0" * 32
_TEXT, _TAP = _LINE.text(_ANYBODY, "x"), _LINE.postback(_ANYBODY, "x")  # checked against LINE's own schema


def account(number: int) -> str:
    """The LINE user id of a student of ``benchmarks.people``."""
    return "U" + hashlib.md5(f"line{number}".encode(), usedforsecurity=False).hexdigest()


def morning(day: str) -> Sequence[tuple[bool, str]]:
    """The five turns of a morning: (is it a tap?, text or what the tap carries)."""
    prefix = f"c/anticipation/{day}"
    return (
        (False, "おはよう"),
        (True, f"{prefix}/mood/sunny"),
        (False, "分数のわり算を三問とく"),
        (True, f"{prefix}/plan/s1"),
        (True, f"{prefix}/confidence/4"),
    )


def webhook(user: str, number: int, is_tap: bool, content: str) -> bytes:
    """The HTTP request of one event, signed, as it comes now; see ``body_of``."""
    body = body_of(user, number, is_tap, content, time.time())
    signature = base64.b64encode(hmac.digest(LINE_SECRET.encode(), body, "sha256"))
    head = (
        b"POST /line/webhook HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json; charset=utf-8\r\n"
        b"X-Line-Signature: %b\r\nContent-Length: %d\r\n\r\n"
    )
    return head % (signature, len(body)) + body


def body_of(user: str, number: int, is_tap: bool, content: str, at: float) -> bytes:
    """The body of a webhook with one event of the second ``at`` since the epoch. ``number`` makes it another than all
    others of the run; its reply token is ``token_of(number)``."""
    same: Event = _TAP if is_tap else _TEXT
    inner: dict[str, Any] = {"postback": {"data": content}} if is_tap else {
        "message": {**same["message"], "id": str(10**17 + number), "text": content}
    }  # fmt: skip
    event = {
        **same,
        **inner,
        "webhookEventId": f"01{number:024d}",
        "timestamp": int(at * 1000),
        "source": {"type": "user", "userId": user},
        "replyToken": token_of(number),
    }
    return orjson.dumps({"destination": _LINE.destination, "events": [event]})


def token_of(number: int) -> str:
    return f"{number:032x}"


class Connection(asyncio.Protocol):
    """One kept-alive connection; one request at a time."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[int] | None = None
        self._read = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own, which says of itself no more

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end:
            return
        _, _, rest = head.lower().partition(b"content-length:")
        if len(body) >= int(rest.partition(b"\r\n")[0] or 0):
            self._read = b""
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("connection lost"))

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    async def post(self, request: bytes) -> int:
        """The status of the answer. Raises ``OSError`` (a time-out is one) when there is none."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        async with asyncio.timeout(PATIENCE):
            return await self._answer


class Poster:
    """Posts to several servers in turn over kept-alive connections."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports
        self._turn = 0
        self._idle = {port: deque[Connection]() for port in ports}
        self._room = {port: asyncio.Semaphore(CONNECTIONS) for port in ports}

    async def post(self, request: bytes) -> int:
        """The status of the answer. Raises ``OSError`` when there is none."""
        port = self._ports[self._turn % len(self._ports)]
        self._turn += 1
        async with self._room[port]:
            connection = await self._connection(port)
            status = await connection.post(request)
            self._idle[port].append(connection)
            return status

    async def deliver(self, request: bytes) -> int:
        """Post until it is taken, as LINE does; how often it had to be sent again. Raises ``ConnectionError`` when it
        never was."""
        for again in range(MOST_TRIES):
            try:
                if await self.post(request) == 200:
                    return again
            except OSError:
                pass
            await asyncio.sleep(AGAIN_AFTER)
        raise ConnectionError("a webhook is refused again and again")

    async def _connection(self, port: int) -> Connection:
        idle = self._idle[port]
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
        _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
        return connection
