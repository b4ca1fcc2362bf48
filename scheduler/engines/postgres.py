"""The engine across machines: PgQueuer on the database that holds the work, with LISTEN and NOTIFY.

A job names an account with new events and is enqueued in the transaction that stores them; whoever takes it looks
after the account until nothing is left. The tables of the engine are UNLOGGED: a crash of PostgreSQL empties them, and
the sweep fills them again from what is still new. PgQueuer takes up the jobs of a process whose heartbeat stopped.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from functools import partial

import structlog
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.models import Job
from sqlalchemy import Executable, FromClause, LargeBinary, column, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Database
from knowledge.errors import StorageDownError
from scheduler.engines.pgqueuer_ports import LOG, SETTINGS, TABLE, WithinTransaction, connect, looks_over, queries_over
from scheduler.queue import Assignments, WakeUp
from scheduler.trace import places

BATCH = 100  # jobs taken with one statement
AT_ONCE = 400  # jobs that one process may hold; PgQueuer wants at least twice the batch
HEARTBEAT_TIMEOUT = timedelta(seconds=6)  # a job whose process was silent for this long is taken up by another
LOOK_EVERY = timedelta(seconds=5)  # without any notification
SWEEP_EVERY = 5  # seconds between looks for work that has no job
SWEEP_ROWS = 1000  # events re-queued at once; the next look takes the next
FORGET_EVERY = 60  # sweeps after which PgQueuer's log is emptied: nobody reads it
COMMAND_TIMEOUT = 10.0  # seconds of a statement of PgQueuer's: a server that fell silent must not hold the worker
PAUSE = 1.0  # seconds before the next try after the connection was lost
SWEEPING = 20260402  # key of PostgreSQL's advisory lock

JOBS = (  # the accounts that jobs name, whether they wait or are under way
    select(column("payload", LargeBinary).label("account")).select_from(table(TABLE)).subquery("jobs")
)
# A job that waits is kept from being taken until the caller's transaction ends: whoever takes it then sees its events.
WAITING = f"""
SELECT payload FROM {TABLE} WHERE status = 'queued' AND payload = ANY($1::bytea[]) FOR UPDATE SKIP LOCKED
"""  # noqa: S608 -- the name of the table is ours

log = structlog.get_logger(__name__)


class PostgresQueue:
    """Implements ``Queue`` for every process; ``start`` makes this one a worker."""

    def __init__(
        self,
        database: Database,
        assignments: Assignments,
        channels: Collection[str],
        without_job: Callable[[FromClause, int], Executable],
    ) -> None:
        """``without_job(jobs, limit)`` selects at most ``limit`` pieces of new work (key, channel, account_id) of the
        parameter ``channels`` whose account is not among ``jobs.c.account``, as UTF-8."""
        self._database = database
        self._assignments = assignments
        self._channels = sorted(channels)
        self._without_job = without_job(JOBS, SWEEP_ROWS)
        self._tasks: list[asyncio.Task[None]] = []
        self._manager: QueueManager | None = None
        self._stopping = False
        self._looked_at = time.monotonic()

    @property
    def still_for(self) -> float | None:
        """Seconds since it last looked for jobs, infinite once it ended; None: not started."""
        if not self._tasks:
            return None
        return math.inf if self._tasks[0].done() else time.monotonic() - self._looked_at

    async def enqueue(self, connection: AsyncConnection, wake_ups: Sequence[WakeUp]) -> None:
        """One job for an account is enough: where one waits already, it will find this work too. Where one is under way
        it may just have looked for the last time, so another one is made."""
        first = {each.account_id.encode(): each for each in reversed(wake_ups)}
        if not first:
            return
        waiting = await connection.exec_driver_sql(WAITING, ([*first],))
        for (account,) in waiting.all():
            del first[bytes(account)]
        if not first:
            return
        await queries_over(WithinTransaction(connection)).enqueue(
            [_entrypoint(each.channel) for each in first.values()],
            [*first],
            [0] * len(first),
            dedupe_key=[each.key for each in first.values()],
            on_conflict="skip",
        )

    def committed(self) -> None:
        """PostgreSQL notifies by itself."""

    def start(self) -> None:
        """Take jobs, and look for work that has none."""
        self._tasks = [
            asyncio.create_task(self._work(), name="queue"),
            asyncio.create_task(self._sweep_forever(), name="sweep"),
        ]

    def stop_taking(self) -> None:
        """Take no further jobs; those that are held go on. Safe to call when it never started."""
        self._stopping = True
        if self._manager is not None:
            self._manager.shutdown.set()

    async def stop(self, grace: float = 1.5) -> None:
        """Give back what is held, so that another process has it at once. Safe to call when it never started."""
        self.stop_taking()
        self._assignments.give_back(RetryRequested(timedelta(0), "the process stops"))
        if self._tasks:
            self._tasks[1].cancel()
            await asyncio.wait(self._tasks, timeout=grace)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def sweep(self) -> int:
        """Give every piece of new work that has no job one; how many had none. One process at a time looks. Raises
        ``StorageDownError``."""
        async with self._database.write() as connection:
            first = await connection.exec_driver_sql("SELECT pg_try_advisory_xact_lock($1)", (SWEEPING,))
            if not first.scalar_one():
                return 0
            rows = (await connection.execute(self._without_job, {"channels": self._channels})).all()
            await self.enqueue(
                connection, [WakeUp(key=row.key, channel=row.channel, account_id=row.account_id) for row in rows]
            )
        if rows:
            log.warning("work_queued_again", count=len(rows))
        return len(rows)

    async def _work(self) -> None:
        while not self._stopping:
            try:
                await self._take_jobs()
            except Exception as error:  # whatever broke the connection: another one is made
                log.error("queue_broke", error=type(error).__name__, at=places(error))
            if not self._stopping:
                await asyncio.sleep(PAUSE)

    async def _take_jobs(self) -> None:
        """Until told to stop, or until the connection is lost."""
        connection = await connect(self._database, COMMAND_TIMEOUT)
        try:
            manager = QueueManager(looks_over(connection, self._note_look), channel=SETTINGS.channel)
            for channel in self._channels:
                manager.entrypoint(_entrypoint(channel), accepts_context=False)(self._attend)
            # PgQueuer itself would hear of a lost connection only with its next look.
            connection.add_termination_listener(partial(self._end, manager))
            self._manager = manager
            if not self._stopping:
                await manager.run(
                    dequeue_timeout=LOOK_EVERY,
                    batch_size=BATCH,
                    max_concurrent_tasks=AT_ONCE,
                    shutdown_on_listener_failure=True,
                    heartbeat_timeout=HEARTBEAT_TIMEOUT,
                    log_aggregation_interval=timedelta(0),  # its statistics are ours to keep, in /metrics
                )
        finally:
            self._manager = None
            connection.terminate()

    def _end(self, manager: QueueManager, _connection: object) -> None:
        """The connection is gone, and with it the hold on its jobs: what is slow goes on, a new one does not wait."""
        manager.shutdown.set()
        self._assignments.let_go()

    def _note_look(self) -> None:
        self._looked_at = time.monotonic()

    async def _attend(self, job: Job) -> None:
        await self._assignments.attend((job.payload or b"").decode())

    async def _sweep_forever(self) -> None:
        turn = 0
        while True:
            try:
                await self.sweep()
                turn += 1
                if turn % FORGET_EVERY == 0:
                    await self._forget_log()
            except StorageDownError as error:
                log.error("storage_down", job="sweep", problem=str(error))
            except Exception as error:  # one bad look must not end the others
                log.error("sweep_failed", error=type(error).__name__, at=places(error))
            await asyncio.sleep(SWEEP_EVERY)

    async def _forget_log(self) -> None:
        async with self._database.write() as connection:
            await connection.exec_driver_sql("SET LOCAL lock_timeout = '1s'")
            await connection.exec_driver_sql(f"TRUNCATE {LOG}")


def _entrypoint(channel: str) -> str:
    return f"turns:{channel}"
