"""Processes and figures that the benchmarks share."""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def process(*arguments: str, env: Mapping[str, str] | None = None) -> Generator[subprocess.Popen[bytes]]:
    """A Python process of this project, ended with the block."""
    started = subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **(env or {})},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=None if os.environ.get("BENCH_LOGS") else subprocess.DEVNULL,
    )
    try:
        yield started
    finally:
        started.terminate()
        started.wait(15)


def morning_zone() -> ZoneInfo:
    """The time zone in which it is between eight and nine: what children say then does not depend on when it is
    measured."""
    ahead = (8 - datetime.now(UTC).hour + 11) % 24 - 11
    return ZoneInfo(f"Etc/GMT{-ahead:+d}")  # POSIX counts the other way round


async def until_up(http: aiohttp.ClientSession, url: str, seconds: float = 30.0) -> None:
    """Wait until something answers at ``url``. Raises ``TimeoutError``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            async with http.get(url):
                return
        except aiohttp.ClientError:
            await asyncio.sleep(0.1)
    raise TimeoutError(f"nothing answers at {url}")


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which ``percent`` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def row(question: str, ratio: float, bar: str, floor: str, ours: float, theirs: float, unit: str) -> str:
    """One line of the benchmark table."""
    return f"| {question} | {ratio:.2f} | {bar} | {ours:,.0f} {unit} | {floor}: {theirs:,.0f} {unit} |"


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
