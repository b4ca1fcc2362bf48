"""How a long-running command is told to stop: SIGTERM and SIGINT, as often as anybody likes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

import structlog

SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = structlog.get_logger(__name__)


@contextmanager
def stop_signals() -> Generator[asyncio.Event]:
    """An event that is set by the first signal. Further ones change nothing, also after the block, while the process
    ends: what is being stored must be stored, and an impatient second Ctrl+C would lose it. For the main thread."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def ask() -> None:
        if not stop.is_set():
            log.info("stopping")
            stop.set()

    def heard(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(ask)

    for number in SIGNALS:
        signal.signal(number, heard)
    try:
        yield stop
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
