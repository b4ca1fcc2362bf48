"""From a text to a typed question about the data: names → scope, time words → period, then metric and predicate.

Compositional: every part claims the words it explains, and what is left over decides how sure the reading is.
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import datetime

from intents.context import Previous
from intents.deciding import Asker, Reading, decide
from intents.followups import Carried, amend, asked_of, carry, choose
from intents.hearing import Heard, hear
from intents.lexicon import Lexicon, load_lexicon
from intents.names import find_strangers, find_students
from intents.people import asks_about, named
from intents.residue import leftover
from intents.spans import Reader
from intents.spelling import corrections
from knowledge.questions.model import Scope, ScopeKind, Vocabulary

__all__ = ["Reading", "names_a_student", "understand_question"]

LONGEST = 300  # characters; what is longer is a story, not a question
LONGEST_SENTENCES = 4  # in one message; of more only the whole is read


def understand_question(
    text: str, vocabulary: Vocabulary, now: datetime, previous: Previous | None = None
) -> Reading | None:
    """The question that ``text`` asks at the aware moment ``now``, or None when it asks none that is known here.

    A name is only a name: a question about somebody who is not the asker's is returned as it was asked, one about
    somebody who does not exist with a scope without ids; both are refused where the answer is made. ``previous`` is
    what was asked before; parts of it carry over for ten minutes.
    """
    if len(text) > LONGEST:
        return None
    today = now.astimezone(vocabulary.timezone).date()
    previous = previous if previous is not None and previous.holds(now) else None
    asker = Asker(vocabulary=vocabulary, today=today, previous=previous)
    parts = _sentences(text)
    if 1 < len(parts) <= LONGEST_SENTENCES and (reading := _first_of(parts, text, asker, now)) is not None:
        return reading
    return _read(text, asker)


def names_a_student(text: str, vocabulary: Vocabulary) -> bool:
    """Whether ``text`` names one of the vocabulary's students as people name somebody: 「花さんの連絡先は？」"""
    lexicon = load_lexicon("ja")
    return any(find_students(Reader(f"{name}さん"), lexicon, vocabulary) for name in named(text))


def _sentences(text: str) -> list[str]:
    text = unicodedata.normalize("NFKC", text)  # ？ ends a sentence too
    lexicon = load_lexicon(Reader(text).language)
    ends = [match.end() for match in lexicon.words["sentence_end"].finditer(text)]
    parts = [text[start:end].strip() for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    return [part for part in parts if part]


def _first_of(parts: list[str], text: str, asker: Asker, now: datetime) -> Reading | None:
    """Of several questions in one message the first; None when the whole is one."""
    understood: list[Reading] = []
    for part in parts:
        before = Previous(at=now, question=understood[-1].question) if understood else asker.previous
        reading = _read(part, replace(asker, previous=before))
        if reading is not None and (reading.question is not None or reading.choices):
            understood.append(reading)
    if not understood:
        return None
    if len(understood) > 1 and any(each.question != understood[0].question for each in understood[1:]):
        return replace(understood[0], second=True)
    return replace(understood[0], second=True) if _read(text, asker) is None else None


def _read(text: str, asker: Asker) -> Reading | None:
    reader = Reader(text)
    lexicon = load_lexicon(reader.language)
    elsewhere = lexicon.words["elsewhere"].search(reader.folded) is not None
    before = asker.previous.question.scope if asker.previous is not None and asker.previous.question else None
    heard = hear(reader, lexicon, asker.vocabulary, asker.today, before)
    if heard.is_child and _asks_about_others(text, heard, asker.vocabulary):
        return Reading(question=None, confidence="confirm", others=True)
    if elsewhere or _nobody_listed(heard, asker.previous):
        return None
    carried = Carried()
    if asker.previous is not None:
        answer = choose(heard, asker.previous) or amend(heard, asker.previous, asker.vocabulary, asker.today)
        if answer is not None and not leftover(reader, lexicon).words:
            return Reading(question=answer, confidence="clear")
        carried = carry(heard, asker.previous, asker.vocabulary)
        if answer is not None:  # some of its words were claimed for nothing
            reader = Reader(text)
            heard = hear(reader, lexicon, asker.vocabulary, asker.today, before)
    reading = decide(heard, asker, carried) or (_astray(heard, asker.previous) if asker.previous is not None else None)
    if reading is None and heard.of_board and heard.asks and find_strangers(reader, lexicon):
        return Reading(question=None, confidence="confirm", others=True)
    if reading is None or (reading.leftover and reading.question is not None):
        return _respelt(reader, lexicon, asker) or reading
    return reading


def _astray(heard: Heard, previous: Previous) -> Reading | None:
    """A follow-up to a time or somebody that is not there: 来月は?, 9組は?"""
    reader, lexicon = heard.reader, heard.lexicon
    if previous.question is None or not heard.asks:
        return None
    strangers = find_strangers(reader, lexicon)
    for name in ("carried", "fillers"):
        reader.has(lexicon.words[name])
    if leftover(reader, lexicon).words:
        return None
    if heard.periods.future:
        return Reading(question=None, confidence="clear", future=True)
    if heard.periods.impossible is not None:
        return Reading(question=None, confidence="confirm", impossible=heard.periods.impossible, about="period")
    if len(heard.sides) == 1 and len(heard.sides[0].scopes) > 1:
        choices = tuple(asked_of(previous.question, scope) for scope in heard.sides[0].scopes)
        return Reading(question=None, confidence="clear", choices=choices, about="scope")
    nobody = [(Scope(kind=ScopeKind.STUDENT, ids=(), label=name), name) for name in strangers]
    nobody += [(side.scopes[0], side.outside) for side in heard.sides if side.outside is not None]
    if not nobody:
        return None
    scope, outside = nobody[0]
    question = replace(previous.question, scope=scope, compare=())
    return Reading(question=question, confidence="clear", outside=outside)


def _respelt(reader: Reader, lexicon: Lexicon, asker: Asker) -> Reading | None:
    """The reading of the text with one word put right; to be confirmed where there are several."""
    found: list[Reading] = []
    sure = True
    for correction in dict.fromkeys(corrections(reader, lexicon)):
        again = Reader(correction.text)
        heard = hear(again, lexicon, asker.vocabulary, asker.today)
        reading = decide(heard, replace(asker, previous=None), Carried())
        if lexicon.words["elsewhere"].search(again.folded) is None and reading is not None and not reading.leftover:
            found.append(reading)
            sure = sure and correction.sure
    if not found:
        return None
    same = all(each.question == found[0].question for each in found)
    return found[0] if same and sure else replace(found[0], confidence="confirm")


def _asks_about_others(text: str, heard: Heard, vocabulary: Vocabulary) -> bool:
    """Whether a family's question names somebody who is not its own child: one the vocabulary has, or anybody by the
    way of naming alone (鈴木くんのめあては?)."""
    own = set(vocabulary.default.ids)
    if any(
        scope.kind is ScopeKind.STUDENT and not own.issuperset(scope.ids)
        for side in heard.sides
        for scope in side.scopes
    ):
        return True
    lexicon = load_lexicon("ja")
    for name in asks_about(text):
        found = find_students(Reader(f"{name}さん"), lexicon, vocabulary)
        if not found or any(each.id not in own for named in found for each in named.students):
            return True
    return False


def _nobody_listed(heard: Heard, previous: Previous | None) -> bool:
    """Whether it asks about 「その子たち」 although nobody was listed; it is never the class then."""
    if heard.lexicon.words["those_listed"].search(heard.reader.folded) is None or heard.sides:
        return False
    if previous is None:
        return True
    of_some = previous.question is not None and previous.question.scope.kind in (ScopeKind.STUDENT, ScopeKind.LIST)
    return not (previous.students is not None and previous.students.ids) and not of_some
