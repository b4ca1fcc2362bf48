"""Which requests are turned away before anybody looks at them."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import ceil
from time import monotonic
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from assistant.bootstrap import utc_now
from assistant.channels.browser.pages import Pages
from assistant.errors import AssistantError
from assistant.settings import Settings
from assistant.web.headers import StrictHeaders
from assistant.web.limits import ADDRESS, Buckets, address_of, cost_of
from assistant.web.requests import RequestIds

LOOPBACK = ("127.0.0.1", "::1")
LOCALHOST = re.compile(r"(?:127\.0\.0\.1|\[::1\]|localhost)(?::[0-9]+)?")
PORTS = {"https": ":443", "http": ":80"}

HEALTH = ("/healthz", "/readyz", "/metrics")  # asked by whatever address a cluster has for us, and never turned away
WEBHOOKS = ("/line/webhook", "/slack/events")  # nor are these: a platform may not send again what was refused

log = structlog.get_logger(__name__)


class TurnedAwayError(AssistantError):
    """The request is not looked at. Carries the status and the key of the words."""

    def __init__(self, status: int, key: str, wait: float = 0.0) -> None:
        super().__init__(key)
        self.status, self.key, self.wait = status, key, wait


def protection(settings: Settings, seconds: Callable[[], float] = monotonic) -> list[Middleware]:
    """The middleware of every web application of ours, the outermost first: whatever answers carries the headers."""
    return [
        Middleware(StrictHeaders, is_https=settings.base_url.startswith("https://")),
        Middleware(RequestIds),
        Middleware(Gate, settings=settings, seconds=seconds),
    ]


class Gate:
    """Middleware: turns away what asks for another host (421) and whoever asks for too much (429), with a kind page."""

    def __init__(self, app: ASGIApp, *, settings: Settings, seconds: Callable[[], float] = monotonic) -> None:
        self._app = app
        self._hosts = _hosts(settings.base_url)
        self._pages = Pages(settings.language, settings.zone, b"", utc_now)  # of problems, which have no addresses
        self._addresses = Buckets(ADDRESS, seconds)
        self._said: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in HEALTH:
            await self._app(scope, receive, send)
            return
        try:
            self._let_in(scope)
        except TurnedAwayError as turned_away:
            await self._sorry(turned_away)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _let_in(self, scope: Scope) -> None:
        """Raises ``TurnedAwayError``."""
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if self._hosts and host not in self._hosts and not _is_this_machine(scope, host):
            self._say_once("wrong_host", hint="AYUMI_BASE_URL names another: does the proxy pass Host on?")
            raise TurnedAwayError(421, "wrong_host")
        forwarded = headers.get("x-forwarded-for")
        if forwarded and scope.get("client") and scope["client"][0] not in forwarded:
            # Where uvicorn trusts the proxy, the client is one that the header names.
            self._say_once("proxy_not_trusted", hint="set FORWARDED_ALLOW_IPS to the address of the proxy")
        if scope["path"] not in WEBHOOKS and (wait := self._addresses.wait(address_of(scope), cost_of(scope["path"]))):
            raise TurnedAwayError(429, "too_many", wait)

    def _sorry(self, turned_away: TurnedAwayError) -> Response:
        headers = {"Retry-After": str(ceil(turned_away.wait))} if turned_away.wait else None
        return HTMLResponse(self._pages.problem(turned_away.key), turned_away.status, headers)

    def _say_once(self, event: str, **about: str) -> None:
        """One line in the log, however many requests there are."""
        if event not in self._said:
            self._said.add(event)
            log.warning(event, **about)


def _is_this_machine(scope: Scope, host: str) -> bool:
    """Whether somebody on this very machine asks for it as such: whoever runs it, trying it out."""
    client = scope.get("client")
    return client is not None and client[0] in LOOPBACK and LOCALHOST.fullmatch(host) is not None


def _hosts(base_url: str) -> frozenset[str]:
    """The values of ``Host`` that mean us; none: any does."""
    address = urlsplit(base_url.lower())
    host = address.netloc.rpartition("@")[2]
    default = PORTS.get(address.scheme, "")
    bare = host.removesuffix(default)
    return frozenset([bare, bare + default]) if host else frozenset()
