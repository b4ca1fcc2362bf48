"""Structured logs: one JSON line per event, on standard error. They carry ids, never what a person wrote.

A line of ours says what happened and names the ids by which it is found again. Of a line of a library its message is
left out, since it may quote a request, an address with a token in it, or the values of a statement: what stays is who
spoke, where in its source (which tells an operator the message), and of an error its types and places.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import MutableMapping
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import WrappedLogger

from scheduler.trace import kinds, places

# They speak at their own level otherwise; of the root's WARNING the rest is nothing an operator needs.
QUIET = ("slack_bolt", "slack_sdk", "chromadb.telemetry", "apscheduler")


class Lines:
    """Where lines go: standard error as it is when a line is written, so that whoever replaces it gets them."""

    def msg(self, line: bytes | str) -> None:
        write_line(sys.stderr, line if isinstance(line, str) else line.decode())

    debug = info = warning = warn = error = critical = fatal = log = msg


def write_line(stream: TextIO, line: str) -> None:
    """The line in one write: lines of several threads never mix. A log that cannot be written stops nothing."""
    try:
        stream.write(line + "\n")
        stream.flush()
    except (OSError, ValueError):  # the disk is full, the pipe is gone, the stream was closed
        return


def set_up_logs(level: int = logging.INFO) -> None:
    """Send our events from ``level`` on and the libraries' warnings to standard error, also what nobody caught;
    readable where a person is looking. Safe to call again."""
    pretty = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.dev.ConsoleRenderer() if pretty else as_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: Lines(),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[Libraries()], force=True)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a handler that fails would print what it was to print
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    sys.excepthook = lambda _type, error, _trace: nobody_caught(error)
    sys.unraisablehook = lambda failed: nobody_caught(failed.exc_value)
    threading.excepthook = lambda failed: nobody_caught(failed.exc_value)


def as_json(_: WrappedLogger, __: str, event: MutableMapping[str, Any]) -> bytes:
    """The line. What JSON has no word for is shown by its type alone: its ``repr`` might say more than it should."""
    return orjson.dumps(event, default=lambda value: type(value).__name__)


def nobody_caught(error: BaseException | None) -> None:
    """Log an error that ended a command, a thread or an object: its types and places, never what it said."""
    if error is None or isinstance(error, KeyboardInterrupt):
        return
    structlog.get_logger("ayumi").error("not_caught", error=kinds(error), at=places(error))


class Libraries(logging.Handler):
    """What libraries log, without their words."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        more = {} if error is None else {"error": kinds(error), "error_at": places(error)}
        level = logging.ERROR if record.levelno >= logging.ERROR else logging.WARNING
        at = f"{record.pathname}:{record.lineno}"
        structlog.get_logger(record.name).log(level, "library", library=record.name, at=at, **more)
