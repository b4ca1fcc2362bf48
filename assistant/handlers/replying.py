"""The queue of reflections without a reply in the chat of staff: one at a time, with three replies to choose from and
change; and who has had no word for long. The words go out by way of the draft (``reaching.py``)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from assistant.alerting import PAGE as ALERTS
from assistant.dialogue.audit_writes import Audit
from assistant.dialogue.draft import Draft
from assistant.dialogue.reply_writes import MarkRead
from assistant.dialogue.topic import Topic
from assistant.dialogue.turn import Turn
from assistant.handlers import talk
from assistant.messages import Choice, Kind, Link, Outgoing, Tone, Words
from assistant.replying import NOTHING, Offer, entry, offer
from intents.asides import Aside
from intents.replying import Replying, find_replying
from knowledge.questions.reply_queue import QUIET, Queue, Waiting, queue_of
from knowledge.records.audit import Act
from knowledge.records.audit import Kind as Data
from knowledge.records.scope import load_viewer

PREFIX = "rq/"  # a button's value: ``rq/queue``, ``rq/next/<place>``, ``rq/later``
PAGE = "/care/reflections"
NAMED = 30  # children in a list; of more the page shows all
ANSWERS = ("goal", "achievement", "went_well", "difficult", "next_step", "mood")  # in the order of the check-in
CHOSEN = ("achievement", "mood")  # of them those that were chosen, not written
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


async def on_replying(turn: Turn) -> bool:
    """A tap or a word about the queue. Anything else is left to others."""
    if turn.person is None or not turn.person.is_staff:
        return False
    choice = turn.incoming.choice or ""
    if turn.incoming.kind is Kind.CHOICE and choice.startswith(PREFIX):
        what, _, place = choice[len(PREFIX) :].partition("/")
        await _do(turn, what, place)
        return True
    if turn.incoming.kind is not Kind.TEXT:
        return False
    said, draft = find_replying(turn.incoming.text), turn.state.draft
    place = draft.after if draft is not None and draft.holds(turn.now) else None
    if said is None or (said in (Replying.NEXT, Replying.LATER) and place is None):
        return False
    await _do(turn, said, place or "")
    return True


def place_of(waiting: Waiting) -> str:
    """Where a reflection stands in the queue, for a button that leads to the next."""
    return f"{(waiting.since - EPOCH) // MICROSECOND}.{waiting.id}"


def read_place(text: str) -> tuple[datetime, int] | None:
    """None for what is no place."""
    since, _, id = text.partition(".")
    if not (since.isascii() and since.isdecimal() and id.isascii() and id.isdecimal()) or len(text) > 40:
        return None
    try:
        return EPOCH + int(since) * MICROSECOND, int(id)
    except OverflowError:
        return None


def next_button(turn: Turn, place: str) -> Choice:
    return turn.button("replying.next", f"{PREFIX}{Replying.NEXT}/{place}", Tone.CONTROL)


async def _do(turn: Turn, what: str, place: str) -> None:
    match what:
        case Replying.QUEUE:
            await _show(turn, None)
        case Replying.NEXT:
            await _show(turn, read_place(place))
        case Replying.QUIET:
            await _show_quiet(turn)
        case _:
            turn.change(draft=None)
            turn.say("replying.left", talk.menu(turn))


async def show_one(turn: Turn, student_id: str, day: date) -> bool:
    """The reflection of a child, to be answered; False where it does not wait in the queue."""
    found = await _find(turn, of=(student_id, day))
    if found is None or found.waiting is None:
        return False
    _show_found(turn, found.waiting, found.offered, found.count)
    return True


async def _show(turn: Turn, after: tuple[datetime, int] | None) -> None:
    """The reflection that waits longest, after another."""
    found = await _find(turn, after=after)
    if found is None:
        _note(turn, Act.REFUSED, Data.CHECKINS, [])
        turn.say("replying.no_class", talk.menu(turn))
    elif found.waiting is None:
        turn.change(draft=None)
        turn.say("replying.none" if after is None else "replying.no_more", talk.menu(turn))
    else:
        _show_found(turn, found.waiting, found.offered, found.count)


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What of a queue is to be shown."""

    waiting: Waiting | None = None
    offered: Offer = NOTHING
    count: int = 0  # of the whole queue


async def _find(turn: Turn, **which: Any) -> _Found | None:
    """None where the person has no queue."""
    async with turn.services.database.read() as connection:
        viewer = await load_viewer(connection, turn.known.id, turn.today)
        queue = await queue_of(connection, viewer, turn.now)
        if queue is None:
            return None
        found = await queue.find(connection, most=1, **which)
        if not found:
            return _Found()
        offered = await offer(connection, turn.services, viewer, found[0])
        return _Found(waiting=found[0], offered=offered, count=await queue.count(connection))


def _show_found(turn: Turn, waiting: Waiting, offered: Offer, count: int) -> None:
    """A reflection becomes the draft that the next words belong to."""
    place = place_of(waiting)
    draft = Draft(
        at=turn.now,
        students=((waiting.student_id, waiting.name),),
        offers=offered.suggestions,
        after=place,
        reflection=waiting.day,
    )
    turn.change(draft=draft)
    _note(turn, Act.READ, Data.CHECKINS, [waiting.student_id])
    turn.writes.append(MarkRead(student_id=waiting.student_id, date=waiting.day, reader_id=turn.known.id, at=turn.now))
    choices = [
        Choice(label=turn.words("replying.use", number=number), value=f"@offer/{draft.key}/{number - 1}")
        for number in range(1, len(offered.suggestions) + 1)
    ]
    controls = [next_button(turn, place), turn.button("replying.later", f"{PREFIX}{Replying.LATER}", Tone.CONTROL)]
    address, label = (ALERTS, "alerts.page_link") if offered.needs_person else (PAGE, "replying.page_link")
    turn.outgoing.append(
        Outgoing(
            text=_worded(turn, waiting, offered, count),
            choices=(*choices, *controls),
            links=(Link(label=turn.words(label), address=address),),
        )
    )


def _worded(turn: Turn, waiting: Waiting, offered: Offer, count: int) -> Words:
    days = (turn.today - waiting.day).days
    age = turn.words("replying.today") if days <= 0 else turn.words("replying.days_ago", days=days)
    head = turn.words(
        "replying.head",
        count=count,
        school_class=waiting.class_title,
        name=Words.own(waiting.name),
        month=waiting.day.month,
        day=waiting.day.day,
        age=age,
    )
    answers = [
        turn.words(
            f"replying.{name}",
            value=turn.words(f"replying.{name}_{value}") if name in CHOSEN else Words.own(value),
        )
        for name in ANSWERS
        if (value := getattr(waiting, name))
    ]
    offers = [
        turn.words("replying.offer", number=number, text=Words.of(text))
        for number, text in enumerate(offered.suggestions, 1)
    ]
    if offered.needs_person:
        after = turn.words("replying.needs_person", name=Words.own(waiting.name))
    else:
        after = Words.join([turn.words("replying.choose"), *offers], "\n")
    return Words.join([head, Words.join(answers, "\n"), after], "\n\n")


async def _show_quiet(turn: Turn) -> None:
    """Who has had no reply for two weeks, in the order of the register, to write to by a tap."""
    async with turn.services.database.read() as connection:
        viewer = await load_viewer(connection, turn.known.id, turn.today)
        queue: Queue | None = await queue_of(connection, viewer, turn.now)
        words = await queue.last_words(connection) if queue is not None else []
    if queue is None:
        _note(turn, Act.REFUSED, Data.REPLIES, [])
        turn.say("replying.no_class", talk.menu(turn))
        return
    _note(turn, Act.READ, Data.REPLIES, [each.student_id for each in words])
    quiet = [each for each in words if each.is_long_ago]
    if not quiet:
        turn.say("replying.nobody_quiet", talk.menu(turn), days=QUIET)
        return
    lines = [
        turn.words("replying.quiet_never", name=Words.own(each.name))
        if each.days is None
        else turn.words("replying.quiet_days", name=Words.own(each.name), days=each.days)
        for each in quiet[:NAMED]
    ]
    if len(quiet) > NAMED:
        lines.append(turn.words("replying.quiet_more", count=len(quiet) - NAMED))
    topic = Topic(at=turn.now, students=tuple((each.student_id, each.name) for each in quiet[:NAMED]))
    turn.change(topic=topic, draft=None)
    turn.outgoing.append(
        Outgoing(
            text=Words.join(
                [turn.words("replying.quiet_head", count=len(quiet), days=QUIET), Words.join(lines, "\n")], "\n"
            ),
            choices=(turn.button("asking.reach", f"={Aside.REACH}/{topic.key}"),),
            links=(Link(label=turn.words("replying.quiet_link"), address=f"{PAGE}/words"),),
        )
    )


def _note(turn: Turn, act: Act, kind: Data, student_ids: list[str]) -> None:
    turn.writes.append(
        Audit(entry=entry(turn.known.id, act, kind, student_ids, turn.incoming.channel, turn.now, "replies"))
    )
