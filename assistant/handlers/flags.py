"""気になる子は？: whom the school's thresholds point out, told to those of its staff who may know."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from assistant.dialogue.flag_writes import SetFlag
from assistant.dialogue.turn import Turn
from assistant.flagging import PAGE, PREFIX, entry, student_of
from assistant.messages import Choice, Kind, Link, Outgoing, Tone, Words
from assistant.wording.flags import say_child, say_might, say_name, say_why
from intents.watching import asks_for_flags
from knowledge.records.audit import Act
from knowledge.records.flags import OPEN, Flagged, FlagState, find_flags
from knowledge.records.scope import Viewer, load_viewer

SHOWN = 8  # flags in an answer; the others are on the page
LIST = "list"


async def on_flags(turn: Turn) -> bool:
    """A question or a tap of staff about flags. Anybody else's is left to whoever answers what nobody knows: that
    there are flags is not for them."""
    choice = turn.incoming.choice or ""
    is_tap = turn.incoming.kind is Kind.CHOICE and choice.startswith(PREFIX)
    is_question = turn.incoming.kind is Kind.TEXT and asks_for_flags(turn.incoming.text)
    if not (is_tap or is_question):
        return False
    is_staff = turn.person is not None and turn.person.is_staff
    what, _, flag_id = choice[len(PREFIX) :].partition("/")
    if is_tap and not (is_staff and what == LIST):
        if not is_staff:
            await _refuse_stranger(turn, flag_id)
            return False
        await _tapped(turn, what, flag_id)
        return True
    if is_staff:
        await _list(turn)
    return is_staff


async def _list(turn: Turn) -> None:
    viewer = await _viewer(turn)
    if not viewer.homerooms and not viewer.schools:
        turn.audit(entry(turn.known.id, Act.REFUSED, (), "", turn.now))
        turn.say("answers.refused")
        return
    found = await _find(turn, viewer, states=OPEN)
    if not found:
        turn.say("care_flags.chat_none")
        return
    if len(found) == 1:
        _show(turn, found[0])
        return
    shown = found[:SHOWN]
    _note(turn, Act.READ, shown)
    lines = [turn.words("care_flags.chat_head", count=len({flag.student_id for flag in found}))]
    for number, flag in enumerate(shown, start=1):
        line = turn.words(
            "care_flags.chat_line",
            number=number,
            child=say_child(flag, turn.speaker),
            why=say_why(flag, turn.speaker),
        )
        seen = turn.words("care_flags.chat_state", state=turn.words(f"care_flags.{flag.state}_name"))
        lines.append(line if flag.state is FlagState.NEW else Words.join([line, seen], ""))
    if len(found) > SHOWN:
        lines.append(turn.words("care_flags.chat_more", count=len(found) - SHOWN))
    choices = [
        Choice(label=Words.own(f"{number} {flag.family_name} {flag.given_name}"), value=f"{PREFIX}show/{flag.id}")
        for number, flag in enumerate(shown, start=1)
    ]
    turn.outgoing.append(Outgoing(text=Words.join(lines, "\n\n"), choices=tuple(choices), links=_links(turn)))


async def _tapped(turn: Turn, what: str, flag_id: str) -> None:
    """Under the rights of now: what is made up finds nothing, and so does what is about somebody else's child."""
    found = await _find(turn, await _viewer(turn), ids=[flag_id])
    if not found:
        async with turn.services.database.read() as connection:
            subjects = await student_of(connection, flag_id)
        turn.audit(entry(turn.known.id, Act.REFUSED, subjects, "", turn.now))
        turn.say("care_flags.chat_gone")
    elif what in (FlagState.SEEN, FlagState.ADDRESSED, FlagState.NOT_A_CONCERN):
        _set(turn, found[0], FlagState(what))
    else:
        _show(turn, found[0])


async def _refuse_stranger(turn: Turn, flag_id: str) -> None:
    """Somebody else sent what only a button of staff says."""
    async with turn.services.database.read() as connection:
        subjects = await student_of(connection, flag_id)
    actor = turn.incoming.account_id if turn.person is None else turn.person.id
    turn.audit(entry(actor, Act.REFUSED, subjects, "", turn.now))


def _set(turn: Turn, flag: Flagged, state: FlagState) -> None:
    turn.writes.append(SetFlag(flag_id=flag.id, state=state, by=turn.known.id, at=turn.now))
    _note(turn, Act.CHANGE, [flag], state)
    changed = replace(flag, state=state)
    text = turn.words(
        "care_flags.chat_set",
        child=say_child(flag, turn.speaker),
        kind=say_name(flag.kind, turn.speaker),
        state=turn.words(f"care_flags.{state}_name"),
    )
    turn.outgoing.append(Outgoing(text=text, choices=(*_states(turn, changed), _to_list(turn))))


def _show(turn: Turn, flag: Flagged) -> None:
    """One flag, with what one might do."""
    _note(turn, Act.READ, [flag])
    might = [turn.words("care_flags.chat_might", might=each) for each in say_might(flag, turn.speaker)]
    text = turn.words(
        "care_flags.chat_one",
        child=say_child(flag, turn.speaker),
        why=say_why(flag, turn.speaker),
        might=Words.join(might, "\n"),
    )
    turn.outgoing.append(Outgoing(text=text, choices=(*_states(turn, flag), _to_list(turn)), links=_links(turn)))


def _states(turn: Turn, flag: Flagged) -> Sequence[Choice]:
    """What may be said of it, but what was."""
    if not flag.is_open:
        return []
    offered = [state for state in FlagState if state not in (FlagState.NEW, flag.state)]
    return [turn.button(f"care_flags.{state}_button", f"{PREFIX}{state}/{flag.id}") for state in offered]


def _to_list(turn: Turn) -> Choice:
    return turn.button("care_flags.heading", f"{PREFIX}{LIST}/", Tone.CONTROL)


def _links(turn: Turn) -> tuple[Link, ...]:
    return (Link(label=turn.words("care_flags.chat_page"), address=PAGE),)


def _note(turn: Turn, act: Act, flags: Collection[Flagged], detail: str = "") -> None:
    """In the audit."""
    turn.audit(entry(turn.known.id, act, [flag.student_id for flag in flags], "", turn.now, detail))


async def _viewer(turn: Turn) -> Viewer:
    async with turn.services.database.read() as connection:
        return await load_viewer(connection, turn.known.id, turn.today)


async def _find(
    turn: Turn,
    viewer: Viewer,
    *,
    ids: Collection[str] | None = None,
    states: Collection[FlagState] = tuple(FlagState),
) -> Sequence[Flagged]:
    async with turn.services.database.read() as connection:
        return await find_flags(connection, viewer, ids=ids, states=states)
