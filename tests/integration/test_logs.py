"""Logs: whatever fails, no line carries what a person wrote, nor a secret; and a message can be followed."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
import threading
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assistant.dialogue.turn import Turn
from assistant.logs import set_up_logs
from assistant.web.requests import HEADER, RequestIds
from knowledge.db import Database
from knowledge.errors import StorageDownError
from tests.platforms.line import Failure, user_id
from tests.running import served
from tests.worlds import LINE_SECRET, LINE_TOKEN, LineWorld, line_world

TEXT = "ひみつのことば"  # what a child wrote
SECRET = "marker-of-a-secret"
CHEAP = 40e-6  # seconds for one line


class Log:
    """What was written to standard output and standard error since it was last looked at."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def read(self) -> list[dict[str, Any]]:
        """The lines. None carries a marker, and each is JSON."""
        out, err = self._capture.readouterr()
        for marker in (TEXT, json.dumps(TEXT)[1:-1], SECRET, LINE_SECRET, LINE_TOKEN):
            assert marker not in out + err
        return [json.loads(line) for line in err.splitlines()]

    def of(self, event: str) -> dict[str, Any]:
        [line] = [line for line in self.read() if line["event"] == event]
        return line


@pytest.fixture
def log(capfd: pytest.CaptureFixture[str]) -> Iterator[Log]:
    """Logs as every process has them; afterwards as they were."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, sys.excepthook, sys.unraisablehook, threading.excepthook
    shown = warnings.showwarning
    with warnings.catch_warnings():
        set_up_logs()
        structlog.configure(cache_logger_on_first_use=False)  # loggers of modules are used by other tests as well
        yield Log(capfd)
    logging.captureWarnings(False)
    warnings.showwarning = shown
    logging.raiseExceptions = True
    root.handlers[:], level, sys.excepthook, sys.unraisablehook, threading.excepthook = before
    root.setLevel(level)
    structlog.reset_defaults()


async def breaks(turn: Turn) -> bool:
    raise ValueError(f"{turn.incoming.text} {SECRET}")


async def refused_by_the_database(turn: Turn) -> bool:
    async with turn.services.database.write() as connection:
        await connection.execute(
            text("INSERT INTO users (sourced_id) VALUES (:said)"), {"said": str(turn.incoming.text)}
        )
    return True


async def finds_the_database_down(turn: Turn) -> bool:
    raise StorageDownError("OperationalError")


@pytest.fixture
async def answered(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    async with line_world(database, tmp_path / "data") as world:
        await world.link("hana", "s-hana")
        yield world


@pytest.mark.parametrize("handler", [breaks, refused_by_the_database])
async def test_a_turn_that_breaks_says_where_and_not_what(
    database: Database, tmp_path: Path, log: Log, handler: Callable[[Turn], Any]
) -> None:
    async with line_world(database, tmp_path / "data", handlers=[handler]) as world:
        await world.say("hana", TEXT)
        lines = log.read()
    assert [line["outcome"] for line in lines if line["event"] == "turn"] == ["retried", "retried", "failed"]
    broke = [line for line in lines if line["event"] == "turn_broke"]
    assert len(broke) == 3
    assert all(line["error"] and line["at"] and line["event_id"] for line in broke)


@pytest.mark.parametrize("failure", [Failure.STATUS_401, Failure.STATUS_429_MONTHLY, Failure.STATUS_500])
async def test_a_send_that_fails_says_why_and_not_what(answered: LineWorld, log: Log, failure: Failure) -> None:
    answered.line.fail_next("/v2/bot/message", failure)
    await answered.send(answered.line.events.text(user_id("hana"), f"メモ {TEXT}"))
    await answered.core.drain()
    lines = log.read()
    [line] = [line for line in lines if line["event"] == "not_sent"]
    assert line["problem"]
    assert line["event_id"].startswith("line:")


async def test_a_fault_of_ours_while_sending_keeps_its_words(answered: LineWorld, log: Log) -> None:
    async def explode(*_: Any) -> None:
        raise RuntimeError(f"{TEXT} {SECRET}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("assistant.channels.sender.Sender.send", explode)
        await answered.send(answered.line.events.text(user_id("hana"), f"メモ {TEXT}"))
        await answered.core.drain()
    assert log.of("send_broke")["error"] == "RuntimeError"


async def test_a_store_that_is_down_says_so_once_for_a_webhook(answered: LineWorld, log: Log) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("assistant.inbox.upsert", _refuse)
        assert await answered.send(answered.line.events.text(user_id("hana"), TEXT)) in (500, 503)
    assert log.read()


async def _refuse(*_: Any, **__: Any) -> int:
    raise StorageDownError("OperationalError") from ValueError(f"{TEXT} {SECRET}")


async def test_one_message_is_followed_by_its_id_from_the_web_to_the_platform(answered: LineWorld, log: Log) -> None:
    await answered.say("hana", f"メモ {TEXT}")
    lines = log.read()
    event_id = next(line["events"][0] for line in lines if line["event"] == "events_stored")
    way = [line["event"] for line in lines if event_id in json.dumps(line)]
    assert way == ["events_stored", "turn", "sent"]
    turn, sent = (next(line for line in lines if line["event"] == name) for name in ("turn", "sent"))
    assert (turn["outcome"], sent["result"], sent["channel"], sent["kind"]) == ("answered", "sent", "line", "messages")
    assert turn["ms"] >= 0
    assert sent["outbox_id"]


async def hello(_: Request) -> Response:
    structlog.get_logger().info("hello")
    return Response("hello")


async def broken(_: Request) -> Response:
    raise ValueError(f"{TEXT} {SECRET}")


async def asked(path: str, **headers: str) -> tuple[int, str, str]:
    """Status, text, request id of the answer of a real server."""
    routes = [Route("/hello", hello), Route("/broken", broken)]
    app = Starlette(routes=routes, middleware=[Middleware(RequestIds)])
    async with (
        served(app) as url,
        aiohttp.ClientSession() as http,
        http.get(f"{url}{path}?said={SECRET}", headers=headers) as answer,
    ):
        return answer.status, await answer.text(), answer.headers[HEADER]


async def test_a_request_gets_an_id_that_its_lines_and_its_answer_carry(log: Log) -> None:
    _, _, request_id = await asked("/hello")
    assert len(request_id) == 32
    assert log.of("hello")["request_id"] == request_id


async def test_the_id_of_the_proxy_is_taken_where_it_is_one(log: Log) -> None:
    assert (await asked("/hello", **{HEADER: "0199f0c2-from-the-proxy"}))[2] == "0199f0c2-from-the-proxy"
    for odd in ("short", "x" * 200, 'a "quoted" one', f"tok={SECRET}"):
        assert (await asked("/hello", **{HEADER: odd}))[2] != odd
    assert log.read()


async def test_a_route_that_breaks_is_answered_and_logged_without_its_words(log: Log) -> None:
    status, said, request_id = await asked("/broken")
    assert (status, said) == (500, "Internal Server Error")
    line = log.of("request_broke")
    assert (line["error"], line["request_id"]) == ("ValueError", request_id)
    assert line["at"]


@pytest.mark.parametrize(
    "name",
    ["uvicorn.error", "sqlalchemy.engine.Engine", "apscheduler.executors", "pgqueuer", "slack_bolt.app", "langchain",
     "chromadb", "httpx", "asyncio", "aiohttp.client", "anything"],
)  # fmt: skip
def test_libraries_speak_without_their_words(log: Log, name: str) -> None:
    library = logging.getLogger(name)
    library.debug("%s", TEXT)
    library.info("%s", TEXT)
    library.error(f"GET https://example.jp/?token={SECRET} %s", TEXT)
    try:
        raise ValueError(TEXT) from KeyError(SECRET)
    except ValueError:
        library.exception(TEXT)
    lines = log.read()
    assert [line["library"] for line in lines] == [name, name]
    assert lines[1]["error"] == "ValueError < KeyError"
    assert "test_logs.py:" in lines[0]["at"]


def test_what_nobody_caught_says_where_and_not_what(log: Log) -> None:
    def fail() -> None:
        raise ValueError(f"{TEXT} {SECRET}")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    assert [(line["event"], line["error"]) for line in log.read()] == [("not_caught", "ValueError")] * 2


def test_an_object_that_cannot_be_let_go_and_a_warning_keep_their_words(log: Log) -> None:
    class Stubborn:
        def __del__(self) -> None:
            raise ValueError(f"{TEXT} {SECRET}")

    Stubborn()
    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(TEXT, stacklevel=1)
    assert {line["event"] for line in log.read()} == {"not_caught", "library"}


async def test_a_task_that_nobody_awaited_keeps_its_words(log: Log) -> None:
    async def fail() -> None:
        raise ValueError(f"{TEXT} {SECRET}")

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    gc.collect()
    assert log.of("library")["error"] == "ValueError"


def test_a_line_is_cheap(log: Log) -> None:
    say = structlog.get_logger("bound").bind(channel="line")  # bound once, as the loggers of modules are
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(200):
            say.info("turn", event_id="line:01KAJ0W6X2V9", outcome="answered", ms=12.3, since_receipt_ms=30)
        best = min(best, (time.perf_counter() - begun) / 200)
    assert best < CHEAP
    assert len(log.read()) == 1000
