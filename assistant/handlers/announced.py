"""What came of an announcement, for staff: how many answered what, who has not yet, as a table, and closing it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from assistant.announcing import is_called, label_of
from assistant.attachments import new_file
from assistant.dialogue.reminder_draft import ReminderDraft
from assistant.dialogue.topic import MOST_LISTED, Topic
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import CloseAnnouncement
from assistant.handlers import safety_results, talk
from assistant.handlers.reminders import setting
from assistant.messages import Attachment, Choice, Kind, Outgoing, Tone, Words
from assistant.wording.responses import (
    MISSING,
    NAMED,
    READ,
    Results,
    csv_of_results,
    quoted,
    say_figures,
    say_head,
    say_names,
    say_written,
)
from intents.announcing import ResultsRequest, Wanted, find_results
from intents.asides import Aside
from intents.commands import find_command
from knowledge.records.announcements import OPEN, Announced, announcements_for
from knowledge.records.audit import Act
from knowledge.records.audit import Kind as AuditKind
from knowledge.records.leads import schools_led
from knowledge.records.responses import responses_of
from knowledge.records.scope import load_viewer
from knowledge.reminding import AudienceKind, What

PREFIX = "&"  # a button's value: ``&<what>/<announcement's id>/<answer>/<page>``
RECENT = timedelta(days=7)  # so long 「誰がまだ答えていない？」 is about the announcement that somebody made last
OFFERED = 5  # answers whose givers are offered by a tap
SHOWN, LABEL = 10, 20  # announcements to choose from, and characters of each


async def on_results(turn: Turn) -> bool:
    """A question about the answers, or a tap under its answer. Anything else is left to others."""
    if turn.person is None or turn.person.band != "staff":
        return False
    choice = turn.incoming.choice or ""
    if turn.incoming.kind is Kind.CHOICE and choice.startswith(PREFIX):
        await _under(turn, choice[len(PREFIX) :].split("/"))
        return True
    if turn.incoming.kind is not Kind.TEXT or find_command(turn.incoming.text) is not None:
        return False
    request = find_results(turn.incoming.text)
    return request is not None and await _asked(turn, request)


async def _asked(turn: Turn, request: ResultsRequest) -> bool:
    """Show the newest announcement that is meant; False where the words may as well be about data."""
    known = await _known(turn)
    fitting = [each for each in known if request.fits(each.text)]
    if fitting and fitting[0].is_safety_check and not request.about:
        return await safety_results.on_question(turn, named=request.is_sure)
    is_open_question = not request.is_sure and not request.about
    if is_open_question:
        mine = [each for each in fitting if each.owner_id == turn.known.id and each.takes_answers(turn.now)]
        recent = [each for each in mine if turn.now - each.created_at <= RECENT]
        fitting = [each for each in fitting if each.id == _looked_at(turn)] or recent
    answers = {each.id: _answer_named(each, request) for each in fitting}
    if request.wanted in (Wanted.WILLING, Wanted.SAID):
        fitting = [each for each in fitting if answers[each.id] is not None]
    if not fitting:
        if request.is_sure:
            turn.say("announcements.nothing_asked")
        return request.is_sure
    is_missing = request.wanted is Wanted.MISSING
    more: list[Choice] = []
    if is_missing and is_open_question:
        other = f"?{turn.words('talk.missing_question')}"
        more.append(turn.button("announcements.checkins_button", other, Tone.CONTROL))
    elif len(known) > 1:
        more.append(turn.button("announcements.others_button", _value(fitting[0], "list"), Tone.CONTROL))
    _show(turn, await _results(turn, fitting[0]), MISSING if is_missing else answers[fitting[0].id], more)
    return True


def _looked_at(turn: Turn) -> str | None:
    """The announcement whose answers the conversation is about."""
    topic = turn.state.topic
    return topic.announcement_id if topic is not None and topic.previous().holds(turn.now) else None


def _answer_named(announcement: Announced, request: ResultsRequest) -> str | None:
    """The stored answer that a question names; None where it names none that can be given."""
    named = "yes" if request.wanted is Wanted.WILLING else None
    for value in announcement.values:
        if value == named or (request.answer and is_called(announcement, value, request.answer)):
            return value
    return None


async def _under(turn: Turn, parts: Sequence[str]) -> None:
    """A tap, worked out under the rights of now; one that is made up finds nothing."""
    what, announcement_id, value, page = (*parts, "", "", "", "")[:4]
    known = await _known(turn)
    found = next((each for each in known if each.id == announcement_id), None)
    if found is None:
        turn.audit_refusal(AuditKind.RESPONSES, "announcement of others, or of nobody")
        turn.say("asking.button_too_old", talk.menu(turn))
        return
    results = await _results(turn, found)
    match what:
        case "list":
            choices = [Choice(label=quoted(each, LABEL), value=_value(each, "show")) for each in known[:SHOWN]]
            turn.say("announcements.choose", choices)
        case "show":
            _show(turn, results, None)
        case "who" if value in (MISSING, *found.values):
            safety_results.audit_responses(turn, found, results.who(value))
            text = say_names(results, value, _page(page), turn.speaker)
            turn.outgoing.append(Outgoing(text=text, choices=tuple(_under_names(turn, results, value, _page(page)))))
        case "texts" if not found.values:
            safety_results.audit_responses(turn, found, results.answered)
            more = len(results.answered) > (_page(page) + 1) * READ
            choices = [_more(turn, found, "texts", "", _page(page))] if more else []
            text = say_written(results, _page(page), turn.speaker)
            turn.outgoing.append(Outgoing(text=text, choices=tuple(choices)))
        case "remind" if found.takes_answers(turn.now) and results.who(MISSING):
            await _remind(turn, results)
        case "csv" if results.seen:
            _table(turn, results)
        case "close" if results.may_change and found.state == OPEN:
            turn.writes.append(CloseAnnouncement(announcement_id=found.id, at=turn.now))
            turn.say("announcements.close_done")
        case _:
            turn.say("asking.button_too_old", talk.menu(turn))


def _show(turn: Turn, results: Results, value: str | None, more: Sequence[Choice] = ()) -> None:
    """Figure first; behind it the names of those who were asked for, and what may be tapped."""
    if not results.seen and results.unseen:
        turn.say("answers.refused")
        return
    turn.change(topic=Topic(at=turn.incoming.occurred_at, announcement_id=results.announcement.id))
    text = say_figures(results, turn.now, turn.speaker, turn.services.timezone)
    choices: list[Choice] = []
    if value is not None and results.seen:
        safety_results.audit_responses(turn, results.announcement, results.who(value))
        text = Words.join([text, say_names(results, value, 0, turn.speaker)], "\n\n")
        choices = _under_names(turn, results, value, 0)
    turn.outgoing.append(Outgoing(text=text, choices=(*choices, *_buttons(turn, results, value), *more)))


def _buttons(turn: Turn, results: Results, shown: str | None) -> list[Choice]:
    announcement, found = results.announcement, list[Choice]()
    missing = bool(results.who(MISSING))
    if missing and shown != MISSING:
        found.append(turn.button("announcements.who_missing_button", _value(announcement, "who", MISSING)))
    for value in announcement.values[:OFFERED]:
        if value != shown and results.who(value):
            answer = label_of(announcement, value, turn.speaker)
            label = turn.words("announcements.who_button", answer=answer)
            found.append(Choice(label=label, value=_value(announcement, "who", value)))
    if not announcement.values and results.answered:
        found.append(turn.button("announcements.texts_button", _value(announcement, "texts")))
    if missing and announcement.takes_answers(turn.now):
        found.append(turn.button("announcements.remind_button", _value(announcement, "remind")))
    if results.seen:
        found.append(turn.button("announcements.csv_button", _value(announcement, "csv"), Tone.CONTROL))
    if results.may_change and announcement.state == OPEN:
        found.append(turn.button("announcements.close_button", _value(announcement, "close"), Tone.CONTROL))
    return found


def _under_names(turn: Turn, results: Results, value: str, page: int) -> list[Choice]:
    """The next page; and words to the children listed, who become what the conversation is about."""
    people = results.who(value)
    choices: list[Choice] = []
    if len(people) > (page + 1) * NAMED:
        choices.append(_more(turn, results.announcement, "who", value, page))
    children = tuple((each.person_id, each.name) for each in people if each.is_student)
    if children and len(children) <= MOST_LISTED:
        topic = Topic(at=turn.incoming.occurred_at, students=children, announcement_id=results.announcement.id)
        turn.change(topic=topic)
        choices.append(turn.button("asking.reach", f"={Aside.REACH}/{topic.key}"))
    return choices


async def _remind(turn: Turn, results: Results) -> None:
    """A draft that sends it once more, at once, to those who have not answered: previewed like every reminder."""
    announcement = results.announcement
    children = tuple(each.person_id for each in results.who(MISSING) if each.is_student)
    draft = ReminderDraft(
        at=turn.now,
        school_id=announcement.school_id,
        audience_kind=AudienceKind.LIST if children else AudienceKind.STAFF,
        audience_ids=children or (announcement.school_id,),
        audience_label=str(turn.words("announcements.those_missing")),
        what=What.ANNOUNCEMENT,
        text=announcement.text,
        starts_on=turn.today,
        time=f"{turn.now:%H:%M}",
        at_once=True,
        only_missing=True,
        answers=announcement.kind,
        choices=announcement.choices,
        announcement_id=announcement.id,
    )
    await setting.show(turn, draft)


def _table(turn: Turn, results: Results) -> None:
    safety_results.audit_responses(turn, results.announcement, results.seen, Act.EXPORT)
    content = csv_of_results(results, turn.speaker, turn.services.timezone)
    name = f"ayumi_announcement_{results.announcement.created_at.astimezone(turn.services.timezone):%Y-%m-%d}.csv"
    write, file_id = new_file(turn.known.id, "text/csv", name, content, turn.now)
    turn.writes.append(write)
    head = say_head(results.announcement, turn.speaker)
    attachment = Attachment(file_id=file_id, media_type="text/csv", name=name, alt=head)
    turn.outgoing.append(Outgoing(text=turn.words("asking.csv_ready"), attachment=attachment))


async def _known(turn: Turn) -> list[Announced]:
    async with turn.services.database.read() as connection:
        viewer = await load_viewer(connection, turn.known.id, turn.today)
        led = await schools_led(connection, turn.known.id, turn.today)
        return await announcements_for(connection, viewer, led)


async def _results(turn: Turn, announcement: Announced) -> Results:
    async with turn.services.database.read() as connection:
        viewer = await load_viewer(connection, turn.known.id, turn.today)
        led = await schools_led(connection, turn.known.id, turn.today)
        everybody = await responses_of(connection, announcement.id, turn.today)
    seen = [each for each in everybody if each.is_seen_by(viewer, announcement, led)]
    return Results(
        announcement=announcement,
        seen=seen,
        unseen=len(everybody) - len(seen),
        may_change=announcement.owner_id == viewer.person_id or announcement.school_id in led,
    )


def _more(turn: Turn, announcement: Announced, what: str, value: str, page: int) -> Choice:
    return turn.button("announcements.more_button", _value(announcement, what, value, page + 1))


def _value(announcement: Announced, what: str, value: str = "", page: int = 0) -> str:
    return f"{PREFIX}{what}/{announcement.id}/{value}/{page}"


def _page(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
