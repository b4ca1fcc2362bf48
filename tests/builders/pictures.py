"""Answers to be drawn, and a handler that sends them, until the real ones are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from assistant.attachments import new_file
from assistant.charts import describe, draw
from assistant.dialogue.turn import Turn
from assistant.messages import Attachment, Choice, Outgoing, Words
from assistant.wording.texts import Speaker
from knowledge.questions.model import (
    Answer,
    AnswerRow,
    GroupBy,
    Metric,
    Period,
    Question,
    Scope,
    ScopeKind,
    Shape,
    Status,
)

STAFF = Speaker(language="ja", band="staff")
CLASS = Scope(kind=ScopeKind.CLASS, ids=("c-4-2",), label="4年2組")
LAST_WEEK = Period(start=date(2026, 5, 4), end=date(2026, 5, 10), label="先週")
CSV = "名前,日数\r\n佐藤 花,3\r\n".encode("utf-8-sig")


def answer_of(
    shape: Shape, rows: Mapping[str, float | str | None], metric: Metric | None = Metric.REFLECTION_RATE, **more: Any
) -> Answer:
    """An answer with these figures by id; ``more`` are parts of the question, or of the answer."""
    unit, n, difference = more.pop("unit", "%"), more.pop("n", 186), more.pop("difference", None)
    parts: dict[str, Any] = {"scope": CLASS, "period": LAST_WEEK, **more}
    question = Question(metric=metric, shape=shape, **parts)
    shown = tuple(AnswerRow(id=id, label=id, value=value, n=n) for id, value in rows.items())
    return Answer(status=Status.ANSWERED, question=question, rows=shown, unit=unit, n=n, difference=difference)


def week() -> Answer:
    """A class's reflections of five school days, one of them without any record."""
    days = [(LAST_WEEK.start + timedelta(days=n)).isoformat() for n in range(5)]
    return answer_of(Shape.TREND, dict(zip(days, (93.3, 87.1, None, 90.0, 61.3), strict=True)), group_by=GroupBy.DAY)


async def on_picture(turn: Turn) -> bool:
    """「グラフ」 is answered with a picture and a choice, 「表」 with a table."""
    if turn.incoming.text not in ("グラフ", "表") or turn.person is None:
        return False
    if turn.incoming.text == "グラフ":
        alt, media_type, name, content = describe(week(), STAFF), "image/png", "ふりかえり.png", draw(week(), STAFF)
    else:
        alt, media_type, name, content = Words.of("表を保存する"), "text/csv", "4年2組 提出.csv", CSV
    assert content is not None
    write, file_id = new_file(turn.person.id, media_type, name, content, turn.now)
    turn.writes.append(write)
    attachment = Attachment(file_id=file_id, media_type=media_type, name=name, alt=alt)
    again = Choice(label=Words.of("もう一度"), value="again")
    turn.outgoing.append(Outgoing(text=Words.of("4年2組・先週です。"), attachment=attachment, choices=(again,)))
    return True
