"""What a reminder will do, shown before anything is saved: whom it reaches, when, in which words, at what cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from assistant.announcing import announce
from assistant.channels.wording import kana
from assistant.dialogue.asking import ask
from assistant.dialogue.people import Person
from assistant.dialogue.reminder_draft import ReminderDraft
from assistant.dialogue.state import DialogueState
from assistant.dialogue.turn import Turn
from assistant.handlers import checkin
from assistant.handlers.reminders.plan import Plan
from assistant.messages import Incoming, Kind, Words
from assistant.wording.occasions import say_day, say_when
from assistant.wording.texts import Speaker, band_of
from knowledge.questions.model import Phase
from knowledge.records.announcements import Announced
from knowledge.reminding import AnswerKind, AudienceKind, What
from scheduler.schools import Times

NAMED = 30  # receivers named; the rest is counted
SKIPPED = 2  # days left out that are named, each with its reason

AGES = "EPJH"


async def preview(turn: Turn, plan: Plan, not_explained: Sequence[str] = ()) -> Words:
    """The preview as one text."""
    draft = plan.draft
    parts = [
        turn.words("reminders.preview_changed" if draft.reminder_id else "reminders.preview"),
        Words.join([*_when(turn, plan), *_whom(turn, plan)], "\n"),
        await _what(turn, plan),
        _cost(turn, plan),
    ]
    if not_explained:
        parts.insert(1, turn.words("reminders.not_explained", words=Words.own("」「".join(not_explained))))
    return Words.join(parts, "\n\n")


def named(turn: Turn, plan: Plan) -> Words:
    """だれに？"""
    names = [Words.own(person.label) for person in plan.people[:NAMED]]
    if len(plan.people) > NAMED:
        names.append(turn.words("reminders.and_more", count=len(plan.people) - NAMED))
    return turn.words(
        "reminders.names",
        label=label_of(turn, plan.draft.audience_kind, plan.draft.audience_label),
        count=len(plan.people),
        names=Words.join(names, str(turn.words("reminders.name_comma"))),
    )


def label_of(turn: Turn, kind: AudienceKind, label: str) -> Words:
    return turn.words("reminders.oneself") if kind is AudienceKind.SELF else Words.own(label)


def phase_of(draft: ReminderDraft, times: Times) -> Phase | None:
    """The check-in that a draft asks for; None for words and questions."""
    match draft.what:
        case What.ANTICIPATION:
            return Phase.ANTICIPATION
        case What.REFLECTION:
            return Phase.REFLECTION
        case What.CHECKIN:
            is_morning = time.fromisoformat(draft.time or "00:00") < times.anticipation_until
            return Phase.ANTICIPATION if is_morning else Phase.REFLECTION
        case _:
            return None


def youngest(plan: Plan) -> str | None:
    """The lowest grade among the receivers; None where nobody has one."""
    grades = [person.grade for person in plan.people if person.grade]
    return min(grades, key=lambda grade: (AGES.find(grade[0]), grade), default=None)


def _when(turn: Turn, plan: Plan) -> list[Words]:
    comma = str(turn.words("reminders.date_comma"))
    dates = Words.join([say_day(each.date(), turn.speaker) for each in plan.next], comma)
    when = turn.words("reminders.right_now") if plan.draft.at_once else say_when(plan.draft, turn.speaker)
    lines = [turn.words("reminders.line_when", when=when)]
    if plan.draft.rrule is not None or plan.draft.event_title is not None:
        lines.append(turn.words("reminders.line_next", dates=dates))
    is_daily = plan.draft.rrule is not None and plan.draft.rrule.startswith("FREQ=DAILY")  # its weekends need no word
    told = [(day, holiday) for day, holiday in plan.skipped if holiday or day.weekday() < 5 or not is_daily]
    for day, holiday in told[:SKIPPED]:
        key = "skipped" if holiday else "skipped_no_school"
        lines.append(turn.words(f"reminders.{key}", day=say_day(day, turn.speaker), holiday=holiday or ""))
    if plan.draft.rrule is not None and not plan.draft.any_day:
        lines.append(turn.words("reminders.skipped_many" if told else "reminders.pauses"))
    return lines


def _whom(turn: Turn, plan: Plan) -> list[Words]:
    draft = plan.draft
    if draft.audience_kind is AudienceKind.SELF:
        lines = [turn.words("reminders.line_whom_self")]
    else:
        label = Words.own(draft.audience_label)
        lines = [turn.words("reminders.line_whom", label=label, count=len(plan.people))]
    if draft.only_missing:
        is_answered = draft.what is What.ANNOUNCEMENT
        lines.append(turn.words("reminders.line_missing_answers" if is_answered else "reminders.line_missing"))
    if plan.left_out:
        comma = str(turn.words("reminders.name_comma"))
        names = Words.join([Words.own(person.label) for person in plan.left_out], comma)
        lines.append(turn.words("reminders.line_out", names=names))
    if plan.held_back:
        limit = turn.services.times.of(draft.school_id).daily_limit
        lines.append(turn.words("reminders.line_limit", count=len(plan.held_back), limit=limit))
    away = len(plan.people) - len(plan.reached)
    if draft.audience_kind is AudienceKind.SELF:
        return lines
    if not plan.reached:
        lines.append(turn.words("reminders.line_nobody_reached"))
    elif away:
        lines.append(turn.words("reminders.line_away", count=away))
    return lines


async def _what(turn: Turn, plan: Plan) -> Words:
    """What will be read, as the youngest of its readers will read it."""
    draft, grade = plan.draft, youngest(plan)
    phase = phase_of(draft, turn.services.times.of(draft.school_id))
    if phase is not None:
        text = kana(await _first_question(turn, phase, grade, draft.school_id), grade)
        name = turn.words(f"reminders.what_{phase}")
        return turn.words("reminders.line_first_question", name=name, text=Words.own(text))
    if draft.what is What.QUESTION:
        asked = await ask(turn.services, turn.known.id, draft.text, turn.incoming.occurred_at, turn.speaker)
        turn.audit(asked.looked)
        return turn.words("reminders.line_answer", text=asked.said)
    reader = Speaker(language=turn.services.language, band=band_of(grade))
    if draft.what is What.ANNOUNCEMENT:
        return turn.words("reminders.line_text", text=_announced(turn, draft, reader, grade))
    key = {AudienceKind.SELF: "to_self", AudienceKind.STAFF: "to_staff"}.get(draft.audience_kind, "to_child")
    sender = Words.own(turn.known.called(turn.services.language))
    shown = kana(reader.say(f"reminders.{key}", sender=sender, text=Words.of(draft.text)), grade)
    return turn.words("reminders.line_text", text=Words.own(shown))


def _announced(turn: Turn, draft: ReminderDraft, reader: Speaker, grade: str | None) -> Words:
    """The announcement as it will be read, with what can be tapped under it."""
    announcement = Announced(
        id="",
        owner_id=turn.known.id,
        owner_family_name=turn.known.family_name,
        owner_given_name=turn.known.given_name,
        school_id=draft.school_id,
        text=draft.text,
        kind=draft.answers or AnswerKind.YES_NO,
        choices=draft.choices,
        closes_at=closes_at(turn, draft),
        is_safety_check=False,
        state="open",
        created_at=turn.now,
    )
    message = announce(announcement, reader, turn.services.timezone)
    buttons = "".join(f"［{kana(choice.label, grade)}］" for choice in message.choices)
    return Words.own("\n".join([kana(message.text, grade), buttons]))


def closes_at(turn: Turn, draft: ReminderDraft) -> datetime | None:
    """The moment after the last one at which an announcement is answered; None without a last day."""
    if draft.closes_on is None:
        return None
    return datetime.combine(draft.closes_on + timedelta(days=1), time(), turn.services.timezone)


async def _first_question(turn: Turn, phase: Phase, grade: str | None, school_id: str) -> Words:
    """The check-in's greeting and first question, as it would begin for a child of this grade."""
    child = Person(
        id="",
        given_name="",
        family_name="",
        kana_given_name=None,
        kana_family_name=None,
        grade=grade or "P1",
        school_id=school_id,
        roles=frozenset({"student"}),
    )
    acted = Turn(
        incoming=Incoming(
            event_id=turn.incoming.event_id, account_id="", kind=Kind.OTHER, occurred_at=turn.incoming.occurred_at
        ),
        person=child,
        changed_at=None,
        records={},
        services=turn.services,
        state=DialogueState(),
    )
    await checkin.start(acted, phase)
    return acted.outgoing[0].text


def _cost(turn: Turn, plan: Plan) -> Words:
    """What the rest of the month costs on LINE, where each push counts; nothing where nobody is written to there."""
    count = plan.on_line * plan.in_month
    if not count:
        return Words()
    args = {"count": count, "people": plan.on_line, "times": plan.in_month, "month": plan.next[0].month}
    if plan.quota is None or plan.quota.limit is None:
        return turn.words("reminders.cost", **args)
    left = max(0, plan.quota.limit - plan.quota.used)
    return turn.words("reminders.cost_quota" if count <= left else "reminders.cost_too_much", left=left, **args)
