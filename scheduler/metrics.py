"""What ``/metrics`` says about sends. No label ever carries anything of a person."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

SENDS = Counter("ayumi_sends_total", "Sends that had a result", ["channel", "result", "problem"])
MAYBE_TWICE = Counter(
    "ayumi_maybe_twice_total", "Messages sent though an earlier try, without an answer, may have arrived", ["channel"]
)
SEND_SECONDS = Histogram(
    "ayumi_send_seconds",
    "How long the calls of one send to its platform took",
    ["channel"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 25),
)
ANSWER_SECONDS = Histogram(
    "ayumi_answer_seconds",
    "From the receipt of an event until its answer was with the platform",
    ["channel"],
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600),
)
DELAY_SECONDS = Histogram(
    "ayumi_send_delay_seconds",
    "How long after it was due a planned send was with the platform",
    ["channel"],
    buckets=(1, 5, 15, 30, 60, 300, 900, 3600),
)

# What a problem begins with, and the kind that it is counted as. The first that fits counts.
KINDS = (
    ("quota", "quota"),
    ("token", "token"),
    ("storage", "storage"),
    ("too late", "too_late"),
    ("answered meanwhile", "not_wanted"),
    ("file:", "file"),
    ("HTTP 429", "rate_limit"),
    ("HTTP 4", "refused"),
    ("HTTP 5", "platform"),
    ("no answer", "timeout"),
)
NETWORK = ("Timeout", "Client", "Server", "Connection", "OSError", "gaierror", "SSL")  # in the names of errors


def kind_of(problem: str | None) -> str:
    """One of a dozen words for why a send is late, held, skipped or failed; "none" where nothing is wrong."""
    if not problem:
        return "none"
    for start, kind in KINDS:
        if problem.startswith(start):
            return kind
    if any(each in problem for each in NETWORK):
        return "network"
    return "refused" if problem.islower() and problem.isidentifier() else "other"  # Slack's codes
