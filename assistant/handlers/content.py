"""Learning content in a chat: 「分数の動画ある？」, 「つぎは何をやればいい？」, and how it was."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.dialogue.content_writes import CommentContent, JudgeContent, MarkAsked, OfferContent
from assistant.dialogue.flow import MAX_CHOICES
from assistant.dialogue.talk_writes import AddTalkRequest, CloseTalkRequest, LetOthersKnow, ReadTalkRequest
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import SaveCheckIn
from assistant.handlers import checkin
from assistant.handlers.content_use import say_use
from assistant.handlers.suggesting import SEARCH, is_hard_day, next_step, offered, say_suggestion
from assistant.messages import Kind, Outgoing, Tone, Words
from intents.content import ContentRequest, find_comment, understand_content
from intents.lexicon import load_lexicon
from intents.names import find_students
from intents.scopes import find_sides
from intents.spans import Reader
from knowledge.catalogue import Found, search
from knowledge.questions.model import Metric, Period, Question, Scope, ScopeKind, Shape, Vocabulary
from knowledge.questions.vocabulary import load_vocabulary
from knowledge.records.content import catalogue, latest_opened, opened_unasked
from knowledge.records.roster import SchoolClass, User
from knowledge.records.scope import load_viewer, permit_for
from knowledge.suggesting import Suggestion

PREFIX = "^"  # a button's value: ``^useful/<id of the offer>``
USEFUL, NOT_USEFUL = "useful", "not_useful"
REMEMBERED = timedelta(days=14)  # after an offer, in which its reader is asked and may comment
LONGEST_COMMENT = 500  # characters
MOST = 5  # items of one answer
TALKS = (AddTalkRequest, ReadTalkRequest, CloseTalkRequest, LetOthersKnow)
QUIET = (SaveCheckIn, *TALKS, OfferContent, JudgeContent, CommentContent)  # turns that are about something else


async def on_content(turn: Turn) -> bool:
    """A question for content, a button under the question how it was, or a comment. Anything else is left to others, as
    is what may be the answer to a waiting question."""
    if turn.person is None:
        return False
    choice = turn.incoming.choice or ""
    if turn.incoming.kind is Kind.CHOICE and choice.startswith(PREFIX):
        return await _judged(turn, choice[len(PREFIX) :])
    if turn.incoming.kind is not Kind.TEXT:
        return False
    if (comment := find_comment(turn.incoming.text)) is not None:
        return await _commented(turn, comment)
    request = understand_content(turn.incoming.text)
    if request is None or (checkin.pending_today(turn) is not None and (turn.is_stale or not request.asks)):
        return False
    if request.is_use and turn.known.band == "staff":
        await say_use(turn)
        return True
    if request.is_use or request.is_next:
        return request.is_next and await _next(turn)
    if request.whom is not None and turn.known.is_student:
        await _say(turn, Outgoing(text=turn.words("content.others")))
    elif request.whom is not None:
        await _fitting(turn, request, request.whom)
    else:
        await _search(turn, request, await _grade(turn, request.grade))
    return True


async def ask_back(turn: Turn) -> None:
    """After an answer: how was what its reader opened since? Asked once, beside whatever else can be tapped, and never
    in the middle of something or on a hard day."""
    state = turn.state
    is_busy = any((state.pending, state.draft, state.reminder, state.answering, state.closing, state.menu))
    is_busy = is_busy or (state.wish is not None and state.wish.holds(turn.now))
    if turn.person is None or is_busy or turn.is_stale or not turn.outgoing:
        return
    if turn.incoming.kind not in (Kind.TEXT, Kind.CHOICE) or any(isinstance(each, QUIET) for each in turn.writes):
        return
    async with turn.services.database.read() as connection:
        opened = await opened_unasked(connection, turn.known.id, turn.now - REMEMBERED)
    last = turn.outgoing[-1]
    choices = (
        turn.button("content.useful_button", f"{PREFIX}{USEFUL}/{opened.id if opened else ''}"),
        turn.button("content.not_useful_button", f"{PREFIX}{NOT_USEFUL}/{opened.id if opened else ''}", Tone.CONTROL),
        *last.choices,
    )
    if opened is None or len(choices) > MAX_CHOICES or await is_hard_day(turn):
        return
    turn.outgoing[-1] = replace(last, choices=())  # LINE shows those of the last message alone
    turn.say("content.how_was_it", choices, title=opened.title)
    turn.writes.append(MarkAsked(person_id=turn.known.id, at=turn.now))


async def _judged(turn: Turn, value: str) -> bool:
    said, _, offer_id = value.partition("/")
    if said not in (USEFUL, NOT_USEFUL) or not offer_id:
        return False
    turn.writes.append(JudgeContent(person_id=turn.known.id, offer_id=offer_id, is_useful=said == USEFUL))
    await _say(turn, Outgoing(text=turn.words(f"content.thanks_{said}")))
    return True


async def _commented(turn: Turn, comment: str) -> bool:
    """A comment is about what its writer opened last; without that it may be the answer to a waiting question."""
    async with turn.services.database.read() as connection:
        opened = await latest_opened(connection, turn.known.id, turn.now - REMEMBERED)
    if opened is None and checkin.pending_today(turn) is not None:
        return False
    if opened is None:
        text = turn.words("content.nothing_opened")
    elif len(comment) > LONGEST_COMMENT:
        text = turn.words("content.comment_too_long", limit=LONGEST_COMMENT, length=len(comment))
    else:
        turn.writes.append(CommentContent(person_id=turn.known.id, offer_id=opened.id, comment=comment))
        text = turn.words("content.comment_kept", title=opened.title)
    await _say(turn, Outgoing(text=text))
    return True


async def _next(turn: Turn) -> bool:
    """What a child may do next, from its own results. Others are told that it is a child's question."""
    if not turn.known.is_student:
        return False
    found = await next_step(turn, turn.known.id, turn.known.grade)
    if isinstance(found, Suggestion):
        links = offered(turn, [found.item], SEARCH)
        await _say(turn, Outgoing(text=say_suggestion(turn, found), links=links))
    else:
        await _say(turn, Outgoing(text=turn.words(f"content.next_{found}")))
    return True


async def _search(turn: Turn, request: ContentRequest, grade: str | None) -> None:
    async with turn.services.database.read() as connection:
        items = await catalogue(connection)
    found = await asyncio.to_thread(
        search, items, topics=request.topics, subject=request.subject, grade=grade, kinds=request.kind_words, most=MOST
    )
    links = offered(turn, found.items, SEARCH)
    await _say(turn, Outgoing(text=_found_words(turn, request, found), links=links))


def _found_words(turn: Turn, request: ContentRequest, found: Found) -> Words:
    topic = Words.own(request.topics[0]) if request.topics else Words()
    if not found.items:
        return turn.words("content.none_about", topic=topic) if topic else turn.words("content.none")
    if found.is_near:
        return turn.words("content.near", topic=topic)
    if found.is_other_kind:
        return turn.words("content.other_kind", kind=turn.words(f"content.kind_{request.kind}"))
    return turn.words("content.found")


async def _grade(turn: Turn, said: str | None) -> str | None:
    """The grade that was named, else a child's own, else that of the classes somebody teaches when it is one."""
    if said is not None and len(said) > 1:
        return said
    async with turn.services.database.read() as connection:
        if turn.known.is_student:
            own = {turn.known.grade} if turn.known.grade else set[str]()
        else:
            viewer = await load_viewer(connection, turn.known.id, turn.today)
            own = await _grades(connection, viewer.homerooms | viewer.subject_classes)
            if said is not None and not own:  # who teaches no class of their own: of the whole school
                in_school = select(SchoolClass.sourced_id).where(SchoolClass.school_sourced_id.in_(viewer.workplaces))
                own = await _grades(connection, frozenset(await connection.scalars(in_school)))
    if said is None:
        return next(iter(own)) if len(own) == 1 else None
    levels = {grade[0] for grade in own}
    return (next(iter(levels)) if len(levels) == 1 else "P") + said


async def _grades(connection: AsyncConnection, class_ids: frozenset[str]) -> set[str]:
    rows = await connection.scalars(select(SchoolClass.grades).where(SchoolClass.sourced_id.in_(class_ids)))
    return {str(grade) for grades in rows for grade in grades}


async def _fitting(turn: Turn, request: ContentRequest, whom: str) -> None:
    """「花さんに合う教材は？」: for a child by its results, where the asker may see them; for a class by its grade."""
    async with turn.services.database.read() as connection:
        viewer = await load_viewer(connection, turn.known.id, turn.today)
        vocabulary = await load_vocabulary(connection, viewer, turn.services.timezone)
        scope = _meant(whom, vocabulary)
        if scope is None or not scope.ids:
            await _say(turn, Outgoing(text=turn.words("content.nobody", name=Words.own(whom))))
            return
        if scope.kind is not ScopeKind.STUDENT:
            grades = await _grades(connection, frozenset(scope.ids))
            await _search(turn, request, next(iter(grades)) if len(grades) == 1 else None)
            return
        today = Period(start=turn.today, end=turn.today, label="")
        asked = Question(metric=Metric.CORRECT_RATE, shape=Shape.VALUE, scope=scope, period=today)
        permit = await permit_for(connection, viewer, asked)
        grade = await connection.scalar(select(User.grade).where(User.sourced_id == scope.ids[0]))
    if permit is None:
        await _say(turn, Outgoing(text=turn.words("content.not_yours")))
        return
    found = await next_step(turn, scope.ids[0], grade, permit.subjects)
    name = Words.own(scope.label)
    if not isinstance(found, Suggestion):
        await _say(turn, Outgoing(text=turn.words(f"content.of_{found}", name=name)))
        return
    text = turn.words(
        "content.of_student", name=name, about=found.about, answered=found.answered, correct=found.correct
    )
    await _say(turn, Outgoing(text=text, links=offered(turn, [found.item], SEARCH)))


def _meant(whom: str, vocabulary: Vocabulary) -> Scope | None:
    """The one student, class or grade that was named; None for nobody, or several who may be meant."""
    reader = Reader(whom)
    lexicon = load_lexicon(reader.language)
    students = find_students(reader, lexicon, vocabulary)
    sides = find_sides(reader, lexicon, vocabulary, students)
    return sides[0].scopes[0] if len(sides) == 1 and len(sides[0].scopes) == 1 else None


async def _say(turn: Turn, message: Outgoing) -> None:
    """Say something; a waiting question is asked again below."""
    turn.outgoing.append(message)
    if checkin.pending_today(turn) is not None:
        await checkin.ask_again(turn)
