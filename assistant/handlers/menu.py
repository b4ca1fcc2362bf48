"""The learning menu of a day at home: staff set it, children mark what they did."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import select

from assistant.dialogue.closing_draft import MenuDraft
from assistant.dialogue.menu_writes import SaveMenu, SetMenuDone
from assistant.dialogue.turn import Turn
from assistant.handlers import checkin, talk
from assistant.menus import above, menu_message, say_line
from assistant.messages import Outgoing, Tone, Words
from assistant.wording.grade_fit import to_kana
from assistant.wording.occasions import say_day
from assistant.wording.texts import Speaker, band_of
from intents.asides import Aside, find_aside
from intents.menus import MOST_LINES, MenuReading, understand_menu
from knowledge.questions.model import Scope, ScopeKind, Vocabulary
from knowledge.questions.vocabulary import load_vocabulary
from knowledge.records.at_home import home_learners
from knowledge.records.calendar import load_calendars
from knowledge.records.closures import MenuItem, MenuLine, done_items, find_menu, menu_id
from knowledge.records.leads import schools_led
from knowledge.records.roster import SchoolClass
from knowledge.records.scope import load_viewer

NOBODY = Scope(kind=ScopeKind.CLASS, ids=(), label="")


async def on_staff_text(turn: Turn) -> bool:
    """A menu that is set, or はい, 直す and やめる to its preview. Anything else is left to others."""
    draft = turn.state.menu
    if draft is not None and draft.is_latest and draft.holds(turn.now):
        match find_aside(turn.incoming.text):
            case Aside.YES:
                await on_button(turn, "menu_yes", draft.key)
                return True
            case Aside.NO | Aside.REWRITE:
                await on_button(turn, "menu_no", draft.key)
                return True
            case _:
                pass
    nobody = Vocabulary(timezone=turn.services.timezone, default=NOBODY)
    if understand_menu(turn.incoming.text, nobody, turn.now) is None:
        return False
    async with turn.services.database.read() as connection:
        viewer = await load_viewer(connection, turn.known.id, turn.today)
        led = await schools_led(connection, turn.known.id, turn.today)
        viewer = replace(viewer, schools=viewer.schools | led, workplaces=viewer.workplaces | led)
        vocabulary = await load_vocabulary(connection, viewer, turn.services.timezone)
        reading = understand_menu(turn.incoming.text, vocabulary, turn.now)
        if reading is None:
            return False
        ids = reading.class_ids or viewer.homerooms
        columns = (SchoolClass.sourced_id, SchoolClass.school_sourced_id, SchoolClass.grades)
        rows = (await connection.execute(select(*columns).where(SchoolClass.sourced_id.in_(ids)))).all()
        places = {(row.school_sourced_id, grade) for row in rows for grade in row.grades}
        may = any(row.school_sourced_id in viewer.schools or row.sourced_id in viewer.homerooms for row in rows)
    if reading.outside is not None:
        turn.say("closures.no_such_class", said=Words.own(reading.outside))
    elif len(places) != 1:
        turn.say("menus.which_grade")
    elif not may:
        turn.say("menus.not_yours")
    elif reading.day is None:
        turn.say("menus.which_day")
    elif reading.unread:
        lines = Words.join([Words.own(f"・{line}") for line in reading.unread], "\n")
        turn.say("menus.unread", lines=lines)
    elif len(reading.entries) > MOST_LINES:
        turn.say("menus.too_many", most=MOST_LINES)
    else:
        [(school_id, grade)] = places
        await _preview(turn, reading, school_id, grade, reading.day)
    return True


async def _preview(turn: Turn, reading: MenuReading, school_id: str, grade: str, day: date) -> None:
    """The menu as a child of the grade will read it; nothing is stored yet."""
    draft = MenuDraft(
        at=turn.now,
        school_id=school_id,
        grade=grade,
        day=day,
        lines=tuple((each.subject, each.kind, each.title, each.url, each.at) for each in reading.entries),
    )
    turn.change(menu=draft)
    async with turn.services.database.read() as connection:
        calendar = (await load_calendars(connection, [school_id], day, day))[school_id]
        classes = select(SchoolClass.sourced_id).where(
            SchoolClass.school_sourced_id == school_id, SchoolClass.class_type == "homeroom"
        )
        class_ids = [*await connection.scalars(classes)]
        before = await find_menu(connection, school_id, grade, day)
    is_remote = any(calendar.is_remote(day, grade, class_id) for class_id in class_ids)
    child = Speaker(language=turn.language, band=band_of(grade))
    shown = Words.join([say_line(child, line) for line in _lines(draft)], "\n")
    own = Words.own(to_kana(str(shown), grade) if turn.language == "ja" else str(shown))
    parts = [
        turn.words("menus.preview", day=say_day(day, turn.speaker), grade=grade[1:], lines=own),
        turn.words("menus.preview_replaces") if before else Words(),
        Words() if is_remote else turn.words("menus.preview_not_remote"),
        turn.words("closures.preview_ask"),
    ]
    choices = (
        turn.button("closures.yes_button", f"~menu_yes/{draft.key}"),
        turn.button("closures.cancel_button", f"~menu_no/{draft.key}", Tone.CONTROL),
    )
    turn.outgoing.append(Outgoing(text=Words.join(parts, "\n\n"), choices=choices))


async def on_button(turn: Turn, what: str, key: str) -> None:
    """はい or やめる under a preview of ours."""
    draft = turn.state.menu
    if draft is None or draft.key != key or not draft.holds(turn.now):
        turn.say("closures.too_old", talk.menu(turn))
        return
    turn.change(menu=None)
    if what != "menu_yes":
        turn.say("menus.cancelled")
        return
    turn.writes.append(
        SaveMenu(
            school_id=draft.school_id,
            grade=draft.grade,
            day=draft.day,
            lines=tuple(_lines(draft)),
            person_id=turn.known.id,
        )
    )
    start = turn.services.times.of(draft.school_id).anticipation
    is_late = turn.now >= datetime.combine(draft.day, start, turn.services.timezone)
    turn.say(f"menus.saved{'_late' if is_late else ''}", day=say_day(draft.day, turn.speaker), time=f"{start:%H:%M}")


async def on_child_text(turn: Turn) -> bool:
    """「メニュー」: today's, for a child who learns at home. False on any other day."""
    async with turn.services.database.read() as connection:
        learners = await home_learners(connection, [turn.known.id], turn.today)
        if not learners:
            return False
        lines = await find_menu(connection, learners[0].school_id, learners[0].grade, turn.today)
        done = await done_items(connection, turn.known.id, [line.id for line in lines])
    if lines:
        await _show(turn, menu_message(turn.speaker, lines, done))
    else:
        turn.say("menus.none_yet")
    return True


async def on_done(turn: Turn, item_id: str) -> None:
    """A tap on できた: kept, and taken back by another tap. A menu of another day, or of another grade, stays."""
    async with turn.services.database.read() as connection:
        columns = (MenuItem.school_id, MenuItem.grade)
        item = select(*columns).where(
            MenuItem.id == item_id, MenuItem.date == turn.today, MenuItem.grade == turn.known.grade
        )
        row = (await connection.execute(item)).first()
        lines = await find_menu(connection, row.school_id, row.grade, turn.today) if row is not None else []
        done = await done_items(connection, turn.known.id, [line.id for line in lines])
    line = next((line for line in lines if line.id == item_id), None)
    if line is None:
        turn.say("menus.over")
        return
    is_done = item_id not in done
    turn.writes.append(SetMenuDone(item_id=item_id, person_id=turn.known.id, is_done=is_done, at=turn.now))
    done = done | {item_id} if is_done else done - {item_id}
    lead = turn.words("menus.marked" if is_done else "menus.unmarked", subject=line.subject)
    await _show(turn, menu_message(turn.speaker, lines, done, lead))


async def _show(turn: Turn, message: Outgoing) -> None:
    """The menu; a question of a check-in that waits is asked again below it, with the buttons of both: LINE shows those
    of the last message alone."""
    if checkin.pending_today(turn) is None:
        turn.outgoing.append(message)
        return
    before = len(turn.outgoing)
    await checkin.ask_again(turn)
    turn.outgoing[before:] = above(message, turn.outgoing[before:])


def _lines(draft: MenuDraft) -> list[MenuLine]:
    return [
        MenuLine(
            id=menu_id(draft.school_id, draft.grade, draft.day, subject, kind, title, url or "", at or ""),
            place=place,
            subject=subject,
            kind=kind,
            title=title,
            url=url,
            starts_at=at,
        )
        for place, (subject, kind, title, url, at) in enumerate(draft.lines, start=1)
    ]
