"""Processes that are told to stop, as real ones: within ten seconds, with nothing left half done; and an installation
whose processes are restarted one after another while children write, which loses and doubles nothing."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
from sqlalchemy import ColumnElement, Row, func, select

from assistant.channels.browser.cookies import Cookies
from assistant.channels.browser.sessions import Sessions
from assistant.inbox import InboxEvent, InboxState
from assistant.messages import Outgoing, Words
from assistant.planning import LEASE
from knowledge.db import Database
from knowledge.records.checkins import Note
from scheduler import outbox
from scheduler.leadership import Lease
from scheduler.outbox import Item, Outbox, State
from tests.faults.load import LinePhone, Load
from tests.faults.people import with_people
from tests.faults.processes import Process, free_port
from tests.platforms.line import Failure, LineStandIn, user_id

CHILDREN = 20
PAUSE = 1.1  # seconds between what a child writes and writes next: nobody is asked to write more slowly
LONGEST = 10.0  # seconds that a process may take to stop
PATIENCE = 60.0  # seconds after which a test gives up
ZONE = "Asia/Tokyo"
SECRET, TOKEN = "line-secret", "line-token"


class Installation:
    """Processes on one store, LINE in front of them, children who write."""

    def __init__(self, folder: Path, url: str, line: LineStandIn, http: aiohttp.ClientSession) -> None:
        self.url, self.line, self.http = url, line, http
        self.database = Database(url)
        self.processes: list[Process] = []
        self.phones = [LinePhone(line, f"C{number}") for number in range(CHILDREN)]
        self.said: dict[str, list[str]] = {phone.account_id: [] for phone in self.phones}
        self._folder = folder
        self._environment: Mapping[str, str] = {
            "AYUMI_DATA_DIR": str(folder),
            "AYUMI_DATABASE_URL": url,
            "AYUMI_TIMEZONE": ZONE,
            "AYUMI_SECRET_KEY": "secret",
            "LINE_CHANNEL_SECRET": SECRET,
            "LINE_CHANNEL_ACCESS_TOKEN": TOKEN,
            "LINE_API_BASE_URL": line.base_url,
        }

    async def start(self, *commands: str) -> list[Process]:
        """A process for each command, such as ``serve --no-worker``; all of them ready."""
        started = [
            Process(
                name=f"{len(self.processes) + number}",
                arguments=command.split(),
                environment=self._environment,
                log=self._folder / f"{len(self.processes) + number}.log",
                port=free_port(),
            )
            for number, command in enumerate(commands)
        ]
        self.processes += started
        for process in started:
            process.start()
        await asyncio.gather(*(self.until_ready(process) for process in started))
        return started

    async def until_ready(self, process: Process) -> None:
        async with asyncio.timeout(PATIENCE):
            while await self.readiness(process) is None:
                assert process.is_up, process.log.read_text()
                await asyncio.sleep(0.05)

    async def readiness(self, process: Process) -> str | None:
        """What it says when it is ready; None when it is not."""
        try:
            async with self.http.get(f"{process.url}/readyz") as response:
                return await response.text() if response.status == 200 else None
        except aiohttp.ClientError:
            return None

    async def restart(self, process: Process) -> None:
        await process.end()
        assert_stopped_well(process)
        process.start()
        await self.until_ready(process)

    async def write(self, load: Load, phone: LinePhone, stop: asyncio.Event) -> None:
        """A child writes down one thing after another; what LINE could not deliver it delivers again."""
        await asyncio.sleep(random.uniform(0, PAUSE))
        while not stop.is_set():
            text = f"{len(self.said[phone.account_id])}番の問題がとけた"
            self.said[phone.account_id].append(text)
            await load.deliver(phone.event(f"メモ {text}"))
            await asyncio.sleep(PAUSE)

    async def until_quiet(self) -> None:
        """Nothing is left to be answered or sent."""
        async with asyncio.timeout(PATIENCE):
            while await self.count(InboxEvent.state == InboxState.NEW) or await self.count(
                Outbox.state.in_([State.PENDING, State.SENDING])
            ):
                await asyncio.sleep(0.1)

    async def count(self, where: ColumnElement[bool]) -> int:
        async with self.database.read() as connection:
            return await connection.scalar(select(func.count()).where(where)) or 0

    async def notes(self) -> dict[str, list[str]]:
        """What is written down for each child, in its order."""
        found: dict[str, list[str]] = {phone.account_id: [] for phone in self.phones}
        async with self.database.read() as connection:
            for row in await connection.execute(select(Note.student_id, Note.text).order_by(Note.noted_at, Note.id)):
                found[row.student_id].append(row.text)
        return found


@asynccontextmanager
async def installation(folder: Path, url: str) -> AsyncGenerator[Installation]:
    """Everything, with nothing started yet; what was started ends with the block."""
    async with (
        LineStandIn(channel_secret=SECRET, access_token=TOKEN) as line,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as http,
    ):
        made = Installation(folder, url, line, http)
        await with_people(made.database, [phone.account_id for phone in made.phones], [], ZoneInfo(ZONE))
        try:
            yield made
        finally:
            for process in made.processes:
                process.kill()
            await made.database.close()
        assert line.violations == []


def assert_stopped_well(process: Process) -> None:
    assert process.started is not None
    assert process.started.returncode == 0, process.log.read_text()
    assert process.goodbyes[-1] < LONGEST
    assert "Traceback" not in process.log.read_text()


async def test_an_installation_restarted_process_by_process_loses_and_doubles_nothing(
    postgres_url: str, tmp_path: Path
) -> None:
    async with installation(tmp_path, postgres_url) as ours:
        processes = await ours.start("serve --no-scheduler", "serve --no-scheduler")
        load = Load(ours.http, [each.url for each in processes], random.Random(1))
        stop = asyncio.Event()
        writing = [asyncio.create_task(ours.write(load, phone, stop)) for phone in ours.phones]
        for process in processes:
            await ours.restart(process)
        stop.set()
        await asyncio.gather(*writing)
        await ours.until_quiet()
        said = sum(len(texts) for texts in ours.said.values())
        assert said > CHILDREN
        assert await ours.notes() == ours.said
        assert {phone.account_id: len(phone.texts()) for phone in ours.phones} == {
            account: len(texts) for account, texts in ours.said.items()
        }
        assert load.statuses.keys() <= {200, 503, None}
        await asyncio.gather(*(each.end() for each in processes))
        for process in processes:
            assert_stopped_well(process)


async def test_a_worker_gives_back_what_it_was_sending_and_a_scheduler_its_lease(
    postgres_url: str, tmp_path: Path
) -> None:
    async with installation(tmp_path, postgres_url) as ours:
        worker, *schedulers = await ours.start("worker", "scheduler", "scheduler")
        ours.line.fail_next("push", Failure.DELAY(60), times=CHILDREN)
        async with ours.database.write() as connection:
            await outbox.put(connection, [a_send(phone.account_id) for phone in ours.phones])
        async with asyncio.timeout(PATIENCE):
            while not ours.line.delivered:
                await asyncio.sleep(0.02)
        leader, heir = schedulers if await acts(ours, schedulers[0]) else reversed(schedulers)
        held = await lease(ours)
        for process in (worker, leader):
            assert process.started is not None
            process.started.send_signal(signal.SIGINT)
            process.started.send_signal(signal.SIGTERM)
        await asyncio.gather(worker.end(), leader.end())
        assert_stopped_well(worker)
        assert_stopped_well(leader)
        assert await ours.count(Outbox.state == State.SENDING) == 0
        assert await ours.count(Outbox.state == State.PENDING) == CHILDREN
        left = await lease(ours)  # it did not have to run out
        assert left.holder != held.holder or left.until < held.until
        async with asyncio.timeout(PATIENCE):
            while not await acts(ours, heir):
                await asyncio.sleep(0.1)


async def test_the_whole_server_finishes_what_was_asked_and_ends_its_streams(sqlite_url: str, tmp_path: Path) -> None:
    async with installation(tmp_path, sqlite_url) as ours:
        [server] = await ours.start("serve")
        body, headers = ours.line.webhook(ours.line.events.text(user_id("C0"), "メモ 九九がいえた"))
        async with open_stream(ours, server) as stream, half_a_request(server, body, headers) as finish:
            assert server.started is not None
            server.started.terminate()
            while b"stopping" not in server.log.read_bytes():
                await asyncio.sleep(0.02)
            server.started.send_signal(signal.SIGINT)
            assert await finish() == 200
            async with asyncio.timeout(LONGEST):
                await stream.content.read()  # to its end, which is a proper one
        await server.end()
        assert_stopped_well(server)
        assert await ours.count(InboxEvent.channel == "line") == 1


@asynccontextmanager
async def open_stream(ours: Installation, server: Process) -> AsyncGenerator[aiohttp.ClientResponse]:
    """The page of a child who is signed in listens for new lines."""
    idle, person = timedelta(hours=1), ours.phones[1].account_id
    sessions = Sessions(ours.database, b"secret", lambda: datetime.now(UTC), ZoneInfo(ZONE), idle)
    token = await sessions.sign_in(person)
    assert token is not None
    cookies = {Cookies.of("").session: token}
    async with ours.http.get(f"{server.url}/events", cookies=cookies) as response:
        assert response.content_type == "text/event-stream"
        yield response


@asynccontextmanager
async def half_a_request(
    server: Process, body: bytes, headers: Mapping[str, str]
) -> AsyncGenerator[Callable[[], Awaitable[int]]]:
    """A webhook of which half has arrived; yields what sends the rest and returns the status of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    lines = [f"{name}: {value}" for name, value in {**headers, "Content-Length": str(len(body))}.items()]
    head = "\r\n".join(["POST /line/webhook HTTP/1.1", "Host: localhost", *lines, "", ""])
    writer.write(head.encode() + body[: len(body) // 2])
    await writer.drain()

    async def finish() -> int:
        writer.write(body[len(body) // 2 :])
        answer = await reader.readline()
        return int(answer.split()[1])

    yield finish
    writer.close()


async def acts(ours: Installation, scheduler: Process) -> bool:
    return "acting" in (await ours.readiness(scheduler) or "")


async def lease(ours: Installation) -> Row[str, datetime]:
    """That of the schedulers."""
    async with ours.database.read() as connection:
        return (await connection.execute(select(Lease.holder, Lease.until).where(Lease.name == LEASE))).one()


def a_send(account_id: str) -> Item:
    now = datetime.now(UTC)
    payload = {"messages": [Outgoing(text=Words.own("こんにちは")).to_json()]}
    return Item(account_id=account_id, kind="messages", payload=payload, due_at=now, created_at=now)
