"""The figures of the store against those worked out by hand, over generated districts, on each database.

A kind of question is a shape, grouping, condition, kind of scope and asker, about one metric. Chance with a fixed seed
chooses among the kinds, which question of a kind, and whether it is asked before or after noon.
"""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from knowledge.db import Database
from knowledge.questions.answer import answer
from knowledge.questions.model import Metric, Question, Shape
from knowledge.records.scope import load_viewer
from tests.conftest import TEMPLATE
from tests.oracle.asked import MOMENTS, overviews_and_texts, questions
from tests.oracle.examiner import Examiner
from tests.oracle.reference import Oracle, Reading
from tests.oracle.world import TOKYO, World, make_world, write_world

SEEDS = (1, 2, 3)
BOARD, CHILD = "board", "d1"
TAUGHT = {"maths": "算数"}  # by a teacher of a scheduled class
# Of a child in two homerooms either register says whether a day counts, or in a class only that of the class.
# A board that sees no small group may also be denied what would give it away.
READINGS = (Reading(secondary=True), Reading(secondary=True, any_register=False))
SHARE = 5  # every one so many kinds of question is asked of each district, which keeps this module short


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A generated district and where it is stored."""

    seed: int
    world: World
    url: str


@pytest.fixture(scope="module", params=[f"{kind}-{seed}" for kind in ("sqlite", "postgresql") for seed in SEEDS])
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    """A district in a store that all tests of this module only read."""
    kind, seed = request.param.split("-")
    world = make_world(int(seed))
    if kind == "sqlite":
        path = tmp_path_factory.mktemp("oracle") / "ayumi.db"
        template: Path = request.getfixturevalue("sqlite_template")
        shutil.copy(template, path)
        asyncio.run(_fill(f"sqlite:///{path}", world))
        yield Stored(seed=int(seed), world=world, url=f"sqlite:///{path}")
        return
    server: URL = request.getfixturevalue("postgres")
    name = f"oracle_{uuid.uuid4().hex[:12]}"
    url = server.set(database=name).render_as_string(hide_password=False)
    asyncio.run(_execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"'))
    asyncio.run(_fill(url, world))
    yield Stored(seed=int(seed), world=world, url=url)
    asyncio.run(_execute(server, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture
async def database(stored: Stored) -> AsyncIterator[Database]:
    database = Database(stored.url)
    yield database
    await database.close()


@pytest.mark.parametrize("metric", Metric, ids=str)
async def test_every_figure_is_the_one_worked_out_by_hand(stored: Stored, database: Database, metric: Metric):
    random = Random(f"{stored.seed} {metric}")
    kinds = _one_of_each_kind(questions(metric), random)
    wrong = await _wrong(stored, database, random.sample(kinds, len(kinds) // SHARE))
    assert not wrong, "\n".join(wrong)


async def test_overviews_and_texts_are_those_worked_out_by_hand(stored: Stored, database: Database):
    asked = [*overviews_and_texts()]
    wrong = await _wrong(stored, database, Random(stored.seed).sample(asked, len(asked) // SHARE))
    assert not wrong, "\n".join(wrong)


def _one_of_each_kind(asked: Iterable[tuple[str, Question]], random: Random) -> list[tuple[str, Question]]:
    kinds: dict[object, list[tuple[str, Question]]] = {}
    for asker, question in asked:
        operator = question.condition and question.condition.op
        kind = (question.shape, question.group_by, operator, question.order, question.limit, question.title)
        about = question.scope.kind if question.shape is not Shape.STUDENTS else None
        kinds.setdefault((*kind, about, asker in (BOARD, *TAUGHT) and asker), []).append((asker, question))
    return [random.choice(alike) for alike in kinds.values()]


async def _wrong(stored: Stored, database: Database, asked: Sequence[tuple[str, Question]]) -> list[str]:
    """What is wrong with the answers, each with its question."""
    wrong: list[str] = []
    random = Random(stored.seed)
    oracles = {at: [Oracle(world=stored.world, at=at, reading=each) for each in READINGS] for at in MOMENTS}
    async with database.read() as connection:
        for asker, question in asked:
            at = random.choice(MOMENTS)
            roles = Examiner(oracle=oracles[at][0], board=asker == BOARD, own=asker == CHILD, taught=TAUGHT.get(asker))
            whole = roles.with_figure(question)
            viewer = await load_viewer(connection, asker, at.date())
            given = await answer(connection, viewer, whole, at=at, timezone=TOKYO)
            found = roles.complaints(whole, given)
            for other in oracles[at][1:]:
                found = found and replace(roles, oracle=other).complaints(whole, given)
            wrong += [f"{each} · {asker} asked at {at:%m-%d %H:%M}: {whole.to_json()}" for each in found]
    return wrong


async def _fill(url: str, world: World) -> None:
    database = Database(url)
    async with database.write() as connection:
        await write_world(connection, world)
        if not database.is_sqlite:
            await connection.execute(text("ANALYZE"))
    await database.close()


async def _execute(server: URL, statement: str) -> None:
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.exec_driver_sql(statement)
    await engine.dispose()
