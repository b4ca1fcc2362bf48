"""What can go wrong between a caller and LINE, as values a test hands to `LineStandIn.fail_next`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One way a well-formed request fails; `a | b` fails in both, as in `Failure.DELAY(2) | Failure.DROP_AFTER`."""

    status: int | None = None  # HTTP status answered instead of the ordinary one
    message: str = ""  # the error text that goes with the status
    processed: bool = True  # whether the request takes effect (messages delivered, tokens used, quota counted)
    dropped: bool = False  # whether the connection is closed without an answer
    delay: float = 0.0  # seconds between taking effect and the answer (or the closing)
    raw: bytes = b""  # sent instead of an HTTP answer, then the connection is closed

    STATUS_500: ClassVar[Failure]
    STATUS_429_RATE: ClassVar[Failure]
    STATUS_429_MONTHLY: ClassVar[Failure]
    STATUS_401: ClassVar[Failure]
    DROP_BEFORE: ClassVar[Failure]
    DROP_AFTER: ClassVar[Failure]
    GARBAGE: ClassVar[Failure]

    @staticmethod
    def DELAY(seconds: float) -> Failure:
        """An ordinary answer that comes late."""
        return Failure(delay=seconds)

    def __or__(self, other: Failure) -> Failure:
        """Both failures at once: delays add up, and a request takes effect only if it would under both."""
        return Failure(
            status=self.status or other.status,
            message=self.message or other.message,
            processed=self.processed and other.processed,
            dropped=self.dropped or other.dropped,
            delay=self.delay + other.delay,
            raw=self.raw or other.raw,
        )


Failure.STATUS_500 = Failure(status=500, message="Internal server error", processed=False)
Failure.STATUS_429_RATE = Failure(
    status=429, message="The API rate limit has been exceeded. Try again later.", processed=False
)
Failure.STATUS_429_MONTHLY = Failure(status=429, message="You have reached your monthly limit.", processed=False)
Failure.STATUS_401 = Failure(status=401, message="Authentication failed: invalid access token.", processed=False)
Failure.DROP_BEFORE = Failure(dropped=True, processed=False)
Failure.DROP_AFTER = Failure(dropped=True)
Failure.GARBAGE = Failure(raw=b"\x16\x03\x01 this is no HTTP \r\n\r\n")
