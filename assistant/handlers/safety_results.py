"""How a safety check stands, for leads and teachers, and a word to those who have not answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import TellOthers
from assistant.handlers import talk
from assistant.handlers.closing import NAMED, names_of
from assistant.messages import Outgoing, Words
from knowledge.records.accounts import accounts_of
from knowledge.records.announcements import SAFETY_ANSWERS, Announced, announcements_for
from knowledge.records.audit import Act, Entry, Kind
from knowledge.records.calendar import ClosedDays
from knowledge.records.closures import find_closures
from knowledge.records.leads import schools_led
from knowledge.records.responses import Response, responses_of
from knowledge.records.scope import Viewer, load_viewer
from knowledge.reminding import Audience, AudienceKind
from scheduler.audience import find_members
from scheduler.outbox import Item

RECENT = timedelta(days=14)  # an older check is asked about no more
WORST_FIRST = (*reversed(SAFETY_ANSWERS), None)


async def on_question(turn: Turn, *, named: bool) -> bool:
    """Counts and names by answer. ``named``: 安否 was said; otherwise it is answered only where the safety check was
    the last thing that asked for answers. False: left to others."""
    async with turn.services.database.read() as connection:
        viewer, led, recent = await _seen(connection, turn)
        newest = next((each for each in recent if each.is_safety_check or not named), None)
        if newest is None or not newest.is_safety_check or turn.now - newest.created_at > RECENT:
            if named:
                turn.say("closures.no_safety_check")
            return named
        responses = await _responses(connection, turn, newest, viewer, led)
        everybody = len(await responses_of(connection, newest.id, turn.today))
        away = await _not_asked(connection, turn, newest, viewer)
    if not responses and not away:  # somebody without rights over any child
        turn.say("answers.refused")
        return True
    audit_responses(turn, newest, responses)
    lines = [turn.words("closures.results", count=len(responses))]
    for value in WORST_FIRST:
        given = [each for each in responses if each.value == value]
        shown = value is not None and value == "ok"  # who is safe is counted, the others are named
        key = f"closures.results_{value or 'missing'}"
        lines.append(turn.words(key, count=len(given)) if shown or not given else _named(turn, key, given))
    if away:
        lines.append(turn.words("closures.results_not_linked", count=len(away), names=_joined(turn, away)))
    is_whole = newest.owner_id == viewer.person_id or newest.school_id in led
    if is_whole and len(responses) < everybody:  # nobody is to take these for all
        lines.append(turn.words("closures.results_unseen", count=everybody - len(responses)))
    missing = any(each.value is None for each in responses)
    choices = (turn.button("closures.remind_button", f"~missing/{newest.id}"),) if missing else ()
    turn.outgoing.append(Outgoing(text=Words.join(lines, "\n"), choices=choices))
    return True


def audit_responses(turn: Turn, announcement: Announced, people: Sequence[Response], act: Act = Act.READ) -> None:
    """Keep in the audit whose answers are shown; of nobody, nothing is kept."""
    children = [each.person_id for each in people if each.is_student]
    if children:
        entry = Entry(
            actor_id=turn.known.id,
            act=act,
            kind=Kind.RESPONSES,
            subject_ids=children,
            channel=turn.incoming.channel,
            at=turn.now,
            detail=f"announcement:{announcement.id}",
        )
        turn.audit(entry)


async def remind(turn: Turn, announcement_id: str) -> None:
    """Ask those once more who have not answered, as far as the person sees them."""
    async with turn.services.database.read() as connection:
        viewer, led, recent = await _seen(connection, turn)
        check = next((each for each in recent if each.id == announcement_id and each.is_safety_check), None)
        if check is None or not check.takes_answers(turn.now):
            turn.say("closures.too_old", talk.menu(turn))
            return
        responses = await _responses(connection, turn, check, viewer, led)
        ids = [each.person_id for each in responses if each.value is None]
        accounts = await accounts_of(connection, ids, turn.services.channels)
    for person_id, account_id in accounts.items():
        item = Item(
            key=f"announcement:{check.id}:{turn.incoming.event_id}:{person_id}",
            account_id=account_id,
            kind="announcement",
            payload={"announcement_id": check.id, "person_id": person_id},
            due_at=turn.now,
            created_at=turn.now,
            person_id=person_id,
        )
        turn.writes.append(TellOthers(item=item))
    turn.say("closures.reminded", count=len(accounts))


async def _seen(connection: AsyncConnection, turn: Turn) -> tuple[Viewer, frozenset[str], list[Announced]]:
    """Who asks, the schools they lead, and the announcements they may ask about, the newest first."""
    viewer = await load_viewer(connection, turn.known.id, turn.today)
    led = await schools_led(connection, turn.known.id, turn.today)
    return viewer, led, await announcements_for(connection, viewer, led)


async def _responses(
    connection: AsyncConnection, turn: Turn, check: Announced, viewer: Viewer, led: frozenset[str]
) -> list[Response]:
    """Those asked whom the person may see: a lead all, a homeroom teacher the own class."""
    found = await responses_of(connection, check.id, turn.today)
    return [each for each in found if each.is_seen_by(viewer, check, led)]


async def _not_asked(connection: AsyncConnection, turn: Turn, check: Announced, viewer: Viewer) -> list[str]:
    """Names of the children of the closure who cannot be written to: for the telephone."""
    since = check.created_at.astimezone(turn.services.timezone).date() - RECENT
    closures = await find_closures(connection, [check.school_id], since)
    closure = next((each for each in closures if each.announcement_id == check.id), None)
    if closure is None:
        return []
    school = Audience(kind=AudienceKind.SCHOOL, ids=(check.school_id,), label="")
    found = await find_members(connection, [school], turn.today, turn.services.channels)
    asked = {each.person_id for each in await responses_of(connection, check.id, turn.today)}
    closed = ClosedDays(
        first=date.min, last=None, grades=frozenset(closure.grades), class_ids=frozenset(closure.class_ids)
    )
    ids = [
        member.person_id
        for member in found[school]
        if member.person_id not in asked
        and any(
            closed.covers(turn.today, home.grade, home.class_id)
            and (check.school_id in viewer.schools or home.class_id in viewer.homerooms)
            for home in member.homes
        )
    ]
    return await names_of(connection, ids) if ids else []


def _named(turn: Turn, key: str, given: Sequence[Response]) -> Words:
    several = len({each.class_title for each in given}) > 1
    names = [f"{each.name}（{each.class_title}）" if several and each.class_title else each.name for each in given]
    return turn.words(f"{key}_names", count=len(given), names=_joined(turn, names))


def _joined(turn: Turn, names: Sequence[str]) -> Words:
    shown = [Words.own(name) for name in names[:NAMED]]
    if len(names) > NAMED:
        shown.append(turn.words("reaching.others", count=len(names) - NAMED))
    return Words.join(shown, str(turn.words("closures.comma")))
