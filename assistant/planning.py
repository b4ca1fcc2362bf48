"""The planners of a process, at work as long as it leads all schedulers of the installation."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Protocol

import structlog

from assistant.dialogue.turn import Services
from assistant.publishing import Publisher
from knowledge.errors import StorageDownError
from scheduler.alerts import AlertSource
from scheduler.briefs import Briefs
from scheduler.clock import Clock, call_each
from scheduler.escalating import Escalating
from scheduler.flags import Flagging
from scheduler.leadership import RENEW_EVERY, Leadership
from scheduler.menus import Menus
from scheduler.nudges import Nudges
from scheduler.prompts import Prompts
from scheduler.reminders import Reminders
from scheduler.retention import Clearing
from scheduler.talks import TalkNews, TalkSource

PLAN_EVERY = 15  # seconds between looks at what is due
LEASE = "planning"
ONLY_ONE = "the only process of this store"

log = structlog.get_logger(__name__)


class Planner(Protocol):
    """Puts what is due into the outbox."""

    async def plan(self, now: datetime) -> int:
        """How many sends were stored; safe to call at any time."""
        ...


class Planning:
    """Plans what is due when this process leads, at once after taking over and then at intervals."""

    def __init__(
        self,
        services: Services,
        channels: Sequence[str],
        wake: Callable[[], None],
        now: Callable[[], datetime],
        clock: Clock,
        *,
        is_alone: bool,
    ) -> None:
        """``channels``: where people can be written to. ``wake`` is called after sends were stored. ``is_alone``: no
        other process can work on this store, so what holds the lease is this one before its restart."""
        self.planners: Sequence[Planner] = planners_of(services, channels)
        self.leadership = Leadership(services.database, LEASE, ONLY_ONE if is_alone else None)
        self._wake = wake
        self._now = now
        self._clock = clock
        self.looked_at = time.monotonic()  # when it last found out who leads, or that nobody can say
        clock.every(RENEW_EVERY, "lead", self._lead)
        clock.every(PLAN_EVERY, "plan", self._plan)

    async def stop(self) -> None:
        """Let another lead. The clock must have stopped. Where the database is away, the lease runs out by itself."""
        try:
            await self.leadership.release()
        except StorageDownError as error:
            log.error("storage_down", job="release", problem=str(error))

    async def _lead(self) -> None:
        led = self.leadership.leads
        try:
            if await self.leadership.tick() and not led:
                self._clock.soon("plan")
        finally:
            self.looked_at = time.monotonic()

    async def _plan(self) -> None:
        await self.leadership.act(self._plan_all)

    async def _plan_all(self) -> bool:
        return await call_each("plan", [partial(self._plan_one, planner) for planner in self.planners])

    async def _plan_one(self, planner: Planner) -> None:
        if await planner.plan(self._now()):
            self._wake()


def planners_of(services: Services, channels: Sequence[str]) -> list[Planner]:
    """Everything that puts what is due into the outbox, in the order in which it is asked."""
    places = services.database, services.timezone, services.times, channels
    return [
        Escalating(*places, sources=[AlertSource(), TalkSource()]),  # the first: nothing is to keep it waiting
        TalkNews(*places),
        Menus(*places),  # before the prompts, whose buttons are to be the last
        Prompts(*places),
        Nudges(*places),
        Briefs(*places),
        Flagging(*places),
        Reminders(*places),
        Publisher(services),
        Clearing(services.database, services.timezone, services.retention),  # last: it takes its time
    ]
