"""Where an error happened, without what it said: messages of a database may carry a child's text."""

from __future__ import annotations

DEPTH = 6  # innermost places


def places(error: BaseException) -> list[str]:
    """The innermost ``file:line`` places of an error, outermost first."""
    found: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        found.append(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
        trace = trace.tb_next
    return found[-DEPTH:]
