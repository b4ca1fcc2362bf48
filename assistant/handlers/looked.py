"""だれが見た？: a child, or a guardian for their child, is told who looked at the records, what kind, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from assistant.dialogue.people_store import load_people
from assistant.dialogue.turn import Turn
from assistant.handlers import checkin
from assistant.messages import Kind as Incoming
from assistant.messages import Outgoing, Words
from intents.commands import Command, find_command
from knowledge.records.audit import Act, Kind
from knowledge.records.audit_reading import Look, looks_at
from knowledge.records.scope import children_of

BUTTON = "!who_looked"
DAYS = 30  # looked back
SHOWN = 12  # lines; the rest is counted
MOST = 2_000  # entries that are read
# What staff do among themselves for a child's safety is shown to nobody at home; nor to the family what a child said in
# confidence, which may be about home. Codes and sessions are no look at anything.
FROM_CHILDREN = frozenset({Kind.ALERTS, Kind.FLAGS, Kind.ACCOUNTS})
FROM_GUARDIANS = FROM_CHILDREN | {Kind.TALK_REQUESTS}
ROLES: Mapping[str, str] = {  # the first that somebody holds is said
    "ext:nurse": "nurse",
    "principal": "principal",
    "administrator": "administrator",
    "siteAdministrator": "administrator",
    "counselor": "counselor",
    "teacher": "teacher",
    "districtAdministrator": "board",
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """What somebody did on a day with one kind of data: the last time, and how often."""

    look: Look
    count: int


async def on_who_looked(turn: Turn) -> bool:
    """The words, or the button. Anything else is left to others."""
    is_button = turn.incoming.kind is Incoming.CHOICE and turn.incoming.choice == BUTTON
    is_asked = turn.incoming.kind is Incoming.TEXT and find_command(turn.incoming.text) is Command.WHO_LOOKED
    if turn.person is None or not (is_button or is_asked):
        return False
    if turn.person.is_student:
        said = await _about(turn, turn.person.id, None, FROM_CHILDREN)
    elif turn.person.is_staff:
        said = turn.words("audit.looked_staff")
    else:
        said = await _to_guardian(turn)
    if checkin.pending_today(turn) is None:
        turn.outgoing.append(Outgoing(text=said))
    else:
        await checkin.ask_again(turn, lead=[said])
    return True


async def _to_guardian(turn: Turn) -> Words:
    async with turn.services.database.read() as connection:
        children = await load_people(connection, await children_of(connection, turn.known.id, turn.today), turn.today)
    if not children:
        return turn.words("audit.looked_no_child")
    parts = [
        await _about(turn, id, Words.own(child.given_name), FROM_GUARDIANS) for id, child in sorted(children.items())
    ]
    return Words.join(parts, "\n\n")


async def _about(turn: Turn, child_id: str, name: Words | None, hidden: frozenset[Kind]) -> Words:
    """Who looked at one child's records, a line for each person, day and kind. ``name``: said to somebody else."""
    of, named = ("", {}) if name is None else ("_of", {"name": name})
    since = turn.now - timedelta(days=DAYS)
    async with turn.services.database.read() as connection:
        looks = await looks_at(connection, child_id, since, MOST)
    lines = _lines(turn, [look for look in looks if look.kind not in hidden])
    if not lines:
        return turn.words(f"audit.looked_nobody{of}", days=DAYS, **named)
    said = [turn.words(f"audit.looked{of}", **named), *(_line(turn, line) for line in lines[:SHOWN])]
    if len(lines) > SHOWN:
        said.append(turn.words("audit.looked_more", count=len(lines) - SHOWN))
    return Words.join([*said, turn.words("audit.looked_why")], "\n")


def _lines(turn: Turn, looks: Sequence[Look]) -> list[Line]:
    """The newest first."""
    lines: dict[tuple[object, ...], Line] = {}
    for look in looks:
        day = look.at.astimezone(turn.services.timezone).date()
        key = (look.person_id, look.role, day, look.kind, look.act)
        before = lines.get(key)
        lines[key] = Line(look=look, count=1) if before is None else replace(before, count=before.count + 1)
    return [*lines.values()]


def _line(turn: Turn, line: Line) -> Words:
    at = line.look.at.astimezone(turn.services.timezone)
    is_again = line.look.act is Act.READ and line.count > 1
    act = turn.words("audit.looked_times", count=line.count) if is_again else turn.words(f"audit.act_{line.look.act}")
    return turn.words(
        "audit.looked_line",
        month=at.month,
        day=at.day,
        time=f"{at:%H:%M}",
        who=_who(turn, line.look),
        what=turn.words(f"audit.kind_{line.look.kind}"),
        act=act,
    )


def _who(turn: Turn, look: Look) -> Words:
    """By role and family name; who left the roster by neither."""
    if look.name is None:
        return turn.words("audit.who_left" if look.role or look.person_id else "audit.who_operator")
    held = look.role.split()
    role = next((words for role, words in ROLES.items() if role in held), "staff")
    return turn.words(f"audit.who_{role}", name=Words.own(look.name))
