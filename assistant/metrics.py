"""What ``/metrics`` counts. No label ever carries anything of a person."""

from __future__ import annotations

from prometheus_client import Counter

WEBHOOKS = Counter("ayumi_webhooks_total", "Webhook requests answered", ["channel", "status"])
EVENTS = Counter("ayumi_events_total", "Events stored", ["channel", "handled"])
