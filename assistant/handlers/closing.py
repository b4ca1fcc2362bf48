"""A closure on its way to its preview: whom it concerns, its days, what it stops, who is told."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.dialogue.closing_draft import ClosureDraft
from assistant.dialogue.turn import Turn
from assistant.handlers.concerned import (
    days_without_school,
    find_affected,
    is_quiet,
    is_touched,
    is_whole,
    reminders_within,
    stopped_kinds,
)
from assistant.handlers.reminders.stored import line, reminders_of
from assistant.messages import Choice, Outgoing, Tone, Words
from assistant.wording.occasions import say_day
from assistant.wording.texts import Speaker
from intents.closing import ClosingReading
from knowledge.questions.model import Phase
from knowledge.records.closures import Declared, find_closures
from knowledge.records.roster import Org, SchoolClass, User
from scheduler import stopping

NAMED = 30  # children named in a message; the rest is counted


async def draft_of(turn: Turn, reading: ClosingReading, led: frozenset[str]) -> ClosureDraft | None:
    """The closure as it was said; None when it names a school that the person does not lead."""
    async with turn.services.database.read() as connection:
        classes = select(SchoolClass.sourced_id, SchoolClass.school_sourced_id, SchoolClass.grades)
        rows = (await connection.execute(classes.where(SchoolClass.sourced_id.in_(reading.class_ids)))).all()
        own = turn.known.school_id if turn.known.school_id in led else min(led)
        own = reading.school_ids[0] if len(reading.school_ids) == 1 else own
        school = rows[0].school_sourced_id if rows else own
        name = await connection.scalar(select(Org.name).where(Org.sourced_id == school))
    if any(row.school_sourced_id != school for row in rows) or school not in led:
        return None
    # In the installation's language, not the lead's: children read it too.
    speaker = Speaker(language=turn.services.language, band="staff")
    whole = str(speaker.say("closures.whole_school")) if len(led) == 1 else name or school
    now_on = turn.today if reading.is_emergency and reading.first is None else None
    return ClosureDraft(
        at=turn.now,
        school_id=school,
        grades=tuple(sorted({grade for row in rows for grade in row.grades})) if reading.whole_grade else (),
        class_ids=() if reading.whole_grade else reading.class_ids,
        label=reading.label or whole,
        first=reading.first or now_on,
        last=reading.last,
        reason=reading.reason,
        is_remote=reading.is_remote,
        safety=reading.is_emergency,
    )


async def preview(turn: Turn, draft: ClosureDraft) -> None:
    """Whom it concerns, its days, what it stops and who is told; nothing is changed yet."""
    draft = replace(draft, at=turn.now, is_latest=True)
    turn.change(closing=draft)
    first = draft.first or turn.today
    async with turn.services.database.read() as connection:
        affected = await find_affected(connection, turn, draft)
        days = await days_without_school(connection, affected, draft)
        reminders = await reminders_within(connection, turn, draft, affected)
        found = await find_closures(connection, [draft.school_id], first)
        known = [each for each in found if each.first_day <= (draft.last or date.max) and is_touched(each, affected)]
        stops = first <= turn.today
        pending = sum((await stopping.waiting(connection, affected.ids, stopped_kinds(draft))).values()) if stops else 0
    linked, staff = len(affected.linked), len(affected.staff)
    lines = [
        turn.words("closures.preview", label=Words.own(draft.label), children=len(affected.children), linked=linked),
        turn.words("closures.preview_days", days=say_days(turn.speaker, first, draft.last)),
        _say_school_days(turn, *days) if days is not None else Words(),
        _say_known(turn, known) if known else Words(),
        turn.words("closures.preview_reason", reason=Words.own(draft.reason)) if draft.reason else Words(),
        turn.words(f"closures.preview_remote_{'on' if draft.is_remote else 'off'}"),
        turn.words("closures.preview_prompts", count=linked * len(Phase)) if not draft.is_remote else Words(),
        turn.words(
            "closures.preview_reminders" if draft.last is None else "closures.preview_reminders_times",
            count=len(reminders),
            times=sum(reminders.values()),
        )
        if reminders
        else Words(),
        turn.words("closures.preview_pending", count=pending) if pending else Words(),
        turn.words("closures.preview_tells", children=linked, staff=staff)
        if draft.tells
        else turn.words("closures.preview_tells_nobody"),
        turn.words("closures.preview_safety", count=linked + (staff if is_whole(draft) else 0))
        if draft.safety
        else turn.words("closures.preview_no_safety"),
    ]
    quiet = is_quiet(turn, draft)
    if quiet and (draft.tells or draft.safety):
        until = f"{turn.services.times.of(draft.school_id).quiet_until:%H:%M}"
        lines.append(turn.words(f"closures.preview_quiet_{'waits' if draft.waits else 'now'}", time=until))
    lines.append(turn.words("closures.preview_ask"))
    turn.outgoing.append(
        Outgoing(text=Words.join(lines, "\n"), choices=_choices(turn, draft, quiet=quiet, lists=bool(reminders)))
    )


async def list_stopped(turn: Turn, draft: ClosureDraft) -> None:
    """The reminders that the preview counted, each in a line; the preview goes on waiting for はい."""
    async with turn.services.database.read() as connection:
        affected = await find_affected(connection, turn, draft)
        times = await reminders_within(connection, turn, draft, affected)
    turn.change(closing=replace(draft, is_latest=True))
    listed = [
        turn.words("closures.stopped_line", line=line(each.draft, turn.speaker), times=times[each.id])
        for each in await reminders_of(turn, times)
    ]
    lines = listed[:NAMED]
    if len(listed) > NAMED:
        lines.append(turn.words("reaching.others", count=len(listed) - NAMED))
    choices = _choices(turn, draft, quiet=is_quiet(turn, draft), lists=False)
    turn.outgoing.append(
        Outgoing(text=Words.join(lines or [turn.words("closures.stopped_nothing")], "\n"), choices=choices)
    )


def _say_school_days(turn: Turn, falling: int, planned: int) -> Words:
    if falling:
        return turn.words("closures.preview_school_days", days=falling)
    return Words() if planned else turn.words("closures.preview_no_school_days")


def _say_known(turn: Turn, known: Sequence[Declared]) -> Words:
    """The closures that are there already: what is declared now stands beside them, and ends none of them."""
    several = [f"{each.label}（{say_days(turn.speaker, each.first_day, each.last_day)}）" for each in known]
    return turn.words("closures.preview_known", closures=Words.own(str(turn.words("closures.comma")).join(several)))


def say_days(speaker: Speaker, first: date, last: date | None) -> Words:
    """「11月24日（火）から11月27日（金）まで」; without an end, from the first on."""
    if last is None:
        return speaker.say("closures.days_from", first=say_day(first, speaker))
    if last == first:
        return say_day(first, speaker)
    return speaker.say("closures.days_between", first=say_day(first, speaker), last=say_day(last, speaker))


def say_span(speaker: Speaker, first: date, last: date | None) -> Words:
    """The same at the head of a sentence: 「11月24日（火）は」, 「11月24日（火）から」."""
    key = "span_from" if last is None else "span_day" if last == first else "span_between"
    return speaker.say(f"closures.{key}", first=say_day(first, speaker), last=say_day(last or first, speaker))


async def names_of(connection: AsyncConnection, person_ids: Collection[str]) -> list[str]:
    """Full names, in the order of their readings."""
    statement = select(User.family_name, User.given_name).where(User.sourced_id.in_(person_ids))
    statement = statement.order_by(User.kana_family_name, User.kana_given_name, User.sourced_id)
    return [f"{family} {given}" for family, given in await connection.execute(statement)]


def _choices(turn: Turn, draft: ClosureDraft, *, quiet: bool, lists: bool) -> tuple[Choice, ...]:
    def turned(name: str) -> Choice:
        is_on = bool(getattr(draft, name))
        value = f"~set/{draft.key}/{name}/{0 if is_on else 1}"
        return turn.button(f"closures.{name}_{'off' if is_on else 'on'}_button", value)

    flags = ["is_remote", "safety", "tells", *(["waits"] if quiet and (draft.tells or draft.safety) else [])]
    return (
        turn.button("closures.yes_button", f"~yes/{draft.key}"),
        *(turned(name) for name in flags),
        *([turn.button("closures.list_button", f"~list/{draft.key}")] if lists else []),
        turn.button("closures.fix_button", f"~fix/{draft.key}", Tone.CONTROL),
        turn.button("closures.cancel_button", f"~no/{draft.key}", Tone.CONTROL),
    )
