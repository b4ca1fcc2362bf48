"""``ayumi worker`` and ``ayumi scheduler``, and what every long-running process does first."""

from __future__ import annotations

import gc
from collections.abc import Coroutine
from contextlib import nullcontext
from typing import Any

import uvloop

from assistant.cli.stopping import stop_signals
from assistant.logs import set_up_logs
from assistant.running import running
from assistant.settings import Settings
from assistant.web.health import health_app
from assistant.web.server import answer, listening

YOUNG_OBJECTS = 20_000  # made before the collector looks; turns make many that die at once


def run_roles(settings: Settings, *, host: str, port: int | None, worker: bool, scheduler: bool) -> None:
    """Work without pages and webhooks until told to stop; with a port, ``/healthz``, ``/readyz`` and ``/metrics`` are
    served there. Raises ``AssistantError`` when it is taken."""
    run_process(_work(settings, host=host, port=port, worker=worker, scheduler=scheduler))


def run_process(work: Coroutine[Any, Any, None]) -> None:
    """Do the work of a process that goes on until it is told to stop."""
    set_up_logs()
    # What was loaded to start with stays for good: the collector need not look at it again and again, which would stop
    # the loop for tens of milliseconds.
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)
    gc.enable()
    uvloop.run(work)


async def _work(settings: Settings, *, host: str, port: int | None, worker: bool, scheduler: bool) -> None:
    with nullcontext() if port is None else listening(host, port) as listener, stop_signals() as stop:
        async with running(settings, worker=worker, scheduler=scheduler) as process:
            if listener is None:
                await stop.wait()
            else:
                await answer(health_app(process), listener, stop)
