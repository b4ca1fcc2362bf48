"""From an outbox row to a channel: the payload becomes messages, the channel brings them to the person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from assistant.channels.port import Channel, FileNotFetchedError, Letter
from assistant.messages import Outgoing
from scheduler.delivery import NOT_WANTED, Apart, Later, Result
from scheduler.outbox import Item

REPLY_WITHIN = timedelta(seconds=45)  # a younger reply token is used; LINE's lives about a minute

# What the problem of a try begins with that did not arrive: the platform said so, or was not asked.
NOT_TAKEN = ("HTTP", "storage", "file:")


@dataclass(frozen=True, kw_only=True)
class Composed:
    """What an item says, worked out when it is sent."""

    messages: Sequence[Outgoing]
    grade: str | None = None  # of the student whose kanji the wording is fitted to


Compose = Callable[[Item], Awaitable[Composed | None]]  # None: no longer wanted


class Sender:
    """Implements the scheduler's ``Send`` for one channel."""

    def __init__(self, channel: Channel, compose: Compose, now: Callable[[], datetime]) -> None:
        """``compose`` works out items that are no ready messages (prompts)."""
        self._channel = channel
        self._compose = compose
        self._now = now
        self.batch_size = channel.batch_size
        self.pace = channel.pace

    def answers_for_free(self, item: Item) -> bool:
        if not self._channel.holds_for_replies:
            return True
        born_at = item.payload.get("reply_token_born_at")
        return born_at is not None and self._now() - datetime.fromisoformat(born_at) < REPLY_WITHIN

    async def send(self, items: Sequence[Item], may_begin: Callable[[], bool]) -> Result:
        item = items[-1]
        if item.kind == "home":
            return await self._channel.publish_home(_letter(item, Composed(messages=[]), may_begin), item.payload)
        try:
            composed = await self._composed(item)
        except FileNotFetchedError as error:
            return Later(problem=f"file: {error.why}")
        if composed is None:
            return NOT_WANTED
        held = [each for each in [await self._composed(each) for each in items[:-1]] if each is not None]
        return await self._channel.deliver(_letter(item, composed, may_begin, held))

    async def send_batch(self, items: Sequence[Item], may_begin: Callable[[], bool]) -> Result:
        """Composed once for all; where the first is no longer wanted, each is asked about by itself."""
        first = items[0]
        composed = await self._composed(first)
        if composed is None or first.batch is None:
            return Apart(problem=NOT_WANTED.problem)
        letter = _letter(first, composed, may_begin, key=first.batch)
        return await self._channel.multicast(letter, [item.account_id for item in items])

    async def _composed(self, item: Item) -> Composed | None:
        if item.kind != "messages":
            return await self._compose(item)
        messages = [Outgoing.from_json(value) for value in item.payload["messages"]]
        return Composed(messages=messages, grade=item.payload.get("grade"))


def _letter(
    item: Item,
    composed: Composed,
    may_begin: Callable[[], bool],
    held: Sequence[Composed] = (),
    key: str | None = None,
) -> Letter:
    born_at = item.payload.get("reply_token_born_at")
    return Letter(
        account_id=item.account_id,
        messages=composed.messages,
        held=[message for each in held for message in each.messages],
        grade=composed.grade,
        key=key or item.id,
        attempts=item.attempts,
        is_unsure=item.attempts > 1 and not (item.problem or "").startswith(NOT_TAKEN),
        may_begin=may_begin,
        reply_token=item.payload.get("reply_token"),
        reply_token_born_at=datetime.fromisoformat(born_at) if born_at else None,
    )
