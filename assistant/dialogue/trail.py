"""What a turn leaves behind for operators: a log line by which its event is found, and figures."""

from __future__ import annotations

from datetime import datetime

import structlog

from assistant.metrics import STORED_SECONDS, TURNS

log = structlog.get_logger(__name__)


def note_turn(
    *, event_id: str, channel: str, outcome: str, seconds: float, received_at: datetime, at: datetime
) -> None:
    """Log and count a turn that ended ``at``. ``outcome``: answered, silent (nothing was to be said), retried, failed
    (given up; its person is told), storage (the database was down), dropped (its conversation went on meanwhile, or
    another process answered). ``seconds`` since the event was taken."""
    waited = (at - received_at).total_seconds()
    TURNS.labels(channel=channel, outcome=outcome).inc()
    if outcome in ("answered", "silent"):
        STORED_SECONDS.labels(channel=channel).observe(max(0.0, waited))
    log.info(
        "turn", event_id=event_id, channel=channel, outcome=outcome,
        ms=round(seconds * 1000, 1), since_receipt_ms=round(waited * 1000),
    )  # fmt: skip
