"""How soon after everything was killed does a child have an answer, and is the backlog worked off as fast as before?

Webs take in mornings while nobody answers, and pushes are put into the outbox. First the workers drain such a backlog
undisturbed: the speed before. Then, with a third of another one done, every web, worker and scheduler is killed with
``kill -9``; in the second round PostgreSQL is stopped without a checkpoint as well, as by a power cut. All are started
again at once, and nothing is given time to warm up. Afterwards every event must have been answered and every push sent,
each once.

    python -m benchmarks.recovery [--students 1000]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import uvloop
from sqlalchemy import text

from assistant.dialogue.turns import messages_payload
from assistant.messages import Outgoing, Words
from benchmarks.cluster import Line, Mornings, post_all
from benchmarks.installation import Installation
from benchmarks.machine import free_port, morning_zone, process, until_up
from benchmarks.people import forget_everything_said, make_people
from benchmarks.postgres import Server, postgres_server
from benchmarks.webhooks import Poster, account
from knowledge.db import Database
from scheduler import outbox
from scheduler.outbox import Item

ALL = {"web": 2, "worker": 2, "scheduler": 2}
WITHIN = 180.0  # seconds a backlog may take
OPEN = """
SELECT (SELECT count(*) FROM inbox WHERE state = 'new'),
       (SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending'))
"""


@dataclass(frozen=True, kw_only=True)
class Drained:
    """How a backlog went, seconds since the processes were started."""

    first: float
    last: float
    per_second: float  # answers and pushes, in the middle eight tenths


def drained(started: float, moments: Sequence[float]) -> Drained:
    """``moments`` at which something reached LINE."""
    ordered = sorted(moments)
    low, high = ordered[len(ordered) // 10], ordered[len(ordered) * 9 // 10]
    rate = len(ordered) * 0.8 / (high - low)
    return Drained(first=ordered[0] - started, last=ordered[-1] - started, per_second=rate)


async def put_pushes(database: Database, count: int) -> None:
    """As many messages, due now, to as many students."""
    now = datetime.now(UTC)
    payload = messages_payload([Outgoing(text=Words.of("体操服を忘れずに持ってきてね。"))], None)
    items = [
        Item(account_id=f"line:{account(n)}", kind="messages", payload=payload, due_at=now, created_at=now)
        for n in range(count)
    ]
    async with database.write() as connection:
        await outbox.put(connection, items)


class Crash:
    """One database whose processes are killed."""

    def __init__(
        self, server: Server, database: Database, line: Line, installed: Installation, mornings: Mornings, pushes: int
    ) -> None:
        self._server, self._database, self._line, self._installed = server, database, line, installed
        self._mornings, self._pushes = mornings, pushes
        self._count = mornings.count + pushes

    async def undisturbed(self) -> Drained:
        await self._fill()
        started = self._start()
        moments = await self._until(self._count)
        self._installed.stop()
        return drained(started, moments)

    async def crashed(self, *, power_cut: bool) -> Drained:
        """What happened after the restart."""
        await self._fill()
        self._start()
        before = await self._until(self._count // 3)
        self._installed.kill()
        if power_cut:
            self._server.cut()
        before += [at for _, at in await self._line.arrivals()]  # what was on its way
        started = time.monotonic()
        if power_cut:
            self._server.start()
        self._start()
        after = await self._until(self._count - len(before))
        await self._settled()
        after += [at for _, at in await self._line.arrivals()]
        self._installed.stop()
        assert len(before) + len(after) == self._count, f"{len(before) + len(after)} arrivals of {self._count}"
        return drained(started, after)

    def _start(self) -> float:
        self._installed.start(**ALL)
        return time.monotonic()

    async def _fill(self) -> None:
        """A backlog of events and of pushes."""
        await forget_everything_said(self._database)
        await self._line.reset()
        self._installed.start(web=2)
        await self._installed.ready()
        await post_all(Poster(self._installed.ports), self._mornings.requests())
        self._installed.stop()
        await put_pushes(self._database, self._pushes)

    async def _until(self, count: int) -> list[float]:
        """The moments of at least so many arrivals. Raises ``TimeoutError``."""
        moments: list[float] = []
        async with asyncio.timeout(WITHIN):
            while len(moments) < count:
                moments += [at for _, at in await self._line.arrivals()]
                await asyncio.sleep(0.02)
        return moments

    async def _settled(self) -> None:
        """Wait until nothing is open: also what the dead had claimed. Raises ``TimeoutError``."""
        async with asyncio.timeout(WITHIN):
            while True:
                async with self._database.read() as connection:
                    if not any((await connection.execute(text(OPEN))).one()):
                        return
                await asyncio.sleep(0.2)


async def measure(crash: Crash, events: int, pushes: int) -> None:
    await crash.undisturbed()  # warms the database up
    before = await crash.undisturbed()
    for power_cut, name in ((False, "webs, workers, schedulers"), (True, "the same, and PostgreSQL at once")):
        after = await crash.crashed(power_cut=power_cut)
        print(
            f"| kill -9 of {name}: first answer | – | < 5 s | {after.first:.1f} s after the restart began |"
            f" started in peace: {before.first:.1f} s |\n"
            f"| … the backlog drained | {after.per_second / before.per_second:.2f} | full speed |"
            f" {after.per_second:,.0f}/s; none of {events:,} events and {pushes:,} pushes lost or doubled,"
            f" the last after {after.last:.0f} s | before: {before.per_second:,.0f}/s |",
            flush=True,
        )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=1000, help="five events and one push of each")
    given = parser.parse_args()
    os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")
    folder = Path(tempfile.mkdtemp(prefix="ayumi-bench-"))
    zone = morning_zone()
    day = datetime.now(zone).date()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    # Nobody is prompted meanwhile: what is counted is the backlog alone.
    (folder / "schools.yaml").write_text("default:\n  anticipation: '11:30'\n", "utf-8")
    with postgres_server() as server, process("-m", "benchmarks.line_sink", "--port", str(port)):
        database = await make_people(server.address, given.students, day)
        installed = Installation(server.address, url, folder, zone)
        try:
            async with aiohttp.ClientSession(trust_env=False) as http:
                await until_up(http, f"{url}/_stats")
                mornings = Mornings(given.students, day.isoformat())
                crash = Crash(server, database, Line(http, url), installed, mornings, given.students)
                await measure(crash, mornings.count, given.students)
        finally:
            installed.kill()
        await database.close()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    uvloop.run(main())
