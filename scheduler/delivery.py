"""Takes what is due from the outbox and hands it to the channels, until it is sent, given up, or held."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

import structlog

from knowledge.db import Database
from scheduler import claiming, outbox
from scheduler.outbox import Item, Outcome, State
from scheduler.retry import MAX_ATTEMPTS, backoff
from scheduler.trace import places

WIDTH = 1000  # sends taken at once: enough to be busy with while the next are claimed; a channel posts fewer at a time
DEADLINE = 25.0  # seconds for one send, all its calls together: less than a claim is good for
STALE_AFTER = timedelta(seconds=30)  # a claim without a result for this long belongs to a process that died

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The platform has it."""

    held_too: bool = False  # what had been held went with it


@dataclass(frozen=True, kw_only=True)
class Later:
    """Not sent, or not known: to be tried again."""

    problem: str
    after: float | None = None  # seconds the platform asked for; None: our own backoff


@dataclass(frozen=True, kw_only=True)
class Hold:
    """The channel cannot send to this person for now; goes out with the person's next message."""

    problem: Literal["quota", "token"]


@dataclass(frozen=True, kw_only=True)
class Skip:
    """No longer wanted."""

    problem: str


@dataclass(frozen=True, kw_only=True)
class Fail:
    """The platform will never take it."""

    problem: str


@dataclass(frozen=True, kw_only=True)
class Apart:
    """The platform took nothing of a batch for the sake of some of it: each send is to go by itself."""

    problem: str


Result = Sent | Later | Hold | Skip | Fail | Apart
TOO_LATE = Skip(problem="too late")
NOT_WANTED = Skip(problem="answered meanwhile")  # or there was nothing to say: as it should be
Group = Sequence[Item]  # a batch; or what was held for an account, and last what is due for it
Done = Sequence[Outcome]


class Send(Protocol):
    """One channel's way out. Raises nothing: whatever happens is a ``Result``."""

    batch_size: int  # how many accounts one request can reach with the very same messages

    def answers_for_free(self, item: Item) -> bool:
        """Whether what is held for the account can go out together with this item."""
        ...

    async def send(self, items: Sequence[Item]) -> Result:
        """Bring the items, all of one account, to the person in this order. The last one was claimed; those before
        it had been held. Its ``attempts`` says whether an earlier try may have reached the platform."""
        ...

    async def send_batch(self, items: Sequence[Item]) -> Result:
        """Bring what all the items say to all their accounts in one request. ``Apart`` means that nobody got it."""
        ...


class Delivery:
    """Sends what is due, at most once visibly, never out of order within an account."""

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Send],
        now: Callable[[], datetime],
        report: Callable[[Item, Result], Awaitable[None]] | None = None,
        only: str | None = None,
    ) -> None:
        """``report`` hears every result that is not ``Sent``; ``only`` serves a single account (a command)."""
        self._database = database
        self._channels = channels
        self._sizes = {name: channel.batch_size for name, channel in channels.items()}
        self._now = now
        self._report = report
        self._only = only

    async def exchange(self, done: Sequence[Done], room: int) -> Sequence[Group]:
        """Store what became of earlier sends, and claim new ones: batches, and groups of what was held and what was
        due."""
        async with self._database.write() as connection:
            await outbox.settle(connection, [outcome for outcomes in done for outcome in outcomes])
            if room <= 0:
                return []
            items = await claiming.claim(connection, self._sizes, self._now(), room, self._only)
            free = [item.account_id for item in items if self._channels[item.channel].answers_for_free(item)]
            waiting = await claiming.held(connection, free)
        batches: dict[str, list[Item]] = {}
        for item in items:
            batches.setdefault(item.batch or item.id, []).append(item)
        return [
            group if group[0].batch else [*waiting.get(group[0].account_id, []), *group] for group in batches.values()
        ]

    async def run(self, group: Group) -> Done:
        """Send one group. What is too late goes nowhere, and does not stop the rest."""
        item = group[-1]
        late = [each for each in group if each.expires_at is not None and each.expires_at <= self._now()]
        rest = [each for each in group if each not in late]
        done = await self._settled(late, TOO_LATE)
        if not rest or (item.batch is None and item in late):  # what was held waits on
            return done
        result = await self._result(rest)
        with_others = item.batch is not None or (isinstance(result, Sent) and result.held_too)
        return [*done, *await self._settled(rest if with_others else [item], result)]

    async def _result(self, group: Group) -> Result:
        item = group[-1]
        channel = self._channels[item.channel]
        try:
            async with asyncio.timeout(DEADLINE):
                return await (channel.send(group) if item.batch is None else channel.send_batch(group))
        except TimeoutError:
            return Later(problem="no answer in time")
        except Exception as error:  # a fault of ours must not lose the message: it is tried again, and seen in the log
            log.error(
                "send_broke", outbox_id=item.id, channel=item.channel, error=type(error).__name__, at=places(error)
            )
            return Later(problem=type(error).__name__)

    async def recover(self, stale_after: timedelta = STALE_AFTER) -> None:
        """Put back what a process that died had claimed. Before anything is sent, the only process of a database may
        take up every claim there is (``stale_after`` below zero)."""
        async with self._database.write() as connection:
            count = await claiming.requeue_stale(connection, self._now() - stale_after, list(self._channels))
        if count:
            log.warning("sends_taken_up_again", count=count)

    async def _settled(self, group: Group, result: Result) -> Done:
        """What became of all in the group: logged once, reported one by one."""
        if group and not isinstance(result, Sent):
            item = group[-1]
            (log.info if result.problem == NOT_WANTED.problem else log.warning)(
                "not_sent", outbox_id=item.id, kind=item.kind, channel=item.channel,
                result=type(result).__name__, problem=result.problem, attempts=item.attempts, count=len(group),
            )  # fmt: skip
            for each in group:
                await self._tell(each, result)
        return [self._outcome(each, result) for each in group]

    async def _tell(self, item: Item, result: Result) -> None:
        if self._report is None:
            return
        try:
            await self._report(item, result)
        except Exception as error:  # a report that fails must not lose the result itself
            log.error("report_broke", outbox_id=item.id, error=type(error).__name__, at=places(error))

    def _outcome(self, item: Item, result: Result) -> Outcome:
        now = self._now()
        match result:
            case Sent():
                return Outcome(id=item.id, state=State.SENT, done_at=now)
            case Hold(problem=problem):
                state, keep_until = State.HELD, item.keep_until
                return Outcome(
                    id=item.id, attempts=item.attempts, state=state, expires_at=keep_until, problem=problem
                )  # fmt: skip
            case Skip(problem=problem):
                return Outcome(id=item.id, attempts=item.attempts, state=State.SKIPPED, done_at=now, problem=problem)
            case Apart(problem=problem):
                return Outcome(id=item.id, attempts=item.attempts, state=State.PENDING, due_at=now, problem=problem)
            case Later(problem=problem, after=after) if item.attempts < MAX_ATTEMPTS:
                due_at = now + timedelta(seconds=after if after is not None else backoff(item.attempts))
                return Outcome(
                    id=item.id, attempts=item.attempts, state=State.PENDING,
                    due_at=due_at, batch=item.batch, problem=problem,
                )  # fmt: skip
            case Later(problem=problem) | Fail(problem=problem):
                return Outcome(id=item.id, attempts=item.attempts, state=State.FAILED, done_at=now, problem=problem)
