"""Webs, workers and schedulers as an operator starts them, each a process, on one database."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil

from benchmarks.machine import ROOT, free_port
from benchmarks.postgres import tree_seconds
from tests.worlds import LINE_SECRET, LINE_TOKEN

ROLES: Mapping[str, tuple[str, ...]] = {
    "web": ("serve", "--no-worker", "--no-scheduler"),
    "worker": ("worker",),
    "scheduler": ("scheduler",),
}
RUNNING = b"running"  # what a process logs when it is at work
UP_WITHIN = 60.0  # seconds a process may take to start


@dataclass(kw_only=True)
class Member:
    """One process of an installation."""

    role: str
    process: subprocess.Popen[bytes]
    log: Path
    port: int  # of a web

    @property
    def is_running(self) -> bool:
        """It is at work; a web also listens."""
        if RUNNING not in self.log.read_bytes():
            return False
        with socket.socket() as probe:
            return self.role != "web" or probe.connect_ex(("127.0.0.1", self.port)) == 0


class Installation:
    """Starts, counts and ends processes of the product."""

    def __init__(self, address: str, line: str, folder: Path, zone: ZoneInfo) -> None:
        """``line``: the address of LINE's stand-in; ``folder`` holds the logs and the data folder."""
        self._folder = folder
        self._settings = {
            "AYUMI_DATA_DIR": str(folder),
            "AYUMI_DATABASE_URL": address,
            "AYUMI_SECRET_KEY": "benchmark",
            "AYUMI_TIMEZONE": zone.key,
            "LINE_CHANNEL_SECRET": LINE_SECRET,
            "LINE_CHANNEL_ACCESS_TOKEN": LINE_TOKEN,
            "LINE_API_BASE_URL": line,
        }
        self.members: list[Member] = []
        self._number = 0

    def start(self, **roles: int) -> None:
        """Start so many of each role: ``start(web=2, worker=1)``; ``ready`` waits for them."""
        for role, count in roles.items():
            for _ in range(count):
                self._number += 1
                port, log = free_port(), self._folder / f"{role}-{self._number}.log"
                listening = ("--port", str(port)) if role == "web" else ()
                with log.open("wb") as out:
                    process = subprocess.Popen(
                        [sys.executable, "-m", "assistant", *ROLES[role], *listening],
                        env={**os.environ, **self._settings},
                        cwd=ROOT,
                        stdout=out,
                        stderr=out,
                    )
                self.members.append(Member(role=role, process=process, log=log, port=port))

    async def ready(self) -> None:
        """Wait until all are at work. Raises ``RuntimeError`` with the log of one that ended, ``TimeoutError``."""
        async with asyncio.timeout(UP_WITHIN):
            while waiting := [each for each in self.members if not each.is_running]:
                for each in waiting:
                    if each.process.poll() is not None:
                        raise RuntimeError(each.log.read_text())
                await asyncio.sleep(0.05)

    @property
    def ports(self) -> list[int]:
        """Of the webs."""
        return [each.port for each in self.members if each.role == "web"]

    def stop(self, role: str | None = None) -> None:
        """End all, or those of a role, as a service manager does."""
        self._end(signal.SIGTERM, role)

    def kill(self) -> None:
        """``kill -9`` of everything at once."""
        self._end(signal.SIGKILL, None)

    def end(self, member: Member) -> None:
        """End one."""
        member.process.terminate()
        member.process.wait(20)
        self.members.remove(member)

    def _end(self, number: signal.Signals, role: str | None) -> None:
        ended = [each for each in self.members if role in (None, each.role)]
        for each in ended:
            each.process.send_signal(number)
        for each in ended:
            each.process.wait(20)
            self.members.remove(each)

    def cpu_seconds(self) -> dict[str, float]:
        """By role, since each was started."""
        spent: dict[str, float] = {}
        for each in self.members:
            spent[each.role] = spent.get(each.role, 0.0) + tree_seconds(each.process.pid)
        return spent

    def memory(self) -> dict[str, list[float]]:
        """MB resident of each process, by role."""
        held: dict[str, list[float]] = {}
        for each in self.members:
            held.setdefault(each.role, []).append(psutil.Process(each.process.pid).memory_info().rss / 1e6)
        return held


def difference(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    """What was used in between; a process that ended in between must not be among them."""
    return {role: seconds - before.get(role, 0.0) for role, seconds in after.items()}
