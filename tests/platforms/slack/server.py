"""The stand-in as a server on 127.0.0.1: it checks like Slack, fails on demand and remembers what it was sent."""

import asyncio
import hashlib
import hmac
import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Self, cast

from aiohttp import web

from .block_kit import elements_of
from .events import SlackEvent, SlackEvents
from .methods import METHODS
from .schema import Json
from .workspace import TEAM, Posted, Refusal, Workspace

POSTING = ("chat.postMessage", "chat.postEphemeral")  # the methods a channel's rate limit holds for


class Failure(Enum):
    """How the next call of a method goes wrong."""

    STATUS_500 = auto()  # nothing done
    RATE_LIMITED = auto()  # 429 with Retry-After; nothing done
    TOKEN_REVOKED = auto()  # 200 with ok: false; nothing done
    DROP_BEFORE = auto()  # the connection closes without an answer; nothing done
    DROP_AFTER = auto()  # done, and then the connection closes without an answer
    DELAY = auto()  # done and answered, but late
    TIMEOUT_AFTER = auto()  # done at once, and no answer until late
    GARBAGE = auto()  # done, and answered with what is no JSON
    INTERNAL_ERROR = auto()  # 200 with ok: false; nothing done. So are those that follow
    FATAL_ERROR = auto()
    SERVICE_UNAVAILABLE = auto()
    REQUEST_TIMEOUT = auto()
    RATELIMITED = auto()  # without status 429 or Retry-After


REFUSALS = frozenset(  # answered with 200 and ok: false, the name being Slack's word for it
    {
        Failure.TOKEN_REVOKED,
        Failure.INTERNAL_ERROR,
        Failure.FATAL_ERROR,
        Failure.SERVICE_UNAVAILABLE,
        Failure.REQUEST_TIMEOUT,
        Failure.RATELIMITED,
    }
)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call as it came in, whatever became of it."""

    method: str
    arguments: Mapping[str, object]  # as sent: strings from a form or query, values from JSON
    at: float  # Unix seconds of the injected clock


class SlackStandIn(Workspace):
    """Slack's Web API for one team, in the event loop of the test. Use as `async with SlackStandIn() as slack`.

    Everything sent to it is in the lists of `Workspace`; `violations` stays empty as long as the client behaves.
    """

    def __init__(
        self,
        *,
        signing_secret: str = "slack-signing-secret",
        bot_token: str = "xoxb-stand-in",
        clock: Callable[[], float] = time.time,
        rate_limit_per_channel: float | None = None,
    ) -> None:
        super().__init__(clock=clock, rate_limit_per_channel=rate_limit_per_channel)
        self.signing_secret = signing_secret
        self.bot_token = bot_token
        self.events = SlackEvents(self)
        self.calls: list[Call] = []
        self._failures: defaultdict[str, deque[tuple[Failure, float]]] = defaultdict(deque)
        self._changed = asyncio.Condition()
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_route("*", "/api/{method}", self._serve)
        app.router.add_post("/upload/v1/{file_id}", self._upload)
        app.router.add_get("/files-pri/{file}/download/{name}", self._file)
        # A delayed answer must not hold up the end of a test.
        self._runner = web.AppRunner(app, shutdown_timeout=0.01, access_log=None)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.origin = self._origin
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def _origin(self) -> str:
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    @property
    def base_url(self) -> str:
        """What SLACK_API_BASE_URL is set to; ends in `/api/`."""
        return f"{self._origin}/api/"

    # --- what a test asks

    def posts_to(self, user: str) -> list[Posted]:
        """The bot's direct messages to a person, oldest first, edits applied."""
        return [posted for posted in self.posted if posted.user == user]

    def texts_to(self, user: str) -> list[str]:
        """Their fallback texts."""
        return [posted.text for posted in self.posts_to(user)]

    def last_to(self, user: str) -> Posted:
        """The newest of them; AssertionError when there is none."""
        posts = self.posts_to(user)
        assert posts, f"nothing was posted to {user}"
        return posts[-1]

    def buttons_of(self, shown: Posted | Json) -> list[Json]:
        """The buttons of a message or a view in the order shown, each with the `block_id` it stands in."""
        blocks = shown.blocks if isinstance(shown, Posted) else cast("list[Json]", shown["blocks"])
        return [
            {**one, "block_id": entry["block_id"]}
            for entry in blocks
            for one in elements_of(entry)
            if one["type"] == "button"
        ]

    async def wait_for(self, user: str, count: int = 1, timeout: float = 5) -> list[Posted]:
        """The direct messages to a person once there are `count`; AssertionError after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(lambda: len(self.posts_to(user)) >= count)
        except TimeoutError as error:
            raise AssertionError(f"{user} got {self.texts_to(user)}, not {count} messages") from error
        return self.posts_to(user)

    def fail_next(
        self, method: str, failure: Failure, times: int = 1, *, retry_after: int = 1, delay: float = 1.0
    ) -> None:
        """Lets the next calls of a method fail; `retry_after` and `delay` are seconds and matter to their kind only."""
        if method not in METHODS and method not in ("upload", "file"):
            raise ValueError(f"the stand-in has no method {method}")
        seconds = float(retry_after) if failure is Failure.RATE_LIMITED else delay
        self._failures[method].extend([(failure, seconds)] * times)

    def forgive(self) -> None:
        """Nothing that was ordered to fail fails any more."""
        self._failures.clear()

    def request(self, event: SlackEvent) -> tuple[bytes, dict[str, str]]:
        """The body and headers of the HTTP request Slack makes for an event, signed at the time of the clock.

        Signature scheme: docs.slack.dev/authentication/verifying-requests-from-slack.
        """
        body, timestamp = event.encode(), str(int(self.clock()))
        signed = b":".join((b"v0", timestamp.encode(), body))
        digest = hmac.new(self.signing_secret.encode(), signed, hashlib.sha256).hexdigest()
        return body, {
            **event.headers(),
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={digest}",
        }

    # --- HTTP

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        raw, in_json = await self._raw_arguments(request)
        self.calls.append(Call(method=name, arguments=raw, at=self.clock()))
        seconds = self._failures[name][0][1] if self._failures[name] else 0.0
        failure, refused = await self._fail(name, request)
        if refused is not None:
            return refused
        answer = self._answer(name, raw, in_json, request.headers.get("Authorization", ""))
        async with self._changed:
            self._changed.notify_all()
        match failure:
            case Failure.DROP_AFTER:
                return _drop(request)
            case Failure.TIMEOUT_AFTER:
                await asyncio.sleep(seconds)
                return _drop(request)
            case Failure.GARBAGE:
                return web.Response(text="<html>it worked, probably</html>", content_type="text/html")
            case _:
                return answer

    async def _fail(self, name: str, request: web.Request) -> tuple[Failure | None, web.StreamResponse | None]:
        """The failure ordered for this call and, when nothing is to be done any more, its answer."""
        if not self._failures[name]:
            return None, None
        failure, seconds = self._failures[name].popleft()
        match failure:
            case Failure.STATUS_500:
                return failure, web.Response(status=500, text="Internal Server Error")
            case Failure.RATE_LIMITED:
                return failure, _rate_limited(int(seconds))
            case _ if failure in REFUSALS:
                return failure, web.json_response({"ok": False, "error": failure.name.lower()})
            case Failure.DROP_BEFORE:
                return failure, _drop(request)
            case Failure.DELAY:
                await asyncio.sleep(seconds)  # the one real wait: the client's own time-out is being tried
                return failure, None
            case _:
                return failure, None

    def _answer(self, name: str, raw: Mapping[str, object], in_json: bool, authorization: str) -> web.Response:
        method = METHODS.get(name)
        try:
            if method is None:
                raise Refusal("unknown_method", "no such method")
            token = authorization.removeprefix("Bearer ") if authorization else raw.get("token")
            if method.needs_token and token != self.bot_token:
                raise Refusal("invalid_auth" if token else "not_authed")
            if method.scope is not None and method.scope not in self.scopes:
                raise Refusal("missing_scope")
            if in_json and not method.takes_json:
                raise Refusal("invalid_arguments", "[ERROR] this method reads no JSON body")
            arguments = method.parse({key: value for key, value in raw.items() if key != "token"})
            if name in POSTING:
                channel = self.conversation(arguments["channel"], users_too=name == "chat.postMessage")
                if seconds := self.wait_before_posting(channel):
                    return _rate_limited(seconds)
            answer = method.do(self, arguments)
        except Refusal as refusal:
            self.violations += [f"{name}: {message}" for message in refusal.messages]
            details: Json = {}
            if refusal.messages:
                details = {"errors": refusal.messages, "response_metadata": {"messages": refusal.messages}}
            return web.json_response({"ok": False, "error": refusal.error, **details})
        if name == "files.getUploadURLExternal":
            answer["upload_url"] = f"{self._origin}/upload/v1/{answer['file_id']}"
        headers = {"X-OAuth-Scopes": ",".join(sorted(self.scopes))} if method.needs_token else {}
        return web.json_response({"ok": True, **answer}, headers=headers)

    async def _raw_arguments(self, request: web.Request) -> tuple[dict[str, object], bool]:
        """The arguments of query and body together, and whether the body was JSON."""
        raw: dict[str, object] = dict(request.query)
        if request.content_type == "application/json" and request.can_read_body:
            try:
                body: Any = await request.json()
            except ValueError:
                body = None
            if not isinstance(body, dict):
                self.violations.append("a JSON body that is no object")
                return raw, True
            return raw | cast("dict[str, object]", body), True
        return raw | dict(await request.post()), False

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        failure, refused = await self._fail("upload", request)
        if refused is not None:
            return refused
        upload = self.uploads.get(request.match_info["file_id"])
        if request.content_type == "multipart/form-data":
            parts = [part.file.read() for part in (await request.post()).values() if isinstance(part, web.FileField)]
            content = parts[0] if parts else b""
        else:
            content = await request.read()
        if upload is None or upload.content is not None or len(content) != upload.length:
            self.violations.append(f"upload of {len(content)} bytes that were not announced")
            return web.Response(status=400, text="bad upload")
        upload.content = content
        return _drop(request) if failure is Failure.DROP_AFTER else web.Response(text=f"OK - {len(content)}")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """What a person sent. Who may not read it gets a page to sign in, as from files.slack.com."""
        failure, refused = await self._fail("file", request)
        if refused is not None:
            return refused
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token != self.bot_token or "files:read" not in self.scopes:
            return web.Response(text="<!doctype html><title>Sign in</title>", content_type="text/html")
        content = self.sent.get(request.match_info["file"].removeprefix(f"{TEAM}-"))
        if content is None:
            return web.Response(status=404, text="<!doctype html><title>Not found</title>", content_type="text/html")
        return _drop(request) if failure is Failure.DROP_AFTER else web.Response(body=content)


def _rate_limited(seconds: int) -> web.Response:
    body = json.dumps({"ok": False, "error": "ratelimited"})
    return web.Response(status=429, text=body, content_type="application/json", headers={"Retry-After": str(seconds)})


def _drop(request: web.Request) -> web.StreamResponse:
    """Closes the connection; the answer handed back reaches nobody."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()
