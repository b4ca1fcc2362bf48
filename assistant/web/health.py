"""``/healthz``, ``/readyz``, ``/metrics``: of every role, on every port."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from assistant.running import Process
from assistant.schema import SchemaState, state_of
from assistant.standing import Standing
from assistant.web.headers import StrictHeaders
from assistant.web.requests import RequestIds
from knowledge.db import Database, upsert
from knowledge.errors import StorageDownError
from scheduler.leadership import Lease
from scheduler.trace import kinds

STUCK = 60.0  # seconds without a move after which a part of a process needs a new process
PATIENCE = 1.5  # seconds for the database: no longer than a webhook waits for it
LOOK_EVERY = 1.0  # seconds that readiness is told again without looking: whoever asks often stores nothing more
PROBE = "probe"  # the lease that nobody holds: writing its row shows that something can be stored

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Something of a process that has to keep moving."""

    name: str
    still_for: Callable[[], float | None]  # seconds since it last moved, infinite once it ended; None: not at work here
    doing: Callable[[], str] = lambda: "moving"


WEB = Part(name="web", still_for=lambda: 0.0, doing=lambda: "answering")  # or nobody would hear of it


def parts_of(process: Process) -> list[Part]:
    """What has to move in a process, by the roles that it plays."""
    core, planning = process.core, process.planning
    parts = [
        Part(name="turns", still_for=lambda: core.turns.still_for),
        Part(name="delivery", still_for=lambda: core.delivery.still_for),
    ]
    engine = core.engine
    if engine is not None:
        parts.append(Part(name="queue", still_for=lambda: engine.still_for))
    if planning is not None:
        parts.append(
            Part(
                name="scheduler",
                still_for=lambda: time.monotonic() - planning.looked_at,
                doing=lambda: "acting" if planning.leadership.leads else "standing by",
            )
        )
    return parts


def still_of(parts: Sequence[Part]) -> dict[str, float]:
    """The parts that are at work here, and for how many seconds each has not moved."""
    return {part.name: still for part in parts if (still := part.still_for()) is not None}


def health_app(process: Process) -> Starlette:
    """What a process without pages and webhooks serves: how it is."""
    routes = health_routes(process.core.database, process.now, parts_of(process))
    is_https = process.settings.base_url.startswith("https://")
    return Starlette(routes=routes, middleware=[Middleware(StrictHeaders, is_https=is_https), Middleware(RequestIds)])


def health_routes(
    database: Database,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    parts: Sequence[Part] = (),
) -> list[Route]:
    """Life, readiness, figures for Prometheus.

    ``/healthz`` is 503 when a part has ended, or has not moved for a minute though the database answers: a new process
    would help. ``/readyz`` is 503 while nothing can be stored, with the reason."""
    health = Health(database, now, parts)
    standing = Standing(database, now, lambda: still_of(parts))

    async def metrics(_: Request) -> Response:
        return Response(await standing.exposition(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", health.life), Route("/readyz", health.readiness), Route("/metrics", metrics)]


class Health:
    """The endpoints that a supervisor asks."""

    def __init__(self, database: Database, now: Callable[[], datetime], parts: Sequence[Part]) -> None:
        self._database = database
        self._now = now
        self._parts = parts
        self._looking = asyncio.Lock()
        self._looked_at = float("-inf")
        self._problem: str | None = None

    async def life(self, _: Request) -> Response:
        stuck = [name for name, still in still_of(self._parts).items() if still > STUCK]
        if stuck and await self._answers():
            log.error("not_alive", parts=stuck)
            return PlainTextResponse(f"does not move: {', '.join(stuck)}", 503)
        return PlainTextResponse("ok")

    async def readiness(self, _: Request) -> Response:
        async with self._looking:
            if time.monotonic() - self._looked_at >= LOOK_EVERY:
                self._problem = await self._find_problem()
                self._looked_at = time.monotonic()
        if self._problem is not None:
            return PlainTextResponse(self._problem, 503)
        doing = [f"{part.name}: {part.doing()}" for part in self._parts if part.still_for() is not None]
        return PlainTextResponse("\n".join(["ready", *doing]))

    async def _find_problem(self) -> str | None:
        """Why nothing can be stored; None when it can."""
        try:
            async with asyncio.timeout(PATIENCE):
                if await state_of(self._database) is SchemaState.BEHIND:
                    return "the database schema is not up to date: run 'ayumi migrate'"
        except (StorageDownError, SQLAlchemyError, TimeoutError) as error:
            log.error("not_ready", problem="database", error=kinds(error))
            return "the database cannot be reached"
        try:
            async with asyncio.timeout(PATIENCE):
                await self._store_something()
        except (StorageDownError, SQLAlchemyError, TimeoutError) as error:  # full, read-only, locked
            log.error("not_ready", problem="storing", error=kinds(error))
            return "nothing can be stored in the database"
        return None

    async def _store_something(self) -> None:
        row = {"name": PROBE, "holder": PROBE, "until": self._now() - timedelta(days=1)}
        async with self._database.write() as connection:
            await upsert(connection, Lease, [row], key=["name"], update=["holder", "until"])

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(PATIENCE), self._database.read() as connection:
                await connection.execute(text("SELECT 1"))
        except (StorageDownError, SQLAlchemyError, TimeoutError):
            return False
        return True
