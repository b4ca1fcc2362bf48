"""The ASGI application: webhooks, pages, health. Nothing is built at import."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import aiohttp
import structlog
from starlette.applications import Starlette

from assistant.attachments import forget_expired
from assistant.bootstrap import HANDLERS, Core, build_core, build_services, utc_now, with_quota
from assistant.channels.browser.channel import BrowserChannel
from assistant.channels.browser.routes import browser_routes
from assistant.channels.files import Files
from assistant.channels.line.channel import LineChannel
from assistant.channels.line.routes import line_routes
from assistant.channels.port import Channel
from assistant.channels.slack.channel import SlackChannel
from assistant.channels.slack.routes import slack_routes
from assistant.dialogue.turn import Handler
from assistant.publishing import Publisher
from assistant.schema import migrate
from assistant.settings import Settings
from assistant.web.documents import document_routes
from assistant.web.files import file_routes
from assistant.web.go import go_routes
from assistant.web.health import health_routes
from assistant.web.library import library_routes
from knowledge.db import Database
from scheduler.briefs import Briefs
from scheduler.clock import Clock
from scheduler.menus import Menus
from scheduler.nudges import Nudges
from scheduler.prompts import Prompts
from scheduler.reminders import Reminders

PLAN_EVERY = 15  # seconds between looks at what is due
RECOVER_EVERY = 10  # seconds between looks for sends of processes that died
FORGET_EVERY = 3600  # seconds between looks for files whose time is over

log = structlog.get_logger(__name__)


class Planner(Protocol):
    """Puts what is due into the outbox."""

    async def plan(self, now: datetime) -> int:
        """How many sends were stored; safe to call at any time."""
        ...


@asynccontextmanager
async def running_app(
    settings: Settings,
    *,
    worker: bool = True,
    scheduler: bool = True,
    demo: bool = False,
    now: Callable[[], datetime] = utc_now,
    handlers: tuple[Handler, ...] = HANDLERS,
) -> AsyncGenerator[Starlette]:
    """One process, wired and at work until the block ends. ``worker`` answers and sends here, ``scheduler`` plans
    prompts here, ``demo`` offers sign-in with one tap. Raises ``SettingsError`` or ``ScheduleError`` before anything
    is opened."""
    database = Database(settings.database)
    services = build_services(settings, database)
    times = services.times
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        if settings.is_embedded:
            await migrate(database)
        session = await stack.enter_async_context(aiohttp.ClientSession(trust_env=False))
        services = with_quota(services, settings, session, now)
        channels = build_channels(settings, database, session, now)
        for channel in channels.values():
            stack.push_async_callback(channel.close)
        core = build_core(services, channels, now, handlers=handlers)
        clock = Clock()
        stack.callback(clock.stop)
        if worker:
            if settings.is_embedded:  # nobody else works on this store: what is claimed was claimed before a crash
                await core.recover(timedelta(seconds=-1))
            for pipeline in (core.turns, core.delivery):
                pipeline.start()
                stack.push_async_callback(pipeline.stop)
            clock.every(RECOVER_EVERY, "recover", core.recover)
            clock.every(FORGET_EVERY, "forget", lambda: forget_expired(database, now()))
        if scheduler:
            names = [channel.name for channel in channels.values() if channel.keeps_prompts]
            planners: list[Planner] = [
                Menus(database, settings.zone, times, names),  # before the prompts, whose buttons are to be the last
                Prompts(database, settings.zone, times, names),
                Nudges(database, settings.zone, times, names),
                Briefs(database, settings.zone, times, names),
                Reminders(database, settings.zone, times, names),
                Publisher(services),
            ]
            clock.every(PLAN_EVERY, "plan", *(partial(_plan, planner, core, now) for planner in planners))
        await clock.start()
        log.info("running", channels=sorted(channels), worker=worker, scheduler=scheduler)
        app = Starlette(
            routes=[
                *health_routes(database),
                *file_routes(database, services.secret, now),
                *document_routes(settings, core, now),
                *library_routes(settings, core, now),
                *go_routes(database, services.secret, now),
                *browser_routes(settings, core, now, demo=demo),
                *(line_routes(core.inbox, settings.line_channel_secret, now) if settings.has_line else []),
                *(slack_routes(settings, core.inbox, services, now) if settings.has_slack else []),
            ]
        )
        app.state.core = core
        yield app


def build_channels(
    settings: Settings, database: Database, session: aiohttp.ClientSession, now: Callable[[], datetime]
) -> Mapping[str, Channel]:
    """The channels that have their settings. A new channel is a line here."""
    files = Files(
        database=database, base_url=settings.base_url, secret=settings.secret(), language=settings.language, now=now
    )
    channels: list[Channel] = [BrowserChannel(database, now)]
    if settings.has_line:
        token = settings.line_channel_access_token
        channels.append(LineChannel(session, settings.line_api_base_url, token, now, files))
    if settings.has_slack:
        channels.append(SlackChannel(settings.slack_bot_token, settings.slack_api_base_url, files))
    return {channel.name: channel for channel in channels}


async def _plan(planner: Planner, core: Core, now: Callable[[], datetime]) -> None:
    if await planner.plan(now()):
        core.delivery.wake()
