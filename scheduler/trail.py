"""What a send leaves behind for operators: a log line by which it is found, and figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog

from scheduler.metrics import ANSWER_SECONDS, DELAY_SECONDS, MAYBE_TWICE, SEND_SECONDS, SENDS, kind_of
from scheduler.outbox import Item

EVENT, RECEIVED = "event_id", "received_at"  # in the payload of an answer: what it answers, and when that came
AS_IT_SHOULD_BE = frozenset({"none", "not_wanted"})

log = structlog.get_logger(__name__)


def note_result(group: Sequence[Item], result: str, problem: str | None, seconds: float, now: datetime) -> None:
    """Log and count what became of all in a group; nobody in it, nothing done. ``result`` is the type of the result,
    in small letters; ``seconds`` what the platform took, 0 for what was never handed to it."""
    if not group:
        return
    item, is_sent, kind = group[-1], result == "sent", kind_of(problem)
    SENDS.labels(channel=item.channel, result=result, problem=kind).inc(len(group))
    if seconds:
        SEND_SECONDS.labels(channel=item.channel).observe(seconds)
    if is_sent:
        for each in group:
            received_at = each.payload.get(RECEIVED)
            if received_at is None:
                DELAY_SECONDS.labels(channel=each.channel).observe(max(0.0, (now - each.due_at).total_seconds()))
            else:
                took = (now - datetime.fromisoformat(received_at)).total_seconds()
                ANSWER_SECONDS.labels(channel=each.channel).observe(max(0.0, took))
    (log.info if kind in AS_IT_SHOULD_BE else log.warning)(
        "sent" if is_sent else "not_sent", outbox_id=item.id, event_id=item.payload.get(EVENT), kind=item.kind,
        channel=item.channel, result=result, problem=problem, attempts=item.attempts, count=len(group),
        ms=round(seconds * 1000, 1),
    )  # fmt: skip


def note_maybe_twice(item: Item) -> None:
    """Log and count a send that was made though an earlier try may have arrived: nobody can know."""
    MAYBE_TWICE.labels(channel=item.channel).inc()
    log.warning("maybe_twice", outbox_id=item.id, event_id=item.payload.get(EVENT), channel=item.channel)
