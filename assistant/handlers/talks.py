"""Staff and the children who want to talk with them: 読みました, 話しました, 「相談一覧」.

Every tap is judged by the rights of its moment, and what is not theirs is answered as if it did not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.dialogue.talk_writes import CloseTalkRequest, ReadTalkRequest
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import TellOthers
from assistant.messages import Choice, Kind, Outgoing, Words
from assistant.talking import PREFIX, about, tell_child
from intents.wishes import asks_for_list
from knowledge.records.audit import Act, Entry
from knowledge.records.audit import Kind as Audited
from knowledge.records.scope import load_viewer
from knowledge.records.talk_requests import find_request
from scheduler import talks

SHOWN = 10  # wishes of one list, each with a button


async def on_talks(turn: Turn) -> bool:
    """Everything staff do about wishes to talk. Anything else is left to others, as is everything of children."""
    if turn.person is None or turn.person.is_student:
        return False
    choice = turn.incoming.choice or ""
    if turn.incoming.kind is Kind.CHOICE and choice.startswith(PREFIX):
        what, _, request_id = choice.removeprefix(PREFIX).partition("/")
        if what == "list" and turn.person.is_staff:
            await _list(turn)
        else:
            await _tapped(turn, what, request_id)
        return True
    if turn.incoming.kind is Kind.TEXT and turn.person.is_staff and asks_for_list(turn.incoming.text):
        await _list(turn)
        return True
    return False


async def close_of(turn: Turn, student_id: str, name: str) -> None:
    """対応した, under a list of children: those of the child's wishes that were there by then and are this person's to
    close are closed. The caller has made sure that the person may know of them."""
    seen_at = turn.state.topic.at if turn.state.topic is not None else turn.now
    async with turn.services.database.read() as connection:
        rows = [row for row in await _readable(turn, connection) if row.student_id == student_id]
    mine = [row for row in rows if row.requested_at <= seen_at]
    for row in mine:
        await _close(turn, row)
    turn.say("reaching.request_closed" if mine else "talks.of_others", name=Words.own(name))


async def _tapped(turn: Turn, what: str, request_id: str) -> None:
    async with turn.services.database.read() as connection:
        viewer = await load_viewer(connection, turn.known.id, turn.today)
        row = await talks.talk_for(connection, viewer, turn.services.times.care_of, request_id)
        known = row or await find_request(connection, request_id)
    if row is None or what not in ("read", "done"):
        _audit(turn, Act.REFUSED, [known.student_id] if known is not None else [])
        turn.say("talks.nothing_here")
        return
    name = Words.own(f"{row.family_name} {row.given_name}")
    if row.closed_at is not None:
        turn.say("talks.over")
    elif what == "done":
        await _close(turn, row)
        turn.say("talks.done", name=name)
    elif row.read_at is not None:
        _audit(turn, Act.READ, [row.student_id])
        turn.say("talks.read_already", [_done(turn, row)], name=name)
    else:
        is_later = await _read(turn, row)
        _audit(turn, Act.READ, [row.student_id])
        turn.say(f"talks.read_{'later' if is_later else 'now'}", [_done(turn, row)], name=name)


async def _list(turn: Turn) -> None:
    """Those that are this person's to read, which by this have been read; of the others only how many."""
    async with turn.services.database.read() as connection:
        viewer = await load_viewer(connection, turn.known.id, turn.today)
        others = await talks.count_for_others(connection, viewer, turn.services.times.care_of)
        rows = (await _readable(turn, connection))[:SHOWN]
    parts: list[Words] = []
    if rows:
        lines = Words.join([_line(turn, row) for row in rows], "\n")
        parts.append(turn.words("talks.list", count=len(rows), lines=lines))
    else:
        parts.append(turn.words("talks.list_none"))
    unread = [row for row in rows if row.read_at is None]
    for row in unread:
        await _read(turn, row)
    if unread:
        parts.append(turn.words("talks.list_read"))
    if others:
        parts.append(turn.words("talks.others", count=others))
    if rows:
        _audit(turn, Act.READ, [row.student_id for row in rows])
    choices = tuple(
        Choice(label=turn.words("talks.done_of", name=Words.own(row.family_name)), value=f"{PREFIX}done/{row.id}")
        for row in rows
    )
    turn.outgoing.append(Outgoing(text=Words.join(parts, "\n\n"), choices=choices))


def _line(turn: Turn, row: Any) -> Words:
    at = row.requested_at.astimezone(turn.services.timezone)
    state = turn.words(f"talks.state_{'new' if row.read_at is None else 'read'}")
    return turn.words(
        "talks.list_line",
        **about(turn.speaker, row),
        month=at.month,
        day=at.day,
        time=f"{at:%H:%M}",
        state=state,
    )


async def _readable(turn: Turn, connection: AsyncConnection) -> Sequence[Any]:
    viewer = await load_viewer(connection, turn.known.id, turn.today)
    return await talks.talks_for(connection, viewer, turn.services.times.care_of)


async def _read(turn: Turn, row: Any) -> bool:
    """Store that it was read; whether the child hears of it only later, for it is left in peace now."""
    turn.writes.append(ReadTalkRequest(request_id=row.id, person_id=turn.known.id, at=turn.now))
    return await _tell_child(turn, talks.READ, row)


async def _close(turn: Turn, row: Any) -> None:
    turn.writes.append(CloseTalkRequest(request_id=row.id, person_id=turn.known.id, at=turn.now))
    _audit(turn, Act.CHANGE, [row.student_id], "done")
    if row.read_at is None:  # the child has heard nothing yet, and can say so if it is not true
        await _tell_child(turn, talks.DONE, row)


async def _tell_child(turn: Turn, kind: str, row: Any) -> bool:
    async with turn.services.database.read() as connection:
        item = await tell_child(turn.services, connection, kind, row, turn.now)
    if item is not None:
        turn.writes.append(TellOthers(item=item))
    return item is not None and item.due_at > turn.now


def _done(turn: Turn, row: Any) -> Choice:
    return turn.button("talks.done_button", f"{PREFIX}done/{row.id}")


def _audit(turn: Turn, act: Act, student_ids: Sequence[str], detail: str = "") -> None:
    turn.audit(
        Entry(
            actor_id=turn.known.id,
            act=act,
            kind=Audited.TALK_REQUESTS,
            subject_ids=student_ids,
            channel=turn.incoming.channel,
            at=turn.now,
            detail=detail,
        )
    )
