"""What the doctor says, and what it looks at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import aiohttp

from assistant.doctor.machine import Machine
from assistant.settings import Settings

T = TypeVar("T")
PATIENCE = 5.0  # seconds for anybody to answer


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    ok: bool | None  # None: fine, but worth knowing
    about: str
    says: str  # what was found and, where it is not fine, what to do; never a secret, nothing of a person

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def fine(about: str, says: str) -> Finding:
    return Finding(ok=True, about=about, says=says)


def note(about: str, says: str) -> Finding:
    return Finding(ok=None, about=about, says=says)


def bad(about: str, says: str) -> Finding:
    return Finding(ok=False, about=about, says=says)


@dataclass(frozen=True, kw_only=True)
class Patient:
    """The installation, seen from one of its machines."""

    settings: Settings
    machine: Machine = field(default_factory=Machine)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a server answered."""

    status: int
    headers: dict[str, str]  # names in small letters
    content: Any  # JSON where it is JSON, else the text


async def ask(url: str, token: str = "", *, post: bool = False) -> Reply | str:
    """The answer, or in words why there is none."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers, trust_env=False) as http,
            http.request("POST" if post else "GET", url, allow_redirects=False) as response,
        ):
            is_json = response.content_type == "application/json"
            content = await (response.json() if is_json else response.text(errors="replace"))
            names = {name.lower(): value for name, value in response.headers.items()}
            return Reply(status=response.status, headers=names, content=content)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return f"no answer ({type(error).__name__})"


async def ask_object(url: str, token: str = "", *, post: bool = False) -> dict[str, Any] | str:
    """The JSON object of a good answer, or in words why there is none."""
    reply = await ask(url, token, post=post)
    if isinstance(reply, str):
        return reply
    if reply.status != 200:
        return f"HTTP {reply.status}"
    return cast("dict[str, Any]", reply.content) if isinstance(reply.content, dict) else "an answer that is no JSON"


async def within_patience(work: Callable[[], T]) -> T:
    """Work that blocks, in a thread. Raises ``TimeoutError``, and whatever it raises."""
    async with asyncio.timeout(PATIENCE):
        return await asyncio.to_thread(work)
