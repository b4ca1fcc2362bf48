"""Reading in a process of its own: a file that harms it harms nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from knowledge.documents.reading.apart import ReaderApart
from knowledge.documents.reading.model import Reason, UnreadableError
from tests.builders.documents import pdf

PDF = pdf("Doors open at nine.")


async def test_one_process_reads_many_files_and_the_next_takes_over_when_it_is_killed() -> None:
    reader = ReaderApart()
    try:
        assert (await reader.read("a.pdf", PDF)).parts[0].text == "Doors open at nine."
        process = reader._process
        assert process is not None
        assert (await reader.read("b.md", b"# T\n\nx")).title == "T"
        assert reader._process is process
        os.kill(process.pid, signal.SIGSTOP)  # as a file that never ends being parsed
        reader._seconds = 0.3
        with pytest.raises(UnreadableError) as error:
            await reader.read("a.pdf", PDF)
        assert error.value.reason is Reason.TOO_SLOW
        reader._seconds = 60.0
        assert (await reader.read("a.pdf", PDF)).parts[0].page == 1
    finally:
        await reader.close()


async def test_a_file_that_takes_the_process_down_is_broken_and_the_next_one_is_read() -> None:
    reader = ReaderApart()
    try:
        await reader.read("a.pdf", PDF)
        assert reader._process is not None
        os.kill(reader._process.pid, signal.SIGSTOP)
        reading = asyncio.create_task(reader.read("a.pdf", PDF))
        await asyncio.sleep(0)
        os.kill(reader._process.pid, signal.SIGKILL)
        with pytest.raises(UnreadableError) as error:
            await reading
        assert error.value.reason is Reason.BROKEN
        assert (await reader.read("b.pdf", PDF)).pages == 1
    finally:
        await reader.close()


async def test_a_file_that_is_told_by_its_name_starts_no_process() -> None:
    reader = ReaderApart()
    for name, reason in (("a.doc", Reason.OLD_FORMAT), ("a.jpg", Reason.PICTURE)):
        with pytest.raises(UnreadableError) as error:
            await reader.read(name, b"x")
        assert error.value.reason is reason
    assert (await reader.read("a.txt", "あ".encode())).parts[0].text == "あ"
    assert reader._process is None


async def test_the_process_is_given_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AYUMI_SECRET_KEY", "to be kept")
    reader = ReaderApart()
    try:
        await reader.read("a.md", b"x")
        assert reader._process is not None
        environment = Path(f"/proc/{reader._process.pid}/environ").read_bytes()
        assert b"PYTHONPATH" in environment
        assert b"AYUMI" not in environment
    finally:
        await reader.close()
