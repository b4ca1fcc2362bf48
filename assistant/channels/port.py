"""What a channel is. A new one is a module with a ``Channel``, and a line in ``build_channels`` of the application."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from assistant.errors import AssistantError
from assistant.messages import Incoming, Outgoing, SentFile
from scheduler.delivery import Result
from scheduler.rates import Pace


@dataclass(frozen=True, kw_only=True)
class Letter:
    """Messages for one account, ready to be converted."""

    account_id: str
    messages: Sequence[Outgoing]
    held: Sequence[Outgoing] = ()  # older messages that may go before these where that costs nothing
    grade: str | None  # whose kanji the wording is fitted to; None: as it is
    key: str  # idempotency key, a UUID; the same for every try
    attempts: int  # tries, this one included: more than one means an earlier one may have arrived
    is_unsure: bool = False  # the try before had no answer: it may have arrived
    may_begin: Callable[[], bool] = lambda: True  # asked before each call that shows something; False: it is not to be
    reply_token: str | None = None
    reply_token_born_at: datetime | None = None

    @property
    def external_id(self) -> str:
        return self.account_id.partition(":")[2]


class Unfetched(StrEnum):
    """Why a file that a person sent is not to be had."""

    GONE = "gone"  # the platform keeps it no longer
    REFUSED = "refused"  # we may not read it
    TOO_LARGE = "too_large"
    LATER = "later"  # trying again may help


class FileNotFetchedError(AssistantError):
    """A file that a person sent could not be fetched."""

    def __init__(self, why: Unfetched) -> None:
        super().__init__(why.value)
        self.why = why


class Channel(Protocol):
    """One platform."""

    name: str  # the first part of its account ids
    keeps_prompts: bool  # whether prompts may be sent there by themselves
    holds_for_replies: bool  # whether what is held can go out with a reply only (LINE's quota), or with any message
    batch_size: int  # how many accounts one request can reach with the very same messages; 1: no ``multicast``
    pace: Pace  # how fast it can be used

    def to_incoming(self, body: Mapping[str, Any], event_id: str, account_id: str, occurred_at: datetime) -> Incoming:
        """A stored event as everybody else sees it. Raises nothing: what is unknown is ``Kind.OTHER``."""
        ...

    async def deliver(self, letter: Letter) -> Result:
        """Send. Raises nothing that the platform or the network causes."""
        ...

    async def multicast(self, letter: Letter, account_ids: Sequence[str]) -> Result:
        """Send the letter to all the accounts (the letter's own is one of them), all or nobody. Raises nothing that the
        platform or the network causes; ``Apart`` means that nobody got it."""
        ...

    async def publish_home(self, letter: Letter, home: Mapping[str, Any]) -> Result:
        """Show a home page; a channel without one says ``Skip``."""
        ...

    async def fetch_file(self, file: SentFile, most: int) -> bytes:
        """The content of a file that a person sent, of at most ``most`` bytes. Raises ``FileNotFetchedError``."""
        ...

    async def show_busy(self, account_id: str) -> None:
        """Let the person see that an answer is coming, where the channel can."""
        ...

    async def close(self) -> None:
        """Give connections back. Safe when none was ever opened."""
        ...
