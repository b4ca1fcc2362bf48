"""From a list of students to an act: a draft, a preview, somebody left out, and only then a word to each child."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from assistant import replying
from assistant.dialogue.asking import understand
from assistant.dialogue.draft import Draft
from assistant.dialogue.people import Person
from assistant.dialogue.people_store import load_people
from assistant.dialogue.topic import Topic
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import TellOthers
from assistant.handlers import talk, talks
from assistant.handlers.replying import next_button, show_one
from assistant.messages import Choice, Kind, Outgoing, Tone, Words
from assistant.wording.grade_fit import to_kana
from assistant.wording.texts import Speaker
from intents.asides import Aside, Naming, find_aside, find_naming
from intents.commands import Command, find_command
from intents.managing import find_managing
from knowledge.questions.model import Metric, Period, Question, Scope, ScopeKind, Shape
from knowledge.records.accounts import accounts_of
from knowledge.records.audit import Kind as AuditKind
from knowledge.records.scope import load_viewer, permit_for
from scheduler.outbox import Item

UNDER = "="  # a button's value: something about the answer above it
DRAFT = "@"  # a button's value: something about the draft, ``@send/<key of the draft>``
NAMED = 30  # recipients named in a preview; the rest is counted
BUTTONS = 8  # recipients who can be left out by a tap
MAY_BE_WORDS = frozenset({"note", Command.GREETING, Command.THANKS})  # what a text to a child may be taken for


async def on_reaching(turn: Turn) -> bool:
    """Everything about words from staff to children. Anything else is left to others."""
    if turn.person is None or turn.person.band != "staff":
        return False
    choice = turn.incoming.choice or ""
    if turn.incoming.kind is Kind.CHOICE and choice.startswith(UNDER):
        return await _begin_by_button(turn, choice[len(UNDER) :].split("/"))
    if turn.incoming.kind is Kind.CHOICE and choice.startswith(DRAFT):
        return await _go_on_by_button(turn, choice[len(DRAFT) :].split("/"))
    if turn.incoming.kind is not Kind.TEXT:
        return False
    draft = turn.state.draft
    if draft is not None and draft.holds(turn.now):
        return await _go_on_by_words(turn, draft, turn.incoming.text.strip())
    return await _begin_by_words(turn, turn.incoming.text)


async def _begin_by_button(turn: Turn, parts: Sequence[str]) -> bool:
    """声をかける, 返信, 対応した: under an answer that lists children."""
    if parts[0] not in (Aside.REACH, Naming.REPLY, Naming.CLOSE):
        return False
    topic = turn.state.topic
    if topic is None or len(parts) < 2 or parts[1] != topic.key:
        turn.say("asking.button_too_old", talk.menu(turn))
        return True
    chosen = [student for student in topic.students if student[0] in parts[2:3]]
    match parts[0]:
        case Aside.REACH if topic.students:
            await _begin(turn, topic.students, None)
        case Naming.REPLY if chosen and (day := dict(topic.reflections).get(chosen[0][0])) is not None:
            await _begin(turn, chosen, day)
        case Naming.CLOSE if chosen:
            await _close_requests(turn, chosen[0])
        case _:
            turn.say("asking.button_too_old", talk.menu(turn))
    return True


async def _begin_by_words(turn: Turn, text: str) -> bool:
    topic = turn.state.topic
    if topic is None or not topic.previous().holds(turn.now) or not topic.students:
        return False
    if find_aside(text) is Aside.REACH:
        await _begin(turn, topic.students, None)
        return True
    named = find_naming(text)
    if named is None or named.what is Naming.LEAVE_OUT:
        return False
    found = _called(topic.students, named.name)
    if named.what is Naming.REPLY:
        days = dict(topic.reflections)
        found = [student for student in found if student[0] in days]
        if len(found) == 1:
            await _begin(turn, found, days[found[0][0]])
            return True
    elif len(found) == 1 and topic.question is not None and topic.question.metric is Metric.TALK_REQUESTS:
        await _close_requests(turn, found[0])
        return True
    return False


async def _begin(turn: Turn, students: Sequence[tuple[str, str]], reflection: date | None) -> None:
    """Ask for the words, with a draft to tap."""
    if not await _may_reach(turn, students):
        turn.audit_refusal(AuditKind.PERSON, "words to children", [id for id, _ in students])
        turn.say("answers.refused")
        return
    if reflection is not None and await show_one(turn, students[0][0], reflection):
        return
    ready = str(turn.words(f"reaching.draft_{_about(turn.state.topic)}")) if reflection is None else None
    _ask_for_words(turn, Draft(at=turn.now, students=tuple(students), ready=ready, reflection=reflection))


def _ask_for_words(turn: Turn, draft: Draft) -> None:
    turn.change(draft=draft)
    if draft.ready is None:
        turn.say("reaching.write_reply", [_cancel(turn, draft)], name=Words.own(draft.students[0][1]))
        return
    choices = [turn.button("reaching.use_draft", f"{DRAFT}use/{draft.key}"), _cancel(turn, draft)]
    turn.say("reaching.write", choices, count=len(draft.students), draft=draft.ready)


async def _go_on_by_words(turn: Turn, draft: Draft, text: str) -> bool:
    aside, named = find_aside(text), find_naming(text)
    if aside in (Aside.YES, Aside.NO) and not draft.is_latest:
        return False  # it answers what was said since
    if aside is Aside.NO or find_command(text) is Command.STOP:
        return await _go_on_by_button(turn, ["cancel", draft.key])
    if named is not None and named.what is Naming.LEAVE_OUT:
        found = _called(draft.students, named.name)
        if len(found) == 1:
            return await _go_on_by_button(turn, ["out", draft.key, found[0][0]])
        if found or draft.text is not None:  # otherwise it may be a word to them: 「マスクを外して」
            turn.say("reaching.which_one" if found else "reaching.nobody_of_that_name", name=Words.own(named.name))
            return True
    if await _begin_by_words(turn, text):
        return True
    if draft.text is None and text.isdecimal() and 0 < int(text) <= len(draft.offers):
        return await _go_on_by_button(turn, ["offer", draft.key, str(int(text) - 1)])
    match aside:
        case Aside.SEND | Aside.YES | Aside.REWRITE if draft.text is None:
            _ask_for_words(turn, draft)
        case Aside.SEND | Aside.YES:
            return await _go_on_by_button(turn, ["send", draft.key])
        case Aside.REWRITE:
            return await _go_on_by_button(turn, ["rewrite", draft.key])
        case None if draft.text is None and not await _is_for_us(turn, text):
            await _preview(turn, draft, text)
        case _:
            return False  # something else; the draft waits for a while
    return True


async def _is_for_us(turn: Turn, text: str) -> bool:
    """Whether a text is a command or plainly a question, so no word to a child."""
    if find_managing(text) is not None:
        return True
    meant = await understand(turn.services, turn.known.id, text, turn.incoming.occurred_at, turn.state.topic)
    return meant["confidence"] == "clear" and meant["intent"] not in MAY_BE_WORDS


async def _go_on_by_button(turn: Turn, parts: Sequence[str]) -> bool:
    draft = turn.state.draft
    if draft is None or not draft.holds(turn.now) or len(parts) < 2 or parts[1] != draft.key:
        turn.say("reaching.no_draft", talk.menu(turn))
        return True
    match parts[0]:
        case "use":
            await _preview(turn, draft, draft.ready or "")
        case "offer" if parts[2:] and parts[2].isdecimal() and int(parts[2]) < len(draft.offers):
            await _preview(turn, draft, draft.offers[int(parts[2])])
        case "out" if len(draft.students) > 1:
            left = tuple(student for student in draft.students if student[0] not in parts[2:3])
            draft = replace(draft, students=left, at=turn.now)
            if draft.text is None:
                _ask_for_words(turn, draft)
            else:
                await _preview(turn, draft, draft.text)
        case "out":
            turn.say("reaching.nobody_left", [_cancel(turn, draft)])
        case "rewrite":
            turn.change(draft=replace(draft, text=None, at=turn.now))
            turn.say("reaching.write_again")
        case "send" if draft.text is not None:
            await _send(turn, draft, draft.text)
        case _:
            turn.change(draft=None)
            turn.say("reaching.cancelled", talk.menu(turn))
    return True


async def _preview(turn: Turn, draft: Draft, text: str) -> None:
    """Who gets which words, as a child of the youngest grade among them will read them; nothing is sent yet."""
    if not text or len(text) > replying.LONGEST:
        turn.say("reaching.too_long" if text else "reaching.write_again", most=replying.LONGEST)
        return
    draft = replace(draft, text=text, at=turn.now)
    turn.change(draft=draft)
    ids = [id for id, _ in draft.students]
    async with turn.services.database.read() as connection:
        people = await load_people(connection, ids, turn.today)
        reached = await accounts_of(connection, people, turn.services.channels)
    grades = sorted((person.grade for person in people.values() if person.grade), key=_age)
    shown = to_kana(text, grades[0]) if grades and turn.language == "ja" else text
    comma = str(turn.words("reaching.comma"))
    named = [Words.own(label) for _, label in draft.students[:NAMED]]
    if len(draft.students) > NAMED:
        named.append(turn.words("reaching.others", count=len(draft.students) - NAMED))
    away = [Words.own(label) for id, label in draft.students if id not in reached]
    parts = [
        turn.words("reaching.preview", count=len(draft.students), names=Words.join(named, comma)),
        turn.words("reaching.preview_text", sender=_sender(turn), text=Words.own(shown)),
    ]
    if away:
        parts.append(turn.words("reaching.not_linked", names=Words.join(away, comma)))
    out = [
        Choice(
            label=turn.words("reaching.leave_out", name=Words.own(label)),
            value=f"{DRAFT}out/{draft.key}/{id}",
            tone=Tone.CONTROL,
        )
        for id, label in (draft.students[:BUTTONS] if len(draft.students) > 1 else ())
    ]
    choices = (
        turn.button("reaching.send", f"{DRAFT}send/{draft.key}"),
        turn.button("reaching.rewrite", f"{DRAFT}rewrite/{draft.key}"),
        *out,
        _cancel(turn, draft),
    )
    turn.outgoing.append(Outgoing(text=Words.join(parts, "\n\n"), choices=choices))


async def _send(turn: Turn, draft: Draft, text: str) -> None:
    """One message to each child that can be reached, through the outbox, once however often the button is tapped."""
    turn.change(draft=None)
    if not await _may_reach(turn, draft.students):  # rights may have ended since the draft was begun
        turn.audit_refusal(AuditKind.PERSON, "words to children", [id for id, _ in draft.students])
        turn.say("answers.refused")
        return
    ids = [id for id, _ in draft.students]
    async with turn.services.database.read() as connection:
        people = await load_people(connection, ids, turn.today)
        accounts = await accounts_of(connection, people, turn.services.channels)  # not those who left the school
    for student_id, account_id in accounts.items():
        if draft.reflection is None:
            turn.writes.append(_word_to(turn, people[student_id], account_id, text))
        else:
            turn.writes += replying.writes_of(
                turn.services,
                replying.Replied(
                    reply_id=turn.incoming.event_id,
                    child=people[student_id],
                    account_id=account_id,
                    day=draft.reflection,
                    author=turn.known,
                    text=text,
                    at=turn.now,
                    channel=turn.incoming.channel,
                ),
            )
    away = [Words.own(label) for id, label in draft.students if id not in accounts]
    parts = [turn.words("reaching.sent", count=len(accounts))] if accounts else [turn.words("reaching.sent_to_nobody")]
    if away:
        names = Words.join(away, str(turn.words("reaching.comma")))
        parts.append(turn.words("reaching.not_linked", names=names))
    if accounts and draft.reflection is not None:
        due = replying.due_at(turn.services, people[ids[0]], turn.now)
        if due > turn.now:
            parts.append(turn.words("replying.waits_until", time=f"{due:%H:%M}"))
    choices = talk.menu(turn) if draft.after is None else [next_button(turn, draft.after)]
    turn.outgoing.append(Outgoing(text=Words.join(parts, "\n"), choices=tuple(choices)))


def _word_to(turn: Turn, child: Person, account_id: str, text: str) -> TellOthers:
    speaker = Speaker(language=turn.services.language, band=child.band)
    said = speaker.say("reaching.to_child", sender=_sender(turn), text=Words.of(text))
    item = Item(
        key=f"reach:{turn.incoming.event_id}:{child.id}",
        account_id=account_id,
        kind="messages",
        payload={"messages": [Outgoing(text=said).to_json()], "grade": child.grade},
        due_at=turn.now,
        created_at=turn.now,
    )
    return TellOthers(item=item)


async def _close_requests(turn: Turn, student: tuple[str, str]) -> None:
    """対応した: the child's wishes to talk that were listed then are closed."""
    if not await _may_reach(turn, [student], Metric.TALK_REQUESTS):
        turn.audit_refusal(AuditKind.TALK_REQUESTS, "closing a request", [student[0]])
        turn.say("answers.refused")
        return
    await talks.close_of(turn, *student)


async def _may_reach(turn: Turn, students: Sequence[tuple[str, str]], metric: Metric = Metric.REFLECTION_RATE) -> bool:
    """Whether the person may still ask about every one of them; who may not ask, may not write either."""
    today = Period(start=turn.today, end=turn.today, label="")
    scope = Scope(kind=ScopeKind.LIST, ids=tuple(id for id, _ in students), label="")
    question = Question(metric=metric, shape=Shape.STUDENTS, scope=scope, period=today)
    async with turn.services.database.read() as connection:
        viewer = await load_viewer(connection, turn.known.id, turn.today)
        return await permit_for(connection, viewer, question) is not None


def _called(students: Sequence[tuple[str, str]], name: str) -> list[tuple[str, str]]:
    """Those of the list whose family, given or full name this is."""
    bare = name.replace(" ", "").replace("\u3000", "")
    return [(id, label) for id, label in students if bare in (*label.split(), label.replace(" ", ""))]


def _about(topic: Topic | None) -> str:
    """Which draft fits the list: of those whose check-in is missing, or any other."""
    question = topic.question if topic is not None else None
    is_missing = question is not None and question.condition is not None and question.condition.op == "missing"
    return "missing" if is_missing else "other"


def _sender(turn: Turn) -> Words:
    return Words.own(turn.known.called(turn.services.language))


def _cancel(turn: Turn, draft: Draft) -> Choice:
    return turn.button("reaching.cancel", f"{DRAFT}cancel/{draft.key}", Tone.CONTROL)


def _age(grade: str) -> tuple[int, str]:
    return "EPJH".find(grade[0]), grade
