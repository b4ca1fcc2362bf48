"""The whole application on a port, with the small district imported, for people who come with a browser."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from assistant.bootstrap import HANDLERS, Core
from assistant.demo.generate import write_demo
from assistant.dialogue.turn import Handler
from assistant.inbox import InboxEvent
from assistant.web.app import running_app
from knowledge.imports.registry import run_import
from knowledge.records.checkins import CheckInRecord, find_checkins
from knowledge.records.linking import create_code
from tests.running import served
from tests.worlds import TOKYO, HandClock, settings_of, with_roster


class BrowserWorld:
    """What happens behind the page."""

    def __init__(self, url: str, core: Core, clock: HandClock, database_url: str) -> None:
        self.url, self.core, self.clock, self.database_url = url, core, clock, database_url

    async def code(self, person_id: str, **lives: float) -> str:
        """A fresh link code; it lives an hour unless told."""
        now = self.clock.now()
        async with self.core.database.write() as connection:
            return await create_code(
                connection,
                person_id,
                at=now,
                expires_at=now + timedelta(**(lives or {"hours": 1})),
                secret=self.core.services.secret,
            )

    async def events(self) -> list[str]:
        """The ids of all events that were stored, in order."""
        async with self.core.database.read() as connection:
            return list(await connection.scalars(select(InboxEvent.event_id).order_by(InboxEvent.id)))

    async def check_ins(self, student_id: str) -> list[CheckInRecord]:
        async with self.core.database.read() as connection:
            return list(await find_checkins(connection, [student_id], [self.clock.moment.date()]))


@asynccontextmanager
async def browser_world(
    folder: Path,
    database_url: str,
    *,
    demo: bool = False,
    language: str = "ja",
    base_url: str = "",
    handlers: tuple[Handler, ...] = HANDLERS,
    clock: HandClock | None = None,
    more: Mapping[str, str] | None = None,
) -> AsyncGenerator[BrowserWorld]:
    """A Monday morning. With ``demo`` the roster is the demo district's. ``more``: further settings."""
    clock = clock or HandClock()
    settings = settings_of(folder, database_url, language=language, base_url=base_url, **(more or {}))
    async with running_app(settings, scheduler=False, demo=demo, now=clock.now, handlers=handlers) as app:
        core: Core = app.state.core
        if demo:
            write_demo(folder / "demo", clock.moment.date())
            await run_import(core.database, "oneroster", folder / "demo" / "oneroster", timezone=TOKYO)
        else:
            await with_roster(core.database, folder / "roster")
        async with served(app) as url:
            yield BrowserWorld(url, core, clock, database_url)
