"""How long to wait before the next try."""

from __future__ import annotations

FIRST_WAIT = 1.0  # seconds
LONGEST_WAIT = 600.0  # seconds
MAX_ATTEMPTS = 150  # with the waits below about a day, as long as LINE honours a retry key


def backoff(attempts: int) -> float:
    """Seconds to wait after ``attempts`` tries: doubling from one second, at most ten minutes."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(max(0, attempts - 1), 20))
