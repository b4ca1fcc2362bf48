"""An installation under load: processes, a store, platforms, children; what was posted and what came of it."""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp

from assistant.schema import migrate
from knowledge.db import Database
from knowledge.errors import StorageDownError
from tests.faults import audit
from tests.faults.load import GAP, Child, LinePhone, Load, Phone, SlackPhone, rehearse
from tests.faults.people import (
    PRINCIPAL,
    RULES,
    remind,
    with_people,
    zone_where_it_is_forenoon,
)
from tests.faults.postgres import Postgres, postgres
from tests.faults.processes import Process, embedded, spread_out
from tests.platforms.line import LineStandIn
from tests.platforms.slack import SlackStandIn

CONNECTIONS = 100  # that the server takes: PostgreSQL's own default
SLACK_OF = 40  # listeners, one has Slack, which takes but few messages a second
NOTICE = "【あゆみ】"  # how a word to those in charge begins
PROMPT = "おはよう"  # what a listener is asked in the morning begins so
UP_WITHIN = 120.0  # seconds; starting six processes on two busy cores takes a while
STARTS = 6  # of a process, while other faults strike; a supervisor would go on for ever
QUIET_WITHIN = 120.0  # seconds after the last fault, before what is left is called lost
SECRETS = {
    "LINE_CHANNEL_SECRET": "line-secret",
    "LINE_CHANNEL_ACCESS_TOKEN": "line-token",
    "SLACK_SIGNING_SECRET": "slack-secret",
    "SLACK_BOT_TOKEN": "xoxb-token",
    "AYUMI_SECRET_KEY": "secret",
}


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many take part."""

    line: int  # children who chat on LINE
    slack: int
    listeners: int  # children who get reminders on LINE, a few on Slack
    brief: float = 2.0  # seconds that something stands still
    roles: Mapping[str, int] = field(default_factory=lambda: {"web": 2, "worker": 2, "scheduler": 2})  # with PostgreSQL
    disk: int = (
        0  # megabytes of the file system that the data folder gets for itself, for which one must be root; 0: none
    )


@dataclass(kw_only=True)
class Tally:
    """What the books say at the end."""

    events: int = 0  # acknowledged
    messages: int = 0  # that were due by themselves
    lost: int = 0
    doubled: int = 0
    announced: int = 0  # sends of which the product itself said that they may have come twice
    wrong: Counter[str] = field(default_factory=Counter[str])  # rows, answers, processes that are not as they should be
    details: list[str] = field(default_factory=list[str])  # whose books do not agree, and how
    found: list[tuple[float, int, int]] = field(default_factory=list[tuple[float, int, int]])  # when, lost, doubled

    def enter(self, who: str, books: Counter[str], at: float, first: str = "") -> None:
        """What was lost and doubled of one person, by what it is; ``at`` and ``first``: when and with what it began."""
        if not books:
            return
        lost = sum(count for what, count in books.items() if what.startswith("lost"))
        doubled = sum(count for what, count in books.items() if what.startswith("doubled"))
        self.lost, self.doubled = self.lost + lost, self.doubled + doubled
        self.found.append((at, lost, doubled))
        self.details.append(f"{who}: {dict(books)} {first}")

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled > self.announced or self.wrong)


class World:
    """Everything a fault may touch."""

    def __init__(
        self,
        *,
        line: LineStandIn,
        slack: SlackStandIn,
        processes: Sequence[Process],
        store: Postgres | None,
        folder: Path,
        database: Callable[[], Database],
        load: Load,
        chance: random.Random,
        zone: ZoneInfo,
        http: aiohttp.ClientSession,
        brief: float,
        has_own_disk: bool,
    ) -> None:
        self.line, self.slack, self.processes, self.store, self.folder = line, slack, processes, store, folder
        self.load, self.chance, self.zone, self.http = load, chance, zone, http
        self.brief = brief  # seconds that something stands still
        self.has_own_disk = has_own_disk  # which may be filled
        self.database = database  # a new connection to the store, to be closed
        self.listeners: list[Phone] = []
        self.in_charge: Sequence[Phone] = (LinePhone(line, PRINCIPAL), SlackPhone(slack, PRINCIPAL))
        self.due: dict[str, float] = {}  # words of reminders, each due to every listener once, and since when
        self.give_up_at = float("inf")  # monotonic seconds; what is not quiet by then is as it is
        self.holds = False  # whether something may be held

    def of(self, role: str) -> list[Process]:
        """The processes of a role; with SQLite there is but one, which plays all."""
        return [each for each in self.processes if each.name.startswith(role)] or [*self.processes]

    async def start(self, *processes: Process) -> None:
        """Start what is not up, and wait until it says that it is at work. What ends meanwhile is started again, as a
        supervisor does."""
        for tries in range(STARTS):
            chosen = [each for each in processes or self.processes if not each.is_up]
            marks = {each.name: _mentions(each) for each in chosen}
            for each in chosen:
                assert tries + 1 < STARTS, f"{each.name} does not start: {each.log.read_text()[-2000:]}"
                each.start()
            async with asyncio.timeout(UP_WITHIN):
                for each in chosen:
                    while each.is_up and _mentions(each) == marks[each.name]:
                        await asyncio.sleep(0.05)
            if not chosen:
                break
        await self.until_ready()

    async def until_ready(self) -> None:
        """Every web server says that it is ready."""
        async with asyncio.timeout(UP_WITHIN):
            for each in self.processes:
                while each.port is not None and each.is_up and await self._ready(each) != 200:
                    await asyncio.sleep(0.1)

    async def _ready(self, process: Process) -> int | None:
        try:
            timeout = aiohttp.ClientTimeout(total=5)
            async with self.http.get(f"{process.url}/readyz", timeout=timeout) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def remind(self) -> None:
        """A reminder to all listeners, due at once. A store that is down is asked again."""
        words = f"持ち物{len(self.due)}番をお忘れなく"
        database = self.database()
        try:
            async with asyncio.timeout(UP_WITHIN):
                while True:
                    try:
                        await remind(database, words, self.zone)
                        break
                    except StorageDownError:
                        await asyncio.sleep(0.5)
        finally:
            await database.close()
        self.due[words] = time.monotonic()

    async def speak_up(self) -> None:
        """Listeners for whom something is held write, which brings it."""
        if not self.holds:
            return
        database = self.database()
        try:
            held = await audit.held_for(database)
        except StorageDownError:
            return
        finally:
            await database.close()
        held_for = [phone for phone in self.listeners if phone.account_id in held]
        await asyncio.gather(*(self.load.deliver(phone.event("使い方")) for phone in held_for))

    async def until_quiet(self) -> Counter[str]:
        """Wait until nothing is to be done any more; what still is when the time is over."""
        database, until = self.database(), min(time.monotonic() + QUIET_WITHIN, self.give_up_at)
        left = Counter[str]()
        try:
            while time.monotonic() < until:
                try:
                    left = await audit.left_over(database)
                except StorageDownError:
                    left = Counter(["the store"])
                left["reminders"] += self._missing()
                if not +left:
                    break
                await self.speak_up()
                await asyncio.sleep(0.5)
            return +left
        finally:
            await database.close()

    def _missing(self) -> int:
        return sum(
            words not in text for phone in self.listeners for text in ["".join(phone.texts())] for words in self.due
        )

    async def mend(self) -> None:
        """Whatever a fault has left behind is put right, and everybody is at work."""
        self.line.forgive()
        self.slack.forgive()
        self.load.copies = 1
        if self.store is not None:
            await self.store.start()
        for each in self.processes:
            each.thaw()
        await self.start()

    async def close_the_books(self) -> Tally:
        """Everybody says a last thing, which brings what was held; then look at everything."""
        await self.mend()
        await self.load.stop()
        left = await self.until_quiet()
        for child in self.load.children:
            await self.load.step(child)
        for phone in self.in_charge:
            await self.load.deliver(phone.event("使い方"))
        left |= await self.until_quiet()
        await asyncio.sleep(0.5)  # what comes twice comes now
        tally = Tally(events=self.load.events, messages=len(self.listeners) * (1 + len(self.due)), wrong=left)
        for child in self.load.children:
            tally.enter(child.tag, child.books(), *child.first_difference())
        for phone in self.listeners:
            said = GAP.join(phone.texts())
            counts = {words: said.count(words) for words in (PROMPT, *self.due)}
            for name, count in counts.items():
                books = Counter({f"lost {name}": 1 - count, f"doubled {name}": count - 1})
                tally.enter(phone.account_id, +books, self.due.get(name, 0.0))
        database = self.database()
        try:
            tally.wrong |= await audit.orphans(database)
            tally.wrong |= await audit.wrong_answers(database, self.load.children)
        finally:
            await database.close()
        for each in self.processes:
            tally.wrong[f"{each.name} is down"] += not each.is_up
            if each.port is not None:
                tally.wrong[f"{each.name} is not ready"] += await self._ready(each) != 200
            tally.wrong[f"{each.name} logged a child's words"] += _quotes(each)
        tally.announced = sum(each.log.read_bytes().count(b'"maybe_twice"') for each in self.processes)
        has_held = any(b'"result":"hold"' in each.log.read_bytes() for each in self.processes)
        is_told = any(NOTICE in text for phone in self.in_charge for text in phone.texts())
        tally.wrong["nobody in charge was told"] += has_held and not is_told
        tally.wrong["rules of LINE broken"] += len(self.line.violations)
        tally.wrong["rules of Slack broken"] += len(self.slack.violations)
        odd = {status for status in self.load.statuses if status not in (200, 503, None)}
        tally.wrong += Counter({f"webhook answered {status}": self.load.statuses[status] for status in odd})
        tally.wrong = +tally.wrong
        return tally


@asynccontextmanager
async def world(folder: Path, size: Size, seed: int, *, on_postgres: bool) -> AsyncGenerator[World]:
    """An installation at work, its children walking; it ends with the block."""
    chance = random.Random(seed)
    zone = ZoneInfo(zone_where_it_is_forenoon(datetime.now(UTC)))
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    data.mkdir(exist_ok=True)
    async with AsyncExitStack() as stack:
        if size.disk:
            stack.enter_context(_own_disk(data, size.disk))
        (data / "schools.yaml").write_text(RULES)
        store = await stack.enter_async_context(postgres(CONNECTIONS)) if on_postgres else None
        url = store.url if store else f"sqlite:///{data / 'ayumi.db'}"
        secret, token = SECRETS["LINE_CHANNEL_SECRET"], SECRETS["LINE_CHANNEL_ACCESS_TOKEN"]
        line = await stack.enter_async_context(LineStandIn(channel_secret=secret, access_token=token))
        secret, token = SECRETS["SLACK_SIGNING_SECRET"], SECRETS["SLACK_BOT_TOKEN"]
        slack = await stack.enter_async_context(SlackStandIn(signing_secret=secret, bot_token=token))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        environment = {**SECRETS, "AYUMI_DATA_DIR": str(data), "AYUMI_DATABASE_URL": url, "AYUMI_TIMEZONE": zone.key}
        environment |= {"LINE_API_BASE_URL": line.base_url, "SLACK_API_BASE_URL": slack.base_url}
        processes = spread_out(environment, folder, size.roles) if store else embedded(environment, folder)
        urls = [each.url for each in processes if each.port]
        load = Load(http, urls, chance)
        made = World(
            line=line, slack=slack, processes=processes, store=store, folder=folder, load=load, chance=chance,
            zone=zone, http=http, brief=size.brief, database=lambda: Database(url), has_own_disk=size.disk > 0,
        )  # fmt: skip
        lines = [(f"L{n:03}", LinePhone(line, f"L{n:03}")) for n in range(size.line + 2)]
        slacks = [(f"S{n:03}", SlackPhone(slack, f"S{n:03}")) for n in range(size.slack + 1)]
        made.listeners = [
            SlackPhone(slack, f"H{n:03}") if n % SLACK_OF == 0 else LinePhone(line, f"H{n:03}")
            for n in range(1, size.listeners + 1)
        ]
        database = made.database()
        await migrate(database)
        talkers = [phone.account_id for _, phone in (*lines, *slacks)]
        await with_people(database, talkers, [phone.account_id for phone in made.listeners], zone)
        await database.close()
        try:
            await made.start()
            scripts = await asyncio.gather(rehearse(load, lines[-2:]), rehearse(load, slacks[-1:]))
            walkers = [(scripts[0], each) for each in lines[:-2]] + [(scripts[1], each) for each in slacks[:-1]]
            patience = (20.0, 20.0, 0.0)  # seconds; every third child types on without waiting for answers
            load.start(
                [
                    Child(tag=tag, phone=phone, script=script, patience=patience[n % 3])
                    for n, (script, (tag, phone)) in enumerate(walkers)
                ]
            )
            yield made
        finally:
            await load.abandon()
            await asyncio.gather(*(each.end() for each in processes))
            shutil.rmtree(data, ignore_errors=True)


@contextmanager
def _own_disk(folder: Path, megabytes: int) -> Generator[None]:
    """A file system of its own for the folder, which can be filled without harm."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _mentions(process: Process) -> int:
    """How often the process has said that it is at work."""
    return process.log.read_bytes().count(b'"running"') if process.log.exists() else 0


def _quotes(process: Process) -> int:
    """Lines of its log that hold words of a child."""
    words = ("三問とく", "五問とく", "順に進める", "気になる", "つまずいた")
    escaped = [word.encode() for word in words] + [repr(word.encode("unicode_escape"))[2:-1].encode() for word in words]
    return sum(any(word in line for word in escaped) for line in process.log.read_bytes().splitlines())
