"""A file that was sent in a chat is fetched, read and put in, and its sender told what came of it.

The outbox row is the job: until its result was sent it is taken up again, and doing it twice changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import date, datetime

import structlog
from sqlalchemy import select

from assistant.channels.port import Channel, FileNotFetchedError, Unfetched
from assistant.channels.sender import Composed
from assistant.dialogue.turn import Services
from assistant.keeping import AT_ONCE, LARGEST, LARGEST_MB, say_added, source_of, take_in
from assistant.messages import Outgoing, SentFile, Words
from assistant.wording.texts import Speaker
from knowledge.documents.ingest import Added
from knowledge.documents.keepers import orgs_kept
from knowledge.documents.model import DocumentAudience, Outcome
from knowledge.records.accounts import Account
from scheduler.outbox import Item

MOST_AT_WORK = 8  # files; each has a send waiting, of which a channel has so many at once, and others want to go out
MOST_TRIES = 8  # to fetch a file, over some two minutes; then its sender is asked to send it again

log = structlog.get_logger(__name__)


class TakingIn:
    """Composes results, working for them first."""

    def __init__(self, services: Services, channels: Mapping[str, Channel], now: Callable[[], datetime]) -> None:
        self._services = services
        self._channels = channels
        self._now = now
        self._running: dict[str, asyncio.Task[Words | None]] = {}  # by the row's id
        self._reading = asyncio.Semaphore(AT_ONCE)

    async def compose(self, item: Item) -> Composed | None:
        """None when the account changed hands, or the person may no longer add documents there. A send has a deadline,
        and a long file may need more: the work goes on, and the next try of the send waits for the same work. Raises
        ``FileNotFetchedError`` when the file is to be had later, or enough others are at work."""
        task = self._running.get(item.id)
        if task is None:
            if sum(not other.done() for other in self._running.values()) >= MOST_AT_WORK:
                raise FileNotFetchedError(Unfetched.LATER)
            task = self._running[item.id] = asyncio.create_task(self._work(item), name="taking in")
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # it is looked at by the next try
        try:
            result = await asyncio.shield(task)
        finally:
            if task.done():
                self._running.pop(item.id, None)
        return None if result is None else Composed(messages=[Outgoing(text=result)])

    async def _work(self, item: Item) -> Words | None:
        file, person_id = SentFile(**item.payload["file"]), item.person_id or ""
        org_id = item.payload["org_id"]
        speaker = Speaker(language=item.payload["language"], band="staff")
        today = self._now().astimezone(self._services.timezone).date()
        async with self._services.database.read() as connection:
            owner = await connection.scalar(select(Account.person_id).where(Account.id == item.account_id))
            kept = await orgs_kept(connection, person_id, today)
        if owner != person_id or org_id not in kept:
            return None
        earlier = await self._done_before(item, file, org_id)
        try:
            content = await self._channels[item.channel].fetch_file(file, LARGEST)
        except FileNotFetchedError as error:
            if error.why is Unfetched.GONE and earlier is not None:
                return say_added([earlier], speaker)
            log.warning("file_not_fetched", outbox_id=item.id, channel=item.channel, why=error.why)
            if error.why is Unfetched.LATER and item.attempts < MOST_TRIES:
                raise
            return speaker.say(f"adding.unfetched_{error.why}", name=Words.own(file.name), most=LARGEST_MB)
        until = item.payload["valid_until"]
        async with self._reading:
            added = await take_in(
                self._services.library,
                file.name,
                content,
                org_id=org_id,
                audience=DocumentAudience(item.payload["audience"]),
                valid_until=until and date.fromisoformat(until),
                title=None,
                person_id=person_id,
                now=self._now(),
            )
        if earlier is not None and [each.outcome for each in added] == [Outcome.UNCHANGED]:
            added = [earlier]
        return say_added(added, speaker)

    async def _done_before(self, item: Item, file: SentFile, org_id: str) -> Added | None:
        """What an earlier try put in, without having been able to say so; None where none came so far."""
        there = await self._services.library.find(source_of(org_id, file.name)) if item.attempts > 1 else None
        if there is None or there.updated_at < item.created_at:
            return None
        was = Outcome.CHANGED if item.payload["replaces"] else Outcome.ADDED
        return Added(source=there.source, name=file.name, id=there.id, title=there.title, outcome=was)
