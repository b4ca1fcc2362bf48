"""The one place that wires everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import aiohttp

from assistant.channels.busy import Busy
from assistant.channels.line.quota import LineQuota
from assistant.channels.port import Channel
from assistant.channels.sender import Sender
from assistant.checkins.load import Scripts
from assistant.composing import Composer
from assistant.dialogue.turn import Handler, Services
from assistant.dialogue.turns import WIDTH as TURNS_AT_ONCE
from assistant.dialogue.turns import Done, Job, Turns
from assistant.handlers import (
    accounts,
    activities,
    adding_documents,
    alerts,
    announced,
    announcements,
    care,
    checkin,
    closures,
    content,
    documents,
    flags,
    home,
    linking,
    looked,
    notes,
    notice,
    pace,
    practices,
    privacy,
    questions,
    reaching,
    reminders,
    replying,
    safety,
    talk,
    talks,
    wishes,
)
from assistant.inbox import Inbox, events_without_job
from assistant.library import build_library
from assistant.llm.documents import build_answerer
from assistant.llm.interpreter import build_interpreter
from assistant.notices import Notices
from assistant.settings import Settings
from knowledge.db import Database
from scheduler.deliveries import Deliveries
from scheduler.delivery import Delivery
from scheduler.engines.inline import InlineQueue, Pipeline
from scheduler.engines.postgres import PostgresQueue
from scheduler.queue import Assignments
from scheduler.rates import Rates
from scheduler.retention import load_retention
from scheduler.schools import SchoolTimes

# The order of the turn: who is it → distress → too fast? → words that steer → the waiting question → everything else.
HANDLERS: tuple[Handler, ...] = (
    accounts.on_account_event,
    home.on_home,
    pace.on_every,
    safety.on_cry_for_help,
    care.on_distress,
    pace.on_rush,
    linking.on_unlinked,
    notice.on_notice,
    talk.on_edited,
    talk.on_too_long,
    alerts.on_alerts,
    wishes.on_wish,
    talks.on_talks,
    adding_documents.on_documents_kept,
    practices.on_practices,
    closures.on_closures,
    announced.on_results,
    replying.on_replying,
    flags.on_flags,
    reaching.on_reaching,
    activities.on_announcing,
    reminders.on_reminders,
    announcements.on_announcement,
    checkin.on_tap,
    checkin.on_form,
    checkin.on_later,
    questions.on_aside,
    privacy.on_private,
    looked.on_who_looked,
    talk.on_command,
    notes.on_note,
    safety.on_more,
    activities.on_activities,
    content.on_content,
    documents.on_led,
    checkin.on_text,
    documents.on_question,
    questions.on_question,
    announcements.on_unclear,
    talk.on_anything,
)

# What may be added to an answer once it is there.
AFTERWARDS = (content.ask_back, notice.show_notice)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Core:
    """The way of a message, from the inbox to the channels."""

    services: Services
    database: Database
    inbox: Inbox
    turns: Pipeline[Job, Done]
    delivery: Deliveries
    recover: Callable[..., Awaitable[None]]  # takes up sends of processes that died
    engine: PostgresQueue | None = None  # hands conversations to this process; None: it answers everybody

    def start(self) -> None:
        """Answer and send, until ``stop``."""
        self.turns.start()
        self.delivery.start()
        if self.engine is not None:
            self.engine.start()

    async def stop(self) -> None:
        """Take nothing new, finish what is under way, leave the rest to others; all pipelines side by side, for each
        has its own grace. Safe to call when it never started."""
        await asyncio.gather(self._stop_answering(), self.delivery.stop())

    async def _stop_answering(self) -> None:
        if self.engine is not None:
            self.engine.stop_taking()
        await self.turns.stop()
        if self.engine is not None:
            await self.engine.stop()

    async def drain(self) -> None:
        """Work through everything that is there, in the caller's time."""
        await self.turns.drain()
        await self.delivery.drain()


def build_services(settings: Settings, database: Database) -> Services:
    """What handlers use. Raises ``SettingsError`` for a broken check-in script, ``ScheduleError`` for broken rules of
    schools, ``RetentionError`` for broken ones of how long what is kept."""
    return Services(
        database=database,
        library=build_library(settings, database),
        scripts=Scripts(settings.data_dir),
        timezone=settings.zone,
        language=settings.language,
        secret=settings.secret(),
        channels=frozenset(settings.channels),
        interpreter=build_interpreter(settings.llm, settings.llm_base_url) if settings.llm else None,
        answerer=build_answerer(settings.llm, settings.llm_base_url) if settings.llm else None,
        times=SchoolTimes.load(settings.data_dir / "schools.yaml"),
        retention=load_retention(settings.data_dir),
    )


def with_quota(
    services: Services, settings: Settings, session: aiohttp.ClientSession, now: Callable[[], datetime] = utc_now
) -> Services:
    """The services, able to ask LINE what may still be sent this month; without LINE's settings, as they were."""
    if not settings.has_line:
        return services
    token = settings.line_channel_access_token.get_secret_value()
    return replace(services, quota=LineQuota(session, settings.line_api_base_url, token, now))


@asynccontextmanager
async def command_services(settings: Settings, database: Database) -> AsyncGenerator[Services]:
    """What ``build_services`` gives, for a command: LINE's quota can be asked for until the block ends."""
    async with aiohttp.ClientSession(trust_env=False) as session:
        yield with_quota(build_services(settings, database), settings, session)


def build_core(
    services: Services,
    channels: Mapping[str, Channel],
    now: Callable[[], datetime] = utc_now,
    only: str | None = None,
    handlers: tuple[Handler, ...] = HANDLERS,
    *,
    is_shared: bool = False,
    rates: Rates | None = None,
) -> Core:
    """Wire inbox, turns and deliveries over some channels; ``only`` serves a single account. ``is_shared``: other
    processes work on the same database, and the engine says who answers whom. ``rates``: what the platforms take in a
    second; None: nobody counts (commands, which send little)."""
    assignments = Assignments()
    composer = Composer(services, channels, now)
    notices = Notices(services.database, list(channels), services.language, now)
    deliveries = Deliveries(
        [
            Delivery(services.database, name, Sender(channel, composer.compose, now), now, notices.report, only, rates)
            for name, channel in channels.items()
        ]
    )
    turns = Turns(
        services,
        handlers,
        {name: channel.to_incoming for name, channel in channels.items()},
        now,
        deliveries.wake,
        Busy(channels, rates).show,
        only,
        AFTERWARDS,
        assignments if is_shared else None,
        care.on_broken,
    )
    turning = Pipeline[Job, Done]("turns", turns.exchange, turns.run, TURNS_AT_ONCE)
    assignments.wakes(turning.wake)
    engine = PostgresQueue(services.database, assignments, list(channels), events_without_job) if is_shared else None
    return Core(
        services=services,
        database=services.database,
        inbox=Inbox(services.database, now, engine or InlineQueue(turning.wake)),
        turns=turning,
        delivery=deliveries,
        recover=deliveries.recover,
        engine=engine,
    )
