"""Good practice in a chat: a teacher tells one, a preview, はい; others find it once a lead of the school took it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import select

from assistant.dialogue.asking import understand
from assistant.dialogue.practice_draft import PracticeDraft
from assistant.dialogue.practice_writes import AddPractice
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import TellOthers
from assistant.handlers import practice_reviews, talk
from assistant.handlers.practice_parts import PREFIX, cut, due_at, item_for, names_in
from assistant.messages import Kind, Outgoing, Tone, Words
from assistant.wording.practices import say_about, say_author, say_card
from assistant.wording.texts import Speaker
from intents.asides import Aside, find_aside
from intents.commands import Command, find_command
from intents.practices import PracticeAct, PracticeRequest, find_request, find_told, grades_of, subjects_of
from intents.spans import Reader
from knowledge.documents.readers import load_reader
from knowledge.questions.model import Vocabulary
from knowledge.questions.vocabulary import load_vocabulary
from knowledge.records.accounts import accounts_of
from knowledge.records.leads import ids_of_leads
from knowledge.records.practices import Told, count_waiting, shown_to
from knowledge.records.roster import Org
from knowledge.records.scope import Viewer, load_viewer

LONGEST = 1500  # characters of a practice
MOST_WAITING = 20  # of one author
SHOWN = 3  # practices in an answer
QUOTED = 200  # characters of each
ENOUGH = 0.5  # share of the pairs of letters of a word that must stand in a practice
MAY_BE_WORDS = frozenset({"note", "none", "documents", "content", Command.GREETING, Command.THANKS})


async def on_practices(turn: Turn) -> bool:
    """Everything about good practice, of staff. Anything else is left to others."""
    if turn.person is None or not turn.person.is_staff:
        return False
    choice = turn.incoming.choice or ""
    if turn.incoming.kind is Kind.CHOICE and choice.startswith(PREFIX):
        await _tapped(turn, choice[len(PREFIX) :].split("/"))
        return True
    if turn.incoming.kind is not Kind.TEXT:
        return False
    text = turn.incoming.text
    told = find_told(text)
    if told is not None:
        await _tell(turn, told)
        return True
    draft = turn.state.practice
    if draft is not None and draft.is_latest and draft.holds(turn.now) and await _go_on(turn, draft, text.strip()):
        return True
    request = find_request(text)
    if request is None:
        return False
    match request.act:
        case PracticeAct.REVIEW:
            await practice_reviews.review(turn)
        case PracticeAct.WITHDRAW:
            await practice_reviews.offer_to_withdraw(turn)
        case PracticeAct.HOW:
            turn.say("practices.how")
        case PracticeAct.FIND:
            await _find(turn, request)
    return True


async def _tapped(turn: Turn, parts: Sequence[str]) -> None:
    what, key = parts[0], "/".join(parts[1:])
    if await practice_reviews.on_button(turn, what, key):
        return
    draft = turn.state.practice
    if draft is None or draft.practice_id is not None or draft.key != key or not draft.holds(turn.now):
        turn.say("practices.too_old", talk.menu(turn))
    elif what == "yes" and draft.text and draft.is_previewed:
        await _hand_in(turn, draft)
    elif what == "nameless" and draft.text:
        await _tell(turn, draft.text, is_nameless=True)
    elif what == "fix":
        turn.change(practice=PracticeDraft(at=turn.now))
        turn.say("practices.write_again")
    else:
        turn.change(practice=None)
        turn.say("practices.cancelled")


async def _go_on(turn: Turn, draft: PracticeDraft, text: str) -> bool:
    """What was written while a draft is the latest thing. False: it is about something else."""
    aside, is_stop = find_aside(text), find_command(text) is Command.STOP
    if draft.practice_id is not None:
        if not (aside is Aside.NO or is_stop) and await _is_for_others(turn, text):
            return False
        return await practice_reviews.on_reason(turn, draft.practice_id, None if aside is Aside.NO or is_stop else text)
    if aside is Aside.NO or is_stop:
        await _tapped(turn, ["no", draft.key])
    elif aside is Aside.REWRITE or find_command(text) is Command.EDIT:
        await _tapped(turn, ["fix", draft.key])
    elif aside in (Aside.YES, Aside.SEND) and draft.text and draft.is_previewed:
        await _tapped(turn, ["yes", draft.key])
    elif not (draft.text and draft.is_previewed) and aside is None and not await _is_for_others(turn, text):
        await _tell(turn, text)
    else:
        return False
    return True


async def _is_for_others(turn: Turn, text: str) -> bool:
    """Whether a text is a command or plainly a question, so no words of a practice."""
    if find_command(text) is not None or find_request(text) is not None:
        return True
    meant = await understand(turn.services, turn.known.id, text, turn.incoming.occurred_at, turn.state.topic)
    return meant["confidence"] == "clear" and meant["intent"] not in MAY_BE_WORDS


async def _tell(turn: Turn, text: str, *, is_nameless: bool = False) -> None:
    """The preview of a practice, or what stands against it; nothing is stored yet. ``is_nameless``: the author has
    said that what looks like a name is none."""
    async with turn.services.database.read() as connection:
        viewer = await load_viewer(connection, turn.known.id, turn.today)
        vocabulary = await load_vocabulary(connection, viewer, turn.services.timezone)
        columns = (Org.name, Org.type, Org.parent_sourced_id)
        school = (await connection.execute(select(*columns).where(Org.sourced_id == turn.known.school_id))).first()
        parent = None if school is None else school.parent_sourced_id
        district = await connection.scalar(select(Org.name).where(Org.sourced_id == parent))
        waiting = await count_waiting(connection, turn.known.id)
    if school is None or school.type != "school":
        turn.say("practices.only_schools")
        return
    if not text:
        turn.change(practice=PracticeDraft(at=turn.now))
        turn.say("practices.how")
        return
    if len(text) > LONGEST:
        turn.say("practices.too_long", length=len(text), limit=LONGEST)
        return
    if waiting >= MOST_WAITING:
        turn.say("practices.too_many", count=waiting)
        return
    names = names_in(text, vocabulary)
    if names.sure:  # what was written with a name is not kept: it is to be written anew
        turn.change(practice=PracticeDraft(at=turn.now))
        turn.say("practices.named", names=names.listed(turn))
        return
    if names.maybe and not is_nameless:
        draft = PracticeDraft(at=turn.now, text=text, is_previewed=False)
        turn.change(practice=draft, draft=None, reminder=None)
        choices = [
            turn.button("practices.fix_button", f"{PREFIX}fix/{draft.key}"),
            turn.button("practices.no_name_button", f"{PREFIX}nameless/{draft.key}"),
            turn.button("practices.cancel_button", f"{PREFIX}no/{draft.key}", Tone.CONTROL),
        ]
        turn.say("practices.may_be_named", choices, names=names.listed(turn))
        return
    subject, grades = _matter(text, vocabulary, viewer)
    draft = PracticeDraft(at=turn.now, text=text, subject=subject, grades=grades)
    turn.change(practice=draft, draft=None, reminder=None)  # so that はい means one thing only
    author = say_author(turn.known.family_name, turn.known.given_name, school.name, turn.speaker)
    lines = [
        turn.words("practices.preview"),
        say_card(text, say_about(grades, subject, turn.speaker), author, turn.today, turn.speaker),
        turn.words("practices.preview_readers", district=Words.own(district))
        if district
        else turn.words("practices.preview_readers_school"),
    ]
    choices = (
        turn.button("practices.yes_button", f"{PREFIX}yes/{draft.key}"),
        turn.button("practices.fix_button", f"{PREFIX}fix/{draft.key}", Tone.CONTROL),
        turn.button("practices.cancel_button", f"{PREFIX}no/{draft.key}", Tone.CONTROL),
    )
    turn.outgoing.append(Outgoing(text=Words.join(lines, "\n\n"), choices=choices))


def _matter(text: str, vocabulary: Vocabulary, viewer: Viewer) -> tuple[str | None, tuple[str, ...]]:
    """Its subject and grades: as it says, else those of the teacher's own class."""
    own = [each for each in vocabulary.grades if each.school_id in vocabulary.own_schools]
    stages = "".join(sorted({each.grade[0] for each in own if each.grade[0] in "PJH"})) or "P"
    subjects = subjects_of(text)
    subject = next((each for each in subjects if each in vocabulary.subjects), subjects[0] if subjects else None)
    if subject is None and len(viewer.subjects) == 1:
        [subject] = viewer.subjects
    taught = viewer.homerooms or viewer.subject_classes
    grades = grades_of(text, stages) or tuple(
        sorted({each.grade for each in vocabulary.classes if each.id in taught and each.grade})
    )
    return subject, grades


async def _hand_in(turn: Turn, draft: PracticeDraft) -> None:
    """はい: it waits, and the leads of the school are told; at night in the morning."""
    turn.change(practice=None)
    school_id = turn.known.school_id or ""
    practice_id = str(uuid5(NAMESPACE_URL, f"practice:{turn.incoming.event_id}"))
    turn.writes.append(
        AddPractice(
            practice_id=practice_id,
            author_id=turn.known.id,
            school_id=school_id,
            subject=draft.subject,
            grades=draft.grades,
            text=draft.text,
            at=turn.now,
        )
    )
    async with turn.services.database.read() as connection:
        leads = await ids_of_leads(connection, school_id, turn.today)
        accounts = await accounts_of(connection, leads - {turn.known.id}, turn.services.channels)
    due = due_at(turn, school_id)
    name = Words.own(turn.known.called(turn.services.language))
    text = Speaker(language=turn.services.language, band="staff").say("practices.to_lead", name=name)
    for person_id, account_id in accounts.items():
        key = f"practice:{practice_id}:told:{person_id}"
        turn.writes.append(TellOthers(item=item_for(turn, key, person_id, account_id, text, due)))
    if not accounts:
        turn.say("practices.handed_in_quietly")
    elif due > turn.now:
        turn.say("practices.handed_in_later", time=f"{due:%H:%M}")
    else:
        turn.say("practices.handed_in")


async def _find(turn: Turn, request: PracticeRequest) -> None:
    """What the schools of the district have approved, the best fitting first, of equals the newest."""
    async with turn.services.database.read() as connection:
        reader = await load_reader(connection, turn.known.id, turn.today)
        every = await shown_to(connection, reader.staff_orgs) if reader.is_staff else []
    scores = [(_fit(each, request), each) for each in every]
    fitting = [each for score, each in sorted(scores, key=lambda one: -one[0]) if score > 0]
    if not fitting:
        turn.say("practices.none_found" if every else "practices.none_at_all")
        return
    lines = [turn.words("practices.found", count=len(fitting))]
    for each in fitting[:SHOWN]:
        author = say_author(each.author_family_name, each.author_given_name, each.school, turn.speaker)
        about = say_about(each.grades, each.subject, turn.speaker)
        lines.append(say_card(cut(each.text, QUOTED), about, author, each.told_on, turn.speaker))
    if len(fitting) > SHOWN:
        lines.append(turn.words("practices.found_more", count=len(fitting) - SHOWN))
    turn.outgoing.append(Outgoing(text=Words.join(lines, "\n\n")))


def _fit(told: Told, request: PracticeRequest) -> float:
    """How well a practice fits what was asked, 0 where it does not: subject and grade must, and of the words that were
    said half; a practice of the very grade comes before one of any."""
    text = Reader(told.text).folded
    if request.subjects and told.subject not in request.subjects:
        return 0
    if request.grades and told.grades and set(request.grades).isdisjoint(told.grades):
        return 0
    shares = [_share(Reader(word).folded, text) for word in request.words]
    if shares and max(shares) < ENOUGH:
        return 0
    return 1 + sum(shares) + bool(request.grades and told.grades)


def _share(word: str, text: str) -> float:
    """How much of a word stands in a text: 1 where it stands there, else the share of its pairs of letters."""
    pairs = {word[at : at + 2] for at in range(len(word) - 1)}
    if word in text or not pairs:
        return float(word in text)
    return sum(pair in text for pair in pairs) / len(pairs) if not word.isascii() else 0.0
