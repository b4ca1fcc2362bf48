"""How many questions are refused that the documents do not answer, and how many that they do?

The product's own way, library, search and threshold, over two kinds of sets: the library of ``benchmarks/documents``
with its questions ("held_back" is the half nobody has tuned on; its absent questions are near to what is there), and
files in the shape of SQuAD, such as JSQuAD, half of whose articles are left out: questions about these are absent.

    python -m benchmarks.refusal [--set held_back|dev] [--squad FILE]...
    python -m benchmarks.refusal --fit --set dev --squad FILE    (prints weights for ``answering.py``)
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from assistant.schema import migrate
from benchmarks.machine import ROOT
from knowledge.db import Database
from knowledge.documents.answering import THRESHOLD, WEIGHTS, Asked, Found, asked, look_at, told
from knowledge.documents.ingest import add_file
from knowledge.documents.library import Library
from knowledge.documents.model import DocumentAudience, Hit, NewDocument, Piece, Reader
from knowledge.documents.words import reading_of

FOLDER = ROOT / "benchmarks" / "documents"
NOW = datetime(2026, 5, 15, 16, tzinfo=UTC)
OPERATOR = Reader(orgs=None, is_staff=True, on=date(2026, 5, 15))
ASKED = 600  # questions of a SQuAD file, of either kind
FOUND = 5
SEED = 20261121
FEATURES = ("coverage", "near", "missing_names", "missing_kind", "missing_figure", "margin", "in_kana")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One question with what was found for it."""

    question: str
    answers: tuple[str, ...]  # of which one stands in the passage; none: the documents do not say it
    hits: Sequence[Hit]


async def own_cases(folder: Path, which: str) -> list[Case]:
    """The questions of one half of the project's own set."""
    rows = [json.loads(line) for line in (FOLDER / "questions.jsonl").read_text("utf-8").splitlines()]
    asking = [(row["text"], (row["answer"],) if row["answer"] else ()) for row in rows if row["set"] == which]
    database, library = await _library(folder)
    for path in sorted((FOLDER / "library").iterdir()):
        await add_file(
            library,
            name=path.name,
            content=path.read_bytes(),
            source=f"file:{path.name}",
            title=None,
            audience=DocumentAudience.EVERYONE,
            org_id=None,
            valid_until=None,
            added_by=None,
            now=NOW,
        )
    return await _asked(database, library, asking)


async def squad_cases(folder: Path, path: Path, *, in_kana: bool = False) -> list[Case]:
    """Questions of a SQuAD file, half of whose articles are in the library; ``in_kana``: as a child writes them."""
    articles: list[Any] = json.loads(path.read_text("utf-8"))["data"]
    chance = Random(SEED)
    chance.shuffle(articles)
    database, library = await _library(folder)
    present: list[tuple[str, tuple[str, ...]]] = []
    absent: list[tuple[str, tuple[str, ...]]] = []
    for number, article in enumerate(articles):
        is_there = number < len(articles) // 2
        if is_there:
            await library.put(_document(article, number), NOW)
        for question in (question for paragraph in article["paragraphs"] for question in paragraph["qas"]):
            answers = tuple(answer["text"] for answer in question["answers"]) if is_there else ()
            (present if is_there else absent).append((question["question"], answers))
    some = [*chance.sample(present, ASKED), *chance.sample(absent, ASKED)]
    return await _asked(database, library, [(reading_of(text) if in_kana else text, answers) for text, answers in some])


async def _library(folder: Path) -> tuple[Database, Library]:
    folder.mkdir()
    database = Database(f"sqlite:///{folder}/ayumi.db")
    await migrate(database)
    return database, Library(database, folder)


async def _asked(database: Database, library: Library, asking: Sequence[tuple[str, tuple[str, ...]]]) -> list[Case]:
    cases = [
        Case(question=text, answers=answers, hits=await library.search(text, OPERATOR, k=FOUND))
        for text, answers in asking
    ]
    await database.close()
    return cases


def _document(article: Any, number: int) -> NewDocument:
    """An article, each of its paragraphs a piece."""
    pieces: list[Piece] = []
    for paragraph in article["paragraphs"]:
        title, mark, text = paragraph["context"].partition("[SEP]")  # as JSQuAD writes the title
        pieces.append(Piece(section="", page=None, text=(text if mark else title).strip()))
    return NewDocument(
        source=f"squad:{number}",
        title=article["title"],
        file_name=f"{number}.txt",
        media_type="text/plain",
        audience=DocumentAudience.EVERYONE,
        org_id=None,
        content="\n".join(piece.text for piece in pieces).encode(),
        pieces=tuple(pieces),
    )


def best(case: Case) -> tuple[Asked, Found | None]:
    """What the question asks for, and the passage that answers it best, whether well enough or not."""
    wish = asked(case.question)
    return wish, next(iter(look_at(wish, case.hits)), None)


def report(name: str, cases: Sequence[Case]) -> None:
    """One row of the table."""
    refused, answered, right = {True: 0, False: 0}, 0, 0
    for case in cases:
        found = best(case)[1]
        if found is None or found.evidence.log_odds < THRESHOLD:
            refused[bool(case.answers)] += 1
        elif case.answers:
            answered += 1
            text = told(found)
            right += any(answer in text for answer in case.answers)
    there = sum(bool(case.answers) for case in cases)
    absent = len(cases) - there
    print(
        f"| not in the documents, {name} | {refused[False] / absent:.1%} of {absent} refused, "
        f"{refused[True] / there:.1%} of {there} wrongly | ≥ 90 % at ≤ 5 % wrongly | "
        f"threshold {THRESHOLD}; of the answered, {right / answered:.1%} hold the expected words | |"
    )


def fitted(cases: Sequence[tuple[Case, float]], rounds: int = 60, penalty: float = 1.0) -> list[float]:
    """Weights of the features and the bias: logistic regression by Newton's method, each case with its own weight."""
    rows: list[list[float]] = []
    labels: list[bool] = []
    counts: list[float] = []
    for case, count in cases:
        if not case.hits:
            continue
        wish = asked(case.question)
        first, first_text = look_at(wish, case.hits, most=1)[0].evidence, case.hits[0].passage.text
        if case.answers and not any(answer in first_text for answer in case.answers):
            continue  # another passage answers it
        rows.append([*(getattr(first, name) for name in FEATURES), 1.0])
        labels.append(bool(case.answers))
        counts.append(count)
    x, y, count = np.array(rows), np.array(labels, float), np.array(counts)
    weights, ridge = np.zeros(x.shape[1]), np.diag([penalty] * len(FEATURES) + [1e-6])
    for _ in range(rounds):
        chance = 1 / (1 + np.exp(-x @ weights))
        slope = x.T @ (count * (chance - y)) + ridge @ weights
        weights -= np.linalg.solve((x * (count * chance * (1 - chance))[:, None]).T @ x + ridge, slope)
    return [round(float(weight), 2) for weight in weights]


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=("held_back", "dev"), default="held_back")
    parser.add_argument("--squad", type=Path, action="append", default=[], help="a file in the shape of SQuAD")
    parser.add_argument("--fit", action="store_true", help="print weights fitted to these sets")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ayumi-bench-") as name:
        folder = Path(name)
        own = await own_cases(folder / "own", given.set)
        weighed = [(case, 3.0) for case in own]  # few, and what people at a school ask
        report(f"own {given.set}", own)
        for number, path in enumerate(given.squad):
            for in_kana in (False, True):
                cases = await squad_cases(folder / f"squad-{number}-{in_kana}", path, in_kana=in_kana)
                report(f"{path.parent.name}/{path.stem}{' in kana' if in_kana else ''}", cases)
                weighed += [(case, 0.5 if in_kana else 1.0) for case in cases]
    if given.fit:
        names = (*FEATURES, "bias")
        print(replace(WEIGHTS, **dict(zip(names, fitted(weighed), strict=True))))


if __name__ == "__main__":
    asyncio.run(main())
