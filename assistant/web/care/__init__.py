"""``/care``: what staff see and do for children, in a browser. A section is a module with ``routes``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assistant.bootstrap import Core
from assistant.settings import Settings
from assistant.web.care import alerts, flags, people, reflections, sessions, talks, thresholds
from assistant.web.staff import Door
from knowledge.records.leads import schools_led
from knowledge.records.scope import Viewer

# The sections in the order in which the page lists them: path below /care, key of its name in texts/*/care_pages.yaml.
SECTIONS: tuple[tuple[str, str], ...] = (
    ("alerts", "alerts"),
    ("talks", "talks"),
    ("flags", "flags"),
    ("reflections", "reflections"),
    ("thresholds", "thresholds"),
    ("people", "people"),
    ("sessions", "sessions"),
)


def _closed_to(viewer: Viewer, *, is_lead: bool) -> set[str]:
    """The sections that would only say that they are not for this reader, and that the audit would keep as refused."""
    closed = set[str]() if is_lead else {"people", "sessions"}
    if not viewer.schools:
        closed.add("thresholds")
        if not viewer.homerooms:
            closed.add("flags")
    return closed


def care_routes(settings: Settings, core: Core, now: Callable[[], datetime]) -> list[Route]:
    """For members of staff who signed in freshly; each section shows a person what their roles let them see."""
    door = Door(settings, core, now)

    async def index(request: Request) -> Response:
        visitor = await door.fresh_staff(request)
        async with door.core.database.read() as connection:
            leads = await schools_led(connection, visitor.id, door.today)
        closed = _closed_to(visitor.viewer, is_lead=bool(leads))
        return door.page("care/index.html", visitor, sections=[each for each in SECTIONS if each[0] not in closed])

    return [
        door.route("/care", index),
        *alerts.routes(door),
        *talks.routes(door),
        *flags.routes(door),
        *thresholds.routes(door),
        *reflections.routes(door),
        *people.routes(door),
        *sessions.routes(door),
    ]
