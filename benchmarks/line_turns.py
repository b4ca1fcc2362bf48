"""How many durable LINE turns a second, against line-bot-sdk's echo example that stores nothing?

A turn: verify, store, answer within a check-in, outbox, reply sent to a local stand-in. Both servers get the same
number of webhooks from the same generator in the same run, and a turn counts when its reply has arrived. Afterwards
webhooks come at half of the load that the bar asks for, then at half of the most we reached, and the time until each is
acknowledged is taken. Server, generator and stand-in share the machine.

    python -m benchmarks.line_turns [--students 400] [--rounds 3] [--database postgresql://…]
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import delete, insert

from assistant.dialogue.conversation import Conversation
from assistant.inbox import InboxEvent
from assistant.schema import migrate
from benchmarks.machine import free_port, median, percentile, process, row, until_up
from knowledge.db import Database
from knowledge.records.accounts import Account
from knowledge.records.checkins import CheckIn
from knowledge.records.roster import Org, Role, User
from scheduler.outbox import Outbox
from tests.platforms.line import user_id
from tests.platforms.line.events import Event, LineEvents
from tests.worlds import LINE_SECRET, LINE_TOKEN, TOKYO

AT_ONCE = 64  # webhooks under way
Webhook = tuple[bytes, dict[str, str]]


def school_day(events: LineEvents, student: str, day: str) -> list[Event]:
    """The five turns of a morning, half of them tapped."""
    prefix = f"c/anticipation/{day}"
    now = time.time()
    return [
        events.text(student, "おはよう", at=now),
        events.postback(student, f"{prefix}/mood/sunny", at=now + 0.001),
        events.text(student, "分数のわり算を三問とく", at=now + 0.002),
        events.postback(student, f"{prefix}/plan/s1", at=now + 0.003),
        events.postback(student, f"{prefix}/confidence/4", at=now + 0.004),
    ]


def waves(students: Sequence[str], build: Callable[[LineEvents, str], list[Event]]) -> list[list[Webhook]]:
    """Webhooks of all students, turn by turn, so that nobody's second turn starts before everybody's first."""
    events = LineEvents(channel_secret=LINE_SECRET)
    per_student = [[events.webhook(event) for event in build(events, student)] for student in students]
    return [list(wave) for wave in zip(*per_student, strict=True)]


async def post_all(http: aiohttp.ClientSession, url: str, wave: Sequence[Webhook]) -> None:
    waiting = iter(wave)

    async def sender() -> None:
        for body, headers in waiting:
            async with http.post(url, data=body, headers=headers) as response:
                assert response.status == 200, response.status

    await asyncio.gather(*(sender() for _ in range(AT_ONCE)))


async def delivered(http: aiohttp.ClientSession, line: str) -> int:
    async with http.get(f"{line}/_stats") as response:
        return (await response.json())["delivered"]


async def turns_per_second(
    http: aiohttp.ClientSession, url: str, line: str, planned: Sequence[Sequence[Webhook]]
) -> float:
    before = await delivered(http, line)
    wanted = before + sum(len(wave) for wave in planned)
    begun = time.perf_counter()
    for wave in planned:
        await post_all(http, url, wave)
    while await delivered(http, line) < wanted:
        await asyncio.sleep(0.005)
        assert time.perf_counter() - begun < 120, "replies are missing"
    return (wanted - before) / (time.perf_counter() - begun)


async def acknowledged_within(
    http: aiohttp.ClientSession, url: str, webhooks: Sequence[Webhook], rate: float
) -> list[float]:
    """Seconds until each webhook was answered, when they come at ``rate`` a second."""
    times: list[float] = []

    async def one(body: bytes, headers: dict[str, str]) -> None:
        begun = time.perf_counter()
        async with http.post(url, data=body, headers=headers) as response:
            assert response.status == 200
        times.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    tasks: list[asyncio.Task[None]] = []
    for number, (body, headers) in enumerate(webhooks):
        await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(one(body, headers)))
    await asyncio.gather(*tasks)
    return times


async def with_students(database: Database, students: Sequence[str]) -> None:
    now = datetime.now(TOKYO)
    async with database.write() as connection:
        await connection.execute(insert(Org).values(sourced_id="school", name="学校", type="school"))
        blank: dict[str, Any] = {"enabled": True, "family_name": "山田", "grade": "P4", "agent_sourced_ids": []}
        people = [
            {**blank, "sourced_id": s, "given_name": f"花{n}", "primary_org_sourced_id": "school"}
            for n, s in enumerate(students)
        ]
        await connection.execute(insert(User), people)
        role = {"role_type": "primary", "role": "student", "org_sourced_id": "school"}
        await connection.execute(
            insert(Role), [{**role, "sourced_id": f"r{s}", "user_sourced_id": s} for s in students]
        )
        account = {"channel": "line", "linked_at": now, "last_seen_at": now, "reachable": True}
        accounts = [{**account, "id": f"line:{s}", "person_id": s} for s in students]
        await connection.execute(insert(Account), accounts)


async def forget_the_day(database: Database) -> None:
    async with database.write() as connection:
        for table in (CheckIn, Conversation, InboxEvent, Outbox):
            await connection.execute(delete(table))


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", default="", help="postgresql://… of an empty database; default SQLite")
    given = parser.parse_args()
    students = [user_id(f"student {n}") for n in range(given.students)]
    folder = Path(tempfile.mkdtemp(prefix="ayumi-bench-"))
    url = given.database or f"sqlite:///{folder / 'ayumi.db'}"
    database = Database(url)
    await migrate(database)
    await with_students(database, students)
    line, echo, ours = (free_port() for _ in range(3))
    settings = {
        "AYUMI_DATA_DIR": str(folder),
        "AYUMI_DATABASE_URL": url,
        "LINE_CHANNEL_SECRET": LINE_SECRET,
        "LINE_CHANNEL_ACCESS_TOKEN": LINE_TOKEN,
        "LINE_API_BASE_URL": f"http://127.0.0.1:{line}",
    }
    with ExitStack() as stack:
        stand_in = ("-m", "tests.platforms.line", "--port", str(line), "--lenient")
        stack.enter_context(process(*stand_in, "--channel-secret", LINE_SECRET, "--access-token", LINE_TOKEN))
        stack.enter_context(
            process("-m", "benchmarks.echo_server", "--port", str(echo), "--line", f"http://127.0.0.1:{line}")
        )
        stack.enter_context(process("-m", "assistant", "serve", "--no-scheduler", "--port", str(ours), env=settings))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE * 2)) as http:
            base = f"http://127.0.0.1:{line}"
            await until_up(http, f"{base}/_stats")
            for port in (echo, ours):
                await until_up(http, f"http://127.0.0.1:{port}/healthz")
            await measure(http, database, students, given.rounds, base, echo, ours)
    await database.close()
    shutil.rmtree(folder, ignore_errors=True)


async def measure(
    http: aiohttp.ClientSession,
    database: Database,
    students: Sequence[str],
    rounds: int,
    line: str,
    echo: int,
    ours: int,
) -> None:
    theirs_url, ours_url = (f"http://127.0.0.1:{port}/line/webhook" for port in (echo, ours))
    theirs: list[float] = []
    own: list[float] = []
    day = datetime.now(TOKYO).date().isoformat()
    for number in range(rounds + 1):
        texts = waves(students, lambda e, s: [e.text(s, "分数のわり算を三問とく") for _ in range(5)])
        echoed = await turns_per_second(http, theirs_url, line, texts)
        await forget_the_day(database)
        answered = await turns_per_second(http, ours_url, line, waves(students, lambda e, s: school_day(e, s, day)))
        if number > 0:  # the first round warms both up
            theirs.append(echoed)
            own.append(answered)
    bar_rate = median(theirs) * (0.5 if database.is_sqlite else 0.35)
    waits: dict[float, list[float]] = {}
    for rate in (bar_rate / 2, median(own) / 2):
        await forget_the_day(database)
        planned = waves(students, lambda e, s: school_day(e, s, day))
        await asyncio.sleep(1)  # what the round before left behind is done by then
        webhooks = [webhook for wave in planned for webhook in wave]
        waits[rate] = await acknowledged_within(http, ours_url, webhooks, rate)
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    bar = "≥ 0.50, aim 1.0" if database.is_sqlite else "≥ 0.35, aim 1.0"
    echo_name = "line-bot-sdk echo on FastAPI, stores nothing"
    ratio = median(own) / median(theirs)
    print(row(f"durable LINE turn, {kind}", ratio, bar, echo_name, median(own), median(theirs), "turns/s"))
    for rate, times in waits.items():
        p50, p99 = median(times) * 1000, percentile(times, 99) * 1000
        print(f"| webhook acknowledged at {rate:,.0f}/s, {kind} | p99 {p99:.0f} ms | < 50 ms | p50 {p50:.1f} ms | |")


if __name__ == "__main__":
    asyncio.run(main())
