"""A bulkhead: of something that may get slow, only so much at once, so that it cannot take everything with it."""

from __future__ import annotations

from types import TracebackType

from knowledge.errors import KnowledgeError


class FullError(KnowledgeError):
    """As much as may be under way is under way."""


class Bulkhead:
    """``with bulkhead: …`` raises ``FullError`` at once when it is full: nobody is kept waiting for what is slow."""

    def __init__(self, most: int) -> None:
        self._free = most

    def __enter__(self) -> None:
        if not self._free:
            raise FullError
        self._free -= 1

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._free += 1
