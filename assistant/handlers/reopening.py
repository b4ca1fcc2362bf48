"""「休校を終わる」: which closure, from when there is school again, and what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.dialogue.closing_draft import ClosureDraft
from assistant.dialogue.people_store import load_people
from assistant.dialogue.turn import Turn
from assistant.handlers import talk
from assistant.messages import Choice, Outgoing, Tone, Words
from assistant.wording.occasions import say_day
from assistant.wording.texts import Speaker, band_of
from intents.closing import Act, ClosingReading, Trouble
from knowledge.records import announcements
from knowledge.records.accounts import accounts_of
from knowledge.records.calendar import ClosedDays, SchoolCalendar, load_calendars
from knowledge.records.closures import Declared, end_closures, find_closures
from knowledge.records.leads import schools_led
from knowledge.reminding import Audience, AudienceKind
from scheduler import outbox, stopping
from scheduler.audience import Member, find_members
from scheduler.outbox import Item
from scheduler.upcoming import refresh

ONE_DAY = timedelta(days=1)
AHEAD = timedelta(days=60)  # how far the next school day is looked for


async def begin(turn: Turn, reading: ClosingReading, led: frozenset[str]) -> None:
    """Ask from when there is school again, for each closure that was meant; a day that was said is asked no more."""
    if reading.trouble in (Trouble.WHOM, Trouble.DATE):
        key = "no_such_class" if reading.trouble is Trouble.WHOM else "no_such_day"
        turn.say(f"closures.{key}", said=Words.own(reading.said))
        return
    async with turn.services.database.read() as connection:
        known = await find_closures(connection, led, turn.today)
    meant = {_scope(each): each for each in reversed(known) if _is_meant(each, reading)}
    if not meant:
        turn.say("closures.none_to_end")
        return
    if len(meant) == 1 and reading.first is not None and reading.trouble is None:
        [closure] = meant.values()
        await end(turn, closure.id, reading.first - ONE_DAY)
        return
    draft = ClosureDraft(
        at=turn.now,
        school_id=next(iter(meant.values())).school_id,
        grades=(),
        class_ids=reading.class_ids,
        label=reading.label,
        first=None,
        last=None,
        ends=True,
    )
    turn.change(closing=draft)
    choices = [choice for closure in meant.values() for choice in _choices(turn, closure, several=len(meant) > 1)]
    labels = Words.join([Words.own(closure.label) for closure in meant.values()], str(turn.words("closures.comma")))
    choices.append(turn.button("closures.cancel_button", f"~no/{draft.key}", Tone.CONTROL))
    turn.say("closures.end_when", choices, labels=labels)


async def go_on(turn: Turn, draft: ClosureDraft, first: date | None) -> None:
    """The first day of school, in words; None: a はい that says no day, so it is asked again."""
    led = frozenset({draft.school_id})
    async with turn.services.database.read() as connection:
        led &= await schools_led(connection, turn.known.id, turn.today)
    reading = ClosingReading(act=Act.END, class_ids=draft.class_ids, label=draft.label, first=first)
    await begin(turn, reading, led)


async def end(turn: Turn, closure_id: str, last_day: date) -> None:
    """School is closed until ``last_day`` and open after it; said again it does the same."""
    turn.change(closing=None)
    async with turn.services.database.write() as connection:
        led = await schools_led(connection, turn.known.id, turn.today)
        known = await find_closures(connection, led, turn.today - ONE_DAY)
        chosen = next((each for each in known if each.id == closure_id), None)
        if chosen is None or last_day < turn.today - ONE_DAY > chosen.first_day:
            turn.say("closures.too_old", talk.menu(turn))
            return
        ended = [each for each in known if _scope(each) == _scope(chosen)]
        ids = [each.id for each in ended if each.last_day is None or each.last_day > last_day]
        await end_closures(connection, ids, last_day, turn.known.id, turn.now)
        await _take_back(turn, connection, ended, last_day)
        await refresh(connection, [chosen.school_id], turn.now, turn.services.timezone)
        members = await _members(turn, connection, chosen)
        since = max(last_day + ONE_DAY, turn.today)
        calendar = (await load_calendars(connection, [chosen.school_id], since, since + AHEAD))[chosen.school_id]
        resumes = _next_school_day(calendar, chosen, members, since)
        restored = 0
        if last_day < turn.today:  # another closure may go on for some of them
            ids = [member.person_id for member in members if _has_school(calendar, member, turn.today)]
            restored = await stopping.restore(connection, ids, turn.now)
        told, staff = await _tell(turn, connection, chosen, ended, calendar, members, resumes)
    key = "closures.ended" if resumes is not None else "closures.ended_no_day"
    lines = [
        turn.words(key, label=Words.own(chosen.label), day=say_day(resumes or turn.today, turn.speaker)),
        turn.words("closures.restored", count=restored) if restored else Words(),
        turn.words("closures.told_reopening", count=told, staff=staff) if told or staff else Words(),
    ]
    turn.outgoing.append(Outgoing(text=Words.join(lines, "\n")))


async def _members(turn: Turn, connection: AsyncConnection, closure: Declared) -> list[Member]:
    """The children of a closure."""
    school = Audience(kind=AudienceKind.SCHOOL, ids=(closure.school_id,), label="")
    found = await find_members(connection, [school], turn.today, turn.services.channels)
    closed = ClosedDays(
        first=date.min, last=None, grades=frozenset(closure.grades), class_ids=frozenset(closure.class_ids)
    )
    return [
        member
        for member in found[school]
        if any(closed.covers(turn.today, home.grade, home.class_id) for home in member.homes)
    ]


def _has_school(calendar: SchoolCalendar, member: Member, day: date) -> bool:
    return any(calendar.is_school_day(day, home.grade, home.class_id) for home in member.homes)


def _next_school_day(
    calendar: SchoolCalendar, closure: Declared, members: Sequence[Member], since: date
) -> date | None:
    """The first day on which any of the children has school; None: none in sight."""
    days = [since + timedelta(days=n) for n in range(AHEAD.days)]
    if not members:
        grade, class_id = next(iter(closure.grades), None), next(iter(closure.class_ids), None)
        return next((day for day in days if calendar.is_school_day(day, grade, class_id)), None)
    return next((day for day in days if any(_has_school(calendar, member, day) for member in members)), None)


async def _take_back(turn: Turn, connection: AsyncConnection, ended: Sequence[Declared], last_day: date) -> None:
    """News that still waits is sent no more; a closure that never was asks nobody for anything."""
    await stopping.drop(connection, [f"closure:{closure.id}" for closure in ended], turn.now)
    for closure in ended:
        if closure.announcement_id is not None and last_day < closure.first_day:
            await stopping.drop(connection, [f"safety:{closure.id}"], turn.now)
            await announcements.close(connection, closure.announcement_id, turn.now)


async def _tell(
    turn: Turn,
    connection: AsyncConnection,
    closure: Declared,
    ended: Sequence[Declared],
    calendar: SchoolCalendar,
    members: Sequence[Member],
    resumes: date | None,
) -> tuple[int, int]:
    """Tell those who were told of the closure: staff now, children after quiet hours; how many of each. Children for
    whom another closure goes on are not told that there is school."""
    if resumes is None:
        return 0, 0
    knew = await stopping.reached(connection, [f"closure:{each.id}" for each in ended])
    linked = {
        member.person_id: member.account_id
        for member in members
        if member.account_id and member.person_id in knew and _has_school(calendar, member, resumes)
    }
    people = await load_people(connection, knew, turn.today)
    colleagues = [id for id, person in people.items() if person.band == "staff" and id != turn.known.id]
    staff = await accounts_of(connection, colleagues, turn.services.channels)
    times = turn.services.times.of(closure.school_id)
    due = turn.now
    if times.is_quiet(turn.now.time()):
        due = datetime.combine(turn.today, times.quiet_until, turn.services.timezone)
        due = due if due > turn.now else due + ONE_DAY
    speaker = Speaker(language=turn.services.language, band="staff")
    said = speaker.say("closures.to_staff_reopens", label=Words.own(closure.label), day=say_day(resumes, speaker))
    items = [
        Item(
            key=f"reopen:{closure.id}:{resumes.isoformat()}:{person_id}",
            account_id=account_id,
            kind="messages",
            payload={"messages": [Outgoing(text=said).to_json()]},
            due_at=turn.now,
            created_at=turn.now,
            person_id=person_id,
            source=f"reopen:{closure.id}",
            variant="staff",
        )
        for person_id, account_id in staff.items()
    ]
    for person_id, account_id in linked.items():
        grade = people[person_id].grade if person_id in people else None
        speaker = Speaker(language=turn.services.language, band=band_of(grade) if grade else "lower")
        text = speaker.say("closures.to_child_reopens", day=say_day(resumes, speaker))
        items.append(
            Item(
                key=f"reopen:{closure.id}:{resumes.isoformat()}:{person_id}",
                account_id=account_id,
                kind="messages",
                payload={"messages": [Outgoing(text=text).to_json()], **({"grade": grade} if grade else {})},
                due_at=due,
                created_at=turn.now,
                person_id=person_id,
                source=f"reopen:{closure.id}",
                variant=grade,
            )
        )
    await outbox.put(connection, items)
    return len(linked), len(staff)


def _choices(turn: Turn, closure: Declared, *, several: bool) -> Sequence[Choice]:
    """The days after which school may be open again, to tap."""
    if closure.first_day > turn.today:  # not begun yet: it never comes to be
        days = [("never", closure.first_day - ONE_DAY)]
    else:
        days = [("tomorrow", turn.today)]
        if turn.now.time() < turn.services.times.of(closure.school_id).anticipation_until:
            days.append(("today", turn.today - ONE_DAY))
    name = {"label": Words.own(closure.label)}
    return [
        Choice(
            label=turn.words(
                f"closures.reopen_{key}_of" if several else f"closures.reopen_{key}_button", **(name if several else {})
            ),
            value=f"~end/{closure.id}/{day.isoformat()}",
        )
        for key, day in days
    ]


def _is_meant(closure: Declared, reading: ClosingReading) -> bool:
    if reading.school_ids and closure.school_id not in reading.school_ids:
        return False
    if reading.class_ids:
        return closure.label == reading.label or set(reading.class_ids) == set(closure.class_ids)
    if reading.needs is not None:
        return bool(closure.class_ids if reading.needs == "class" else closure.grades)
    return True


def _scope(closure: Declared) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    return closure.school_id, closure.grades, closure.class_ids
