"""Reading in a process of its own: what a file does to a parser, it does not do to us.

The process is given a file and gives back JSON. It has none of our settings, a limit on its memory where the platform
has one, and is killed when a file takes too long; the next file gets a new one.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

import knowledge
from knowledge.documents.reading.limits import MAX_BYTES, MAX_CHARACTERS, MAX_SECONDS
from knowledge.documents.reading.model import Part, ReadDocument, Reason, UnreadableError
from knowledge.documents.reading.registry import SIMPLE, check_name, ending, read_file

HEAD = 8  # bytes of a length before each message, big-endian
SMALL = 20_000  # bytes of a text file that is read at once, rather than in a thread
MAX_ANSWER = 16 * MAX_CHARACTERS  # bytes
KEPT = ("PATH", "SYSTEMROOT", "LANG", "LC_ALL", "TMPDIR", "TEMP")  # of our environment; the rest holds secrets


class ReaderApart:
    """Reads files one after the other, in a process that starts with the first one that needs it. ``await close()``
    it at the end."""

    def __init__(self, seconds: float = MAX_SECONDS) -> None:
        self._seconds = seconds  # one file may take
        self._process: Process | None = None

    async def read(self, name: str, content: bytes) -> ReadDocument:
        """As ``read_file``. Raises ``UnreadableError``, also when reading takes too long or kills the process."""
        check_name(name)
        if len(content) > MAX_BYTES:
            raise UnreadableError(Reason.TOO_LARGE)
        if ending(name) in SIMPLE:
            if len(content) < SMALL:
                return read_file(name, content)
            return await asyncio.to_thread(read_file, name, content)
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._asked(name, content)
        except TimeoutError as error:
            await self.close()
            raise UnreadableError(Reason.TOO_SLOW) from error
        except (asyncio.IncompleteReadError, ConnectionError) as error:  # the file took the process down
            await self.close()
            raise UnreadableError(Reason.BROKEN) from error
        except BaseException:  # stopped in the middle of an answer: the next file must not be given its rest
            await self.close()
            raise
        return from_json(answer)

    async def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _asked(self, name: str, content: bytes) -> Any:
        if self._process is None or self._process.returncode is not None:
            self._process = await _start()
        asked, answers = self._process.stdin, self._process.stdout
        if asked is None or answers is None:
            raise ConnectionError("a process without pipes")
        for message in (ending(name).encode(), content):
            asked.write(len(message).to_bytes(HEAD, "big"))
            asked.write(message)
        await asked.drain()
        length = int.from_bytes(await answers.readexactly(HEAD), "big")
        if length > MAX_ANSWER:
            raise ConnectionError("an answer longer than any document")
        return orjson.loads(await answers.readexactly(length))


async def _start() -> Process:
    home = str(Path(knowledge.__file__).parent.parent)
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    paths = os.pathsep.join([home, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]).rstrip(os.pathsep)
    arguments = [sys.executable, "-P", "-m", "knowledge.documents.reading.worker"]
    # What libraries say of a file (openpyxl warns of styles) is no answer to anybody.
    return await asyncio.create_subprocess_exec(
        *arguments, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment | {"PYTHONPATH": paths, "PYTHONUTF8": "1"}
    )


def to_json(read: ReadDocument | Reason) -> bytes:
    if isinstance(read, Reason):
        return orjson.dumps({"reason": read})
    parts = [(part.section, part.page, part.text, part.is_row) for part in read.parts]
    return orjson.dumps({"title": read.title, "pages": read.pages, "parts": parts})


def from_json(answer: Mapping[str, Any]) -> ReadDocument:
    """Raises ``UnreadableError`` where that is the answer."""
    if "reason" in answer:
        raise UnreadableError(Reason(answer["reason"]))
    return ReadDocument(
        title=answer["title"],
        pages=answer["pages"],
        parts=tuple(
            Part(section=section, page=page, text=text, is_row=is_row)
            for section, page, text, is_row in answer["parts"]
        ),
    )
