"""What staff are told of an alert, worked out when it is sent: never the child's words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from assistant.channels.sender import Composed
from assistant.dialogue.turn import Services
from assistant.messages import Choice, Link, Outgoing, Tone, Words
from assistant.wording.texts import Speaker
from knowledge.errors import NoSuchPersonError
from knowledge.records.accounts import Account
from knowledge.records.alerts import AlertState, AlertText, Listed, alerts_for
from knowledge.records.audit import Act, Entry, Kind, record
from knowledge.records.care_staff import named_at
from knowledge.records.scope import load_viewer
from scheduler.outbox import Item

PREFIX = "al/"  # a button's value: ``al/<what>/<id of the alert>``
PAGE = "/care/alerts"
CLOSED = (AlertState.ADDRESSED, AlertState.NOT_A_CONCERN)
TELLS = "care.alert_to_staff"


class Alerter:
    """Composes the sends of kind ``alert``."""

    def __init__(self, services: Services, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now

    async def compose(self, item: Item) -> Composed | None:
        """None when somebody has seen it meanwhile, the account changed hands, or its person may no longer know."""
        now = self._now().astimezone(self._services.timezone)
        alert_id, person_id = item.payload.get("item_id"), item.payload["person_id"]
        async with self._services.database.read() as connection:
            if await connection.scalar(select(Account.person_id).where(Account.id == item.account_id)) != person_id:
                return None
            if alert_id is None:
                of_text = select(AlertText.alert_id).where(AlertText.event_id == item.payload["event_id"])
                alert_id = await connection.scalar(of_text)
            try:
                viewer = await load_viewer(connection, person_id, now.date())
            except NoSuchPersonError:
                return None
            at = named_at(viewer, self._services.times.care_of)
            found = await alerts_for(connection, viewer, at, ids=[alert_id or ""], states=[AlertState.NEW])
        if not found:
            return None
        speaker = Speaker(language=self._services.language, band="staff")
        key = "alerts.again" if item.payload.get("again") else item.payload.get("says", TELLS)
        text = speaker.say(key, **said_of(found[0], speaker, self._services))
        told = Entry(
            actor_id=person_id,
            act=Act.TOLD,
            kind=Kind.ALERTS,
            subject_ids=[found[0].student_id],
            channel=item.channel,
            at=now,
        )
        await record(self._services.database, [told])
        return Composed(messages=[card(found[0], text, speaker)])


def said_of(alert: Listed, speaker: Speaker, services: Services) -> dict[str, object]:
    """The arguments of a text about an alert."""
    at = alert.at.astimezone(services.timezone)
    return {
        "name": Words.own(f"{alert.family_name} {alert.given_name}"),
        "school_class": Words.own(alert.school_class or "–"),
        "level": speaker.say(f"care.level_{alert.level}"),
        "at": f"{at.month}/{at.day} {at:%H:%M}",
        "state": speaker.say(f"alerts.state_{alert.state}"),
    }


def card(alert: Listed, text: Words, speaker: Speaker) -> Outgoing:
    """A text about an alert with what may be tapped under it."""
    states = CLOSED if alert.state is AlertState.SEEN else (AlertState.SEEN, *CLOSED) if alert.is_open else ()
    choices = [
        Choice(label=speaker.say(f"alerts.{state}_button"), value=f"{PREFIX}{state}/{alert.id}") for state in states
    ]
    choices.append(Choice(label=speaker.say("alerts.list_button"), value=f"{PREFIX}list/-", tone=Tone.CONTROL))
    link = Link(label=speaker.say("alerts.page_link"), address=f"{PAGE}/{alert.id}")
    return Outgoing(text=text, choices=tuple(choices), links=(link,))
