"""The engines: what is stored is answered once, in order, by whichever process; and nothing waits for long."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.bootstrap import Core, build_core, build_services
from assistant.channels.console import ConsoleChannel, as_text
from assistant.dialogue.conversation import Conversation
from assistant.dialogue.turn import Handler, Turn
from assistant.inbox import InboxEvent, InboxState, RawEvent, events_without_job
from assistant.messages import Outgoing, Words
from knowledge.db import Database
from scheduler.engines import postgres
from scheduler.engines.pgqueuer_ports import TABLE, OneNews, connect
from scheduler.engines.postgres import JOBS
from scheduler.outbox import Outbox
from scheduler.queue import Assignments, WakeUp
from tests.worlds import HandClock, settings_of, with_roster

PATIENCE = 60.0  # seconds after which a test gives up
WORKERS = 3
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ayumi queue'"


class Fleet:
    """Some processes' worth of cores over one store, each with a connection pool of its own. Answers are kept."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self._databases: list[Database] = []
        self.shared = not url.startswith("sqlite")
        self.clock = HandClock()
        self.turns: list[tuple[str, str]] = []  # (account, text), as handlers saw them
        self.shown: list[str] = []
        self.slow: dict[str, asyncio.Event] = {}  # texts whose turn waits to be let go
        self.database = self._opened()

    def _opened(self) -> Database:
        self._databases.append(Database(self._url))
        return self._databases[-1]

    def core(self) -> Core:
        """Another process."""

        async def answer(turn: Turn) -> bool:
            words = turn.incoming.text
            self.turns.append((turn.incoming.account_id, words))
            if words in self.slow:
                await self.slow[words].wait()
            turn.outgoing.append(Outgoing(text=Words.own(f"{turn.incoming.account_id} {words}")))
            return True

        handlers: tuple[Handler, ...] = (answer,)
        channel = ConsoleChannel(lambda message, grade: self.shown.append(as_text(message, grade)))
        services = build_services(settings_of(self._folder, ""), self._opened())
        return build_core(services, {"console": channel}, self.clock.now, handlers=handlers, is_shared=self.shared)

    async def write(self, core: Core, *messages: tuple[str, str]) -> None:
        """People write, in this order, within one request."""
        now = self.clock.now()
        await core.inbox.receive(
            [
                RawEvent(
                    event_id=f"console:{account}:{words}",
                    channel="console",
                    account_id=f"console:{account}",
                    occurred_at=now + timedelta(milliseconds=number),
                    body={"text": words},
                )
                for number, (account, words) in enumerate(messages)
            ]
        )

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not await holds():
                await asyncio.sleep(0.02)

    async def until_shown(self, count: int) -> None:
        async def enough() -> bool:
            return len(self.shown) >= count

        await self.until(enough)

    async def jobs(self) -> Counter[str]:
        """The engine's jobs by status; SQLite has none."""
        if not self.shared:
            return Counter()
        async with self.database.read() as connection:
            rows = await connection.execute(text(f"SELECT status::text, count(*) FROM {TABLE} GROUP BY status"))
            return Counter({row[0]: row[1] for row in rows})

    async def no_jobs(self) -> bool:
        return not await self.jobs()

    async def no_job_waits(self) -> bool:
        return not (await self.jobs())["queued"]

    async def two_wait_for_a_lock(self) -> bool:
        async with self.database.read() as connection:
            return await connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")) == 2

    async def waiting(self) -> int:
        """Events that nobody has answered."""
        async with self.database.read() as connection:
            return await connection.scalar(select(func.count()).where(InboxEvent.state == InboxState.NEW)) or 0

    async def close(self) -> None:
        for let_go in self.slow.values():
            let_go.set()
        for database in self._databases:
            await database.close()


@pytest.fixture(autouse=True)
def busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is slow here is the machine, not the store."""
    monkeypatch.setattr("assistant.inbox.PATIENCE", PATIENCE)
    monkeypatch.setattr("knowledge.db.POOL_PATIENCE", PATIENCE)


@pytest.fixture
async def fleet(database_url: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    fleet = Fleet(database_url, tmp_path)
    yield fleet
    await fleet.close()


@pytest.fixture
async def on_postgres(postgres_url: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    fleet = Fleet(postgres_url, tmp_path)
    yield fleet
    await fleet.close()


async def started(fleet: Fleet) -> list[Core]:
    """As many workers as the store allows."""
    cores = [fleet.core() for _ in range(WORKERS if fleet.shared else 1)]
    for core in cores:
        core.start()
    return cores


async def stopped(cores: list[Core]) -> None:
    await asyncio.gather(*(core.stop() for core in cores))


async def test_every_message_is_answered_once_by_one_of_the_workers(fleet: Fleet) -> None:
    cores = await started(fleet)
    await asyncio.gather(
        *(
            fleet.write(cores[number % len(cores)], (f"child{number % 40}", f"message {number}"))
            for number in range(200)
        )
    )
    await fleet.until_shown(200)
    assert Counter(fleet.shown) == Counter(f"console:child{n % 40} message {n}" for n in range(200))
    await fleet.until(fleet.no_jobs)
    await stopped(cores)
    assert await fleet.waiting() == 0


async def test_messages_of_one_child_are_answered_in_their_order(fleet: Fleet) -> None:
    cores = await started(fleet)
    await fleet.write(cores[0], *(("hana", str(number)) for number in range(30)))
    await fleet.until_shown(30)
    await stopped(cores)
    async with fleet.database.read() as connection:
        payloads = (await connection.scalars(select(Outbox.payload).order_by(Outbox.id))).all()
    texts = [str(Outgoing.from_json(payload["messages"][0]).text) for payload in payloads]
    assert texts == [f"console:hana {number}" for number in range(30)]


async def test_workers_share_the_work_and_do_not_do_it_twice(on_postgres: Fleet) -> None:
    cores = await started(on_postgres)
    await on_postgres.write(cores[0], *((f"child{number}", "おはよう") for number in range(300)))
    await on_postgres.until_shown(300)
    await stopped(cores)
    assert len(on_postgres.turns) == 300


async def test_a_wake_up_goes_with_its_transaction_or_not_at_all(on_postgres: Fleet) -> None:
    core = on_postgres.core()
    assert core.engine is not None
    with suppress(RuntimeError):
        async with on_postgres.database.write() as connection:
            await core.engine.enqueue(connection, [WakeUp(key="k", channel="console", account_id="console:hana")])
            raise RuntimeError
    assert await on_postgres.jobs() == Counter()
    await on_postgres.write(core, ("hana", "おはよう"))
    await on_postgres.write(core, ("hana", "おはよう"))  # sent again by the platform
    assert await on_postgres.jobs() == Counter(queued=1)


async def test_one_job_waits_for_an_account_however_many_messages_it_sends(on_postgres: Fleet) -> None:
    core = on_postgres.core()
    for number in range(5):
        await on_postgres.write(core, ("hana", str(number)), ("hana", f"{number} again"), ("ren", str(number)))
    assert await on_postgres.jobs() == Counter(queued=2)


async def test_a_message_that_comes_while_a_job_is_under_way_gets_one_of_its_own(on_postgres: Fleet) -> None:
    core = on_postgres.core()
    await on_postgres.write(core, ("hana", "おはよう"))
    await _execute(on_postgres, f"UPDATE {TABLE} SET status = 'picked'")
    await on_postgres.write(core, ("hana", "こんにちは"))
    assert await on_postgres.jobs() == Counter(picked=1, queued=1)


async def test_a_job_is_not_taken_before_the_message_that_relies_on_it_is_there(on_postgres: Fleet) -> None:
    core = on_postgres.core()
    assert core.engine is not None
    await on_postgres.write(core, ("hana", "おはよう"))
    async with on_postgres.database.write() as connection:
        await core.engine.enqueue(connection, [WakeUp(key="k", channel="console", account_id="console:hana")])
        core.start()
        await asyncio.sleep(0.3)  # long enough to be taken, were it not kept
        assert await on_postgres.jobs() == Counter(queued=1)
    await on_postgres.until(on_postgres.no_jobs)
    await stopped([core])


async def test_workers_share_a_backlog_of_many_messages_each_and_do_nothing_twice(on_postgres: Fleet) -> None:
    first = on_postgres.core()
    for number in range(5):
        await on_postgres.write(first, *((f"child{child}", str(number)) for child in range(60)))
    cores = await started(on_postgres)
    await on_postgres.until_shown(300)
    await stopped(cores)
    assert len(on_postgres.turns) == 300


async def test_a_lost_wake_up_is_made_again(on_postgres: Fleet) -> None:
    core = on_postgres.core()
    await on_postgres.write(core, ("hana", "おはよう"), ("ren", "おはよう"))
    await _execute(on_postgres, f"DELETE FROM {TABLE}")  # such as by a crash of PostgreSQL: the table is unlogged
    assert core.engine is not None
    assert await core.engine.sweep() == 2
    assert await core.engine.sweep() == 0
    core.start()
    await on_postgres.until_shown(2)
    await stopped([core])


async def test_a_worker_that_stops_gives_back_what_it_holds_at_once(on_postgres: Fleet) -> None:
    on_postgres.slow["ゆっくり"] = asyncio.Event()
    first = on_postgres.core()
    first.turns.stop = _at_once(first.turns.stop)  # type: ignore[method-assign] -- a grace of no time
    first.start()
    await on_postgres.write(first, ("hana", "ゆっくり"))
    await on_postgres.until(_seen(on_postgres, 1))
    await stopped([first])
    assert await on_postgres.jobs() == Counter(queued=1)
    on_postgres.slow.clear()
    second = on_postgres.core()
    second.start()
    await on_postgres.until_shown(1)
    await stopped([second])


async def test_the_work_of_a_worker_that_was_killed_is_taken_up_by_another(
    on_postgres: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "HEARTBEAT_TIMEOUT", timedelta(seconds=0.4))
    monkeypatch.setattr(postgres, "LOOK_EVERY", timedelta(seconds=0.2))
    core = on_postgres.core()
    await on_postgres.write(core, ("hana", "おはよう"))
    picked = f"UPDATE {TABLE} SET status = 'picked', queue_manager_id = gen_random_uuid(), heartbeat = now()"
    await _execute(on_postgres, picked)  # as a process leaves it that is killed now
    core.start()
    await on_postgres.until_shown(1)
    await stopped([core])


async def test_a_worker_whose_connection_was_cut_goes_on_with_another(
    on_postgres: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "PAUSE", 0.05)
    core = on_postgres.core()
    core.start()
    await on_postgres.write(core, ("hana", "おはよう"))
    await on_postgres.until_shown(1)
    await _execute(on_postgres, CUT)
    await on_postgres.write(core, ("ren", "おはよう"))
    await on_postgres.until_shown(2)
    await stopped([core])


async def test_a_slow_answer_does_not_keep_a_worker_whose_connection_was_cut_from_answering_others(
    on_postgres: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "PAUSE", 0.05)
    on_postgres.slow["ゆっくり"] = asyncio.Event()
    core = on_postgres.core()
    core.start()
    await on_postgres.write(core, ("hana", "ゆっくり"))
    await on_postgres.until(_seen(on_postgres, 1))
    await _execute(on_postgres, CUT)
    await on_postgres.write(core, ("ren", "おはよう"))
    await on_postgres.until_shown(1)
    assert on_postgres.shown == ["console:ren おはよう"]
    on_postgres.slow["ゆっくり"].set()
    await on_postgres.until_shown(2)
    await stopped([core])
    assert len(on_postgres.turns) == 2


async def test_somebody_who_writes_without_end_does_not_take_the_places_of_others(
    on_postgres: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "BATCH", 2)
    monkeypatch.setattr(postgres, "AT_ONCE", 4)
    on_postgres.slow["0"] = asyncio.Event()
    core = on_postgres.core()
    core.start()
    for number in range(6):
        await on_postgres.write(core, ("hana", str(number)))
        await on_postgres.until(on_postgres.no_job_waits)
    await on_postgres.write(core, ("ren", "おはよう"))
    await on_postgres.until_shown(1)
    assert on_postgres.shown == ["console:ren おはよう"]
    on_postgres.slow["0"].set()
    await on_postgres.until_shown(7)
    await on_postgres.until(on_postgres.no_jobs)
    await stopped([core])


async def test_the_first_messages_of_a_person_on_two_accounts_are_answered_one_after_the_other(
    on_postgres: Fleet, tmp_path: Path
) -> None:
    await with_roster(on_postgres.database, tmp_path / "roster")
    cores = [on_postgres.core(), on_postgres.core()]
    await on_postgres.write(cores[0], ("phone", "おはよう"), ("tablet", "おはよう"))
    await _execute(on_postgres, "UPDATE accounts SET person_id = 's-hana'")
    attended: list[asyncio.Task[None]] = []
    async with on_postgres.database.write() as connection:
        await connection.execute(text("LOCK TABLE conversations IN SHARE MODE"))  # both are worked out, none is stored
        for core, account in zip(cores, ("console:phone", "console:tablet"), strict=True):
            assert core.engine is not None
            attended.append(asyncio.create_task(core.engine._assignments.attend(account)))
            core.turns.start()
        await on_postgres.until(on_postgres.two_wait_for_a_lock)
    await asyncio.gather(*attended)
    await stopped(cores)
    async with on_postgres.database.read() as connection:
        stored = (await connection.execute(select(Conversation.id, Conversation.version))).all()
    assert [tuple(row) for row in stored] == [("person:s-hana", 2)]


async def test_it_tells_for_how_long_it_has_not_looked(on_postgres: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "LOOK_EVERY", timedelta(seconds=0.1))
    core = on_postgres.core()
    assert core.engine is not None
    assert core.engine.still_for is None
    core.start()
    monkeypatch.setattr(core.engine, "_looked_at", core.engine._looked_at - 1000)
    engine = core.engine

    async def has_looked() -> bool:
        return (engine.still_for or 0.0) < 900

    await on_postgres.until(has_looked)
    await stopped([core])
    assert core.engine.still_for is None


async def test_many_notifications_are_one_piece_of_news_until_the_next_look(on_postgres: Fleet) -> None:
    connection = await connect(on_postgres.database)
    heard: list[str] = []
    news = OneNews(connection)
    await news.add_listener("news", lambda payload: heard.append(str(payload)))

    async def tell(payload: str) -> None:
        await connection.execute("SELECT pg_notify('news', $1)", payload)
        await connection.execute("SELECT 1")  # what was notified has come with an answer

    for _ in range(3):
        await tell('{"type": "table_changed_event"}')
    await tell('{"type": "health_check_event"}')
    assert len(heard) == 2
    news.looks()
    await tell('{"type": "table_changed_event"}')
    await connection.close()
    assert len(heard) == 3


async def test_the_sweep_looks_at_new_events_through_an_index(on_postgres: Fleet) -> None:
    plans: list[str] = []
    async with on_postgres.database.write() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        plans = await _explained(connection)
    assert any("ix_inbox_new" in line for line in plans), plans


async def test_what_is_handed_over_during_a_look_is_looked_at_again() -> None:
    assignments = Assignments()
    first = asyncio.create_task(assignments.attend("hana"))
    await asyncio.sleep(0)
    looked_at = assignments.now()
    await assignments.attend("hana")  # its event came after the look began
    assignments.finish(looked_at)
    await asyncio.sleep(0)
    assert not first.done()
    assert assignments.now() == {"hana": 2}
    assignments.finish(assignments.now())
    await first
    assert assignments.now() == {}


async def test_what_is_let_go_stays_open() -> None:
    assignments = Assignments()
    attended = asyncio.create_task(assignments.attend("hana"))
    await asyncio.sleep(0)
    assignments.let_go()
    await attended
    assert assignments.now() == {"hana": 1}
    await assignments.attend("hana")  # handed over again by the engine's new connection
    assignments.finish(assignments.now())
    assert assignments.now() == {}


async def test_what_is_given_back_says_why() -> None:
    assignments = Assignments()
    attended = asyncio.create_task(assignments.attend("hana"))
    await asyncio.sleep(0)
    assignments.give_back(RuntimeError("the process stops"))
    with pytest.raises(RuntimeError, match="stops"):
        await attended
    assert assignments.now() == {}


def _seen(fleet: Fleet, count: int) -> Callable[[], Awaitable[bool]]:
    async def enough() -> bool:
        return len(fleet.turns) >= count

    return enough


def _at_once(stop: Callable[..., Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    async def without_grace() -> None:
        await stop(0.0)

    return without_grace


async def _execute(fleet: Fleet, statement: str) -> None:
    async with fleet.database.write() as connection:
        await connection.execute(text(statement))


async def _explained(connection: AsyncConnection) -> list[str]:
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(connection.sync_connection, "before_cursor_execute", note)
    await connection.execute(events_without_job(JOBS, 1000), {"channels": ["console"]})
    rows = await connection.exec_driver_sql(f"EXPLAIN {statements[0]}", (1000, "console"))
    return [row[0] for row in rows]
