"""Alerts in the chat of staff: which are open, and that one was seen, addressed, or is no concern."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import select

from assistant.alerting import PAGE, PREFIX, card, said_of
from assistant.dialogue.alert_writes import ChangeAlert
from assistant.dialogue.audit_writes import Audit
from assistant.dialogue.turn import Turn
from assistant.messages import Choice, Kind, Link, Outgoing, Words
from intents.alerting import AboutAlert, Alerting, find_alerting
from knowledge.questions.model import Metric
from knowledge.records.alerts import OPEN, Alert, AlertState, Listed, alerts_for
from knowledge.records.audit import Act, Entry
from knowledge.records.audit import Kind as Data
from knowledge.records.care_staff import named_at
from knowledge.records.scope import load_viewer
from scheduler.alerts import KIND
from scheduler.tellings import who_was_told

SHOWN = 10  # alerts in a list; the rest is counted, and on the page


async def on_alerts(turn: Turn) -> bool:
    """A tap or a word about alerts. Anything else is left to others."""
    choice = turn.incoming.choice or ""
    if turn.incoming.kind is Kind.CHOICE and choice.startswith(PREFIX):
        await _tapped(turn, *(*choice[len(PREFIX) :].split("/"), "", "")[:2])
        return True
    if turn.person is None or not turn.person.is_staff or turn.incoming.kind is not Kind.TEXT:
        return False
    said = find_alerting(turn.incoming.text)
    if said is None:
        return False
    if said.what is Alerting.LIST:
        await _list(turn)
        return True
    return not _is_for_others(turn, said) and await _said(turn, said)


async def _tapped(turn: Turn, what: str, alert_id: str) -> None:
    """Worked out under the rights of now; one that is made up finds nothing, and so does one of somebody else's."""
    is_staff = turn.person is not None and turn.person.is_staff
    if what == Alerting.LIST and is_staff:
        await _list(turn)
        return
    found = await _alerts(turn, ids=[alert_id]) if is_staff else []
    if not found:
        await _refuse(turn, alert_id)
    elif what in set(AlertState):
        _change(turn, found[0], AlertState(what))
    else:
        _note(turn, Act.READ, [found[0].student_id])
        _show(turn, found[0], turn.words("alerts.line", **said_of(found[0], turn.speaker, turn.services)))


async def _said(turn: Turn, said: AboutAlert) -> bool:
    """The one alert that can be meant gets its state; of several it is asked which. False where none can be meant."""
    state = AlertState(said.what)
    fitting = [each for each in await _alerts(turn, states=OPEN) if said.name is None or _is_called(each, said.name)]
    if state is AlertState.SEEN:
        fitting = [each for each in fitting if each.state is AlertState.NEW] or fitting
    if len(fitting) > 1 and said.name is None:
        async with turn.services.database.read() as connection:
            told = await who_was_told(connection, KIND, [each.id for each in fitting])
        own = {each.item_id for each in told if each.person_id == turn.known.id}
        fitting = [each for each in fitting if each.id in own] or fitting
    if not fitting:
        return False
    if len(fitting) == 1 and not (turn.is_asked and said.name is None):
        _change(turn, fitting[0], state)
        return True
    _note(turn, Act.READ, [each.student_id for each in fitting])
    choices = [_choice(turn, each, state) for each in fitting[:SHOWN]]
    turn.say(f"alerts.which_{state}", choices, lines=_lines(turn, fitting[:SHOWN]))
    return True


def _change(turn: Turn, alert: Listed, state: AlertState) -> None:
    if alert.last_at > turn.now:  # the child wrote again after the tap
        _show(turn, alert, turn.words("alerts.wrote_again", **said_of(alert, turn.speaker, turn.services)))
        return
    if state is AlertState.NEW or (state is AlertState.SEEN and not alert.is_open):
        _note(turn, Act.READ, [alert.student_id])
        _show(turn, alert, turn.words("alerts.line", **said_of(alert, turn.speaker, turn.services)))
        return
    turn.writes.append(ChangeAlert(alert_id=alert.id, state=state, actor_id=turn.known.id, at=turn.now))
    _note(turn, Act.CHANGE, [alert.student_id], state)
    changed = replace(alert, state=state)
    _show(turn, changed, turn.words(f"alerts.now_{state}", **said_of(changed, turn.speaker, turn.services)))


async def _list(turn: Turn) -> None:
    found = await _alerts(turn, states=OPEN)
    if not found:
        turn.say("alerts.none_open")
        return
    _note(turn, Act.READ, [each.student_id for each in found[:SHOWN]])
    lines = [turn.words("alerts.list_head", count=len(found)), _lines(turn, found[:SHOWN])]
    if len(found) > SHOWN:
        lines.append(turn.words("alerts.list_more", count=len(found) - SHOWN))
    link = Link(label=turn.words("alerts.page_link"), address=PAGE)
    choices = tuple(_choice(turn, each, None) for each in found[:SHOWN])
    turn.outgoing.append(Outgoing(text=Words.join(lines, "\n"), choices=choices, links=(link,)))


async def _refuse(turn: Turn, alert_id: str) -> None:
    """The same words whether or not there is such an alert."""
    async with turn.services.database.read() as connection:
        student = await connection.scalar(select(Alert.student_id).where(Alert.id == alert_id))
    _note(turn, Act.REFUSED, [student] if student is not None else [])
    turn.say("alerts.nothing_here")


async def _alerts(
    turn: Turn, *, ids: Collection[str] | None = None, states: Collection[AlertState] = tuple(AlertState)
) -> list[Listed]:
    async with turn.services.database.read() as connection:
        viewer = await load_viewer(connection, turn.known.id, turn.today)
        at = named_at(viewer, turn.services.times.care_of)
        return await alerts_for(connection, viewer, at, ids=ids, states=states)


def _is_for_others(turn: Turn, said: AboutAlert) -> bool:
    """Whether the words belong to what the conversation is about: words that were asked for (to a child, to be sent
    later, why a practice is handed back), or a list of those who want to talk."""
    state, topic = turn.state, turn.state.topic
    if said.name is None and any(
        draft is not None and draft.is_latest and draft.holds(turn.now) and getattr(draft, "text", None) is None
        for draft in (state.draft, state.reminder, state.practice)
    ):
        return True
    question = topic.question if topic is not None and topic.previous().holds(turn.now) else None
    return said.name is not None and question is not None and question.metric is Metric.TALK_REQUESTS


def _lines(turn: Turn, alerts: Sequence[Listed]) -> Words:
    said = (turn.words("alerts.line", **said_of(each, turn.speaker, turn.services)) for each in alerts)
    return Words.join(said, "\n")


def _choice(turn: Turn, alert: Listed, state: AlertState | None) -> Choice:
    """A child's name to tap: it gives the alert its state, or shows it."""
    args = said_of(alert, turn.speaker, turn.services)
    return Choice(label=turn.words("alerts.name_button", **args), value=f"{PREFIX}{state or 'show'}/{alert.id}")


def _show(turn: Turn, alert: Listed, text: Words) -> None:
    turn.outgoing.append(card(alert, text, turn.speaker))


def _is_called(alert: Listed, name: str) -> bool:
    """Whether this is the child's family, given or full name."""
    family, given, bare = alert.family_name.lower(), alert.given_name.lower(), name.replace(" ", "").lower()
    return bare in (family, given, family + given, given + family)


def _note(turn: Turn, act: Act, subjects: Sequence[str], detail: str = "") -> None:
    actor = turn.person.id if turn.person is not None else turn.incoming.account_id
    entry = Entry(
        actor_id=actor,
        act=act,
        kind=Data.ALERTS,
        subject_ids=tuple(dict.fromkeys(subjects)),
        channel=turn.incoming.channel,
        at=turn.now,
        detail=detail,
    )
    turn.writes.append(Audit(entry=entry))
