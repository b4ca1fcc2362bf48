"""The process that reads files for another one: see ``reading.apart``. Run as a module."""

from __future__ import annotations

import gc
import sys
from contextlib import suppress
from typing import BinaryIO

from knowledge.documents.reading.apart import HEAD, to_json
from knowledge.documents.reading.limits import MAX_MEMORY
from knowledge.documents.reading.model import Reason, UnreadableError
from knowledge.documents.reading.registry import read_file


def main() -> None:
    """Answer until the input ends."""
    _limit_memory()
    gc.set_threshold(100_000, 50, 50)  # a parser makes many objects at once, hardly any of them garbage
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # a library that prints must not break an answer
    while (kind := _message(asked)) is not None:
        content = _message(asked)
        if content is None:
            return
        answer = _read(f"file{kind.decode()}", content)
        answers.write(len(answer).to_bytes(HEAD, "big") + answer)
        answers.flush()


def _read(name: str, content: bytes) -> bytes:
    try:
        return to_json(read_file(name, content))
    except UnreadableError as error:
        return to_json(error.reason)
    except MemoryError:
        return to_json(Reason.TOO_SLOW)
    except Exception:  # whatever a damaged file makes a library stumble over; its text is nobody's business
        return to_json(Reason.BROKEN)


def _message(stream: BinaryIO) -> bytes | None:
    """The next one; None when the other side has gone."""
    head = stream.read(HEAD)
    length = int.from_bytes(head, "big")
    message = stream.read(length) if len(head) == HEAD else b""
    return message if len(head) == HEAD and len(message) == length else None


def _limit_memory() -> None:
    with suppress(ImportError, ValueError, OSError):  # not on every platform
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash must not leave a document on the disk


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):  # the other side decides when to stop
        main()
