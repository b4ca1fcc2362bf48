"""What cannot be kept up with is refused early, nothing slow takes the rest with it, and all recovers by itself."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partialmethod
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.util import await_only
from starlette.applications import Starlette
from starlette.requests import Request

from assistant.bootstrap import Core, build_services
from assistant.channels.busy import AT_ONCE as SHOWN_AT_ONCE
from assistant.channels.busy import Busy
from assistant.channels.console import ConsoleChannel
from assistant.channels.guard import LARGEST_BODY, BadBodyError, Bodies, OverloadedError, body_of
from assistant.channels.line.routes import line_routes
from assistant.dialogue import turns
from assistant.dialogue.asking import ask
from assistant.inbox import LARGEST_BATCH, Inbox, InboxEvent, RawEvent
from assistant.keeping_up import PATIENCE, Commits
from assistant.llm.interpreter import AT_ONCE
from assistant.web.app import running_app
from assistant.wording.texts import Speaker
from knowledge.bulkhead import Bulkhead, FullError
from knowledge.db import Database
from knowledge.documents import vectors
from knowledge.errors import StorageDownError
from knowledge.questions.model import Status
from knowledge.records.linking import create_code
from scheduler import outbox
from scheduler.delivery import PAUSE
from scheduler.engines.inline import InlineQueue, Pipeline
from scheduler.outbox import Item, Outbox, State
from scheduler.rates import Limit, MemoryRates, Pace
from tests.platforms.line import Failure, LineStandIn, user_id
from tests.platforms.openai import OpenAIStandIn, openai_stand_in
from tests.platforms.slack import SlackStandIn
from tests.running import served
from tests.worlds import MORNING, settings_of, with_roster

NOW = datetime(2026, 5, 10, 23, 20, tzinfo=UTC)
ODD = "佐藤花ちゃんって、このごろ学校に顔を出せてない日がどれくらいあるんだろうか"  # no rule reads this
SECRET, TOKEN = "line-secret", "line-token"
LONGEST_BY_ITSELF = 30.0  # seconds that SQLAlchemy waits for a connection, and a client for an answer
LONG = 60.0  # seconds after which a test gives up: the machine may be busy


class HangingDatabase(Database):
    """A store that can hang, be away, or be slow; it counts who tries."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.is_there = asyncio.Event()
        self.is_there.set()
        self.refuses = False
        self.trying = self.tries = self.most_trying = 0

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        self.tries += 1
        self.trying += 1
        self.most_trying = max(self.most_trying, self.trying)
        try:
            await self.is_there.wait()
            if self.refuses:
                await asyncio.sleep(0)
                raise StorageDownError("away")
            async with super().write() as connection:
                yield connection
        finally:
            self.trying -= 1


@pytest.fixture
async def hanging(database_url: str) -> AsyncIterator[HangingDatabase]:
    database = HangingDatabase(database_url)
    yield database
    database.is_there.set()
    await database.close()


def an_event(number: int, text: str = "こんにちは") -> RawEvent:
    body = {"type": "message", "message": {"id": str(number), "type": "text", "text": text}}
    return RawEvent(
        event_id=f"line:{number}", channel="line", account_id=f"line:u{number % 100}", occurred_at=NOW, body=body
    )


def an_inbox(database: Database) -> Inbox:
    return Inbox(database, lambda: NOW, InlineQueue(lambda: None))


def refused(reason: str) -> float:
    return REGISTRY.get_sample_value("ayumi_refused_total", {"reason": reason}) or 0.0


async def stored(database: Database) -> int:
    async with database.read() as connection:
        return await connection.scalar(select(func.count()).select_from(InboxEvent)) or 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_store_that_hangs_costs_bounded_memory_whatever_comes(
    hanging: HangingDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 2 * LARGEST_BATCH
    monkeypatch.setattr("assistant.inbox.MOST_WAITING", most)
    box, before = an_inbox(hanging), refused("full")
    hanging.is_there.clear()
    tracemalloc.start()

    async def come(first: int, count: int) -> int:
        """Traced bytes after so many webhooks that could not be stored."""
        came = [box.receive([an_event(first + n, f"{first + n} " + "長" * 500)]) for n in range(count)]
        results = await asyncio.gather(*came, return_exceptions=True)
        assert all(isinstance(result, StorageDownError) for result in results)
        del came, results
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    await come(0, most + LARGEST_BATCH + 1000)
    assert refused("full") - before >= 1000
    late = refused("late")
    second = await come(100_000, 2000)
    third = await come(200_000, 2000)
    assert refused("late") == late  # nobody waits any more: it is known to hang
    tracemalloc.stop()
    assert third < second + 200_000
    assert hanging.most_trying == 1
    hanging.is_there.set()
    await asyncio.sleep(0)
    async with asyncio.timeout(LONG):
        while await stored(hanging) < most:  # what waited in vain comes in all the same
            await asyncio.sleep(0.05)
    await box.receive([an_event(1)])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_while_the_store_is_down_one_at_a_time_tries_and_the_others_hear_it_at_once(
    hanging: HangingDatabase,
) -> None:
    box, before = an_inbox(hanging), refused("down")
    hanging.refuses = True
    with pytest.raises(StorageDownError):
        await box.receive([an_event(0)])
    hanging.is_there.clear()
    probe = asyncio.create_task(box.receive([an_event(1)]))
    await asyncio.sleep(0.01)
    for n in range(2, 100):
        with pytest.raises(StorageDownError):
            await box.receive([an_event(n)])
    assert not probe.done()
    assert (hanging.tries, refused("down") - before) == (2, 98)
    hanging.refuses = False
    hanging.is_there.set()
    await probe
    await asyncio.gather(*(box.receive([an_event(n)]) for n in range(2, 100)))
    assert await stored(hanging) == 99


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_those_who_wait_behind_a_failing_commit_hear_of_it_with_the_first(hanging: HangingDatabase) -> None:
    box = an_inbox(hanging)
    hanging.is_there.clear()
    hanging.refuses = True
    first = asyncio.create_task(box.receive([an_event(0)]))
    await asyncio.sleep(0.01)
    others = [asyncio.create_task(box.receive([an_event(n)])) for n in range(1, 2 * LARGEST_BATCH)]
    await asyncio.sleep(0)
    hanging.is_there.set()
    results = await asyncio.gather(first, *others, return_exceptions=True)
    assert {type(result) for result in results} == {StorageDownError}
    assert hanging.tries == 1


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def commit(commits: Commits, seconds: Seconds, took: float, *, is_down: bool = False) -> None:
    commits.begin()
    seconds.now += took
    commits.end(is_down=is_down)


def test_whoever_could_not_be_served_in_time_is_told_so_and_others_wait() -> None:
    seconds = Seconds()
    commits = Commits(seconds)
    for _ in range(20):
        commit(commits, seconds, 0.5)
    assert commits.refusal(10) is None  # nothing is under way: whoever comes may try
    commits.begin()
    assert commits.refusal(1) is None  # half a second for the one under way, and half for its own
    assert commits.refusal(3) == "slow"
    seconds.now += 0.4
    assert commits.refusal(2) is None
    seconds.now += PATIENCE
    assert commits.refusal(1) == "down"
    commits.end(is_down=False)


def test_a_slow_store_that_is_quick_again_is_used_again() -> None:
    seconds = Seconds()
    commits = Commits(seconds)
    for _ in range(20):
        commit(commits, seconds, 10.0)
    commits.begin()
    assert commits.refusal(1) == "slow"
    commits.end(is_down=False)
    tries = 0
    while tries < 20:  # each of whoever comes when nothing is under way
        tries += 1
        commit(commits, seconds, 0.01)
        commits.begin()
        refusal = commits.refusal(1)
        commits.end(is_down=False)
        if refusal is None:
            break
    assert tries <= 7


def a_request(*parts: bytes, hang: bool = False) -> Request:
    chunks = [*parts]

    async def receive() -> dict[str, Any]:
        if not chunks and hang:
            await asyncio.Event().wait()
        body = chunks.pop(0) if chunks else b""
        return {"type": "http.request", "body": body, "more_body": bool(chunks) or hang}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


async def test_the_bodies_under_way_are_bounded_and_counted_until_their_request_ends() -> None:
    bodies = Bodies(most=100)
    async with bodies.of(a_request(b"x" * 30, b"x" * 30)) as body:
        assert len(body) == 60
        with pytest.raises(OverloadedError):
            async with bodies.of(a_request(b"x" * 30, b"x" * 30)):
                pass
        async with bodies.of(a_request(b"x" * 40)):
            pass
    async with bodies.of(a_request(b"x" * 100)):
        pass


async def test_a_body_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.channels.guard.BODY_WITHIN", 0.02)
    bodies = Bodies(most=LARGEST_BODY)
    with pytest.raises(BadBodyError):
        await body_of(a_request(b"{", hang=True))
    with pytest.raises(BadBodyError):
        async with bodies.of(a_request(b"x" * LARGEST_BODY, hang=True)):
            pass
    async with bodies.of(a_request(b"x" * LARGEST_BODY)) as body:
        assert len(body) == LARGEST_BODY


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_webhooks_are_answered_503_early_while_the_store_hangs_and_200_when_it_is_back(
    hanging: HangingDatabase,
) -> None:
    line = LineStandIn(channel_secret=SECRET, access_token=TOKEN)
    app = Starlette(routes=line_routes(an_inbox(hanging), SECRET, lambda: NOW))
    async with served(app) as url, aiohttp.ClientSession() as http:

        async def post(number: int) -> int:
            body, headers = line.webhook(line.events.text(user_id(f"u{number}"), "はい"))
            async with http.post(f"{url}/line/webhook", data=body, headers=headers) as response:
                return response.status

        hanging.is_there.clear()
        assert {*await asyncio.gather(*(post(n) for n in range(50)))} == {503}
        late = refused("late")
        assert {*await asyncio.gather(*(post(n) for n in range(50, 300)))} == {503}
        assert refused("late") == late  # none of them had to wait for it
        hanging.is_there.set()
        while hanging.trying:
            await asyncio.sleep(0.01)
        assert {*await asyncio.gather(*(post(n) for n in range(300, 350)))} == {200}


class RunningWorld:
    """The real application with both platforms, at work."""

    def __init__(
        self,
        core: Core,
        url: str,
        http: aiohttp.ClientSession,
        line: LineStandIn,
        slack: SlackStandIn,
        model: OpenAIStandIn,
    ) -> None:
        self.core, self.url, self.http = core, url, http
        self.line, self.slack, self.model = line, slack, model

    async def send(self, *account_ids: str) -> None:
        """Something is due for each."""
        now = datetime.now(UTC)
        payload = {"messages": [{"text": "おしらせ"}]}
        async with self.core.database.write() as connection:
            await outbox.put(
                connection,
                [
                    Item(account_id=each, kind="messages", payload=payload, due_at=now, created_at=now)
                    for each in account_ids
                ],
            )
        self.core.delivery.wake()

    async def say(self, name: str, text: str) -> None:
        """Someone writes to LINE."""
        body, headers = self.line.webhook(self.line.events.text(user_id(name), text))
        async with self.http.post(f"{self.url}/line/webhook", data=body, headers=headers) as response:
            assert response.status == 200

    async def answered(self, name: str, count: int) -> None:
        """Until so many texts have come."""
        async with asyncio.timeout(LONG):
            while len(self.line.texts_to(user_id(name))) < count:
                await asyncio.sleep(0.02)

    async def link(self, name: str, person_id: str) -> None:
        database, now = self.core.database, datetime.now(UTC)
        async with database.write() as connection:
            code = await create_code(
                connection,
                person_id,
                at=now,
                expires_at=now + timedelta(hours=1),
                secret=self.core.services.secret,
            )
        await self.say(name, code)
        await self.answered(name, 1)

    async def until_sent(self, channel: str, count: int, state: State = State.SENT) -> None:
        async with asyncio.timeout(LONG):
            while await self.count(channel, state) < count:
                await asyncio.sleep(0.02)

    async def count(self, channel: str, state: State) -> int:
        rows = select(func.count()).select_from(Outbox).where(Outbox.channel == channel, Outbox.state == state)
        async with self.core.database.read() as connection:
            return await connection.scalar(rows) or 0


@pytest.fixture
async def running_world(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RunningWorld]:
    monkeypatch.setattr(
        Pipeline, "stop", partialmethod(Pipeline[Any, Any].stop, grace=0.0)
    )  # what hangs here hangs for longer
    async with AsyncExitStack() as stack:
        line = await stack.enter_async_context(LineStandIn(channel_secret=SECRET, access_token=TOKEN))
        slack = await stack.enter_async_context(SlackStandIn())
        model = await stack.enter_async_context(openai_stand_in())
        settings = settings_of(
            tmp_path,
            database_url,
            line_channel_secret=SECRET,
            line_channel_access_token=TOKEN,
            line_api_base_url=line.base_url,
            slack_signing_secret=slack.signing_secret,
            slack_bot_token=slack.bot_token,
            slack_api_base_url=slack.base_url,
            llm="openai:local-model",
            llm_base_url=model.url,
        )
        app = await stack.enter_async_context(running_app(settings, scheduler=False))
        url = await stack.enter_async_context(served(app))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield RunningWorld(app.state.core, url, http, line, slack, model)


async def test_a_line_that_hangs_keeps_neither_slack_nor_the_browser_nor_turns_waiting(
    running_world: RunningWorld,
) -> None:
    world, many = running_world, 400
    world.line.fail_next("/v2/bot/message", Failure.DELAY(600), times=10 * many)
    await world.send(*(f"line:{user_id(f'u{n}')}" for n in range(many)))
    await world.until_sent("line", 300, State.SENDING)
    for n in range(10):
        world.slack.add_user(f"U{n}")
    await world.send(*(f"slack:U{n}" for n in range(10)), *(f"browser:b{n}" for n in range(50)))
    await world.until_sent("browser", 50)
    await world.until_sent("slack", 10)
    body, headers = world.line.webhook(*(world.line.events.text(user_id(f"v{n}"), "こんにちは") for n in range(20)))
    async with world.http.post(f"{world.url}/line/webhook", data=body, headers=headers) as response:
        assert response.status == 200
    async with asyncio.timeout(LONG):  # the turns are answered, though their answers wait for LINE
        while await world.count("line", State.SENDING) + await world.count("line", State.PENDING) < many + 20:
            await asyncio.sleep(0.02)
    assert await world.count("line", State.SENT) == 0


async def test_a_line_that_had_too_much_is_left_in_peace_for_a_moment_and_then_gets_everything(
    running_world: RunningWorld,
) -> None:
    world = running_world
    world.line.fail_next("/v2/bot/message/push", Failure.STATUS_429_RATE)
    begun = asyncio.get_running_loop().time()
    await world.send(f"line:{user_id('first')}")
    async with asyncio.timeout(LONG):
        while not world.line.requests["/v2/bot/message/push"]:
            await asyncio.sleep(0.01)
    await world.send(*(f"line:{user_id(f'u{n}')}" for n in range(20)))
    await world.until_sent("line", 21)
    assert asyncio.get_running_loop().time() - begun > 0.5 * PAUSE
    assert world.line.requests["/v2/bot/message/push"] == 22


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_childs_check_in_does_not_wait_for_a_language_model_that_hangs(
    running_world: RunningWorld, tmp_path: Path
) -> None:
    world = running_world
    await with_roster(world.core.database, tmp_path / "roster")
    await world.link("ito", "t-ito")
    await world.link("hana", "s-hana")
    world.model.is_slow = True
    waits = len(world.line.texts_to(user_id("ito")))
    await world.say("ito", ODD)
    async with asyncio.timeout(LONG):
        while not world.model.requests:
            await asyncio.sleep(0.01)
    before = len(world.line.texts_to(user_id("hana")))
    await world.say("hana", "めあて")
    await world.answered("hana", before + 1)
    assert len(world.line.texts_to(user_id("ito"))) == waits
    assert 2 * AT_ONCE + vectors.AT_ONCE < turns.WIDTH / 2  # whatever they ask: interpreter, answers, embeddings


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_pool_that_is_used_up_is_told_soon_and_all_recovers(
    running_world: RunningWorld,
) -> None:
    world, database = running_world, running_world.core.database
    body, headers = world.line.webhook(world.line.events.text(user_id("hana"), "こんにちは"))

    async def post() -> int:
        async with world.http.post(f"{world.url}/line/webhook", data=body, headers=headers) as response:
            return response.status

    async def get(path: str) -> int:
        async with world.http.get(f"{world.url}{path}") as response:
            return response.status

    async with AsyncExitStack() as held:
        while database.engine.pool.checkedout() < database.engine.pool.size():  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] -- of the pool that is used
            await held.enter_async_context(database.engine.connect())
        begun = asyncio.get_running_loop().time()
        statuses = await asyncio.gather(post(), get("/"), get("/healthz"))
        assert asyncio.get_running_loop().time() - begun < 0.5 * LONGEST_BY_ITSELF
        assert statuses in ([503, 200, 200], [503, 503, 200])
        with pytest.raises(StorageDownError):
            async with database.write():
                pass
    async with asyncio.timeout(LONG):
        while await post() != 200:
            await asyncio.sleep(0.1)
        while not world.line.texts_to(user_id("hana")):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_server_that_hangs_is_given_up_soon_and_used_again_when_it_answers(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.read() as connection:
        await connection.exec_driver_sql("SELECT 1")
    asked: list[bool] = []

    def hang(_: object) -> bool:
        asked.append(True)
        return await_only(asyncio.Event().wait())

    with monkeypatch.context() as patched:
        patched.setattr(database.engine.sync_engine.dialect, "do_ping", hang)
        begun = asyncio.get_running_loop().time()
        with pytest.raises(StorageDownError):
            async with database.read():
                pass
        assert asyncio.get_running_loop().time() - begun < 0.5 * LONGEST_BY_ITSELF
    assert asked
    async with database.read() as connection:
        assert (await connection.exec_driver_sql("SELECT 1")).scalar_one() == 1
    assert "Checked out connections: 0" in database.engine.pool.status()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_language_model_that_hangs_is_asked_so_much_at_once_and_the_rest_is_answered_without_it(
    database: Database, tmp_path: Path
) -> None:
    await with_roster(database, tmp_path / "data")
    async with openai_stand_in() as model:
        model.is_slow = True
        settings = settings_of(tmp_path, "", llm="openai:local-model", llm_base_url=model.url)
        services = build_services(settings, database)
        speaker = Speaker(language="ja", band="staff")
        waiting = [asyncio.create_task(ask(services, "t-ito", ODD, MORNING, speaker, None)) for _ in range(AT_ONCE)]
        async with asyncio.timeout(LONG):
            while len(model.requests) < AT_ONCE:
                await asyncio.sleep(0.01)
        for _ in range(5):
            asked = await ask(services, "t-ito", ODD, MORNING, speaker, None)
            assert asked.answer.status is Status.NOT_UNDERSTOOD
        assert not any(task.done() for task in waiting)  # nobody waited until one of them gave up
        assert len(model.requests) == AT_ONCE
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        model.is_slow = False
        await ask(services, "t-ito", ODD, MORNING, speaker, None)
        assert len(model.requests) == AT_ONCE + 1


class ShowingChannel(ConsoleChannel):
    """Shows that an answer is coming, for as long as the test wants."""

    pace = Pace(width=1, limit=Limit(name="console", rate=100, burst=100), busy=20)

    def __init__(self) -> None:
        super().__init__(lambda message, grade: None)
        self.shown: list[str] = []
        self.may_end = asyncio.Event()

    async def show_busy(self, account_id: str) -> None:
        self.shown.append(account_id)
        await self.may_end.wait()


async def test_showing_that_an_answer_is_coming_takes_nothing_from_messages() -> None:
    channel, rates = ShowingChannel(), MemoryRates(Seconds())
    channel.may_end.set()
    busy = Busy({"console": channel}, rates)
    for n in range(10):
        await busy.show(f"console:{n}")
    assert channel.shown == [f"console:{n}" for n in range(5)]  # of 20 tokens each
    assert rates.allowance(channel.pace.limit or Limit(name="", rate=1, burst=1)) == 0


async def test_no_more_than_a_few_are_shown_at_once() -> None:
    channel = ShowingChannel()
    busy = Busy({"console": channel}, None)
    showing = [asyncio.create_task(busy.show(f"console:{n}")) for n in range(SHOWN_AT_ONCE)]
    await asyncio.sleep(0)
    with pytest.raises(FullError):
        await busy.show("console:more")
    channel.may_end.set()
    await asyncio.gather(*showing)
    await busy.show("console:more")


def test_a_bulkhead_refuses_when_it_is_full_and_is_free_again_whatever_happened() -> None:
    bulkhead = Bulkhead(1)
    with bulkhead, pytest.raises(FullError), bulkhead:
        pass
    with pytest.raises(RuntimeError), bulkhead:
        raise RuntimeError
    with bulkhead:
        pass
