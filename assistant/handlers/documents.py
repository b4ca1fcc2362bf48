"""Questions that documents answer: rules, dates, how things are done. The answer says where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from assistant.dialogue.documents import answer_from_documents
from assistant.dialogue.turn import Turn
from assistant.document_links import page_path, signature_for
from assistant.handlers import checkin, wishes
from assistant.messages import Choice, Kind, Link, Outgoing, Tone, Words
from assistant.wording.documents import beginning, by_id, source_line
from intents.knowing import Knowing, Sureness, find_knowing, is_for_documents
from intents.questions import names_a_student, understand_question
from knowledge.documents.answering import fitting
from knowledge.documents.model import AnswerStatus, Citation, DocumentAnswer, Listed, Passage, Reader
from knowledge.documents.readers import load_reader
from knowledge.questions.vocabulary import load_vocabulary
from knowledge.records.scope import load_viewer

PREFIX = "doc:"  # a button's value: ``doc:read/<place>…``, ``doc:at/<place>…``; places are <id>~<position>
READ, AT = "read", "at"
LONGEST_VALUE = 250  # characters of a button's value, of which LINE takes 300
BUTTONS = 13  # quick replies of LINE
SOURCES = 3  # shown under one answer
NEAR = 0.5  # coverage from which a document is offered although it does not answer
SURE = 2.0  # log odds that a passage answers, from which it is put before a check-in's open question


async def on_led(turn: Turn) -> bool:
    """A button under an answer; a question that is sent to the documents in words (しらべて: …); and while a check-in
    waits, a question that they plainly answer, or that nobody would answer the check-in with (水筒は持ってきていい？).
    Any other text then stays the answer to the check-in."""
    if turn.person is None:
        return False
    choice = turn.incoming.choice or ""
    if turn.incoming.kind is Kind.CHOICE and choice.startswith(PREFIX):
        await _tapped(turn, choice[len(PREFIX) :].split("/"))
        return True
    if turn.incoming.kind is not Kind.TEXT:
        return False
    knowing = find_knowing(turn.incoming.text)
    if knowing is None:
        return False
    if knowing.sureness is Sureness.TOLD and not knowing.about:
        await _say(turn, Outgoing(text=turn.words("documents.about_what")))
        return True
    if knowing.sureness is Sureness.TOLD:
        await _show(turn, await _answer(turn, knowing.about))
        return True
    if knowing.sureness is not Sureness.CLEAR or checkin.pending_today(turn) is None or turn.is_stale:
        return False
    if knowing.is_worry:
        return False  # its teacher reads what a child found hard
    answer = await _answer(turn, knowing.about)
    if not _is_sure(answer, knowing) and not (
        knowing.is_plain and await turn.services.library.listed(await _reader(turn))
    ):
        return False
    await _show(turn, answer)
    return True


async def on_question(turn: Turn) -> bool:
    """A question about something that documents are about and the learning data is not, and, while a check-in waits,
    no answer to it. Where nobody has added a document for this person, it is left to others."""
    if turn.person is None or turn.incoming.kind is not Kind.TEXT:
        return False
    text = turn.incoming.text
    knowing = find_knowing(text)
    if knowing is not None and knowing.is_worry and turn.known.is_student:
        await wishes.ask_whom(turn)
        return True
    if knowing is None or knowing.sureness is not Sureness.CLEAR:
        return False
    async with turn.services.database.read() as connection:
        viewer = await load_viewer(connection, turn.known.id, turn.today)
        vocabulary = await load_vocabulary(connection, viewer, turn.services.timezone)
    topic = turn.state.topic
    previous = topic.previous() if topic is not None else None
    is_about_child = turn.known.band == "staff" and names_a_student(text, vocabulary)
    if is_about_child or not is_for_documents(knowing, understand_question(text, vocabulary, turn.now, previous)):
        return False
    answer = await _answer(turn, knowing.about)
    if knowing.is_worry and not _is_sure(answer, knowing):
        answer = replace(answer, status=AnswerStatus.NOT_FOUND)  # rather whom to ask than a passage that is beside it
    if answer.status is not AnswerStatus.ANSWERED and not await turn.services.library.listed(await _reader(turn)):
        return False
    await _show(turn, answer)
    return True


async def answered(turn: Turn) -> bool:
    """Whether the documents surely answered what was understood as nothing else. They do not say so if not."""
    knowing = find_knowing(turn.incoming.text) if turn.incoming.kind is Kind.TEXT else None
    if knowing is None:
        return False
    answer = await _answer(turn, knowing.about)
    if answer.status is not AnswerStatus.ANSWERED or not _is_sure(answer, knowing):
        return False
    await _show(turn, answer)
    return True


def _is_sure(answer: DocumentAnswer, knowing: Knowing) -> bool:
    return any(found.evidence.log_odds >= SURE for found in fitting(knowing.about, answer.hits))


async def _answer(turn: Turn, about: str) -> DocumentAnswer:
    return await answer_from_documents(turn.services, turn.known.id, about, turn.incoming.occurred_at)


async def _reader(turn: Turn) -> Reader:
    async with turn.services.database.read() as connection:
        return await load_reader(connection, turn.known.id, turn.today)


async def _show(turn: Turn, answer: DocumentAnswer) -> None:
    """The answer with its sources, or that there is none with what to do; then the check-in's question again."""
    documents = by_id(await turn.services.library.listed(await _reader(turn)))
    if answer.status is not AnswerStatus.ANSWERED:
        await _say(turn, _not_found(turn, answer, documents))
        return
    passages = {_place(each): each for each in reversed(answer.citations)}  # of several sentences of one, the first
    links = tuple(_link(turn, documents, each) for each in [*reversed(passages.values())][:SOURCES])
    parts = [Words.of(answer.text)]
    if turn.known.is_student:
        parts.append(turn.words("documents.ask_human"))
    first = answer.citations[0]
    places = [place for hit in answer.hits if (place := _place(hit.passage)) not in passages]
    choices = _elsewhere(turn, places)
    if answer.from_model or not any(hit.passage.text == answer.text for hit in answer.hits):
        choices.insert(0, _button(turn, "read_on", READ, [_place(first), *places]))
    aside = turn.words("documents.by_model") if answer.from_model else Words()
    await _say(turn, Outgoing(text=Words.join(parts, "\n\n"), links=links, aside=aside, choices=tuple(choices)))


def _not_found(turn: Turn, answer: DocumentAnswer, documents: Mapping[str, Listed]) -> Outgoing:
    is_board = turn.known.roles == frozenset({"districtAdministrator"})
    text = turn.words("documents.not_found_board" if is_board else "documents.not_found")
    near = {hit.passage.document: hit for hit in reversed(answer.hits) if hit.coverage >= NEAR}
    links = [_link(turn, documents, hit.passage) for hit in reversed(near.values())][:SOURCES]
    parts = [text, turn.words("documents.nearest")] if links else [text]
    return Outgoing(text=Words.join(parts, "\n"), links=tuple(links))


async def _tapped(turn: Turn, parts: Sequence[str]) -> None:
    """もっと読む, ほかの場所: the passage, if it may still be read."""
    what, place, *rest = parts if len(parts) > 1 else ["", ""]
    document, _, position = place.replace("\0", "").rpartition("~")
    reader = await _reader(turn)
    passages = await turn.services.library.passages(document, reader)
    passage = next((each for each in passages if str(each.position) == position), None)
    if passage is None:
        await _say(turn, Outgoing(text=turn.words("documents.gone")))
        return
    documents = by_id(await turn.services.library.listed(reader))
    is_short = what == AT and turn.known.is_student
    shown = beginning(passage.text) if is_short else passage.text
    choices = _elsewhere(turn, rest)
    if shown != passage.text:
        choices = [_button(turn, "read_on", READ, [place, *rest]), *choices]
    link = _link(turn, documents, passage)
    await _say(turn, Outgoing(text=Words.of(shown), links=(link,), choices=tuple(choices)))


async def _say(turn: Turn, message: Outgoing) -> None:
    """Say it; a waiting question is asked again behind it, with what may be tapped under the answer at its end, since
    LINE shows the buttons of the last message alone."""
    if checkin.pending_today(turn) is None:
        turn.outgoing.append(message)
        return
    turn.outgoing.append(Outgoing(text=message.text, links=message.links, aside=message.aside))
    await checkin.ask_again(turn)
    last = turn.outgoing[-1]
    room = BUTTONS - len(last.choices)
    turn.outgoing[-1] = replace(last, choices=(*last.choices, *message.choices[: max(0, room)]))


def _link(turn: Turn, documents: Mapping[str, Listed], where: Citation | Passage) -> Link:
    """The source; a tap on it opens the document there. In the browser the session says who opens it."""
    label = source_line(turn.speaker, where, documents.get(where.document))
    is_here = turn.incoming.channel == "browser"
    sign = "" if is_here else signature_for(turn.services.secret, where.document, turn.known.id, turn.now)
    return Link(label=label, address=page_path(where.document, page=where.page, position=where.position, sign=sign))


def _elsewhere(turn: Turn, places: Sequence[str]) -> list[Choice]:
    return [_button(turn, "elsewhere", AT, places)] if places else []


def _button(turn: Turn, key: str, what: str, places: Sequence[str]) -> Choice:
    """As many of the places as the value has room for, the first in any case."""
    value = f"{PREFIX}{what}/{places[0]}"
    for place in places[1:]:
        if len(value) + 1 + len(place) > LONGEST_VALUE:
            break
        value = f"{value}/{place}"
    return turn.button(f"documents.{key}_button", value, Tone.CONTROL)


def _place(where: Citation | Passage) -> str:
    return f"{where.document}~{where.position}"
