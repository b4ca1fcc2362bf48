"""How fast do reminders that are due go out to LINE, against a bare aiohttp client that posts the same bodies?

Delivery as in ``ayumi serve``: claimed from the outbox, composed, converted, posted, the result stored; it ends when
the last result is stored. The floor has the bodies ready and stores nothing. Both post to a local LINE that only
counts, in a process of its own, with the same number of posts under way. Once every child's text is its own (pushes),
once all read the same (multicasts of 500: the floor of these is a handful of posts, while we still store a result for
every child).

    python -m benchmarks.fan_out [--accounts 10000] [--rounds 3] [--database postgresql://…]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import uuid_utils
import uvloop
from sqlalchemy import delete, func, select

from assistant.bootstrap import build_core, build_services, utc_now
from assistant.channels.line.channel import LineChannel
from assistant.cli.roles import YOUNG_OBJECTS
from assistant.dialogue.turns import messages_payload
from assistant.messages import Outgoing, Words
from assistant.running import build_channels
from assistant.schema import migrate
from benchmarks.machine import free_port, median, process, row, until_up
from knowledge.db import Database
from scheduler import outbox
from scheduler.outbox import Item, Outbox
from tests.platforms.line import user_id
from tests.worlds import LINE_SECRET, LINE_TOKEN, settings_of

PUT_AT_ONCE = 1000  # rows of one transaction


def text_of(number: int, *, equal: bool) -> str:
    return "体操服を忘れずに持ってきてね。" if equal else f"{number}番さん、体操服を忘れずに持ってきてね。"


def bodies(users: list[str], *, equal: bool) -> list[tuple[str, bytes]]:
    """Path and body of every post."""
    if not equal:
        return [
            ("push", orjson.dumps({"to": user, "messages": [{"type": "text", "text": text_of(n, equal=False)}]}))
            for n, user in enumerate(users)
        ]
    size, message = LineChannel.batch_size, {"type": "text", "text": text_of(0, equal=True)}
    return [
        ("multicast", orjson.dumps({"to": users[start : start + size], "messages": [message]}))
        for start in range(0, len(users), size)
    ]


async def bare(http: aiohttp.ClientSession, url: str, posts: list[tuple[str, bytes]]) -> float:
    """Seconds that posting takes."""
    waiting: Iterator[tuple[str, bytes]] = iter(posts)
    fixed: Mapping[str, str] = {"Authorization": f"Bearer {LINE_TOKEN}", "Content-Type": "application/json"}

    async def sender() -> None:
        for path, body in waiting:
            headers = {**fixed, "X-Line-Retry-Key": str(uuid_utils.uuid7())}
            async with http.post(f"{url}/v2/bot/message/{path}", data=body, headers=headers) as response:
                assert response.status == 200
                await response.text()

    begun = time.perf_counter()
    await asyncio.gather(*(sender() for _ in range(LineChannel.pace.width)))
    return time.perf_counter() - begun


async def fill(database: Database, users: list[str], *, equal: bool) -> None:
    now = datetime.now(UTC)
    for start in range(0, len(users), PUT_AT_ONCE):
        items = [
            Item(
                account_id=f"line:{user}",
                kind="messages",
                payload=messages_payload([Outgoing(text=Words.of(text_of(start + n, equal=equal)))], None),
                due_at=now,
                created_at=now,
                source="reminder/20260511T0820",
                variant="P4" if equal else None,
            )
            for n, user in enumerate(users[start : start + PUT_AT_ONCE])
        ]
        async with database.write() as connection:
            await outbox.put(connection, items)


async def ours(http: aiohttp.ClientSession, database: Database, folder: Path, url: str) -> float:
    """Seconds until everything in the outbox is sent and stored as sent."""
    keys: dict[str, Any] = {"line_channel_secret": LINE_SECRET, "line_channel_access_token": LINE_TOKEN}
    settings = settings_of(folder, "", line_api_base_url=url, **keys)
    channels = build_channels(settings, database, http, utc_now)
    core = build_core(build_services(settings, database), {"line": channels["line"]})
    async with database.read() as connection:
        wanted = await connection.scalar(select(func.count()).select_from(Outbox))
    begun = time.perf_counter()
    core.delivery.start()
    while True:
        async with http.get(f"{url}/_stats") as response:
            if (await response.json())["recipients"] >= (wanted or 0):
                break
        await asyncio.sleep(0.02)
    await core.delivery.stop()  # stores what is not stored yet
    seconds = time.perf_counter() - begun
    async with database.read() as connection:
        sent = await connection.scalar(select(func.count()).select_from(Outbox).where(Outbox.state == "sent"))
    assert sent == wanted, f"{sent} of {wanted}"
    return seconds


async def measure(database: Database, folder: Path, url: str, accounts: int, rounds: int) -> None:
    users = [user_id(str(n)) for n in range(accounts)]
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    async with aiohttp.ClientSession(trust_env=False) as http:
        await until_up(http, f"{url}/_stats")
        gc.collect()  # as the server does before it starts
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS, 20, 50)
        for equal, name in ((False, "pushes, every text its own"), (True, "multicasts of 500, equal texts")):
            own: list[float] = []
            floor: list[float] = []
            for number in range(rounds + 1):
                floored = accounts / await bare(http, url, bodies(users, equal=equal))
                async with database.write() as connection:
                    await connection.execute(delete(Outbox))
                await fill(database, users, equal=equal)
                async with http.get(f"{url}/_reset"):
                    pass
                went = accounts / await ours(http, database, folder, url)
                if number > 0:  # the first round warms both up
                    floor.append(floored)
                    own.append(went)
            question = f"fan-out to {accounts:,} on LINE, {name}, {kind}"
            ratio = median(own) / median(floor)
            bar = "≥ 0.70" if not equal else "–"
            print(row(question, ratio, bar, "bare aiohttp client", median(own), median(floor), "people/s"), flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", default="")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ayumi-bench-"))
    database = Database(given.database or f"sqlite:///{folder / 'bench.db'}")
    await migrate(database)
    port = free_port()
    with process("-m", "benchmarks.line_sink", "--port", str(port)):
        await measure(database, folder, f"http://127.0.0.1:{port}", given.accounts, given.rounds)
    await database.close()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    uvloop.run(main())
