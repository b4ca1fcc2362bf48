"""``ayumi serve``."""

from __future__ import annotations

from datetime import datetime

import typer

from assistant.cli.roles import run_process
from assistant.cli.stopping import stop_signals
from assistant.library import build_library
from assistant.running import running
from assistant.schema import migrate
from assistant.settings import Settings
from assistant.web.app import web_app
from assistant.web.server import answer, listening
from knowledge.db import Database


def run_server(settings: Settings, *, host: str, port: int, demo: bool, worker: bool, scheduler: bool) -> None:
    """Serve until told to stop. Raises ``AssistantError`` when the port is taken."""
    run_process(_serve(settings, host=host, port=port, demo=demo, worker=worker, scheduler=scheduler))


async def _serve(settings: Settings, *, host: str, port: int, demo: bool, worker: bool, scheduler: bool) -> None:
    with listening(host, port) as listener:
        if demo:
            await _prepare_demo(settings)
        with stop_signals() as stop:
            async with running(settings, worker=worker, scheduler=scheduler) as process:
                if demo:
                    _show_what_to_try(f"http://{host}:{port}")
                await answer(web_app(process, demo=demo), listener, stop)


async def _prepare_demo(settings: Settings) -> None:
    # Loading these takes a tenth of a start, and no other start needs them.
    from assistant.demo.library import load_documents
    from assistant.demo.load import load_demo

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

  Six things to try
  1. 小学2年生 (a P2 pupil): めあて, then answer with the buttons. Try あとで, なおす, メモ 九九がいえた.
  2. 4年2組の先生 (the homeroom teacher): 「今日まだチェックインしていない子は？」
  3. 中学1年生 (a J1 student): めあて, then ふりかえり: the goal comes back word for word.
  4. 4年2組の先生 again: 「毎週金曜15時に4年2組へふりかえりのリマインドを送って」, then 「リマインド一覧」.
  5. Anybody: 「スマートフォンを持ってきていい？」; the teacher also 「生成AIに入力してはいけないものは？」.
  6. 校長先生 (the principal) or 4年2組の先生: 見守り at the top of the chat, which is the page /care.

  Ctrl+C ends it.
"""
    )
