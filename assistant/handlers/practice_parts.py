"""What telling a practice and reviewing it have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from assistant.dialogue.turn import Turn
from assistant.llm.placeholders import mask
from assistant.messages import Outgoing, Words
from intents.lexicon import load_lexicon
from intents.names import NamedStudents, find_strangers, find_students, student_scope
from intents.spans import Reader
from knowledge.questions.model import ScopeKind, Vocabulary
from scheduler.outbox import Item

PREFIX = "p/"  # a button's value: ``p/<what>/<key of the draft or id of the practice>``


@dataclass(frozen=True, kw_only=True)
class NamesIn:
    """What in a text is a child's name."""

    sure: tuple[str, ...]  # with a title, or family and given name
    maybe: tuple[str, ...]  # 花 is a name to the roster and a word to all

    def __bool__(self) -> bool:
        return bool(self.sure or self.maybe)

    def listed(self, turn: Turn) -> Words:
        return Words.own(str(turn.words("reaching.comma")).join((*self.sure, *self.maybe)))


def names_in(text: str, vocabulary: Vocabulary) -> NamesIn:
    """The names of children in a text, of those that its reader may know and of strangers."""
    reader = Reader(text)
    lexicon = load_lexicon(reader.language)
    found = find_students(reader, lexicon, vocabulary)
    said = [(reader.typed[each.start : each.end], each) for each in found]
    sure = [name for name, each in said if _is_sure(name, each, lexicon.names.title)]
    sure += find_strangers(reader, lexicon)
    named = {student_scope(one).label for each in found for one in each.students}
    hidden = {
        scope.label
        for scopes in mask(text, vocabulary).scopes.values()
        for scope in scopes
        if scope.kind is ScopeKind.STUDENT and scope.label not in named
    }
    maybe = [name for name, _ in said if name not in sure]
    return NamesIn(sure=tuple(dict.fromkeys(sure)), maybe=tuple(dict.fromkeys([*maybe, *sorted(hidden)])))


def _is_sure(name: str, found: NamedStudents, title: re.Pattern[str]) -> bool:
    bare = name.replace(" ", "").lower()
    whole = (f"{one.family_name}{one.given_name}" for one in found.students)
    return bool(title.search(Reader(name).folded)) or any(bare == each.lower() for each in whole)


def due_at(turn: Turn, school_id: str) -> datetime:
    """Now, or when the quiet hours of the school end: nobody is woken for a practice."""
    times = turn.services.times.of(school_id)
    if not times.is_quiet(turn.now.time()):
        return turn.now
    moment = datetime.combine(turn.today, times.quiet_until, turn.services.timezone)
    return moment if moment > turn.now else moment + timedelta(days=1)


def item_for(turn: Turn, key: str, person_id: str, account_id: str, text: Words, due: datetime) -> Item:
    """A message to a member of staff."""
    return Item(
        key=key,
        account_id=account_id,
        kind="messages",
        payload={"messages": [Outgoing(text=text).to_json()]},
        due_at=due,
        created_at=turn.now,
        person_id=person_id,
    )


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
