"""A child wants to talk: with whom, what about, in at most two taps or in its own words; and やっぱりいい.

Buttons carry what they mean: ``w/with/<key>/<person>``, ``w/about/<key>/<subject>/<person>``. The key is of one asking,
and one asking makes one wish, however often its buttons are tapped. A person is a sourcedId, ``*`` for anyone or ``-``
for nobody at school; who may be chosen is looked up anew with every tap.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from assistant.dialogue.flow import MAX_CHOICES
from assistant.dialogue.talk_writes import AddTalkRequest, CloseTalkRequest, LetOthersKnow
from assistant.dialogue.taps import key_of
from assistant.dialogue.turn import Turn
from assistant.dialogue.wish_draft import WishDraft
from assistant.dialogue.writes import TellOthers
from assistant.handlers import care, checkin
from assistant.messages import Choice, Kind, Outgoing, Tone, Words
from assistant.talking import PREFIX, say_who
from intents.commands import Command, find_command, find_note
from intents.normalise import fold
from intents.wishes import Subject, Whom, Wish, find_subject, find_whom, find_wish, is_withdrawal
from knowledge.records.accounts import accounts_of
from knowledge.records.audit import Act, Entry
from knowledge.records.audit import Kind as Audited
from knowledge.records.care_staff import Wanted, find_chain
from knowledge.records.talk_requests import Chosen, Confidant, Passing, confidants_of, find_request, open_requests
from scheduler.outbox import Item
from scheduler.talks import KIND
from scheduler.tellings import first_key

ANYONE, OUTSIDE = "*", "-"  # persons of a button who are nobody in particular
BEFORE = "!tell_teacher"  # the button of earlier versions
ALWAYS = 3  # buttons under the question with whom beside those of people: だれでもいい, 学校の外, やっぱりいい
A_PAGE = MAX_CHOICES - ALWAYS - 1  # people, with room for ほかの先生
LIVES = timedelta(days=1)  # so long the buttons of one asking make its wish
ENDS = (Command.STOP, Command.DECLINE)
ANSWERS = (None, Command.SKIP, *ENDS)  # 「言いたくない」 passes over a question elsewhere


async def on_wish(turn: Turn) -> bool:
    """Everything a child does about its wish to talk. Anything else is left to others."""
    if turn.person is None or not turn.person.is_student:
        return False
    choice = turn.incoming.choice or ""
    if turn.incoming.kind is Kind.CHOICE and choice.startswith(PREFIX):
        await _tapped(turn, choice.removeprefix(PREFIX))
        return True
    if turn.incoming.kind is Kind.CHOICE and choice == BEFORE:
        await ask_whom(turn)
        return True
    return turn.incoming.kind is Kind.TEXT and await _typed(turn, turn.incoming.text)


async def ask_whom(
    turn: Turn, lead: str = "whom", *, page: int = 0, subject: Subject | None = None, before: Words | None = None
) -> None:
    """相談: with whom, and who is there outside; nobody is told unasked. A waiting question waits on, unasked.
    ``before``: said instead of the question."""
    turn.change(pending=None, wish=WishDraft(at=turn.now, subject=subject))
    people = await _confidants(turn)
    pages = [people[start : start + A_PAGE] for start in range(0, len(people), A_PAGE)] or [[]]
    if len(pages) == 2 and len(pages[1]) == 1:
        pages = [people]  # the last one takes the place of ほかの先生
    shown, key = pages[page % len(pages)], key_of(turn.now)
    choices = [Choice(label=_label(turn, each, people), value=_value(key, each.person_id, subject)) for each in shown]
    if len(pages) > 1:
        choices.append(turn.button("wishes.other_button", f"{PREFIX}whom/{page + 1}"))
    choices.append(turn.button("wishes.anyone_button", _value(key, ANYONE, subject)))
    choices.append(turn.button("wishes.outside_button", _value(key, OUTSIDE, subject)))
    choices.append(turn.button("wishes.stop_button", f"{PREFIX}stop/", Tone.CONTROL))
    lines = care.help_lines(turn) if lead == "whom" else Words()  # beside the question, which stands first
    turn.outgoing.append(Outgoing(text=before or turn.words(f"wishes.{lead}"), aside=lines, choices=tuple(choices)))


async def _tapped(turn: Turn, value: str) -> None:
    what, _, rest = value.partition("/")
    match what:
        case "whom":
            page = int(rest) if rest.isdecimal() and len(rest) < 3 else 0
            await ask_whom(turn, "whom_page" if page else "whom_again", page=page)
        case "with":
            key, _, person = rest.partition("/")
            await _ask_about(turn, key, person)
        case "about":
            key, subject, person = [*rest.split("/", 2), "", ""][:3]
            await _choose(turn, key, subject, person)
        case "stop":
            _stop(turn)
        case "never":
            await _take_back(turn, rest)
        case "yes" | "no":
            await _let_others_know(turn, rest, Passing(what))
        case _:
            _refuse(turn, "button")
            await ask_whom(turn, "whom_again")


async def _typed(turn: Turn, text: str) -> bool:
    wish = find_wish(text)
    if wish is not None:
        await _begin(turn, wish)
        return True
    draft, is_free = turn.state.wish, checkin.pending_today(turn) is None
    is_asked = draft is not None and draft.holds(turn.now) and is_free
    if is_withdrawal(text) and is_free:
        if is_asked:
            _stop(turn)
            return True
        async with turn.services.database.read() as connection:
            waiting = await open_requests(connection, turn.known.id)
        if waiting:
            await _take_back(turn, waiting[0].id)
        return bool(waiting)
    command = find_command(text)
    if draft is None or not is_asked or command not in ANSWERS or find_note(text) is not None:
        return False
    if command in ENDS:
        _stop(turn)
    elif draft.person is not None:
        subject = find_subject(text)
        if subject is None:
            _ask_subject(turn, key_of(draft.at), draft.person, turn.words("wishes.about_again"))
        else:
            await _choose(turn, key_of(draft.at), subject, draft.person)
    elif (named := find_whom(text)) is not None:
        subject = Subject(draft.subject) if draft.subject else None
        await _begin(turn, Wish(whom=named.whom, name=named.name, subject=subject))
    else:
        return False
    return True


async def _begin(turn: Turn, wish: Wish) -> None:
    """What was said in words: only what it leaves open is asked."""
    people = await _confidants(turn)
    match wish.whom:
        case Whom.ANYONE | Whom.OUTSIDE:
            found = [ANYONE if wish.whom is Whom.ANYONE else OUTSIDE]
        case Whom.HOMEROOM | Whom.NURSE | Whom.COUNSELOR:
            found = [each.person_id for each in people if each.chosen_as == wish.whom.value]
        case Whom.OTHER:
            others = [each for each in people if each.chosen_as is not Chosen.HOMEROOM]
            await ask_whom(turn, "whom_page" if others else "nobody_else", subject=wish.subject)
            return
        case None:
            found = [each.person_id for each in people if wish.name and wish.name in _names(each)]
    is_named = wish.whom is not None or wish.name
    if len(found) != 1:
        lead = "cannot_choose" if is_named and not found else "whom_again" if is_named else "whom"
        await ask_whom(turn, lead, subject=wish.subject)
    elif wish.subject is None:
        await _ask_about(turn, key_of(turn.now), found[0])
    else:
        await _choose(turn, key_of(turn.now), wish.subject, found[0])


async def _ask_about(turn: Turn, key: str, person: str) -> None:
    """The second question; nobody outside is told anything, so there it is not asked."""
    if person == OUTSIDE:
        _say_outside(turn)
        return
    chosen = await _chosen(turn, person)
    if chosen is not None:
        at = _moment(turn, key) or turn.now
        _ask_subject(turn, key_of(at), person, turn.words("wishes.about", who=_who(turn, chosen)))


def _ask_subject(turn: Turn, key: str, person: str, said: Words) -> None:
    turn.change(pending=None, wish=WishDraft(at=_moment(turn, key) or turn.now, person=person))
    choices = [turn.button(f"wishes.subject_{each}", f"{PREFIX}about/{key}/{each}/{person}") for each in Subject]
    choices.append(turn.button("wishes.stop_button", f"{PREFIX}stop/", Tone.CONTROL))
    turn.outgoing.append(Outgoing(text=said, choices=tuple(choices)))


async def _choose(turn: Turn, key: str, subject: str, person: str) -> None:
    """Person and subject are there: exactly the one who was chosen is told, once for one asking."""
    if person == OUTSIDE:
        _say_outside(turn)
        return
    at = _moment(turn, key)
    if subject not in [*Subject] or at is None:  # made up, or of a day that is over: who is there may have changed
        await ask_whom(turn, "whom_again")
        return
    chosen = await _chosen(turn, person)
    if chosen is None:
        return
    request_id = str(uuid5(NAMESPACE_URL, f"{turn.known.id}/talk/{key_of(at)}"))
    async with turn.services.database.read() as connection:
        known = await find_request(connection, request_id)
        waiting = await open_requests(connection, turn.known.id)
    chosen_id = chosen.person_id if isinstance(chosen, Confidant) else None
    same = next((each for each in waiting if each.read_at is None and each.chosen_id == chosen_id), None)
    turn.change(pending=None, wish=None)
    if known is not None and known.closed_at is not None:
        turn.say("wishes.closed_already")
    elif (there := known or same) is not None:
        says = "already" if there.read_at is None else "already_read"
        who = await _who_of(turn, there.chosen_id)
        turn.say(f"wishes.{says}", [_never(turn, there.id)], who=who)
    else:
        await _tell(turn, request_id, chosen, subject)


async def _tell(turn: Turn, request_id: str, chosen: Confidant | Chosen, subject: str) -> None:
    """Store the wish, tell whom it is for, and say honestly whether that can be read now."""
    person_id = chosen.person_id if isinstance(chosen, Confidant) else None
    async with turn.services.database.read() as connection:
        if person_id is not None:
            accounts = await accounts_of(connection, [person_id], turn.services.channels)
        else:
            lists, channels = turn.services.times.care_of, turn.services.channels
            chain = await find_chain(connection, Wanted(student_id=turn.known.id), lists, turn.today, channels)
            accounts = {each.person_id: each.account_id for each in chain.first}
    keys = {person: first_key(KIND, request_id, person) for person in accounts}
    turn.writes.append(
        AddTalkRequest(
            request_id=request_id,
            student_id=turn.known.id,
            at=turn.now,
            chosen_as=chosen.chosen_as if isinstance(chosen, Confidant) else chosen,
            chosen_id=person_id,
            subject=subject,
            told=tuple(keys.items()),
        )
    )
    for person, account_id in accounts.items():
        item = Item(
            key=keys[person],
            account_id=account_id,
            kind=KIND,
            payload={"item_id": request_id, "person_id": person},
            due_at=turn.now,
            created_at=turn.now,
            person_id=person,
        )
        turn.writes.append(TellOthers(item=item))
    who = _who(turn, chosen)
    if not accounts:
        await ask_whom(turn, "not_reached", before=turn.words("wishes.not_reached", who=who))
        return
    in_hours = await care.is_staffed(turn, turn.known)
    parts = [turn.words(f"wishes.told_{'in' if in_hours else 'out_of'}_hours", who=who)]
    if not in_hours:
        parts.append(care.help_lines(turn))
    turn.outgoing.append(Outgoing(text=Words.join(parts, "\n\n"), choices=(_never(turn, request_id),)))


async def _take_back(turn: Turn, request_id: str) -> None:
    """やっぱりいい. Of a wish that is not the child's the answer is the same as of one that is over."""
    async with turn.services.database.read() as connection:
        row = await find_request(connection, request_id)
    turn.change(pending=None, wish=None)
    if row is None or row.student_id != turn.known.id:
        _refuse(turn, "take back", row.student_id if row is not None else None)
    elif row.closed_at is None:
        turn.writes.append(CloseTalkRequest(request_id=row.id, person_id=turn.known.id, at=turn.now))
        turn.say("wishes.taken_back")
        return
    turn.say("wishes.closed_already")


async def _let_others_know(turn: Turn, request_id: str, passing: Passing) -> None:
    """The answer to 「ほかの先生に伝えてもいい？」."""
    async with turn.services.database.read() as connection:
        row = await find_request(connection, request_id)
    if row is None or row.student_id != turn.known.id:
        _refuse(turn, "pass on", row.student_id if row is not None else None)
        turn.say("wishes.closed_already")
    elif row.closed_at is not None:
        turn.say("wishes.closed_already")
    elif row.read_at is not None:
        turn.say("wishes.already_read", [_never(turn, row.id)], who=await _who_of(turn, row.chosen_id))
    else:
        turn.writes.append(LetOthersKnow(request_id=row.id, passing=passing, at=turn.now))
        who = await _who_of(turn, row.chosen_id)
        turn.say(f"wishes.others_{passing}", [_never(turn, row.id)], **({"who": who} if passing is Passing.NO else {}))


def _stop(turn: Turn) -> None:
    turn.change(wish=None)
    turn.say("wishes.stopped")


def _say_outside(turn: Turn) -> None:
    turn.change(pending=None, wish=None)
    parts = [turn.words("wishes.outside"), care.help_lines(turn)]
    turn.outgoing.append(Outgoing(text=Words.join(parts, "\n\n")))


async def _chosen(turn: Turn, person: str) -> Confidant | Chosen | None:
    """Whom a button or a word means; None, said and kept in the audit, for whoever is not there for this child: a
    teacher who left, one of another school, somebody made up."""
    if person == ANYONE:
        return Chosen.ANYONE
    found = next((each for each in await _confidants(turn) if each.person_id == person), None)
    if found is None:
        _refuse(turn, "choose")
        await ask_whom(turn, "cannot_choose")
    return found


async def _confidants(turn: Turn) -> list[Confidant]:
    """Those of the homeroom, nurse and counsellor first, then the other teachers."""
    async with turn.services.database.read() as connection:
        people = await confidants_of(connection, turn.known.id, turn.today)
    return sorted(people, key=lambda each: each.chosen_as is Chosen.TEACHER)


def _refuse(turn: Turn, detail: str, student_id: str | None = None) -> None:
    turn.audit(
        Entry(
            actor_id=turn.known.id,
            act=Act.REFUSED,
            kind=Audited.TALK_REQUESTS,
            subject_ids=[student_id] if student_id is not None else (),
            channel=turn.incoming.channel,
            at=turn.now,
            detail=detail,
        )
    )


async def _who_of(turn: Turn, person_id: str | None) -> Words:
    people = await _confidants(turn)
    return _who(turn, next((each for each in people if each.person_id == person_id), Chosen.ANYONE))


def _who(turn: Turn, chosen: Confidant | Chosen) -> Words:
    if not isinstance(chosen, Confidant):
        return turn.words(f"wishes.{chosen}_named")
    return say_who(turn.speaker, chosen.chosen_as, chosen.family_name, chosen.given_name, chosen.kana_family_name)


def _label(turn: Turn, person: Confidant, people: Sequence[Confidant]) -> Words:
    """What they are where that says who it is, otherwise by name."""
    same = [each for each in people if each.chosen_as is person.chosen_as]
    if person.chosen_as is not Chosen.TEACHER and len(same) == 1:
        return turn.words(f"wishes.{person.chosen_as}_button")
    family, given, kana = person.family_name, person.given_name, person.kana_family_name
    if turn.language == "ja" and sum(each.family_name == family for each in people) > 1:
        family, kana = f"{family} {given}", None  # 佐藤先生 may be two
    return say_who(turn.speaker, Chosen.TEACHER, family, given, kana)


def _names(person: Confidant) -> set[str]:
    whole = (f"{person.family_name}{person.given_name}", f"{person.given_name} {person.family_name}")
    return {fold(each) for each in (person.family_name, person.kana_family_name or "", *whole) if each}


def _value(key: str, person: str, subject: Subject | None) -> str:
    return f"{PREFIX}with/{key}/{person}" if subject is None else f"{PREFIX}about/{key}/{subject}/{person}"


def _never(turn: Turn, request_id: str) -> Choice:
    return turn.button("wishes.stop_button", f"{PREFIX}never/{request_id}", Tone.CONTROL)


def _moment(turn: Turn, key: str) -> datetime | None:
    """When the child was asked; None for a key that is none, or whose day is over."""
    try:
        at = datetime.fromtimestamp(int(key[:20], 16) / 1_000_000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return at if abs(turn.now - at) < LIVES else None
