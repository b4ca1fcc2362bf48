"""The one place that wires everything."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import aiohttp

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
    announced,
    announcements,
    care,
    checkin,
    closures,
    content,
    documents,
    home,
    linking,
    notes,
    practices,
    questions,
    reaching,
    reminders,
    safety,
    talk,
)
from assistant.inbox import Inbox
from assistant.library import build_library
from assistant.llm.documents import build_answerer
from assistant.llm.interpreter import build_interpreter
from assistant.notices import Notices
from assistant.settings import Settings
from knowledge.db import Database
from scheduler.delivery import WIDTH as SENDS_AT_ONCE
from scheduler.delivery import Delivery, Group
from scheduler.delivery import Done as Settled
from scheduler.engines.inline import Pipeline
from scheduler.schools import SchoolTimes

# The order of the turn: who is it → distress → words that steer → the waiting question → everything else.
HANDLERS: tuple[Handler, ...] = (
    accounts.on_account_event,
    home.on_home,
    safety.on_cry_for_help,
    care.on_distress,
    linking.on_unlinked,
    talk.on_too_long,
    care.on_tell_teacher,
    adding_documents.on_documents_kept,
    practices.on_practices,
    closures.on_closures,
    announced.on_results,
    reaching.on_reaching,
    activities.on_announcing,
    reminders.on_reminders,
    announcements.on_announcement,
    checkin.on_tap,
    checkin.on_form,
    checkin.on_later,
    questions.on_aside,
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
AFTERWARDS = (content.ask_back,)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Core:
    """The way of a message, from the inbox to the channels."""

    services: Services
    database: Database
    inbox: Inbox
    turns: Pipeline[Job, Done]
    delivery: Pipeline[Group, Settled]
    recover: Callable[..., Awaitable[None]]  # takes up sends of processes that died

    async def drain(self) -> None:
        """Work through everything that is there, in the caller's time."""
        await self.turns.drain()
        await self.delivery.drain()


def build_services(settings: Settings, database: Database) -> Services:
    """What handlers use. Raises ``SettingsError`` for a broken check-in script, ``ScheduleError`` for broken rules of
    schools."""
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
    )


def with_quota(
    services: Services, settings: Settings, session: aiohttp.ClientSession, now: Callable[[], datetime] = utc_now
) -> Services:
    """The services, able to ask LINE what may still be sent this month; without LINE's settings, as they were."""
    if not settings.has_line:
        return services
    token = settings.line_channel_access_token
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
) -> Core:
    """Wire inbox, turns and delivery over some channels; ``only`` serves a single account."""
    composer = Composer(services, channels, now)
    notices = Notices(services.database, list(channels), services.language, now)
    delivery = Delivery(
        services.database,
        {name: Sender(channel, composer.compose, now) for name, channel in channels.items()},
        now,
        notices.report,
        only,
    )
    sending = Pipeline[Group, Settled]("delivery", delivery.exchange, delivery.run, SENDS_AT_ONCE)
    turns = Turns(
        services,
        handlers,
        {name: channel.to_incoming for name, channel in channels.items()},
        now,
        sending.wake,
        lambda account_id: channels[account_id.partition(":")[0]].show_busy(account_id),
        only,
        AFTERWARDS,
    )
    turning = Pipeline[Job, Done]("turns", turns.exchange, turns.run, TURNS_AT_ONCE)
    return Core(
        services=services,
        database=services.database,
        inbox=Inbox(services.database, now, turning.wake),
        turns=turning,
        delivery=sending,
        recover=delivery.recover,
    )
