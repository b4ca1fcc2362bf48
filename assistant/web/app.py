"""The web applications: webhooks, pages, health. Nothing is built at import."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from starlette.applications import Starlette
from starlette.routing import Route

from assistant.bootstrap import HANDLERS, utc_now
from assistant.channels.browser.routes import browser_routes
from assistant.channels.line.routes import line_routes
from assistant.dialogue.turn import Handler
from assistant.running import Process, running
from assistant.settings import Settings
from assistant.web.account import account_routes
from assistant.web.care import care_routes
from assistant.web.documents import document_routes
from assistant.web.files import file_routes, opens_for
from assistant.web.go import go_routes
from assistant.web.health import WEB, health_routes, parts_of
from assistant.web.library import library_routes
from assistant.web.privacy import privacy_routes
from assistant.web.proof import proof_routes
from assistant.web.security import protection


def web_app(process: Process, *, demo: bool = False) -> Starlette:
    """Everything that is served to people and platforms. ``demo`` offers sign-in with one tap."""
    settings, core, now, secret = process.settings, process.core, process.now, process.services.secret
    app = Starlette(
        routes=[
            *_webhooks(process),  # first, for they are asked for most: routes are tried one after another
            *health_routes(core.database, now, [WEB, *parts_of(process)]),
            *proof_routes(secret),
            *file_routes(core.database, secret, now, opens_for(settings, core, now)),
            *document_routes(settings, core, now),
            *library_routes(settings, core, now),
            *care_routes(settings, core, now),
            *account_routes(settings, core, now),
            *go_routes(core.database, secret, now),
            *privacy_routes(settings.language, process.services.retention),
            *browser_routes(settings, core, now, demo=demo),
        ],
        middleware=protection(settings),
    )
    app.state.core = core
    return app


def _webhooks(process: Process) -> list[Route]:
    settings, inbox, routes = process.settings, process.core.inbox, list[Route]()
    if settings.has_line:
        routes += line_routes(inbox, settings.line_channel_secret.get_secret_value(), process.now)
    if settings.has_slack:
        from assistant.channels.slack.routes import slack_routes  # with slack_bolt, which takes as long as all pages

        routes += slack_routes(settings, inbox, process.services, process.now)
    return routes


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
    """A process (see ``running``) and its web application."""
    async with running(settings, worker=worker, scheduler=scheduler, now=now, handlers=handlers) as process:
        yield web_app(process, demo=demo)
