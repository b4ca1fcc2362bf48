"""Takes events from the inbox, lets the handlers answer each, and stores what came of it.

One event of a conversation is worked on at a time, the oldest first (where an engine hands accounts over, the oldest of
the account). A turn is worked out without a transaction and
stored only if its conversation has not changed meanwhile; otherwise the event stays new and is worked out again. So
nothing slow ever holds a lock, and any number of processes may take turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from time import perf_counter
from typing import Any

import structlog
from sqlalchemy import ColumnElement, String, bindparam, case, func, literal, literal_column, select, true, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.dialogue.conversation import Conversation, conversation_id
from assistant.dialogue.people import Person
from assistant.dialogue.people_store import load_people
from assistant.dialogue.state import DialogueState
from assistant.dialogue.trail import note_turn
from assistant.dialogue.turn import Handler, Services, Turn
from assistant.dialogue.writes import SeeAccount, Write, store_all
from assistant.inbox import InboxEvent, InboxState
from assistant.messages import Incoming, Kind, Outgoing, ReplyToken
from knowledge.db import upsert
from knowledge.errors import StorageDownError
from knowledge.questions.model import Phase
from knowledge.records.accounts import SEEN_EVERY, Account
from knowledge.records.announcements import people_asked
from knowledge.records.at_home import home_learners
from knowledge.records.checkins import CheckInRecord, find_checkins, last_next_steps
from scheduler import outbox
from scheduler.outbox import Item, filled
from scheduler.queue import Assignments
from scheduler.trace import places
from scheduler.trail import EVENT, RECEIVED

WIDTH = 200  # conversations worked on at once
MAX_ATTEMPTS = 3  # tries at an event that breaks a handler; then the person is told
STORAGE_PAUSE = 1.0  # seconds to wait before a turn that found the database down is tried again
SLOW_AFTER = 2.0  # seconds until the person is shown that an answer is coming
CLOCK_TOLERANCE = timedelta(minutes=5)  # an event further in the future has a wrong clock

log = structlog.get_logger(__name__)

# Statements of the hot path are built once: building them costs more than running them.
CONVERSATION = case((Account.person_id.is_(None), Account.id), else_=literal("person:") + Account.person_id)
IS_NEW: ColumnElement[bool] = InboxEvent.state == literal_column(f"'{InboxState.NEW}'")  # as in the partial indexes
WITH_CONVERSATION = (
    select(
        InboxEvent.id,
        InboxEvent.event_id,
        InboxEvent.channel,
        InboxEvent.account_id,
        InboxEvent.occurred_at,
        InboxEvent.received_at,
        InboxEvent.body,
        InboxEvent.attempts,
        Account.person_id,
        Account.last_seen_at,
        Account.reachable,
        Conversation.version,
        Conversation.state,
        Conversation.changed_at,
    )
    .join(Account, Account.id == InboxEvent.account_id)
    .outerjoin(Conversation, Conversation.id == CONVERSATION)
    .order_by(InboxEvent.occurred_at, InboxEvent.id)
)
NEW = WITH_CONVERSATION.where(
    IS_NEW,
    InboxEvent.channel.in_(bindparam("channels", expanding=True)),
    CONVERSATION.not_in(bindparam("busy", expanding=True)),
).limit(bindparam("room"))
# The oldest new event of each account that the engine named: one descent of ix_inbox_waiting for each.
NAMED = (
    func.unnest(bindparam("accounts", type_=ARRAY(String))).table_valued("account_id", name="named").render_derived()
)
OLDEST = (
    select(InboxEvent.id)
    .where(IS_NEW, InboxEvent.account_id == NAMED.c.account_id)
    .order_by(InboxEvent.occurred_at, InboxEvent.id)
    .limit(1)
    .lateral("oldest")
)
OLDEST_OF_NAMED = WITH_CONVERSATION.where(
    InboxEvent.id.in_(select(OLDEST.c.id).select_from(NAMED).join(OLDEST, true()))
)
VERSIONS = (
    select(Conversation.id, Conversation.version)
    .where(Conversation.id.in_(bindparam("ids", expanding=True)))
    .order_by(Conversation.id)
    .with_for_update()
)
STILL_NEW = (
    select(InboxEvent.id)
    .where(InboxEvent.id.in_(bindparam("ids", expanding=True)), InboxEvent.state == InboxState.NEW)
    .order_by(InboxEvent.id)
    .with_for_update()
)
HANDLED = (
    update(InboxEvent)
    .where(InboxEvent.id == bindparam("row_id"))
    .values(state=bindparam("new_state"), attempts=bindparam("tries"), done_at=bindparam("moment"))
)

Convert = Callable[[Mapping[str, Any], str, str, datetime], Incoming]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One event with all that a turn needs to know."""

    row_id: int
    incoming: Incoming
    attempts: int  # how often it broke
    conversation: str
    version: int  # of the conversation; 0: there is none yet
    state: DialogueState
    changed_at: datetime | None
    person: Person | None
    records: Mapping[tuple[date, Phase], CheckInRecord]
    last_next_step: str | None
    is_remote: bool
    is_asked: bool
    seen_at: datetime | None
    reachable: bool
    received_at: datetime
    taken_at: float = field(default_factory=perf_counter)  # seconds of a clock that nobody sets


@dataclass(frozen=True, kw_only=True)
class Done:
    """What came of a job."""

    job: Job
    conversation: str  # another one after linking
    state: DialogueState
    writes: Sequence[Write] = ()
    items: Sequence[Item] = ()
    broke: bool = False
    counts: bool = True  # whether breaking counts as a try: not when the database was down


class Turns:
    """The work of a pipeline: ``exchange`` and ``run``."""

    def __init__(
        self,
        services: Services,
        handlers: Sequence[Handler],
        converters: Mapping[str, Convert],
        now: Callable[[], datetime],
        on_answers: Callable[[str], None] = lambda _: None,
        on_slow: Callable[[str], Awaitable[None]] | None = None,
        only: str | None = None,
        afterwards: Sequence[Callable[[Turn], Awaitable[None]]] = (),
        assignments: Assignments | None = None,
        last_resort: Callable[[Turn], bool] | None = None,
    ) -> None:
        """``converters``: by channel, a stored body to ``Incoming``. ``on_answers`` is called with each channel that
        answers were stored for, ``on_slow`` with the account of a turn that takes longer than ``SLOW_AFTER``. ``only``
        serves a single account (a command). ``afterwards`` may add to what a handler answered. ``assignments``: answer
        the accounts that an engine hands over, and nobody else; None: everybody. ``last_resort`` may answer an event
        that broke whatever else was tried; where it does not, its person is told that something went wrong."""
        self._services = services
        self._handlers = handlers
        self._converters = converters
        self._now = now
        self._on_answers = on_answers
        self._on_slow = on_slow
        self._only = only
        self._afterwards = afterwards
        self._assignments = assignments
        self._last_resort = last_resort
        self._telling: set[asyncio.Task[None]] = set()
        self._busy: dict[str, str] = {}  # conversations with a turn under way, and the account it answers

    async def exchange(self, done: Sequence[Done], room: int) -> Sequence[Job]:
        """Store turns, take new events."""
        if done:
            await self._store_or_single_out(done)
            for each in done:
                self._busy.pop(each.job.conversation, None)
            for channel in {item.channel for each in done for item in each.items}:
                self._on_answers(channel)
        jobs = await self._take(room) if room > 0 else []
        self._busy.update({job.conversation: job.incoming.account_id for job in jobs})
        return jobs

    async def run(self, job: Job) -> Done:
        """Let the handlers answer one event. Never raises."""
        slow = asyncio.get_running_loop().call_later(SLOW_AFTER, self._tell_slow, job)
        try:
            return await self._answer(job)
        finally:
            slow.cancel()

    def _tell_slow(self, job: Job) -> None:
        if self._on_slow is not None and job.incoming.kind in (Kind.TEXT, Kind.CHOICE):
            told = asyncio.create_task(self._tell(self._on_slow, job))
            self._telling.add(told)
            told.add_done_callback(self._telling.discard)

    async def _tell(self, on_slow: Callable[[str], Awaitable[None]], job: Job) -> None:
        try:
            await on_slow(job.incoming.account_id)
        except Exception as error:  # the animation is a courtesy: without it the answer comes all the same
            log.warning("busy_not_shown", event_id=job.incoming.event_id, error=type(error).__name__)

    async def _answer(self, job: Job) -> Done:
        turn = Turn(
            incoming=job.incoming,
            person=job.person,
            changed_at=job.changed_at,
            records=job.records,
            last_next_step=job.last_next_step,
            is_remote=job.is_remote,
            is_asked=job.is_asked,
            answered_at=self._now(),
            services=self._services,
            state=job.state,
        )
        try:
            for handler in self._handlers:
                if await handler(turn):
                    break
            for add in self._afterwards:
                await add(turn)
            return self._answered(job, turn)
        except StorageDownError as error:
            log.error("storage_down", event_id=job.incoming.event_id, problem=str(error))
            await asyncio.sleep(STORAGE_PAUSE)
            return Done(job=job, conversation=job.conversation, state=job.state, broke=True, counts=False)
        except Exception as error:  # whatever broke: the event is tried again, then its person is told
            log.error(
                "turn_broke", event_id=job.incoming.event_id, attempts=job.attempts + 1,
                error=type(error).__name__, at=places(error),
            )  # fmt: skip
            return self._broken(job)

    def _answered(self, job: Job, turn: Turn) -> Done:
        writes = list(turn.writes)
        if not job.reachable or job.seen_at is None or turn.now - job.seen_at >= SEEN_EVERY:
            writes.insert(0, SeeAccount(account_id=job.incoming.account_id, at=turn.now))
        return Done(
            job=job,
            conversation=conversation_id(job.incoming.account_id, turn.person.id if turn.person else None),
            state=turn.state.following(job.state),
            writes=writes,
            items=self._items(turn, job.received_at),
        )

    def _items(self, turn: Turn, received_at: datetime) -> list[Item]:
        now, incoming = self._now(), turn.incoming
        items: list[Item] = []
        if turn.home is not None:
            items.append(
                Item(account_id=incoming.account_id, kind="home", payload=turn.home, due_at=now, created_at=now)
            )
        if turn.outgoing:
            payload = messages_payload(turn.outgoing, turn.person, incoming.reply_token)
            payload |= {EVENT: incoming.event_id, RECEIVED: received_at.isoformat()}
            items.append(
                Item(account_id=incoming.account_id, kind="messages", payload=payload, due_at=now, created_at=now)
            )
        return items

    def _broken(self, job: Job) -> Done:
        """The event stays new for another try; after the last one its person is told."""
        done = Done(job=job, conversation=job.conversation, state=job.state, broke=True)
        if job.attempts + 1 < MAX_ATTEMPTS:
            return done
        turn = Turn(
            incoming=job.incoming,
            person=job.person,
            changed_at=job.changed_at,
            records={},
            answered_at=self._now(),
            services=self._services,
            state=job.state,
        )
        if self._last_resort is None or not self._last_resort(turn):
            turn.say("talk.went_wrong")
        return replace(done, items=self._items(turn, job.received_at), writes=turn.writes)

    async def _store_or_single_out(self, done: Sequence[Done]) -> None:
        """Store turns together; where that fails, one by one, so that a poisonous one fails alone."""
        try:
            await self._store(done)
        except StorageDownError:
            raise
        except Exception:  # whatever broke must not stop the turns of all others
            for each in done:
                try:
                    await self._store([each])
                except StorageDownError:
                    raise
                except Exception as error:  # this one alone is told that it failed
                    log.error(
                        "turn_not_stored", event_id=each.job.incoming.event_id,
                        error=type(error).__name__, at=places(error),
                    )  # fmt: skip
                    await self._store_broken(self._broken(each.job))

    async def _store_broken(self, done: Done) -> None:
        try:
            await self._store([done])
        except StorageDownError:
            raise
        except Exception as error:  # what it leaves behind cannot be stored either: its answer is all that is left
            log.error(
                "turn_not_stored", event_id=done.job.incoming.event_id,
                error=type(error).__name__, at=places(error),
            )  # fmt: skip
            await self._store([replace(done, writes=())])

    async def _store(self, done: Sequence[Done]) -> None:
        now = self._now()
        async with self._services.database.write() as connection:
            # What begins has no row yet that could be locked: of two accounts of a person one waits for the other here.
            first = [each for each in done if not (each.job.version or each.broke or _joins(each))]
            first.sort(key=lambda each: each.conversation)
            await upsert(connection, Conversation, [_begun(each) for each in first], key=["id"])
            rows = await connection.execute(VERSIONS, {"ids": filled([each.job.conversation for each in done])})
            versions: dict[str, int] = {row.id: row.version for row in rows}
            rows = await connection.scalars(STILL_NEW, {"ids": filled([each.job.row_id for each in done])})
            unanswered = {*rows}  # an event that another process answered meanwhile is not answered again
            fresh = [
                each
                for each in done
                if each.job.row_id in unanswered and versions.get(each.job.conversation, 0) == each.job.version
            ]
            fresh.sort(key=lambda each: each.conversation)  # one order everywhere: two processes never deadlock
            good = [each for each in fresh if not each.broke]
            joining = [each for each in good if _joins(each)]
            await upsert(
                connection,
                Conversation,
                [_conversation_row(each) for each in good if not _joins(each)],
                key=["id"],
                update=["version", "state", "changed_at"],
            )
            await upsert(connection, Conversation, [_conversation_row(each) for each in joining], key=["id"])
            await store_all(connection, [write for each in fresh for write in each.writes])
            await outbox.put(connection, [item for each in fresh for item in each.items])
            if fresh:
                await connection.execute(
                    HANDLED,
                    [
                        {
                            "row_id": each.job.row_id,
                            "new_state": _inbox_state(each),
                            "tries": each.job.attempts + (each.broke and each.counts),
                            "moment": now,
                        }
                        for each in fresh
                    ],
                )
        stored = {each.job.row_id for each in fresh}
        for each in done:
            _note(each, is_stored=each.job.row_id in stored, now=now)

    async def _take(self, room: int) -> list[Job]:
        handed_over = self._handed_over()
        if handed_over == {}:
            return []
        async with self._services.database.read() as connection:
            if handed_over is None:
                found = await self._new(connection, room)
            else:
                found = await self._assigned(connection, handed_over)
            rows = {
                conversation_id(row.account_id, row.person_id): row for row in reversed(found)
            }  # the oldest event of each conversation
            rows = {key: rows[key] for key in [key for key in rows if key not in self._busy][-room:]}
            if not rows:
                return []
            today = self._now().astimezone(self._services.timezone).date()
            persons = filled([row.person_id for row in rows.values() if row.person_id])
            people = await load_people(connection, persons, today)
            students = filled([person.id for person in people.values() if person.is_student])
            days = {self._local(row.occurred_at, row.received_at).date() for row in rows.values()}
            records: dict[str, dict[tuple[date, Phase], CheckInRecord]] = {}
            for record in await find_checkins(connection, students, days):
                records.setdefault(record.student_id, {})[record.date, record.phase] = record
            steps = await last_next_steps(connection, students, max(days))
            at_home = frozenset(each.student_id for each in await home_learners(connection, students, today))
            earliest = min(self._local(row.occurred_at, row.received_at) for row in rows.values())
            asked = await people_asked(connection, persons, earliest)
        return [self._job(key, row, people, records, steps, at_home, asked) for key, row in rows.items()]

    async def _new(self, connection: AsyncConnection, room: int) -> Sequence[Any]:
        """The oldest new events of conversations that no turn of ours is answering."""
        wanted = NEW if self._only is None else NEW.where(InboxEvent.account_id == self._only)
        values = {"channels": list(self._converters), "busy": list(self._busy), "room": room}
        return (await connection.execute(wanted, values)).all()

    def _handed_over(self) -> Mapping[str, int] | None:
        """The accounts that the engine handed to us and that no turn is answering; None: there is no engine."""
        if self._assignments is None:
            return None
        answering = {*self._busy.values()}
        return {account: times for account, times in self._assignments.now().items() if account not in answering}

    async def _assigned(self, connection: AsyncConnection, handed_over: Mapping[str, int]) -> Sequence[Any]:
        """The oldest new event of each account that was handed to us; accounts without any are done with."""
        found = (await connection.execute(OLDEST_OF_NAMED, {"accounts": list(handed_over)})).all()
        left = {row.account_id for row in found}
        if self._assignments is not None:
            self._assignments.finish({account: n for account, n in handed_over.items() if account not in left})
        return found

    def _job(
        self,
        conversation: str,
        row: Any,
        people: Mapping[str, Person],
        records: Mapping[str, Mapping[tuple[date, Phase], CheckInRecord]],
        steps: Mapping[str, str],
        at_home: Collection[str],
        asked: Collection[str],
    ) -> Job:
        occurred_at = self._local(row.occurred_at, row.received_at)
        convert = self._converters[row.channel]
        return Job(
            row_id=row.id,
            incoming=convert(row.body, row.event_id, row.account_id, occurred_at).storable(),
            attempts=row.attempts,
            conversation=conversation,
            version=row.version or 0,
            state=DialogueState.from_json(row.state),
            changed_at=row.changed_at,
            person=people.get(row.person_id) if row.person_id else None,
            records=records.get(row.person_id, {}),
            last_next_step=steps.get(row.person_id),
            is_remote=row.person_id in at_home,
            is_asked=row.person_id in asked,
            seen_at=row.last_seen_at,
            reachable=row.reachable,
            received_at=row.received_at,
        )

    def _local(self, occurred_at: datetime, received_at: datetime) -> datetime:
        """When it happened, in the school's time zone; a clock far ahead of ours is not believed."""
        moment = received_at if occurred_at > received_at + CLOCK_TOLERANCE else occurred_at
        return moment.astimezone(self._services.timezone)


def messages_payload(
    messages: Sequence[Outgoing], person: Person | None, reply_token: ReplyToken | None = None
) -> dict[str, Any]:
    """Messages as an outbox row holds them, with the grade they are to be fitted to."""
    payload: dict[str, Any] = {"messages": [message.to_json() for message in messages]}
    if person is not None and person.is_student:
        payload["grade"] = person.grade
    if reply_token is not None:
        payload["reply_token"] = reply_token.value
        payload["reply_token_born_at"] = reply_token.born_at.isoformat()
    return payload


def _conversation_row(done: Done) -> dict[str, Any]:
    return {
        "id": done.conversation,
        "version": done.job.version + 1,
        "state": done.state.to_json(),
        "changed_at": _changed_at(done),
    }


def _joins(done: Done) -> bool:
    """Whether its account was just linked: it joins its person's conversation, which may be under way elsewhere."""
    return done.conversation != done.job.conversation


def _begun(done: Done) -> dict[str, Any]:
    return {**_conversation_row(done), "version": 0, "state": {}}


def _changed_at(done: Done) -> datetime:
    """A turn that leaves the state alone does not make earlier events stale."""
    earlier, occurred_at = done.job.changed_at, done.job.incoming.occurred_at
    if earlier is not None and (done.state == done.job.state or occurred_at < earlier):
        return earlier
    return occurred_at


def _note(done: Done, *, is_stored: bool, now: datetime) -> None:
    if not is_stored:
        outcome = "dropped"
    elif done.broke:
        outcome = "storage" if not done.counts else "failed" if _inbox_state(done) is InboxState.FAILED else "retried"
    else:
        outcome = "answered" if done.items else "silent"
    job = done.job
    note_turn(
        event_id=job.incoming.event_id,
        channel=job.incoming.account_id.partition(":")[0],
        outcome=outcome,
        seconds=perf_counter() - job.taken_at,
        received_at=job.received_at,
        at=now,
    )


def _inbox_state(done: Done) -> InboxState:
    if not done.broke:
        return InboxState.DONE
    is_last = done.counts and done.job.attempts + 1 >= MAX_ATTEMPTS
    return InboxState.FAILED if is_last else InboxState.NEW
