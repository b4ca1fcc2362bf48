"""A chat in which every message goes the real way: inbox → turns → outbox → channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from assistant.bootstrap import Core, build_core, build_services
from assistant.channels.console import ConsoleChannel, as_json
from assistant.dialogue.conversation import Conversation, conversation_id
from assistant.dialogue.people import Person
from assistant.dialogue.people_store import load_people
from assistant.dialogue.writes import AddAnnouncement
from assistant.inbox import InboxEvent, RawEvent
from assistant.messages import Incoming, Kind, Outgoing
from knowledge.db import Database, upsert
from knowledge.imports.registry import run_import
from knowledge.questions.model import Phase
from knowledge.records.accounts import Account
from knowledge.records.alerts import Alert
from knowledge.records.announcements import AnnouncementRecipient
from knowledge.records.checkins import CheckInRecord, find_checkins
from knowledge.reminding import AnswerKind
from tests.builders.oneroster import Row, district, write_oneroster
from tests.worlds import TOKYO, HandClock, settings_of


class TestChannel(ConsoleChannel):
    """The console, on which one can also send a sticker and follow."""

    __test__ = False

    def to_incoming(self, body: Mapping[str, Any], event_id: str, account_id: str, occurred_at: datetime) -> Incoming:
        if "kind" in body:
            return Incoming(event_id=event_id, account_id=account_id, kind=Kind(body["kind"]), occurred_at=occurred_at)
        return super().to_incoming(body, event_id, account_id, occurred_at)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A message as its reader sees it."""

    message: Outgoing
    grade: str | None  # of the reader
    text: str  # text and small print, fitted to the grade
    choices: list[tuple[str, str]]  # label and value

    @property
    def labels(self) -> list[str]:
        return [label for label, _ in self.choices]


async def import_district(database: Database, folder: Path) -> None:
    """The small district of the other tests and, beside it, 山本芽衣 of P1."""
    tables = {name: [*rows] for name, rows in district().items()}
    tables["users"].append(
        _like(tables["users"], "s-sora", "s-mei", "山本", "芽衣", "やまもと", "めい") | {"grades": "P1"}
    )
    tables["roles"].append({**tables["roles"][0], "sourcedId": "r-s-mei", "userSourcedId": "s-mei"})
    folder.mkdir(exist_ok=True)
    write_oneroster(folder / "oneroster", tables)
    await run_import(database, "oneroster", folder / "oneroster", timezone=TOKYO)


def _like(rows: list[Row], model: str, sourced_id: str, family: str, given: str, *kana: str) -> dict[str, str]:
    row = next(row for row in rows if row["sourcedId"] == model)
    return {
        **row,
        "sourcedId": sourced_id,
        "username": sourced_id,
        "familyName": family,
        "givenName": given,
        "metadata.jp.kanaFamilyName": kana[0],
        "metadata.jp.kanaGivenName": kana[1],
    }


class ChatWorld:
    """Linked people of the district, a clock moved by hand, and what each of them sees."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        start: datetime,
        language: str = "ja",
        **settings_too: str,
    ) -> None:
        self.clock = HandClock(start)
        self._shown: list[tuple[Outgoing, str | None]] = []
        channel = TestChannel(lambda message, grade: self._shown.append((message, grade)))
        settings = settings_of(folder, "", language=language, **settings_too)
        self.core: Core = build_core(build_services(settings, database), {"console": channel}, self.clock.now)
        self._sent = 0

    async def send(
        self, person_id: str, body: Mapping[str, Any], *, minutes_ago: float = 0, linked: bool = True
    ) -> list[Reply]:
        """One message of a person, a second after the last; what they were answered. ``minutes_ago``: it was written
        then and arrives only now."""
        self.clock.forward(seconds=1)
        self._sent += 1
        account_id = f"console:{person_id}"
        if linked:
            await self.link(person_id, account_id)
        event = RawEvent(
            event_id=f"console:{self._sent:05}",
            channel="console",
            account_id=account_id,
            occurred_at=self.clock.now() - timedelta(minutes=minutes_ago),
            body=body,
        )
        before = len(self._shown)
        await self.core.inbox.receive([event])
        await self.core.drain()
        return [_seen(message, grade) for message, grade in self._shown[before:]]

    async def announce(self, *, text: str, to: list[str], answers: str = "yes_no", choices: Sequence[str] = ()) -> None:
        """An announcement of the teacher of 4年2組 that was sent just now."""
        id = f"a-{self.clock.moment.timestamp():.0f}-{len(text)}"
        asked = [{"announcement_id": id, "person_id": each, "asked_at": self.clock.now()} for each in to]
        write = AddAnnouncement(
            announcement_id=id,
            owner_id="t-ito",
            school_id="minami",
            text=text,
            answers=AnswerKind(answers),
            choices=tuple(choices),
            closes_at=None,
            at=self.clock.now(),
        )
        async with self.core.database.write() as connection:
            await AddAnnouncement.store(connection, [write])
            await upsert(connection, AnnouncementRecipient, asked, key=["announcement_id", "person_id"])

    async def pending(self, person_id: str) -> dict[str, Any] | None:
        """The question of today that waits for this person's answer."""
        async with self.core.database.read() as connection:
            state = await connection.scalar(
                select(Conversation.state).where(Conversation.id == conversation_id("", person_id))
            )
        pending = (state or {}).get("pending")
        return pending if pending and pending["date"] == self.clock.moment.date().isoformat() else None

    async def records(self, person_id: str) -> dict[Phase, CheckInRecord]:
        """Today's check-ins of a person."""
        async with self.core.database.read() as connection:
            found = await find_checkins(connection, [person_id], [self.clock.moment.date()])
        return {record.phase: record for record in found}

    async def person(self, person_id: str) -> Person:
        async with self.core.database.read() as connection:
            return (await load_people(connection, [person_id], self.clock.moment.date()))[person_id]

    async def alert_levels(self, person_id: str) -> list[str]:
        async with self.core.database.read() as connection:
            levels = await connection.scalars(
                select(Alert.level).where(Alert.student_id == person_id).order_by(Alert.at, Alert.id)
            )
            return [*levels]

    async def unhandled(self) -> int:
        """How many events broke a handler, or still wait."""
        async with self.core.database.read() as connection:
            rows = await connection.execute(select(InboxEvent.state, InboxEvent.attempts))
            return sum(row.state != "done" or row.attempts > 0 for row in rows)

    async def link(self, person_id: str, account_id: str) -> None:
        row = {
            "id": account_id,
            "channel": account_id.partition(":")[0],
            "person_id": person_id,
            "linked_at": self.clock.now(),
            "last_seen_at": self.clock.now(),
            "reachable": True,
        }
        async with self.core.database.write() as connection:
            await upsert(connection, Account, [row], key=["id"])


def _seen(message: Outgoing, grade: str | None) -> Reply:
    shown = as_json(message, grade)
    return Reply(
        message=message,
        grade=grade,
        text="\n".join(part for part in (shown["text"], shown["aside"]) if part),
        choices=[(choice["label"], choice["value"]) for choice in shown["choices"]],
    )
