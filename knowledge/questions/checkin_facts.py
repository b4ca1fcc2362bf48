"""What children answered in their check-ins: mood, goals, confidence, depth, and what waits for a reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select

from knowledge.questions.facts import AT, PHASE, Facts, Frame, known
from knowledge.questions.members import Key
from knowledge.questions.model import Metric, Phase
from knowledge.records.checkins import CheckIn, shared, shown
from knowledge.records.checkins import Status as CheckInStatus
from knowledge.records.replies import Reply

MOODS: Mapping[str, int] = {"sunny": 4, "cloudy": 3, "rainy": 2, "thunder": 1}  # in the order in which they are shown
LOW_MOODS = ("rainy", "thunder")
GOOD_ACHIEVEMENTS = ("achieved", "mostly")
TEXTS = (CheckIn.went_well, CheckIn.difficult, CheckIn.next_step)  # of a reflection


def finished(frame: Frame, *answers: str) -> list[ColumnElement[bool]]:
    """That a check-in was finished by now, and the viewer may look at it and at these answers. What a child gave before
    declining is not used."""
    conditions = [CheckIn.status == CheckInStatus.FINISHED, known(CheckIn.answered_at)]
    if frame.narrow.phase:
        conditions.append(CheckIn.phase == PHASE)
    if frame.narrow.without_self:
        conditions.append(shared(*answers))
    return conditions


def written() -> ColumnElement[bool]:
    """That a reflection has text that staff may read."""
    return and_(CheckIn.phase == Phase.REFLECTION, or_(*(func.coalesce(shown(text), "") != "" for text in TEXTS)))


def waiting() -> ColumnElement[bool]:
    """That a reflection has text that staff may read, and no reply."""
    replied = select(Reply.id).where(
        Reply.student_id == CheckIn.student_id, Reply.date == CheckIn.date, Reply.sent_at <= AT
    )
    return and_(written(), ~replied.exists())


def _of_checkins(
    frame: Frame, answers: Sequence[str], value: ColumnElement[Any], *conditions: ColumnElement[bool]
) -> Select[*tuple[Any, ...]]:
    """Facts out of these answers. What they are grouped or narrowed by is an answer too."""
    by = [name for name, key in (("mood", Key.MOOD), ("subject", Key.SUBJECT)) if frame.key is key]
    by += ["subject"] if frame.narrow.subject or frame.narrow.subjects else []
    return frame.facts(
        CheckIn.student_id,
        CheckIn.date,
        value,
        None,
        *finished(frame, *answers, *by),
        *conditions,
        subject=CheckIn.subject,
        mood=CheckIn.mood,
    )


def mood(frame: Frame) -> Select[*tuple[Any, ...]]:
    return _of_checkins(frame, ["mood"], case(MOODS, value=CheckIn.mood), CheckIn.mood.is_not(None))


def low_mood_days(frame: Frame) -> Select[*tuple[Any, ...]]:
    """One row per student-day with a mood: 1 where the lowest is low."""
    is_low = func.max(case((CheckIn.mood.in_(LOW_MOODS), 1), else_=0))
    facts = _of_checkins(frame, ["mood"], is_low, CheckIn.mood.is_not(None))
    key, *_ = [column for column in facts.selected_columns if column.name == "key"]
    return facts.group_by(CheckIn.student_id, CheckIn.date, key)


def goal_achievement(frame: Frame) -> Select[*tuple[Any, ...]]:
    is_good = case((CheckIn.achievement.in_(GOOD_ACHIEVEMENTS), 1), else_=0)
    return _of_checkins(
        frame, ["achievement"], is_good, CheckIn.achievement.is_not(None), CheckIn.phase == Phase.REFLECTION
    )


def confidence(frame: Frame) -> Select[*tuple[Any, ...]]:
    return _of_checkins(frame, ["confidence"], CheckIn.confidence.expression, CheckIn.confidence.is_not(None))


def reflection_depth(frame: Frame) -> Select[*tuple[Any, ...]]:
    answers = [text.key for text in TEXTS]  # how deep they go would tell something of each
    is_deep = (CheckIn.depth.is_not(None), CheckIn.phase == Phase.REFLECTION)
    return _of_checkins(frame, answers, CheckIn.depth.expression, *is_deep)


def awaiting_reply(frame: Frame) -> Select[*tuple[Any, ...]]:
    return _of_checkins(frame, (), literal(1), waiting())


FACTS: Mapping[Metric, Facts] = {
    Metric.MOOD: mood,
    Metric.MOOD_CHANGE: mood,
    Metric.LOW_MOOD_DAYS: low_mood_days,
    Metric.GOAL_ACHIEVEMENT: goal_achievement,
    Metric.CONFIDENCE: confidence,
    Metric.REFLECTION_DEPTH: reflection_depth,
    Metric.AWAITING_REPLY: awaiting_reply,
}
