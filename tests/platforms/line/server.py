"""An HTTP server on 127.0.0.1 that behaves like LINE's Messaging API and refuses what LINE would refuse."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import orjson
from aiohttp import web

from tests.platforms.line.events import Event, LineEvents
from tests.platforms.line.failures import Failure
from tests.platforms.line.rich_menus import RichMenuError, RichMenus
from tests.platforms.line.rules import POSTS, PUSHES, RETRY_KEY_HEADER, USER_ID, body_problems, key_problems, recipients
from tests.platforms.line.schema import Problem

CHANNEL_SECRET = "stand-in channel secret"
ACCESS_TOKEN = "stand-in access token"
MAX_BODY_BYTES = 2 * 1024 * 1024
REPLY_TOKEN_LIFE = 60.0  # seconds
RETRY_KEY_LIFE = 24 * 3600.0  # seconds
RICH_MENUS = re.compile(r"/v2/bot/(richmenu|user/all/richmenu)(/|$)")
PNG = "image/png"
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """Messages of one request that reached one user."""

    user_id: str
    via: Literal["reply", "push", "multicast"]
    messages: list[Json]  # message objects as sent
    request_id: str  # the x-line-request-id of the answer


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A rule of LINE, or of this project, that a request broke."""

    request: str  # such as POST /v2/bot/message/push
    property: str  # where in the body; empty for headers and the like
    message: str


@dataclass(frozen=True, kw_only=True)
class _Answer:
    status: int = 200
    body: Json | bytes = field(default_factory=dict[str, Any])
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class _Accepted:
    """A request that was accepted under a retry key."""

    at: float  # seconds, by the stand-in's clock
    content: tuple[str, Json]  # path and body, of a multicast without its recipients
    recipients: Sequence[str]
    request_id: str
    answer: Json


class _Refused(Exception):
    def __init__(self, status: int, message: str, found: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        details = [{"message": problem.message, "property": problem.property} for problem in found]
        self.answer = _Answer(status=status, body={"message": message} | ({"details": details} if details else {}))


class LineStandIn:
    """`async with LineStandIn() as line:` serves at `line.base_url` until the block ends.

    With `strict=False` bodies are not checked against schemas and limits; everything else stays the same.
    """

    def __init__(
        self,
        *,
        channel_secret: str = CHANNEL_SECRET,
        access_token: str = ACCESS_TOKEN,
        now: Callable[[], float] = time.time,
        strict: bool = True,
        port: int = 0,
    ) -> None:
        self.access_token = access_token  # change it to revoke the one the product holds
        self.events = LineEvents(channel_secret=channel_secret, now=now)
        self.monthly_quota: int | None = None  # messages to single recipients a month; None for no limit
        self.quota_used = 0  # set it to 0 to begin a new month
        self.webhook_endpoint = ""  # where the console says that events go; "": nobody ever said
        self.webhook_active = True  # "Use webhook" of the console
        self.tokens_to_spoil = 0  # so many reply tokens that come for the first time are refused, now and for ever
        self.blocked: set[str] = set()  # users to whom nothing is delivered though LINE answers 200
        self.display_names: dict[str, str] = {}  # user id → name shown in the profile
        self.delivered: list[Delivered] = []
        self.rich_menus = RichMenus()
        self.contents: dict[str, bytes] = {}  # message id → what was sent; deleted, LINE keeps it no longer
        self.preparing: set[str] = set()  # message ids whose content is not ready yet
        self.loading: list[str] = []  # users that were shown the loading animation
        self.violations: list[Violation] = []
        self.requests: Counter[str] = Counter()  # path → requests, whatever became of them
        self.base_url = ""
        self._now = now
        self._strict = strict
        self._port = port
        self._runner: web.AppRunner | None = None
        self._arrived = asyncio.Condition()
        self._by_user: defaultdict[str, list[Delivered]] = defaultdict(list)
        self._failures: deque[tuple[str, Failure]] = deque()
        self._used_tokens: set[str] = set()
        self._seen_tokens: set[str] = set()
        self._accepted: dict[str, _Accepted] = {}

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_get("/_stats", self._stats)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner:
            await self._runner.cleanup()

    # What a test says and asks

    def webhook(self, *events: Event) -> tuple[bytes, dict[str, str]]:
        """Body and signed headers of one delivery of events made by `line.events`."""
        return self.events.webhook(*events)

    def sign(self, body: bytes) -> str:
        """The value of x-line-signature that belongs to the raw body."""
        return self.events.sign(body)

    def send_file(self, user: str, name: str, content: bytes) -> Event:
        """Someone sends a file: the event, its content kept for who asks for it."""
        event = self.events.file(user, name, len(content))
        self.contents[event["message"]["id"]] = content
        return event

    def forgive(self) -> None:
        """Nothing that was ordered to fail fails any more."""
        self._failures.clear()
        self.tokens_to_spoil = 0

    def fail_next(self, path_part: str, failure: Failure, times: int = 1) -> None:
        """Fails the next well-formed requests whose path contains the part; failures wait in line for their turn."""
        self._failures.extend([(path_part, failure)] * times)

    def texts_to(self, user_id: str) -> list[str]:
        """What the user read, in order: texts, the text of buttons and questions, otherwise the alternative text."""
        messages = [message for delivery in self._by_user[user_id] for message in delivery.messages]
        texts = [m.get("text") or m.get("template", {}).get("text") or m.get("altText") for m in messages]
        return [text for text in texts if text]

    def count_to(self, user_id: str) -> int:
        """How many deliveries reached the user."""
        return len(self._by_user.get(user_id, ()))

    def last_to(self, user_id: str) -> Delivered:
        """The latest delivery; raises LookupError if the user got nothing."""
        if not self._by_user[user_id]:
            raise LookupError(f"nothing was delivered to {user_id}")
        return self._by_user[user_id][-1]

    def quick_replies_to(self, user_id: str) -> list[tuple[str, Json]]:
        """Label and action of each quick reply the user sees, which are those of the very last message only."""
        items = self.last_to(user_id).messages[-1].get("quickReply", {}).get("items", [])
        return [(item["action"]["label"], item["action"]) for item in items]

    async def wait_for(self, user_id: str, count: int, timeout: float = 5) -> list[Delivered]:
        """All deliveries to the user, once there are at least `count`; raises TimeoutError after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout), self._arrived:
                await self._arrived.wait_for(lambda: len(self._by_user[user_id]) >= count)
        except TimeoutError:
            raise TimeoutError(f"{count} deliveries wanted, got {self._by_user[user_id]}") from None
        return list(self._by_user[user_id])

    def stats(self) -> dict[str, Any]:
        """Counts of what happened so far, also at GET /_stats."""
        return {
            "requests": dict(self.requests),
            "delivered": len(self.delivered),
            "messages": sum(len(delivery.messages) for delivery in self.delivered),
            "users": len(self._by_user),
            "violations": len(self.violations),
            "quota_used": self.quota_used,
        }

    # What LINE does

    async def _stats(self, _: web.Request) -> web.Response:
        return web.Response(body=orjson.dumps(self.stats()), content_type="application/json")

    async def _serve(self, request: web.Request) -> web.Response:
        request_id = str(uuid.uuid4())
        self.requests[request.path] += 1
        failure = Failure()
        try:
            body = await self._checked_body(request)
            self._look_at_token(body.get("replyToken"))
            failure = self._next_failure(request.path)
            answer = _Answer(status=failure.status or 200, body={"message": failure.message})
            if failure.processed:
                async with self._arrived:
                    answer = self._act(request, body, request_id)
                    self._arrived.notify_all()
        except _Refused as refused:
            answer = refused.answer
        if failure.delay:
            await asyncio.sleep(failure.delay)
        if (failure.dropped or failure.raw) and request.transport:
            request.transport.write(failure.raw)
            request.transport.close()
        headers = {"x-line-request-id": request_id, **answer.headers}
        if isinstance(answer.body, bytes):
            kind = (
                "application/octet-stream" if request.path.endswith("/content") and "/message/" in request.path else PNG
            )
            return web.Response(status=answer.status, body=answer.body, headers=headers, content_type=kind)
        return web.Response(
            status=answer.status, body=orjson.dumps(answer.body), headers=headers, content_type="application/json"
        )

    def _look_at_token(self, token: str | None) -> None:
        """A token is spoilt only before its first use: LINE never says of one that it took, then lost, then refused."""
        if token is not None and token not in self._seen_tokens:
            self._seen_tokens.add(token)
            if self.tokens_to_spoil:
                self.tokens_to_spoil -= 1
                self._used_tokens.add(token)

    def _next_failure(self, path: str) -> Failure:
        for waiting in self._failures:
            if waiting[0] in path:
                self._failures.remove(waiting)
                return waiting[1]
        return Failure()

    async def _checked_body(self, request: web.Request) -> Json:
        """The body, `{}` of a GET; raises _Refused for anything LINE would refuse whatever happened before."""
        if request.headers.get("Authorization") != f"Bearer {self.access_token}":
            raise _Refused(401, Failure.STATUS_401.message)
        if RICH_MENUS.match(request.path):
            return {"raw": await request.read()}
        if request.method != ("POST" if request.path in POSTS else "GET"):
            raise self._violated(request, Problem(property="", message="Not found"), status=404)
        if request.method == "GET":
            return {}
        if request.content_type != "application/json":
            raise self._violated(request, Problem(property="", message="Content-Type must be application/json"))
        try:
            body = orjson.loads(await request.read())
        except web.HTTPRequestEntityTooLarge:
            raise self._violated(request, Problem(property="", message="Over 2 MB"), status=413) from None
        except orjson.JSONDecodeError as error:
            raise self._violated(request, Problem(property="", message=f"Not JSON: {error}")) from None
        key = request.headers.get(RETRY_KEY_HEADER)
        if key is None and request.path in PUSHES:
            # LINE allows it; this project does not, as a lost answer could then mean a message twice.
            self._violated(request, Problem(property="", message=f"no {RETRY_KEY_HEADER}"))
        found = [*key_problems(request.path, key), *(body_problems(request.path, body) if self._strict else [])]
        if found:
            raise self._violated(request, *found)
        return body

    def _violated(self, request: web.Request, *found: Problem, status: int = 400) -> _Refused:
        """Records what was violated and makes the refusal, for the caller to raise."""
        name = f"{request.method} {request.path}"
        self.violations += [Violation(request=name, property=p.property, message=p.message) for p in found]
        where = f"The request body has {len(found)} error(s)" if status == 400 else found[0].message
        return _Refused(status, where, found)

    def _act(self, request: web.Request, body: Json, request_id: str) -> _Answer:
        match request.path.split("/")[1:]:
            case ["v2", "bot", "message", "reply"]:
                return self._reply(body, request_id)
            case ["v2", "bot", "message", "push" | "multicast"]:
                return self._push(request, body, request_id)
            case ["v2", "bot", "chat", "loading", "start"]:
                self.loading.append(body["chatId"])
                return _Answer(status=202)
            case ["v2", "bot", "message", "quota"]:
                if self.monthly_quota is None:
                    return _Answer(body={"type": "none"})
                return _Answer(body={"type": "limited", "value": self.monthly_quota})
            case ["v2", "bot", "channel", "webhook", "endpoint"]:
                if not self.webhook_endpoint:
                    raise _Refused(404, "Webhook endpoint not found")
                return _Answer(body={"endpoint": self.webhook_endpoint, "active": self.webhook_active})
            case ["v2", "bot", "message", "quota", "consumption"]:
                return _Answer(body={"totalUsage": self.quota_used})
            case ["v2", "bot", "richmenu" | "user", *_]:
                return self._rich_menu(request, body["raw"])
            case ["v2", "bot", "message", message_id, "content"]:
                if message_id in self.preparing:
                    return _Answer(status=202, body=b"")
                if message_id not in self.contents:
                    raise _Refused(404, "Not found")
                return _Answer(body=self.contents[message_id])
            case ["v2", "bot", "profile", user]:
                if not USER_ID.fullmatch(user) or user in self.blocked:
                    raise _Refused(404, "Not found")
                name = self.display_names.get(user, "LINE user")
                return _Answer(body={"userId": user, "displayName": name, "language": "ja"})
            case ["v2", "bot", "info"]:
                bot = {"userId": self.events.destination, "basicId": "@ayumi", "displayName": "Ayumi"}
                return _Answer(body={**bot, "chatMode": "bot", "markAsReadMode": "auto"})
            case _:
                raise self._violated(request, Problem(property="", message="Not found"), status=404)

    def _rich_menu(self, request: web.Request, raw: bytes) -> _Answer:
        try:
            return _Answer(body=self.rich_menus.act(request.method, request.path, request.content_type, raw))
        except RichMenuError as error:
            if error.problems:
                raise self._violated(request, *error.problems, status=error.status) from None
            raise _Refused(error.status, "Not found") from None

    def _reply(self, body: Json, request_id: str) -> _Answer:
        token = body["replyToken"]
        issued = self.events.read_token(token)
        if issued is None or token in self._used_tokens or self._now() - issued[1] > REPLY_TOKEN_LIFE:
            raise _Refused(400, "Invalid reply token")
        self._used_tokens.add(token)
        return self._deliver("reply", [issued[0]], body["messages"], request_id)

    def _push(self, request: web.Request, body: Json, request_id: str) -> _Answer:
        key = request.headers.get(RETRY_KEY_HEADER)
        # Whoever left meanwhile may be missing from a multicast that is sent again; nothing else may differ.
        content = (request.path, body if isinstance(body["to"], str) else {**body, "to": None})
        earlier = self._accepted.get(key) if key else None
        if earlier and self._now() - earlier.at < RETRY_KEY_LIFE:
            if earlier.content != content or not {*recipients(body)} <= {*earlier.recipients}:
                raise self._violated(request, Problem(property="", message=f"{RETRY_KEY_HEADER} had another body"))
            return _Answer(
                status=409,
                body={"message": "The retry key is already accepted", **earlier.answer},
                headers={"x-line-accepted-request-id": earlier.request_id},
            )
        # Recipients count, not messages; LINE does not charge for those who blocked the account.
        cost = sum(user not in self.blocked for user in recipients(body))
        if self.monthly_quota is not None and self.quota_used + cost > self.monthly_quota:
            raise _Refused(429, "You have reached your monthly limit.")
        self.quota_used += cost
        if request.path.endswith("/multicast"):
            self._deliver("multicast", recipients(body), body["messages"], request_id)
            answer = _Answer()
        else:
            answer = self._deliver("push", recipients(body), body["messages"], request_id)
        if key:
            self._accepted[key] = _Accepted(
                at=self._now(),
                content=content,
                recipients=recipients(body),
                request_id=request_id,
                answer={} if isinstance(answer.body, bytes) else answer.body,
            )
        return answer

    def _deliver(
        self, via: Literal["reply", "push", "multicast"], users: Sequence[str], messages: list[Json], request_id: str
    ) -> _Answer:
        for user in users:
            if user not in self.blocked:
                delivery = Delivered(user_id=user, via=via, messages=messages, request_id=request_id)
                self.delivered.append(delivery)
                self._by_user[user].append(delivery)
        return _Answer(body={"sentMessages": [{"id": str(uuid.uuid4().int)[:18]} for _ in messages]})
