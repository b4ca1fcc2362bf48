"""Who guesses codes, and when that is enough."""

from __future__ import annotations

import hashlib
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.handlers.linking import MAX_WRONG, WITHIN
from knowledge.records import audit, linking
from knowledge.records.audit import Act, Entry, Kind

# Wrong codes from one address in the same time: ten classes of 40 that sign in for the first time, three children in
# four with a slip.
MAX_WRONG_AT_ADDRESS = 300
# Wrong codes from everywhere in the same time that no school day brings: somebody guesses from many addresses. As long
# as that goes on there is less patience with each.
STORM, MAX_WRONG_IN_A_STORM = 10_000, 30
MAX_WRONG_OF_PERSON = 5  # of the six figures that were sent to one person, whichever browsers they are tried in
LOCKED_OUT = "locked out"


class Guesser:
    """Somebody who tries codes: a browser (by the cookie of its form) and, since a cookie can be thrown away, the
    client's address; there with more patience, because a whole school may share one."""

    def __init__(self, browser: str, address: str) -> None:
        self.browser = f"browser:form:{hashlib.sha256(browser.encode()).hexdigest()}"
        self.address = f"browser:addr:{address}"


async def is_guessing(connection: AsyncConnection, guesser: Guesser, now: datetime) -> bool:
    """Whether there were so many wrong codes that not even a right one is taken."""
    since = now - WITHIN
    by_browser, at_address = [
        await linking.wrong_codes(connection, each, since) for each in (guesser.browser, guesser.address)
    ]
    if by_browser >= MAX_WRONG or at_address >= MAX_WRONG_AT_ADDRESS:
        return True
    if at_address < MAX_WRONG_IN_A_STORM:
        return False
    return await linking.wrong_codes_of_all(connection, since) >= STORM


async def refuse(
    connection: AsyncConnection,
    guesser: Guesser,
    detail: str,
    now: datetime,
    zone: ZoneInfo,
    *,
    person_id: str | None = None,
    actor_id: str | None = None,
) -> None:
    """Count a wrong code and keep it in the audit; the one that locks its browser out is kept as that, too.

    ``person_id``: whose code it was or is said to be, where that is known. ``actor_id``: who is signed in there. All
    is done with and without a person, so that the time it takes tells nothing."""
    await linking.record_wrong(connection, (guesser.browser, guesser.address), now, forget_before=now - WITHIN)
    actor = actor_id or guesser.browser
    subjects = () if person_id is None else (person_id,)
    entries = [_refusal(actor, subjects, now.astimezone(zone), detail)]
    if await linking.wrong_codes(connection, guesser.browser, now - WITHIN) == MAX_WRONG:
        entries.append(_refusal(actor, (), now.astimezone(zone), LOCKED_OUT))
    await audit.append(connection, entries)


async def keep_refusal(
    connection: AsyncConnection, guesser: Guesser, detail: str, now: datetime, zone: ZoneInfo, person_id: str | None
) -> None:
    """Keep in the audit that somebody could not sign in who did not guess anything."""
    subjects = () if person_id is None else (person_id,)
    await audit.append(connection, [_refusal(guesser.browser, subjects, now.astimezone(zone), detail)])


def at_person(person_id: str) -> str:
    """Under which name wrong figures that were sent to a person are counted."""
    return f"browser:person:{person_id}"


def _refusal(actor_id: str, subject_ids: tuple[str, ...], at: datetime, detail: str) -> Entry:
    return Entry(
        actor_id=actor_id,
        act=Act.REFUSED,
        kind=Kind.ACCOUNTS,
        subject_ids=subject_ids,
        channel="browser",
        at=at,
        detail=detail,
    )
