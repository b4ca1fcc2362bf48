"""How often is the passage that answers found first, or among five, how soon, and how fast is a folder indexed?

    python -m benchmarks.retrieval [FOLDER] [--models]

FOLDER holds ``library/`` with one file for each document, and ``questions.jsonl``: {"id", "text", "file"}, and ``kana``
where a question is written in kana already; without it, the set written for the project (``documents/``). Questions are
asked once as they are and once by their reading in kana. ``python -m benchmarks.jsquad`` makes a folder of JSQuAD.

The floor counts, for each file, the pairs of characters it shares with the question. Speed is taken with the folder
filled up to 10,000 passages. ``--models`` asks with stand-ins for embedding models instead: one that knows the answers,
one that sees characters alone, and one that knows nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from random import Random
from zlib import crc32

import numpy as np
import orjson
from langchain_core.embeddings import Embeddings

from assistant.schema import migrate
from benchmarks.machine import percentile
from knowledge.db import Database
from knowledge.documents.ingest import add_sources
from knowledge.documents.library import Library
from knowledge.documents.model import DocumentAudience, NewDocument, Piece, Reader
from knowledge.documents.sources import find_sources
from knowledge.documents.terms import fold, reading

SHIPPED = Path(__file__).with_name("documents")
FULL = 10_000  # passages
AT_ONCE = 200  # documents that fill up, in one transaction
TIMED = 500  # questions whose time is taken
EVERYTHING = Reader(orgs=None, is_staff=True, on=date(2026, 11, 21))
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Asked:
    text: str
    file: str  # name of the file that answers
    is_kana: bool


def read_questions(folder: Path) -> list[Asked]:
    lines = [orjson.loads(line) for line in (folder / "questions.jsonl").read_bytes().splitlines() if line.strip()]
    return [
        Asked(text=line["text"], file=line["file"], is_kana=line.get("kana", False)) for line in lines if line["file"]
    ]


async def shares(library: Library, asked: Sequence[tuple[str, str]]) -> tuple[float, float]:
    """Of texts with the file that answers: how often it is found first, and among the first five."""
    names = {each.id: each.file_name for each in await library.listed(EVERYTHING)}
    first = among = 0
    for text, file in asked:
        found = [names[hit.passage.document] for hit in await library.search(text, EVERYTHING)]
        first += found[:1] == [file]
        among += file in found
    return first / len(asked), among / len(asked)


def floor(folder: Path, asked: Sequence[tuple[str, str]]) -> tuple[float, float]:
    """The same by counting shared pairs of characters."""

    def pairs(text: str) -> set[str]:
        folded = fold(text)
        return {folded[at : at + 2] for at in range(len(folded) - 1)}

    texts = {path.name: pairs(path.read_text(encoding="utf-8")) for path in sorted((folder / "library").iterdir())}
    first = among = 0
    for text, file in asked:
        wanted = pairs(text)
        best = sorted(texts, key=lambda name: -len(wanted & texts[name]))[:5]
        first += best[:1] == [file]
        among += file in best
    return first / len(asked), among / len(asked)


async def fill_up(library: Library, missing: int) -> None:
    """Add passages that are made of halves of those that are there."""
    random, number = Random(1), count()
    texts = [
        passage.text
        for each in (await library.listed(EVERYTHING))[:2_000]
        for passage in await library.passages(each.id, EVERYTHING)
    ]
    for start in range(0, missing, AT_ONCE):
        news: list[NewDocument] = []
        for _ in range(min(AT_ONCE, missing - start)):
            one, other = random.sample(texts, 2)
            text = one[: len(one) // 2] + other[len(other) // 2 :]
            name = f"filler-{next(number)}"
            news.append(document(name, text))
        await library.put_all(news, NOW)


def document(name: str, text: str) -> NewDocument:
    return NewDocument(
        source=f"file:/{name}",
        title=name,
        file_name=name,
        media_type="text/plain",
        audience=DocumentAudience.EVERYONE,
        org_id=None,
        content=text.encode(),
        pieces=(Piece(section="", page=None, text=text),),
    )


async def measure(folder: Path, work: Path) -> None:
    database = await empty_database(work)
    library = Library(database, work)
    files = [folder / "library"]
    started = time.perf_counter()
    skipped = [each async for each in add_sources(library, find_sources(files), now=NOW) if each.reason]
    seconds = time.perf_counter() - started
    passages = sum(each.passages for each in await library.listed(EVERYTHING))
    questions = read_questions(folder)
    plain = [(each.text, each.file) for each in questions if not each.is_kana]
    kana = [(each.text if each.is_kana else reading(each.text), each.file) for each in questions]
    first, among = await shares(library, plain)
    floor_first, floor_among = floor(folder, plain)
    _, kana_among = await shares(library, kana)
    _, kana_floor = floor(folder, kana)
    where = f"{folder.name}: {len(plain)} questions, {passages} passages"
    print(f"| found first, {where} | {first / floor_first:.2f} | ≥ 0.91 | {first:.3f} | pairs: {floor_first:.3f} |")
    print(f"| … among five | {among / floor_among:.2f} | ≥ 0.965 | {among:.3f} | pairs: {floor_among:.3f} |")
    print(f"| … asked in kana | {kana_among / kana_floor:.2f} | ≥ 0.88 | {kana_among:.3f} | pairs: {kana_floor:.3f} |")
    rate = f"{passages / seconds:,.0f} passages/s"
    print(f"| files read, split and indexed, {len(skipped)} skipped | – | > 1,000/s | {rate} | |")
    await fill_up(library, max(0, FULL - passages))
    started = time.perf_counter()
    another = Library(database, work)
    await another.search("はじめて", EVERYTHING)
    loaded = time.perf_counter() - started
    times: list[float] = []
    for text, _ in plain[:TIMED]:
        started = time.perf_counter()
        await another.search(text, EVERYTHING)
        times.append((time.perf_counter() - started) * 1000)
    spread = f"p50 {percentile(times, 50):.1f} ms"
    p99 = f"p99 {percentile(times, 99):.1f} ms"
    size = f"{max(FULL, passages):,} passages"
    print(f"| a search among {size} | {p99} | < 20 ms | {spread}; index loaded in {loaded:.1f} s | |")
    # Linux counts in kibibytes, macOS in bytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)
    print(f"| memory with two such indexes, at most | – | – | {peak:,.0f} MB | |")
    await database.close()


async def empty_database(work: Path) -> Database:
    work.mkdir(exist_ok=True)
    database = Database(f"sqlite:///{work / 'ayumi.db'}")
    await migrate(database)
    return database


class StandIn(Embeddings):
    """A model that is a function of the text."""

    def __init__(self, vector: Callable[[str], Sequence[float]]) -> None:
        self._vector = vector

    def embed_query(self, text: str) -> list[float]:
        return [*self._vector(text)]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]


def anywhere(text: str) -> list[float]:
    """Says nothing about a text."""
    return np.random.default_rng(crc32(text.encode())).standard_normal(64).tolist()


def by_characters(text: str) -> list[float]:
    """Runs of two and three characters, each put into one of 512 places."""
    found, folded = np.zeros(512), fold(text)
    for size in (2, 3):
        for at in range(len(folded) - size + 1):
            number = crc32(folded[at : at + size].encode())
            found[number % 512] += 1 if number & 1024 else -1
    return (np.sign(found) * np.sqrt(np.abs(found))).tolist()


def knowing(folder: Path) -> Callable[[str], list[float]]:
    """Puts nearly every question next to the file that answers it."""
    bodies = {path.read_text(encoding="utf-8").split("\n\n", 1)[-1].strip()[:40]: path.name
              for path in (folder / "library").iterdir()}  # fmt: skip
    answers = {each.text: each.file for each in read_questions(folder)}

    def vector(text: str) -> list[float]:
        file = answers.get(text) or next((name for body, name in bodies.items() if body in text), text)
        noise = np.array(anywhere(f"about {text}")) * 0.5
        return (np.array(anywhere(file)) + noise).tolist()

    return vector


async def compare(folder: Path, work: Path) -> None:
    """With each stand-in, how often the passage is found first, and among five."""
    plain = [(each.text, each.file) for each in read_questions(folder) if not each.is_kana]
    models = {"none": None, "knows nothing": anywhere, "characters": by_characters, "knows answers": knowing(folder)}
    for number, (name, vector) in enumerate(models.items()):
        place = work / str(number)
        database = await empty_database(place)
        library = Library(database, place, embeddings=StandIn(vector) if vector else None, embeddings_name=name)
        _ = [each async for each in add_sources(library, find_sources([folder / "library"]), now=NOW)]
        first, among = await shares(library, plain)
        print(f"| found first, among five, model: {name} | – | ≥ none | {first:.4f}, {among:.4f} | |", flush=True)
        await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=SHIPPED)
    parser.add_argument("--models", action="store_true", help="compare stand-ins for embedding models instead")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ayumi-retrieval-") as work:
        asyncio.run((compare if chosen.models else measure)(chosen.folder, Path(work)))


if __name__ == "__main__":
    main()
