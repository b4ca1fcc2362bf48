"""What ``/metrics`` counts of webhooks, events and turns. No label ever carries anything of a person.

Sends are counted in ``scheduler/metrics.py``; what stands in the database is read by ``assistant/standing.py``.
"""

from __future__ import annotations

from importlib.metadata import version
from platform import python_version

from prometheus_client import Counter, Histogram, Info

BUILD = Info("ayumi_build", "What is running")
BUILD.info({"version": version("ayumi"), "python": python_version()})
WEBHOOKS = Counter("ayumi_webhooks_total", "Webhook requests answered", ["channel", "status"])
WEBHOOK_SECONDS = Histogram(
    "ayumi_webhook_seconds",
    "From a webhook request until its answer: its events are stored by then",
    ["channel"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2),
)
EVENTS = Counter("ayumi_events_total", "Events stored", ["channel", "handled"])
REFUSED = Counter("ayumi_refused_total", "Requests refused because the store cannot keep up", ["reason"])
TURNS = Counter("ayumi_turns_total", "Turns that ended", ["channel", "outcome"])
STORED_SECONDS = Histogram(
    "ayumi_turn_stored_seconds",
    "From the receipt of an event until its turn, with the answer, was stored",
    ["channel"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600),
)


def webhook_answered(channel: str, status: int, seconds: float) -> None:
    """Count one webhook request."""
    WEBHOOKS.labels(channel, status).inc()
    WEBHOOK_SECONDS.labels(channel).observe(seconds)
