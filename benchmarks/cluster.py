"""What do two webs and two workers on a durable PostgreSQL carry, and how soon does a child have the answer?

Webhooks are spread over the webs; a turn counts when its reply has come to LINE's stand-in. Measured are: turns a
second while as many webhooks as possible are under way, against line-bot-sdk's echo example that stores nothing and got
the same generator and stand-in in the same run; then, at 70 % of that, the time from posting a webhook until its reply
has come; the same turns with one worker; and the workers alone, webs ended, with everything waiting in the inbox. CPU
seconds by role say what a turn costs, whatever else the machine did.

    python -m benchmarks.cluster [--students 1000] [--seconds 20]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

import aiohttp
import uvloop
from sqlalchemy import func, select

from assistant.inbox import InboxEvent
from benchmarks.installation import Installation, difference
from benchmarks.machine import free_port, median, morning_zone, percentile, process, row, until_up
from benchmarks.people import forget_everything_said, make_people
from benchmarks.postgres import Server, postgres_server
from benchmarks.webhooks import Poster, account, morning, token_of, webhook
from knowledge.db import Database

AT_ONCE = 64  # webhooks under way, answered or not
SHARE = 0.7  # of what is sustained, at which waiting is measured
REPLIES_WITHIN = 120.0  # seconds until replies count as lost
TEXT = "分数のわり算を三問とく"


class Line:
    """LINE's stand-in, as seen by the generator."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url

    async def reset(self) -> None:
        async with self._http.get(f"{self._url}/_reset"):
            return

    async def count(self) -> int:
        """Recipients since the reset."""
        async with self._http.get(f"{self._url}/_stats") as response:
            return (await response.json())["recipients"]

    async def until(self, count: int, within: float = REPLIES_WITHIN) -> None:
        """Wait for so many recipients. Raises ``TimeoutError``."""
        async with asyncio.timeout(within):
            while await self.count() < count:  # noqa: ASYNC110 -- the stand-in is another process
                await asyncio.sleep(0.02)

    async def arrivals(self) -> list[tuple[str, float]]:
        """(reply token or account, moment of the monotonic clock) of each since last asked."""
        async with self._http.get(f"{self._url}/_arrivals") as response:
            return [(key, at) for key, at in await response.json()]


class Mornings:
    """The events of students, turn by turn, so that nobody's second comes before everybody's first."""

    def __init__(self, students: int, day: str) -> None:
        self._students = students
        self._turns = morning(day)
        self._number = itertools.count()

    @property
    def count(self) -> int:
        return self._students * len(self._turns)

    def requests(self) -> Iterable[tuple[int, bytes]]:
        """(number of the event, request), made when it is asked for."""
        for is_tap, content in self._turns:
            for student in range(self._students):
                number = next(self._number)
                yield number, webhook(account(student), number, is_tap, content)

    def texts(self) -> Iterable[tuple[int, bytes]]:
        """As many events, every one a text: what an echo bot answers."""
        for turn in range(self.count):
            number = next(self._number)
            yield number, webhook(account(turn % self._students), number, False, TEXT)


async def post_all(poster: Poster, requests: Iterable[tuple[int, bytes]]) -> int:
    """Post with ``AT_ONCE`` under way; how often one had to be sent again."""
    waiting = iter(requests)

    async def sender() -> int:
        return sum([await poster.deliver(request) for _, request in waiting])

    return sum(await asyncio.gather(*(sender() for _ in range(AT_ONCE))))


async def sustained(line: Line, ports: list[int], requests: Iterable[tuple[int, bytes]], count: int) -> float:
    """Turns a second until the last reply has come."""
    await line.reset()
    begun = time.perf_counter()
    again = await post_all(Poster(ports), requests)
    assert not again, f"{again} webhooks were refused"
    await line.until(count)
    return count / (time.perf_counter() - begun)


async def waited(
    line: Line, ports: list[int], requests: Iterable[tuple[int, bytes]], rate: float, count: int
) -> tuple[list[float], list[float]]:
    """Seconds until webhooks that come at ``rate`` a second were acknowledged, and until their replies had come."""
    await line.reset()
    poster = Poster(ports)
    posted: dict[str, float] = {}
    acknowledged: list[float] = []

    async def one(number: int, request: bytes) -> None:
        begun = posted[token_of(number)] = time.monotonic()
        status = await poster.post(request)
        assert status == 200, status
        acknowledged.append(time.monotonic() - begun)

    begun = time.monotonic()
    tasks: list[asyncio.Task[None]] = []
    for place, (number, request) in enumerate(itertools.islice(requests, count)):
        await asyncio.sleep(max(0.0, begun + place / rate - time.monotonic()))
        tasks.append(asyncio.create_task(one(number, request)))
    await asyncio.gather(*tasks)
    await line.until(count)
    arrivals = await line.arrivals()
    assert len(arrivals) == len({token for token, _ in arrivals}) == count, "a reply came twice or not at all"
    return acknowledged, [at - posted[token] for token, at in arrivals]


class Cluster:
    """Measures one database with its processes."""

    def __init__(
        self, server: Server, database: Database, line: Line, installed: Installation, mornings: Mornings
    ) -> None:
        self._server, self._database, self._line, self._installed = server, database, line, installed
        self._mornings = mornings

    def cpu(self) -> dict[str, float]:
        return {**self._installed.cpu_seconds(), "PostgreSQL": self._server.cpu_seconds()}

    async def echo(self, port: int) -> float:
        return await sustained(self._line, [port], self._mornings.texts(), self._mornings.count)

    async def ours(self) -> tuple[float, Mapping[str, float]]:
        """Turns a second, and CPU seconds by role of one turn."""
        await forget_everything_said(self._database)
        before = self.cpu()
        rate = await sustained(self._line, self._installed.ports, self._mornings.requests(), self._mornings.count)
        count = self._mornings.count
        return rate, {role: spent / count for role, spent in difference(self.cpu(), before).items()}

    async def waits(self, rate: float, seconds: float) -> tuple[list[float], list[float]]:
        await forget_everything_said(self._database)
        count = min(self._mornings.count, int(rate * seconds))
        return await waited(self._line, self._installed.ports, self._mornings.requests(), rate, count)

    async def drained(self, workers: int) -> tuple[float, Mapping[str, float]]:
        """Turns a second of so many workers with everything waiting in the inbox and nobody else at work, and CPU
        seconds by role of one turn; both without the first fifth, in which processes still warm up."""
        self._installed.stop()
        await forget_everything_said(self._database)
        self._installed.start(web=1)
        await self._installed.ready()
        await post_all(Poster(self._installed.ports), self._mornings.requests())
        self._installed.stop()
        await self._line.reset()
        self._installed.start(worker=workers)
        await self._line.until(self._mornings.count // 5)
        before, begun = self.cpu(), await self._line.count()
        await self._line.until(self._mornings.count)
        spent = difference(self.cpu(), before)
        rest = self._mornings.count - begun
        moments = sorted(at for _, at in await self._line.arrivals())[-rest:]
        return rest / (moments[-1] - moments[0]), {role: each / rest for role, each in spent.items()}

    async def left(self) -> int:
        """Events that nobody answered."""
        async with self._database.read() as connection:
            statement = select(func.count()).select_from(InboxEvent).where(InboxEvent.state != "done")
            return await connection.scalar(statement) or 0


def costs(spent: Mapping[str, float]) -> str:
    """CPU milliseconds of each role, from the seconds of one turn."""
    return ", ".join(f"{role} {seconds * 1000:.2f}" for role, seconds in spent.items()) + " ms of CPU a turn"


async def measure(cluster: Cluster, installed: Installation, echo: int, rounds: int, seconds: float) -> None:
    name = "PostgreSQL, 2 webs + 2 workers"
    floors: list[float] = []
    own: list[float] = []
    spent: Mapping[str, float] = {}
    for number in range(rounds + 1):
        floored = await cluster.echo(echo)
        rate, spent = await cluster.ours()
        if number > 0:  # the first round warms both up
            floors.append(floored)
            own.append(rate)
    best, floor = median(own), median(floors)
    echo_name = "line-bot-sdk echo on FastAPI, stores nothing"
    print(row(f"durable LINE turn, {name}", best / floor, "≥ 0.35", echo_name, best, floor, "turns/s"), flush=True)
    cores = sum(spent.values()) * own[-1]
    print(f"| … what a turn costs | – | – | {costs(spent)}; {cores:.2f} cores used by these | |", flush=True)
    acknowledged, answered = await cluster.waits(best * SHARE, seconds)
    print(
        f"| from webhook to reply at LINE, at {best * SHARE:,.0f}/s | p99 {percentile(answered, 99) * 1000:,.0f} ms"
        f" | < 1 s | p50 {median(answered) * 1000:,.0f} ms, slowest {max(answered) * 1000:,.0f} ms |"
        f" acknowledged: p50 {median(acknowledged) * 1000:.1f} ms, p99 {percentile(acknowledged, 99) * 1000:.0f} ms |",
        flush=True,
    )
    alone = installed.members[-1]
    assert alone.role == "worker"
    installed.end(alone)
    single, _ = await cluster.ours()
    print(f"| 2 workers against 1, 2 webs | {best / single:.2f} | ≥ 1.6 where cores allow | {best:,.0f} turns/s |"
          f" 1 worker: {single:,.0f} turns/s |", flush=True)  # fmt: skip
    drained = {workers: await cluster.drained(workers) for workers in (1, 2)}
    (one, one_spent), (two, two_spent) = drained[1], drained[2]
    print(
        f"| the same with all in the inbox, webs ended | {two / one:.2f} | ≥ 1.6 where cores allow | {two:,.0f} turns/s"
        f" ({costs(two_spent)}) | 1 worker: {one:,.0f} turns/s ({costs(one_spent)}) |",
        flush=True,
    )
    assert await cluster.left() == 0
    per_core = {role: 1 / each for role, each in spent.items()}
    print(
        "| turns a core carries, by role | – | – | "
        + ", ".join(f"{role} {each:,.0f}/s" for role, each in per_core.items())
        + f" | all roles together: {1 / sum(1 / each for each in per_core.values()):,.0f}/s |",
        flush=True,
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long waiting is measured, at most")
    given = parser.parse_args()
    os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")
    folder = Path(tempfile.mkdtemp(prefix="ayumi-bench-"))
    zone = morning_zone()
    day = datetime.now(zone).date()
    with postgres_server() as server:
        database = await make_people(server.address, given.students, day)
        port, echo = free_port(), free_port()
        url = f"http://127.0.0.1:{port}"
        with (
            process("-m", "benchmarks.line_sink", "--port", str(port)),
            process("-m", "benchmarks.echo_server", "--port", str(echo), "--line", url),
        ):
            installed = Installation(server.address, url, folder, zone)
            try:
                async with aiohttp.ClientSession(trust_env=False) as http:
                    await until_up(http, f"{url}/_stats")
                    await until_up(http, f"http://127.0.0.1:{echo}/")
                    installed.start(web=2, worker=2)
                    await installed.ready()
                    mornings = Mornings(given.students, day.isoformat())
                    cluster = Cluster(server, database, Line(http, url), installed, mornings)
                    await measure(cluster, installed, echo, given.rounds, given.seconds)
            finally:
                installed.stop()
        await database.close()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    uvloop.run(main())
