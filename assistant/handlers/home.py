"""The home page of a channel that has one: where today stands, and what can be done."""

from __future__ import annotations

from assistant.dialogue.turn import Turn
from assistant.handlers import talk
from assistant.messages import Kind, Outgoing, Words
from knowledge.questions.model import Phase


async def on_home(turn: Turn) -> bool:
    """Work out the page, as plain data: ``{"title": Words, "page": Outgoing, "grade"}``. Opening it changes nothing."""
    if turn.incoming.kind is not Kind.HOME:
        return False
    person = turn.person
    if person is None:
        text = turn.words("talk.not_linked")
    elif person.is_student:
        text = Words.join([_line(turn, phase) for phase in Phase], "\n")
    else:
        text = turn.words("talk.hello", name=talk.called(turn))
    page = Outgoing(text=text, choices=tuple(talk.menu(turn)))
    turn.home = {
        "title": turn.words("talk.home_title").to_json(),
        "page": page.to_json(),
        "grade": person.grade if person is not None and person.is_student else None,
    }
    return True


def _line(turn: Turn, phase: Phase) -> Words:
    record = turn.records.get((turn.today, phase))
    status = turn.words(f"talk.home_{record.status if record else 'not_started'}")
    return turn.words("talk.home_line", phase=turn.words(f"talk.phase_{phase}"), status=status)
