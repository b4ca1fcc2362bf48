"""Small worlds to test in: a clock that is moved by hand, and LINE in front of the real way of a message."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from sqlalchemy import func, select
from starlette.applications import Starlette

from assistant.bootstrap import HANDLERS, Core, build_core, build_services, with_quota
from assistant.channels.files import Files
from assistant.channels.line.channel import LineChannel
from assistant.channels.line.routes import line_routes
from assistant.channels.port import Channel
from assistant.dialogue.turn import Handler
from assistant.inbox import InboxEvent
from assistant.settings import Settings
from assistant.web.files import file_routes
from knowledge.db import Database
from knowledge.imports.registry import run_import
from knowledge.records.linking import create_code
from scheduler.outbox import Outbox
from tests.builders.oneroster import write_oneroster
from tests.platforms.line import LineStandIn, user_id
from tests.running import served

TOKYO = ZoneInfo("Asia/Tokyo")
MORNING = datetime(2026, 5, 11, 8, 20, tzinfo=TOKYO)  # a Monday, a school day
LINE_SECRET, LINE_TOKEN = "line-secret", "line-token"


class HandClock:
    """A clock that stands until it is moved."""

    def __init__(self, start: datetime = MORNING) -> None:
        self.moment = start

    def now(self) -> datetime:
        return self.moment.astimezone(UTC)

    def seconds(self) -> float:
        return self.moment.timestamp()

    def forward(self, **span: float) -> None:
        self.moment += timedelta(**span)


async def with_roster(database: Database, folder: Path) -> None:
    """The small district of ``tests.builders.oneroster``, imported."""
    folder.mkdir(exist_ok=True)
    write_oneroster(folder / "oneroster")
    await run_import(database, "oneroster", folder / "oneroster", timezone=TOKYO)


def settings_of(folder: Path, database_url: str, **more: str) -> Settings:
    """Settings of a test, untouched by the machine's environment."""
    values: dict[str, Any] = {"data_dir": folder, "database_url": database_url, "secret_key": "secret", **more}
    return Settings(_env_file=None, **values)  # pyright: ignore[reportCallIssue] -- pydantic-settings' own argument


def files_of(database: Database, clock: HandClock, base_url: str = "") -> Files:
    """The files of a test's installation."""
    return Files(database=database, base_url=base_url, secret=b"secret", language="ja", now=clock.now)


class LineWorld:
    """Children with LINE on their phones, and everything behind the webhook."""

    def __init__(self, line: LineStandIn, core: Core, clock: HandClock, http: aiohttp.ClientSession, url: str) -> None:
        self.line, self.core, self.clock, self.http, self.url = line, core, clock, http, url

    async def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Post to the webhook; the status of the answer."""
        async with self.http.post(f"{self.url}/line/webhook", data=body, headers=headers) as response:
            return response.status

    async def send(self, *events: dict[str, Any]) -> int:
        return await self.post(*self.line.webhook(*events))

    async def say(self, name: str, text: str) -> list[str]:
        """Someone writes, a second later; the texts of the answer."""
        return await self._turn(name, self.line.events.text(user_id(name), text))

    async def tap(self, name: str, label: str) -> list[str]:
        """Someone taps a quick reply under the last message."""
        replies = self.line.quick_replies_to(user_id(name))
        found = [action for shown, action in replies if shown == label]
        assert found, f"no '{label}' among {[shown for shown, _ in replies]}"
        return await self._turn(name, self.line.events.postback(user_id(name), found[0]["data"]))

    async def link(self, name: str, person_id: str) -> list[str]:
        """Someone links their account with a code from school."""
        async with self.core.database.write() as connection:
            code = await create_code(
                connection,
                person_id,
                at=self.clock.now(),
                expires_at=self.clock.now() + timedelta(hours=1),
                secret=self.core.services.secret,
            )
        return await self.say(name, code)

    async def count(self, table: type[InboxEvent] | type[Outbox], **where: str) -> int:
        """How many rows a table has."""
        async with self.core.database.read() as connection:
            statement = select(func.count()).select_from(table).filter_by(**where)
            return await connection.scalar(statement) or 0

    async def _turn(self, name: str, event: dict[str, Any]) -> list[str]:
        before = len(self.line.texts_to(user_id(name)))
        assert await self.send(event) == 200
        await self.core.drain()
        self.clock.forward(seconds=1)
        return self.line.texts_to(user_id(name))[before:]


@asynccontextmanager
async def line_world(
    database: Database,
    folder: Path,
    *,
    clock: HandClock | None = None,
    handlers: Sequence[Handler] = HANDLERS,
    more_channels: Mapping[str, Channel] | None = None,
    base_url: str = "",
) -> AsyncGenerator[LineWorld]:
    """LINE's stand-in, the webhook on a port, the roster imported. What we sent to LINE kept every rule."""
    clock = clock or HandClock()
    await with_roster(database, folder)
    keys = {"line_channel_secret": LINE_SECRET, "line_channel_access_token": LINE_TOKEN}
    async with (
        LineStandIn(channel_secret=LINE_SECRET, access_token=LINE_TOKEN, now=clock.seconds) as line,
        aiohttp.ClientSession() as http,
    ):
        settings = settings_of(folder, "", line_api_base_url=line.base_url, **keys)
        channel = LineChannel(http, line.base_url, LINE_TOKEN, clock.now, files_of(database, clock, base_url))
        core = build_core(
            with_quota(build_services(settings, database), settings, http, clock.now),
            {channel.name: channel, **(more_channels or {})},
            clock.now,
            handlers=tuple(handlers),
        )
        routes = [*line_routes(core.inbox, LINE_SECRET, clock.now), *file_routes(database, b"secret", clock.now)]
        app = Starlette(routes=routes)
        async with served(app) as url:
            yield LineWorld(line, core, clock, http, url)
        assert line.violations == []
