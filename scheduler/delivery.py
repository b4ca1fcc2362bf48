"""Takes what is due from the outbox and hands it to the channels, until it is sent, given up, or held."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic, perf_counter
from typing import Literal, Protocol

import structlog

from knowledge.db import Database
from knowledge.errors import StorageDownError
from scheduler import claiming, outbox
from scheduler.claims import STALE_AFTER, Claims
from scheduler.engines.inline import Pipeline
from scheduler.outbox import Item, Outcome, State
from scheduler.rates import Pace, Rates
from scheduler.retry import MAX_ATTEMPTS, backoff
from scheduler.trace import places
from scheduler.trail import note_maybe_twice, note_result

DEADLINE = 25.0  # seconds for one send, all its calls together
PAUSE = 1.0  # seconds to leave a platform in peace that is asked too much and does not say for how long
KEPT_FREE = 4  # one of so many of a channel's sends under way is kept for what somebody waits for
LONGEST_PAUSE = 600.0  # seconds, whatever it says

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The platform has it."""

    held_too: bool = False  # what had been held went with it
    maybe_twice: bool = False  # an earlier try may have arrived as well, and nobody can know


@dataclass(frozen=True, kw_only=True)
class Later:
    """Not sent, or not known: to be tried again."""

    problem: str
    after: float | None = None  # seconds the platform asked for; None: our own backoff
    too_fast: bool = False  # it was asked too much: nobody is to send for a moment, or for as long as it asked


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
Done = Sequence[Outcome]


@dataclass(frozen=True, kw_only=True)
class Group:
    """What goes out together: a batch; or what was held for an account, and last what is due for it."""

    items: Sequence[Item]
    wait: float = 0.0  # seconds until its tokens are there
    is_paid: bool = True  # False: there are none for it, it goes back as if it had not been taken

    @property
    def claimed(self) -> Sequence[Item]:
        return self.items if self.items[-1].batch is not None else self.items[-1:]


class Send(Protocol):
    """One channel's way out. Raises nothing: whatever happens is a ``Result``."""

    batch_size: int  # how many accounts one request can reach with the very same messages
    pace: Pace

    def answers_for_free(self, item: Item) -> bool:
        """Whether what is held for the account can go out together with this item."""
        ...

    async def send(self, items: Sequence[Item], may_begin: Callable[[], bool]) -> Result:
        """Bring the items, all of one account, to the person in this order. The last one was claimed; those before
        it had been held. Its ``attempts`` says whether an earlier try may have reached the platform. ``may_begin`` is
        asked before every call that shows something: where it is false, another process may be sending it."""
        ...

    async def send_batch(self, items: Sequence[Item], may_begin: Callable[[], bool]) -> Result:
        """Bring what all the items say to all their accounts in one request. ``Apart`` means that nobody got it."""
        ...


class Delivery:
    """Sends what is due on one channel, at most once visibly, never out of order within an account, and no faster than
    the platform takes it. ``pipeline`` does it: one for each channel, so that none waits for another that hangs."""

    def __init__(
        self,
        database: Database,
        channel: str,
        send: Send,
        now: Callable[[], datetime],
        report: Callable[[Item, Result], Awaitable[None]] | None = None,
        only: str | None = None,
        rates: Rates | None = None,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        """``report`` hears every result that is not ``Sent``; ``only`` serves a single account (a command). ``rates``
        None: what is sent is not counted. ``seconds``: a clock that nobody sets."""
        self.channel = channel
        self.pipeline = Pipeline[Group, Done](f"delivery {channel}", self.exchange, self.run, send.pace.width)
        self._database = database
        self._send = send
        self._now = now
        self._report = report
        self._only = only
        self._rates = rates
        self._limit = send.pace.limit if rates is not None else None
        self._waker: asyncio.TimerHandle | None = None
        self._claims = Claims(seconds)

    async def exchange(self, done: Sequence[Done], room: int) -> Sequence[Group]:
        """Store what became of earlier sends, renew the claims of those under way, and claim and pay for new ones:
        batches, and groups of what was held and what was due."""
        planned = room - self._send.pace.width // KEPT_FREE
        room = self._affordable(room)
        outcomes = [outcome for each in done for outcome in each]
        began, to_renew = self._claims.seconds(), self._claims.to_renew()
        items: Sequence[Item] = []
        waiting: Mapping[str, Sequence[Item]] = {}
        async with self._database.write() as connection:
            await outbox.settle(connection, outcomes)
            kept = await claiming.renew(connection, to_renew)
            if room > 0:
                sizes = {self.channel: self._send.batch_size}
                items = await claiming.claim(connection, sizes, self._now(), room, self._only, planned)
                free = [item.account_id for item in items if self._send.answers_for_free(item)]
                waiting = await claiming.held(connection, free)
        self._claims.reached()
        self._claims.renewed(to_renew, kept, began)
        self._claims.drop(outcome.id for outcome in outcomes)
        batches: dict[str, list[Item]] = {}
        for item in items:
            batches.setdefault(item.batch or item.id, []).append(item)
        groups = await self._paid(
            [group if group[0].batch else [*waiting.get(group[0].account_id, []), *group] for group in batches.values()]
        )
        self._claims.take(items, began)
        return groups

    def _affordable(self, room: int) -> int:
        """For how many requests there are tokens. Where there is none, the pipeline is woken when there is one."""
        if self._rates is None or self._limit is None or room <= 0:
            return room
        allowance = self._rates.allowance(self._limit)
        if allowance < 1:
            if self._waker is not None:
                self._waker.cancel()
            wait = (1 - allowance) / self._limit.rate
            self._waker = asyncio.get_running_loop().call_later(wait, self.pipeline.wake)
        return min(room, int(allowance))

    async def _paid(self, groups: Sequence[Sequence[Item]]) -> Sequence[Group]:
        """The groups, with the time at which each may go. What was claimed is never forgotten on the way."""
        if self._rates is None or self._limit is None or not groups:
            return [Group(items=items) for items in groups]
        costs = [self._send.pace.batch if items[0].batch else 1.0 for items in groups]
        try:
            spent = await self._rates.spend(self._limit, sum(costs))
        except StorageDownError:
            return [Group(items=items, is_paid=False) for items in groups]
        waits = spent.waits(costs, self._limit)
        return [
            Group(items=items, wait=wait, is_paid=spent.is_granted)
            for items, wait in zip(groups, waits, strict=True)
        ]  # fmt: skip

    async def run(self, group: Group) -> Done:
        """Send one group. What is too late goes nowhere, and does not stop the rest."""
        try:
            return await self._run(group)
        except BaseException:  # a fault of ours: its claim runs out, so that it is tried again
            self._claims.drop(item.id for item in group.claimed)
            raise

    async def _run(self, group: Group) -> Done:
        try:
            await asyncio.sleep(group.wait if group.is_paid else 0)
        except asyncio.CancelledError:  # the process stops
            return [self._untried(each) for each in group.claimed]
        if not group.is_paid or not self._claims.hold(group.claimed):
            return [self._untried(each) for each in group.claimed]
        item = group.items[-1]
        late = [each for each in group.items if each.expires_at is not None and each.expires_at <= self._now()]
        rest = [each for each in group.items if each not in late]
        done = await self._settled(late, TOO_LATE)
        if not rest or (item.batch is None and item in late):  # what was held waits on
            return done
        begun = perf_counter()
        claimed = rest if item.batch is not None else [item]
        try:
            result = await self._result(rest, lambda: self._claims.hold(claimed))
            await self._pause_if_asked(result)
        except asyncio.CancelledError:  # the process stops: given back now instead of found by others later
            return [*done, *(self._given_back(each, "stopped") for each in claimed)]
        took = perf_counter() - begun
        if not isinstance(result, Sent) and not self._claims.hold(
            claimed
        ):  # whoever took it over says what becomes of it
            log.warning("claim_ran_out", outbox_id=item.id, channel=self.channel, count=len(claimed))
            return [*done, *(self._given_back(each, claiming.TAKEN_UP) for each in claimed)]
        with_others = item.batch is not None or (isinstance(result, Sent) and result.held_too)
        return [*done, *await self._settled(rest if with_others else [item], result, took)]

    async def _result(self, group: Sequence[Item], may_begin: Callable[[], bool]) -> Result:
        item = group[-1]
        send = self._send.send if item.batch is None else self._send.send_batch
        try:
            async with asyncio.timeout(DEADLINE):
                return await send(group, may_begin)
        except TimeoutError:
            return Later(problem="no answer in time")
        except Exception as error:  # a fault of ours must not lose the message: it is tried again, and seen in the log
            log.error(
                "send_broke", outbox_id=item.id, channel=item.channel, error=type(error).__name__, at=places(error)
            )
            return Later(problem=type(error).__name__)

    async def _pause_if_asked(self, result: Result) -> None:
        """No process sends for a while where the platform wants it so; what waits is not tried in vain."""
        if self._rates is None or self._limit is None or not isinstance(result, Later) or not result.too_fast:
            return
        seconds = PAUSE if result.after is None else min(result.after, LONGEST_PAUSE)
        if self._rates.allowance(self._limit) < -self._limit.rate * seconds / 2:
            return  # others that were under way have heard the same
        log.warning("platform_asks_to_wait", channel=self.channel, seconds=seconds)
        try:
            await self._rates.pause(self._limit, seconds)
        except StorageDownError:  # the send itself comes back later all the same
            return

    async def recover(self, stale_after: float | None = STALE_AFTER) -> None:
        """Put back what a process that died had claimed: for so many seconds nobody renewed it, though it could have.
        Before anything is sent, the only process of a database may take up every claim there is (``None``)."""
        if stale_after is not None and not self._claims.others_could_renew:
            return
        async with self._database.write() as connection:
            count = await claiming.requeue_stale(connection, stale_after, [self.channel])
        if count:
            log.warning("sends_taken_up_again", channel=self.channel, count=count)

    async def _settled(self, group: Sequence[Item], result: Result, seconds: float = 0.0) -> Done:
        """What became of all in the group: logged once, reported one by one."""
        problem = None if isinstance(result, Sent) else result.problem
        note_result(group, type(result).__name__.lower(), problem, seconds, self._now())
        if isinstance(result, Sent) and result.maybe_twice:
            note_maybe_twice(group[-1])
        if problem is not None:
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

    def _untried(self, item: Item) -> Outcome:
        """Taken, and given back before anything was done: due as it was, and no try the poorer."""
        return Outcome(
            id=item.id, attempts=item.attempts, was_tried=False, state=State.PENDING,
            due_at=item.due_at, batch=item.batch,
        )  # fmt: skip

    def _given_back(self, item: Item, problem: str) -> Outcome:
        """To be sent again at once, with the same key: it may have reached the platform."""
        return Outcome(
            id=item.id, attempts=item.attempts, state=State.PENDING,
            due_at=self._now(), batch=item.batch, problem=problem,
        )  # fmt: skip

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
