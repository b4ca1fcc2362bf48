"""The terminal: ``ayumi say`` and ``ayumi chat``. A message is a turn like any other; answers are printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from assistant.channels.port import FileNotFetchedError, Letter, Unfetched
from assistant.channels.wording import kana
from assistant.messages import Incoming, Kind, Link, Outgoing, SentFile
from scheduler.delivery import Apart, Result, Sent, Skip
from scheduler.rates import Pace


class ConsoleChannel:
    """Hands what is sent to ``show``, with the grade it is to be fitted to."""

    name = "console"
    keeps_prompts = False
    holds_for_replies = False
    batch_size = 1
    pace = Pace(width=100)

    def __init__(self, show: Callable[[Outgoing, str | None], None]) -> None:
        self._show = show

    def to_incoming(self, body: Mapping[str, Any], event_id: str, account_id: str, occurred_at: datetime) -> Incoming:
        return Incoming(
            event_id=event_id,
            account_id=account_id,
            kind=Kind.CHOICE if "choice" in body else Kind.TEXT,
            occurred_at=occurred_at,
            text=body.get("text", ""),
            choice=body.get("choice"),
        )

    async def deliver(self, letter: Letter) -> Result:
        for message in letter.messages:
            self._show(message, letter.grade)
        return Sent()

    async def multicast(self, letter: Letter, account_ids: Sequence[str]) -> Result:
        return Apart(problem="the terminal has one reader")

    async def publish_home(self, letter: Letter, home: Mapping[str, Any]) -> Result:
        return Skip(problem="the terminal has no home page")

    async def fetch_file(self, file: SentFile, most: int) -> bytes:
        raise FileNotFetchedError(Unfetched.GONE)  # nobody sends files here

    async def close(self) -> None:
        return

    async def show_busy(self, account_id: str) -> None:
        return


def as_text(message: Outgoing, grade: str | None) -> str:
    """A message as lines for the terminal: text, small print, the file by its name, choices in brackets."""
    lines = [kana(words, grade) for words in (message.text, message.aside) if words]
    lines += [_line(link, grade) for link in message.links]
    if message.attachment is not None:
        lines.append(f"{message.attachment.name}: {kana(message.attachment.alt, grade)}")
    if message.choices:
        lines.append(" ".join(f"[{kana(choice.label, grade)}]" for choice in message.choices))
    return "\n".join(lines)


def _line(link: Link, grade: str | None) -> str:
    """An address within the site opens nothing from a terminal."""
    label = kana(link.label, grade)
    return label if link.address.startswith("/") else f"{label}: {link.address}"


def as_json(message: Outgoing, grade: str | None) -> dict[str, Any]:
    """A message for programs: ``{"text", "aside", "attachment", "links": [{"label", "address"}], "choices": [{"label",
    "value"}]}``; ``attachment`` is ``{"name", "media_type", "alt"}`` or null."""
    file = message.attachment
    return {
        "text": kana(message.text, grade),
        "aside": kana(message.aside, grade),
        "attachment": file and {"name": file.name, "media_type": file.media_type, "alt": kana(file.alt, grade)},
        "links": [{"label": kana(link.label, grade), "address": link.address} for link in message.links],
        "choices": [{"label": kana(choice.label, grade), "value": choice.value} for choice in message.choices],
    }
