"""What every command needs: settings, a loop to run in, texts that are text."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import datetime
from typing import Annotated, Any, TypeVar

import typer

from assistant.errors import SettingsError

T = TypeVar("T")
YEARS = range(2000, 2101)  # that --at may name
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="The moment taken as now: ISO 8601, school time without an offset."),
]


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def load() -> Any:
    """The settings, with logs set up: warnings alone, for what a command prints is its answer."""
    from assistant.logs import set_up_logs
    from assistant.settings import load_settings

    set_up_logs(logging.WARNING)
    return load_settings()


def moment(value: str | None, option: str = "--at") -> datetime | None:
    """The value of an option as an aware moment; None when it was not given."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise SettingsError(f"{option} {value!r}: expected ISO 8601, such as 2026-05-11T08:20") from error
    if moment.year not in YEARS:
        raise SettingsError(f"{option} {value!r}: expected a year from {YEARS[0]} to {YEARS[-1]}")
    return moment if moment.tzinfo else moment.replace(tzinfo=load().zone)


def checked_text(value: str) -> str:
    """What was typed. Raises ``SettingsError`` when it is no text (bytes that are not UTF-8)."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise SettingsError("the text is not valid UTF-8") from error
    return value
