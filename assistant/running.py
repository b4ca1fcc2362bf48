"""A process at work: what it opens, which roles it plays, and how it ends. Web applications are put on top of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import aiohttp
import structlog

from assistant.attachments import forget_expired
from assistant.bootstrap import HANDLERS, Core, build_core, build_services, utc_now, with_quota
from assistant.channels.browser.channel import BrowserChannel
from assistant.channels.files import Files
from assistant.channels.line.channel import LineChannel
from assistant.channels.port import Channel
from assistant.dialogue.turn import Handler, Services
from assistant.installation import warn_of_other_key
from assistant.planning import Planning
from assistant.schema import migrate
from assistant.settings import Settings
from knowledge.db import Database
from scheduler.clock import Clock
from scheduler.rates import MemoryRates, TableRates

RECOVER_EVERY = 3  # seconds between looks for sends of processes that died
FORGET_EVERY = 3600  # seconds between looks for files whose time is over

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Process:
    """What a web application needs of the process that it runs in."""

    settings: Settings
    services: Services
    core: Core
    now: Callable[[], datetime]
    planning: Planning | None  # None: this process is no scheduler


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    worker: bool = True,
    scheduler: bool = True,
    now: Callable[[], datetime] = utc_now,
    handlers: tuple[Handler, ...] = HANDLERS,
) -> AsyncGenerator[Process]:
    """One process, wired and at work until the block ends. ``worker`` answers and sends here, ``scheduler`` plans
    here as long as it leads. Raises ``SettingsError`` or ``ScheduleError`` before anything is opened."""
    database = Database(settings.database, _connections(worker=worker, scheduler=scheduler))
    services = build_services(settings, database)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        if settings.is_embedded:
            await migrate(database)
        session = await stack.enter_async_context(aiohttp.ClientSession(trust_env=False))
        services = with_quota(services, settings, session, now)
        channels = build_channels(settings, database, session, now)
        for channel in channels.values():
            stack.push_async_callback(channel.close)
        rates = MemoryRates() if settings.is_embedded else TableRates(database)
        core = build_core(
            services, channels, now, handlers=handlers, is_shared=not settings.is_embedded, rates=rates
        )  # fmt: skip
        clock, planning = Clock(), None
        if worker:
            await _work(stack, clock, core, settings, now)
        if scheduler:
            names = [channel.name for channel in channels.values() if channel.keeps_prompts]
            planning = Planning(services, names, core.delivery.wake, now, clock, is_alone=settings.is_embedded)
            stack.push_async_callback(planning.stop)
        stack.push_async_callback(clock.stop)
        await warn_of_other_key(database, services.secret, now())
        clock.start()
        log.info("running", channels=sorted(channels), worker=worker, scheduler=scheduler)
        yield Process(settings=settings, services=services, core=core, now=now, planning=planning)


def _connections(*, worker: bool, scheduler: bool) -> int:
    """How many connections to PostgreSQL a process needs by its roles, besides the one that the queue listens on. Two
    of each role take 72 of the 97 that a PostgreSQL as it is installed has for us.

    A worker: 1 to take and store turns, 1 for the sends of each channel, 8 to write into browser chats, and what up to
    200 turns read with, some milliseconds each. One that receives: 1 for the inbox, the rest for pages. A scheduler
    plans one thing at a time."""
    if worker:
        return 20
    return 5 if scheduler else 10


def build_channels(
    settings: Settings, database: Database, session: aiohttp.ClientSession, now: Callable[[], datetime]
) -> Mapping[str, Channel]:
    """The channels that have their settings. A new channel is a line here."""
    files = Files(
        database=database, base_url=settings.base_url, secret=settings.secret(), language=settings.language, now=now
    )
    channels: list[Channel] = [BrowserChannel(database, now)]
    if settings.has_line:
        token = settings.line_channel_access_token.get_secret_value()
        channels.append(LineChannel(session, settings.line_api_base_url, token, now, files))
    if settings.has_slack:
        from assistant.channels.slack.channel import SlackChannel  # with slack_sdk, a tenth of what a process loads

        channels.append(SlackChannel(settings.slack_bot_token.get_secret_value(), settings.slack_api_base_url, files))
    return {channel.name: channel for channel in channels}


async def _work(
    stack: AsyncExitStack, clock: Clock, core: Core, settings: Settings, now: Callable[[], datetime]
) -> None:
    """Answer and send, until the stack ends."""
    if settings.is_embedded:  # nobody else works on this store: what is claimed was claimed before a crash
        await core.recover(None)
    core.start()
    stack.push_async_callback(core.stop)
    clock.every(RECOVER_EVERY, "recover", core.recover)
    clock.every(FORGET_EVERY, "forget", lambda: forget_expired(core.database, now()))
