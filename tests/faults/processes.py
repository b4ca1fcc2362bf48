"""The product's own processes, started from its command line, and what can be done to a process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST_GOODBYE = 10.0  # seconds that a process has after SIGTERM


@dataclass(kw_only=True)
class Process:
    """One process of an installation. Ended, it can be started again on the same port."""

    name: str  # such as worker-2
    arguments: Sequence[str]  # of the command ayumi
    environment: Mapping[str, str]
    log: Path
    port: int | None = None  # that it serves webhooks on
    started: subprocess.Popen[bytes] | None = None
    goodbyes: list[float] = field(default_factory=list[float])  # seconds from SIGTERM to the end

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_up(self) -> bool:
        return self.started is not None and self.started.poll() is None

    def start(self) -> None:
        port = ("--port", str(self.port)) if self.port else ()
        with self.log.open("ab") as log:
            self.started = subprocess.Popen(
                [sys.executable, "-m", "assistant", *self.arguments, *port],
                env={**os.environ, **self.environment},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """kill -9. Nothing when it is gone already."""
        if self.started is not None:
            self.started.kill()
            self.started.wait()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    async def end(self) -> None:
        """Ask it to stop, and wait until it has. Killed when it does not. Nothing when it is gone already."""
        if not self.is_up or self.started is None:
            return
        self.thaw()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        self.started.terminate()
        try:
            await asyncio.to_thread(self.started.wait, LONGEST_GOODBYE * 2)
        except subprocess.TimeoutExpired:
            self.kill()
        self.goodbyes.append(loop.time() - begun)

    def _signal(self, number: signal.Signals) -> None:
        if self.is_up and self.started is not None:
            self.started.send_signal(number)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def embedded(environment: Mapping[str, str], folder: Path) -> list[Process]:
    """All in one process, as with SQLite."""
    log, port = folder / "serve.log", free_port()
    return [Process(name="serve", arguments=["serve"], environment=environment, log=log, port=port)]


def spread_out(environment: Mapping[str, str], folder: Path, counts: Mapping[str, int]) -> list[Process]:
    """As with PostgreSQL; ``counts``: how many of web, worker and scheduler."""
    found: list[Process] = []
    for role, count in counts.items():
        for number in range(1, count + 1):
            is_web, name = role == "web", f"{role}-{number}"
            arguments = ["serve", "--no-worker", "--no-scheduler"] if is_web else [role]
            port = free_port() if is_web else None
            log = folder / f"{name}.log"
            found.append(Process(name=name, arguments=arguments, environment=environment, log=log, port=port))
    return found
