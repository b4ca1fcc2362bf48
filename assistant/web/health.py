"""``/healthz``, ``/readyz``, ``/metrics``."""

from __future__ import annotations

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from assistant.schema import is_current
from knowledge.db import Database
from knowledge.errors import StorageDownError

log = structlog.get_logger(__name__)


def health_routes(database: Database) -> list[Route]:
    """Life, readiness, figures for Prometheus."""

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(_: Request) -> Response:
        try:
            current = await is_current(database)
        except StorageDownError as error:
            log.error("not_ready", problem=str(error))
            return PlainTextResponse("the database cannot be reached", 503)
        if not current:
            return PlainTextResponse("the database schema is not up to date: run 'ayumi migrate'", 503)
        return PlainTextResponse("ready")

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
