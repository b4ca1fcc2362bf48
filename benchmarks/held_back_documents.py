"""How many of the held-back lines about knowledge questions are told apart, and how many are taken for something else?

A line without a pending question is understood the product's own way, as the person it names. A line with one is sent
through the chat while that check-in question waits: it must be stored as its answer, or leave the question open. The
library holds the documents of ``benchmarks/documents/library``. What is taken for something else is *wrong*, and counts
for more than what is not understood; "held_back" is the half that nobody has tuned on.

    python -m benchmarks.held_back_documents [--misses FILE]    (the misses of the set "dev" alone)
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import delete, select

from assistant.bootstrap import build_core, build_services
from assistant.channels.console import ConsoleChannel
from assistant.dialogue.asking import understand
from assistant.dialogue.conversation import Conversation, conversation_id
from assistant.dialogue.state import DialogueState, Pending
from assistant.inbox import RawEvent
from assistant.messages import Outgoing
from assistant.settings import load_settings
from benchmarks.held_back import EXACT, NOT_UNDERSTOOD, WRONG, with_roster
from benchmarks.machine import ROOT
from intents.commands import Command
from knowledge.db import Database, upsert
from knowledge.documents.ingest import add_file
from knowledge.documents.library import Library
from knowledge.documents.model import DocumentAudience
from knowledge.questions.model import Phase
from knowledge.records.accounts import Account
from knowledge.records.checkins import CheckIn

LINES = ROOT / "benchmarks" / "understanding" / "held_back_documents.yaml"
ROSTER = ROOT / "benchmarks" / "understanding" / "held_back.yaml"
LIBRARY = ROOT / "benchmarks" / "documents" / "library"
PEOPLE = {"teacher": "t42", "student": "hana", "principal": "p1"}
PHASES = {"goal": Phase.ANTICIPATION, "plan": Phase.ANTICIPATION}  # the others are questions of the reflection
COLUMNS = {"goal": "goal", "plan": "plan", "wentWell": "went_well", "difficult": "difficult", "nextStep": "next_step"}
HOURS = {Phase.ANTICIPATION: 8, Phase.REFLECTION: 15}
ANSWER, DROPPED = "answer", "question dropped"


def _unshown(message: Outgoing, grade: str | None) -> None:
    """What is answered is not looked at here."""


def verdict(expected: str, taken: str) -> str:
    """How what a line was taken for compares with what it is."""
    if taken == expected:
        return EXACT
    return NOT_UNDERSTOOD if taken == "none" else WRONG


class PendingChat:
    """A child in whose chat a check-in question waits."""

    def __init__(self, database: Database, student_id: str, day: datetime) -> None:
        self._database, self._student_id, self._now = database, student_id, day
        self.services = build_services(load_settings(), database)
        self._core = build_core(self.services, {"console": ConsoleChannel(_unshown)}, lambda: self._now)
        self._sent = 0

    async def taken_for(self, question: str, text: str) -> str:
        """What a text is taken for while a question waits: ``answer``, or its intent."""
        phase = PHASES.get(question, Phase.REFLECTION)
        self._now = self._now.replace(hour=HOURS[phase], minute=30)
        await self._wait_for(phase, question)
        self._sent += 1
        account = f"console:{self._student_id}"
        event = RawEvent(
            event_id=f"console:{self._sent}",
            channel="console",
            account_id=account,
            occurred_at=self._now,
            body={"text": text},
        )
        await self._core.inbox.receive([event])
        await self._core.drain()
        if await self._is_stored(phase, question):
            return ANSWER
        intent = intent_of(await understand(self.services, self._student_id, text, self._now))
        return intent if await self._still_waits() else f"{intent}, {DROPPED}"

    async def _wait_for(self, phase: Phase, question: str) -> None:
        """A new day's chat: nothing is stored of the check-in, and the question waits."""
        state = DialogueState(pending=Pending(date=self._now.date(), phase=phase, question=question))
        before = self._now - timedelta(minutes=5)
        account = {"id": f"console:{self._student_id}", "channel": "console", "person_id": self._student_id}
        account |= {"linked_at": before, "last_seen_at": before, "reachable": True}
        talk = {"id": conversation_id("", self._student_id), "version": 1, "state": state.to_json()}
        async with self._database.write() as connection:
            await upsert(connection, Account, [account], key=["id"])
            await connection.execute(
                delete(CheckIn).where(CheckIn.student_id == self._student_id, CheckIn.date == self._now.date())
            )
            row = {**talk, "changed_at": before}
            await upsert(connection, Conversation, [row], key=["id"], update=["version", "state", "changed_at"])

    async def _is_stored(self, phase: Phase, question: str) -> bool:
        column = getattr(CheckIn, COLUMNS[question])
        of_today = (CheckIn.student_id == self._student_id, CheckIn.date == self._now.date(), CheckIn.phase == phase)
        async with self._database.read() as connection:
            return await connection.scalar(select(column).where(*of_today)) is not None

    async def _still_waits(self) -> bool:
        statement = select(Conversation.state).where(Conversation.id == conversation_id("", self._student_id))
        async with self._database.read() as connection:
            return DialogueState.from_json(await connection.scalar(statement)).pending is not None


def intent_of(meant: Mapping[str, Any]) -> str:
    """The intent by the names of the lines: all words that steer are ``command``."""
    intent = str(meant["intent"])
    return "command" if intent in set(Command) else intent


async def fill(library: Library, now: datetime) -> None:
    """The documents of the benchmark, for everyone: who may read what is not the question here."""
    for path in sorted(LIBRARY.iterdir()):
        await add_file(
            library,
            name=path.name,
            content=path.read_bytes(),
            source=f"file:{path}",
            title=None,
            audience=DocumentAudience.EVERYONE,
            org_id=None,
            valid_until=None,
            added_by=None,
            now=now,
        )


async def take_all(database: Database, held: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], str]]:
    """(line, what it was taken for) of every line."""
    at = datetime.fromisoformat(held["at"])
    chat = PendingChat(database, PEOPLE["student"], at)
    await fill(chat.services.library, at)
    found: list[tuple[Mapping[str, Any], str]] = []
    for line in held["lines"]:
        if line["pending"] is None:
            taken = intent_of(await understand(chat.services, PEOPLE[line["as"]], line["text"], at))
        else:
            taken = await chat.taken_for(line["pending"], line["text"])
        found.append((line, taken))
    return found


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misses", type=Path, default=None, help='file for the lines of the set "dev" that are missed')
    given = parser.parse_args()
    held = yaml.safe_load(LINES.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="ayumi-bench-") as folder:
        database = Database(f"sqlite:///{folder}/ayumi.db")
        roster = yaml.safe_load(ROSTER.read_text(encoding="utf-8"))["roster"]
        await with_roster(database, roster, Path(folder), datetime.fromisoformat(held["at"]).date())
        found = await take_all(database, held)
        await database.close()
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for line, taken in found:
        where = "alone" if line["pending"] is None else "a question waits"
        counts[line["set"], where][verdict(line["expect"], taken)] += 1
    for (name, where), count in sorted(counts.items()):
        parts = ", ".join(f"{how} {count[how]}" for how in (EXACT, NOT_UNDERSTOOD, WRONG))
        total = count.total()
        print(f"| knowledge questions, {name}, {where} | {count[EXACT] / total:.0%} of {total} | – | {parts} | |")
    if given.misses is not None:
        misses = [
            f"{how}: ({line['as']}, {line['pending']}) {line['text']}\n  expected {line['expect']}, taken for {taken}"
            for line, taken in found
            if line["set"] == "dev" and (how := verdict(line["expect"], taken)) != EXACT
        ]
        given.misses.write_text("\n".join(misses) + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
