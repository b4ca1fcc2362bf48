"""What is kept and who reads it, told to everybody who links, and again when it changes. Nothing waits for their word.

A change of the notice is a new text ``notice.v<n>`` in each language, and the number here.
"""

from __future__ import annotations

from dataclasses import replace

from assistant.dialogue.flow import MAX_CHOICES
from assistant.dialogue.notice_writes import Acknowledge, NoteShown
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import LinkAccount, RaiseAlert
from assistant.messages import Kind, Link, Outgoing
from knowledge.db import Database
from knowledge.records.consents import has_acknowledged

VERSION = 1  # of the notice; earlier ones stay in the texts, for those who were shown them
PREFIX = "notice/"  # of the button's value, before the version
PAGE = "/privacy"
ON_PAGE = ("browser", "console")  # where the page of the chat shows it, or nobody new comes


async def on_notice(turn: Turn) -> bool:
    """The tap that takes note of a version, however long ago it was shown."""
    choice = turn.incoming.choice or ""
    version = choice.removeprefix(PREFIX)
    if turn.incoming.kind is not Kind.CHOICE or version == choice or not (version.isdecimal() and len(version) < 6):
        return False
    turn.writes.append(Acknowledge(person_id=turn.known.id, version=int(version), at=turn.now))
    turn.change(notice=min(VERSION, max(int(version), turn.state.notice or 0)))
    turn.say("notice.acknowledged")
    return True


async def show_notice(turn: Turn) -> None:
    """After the answer to whoever has just linked or opened the chat, and to those who were shown another version: the
    notice. Never between a question and its answer, nor beside an answer to a cry for help."""
    if turn.person is None or turn.state.notice == VERSION or not turn.outgoing or turn.is_stale:
        return
    if turn.incoming.channel in ON_PAGE:
        return
    is_new = turn.incoming.kind is Kind.FOLLOW or any(isinstance(each, LinkAccount) for each in turn.writes)
    is_needed = is_new or turn.state.notice is not None
    is_busy = turn.state.pending is not None or any(isinstance(each, RaiseAlert) for each in turn.writes)
    last = turn.outgoing[-1]
    choices = (turn.button("notice.button", f"{PREFIX}{VERSION}"), *last.choices)
    if not is_needed or is_busy or len(choices) > MAX_CHOICES:
        return
    turn.outgoing[-1] = replace(last, choices=())  # LINE shows those of the last message alone
    link = Link(label=turn.words("notice.link"), address=PAGE)
    turn.outgoing.append(Outgoing(text=turn.words(f"notice.v{VERSION}"), choices=choices, links=(link,)))
    turn.writes.append(NoteShown(person_id=turn.known.id, version=VERSION, at=turn.now))
    turn.change(notice=VERSION)


async def is_to_be_read(database: Database, person_id: str) -> bool:
    """Whether a person has not taken note of the present version yet."""
    async with database.read() as connection:
        return not await has_acknowledged(connection, person_id, VERSION)
