"""Every kind of fault, one entry each: what happens to the world, for how long, and that it is over."""

from __future__ import annotations

import asyncio
import errno
import resource
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.faults.load import LinePhone
from tests.faults.processes import Process
from tests.faults.world import World
from tests.platforms.line import Failure, user_id
from tests.platforms.slack import Failure as SlackFailure

MOMENT = (0.2, 0.8)  # seconds within which a fault strikes, so that it meets every state there is
LONG = 40.0  # seconds after which others have taken over everything
FEW = 3  # requests that fail
REPLY, POST = "message/reply", "chat.postMessage"

Strike = Callable[[World], Awaitable[None]]  # returns when the cause is gone


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One kind."""

    name: str
    strike: Strike
    what: str  # that is struck: process, store, LINE, Slack; faults of different things may come together
    sqlite: bool = True  # whether it can happen to the one process on SQLite …
    postgresql: bool = True  # … and to many on PostgreSQL
    long: bool = False  # takes too long for every day, or is part of another


async def _some_moment(world: World) -> None:
    await asyncio.sleep(world.chance.uniform(*MOMENT))


def killed(*roles: str) -> Strike:
    """kill -9 of one process of each role, and a supervisor starts it again."""

    async def strike(world: World) -> None:
        await _some_moment(world)
        chosen = {each.name: each for each in (world.chance.choice(world.of(role)) for role in roles)}
        for each in chosen.values():
            each.kill()
        await world.start(*chosen.values())

    return strike


async def all_killed(world: World) -> None:
    await _some_moment(world)
    for each in world.processes:
        each.kill()
    await world.start()


def frozen(role: str, seconds: float = 0.0) -> Strike:
    """A process stands still for a moment, or for so many seconds, and wakes up with what it had claimed."""

    async def strike(world: World) -> None:
        await _some_moment(world)
        chosen: Process = world.chance.choice(world.of(role))
        chosen.freeze()
        await asyncio.sleep(seconds or world.brief)
        chosen.thaw()

    return strike


async def rolled(world: World) -> None:
    """A rolling restart: of each role, one process after the other is asked to stop and started again."""
    batches: dict[str, list[Process]] = {}
    for each in world.processes:
        batches.setdefault(each.name.rpartition("-")[2], []).append(each)
    for batch in batches.values():
        await asyncio.gather(*(each.end() for each in batch))
        await world.start(*batch)


async def storm(world: World) -> None:
    """Every event comes five times at once."""
    world.load.copies = 5
    await asyncio.sleep(world.brief)
    world.load.copies = 1


async def poison(world: World) -> None:
    """Among good events come some that nobody can read, and bodies that nobody sent."""
    events = world.line.events
    good = LinePhone(world.line, "poisoned")
    bad = [events.unknown(user_id("poisoned")), {"type": "message"}, {"type": "message", "timestamp": -(10**18)}]
    bad += [{**events.text(user_id("poisoned"), "x"), "message": {"type": "text", "text": "\0"}}, {}]
    for _ in range(FEW):
        for body in (b"", b"{", b"[]", b'{"events": 1}', b"\xff\xfe", b"[" * 10_000):
            await world.load.post("/line/webhook", body, {"x-line-signature": world.line.sign(body)})
        await world.load.post("/line/webhook", b"{}", {"x-line-signature": "forged"})
        await world.load.post("/line/webhook", *world.line.webhook(*bad))
        request = ("/line/webhook", *world.line.webhook(*bad, events.text(user_id("poisoned"), "使い方")))
        await world.load.deliver(lambda _, request=request: request)
    for status in (400, 401):  # as they should be
        world.load.statuses.pop(status, None)
    async with asyncio.timeout(60):
        while len(good.texts()) < FEW:
            await asyncio.sleep(0.1)


async def wrong_clocks(world: World) -> None:
    """Events whose time lies far in the past or the future, each of a person of their own."""
    names = [f"clock {world.chance.random()}" for _ in range(4)]
    for name, hours in zip(names, (-48, -1, 1, 24 * 365), strict=True):
        event = world.line.events.text(user_id(name), "使い方", at=time.time() + hours * 3600)
        await world.load.deliver(lambda _, event=event: ("/line/webhook", *world.line.webhook(event)))
    async with asyncio.timeout(60):
        while not all(world.line.count_to(user_id(name)) for name in names):
            await asyncio.sleep(0.1)
    assert [world.line.count_to(user_id(name)) for name in names] == [1] * len(names)


def line_fails(failure: Failure, *, path: str = REPLY, times: int = FEW) -> Strike:
    async def strike(world: World) -> None:
        await _some_moment(world)
        world.line.fail_next(path, failure, times)
        await asyncio.sleep(world.brief)
        world.line.forgive()

    return strike


async def tokens_expired(world: World) -> None:
    world.line.tokens_to_spoil = FEW
    await asyncio.sleep(world.brief)
    world.line.forgive()


async def token_revoked(world: World) -> None:
    """The access token is of no use for a while: what is to be sent is held until its person writes again."""
    token, world.line.access_token = world.line.access_token, "another"
    await asyncio.sleep(world.brief)
    world.line.access_token = token
    world.holds = True


async def quota_used_up(world: World) -> None:
    """The month's messages are used up: reminders are held until their receivers write."""
    world.line.fail_next("message/push", Failure.STATUS_429_MONTHLY, 1000)
    world.line.fail_next("message/multicast", Failure.STATUS_429_MONTHLY, 1000)
    before = world.line.requests["/v2/bot/message/multicast"]
    await world.remind()
    async with asyncio.timeout(60):
        while world.line.requests["/v2/bot/message/multicast"] == before:
            await asyncio.sleep(0.1)
    await asyncio.sleep(world.brief)
    world.line.forgive()
    world.holds = True


def slack_fails(failure: SlackFailure, *, seconds: float = 1.0) -> Strike:
    async def strike(world: World) -> None:
        world.slack.fail_next(POST, failure, FEW, retry_after=int(seconds), delay=seconds)
        await asyncio.sleep(world.brief)
        world.slack.forgive()
        world.holds |= failure is SlackFailure.TOKEN_REVOKED

    return strike


async def slack_says_we_are_too_slow(world: World) -> None:
    event = world.slack.events.app_rate_limited()
    for _ in range(FEW):
        status = await world.load.post("/slack/events", *world.slack.request(event))
        assert status in (200, 503, None)


# --- PostgreSQL


def restarted(how: str, seconds: float = 0.0) -> Strike:
    """The server is stopped (``immediate`` is a crash), and back after so many seconds."""

    async def strike(world: World) -> None:
        assert world.store is not None
        await _some_moment(world)
        await world.store.stop(how)
        await asyncio.sleep(seconds)
        await world.store.start()

    return strike


async def terminated(world: World) -> None:
    assert world.store is not None
    for _ in range(FEW):
        await _some_moment(world)
        await world.store.terminate_connections()


async def exhausted(world: World) -> None:
    assert world.store is not None
    async with world.store.exhausted():
        await asyncio.sleep(world.brief)


def locked(table: str) -> Strike:
    async def strike(world: World) -> None:
        assert world.store is not None
        async with world.store.locked(table):
            await asyncio.sleep(world.brief)

    return strike


# --- SQLite


async def disk_full(world: World) -> None:
    """Nothing can be written any more. Where the folder has a disk of its own, that is filled; else no file of the
    process may grow, which SQLite meets as the same error."""
    if world.has_own_disk:
        await _filled(world.folder / "data" / "filling", world.brief)
        return
    [process] = world.processes
    assert process.started is not None
    pid, log = process.started.pid, world.folder / "data" / "ayumi.db-wal"
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (log.stat().st_size if log.exists() else 0, before[1]))
    await asyncio.sleep(world.brief)
    with suppress(ProcessLookupError):  # another fault has ended it meanwhile
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


async def _filled(file: Path, seconds: float) -> None:
    with file.open("wb", buffering=0) as filling:
        try:
            while True:
                filling.write(bytes(4096))
        except OSError as error:
            assert error.errno == errno.ENOSPC, error
        await asyncio.sleep(seconds)
        filling.truncate(0)
    file.unlink()


async def locked_by_another(world: World) -> None:
    """Somebody opens the file with a tool and holds its write lock."""
    connection = sqlite3.connect(world.folder / "data" / "ayumi.db", isolation_level=None, timeout=10)
    try:
        connection.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(world.brief)
        connection.execute("ROLLBACK")
    finally:
        connection.close()


FAULTS = (
    Fault(name="kill -9 web", what="process", strike=killed("web"), sqlite=False, long=True),
    Fault(name="kill -9 worker", what="process", strike=killed("worker"), sqlite=False, long=True),
    Fault(name="kill -9 scheduler", what="process", strike=killed("scheduler"), sqlite=False, long=True),
    Fault(name="kill -9 one of each", what="process", strike=killed("web", "worker", "scheduler"), sqlite=False),
    Fault(name="kill -9 everything", what="process", strike=all_killed),
    Fault(name="rolling restart", what="process", strike=rolled),
    Fault(name="web frozen", what="process", strike=frozen("web"), sqlite=False),
    Fault(name="worker frozen", what="process", strike=frozen("worker")),
    Fault(
        name="worker frozen until others took over",
        what="process",
        strike=frozen("worker", LONG),
        sqlite=False,
        long=True,
    ),
    Fault(
        name="scheduler frozen until another took over",
        what="process",
        strike=frozen("scheduler", 15.0),
        sqlite=False,
        long=True,
    ),
    Fault(name="PostgreSQL restarted", what="store", strike=restarted("fast"), sqlite=False),
    Fault(name="PostgreSQL crashed", what="store", strike=restarted("immediate"), sqlite=False),
    Fault(name="PostgreSQL away for 6 s", what="store", strike=restarted("fast", 6.0), sqlite=False, long=True),
    Fault(name="connections terminated", what="store", strike=terminated, sqlite=False),
    Fault(name="connections used up", what="store", strike=exhausted, sqlite=False),
    Fault(name="inbox locked", what="store", strike=locked("inbox"), sqlite=False),
    Fault(name="outbox locked", what="store", strike=locked("outbox"), sqlite=False),
    Fault(name="disk full", what="store", strike=disk_full, postgresql=False),
    Fault(name="file locked by another process", what="store", strike=locked_by_another, postgresql=False),
    Fault(name="LINE 500", what="LINE", strike=line_fails(Failure.STATUS_500)),
    Fault(name="LINE 500 to multicasts", what="LINE", strike=line_fails(Failure.STATUS_500, path="message/multicast")),
    Fault(name="LINE 429, rate", what="LINE", strike=line_fails(Failure.STATUS_429_RATE)),
    Fault(name="LINE 429, month's quota", what="LINE", strike=quota_used_up),
    Fault(name="LINE 401", what="LINE", strike=token_revoked),
    Fault(name="LINE drops before accepting", what="LINE", strike=line_fails(Failure.DROP_BEFORE)),
    Fault(name="LINE drops after accepting", what="LINE", strike=line_fails(Failure.DROP_AFTER)),
    Fault(
        name="LINE drops multicasts after accepting",
        what="LINE",
        strike=line_fails(Failure.DROP_AFTER, path="multicast"),
    ),
    Fault(name="LINE slow", what="LINE", strike=line_fails(Failure.DELAY(5), times=20)),
    Fault(
        name="LINE silent, nothing accepted",
        what="LINE",
        strike=line_fails(Failure.DELAY(LONG) | Failure.DROP_BEFORE, times=1),
        long=True,
    ),
    Fault(
        name="LINE silent after accepting",
        what="LINE",
        strike=line_fails(Failure.DELAY(LONG) | Failure.DROP_AFTER, times=1),
        long=True,
    ),
    Fault(name="LINE answers garbage", what="LINE", strike=line_fails(Failure.GARBAGE)),
    Fault(name="reply tokens expired", what="LINE", strike=tokens_expired),
    Fault(name="Slack 500", what="Slack", strike=slack_fails(SlackFailure.STATUS_500)),
    Fault(name="Slack 429 with Retry-After", what="Slack", strike=slack_fails(SlackFailure.RATE_LIMITED, seconds=2)),
    Fault(name="Slack ok: false, ratelimited", what="Slack", strike=slack_fails(SlackFailure.RATELIMITED)),
    Fault(name="Slack ok: false, internal_error", what="Slack", strike=slack_fails(SlackFailure.INTERNAL_ERROR)),
    Fault(name="Slack ok: false, fatal_error", what="Slack", strike=slack_fails(SlackFailure.FATAL_ERROR)),
    Fault(
        name="Slack ok: false, service_unavailable", what="Slack", strike=slack_fails(SlackFailure.SERVICE_UNAVAILABLE)
    ),
    Fault(name="Slack ok: false, request_timeout", what="Slack", strike=slack_fails(SlackFailure.REQUEST_TIMEOUT)),
    Fault(name="Slack ok: false, token_revoked", what="Slack", strike=slack_fails(SlackFailure.TOKEN_REVOKED)),
    Fault(name="Slack drops before accepting", what="Slack", strike=slack_fails(SlackFailure.DROP_BEFORE)),
    Fault(name="Slack drops after accepting", what="Slack", strike=slack_fails(SlackFailure.DROP_AFTER)),
    Fault(name="Slack slow", what="Slack", strike=slack_fails(SlackFailure.DELAY, seconds=3)),
    Fault(
        name="Slack silent after accepting",
        what="Slack",
        strike=slack_fails(SlackFailure.TIMEOUT_AFTER, seconds=12),
        long=True,
    ),
    Fault(name="Slack answers garbage", what="Slack", strike=slack_fails(SlackFailure.GARBAGE)),
    Fault(name="app_rate_limited", what="Slack", strike=slack_says_we_are_too_slow),
    Fault(name="each event five times at once", what="Slack", strike=storm),
    Fault(name="poison among good events", what="LINE", strike=poison),
    Fault(name="events of yesterday and of next year", what="LINE", strike=wrong_clocks),
)
