"""How fast somebody talks, kept in the state of the conversation: the same in every channel and every process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

# A check-in takes a child five to ten taps. Ninety things at once, or more than two a second for a long time, come from
# wild tapping, a stuck key or a script: nobody reads so many answers.
BURST = 90.0
PER_SECOND = 2.0
CALM = 5.0  # when so many may come again, going too fast is a new thing


@dataclass(frozen=True, kw_only=True)
class Pace:
    """A token bucket of one conversation."""

    left: float  # messages that may still come at once
    at: datetime  # of the latest message
    was_told: bool = False  # that it goes too fast
    cared_for: str = ""  # the highest level of distress that was answered while it went too fast

    @property
    def is_rushing(self) -> bool:
        return self.left <= 0

    def next(self, at: datetime) -> Self:
        """After one more message. One of an earlier moment, as after an outage or by a clock that was set back, counts
        as one of the same."""
        left = self.left + max(0.0, (at - self.at).total_seconds()) * PER_SECOND
        left = max(0.0, min(BURST, left) - 1)
        if left >= CALM:
            return type(self)(left=left, at=at)
        return replace(self, left=left, at=at)

    def to_json(self) -> list[Any]:
        return [self.left, self.at.isoformat(), self.was_told, self.cared_for]

    @classmethod
    def from_json(cls, value: object) -> Pace | None:
        match value:
            case [float() | int() as left, str(at), bool(was_told), str(cared_for)]:
                return cls(left=left, at=datetime.fromisoformat(at), was_told=was_told, cared_for=cared_for)
            case _:
                return None


def first(at: datetime) -> Pace:
    """That of somebody who begins to talk."""
    return Pace(left=BURST - 1, at=at)
