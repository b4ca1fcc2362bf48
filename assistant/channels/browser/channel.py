"""Delivers to the browser chat: a message is a line of the transcript, and open pages are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from assistant.channels.browser.notify import listeners_of
from assistant.channels.browser.transcript import append
from assistant.channels.port import FileNotFetchedError, Letter, Unfetched
from assistant.messages import Incoming, Kind, SentFile
from knowledge.db import Database
from knowledge.errors import StorageDownError
from scheduler.delivery import Apart, Later, Result, Sent, Skip
from scheduler.rates import Pace


class BrowserChannel:
    """The chat page. What is delivered waits there until the person comes."""

    name = "browser"
    keeps_prompts = True
    holds_for_replies = False
    batch_size = 1
    pace = Pace(width=8)  # each holds a connection to the database, of which turns and inbox need some, too

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        """``now`` must be aware."""
        self._database = database
        self._now = now

    def to_incoming(self, body: Mapping[str, Any], event_id: str, account_id: str, occurred_at: datetime) -> Incoming:
        """``{"text"}``, ``{"choice", "text"}`` with the label that was tapped, or ``{"follow": true}``."""
        kind, text, choice = Kind.OTHER, "", None
        match body:
            case {"choice": str(choice), "text": str(text)}:
                kind = Kind.CHOICE
            case {"text": str(text)}:
                kind = Kind.TEXT
            case {"follow": True}:
                kind = Kind.FOLLOW
            case _:
                pass
        return Incoming(
            event_id=event_id, account_id=account_id, kind=kind, occurred_at=occurred_at, text=text, choice=choice
        )

    async def deliver(self, letter: Letter) -> Result:
        messages = {f"{letter.key}/{n}": message for n, message in enumerate(letter.messages)}
        try:
            async with self._database.write() as connection:
                await append(connection, letter.account_id, messages, is_own=False, grade=letter.grade, at=self._now())
        except StorageDownError:
            return Later(problem="storage")
        listeners_of(self._database).wake(letter.account_id)
        return Sent()

    async def multicast(self, letter: Letter, account_ids: Sequence[str]) -> Result:
        return Apart(problem="a page has one reader")

    async def publish_home(self, letter: Letter, home: Mapping[str, Any]) -> Result:
        return Skip(problem="the browser chat has no home page")

    async def fetch_file(self, file: SentFile, most: int) -> bytes:
        raise FileNotFetchedError(Unfetched.GONE)  # nobody sends files here

    async def close(self) -> None:
        return

    async def show_busy(self, account_id: str) -> None:
        return
