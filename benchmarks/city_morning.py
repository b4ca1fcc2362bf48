"""A city's morning in small: everybody is prompted at once, many answer within minutes. Is anything lost, and how long
does the queue get?

Two webs, two workers and two schedulers on a durable PostgreSQL. The scheduler prompts all students in the minute that
stands for 8:20; those who answer begin along a curve that rises steeply and fades (a gamma distribution of shape 2, its
peak after a sixth of the time, cut off at its end) and go through their morning's questions a few seconds apart. Each
second the age of the oldest unanswered event, prompts under way and the CPU of each role are noted. At the end every
event must have been answered once, every answer be in its child's check-in, and everybody have been prompted who had
not begun before.

    python -m benchmarks.city_morning [--students 100000 --answering 30000 --minutes 10 --turns 4] [--plot FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
import uvloop
from sqlalchemy import text

from benchmarks.cluster import Line
from benchmarks.installation import Installation, difference
from benchmarks.machine import free_port, morning_zone, percentile, process, until_up
from benchmarks.people import make_people
from benchmarks.postgres import Server, postgres_server
from benchmarks.webhooks import Poster, account, morning, token_of, webhook
from knowledge.db import Database

PEAK = 1 / 6  # of the time: when most begin
START = 30  # seconds from starting the schedulers until the prompts are due
THINKING = (3.0, 15.0)  # seconds between an answer and the next, at least and at most
CITY = 1_000_000  # what is projected to
CITY_ANSWERING = 0.3
BUSY = 0.7  # of a core, that a machine is planned for
SETTLED_WITHIN = 300.0  # seconds after the last webhook until what is not answered counts as lost
LINE_LIMIT = 2000  # requests a second that LINE takes
SEED = 820
STATE = """
SELECT (SELECT coalesce(extract(epoch FROM now() - min(received_at)), 0) FROM inbox WHERE state = 'new'),
       (SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending') AND kind = 'prompt')
"""
RESULT = """
SELECT (SELECT count(*) FROM inbox WHERE state <> 'done'),
       (SELECT count(*) FROM outbox WHERE kind = 'messages' AND state = 'sent'),
       (SELECT count(*) FROM outbox WHERE state NOT IN ('sent', 'skipped')),
       (SELECT count(*) FROM outbox WHERE kind = 'prompt' AND state = 'sent'),
       (SELECT count(*) FROM users AS child WHERE
            NOT EXISTS (SELECT FROM outbox WHERE person_id = child.sourced_id AND kind = 'prompt' AND state = 'sent')
            AND NOT EXISTS (SELECT FROM check_ins WHERE student_id = child.sourced_id))
"""
ROWS = "SELECT mood, goal, plan, confidence FROM check_ins"
LATE = "SELECT extract(epoch FROM done_at - due_at) FROM outbox WHERE kind = 'prompt' AND state = 'sent'"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One second."""

    at: float  # seconds since the prompts were due
    queue_age: float  # seconds the oldest unanswered event has waited
    prompts_open: int  # not yet sent
    cpu: Mapping[str, float]  # CPU seconds so far, by role


@dataclass(kw_only=True)
class Record:
    """What was seen."""

    samples: list[Sample] = field(default_factory=list[Sample])
    posted: dict[str, float] = field(default_factory=dict[str, float])  # by reply token, seconds since due
    arrived: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    refused: int = 0  # webhooks that had to be sent again: 503, or no answer


def begins(count: int, seconds: float) -> list[float]:
    """When each child begins, in order: the same curve every time."""
    chance, scale = random.Random(SEED), seconds * PEAK
    found: list[float] = []
    while len(found) < count:
        at = chance.gammavariate(2, scale)
        if at < seconds:
            found.append(at)
    return sorted(found)


class Children:
    """Answer their prompts, each at its own time."""

    def __init__(self, poster: Poster, record: Record, day: str, turns: int, start: float) -> None:
        """``start``: the moment of the monotonic clock at which prompts are due."""
        self._poster, self._record, self._start = poster, record, start
        self._turns = morning(day)[1 : turns + 1]  # the prompt asks for the mood: the first answer is a tap
        self._number = 0

    async def all(self, answering: Sequence[int], seconds: float) -> None:
        tasks: list[asyncio.Task[None]] = []
        for student, at in zip(answering, begins(len(answering), seconds), strict=True):
            await asyncio.sleep(max(0.0, self._start + at - time.monotonic()))
            tasks.append(asyncio.create_task(self._one(student)))
        await asyncio.gather(*tasks)

    async def _one(self, student: int) -> None:
        chance = random.Random(student)
        for number, (is_tap, content) in enumerate(self._turns):
            if number:
                await asyncio.sleep(chance.uniform(*THINKING))
            await self._say(student, is_tap, content)

    async def _say(self, student: int, is_tap: bool, content: str) -> None:
        number, self._number = self._number, self._number + 1
        request = webhook(account(student), number, is_tap, content)
        self._record.posted[token_of(number)] = time.monotonic() - self._start
        self._record.refused += await self._poster.deliver(request)


async def watch(
    database: Database, line: Line, server: Server, installed: Installation, record: Record, start: float
) -> None:
    """Look once a second, until cancelled."""
    before: Mapping[str, float] = {**installed.cpu_seconds(), "PostgreSQL": server.cpu_seconds()}
    while True:
        async with database.read() as connection:
            age, still_open = (await connection.execute(text(STATE))).one()
        cpu = difference({**installed.cpu_seconds(), "PostgreSQL": server.cpu_seconds()}, before)
        at = time.monotonic() - start
        record.samples.append(Sample(at=at, queue_age=float(age), prompts_open=still_open, cpu=cpu))
        record.arrived += [(key, moment - start) for key, moment in await line.arrivals()]
        await asyncio.sleep(1.0)


async def settled(database: Database) -> None:
    """Wait until everybody was prompted and nothing is open. Raises ``TimeoutError``."""
    async with asyncio.timeout(SETTLED_WITHIN):
        while True:
            async with database.read() as connection:
                waiting, _, unsent, _, forgotten = (await connection.execute(text(RESULT))).one()
            if not waiting and not unsent and not forgotten:
                return
            await asyncio.sleep(0.5)


def prompt_at(folder: Path, due: datetime) -> None:
    """Every school asks for the morning's check-in at ``due``."""
    (folder / "schools.yaml").write_text(f"default:\n  anticipation: '{due:%H:%M:%S}'\n", "utf-8")


async def report(database: Database, record: Record, students: int, answering: int, turns: int) -> Mapping[str, float]:
    """Print the table, and return CPU seconds by role. Raises ``AssertionError`` when anything was lost or doubled."""
    async with database.read() as connection:
        waiting, answers, unsent, sent, forgotten = (await connection.execute(text(RESULT))).one()
        rows = (await connection.execute(text(ROWS))).all()
        late = [float(seconds) for seconds in await connection.scalars(text(LATE))]
    events = answering * turns
    assert len(record.posted) == events
    assert not waiting and not unsent, f"{waiting} events and {unsent} sends are left"
    assert answers == events, f"{answers} answers to {events} events"
    assert not forgotten, f"{forgotten} children were not prompted"
    full = sum(all(value is not None for value in row[: min(turns, 4)]) for row in rows)
    assert full == answering, f"{full} check-ins of {answering}"
    tokens = Counter(key for key, _ in record.arrived)
    replies = sum(count for key, count in tokens.items() if key in record.posted)
    assert replies == sum(key in record.posted for key in tokens), "a reply came twice"
    assert len(record.arrived) == events + sent, f"{len(record.arrived)} arrivals of {events} answers, {sent} prompts"
    waits = [at - record.posted[key] for key, at in record.arrived if key in record.posted]
    ages = [sample.queue_age for sample in record.samples]
    lasted = max(at for _, at in record.arrived)
    spent = record.samples[-1].cpu
    per_second = Counter(int(at) for at in record.posted.values())
    used = ", ".join(f"{role} {seconds:.0f}" for role, seconds in spent.items())
    p50, p99 = percentile(waits, 50), percentile(waits, 99)
    table = (
        ("lost or doubled", "0", f"0 of {events:,} answers and {sent:,} prompts; {students - sent:,} had begun before"),
        ("busiest second", "–", f"{max(per_second.values()):,} webhooks; {record.refused:,} had to be sent again"),
        ("age of the oldest unanswered event", "< 30 s", f"{max(ages):.1f} s at most"),
        ("webhook to reply at LINE", "–", f"p50 {p50:.2f} s, p99 {p99:.2f} s, slowest {max(waits):.2f} s"),
        ("… as pushes, their reply token too old", "–", f"{events - len(waits):,}"),
        ("prompts sent, after they were due", "–", f"p50 {percentile(late, 50):.0f} s, last {max(late):.0f} s"),
        ("everything done after", "–", f"{lasted:.0f} s"),
        ("CPU seconds", "–", f"{used}; {sum(spent.values()) / lasted:.2f} cores on average"),
    )
    print(f"| {students:,} prompted, {answering:,} answering with {turns} turns each | Bar | Measured |\n|---|---|---|")
    for question, bar, measured in table:
        print(f"| {question} | {bar} | {measured} |")
    return spent


def project(record: Record, spent: Mapping[str, float], students: int, events: int, seconds: float) -> None:
    """Print what a city needs, from CPU seconds: nothing is assumed to get cheaper or dearer."""
    answering, factor = round(CITY * CITY_ANSWERING), CITY / students
    total = sum(spent.values())
    per_second = Counter(int(at // 10) for at in record.posted.values())
    peak = max(per_second.values()) / 10
    busiest = busiest_cores(record)
    print(f"\nProjected, not measured: {CITY:,} students, {answering:,} of them answering within {seconds:.0f} s")
    print(f"  work: {total:,.0f} CPU seconds × {factor:g} = {total * factor:,.0f}, with {events * factor:,.0f} turns")
    print(f"  busiest ten seconds: {peak:,.0f} × {factor:g} = {peak * factor:,.0f} webhooks/s")
    print(f"  cores at work then: {busiest:.2f} × {factor:g} = {busiest * factor:.0f}")
    print(f"  at {BUSY:.0%} of each core: {busiest * factor / BUSY:.0f} cores, of them")
    for role, used in spent.items():
        print(f"    {role}: {used / total:.0%} of the work: {math.ceil(busiest * factor / BUSY * used / total)}")
    print(
        f"  prompts as pushes: {CITY:,} / {LINE_LIMIT:,} a second, LINE's limit = {CITY / LINE_LIMIT:,.0f} s at least"
    )


def busiest_cores(record: Record) -> float:
    """CPU seconds a second in the busiest ten."""
    totals = [(sample.at, sum(sample.cpu.values())) for sample in record.samples]
    rates = [(used - before) / (at - since) for (since, before), (at, used) in zip(totals, totals[10:], strict=False)]
    return max(rates, default=totals[-1][1] / max(totals[-1][0], 1.0))


async def run(students: int, answering: int, minutes: float, turns: int, plot: Path | None) -> None:
    folder = Path(tempfile.mkdtemp(prefix="ayumi-bench-"))
    with postgres_server() as server:
        zone = morning_zone()
        day = datetime.now(zone).date()
        database = await make_people(server.address, students, day)
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        with process("-m", "benchmarks.line_sink", "--port", str(port)):
            installed = Installation(server.address, url, folder, zone)
            try:
                async with aiohttp.ClientSession(trust_env=False) as http:
                    await until_up(http, f"{url}/_stats")
                    installed.start(web=2, worker=2)
                    await installed.ready()
                    due = datetime.now(zone).replace(microsecond=0) + timedelta(seconds=START)
                    prompt_at(folder, due)
                    installed.start(scheduler=2)
                    await installed.ready()
                    start = time.monotonic() + (due - datetime.now(zone)).total_seconds()
                    record, line = Record(), Line(http, url)
                    watching = asyncio.create_task(watch(database, line, server, installed, record, start))
                    children = Children(Poster(installed.ports), record, day.isoformat(), turns, start)
                    answer = random.Random(SEED).sample(range(students), answering)
                    await children.all(answer, minutes * 60)
                    await settled(database)
                    await asyncio.sleep(2.0)  # the last second is looked at too
                    watching.cancel()
                    spent = await report(database, record, students, answering, turns)
                    project(record, spent, students, answering * turns, minutes * 60)
                    if plot is not None:
                        from benchmarks.city_plot import draw  # matplotlib, only where it is drawn

                        draw(record, plot, students, answering)
            finally:
                installed.stop()
        await database.close()
    shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=100_000)
    parser.add_argument("--answering", type=int, default=30_000)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument(
        "--turns", type=int, default=4, choices=range(1, 5), help="answers of each; 4: the whole morning"
    )
    parser.add_argument("--plot", type=Path, default=None, help="save a picture, .svg or .png")
    given = parser.parse_args()
    os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")
    uvloop.run(run(given.students, given.answering, given.minutes, given.turns, given.plot))


if __name__ == "__main__":
    main()
