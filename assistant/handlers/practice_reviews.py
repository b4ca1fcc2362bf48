"""What the leads of a school do with practices: take them, hand them back; and taking one back that was told."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.dialogue.people_store import load_people
from assistant.dialogue.practice_draft import PracticeDraft
from assistant.dialogue.turn import Turn
from assistant.handlers import talk
from assistant.handlers.practice_parts import PREFIX, cut, due_at, item_for, names_in
from assistant.messages import Choice, Outgoing, Tone, Words
from assistant.wording.practices import say_about, say_author, say_card
from assistant.wording.texts import Speaker
from knowledge.questions.vocabulary import load_vocabulary
from knowledge.records.accounts import accounts_of
from knowledge.records.leads import is_lead, schools_led
from knowledge.records.practices import (
    PracticeState,
    Told,
    decide,
    find_told,
    waiting_at,
    withdraw,
    withdrawable,
)
from knowledge.records.scope import load_viewer
from scheduler import outbox

OFFERED = 8  # practices to choose from when one is taken back
LABEL = 30  # characters of each
LONGEST = 500  # characters of a reason


async def on_button(turn: Turn, what: str, practice_id: str) -> bool:
    """A button under a practice; False for one of a preview."""
    match what:
        case "take":
            await _decide(turn, practice_id, PracticeState.APPROVED)
        case "back":
            await _ask_reason(turn, practice_id)
        case "bare":
            await on_reason(turn, practice_id, "")
        case "later":
            turn.change(practice=None)
            turn.say("practices.kept")
        case "out":
            await _withdraw(turn, practice_id)
        case _:
            return False
    return True


async def review(turn: Turn) -> None:
    """The oldest practice that waits, whole, and how many there are."""
    async with turn.services.database.read() as connection:
        led = await schools_led(connection, turn.known.id, turn.today)
        waiting = await waiting_at(connection, led)
    if not led:
        turn.say("practices.only_leads")
    elif not waiting:
        turn.say("practices.none_waiting", talk.menu(turn))
    else:
        await _show(turn, waiting[0], len(waiting), Words())


async def _show(turn: Turn, told: Told, count: int, lead: Words) -> None:
    async with turn.services.database.read() as connection:
        viewer = await load_viewer(connection, turn.known.id, turn.today)
        vocabulary = await load_vocabulary(connection, viewer, turn.services.timezone)
    names = names_in(told.text, vocabulary)  # the author may not know all children of the school
    lines = [
        lead,
        turn.words("practices.waiting", count=count),
        _card(turn, told),
        turn.words("practices.lead_named", names=names.listed(turn)) if names else Words(),
    ]
    choices = (
        turn.button("practices.approve_button", f"{PREFIX}take/{told.id}"),
        turn.button("practices.decline_button", f"{PREFIX}back/{told.id}"),
        turn.button("practices.later_button", f"{PREFIX}later/{told.id}", Tone.CONTROL),
    )
    turn.outgoing.append(Outgoing(text=Words.join(lines, "\n\n"), choices=choices))


async def _decide(turn: Turn, practice_id: str, state: PracticeState, reason: str = "") -> None:
    """Take it or hand it back, and tell its author. Not by writes of the turn: whether somebody else was quicker only
    the transaction that decides knows. Worked out again, it finds its own decision."""
    turn.change(practice=None)
    async with turn.services.database.write() as connection:
        told = await find_told(connection, practice_id)
        may = told is not None and await is_lead(connection, turn.known.id, told.school_id, turn.today)
        decided = told is not None and may and await decide(connection, practice_id, state, turn.known.id, turn.now)
        if told is not None and decided:
            speaker = Speaker(language=turn.services.language, band="staff")
            parts = [speaker.say(f"practices.to_author_{state}", text=Words.own(told.text))]
            if reason:
                name = Words.own(turn.known.called(turn.services.language))
                parts.append(speaker.say("practices.to_author_reason", name=name, reason=Words.own(reason)))
            if state is PracticeState.DECLINED:
                parts.append(speaker.say("practices.to_author_again"))
            await _tell_author(connection, turn, told, state, Words.join(parts, "\n"))
        told = await find_told(connection, practice_id)
        waiting = await waiting_at(connection, await schools_led(connection, turn.known.id, turn.today))
    if told is None:
        turn.say("practices.decided_withdrawn")
    elif not may:
        turn.say("practices.not_yours")
    elif told.state is not state or told.decided_by != turn.known.id or told.decided_at != turn.now:
        _say_decided(turn, told)
    else:
        said = turn.words(f"practices.{state}", name=_name_of_author(turn, told))
        if waiting:
            await _show(turn, waiting[0], len(waiting), said)
        else:
            turn.outgoing.append(Outgoing(text=said, choices=tuple(talk.menu(turn))))


async def _ask_reason(turn: Turn, practice_id: str) -> None:
    async with turn.services.database.read() as connection:
        told = await find_told(connection, practice_id)
        may = told is not None and await is_lead(connection, turn.known.id, told.school_id, turn.today)
    if told is None:
        turn.say("practices.decided_withdrawn")
    elif not may:
        turn.say("practices.not_yours")
    elif told.state is not PracticeState.WAITING:
        _say_decided(turn, told)
    else:
        turn.change(practice=PracticeDraft(at=turn.now, practice_id=practice_id), draft=None, reminder=None)
        choices = [
            turn.button("practices.no_reason_button", f"{PREFIX}bare/{practice_id}"),
            turn.button("practices.keep_button", f"{PREFIX}later/{practice_id}", Tone.CONTROL),
        ]
        turn.say("practices.ask_reason", choices, name=_name_of_author(turn, told))


async def on_reason(turn: Turn, practice_id: str, reason: str | None) -> bool:
    """Why it is handed back; None: it is not after all. Always dealt with."""
    if reason is None:
        turn.change(practice=None)
        turn.say("practices.kept")
    elif len(reason) > LONGEST:
        turn.change(practice=PracticeDraft(at=turn.now, practice_id=practice_id))
        turn.say("practices.reason_too_long", length=len(reason), limit=LONGEST)
    else:
        await _decide(turn, practice_id, PracticeState.DECLINED, reason)
    return True


def _say_decided(turn: Turn, told: Told) -> None:
    """Somebody else, or they themselves, decided before."""
    turn.say(f"practices.decided_{told.state}", name=Words.own(told.decided_by_name or ""))


async def offer_to_withdraw(turn: Turn) -> None:
    """What the person told, or leads the school of, to be taken back by a tap."""
    async with turn.services.database.read() as connection:
        led = await schools_led(connection, turn.known.id, turn.today)
        found = (await withdrawable(connection, turn.known.id, led))[:OFFERED]
    if not found:
        turn.say("practices.nothing_to_withdraw")
        return
    lines = [turn.words("practices.which_to_withdraw")]
    choices: list[Choice] = []
    for number, each in enumerate(found, start=1):
        author = say_author(each.author_family_name, each.author_given_name, each.school, turn.speaker)
        day = f"{each.told_on.year}/{each.told_on.month}/{each.told_on.day}"
        text = Words.own(cut(each.text, LABEL))
        lines.append(turn.words("practices.withdraw_line", number=number, text=text, author=author, day=day))
        label = turn.words("practices.withdraw_button", number=number)
        choices.append(Choice(label=label, value=f"{PREFIX}out/{each.id}"))
    choices.append(turn.button("practices.keep_button", f"{PREFIX}later/-", Tone.CONTROL))
    turn.outgoing.append(Outgoing(text=Words.join(lines, "\n"), choices=tuple(choices)))


async def _withdraw(turn: Turn, practice_id: str) -> None:
    """Its words go at once; its document with the next look of ``Publisher``."""
    async with turn.services.database.write() as connection:
        told = await find_told(connection, practice_id)
        may = told is not None and (
            told.author_id == turn.known.id or await is_lead(connection, turn.known.id, told.school_id, turn.today)
        )
        if told is not None and may and await withdraw(connection, practice_id, turn.known.id, turn.now):
            name = Words.own(turn.known.called(turn.services.language))
            speaker = Speaker(language=turn.services.language, band="staff")
            text = speaker.say("practices.to_author_withdrawn", name=name, text=Words.own(told.text))
            await _tell_author(connection, turn, told, PracticeState.WITHDRAWN, text)
    if told is not None and not may:
        turn.say("practices.not_yours")
    elif told is not None and told.state is PracticeState.DECLINED:
        turn.say("practices.too_old", talk.menu(turn))
    else:
        turn.say("practices.withdrawn", talk.menu(turn))


async def _tell_author(connection: AsyncConnection, turn: Turn, told: Told, state: PracticeState, text: Words) -> None:
    """The author hears it where they were last; in the morning, where it is night. Who decided about their own need
    not be told."""
    if told.author_id == turn.known.id:
        return
    there = (await load_people(connection, [told.author_id], turn.today)).get(told.author_id)
    if there is None or not there.roles:  # they left the school
        return
    accounts = await accounts_of(connection, [told.author_id], turn.services.channels)
    due = due_at(turn, told.school_id)
    await outbox.put(
        connection,
        [
            item_for(turn, f"practice:{told.id}:{state}", person_id, account_id, text, due)
            for person_id, account_id in accounts.items()
        ],
    )


def _card(turn: Turn, told: Told) -> Words:
    author = say_author(told.author_family_name, told.author_given_name, told.school, turn.speaker)
    return say_card(told.text, say_about(told.grades, told.subject, turn.speaker), author, told.told_on, turn.speaker)


def _name_of_author(turn: Turn, told: Told) -> Words:
    family, given = told.author_family_name, told.author_given_name
    return Words.own(f"{given} {family}" if turn.language == "en" else family)
