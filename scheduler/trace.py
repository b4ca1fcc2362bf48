"""Where an error happened, without what it said: messages of a database may carry a child's text."""

from __future__ import annotations

DEPTH = 6  # innermost places
CAUSES = 4  # errors that led to each other


def places(error: BaseException) -> list[str]:
    """The innermost ``file:line`` places of an error, outermost first."""
    found: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        found.append(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
        trace = trace.tb_next
    return found[-DEPTH:]


def kinds(error: BaseException) -> str:
    """The type of an error and of what caused it: ``StorageDownError < OperationalError``."""
    found: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(found) < CAUSES:
        found.append(type(cause).__name__)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return " < ".join(found)
