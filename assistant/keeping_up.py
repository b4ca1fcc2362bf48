"""Whether the store keeps up with what comes: judged by the commit under way and by those before it.

Who could not be served in time is better told so at once: the platform sends again later, and those who wait already
are served. A store that is down is tried by one caller at a time, so that it is found again by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

PATIENCE = 1.5  # seconds a webhook may wait for its events to be stored (503 within 2 s)
WEIGHT = 0.3  # of the last commit in what is usual


class Commits:
    """The commits of one writer, one after another."""

    def __init__(self, seconds: Callable[[], float] = monotonic) -> None:
        """``seconds``: a clock that nobody sets."""
        self._seconds = seconds
        self._usual = 0.0  # seconds
        self._began: float | None = None
        self.is_down = False  # the last one failed

    def begin(self) -> None:
        self._began = self._seconds()

    def end(self, *, is_down: bool) -> None:
        """``is_down``: the store could not be reached."""
        if self._began is not None:
            self._usual += WEIGHT * (self._seconds() - self._began - self._usual)
        self._began, self.is_down = None, is_down

    def refusal(self, ahead: int) -> str | None:
        """Why whoever comes now cannot be served in time, ``ahead`` further commits being needed until it is stored;
        None: it can. While no commit is under way whoever comes may try."""
        if self._began is None:
            return None
        so_far = self._seconds() - self._began
        if self.is_down or so_far > PATIENCE:
            return "down"
        return "slow" if max(0.0, self._usual - so_far) + ahead * self._usual > PATIENCE else None
