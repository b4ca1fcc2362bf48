"""What this process has claimed of the outbox and not settled yet, and for how long nobody else can take it over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from time import monotonic

from scheduler.outbox import Item

RENEW_AFTER = 3.0  # seconds
STALE_AFTER = 9.0  # seconds after which a claim that was not renewed belongs to a process that died: two may fail
MARGIN = 1.0  # seconds before that in which nothing is begun any more
AWAY_AFTER = STALE_AFTER - RENEW_AFTER - MARGIN  # seconds without the database in which a living claim may grow stale


@dataclass(frozen=True, kw_only=True)
class _Claim:
    attempts: int  # which try it is for
    at: float  # no later than when the database noted it, by the process's clock


class Claims:
    """The claims of one pipeline. Their age is counted by a clock that nobody sets and that goes on while the process
    stands still, so that one that wakes up knows what it may no longer do."""

    def __init__(self, seconds: Callable[[], float] = monotonic) -> None:
        self.seconds = seconds
        self._claims: dict[str, _Claim] = {}
        self._reached_at: float | None = None  # when the database last stored something; None: nothing was tried yet
        self._patient_until = 0.0

    def reached(self) -> None:
        """The database was there. After it was away, others get the time to renew what they hold."""
        if self._is_away():
            self._patient_until = self.seconds() + RENEW_AFTER
        self._reached_at = self.seconds()

    @property
    def others_could_renew(self) -> bool:
        """Whether whoever is alive has had the time to renew its claims."""
        return not self._is_away() and self.seconds() >= self._patient_until

    def _is_away(self) -> bool:
        return self._reached_at is not None and self.seconds() - self._reached_at > AWAY_AFTER

    def take(self, items: Iterable[Item], at: float) -> None:
        """They were claimed; ``at``: by ``seconds``, before the database was asked."""
        self._claims |= {item.id: _Claim(attempts=item.attempts, at=at) for item in items}

    def to_renew(self) -> Mapping[str, int]:
        """The claims that are due to be renewed: by id the try that each is for."""
        before = self.seconds() - RENEW_AFTER
        return {id: claim.attempts for id, claim in self._claims.items() if claim.at <= before}

    def renewed(self, asked: Mapping[str, int], kept: Collection[str], at: float) -> None:
        """Of those that were to be renewed, these are ours still; ``at`` as in ``take``."""
        for id in asked.keys() & self._claims.keys():
            if id in kept:
                self._claims[id] = _Claim(attempts=asked[id], at=at)
            else:
                del self._claims[id]

    def drop(self, ids: Iterable[str]) -> None:
        for id in ids:
            self._claims.pop(id, None)

    def hold(self, items: Iterable[Item]) -> bool:
        """Whether all of these are ours: nobody can have taken one over."""
        return all(self._holds(item) for item in items)

    def _holds(self, item: Item) -> bool:
        claim = self._claims.get(item.id)
        is_young = claim is not None and self.seconds() - claim.at < STALE_AFTER - MARGIN
        return claim is not None and is_young and claim.attempts == item.attempts
