"""Children who chat, each event of theirs with an effect that can be seen, and what a platform does about an event
that was not acknowledged: it sends it again.

What a child reads is known beforehand: a rehearsal without faults walks the same way, and everybody else must read the
very same with their own words in it. So a lost, doubled or overtaken answer shows, whichever it is.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Protocol

import aiohttp

from tests.platforms.line import LineStandIn, redelivered, user_id
from tests.platforms.slack import SlackStandIn

# What a child types, step by step; {w} is a word that nobody else uses, and no step of theirs again.
MORNING = ("めあて", "晴れ", "{w}を三問とく", "{w}から順に進める", "4")
EVENING = ("ふりかえり", "達成した", "{w}が分かった", "{w}でつまずいた", "{w}を復習する", "晴れ")
AGAIN = ("直す", "目標", "{w}を五問とく", "メモ {w}が気になる")  # from here on round and round
ONCE = (*MORNING, *EVENING)
WEBHOOK_PATIENCE = 5.0  # seconds until a platform takes no answer for none; LINE has 2, Slack 3, this machine is busy
AGAIN_AFTER = (0.2, 1.0)  # seconds between deliveries of one event, at least and at most; LINE waits longer
PAUSE = (0.35, 0.85)  # seconds before a child types again: below what assistant/dialogue/pace.py calls too fast
LOOK_EVERY = 0.05  # seconds between looks at what arrived
GAP = "\n\n"  # between messages, also where a platform's limit made one of several

Request = tuple[str, bytes, Mapping[str, str]]  # path, body, headers


def typed(number: int, tag: str) -> str:
    """What the child called ``tag`` types in a step, counted from 0."""
    step = ONCE[number] if number < len(ONCE) else AGAIN[(number - len(ONCE)) % len(AGAIN)]
    return step.replace("{w}", word(number, tag))


def word(number: int, tag: str) -> str:
    return f"{tag}x{number}x"


class Phone(Protocol):
    """A child's side of a platform."""

    account_id: str

    def event(self, text: str) -> Callable[[int], Request]:
        """What the platform posts for a text: the first time (0), and again."""
        ...

    def arrivals(self) -> int:
        """How often something arrived: cheap, to know whether to look."""
        ...

    def texts(self) -> Sequence[str]: ...


class LinePhone:
    def __init__(self, line: LineStandIn, name: str) -> None:
        self._line = line
        self._user = user_id(name)
        self._last = 0.0
        self.account_id = f"line:{self._user}"

    def event(self, text: str) -> Callable[[int], Request]:
        self._last = max(time.time(), self._last + 0.002)  # nobody types two texts in one millisecond
        event = self._line.events.text(self._user, text, at=self._last)
        return lambda tries: ("/line/webhook", *self._line.webhook(redelivered(event) if tries else event))

    def arrivals(self) -> int:
        return self._line.count_to(self._user)

    def texts(self) -> Sequence[str]:
        return self._line.texts_to(self._user)


class SlackPhone:
    def __init__(self, slack: SlackStandIn, name: str) -> None:
        self._slack = slack
        self._user = f"U0{name.upper()}"
        slack.add_user(self._user)
        self.account_id = f"slack:{self._user}"

    def event(self, text: str) -> Callable[[int], Request]:
        event = self._slack.events.message_im(self._user, text)
        return lambda tries: ("/slack/events", *self._slack.request(event.retried(tries) if tries else event))

    def arrivals(self) -> int:
        return len(self._slack.posted)

    def texts(self) -> Sequence[str]:
        return self._slack.texts_to(self._user)


@dataclass(frozen=True, kw_only=True)
class Script:
    """What is read after each step, with ``TAG`` for the child's own word; from the rehearsal."""

    once: Sequence[str]
    again: Sequence[str]  # the number of the step is ``NUMBER``

    def read(self, number: int, tag: str) -> str:
        if number < len(self.once):
            return self.once[number].replace("TAG", tag)
        found = self.again[(number - len(self.once)) % len(self.again)]
        return found.replace("TAGxNUMBERx", word(number, tag))

    @staticmethod
    def of(texts: Sequence[str], tag: str) -> Script:
        """From what a child called ``tag`` read in ``ONCE`` and one round of ``AGAIN``, one text a step."""
        first = len(ONCE)
        again = [text.replace(word(first + n, tag), "TAGxNUMBERx") for n, text in enumerate(texts[first:])]
        assert not any(tag in text for text in again), "an answer speaks of what was said in another round"
        return Script(once=[text.replace(tag, "TAG") for text in texts[:first]], again=again)


@dataclass(kw_only=True)
class Posted:
    """One event of a child."""

    number: int
    at: float  # monotonic seconds, when it was posted first
    acknowledged: float | None = None
    answered: float | None = None
    length: int = 0  # characters read once this was answered


@dataclass(kw_only=True)
class Child:
    """Types the next thing when the answer is there, or when its patience is over."""

    tag: str
    phone: Phone
    script: Script
    patience: float  # seconds; 0 types on as soon as the platform has the text
    posted: list[Posted] = field(default_factory=list[Posted])
    waiting: deque[Posted] = field(default_factory=deque[Posted])
    looked_at: int = -1
    seen: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])  # so many texts were there, and when

    @property
    def expected(self) -> list[str]:
        return [self.script.read(each.number, self.tag) for each in self.posted]

    def look(self, now: float) -> None:
        """Tick off what has been answered."""
        if (count := self.phone.arrivals()) == self.looked_at:
            return
        self.looked_at = count
        texts = self.phone.texts()
        self.seen.append((len(texts), now))
        length = len(GAP.join(texts))
        while self.waiting and self.waiting[0].length <= length:
            self.waiting.popleft().answered = now

    def books(self) -> Counter[str]:
        """What was lost and what came twice or unasked, in messages; nothing when all is as it should be."""
        expected, read = GAP.join(self.expected), GAP.join(self.phone.texts())
        if expected == read:
            return Counter()
        found = Counter[str]()
        before, after = _messages(expected), _messages(read)
        for kind, start, end, since, until in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
            if kind != "equal":
                found["lost"] += end - start
                found["doubled"] += until - since
        return found

    def first_difference(self) -> tuple[float, str]:
        """The first message that is not as expected: when it came, and what is wrong with it. The moment of the last
        step and nothing when there is none."""
        for number, (expected, read) in enumerate(zip_longest(self.expected, self.phone.texts())):
            if expected != read:
                at = next((moment for count, moment in self.seen if count > number), self.posted[-1].at)
                return at, f"{typed(number, self.tag)} -> {read!r} instead of {expected!r}"
        return self.posted[-1].at, ""


def _messages(read: str) -> list[str]:
    """What was read, one by one. Who else reads an answer is said below the question, and part of it."""
    return read.replace(f"{GAP}👀", "\n👀").split(GAP)


class Load:
    """All children at once, and the platforms between them and the web servers."""

    def __init__(self, http: aiohttp.ClientSession, urls: Sequence[str], chance: random.Random) -> None:
        self._http = http
        self._urls = urls
        self._chance = chance
        self._stopped = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.children: list[Child] = []
        self.statuses = Counter[int | None]()  # of webhooks, whatever became of them
        self.copies = 1  # how often every event is delivered at once

    def start(self, children: Sequence[Child]) -> None:
        self.children += children
        self._stopped.clear()
        self._tasks = [asyncio.create_task(self._walk(child)) for child in self.children]
        self._tasks.append(asyncio.create_task(self._look()))

    async def stop(self) -> None:
        """Everybody ends the step they are in: what was begun is acknowledged."""
        self._stopped.set()
        await asyncio.gather(*self._tasks)
        for child in self.children:
            child.look(time.monotonic())

    async def abandon(self) -> None:
        """End at once, whatever is under way; after ``stop`` nothing."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def events(self) -> int:
        return sum(len(child.posted) for child in self.children)

    @property
    def unanswered(self) -> int:
        return sum(len(child.waiting) for child in self.children)

    async def step(self, child: Child) -> Posted:
        """Type the next thing; it counts as soon as a platform has it. Returns when it was acknowledged."""
        number = len(child.posted)
        posted = Posted(number=number, at=time.monotonic())
        child.posted.append(posted)
        earlier = child.posted[-2].length + len(GAP) if number else 0
        posted.length = earlier + len(child.script.read(number, child.tag))
        child.waiting.append(posted)
        request = child.phone.event(typed(number, child.tag))
        await asyncio.gather(*(self.deliver(request) for _ in range(self.copies)))
        posted.acknowledged = time.monotonic()
        return posted

    async def deliver(self, request: Callable[[int], Request]) -> None:
        """As a platform does: again and again until somebody says 200."""
        for tries in range(10_000):
            path, body, headers = request(min(tries, 3))
            status = await self.post(path, body, headers)
            if status == 200:
                return
            await asyncio.sleep(self._chance.uniform(*AGAIN_AFTER))
        raise TimeoutError("never acknowledged")

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> int | None:
        """The status of the answer; None: there was none."""
        try:
            timeout = aiohttp.ClientTimeout(total=WEBHOOK_PATIENCE)
            url = self._chance.choice(self._urls) + path
            async with self._http.post(url, data=body, headers=headers, timeout=timeout) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError):
            status = None
        self.statuses[status] += 1
        return status

    async def _walk(self, child: Child) -> None:
        await asyncio.sleep(self._chance.uniform(0, 1))
        while not self._stopped.is_set():
            posted = await self.step(child)
            until = time.monotonic() + child.patience
            while posted.answered is None and time.monotonic() < until and not self._stopped.is_set():
                await asyncio.sleep(LOOK_EVERY)
            await asyncio.sleep(self._chance.uniform(*PAUSE))

    async def _look(self) -> None:
        while not self._stopped.is_set():
            for child in self.children:
                child.look(time.monotonic())
            await asyncio.sleep(LOOK_EVERY)


async def rehearse(load: Load, phones: Sequence[tuple[str, Phone]]) -> Script:
    """What one reads, walked by all these children in quiet; they must all read the same."""

    async def walk(tag: str, phone: Phone) -> Script:
        for number in range(len(ONCE) + len(AGAIN)):
            await load.deliver(phone.event(typed(number, tag)))
            async with asyncio.timeout(20):
                while len(phone.texts()) <= number:
                    await asyncio.sleep(LOOK_EVERY)
        return Script.of(phone.texts(), tag)

    scripts = await asyncio.gather(*(walk(tag, phone) for tag, phone in phones))
    assert all(script == scripts[0] for script in scripts), "two children read different things"
    return scripts[0]
