"""``ayumi serve``, ``ayumi worker`` and ``ayumi scheduler``."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

import typer
import uvicorn
import uvloop

from assistant.demo.library import load_documents
from assistant.demo.load import load_demo
from assistant.errors import AssistantError
from assistant.library import build_library
from assistant.logs import set_up_logs
from assistant.schema import migrate
from assistant.settings import Settings
from assistant.web.app import running_app
from knowledge.db import Database

GRACE = 5  # seconds that open requests get when the server stops
YOUNG_OBJECTS = 20_000  # made before the collector looks; turns make many that die at once


def run_server(settings: Settings, *, host: str, port: int, demo: bool, worker: bool, scheduler: bool) -> None:
    """Serve until told to stop. Raises ``AssistantError`` when the port is taken."""
    _run(_serve(settings, host=host, port=port, demo=demo, worker=worker, scheduler=scheduler))


def run_roles(settings: Settings, *, worker: bool, scheduler: bool) -> None:
    """Work without a web server until told to stop."""
    _run(_work(settings, worker=worker, scheduler=scheduler))


async def _serve(settings: Settings, *, host: str, port: int, demo: bool, worker: bool, scheduler: bool) -> None:
    with _listening(host, port) as listener:
        if demo:
            await _prepare_demo(settings)
        async with running_app(settings, worker=worker, scheduler=scheduler, demo=demo) as app:
            config = uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE,
            )
            if demo:
                _show_what_to_try(f"http://{host}:{port}")
            await uvicorn.Server(config).serve(sockets=[listener])


async def _work(settings: Settings, *, worker: bool, scheduler: bool) -> None:
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    async with running_app(settings, worker=worker, scheduler=scheduler):
        await stopped.wait()


def _run(work: Coroutine[Any, Any, None]) -> None:
    set_up_logs()
    # What was loaded to start with stays for good: the collector need not look at it again and again, which would stop
    # the loop for tens of milliseconds.
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)
    uvloop.run(work)


def _listening(host: str, port: int) -> socket.socket:
    """A socket on the port. Raises ``AssistantError`` when it cannot be had."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise AssistantError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


async def _prepare_demo(settings: Settings) -> None:
    database = Database(settings.database)
    try:
        await migrate(database)
        typer.echo("loading the demo district …", err=True)
        now = datetime.now(settings.zone)
        await load_demo(database, now.date(), settings.zone)
        await load_documents(build_library(settings, database), now)
    finally:
        await database.close()


def _show_what_to_try(url: str) -> None:
    typer.echo(
        f"""
  Ayumi あゆみ is running:  {url}

  Five things to try
  1. 小学2年生 (a P2 pupil): めあて, then answer with the buttons. Try あとで, なおす, メモ 九九がいえた.
  2. 4年2組の先生 (the homeroom teacher): 「今日まだチェックインしていない子は？」
  3. 中学1年生 (a J1 student): めあて, then ふりかえり: the goal comes back word for word.
  4. 4年2組の先生 again: 「毎週金曜15時に4年2組へふりかえりのリマインドを送って」, then 「リマインド一覧」.
  5. Anybody: 「スマートフォンを持ってきていい？」; the teacher also 「生成AIに入力してはいけないものは？」.

  Ctrl+C ends it.
"""
    )
