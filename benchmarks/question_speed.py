"""How long does a question take from typed question to typed answer, over a city with ten million check-ins?

The floor is the bare SQL statement for the same figure on the same driver and connection, in turns and about the same
classes. Questions are asked by each class's own teacher, whose rights were read before; the city's by its board.

    python -m benchmarks.question_speed [--scale 1.0] [--keep FOLDER] [--only sqlite|postgresql] [--plans]

With ``--keep`` the city is made once in that folder (11 GB for both databases at full size) and used again; ``--plans``
prints the statements that were sent, and the plans that the databases make for them.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import event, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.schema import SchemaState, state_of
from benchmarks import bare_sql
from benchmarks.city import (
    AT,
    BOARD,
    DISTRICT,
    SCHOOL_DAYS,
    TODAY,
    TOKYO,
    Size,
    class_ids,
    make_city,
    monday_off,
    principal_of,
    school_id,
    teacher_of,
)
from benchmarks.machine import median, percentile
from benchmarks.postgres import postgres
from knowledge.db import Database
from knowledge.questions.answer import answer
from knowledge.questions.model import (
    Answer,
    Condition,
    GroupBy,
    Metric,
    Operator,
    Period,
    Question,
    Scope,
    ScopeKind,
    Shape,
    Status,
)
from knowledge.questions.vocabulary import load_vocabulary
from knowledge.records.checkins import CheckIn
from knowledge.records.scope import Viewer, load_viewer

CLASSES = 200  # asked about, of all
WARM_UP = 10  # classes asked about before
ROUNDS = 4  # of each question about the city, one to warm up; on SQLite, where no bar is set, half
MONDAY = TODAY - timedelta(days=TODAY.weekday())


@dataclass(frozen=True, kw_only=True)
class Case:
    """One question, and the same in SQL."""

    name: str
    start: date
    end: date
    parts: Mapping[str, Any]  # of the question, besides whom and when
    sql: Sequence[str]
    check: Callable[[Answer, list[Any]], None]  # that both found the same

    def question(self, scope: Scope) -> Question:
        return Question(scope=scope, period=Period(start=self.start, end=self.end, label=""), **self.parts)


def same_rate(given: Answer, found: list[Any]) -> None:
    (answered, expected), *_ = found
    assert given.n == expected, (given, found)
    assert given.value is not None
    assert abs(given.value - 100 * answered / expected) < 0.01, (given.value, found)


def same_children(given: Answer, found: list[Any]) -> None:
    assert [row.id for row in given.rows] == [row[0] for row in found], (given.rows, found)


def same_counts(given: Answer, found: list[Any]) -> None:
    assert [(row.id, row.value) for row in given.rows] == [(row[0], row[3]) for row in found], (given.rows, found)


def same_total(given: Answer, found: list[Any]) -> None:
    assert given.n == sum(row[2] for row in found), (given, found)


def has_answer(given: Answer, found: list[Any]) -> None:
    assert given.status is Status.ANSWERED and found, given


def same_mean_by_school(given: Answer, found: list[Any]) -> None:
    means = {row[0]: row[1] / row[2] for row in found}
    assert all(abs(float(row.value or 0) - means[row.id]) < 0.01 for row in given.rows), given.rows


OF_CLASSES = (
    Case(
        name="reflection rate of a week",
        start=MONDAY - timedelta(days=7),
        end=MONDAY - timedelta(days=1),
        parts={"metric": Metric.REFLECTION_RATE, "shape": Shape.VALUE},
        sql=[bare_sql.REFLECTION_RATE],
        check=same_rate,
    ),
    Case(
        name="who has not reflected today",
        start=TODAY,
        end=TODAY,
        parts={
            "metric": Metric.REFLECTION_RATE,
            "shape": Shape.STUDENTS,
            "condition": Condition(op=Operator.MISSING),
        },
        sql=[bare_sql.MISSING],
        check=same_children,
    ),
    Case(
        name="mood over a month",
        start=date(2026, 5, 1),
        end=date(2026, 5, 31),
        parts={"metric": Metric.MOOD, "shape": Shape.TREND},
        sql=[bare_sql.MOOD_TREND],
        check=same_total,
    ),
    Case(
        name="absences of each child this school year",
        start=date(2026, 4, 1),
        end=TODAY,
        parts={"metric": Metric.ABSENT_DAYS, "shape": Shape.STUDENTS},
        sql=[bare_sql.ABSENT_DAYS],
        check=same_counts,
    ),
    Case(
        name="overview of two weeks",
        start=TODAY - timedelta(days=13),
        end=TODAY,
        parts={"metric": None, "shape": Shape.OVERVIEW},
        sql=bare_sql.OVERVIEW,
        check=has_answer,
    ),
)
BY_SCHOOL: Mapping[str, Any] = {"shape": Shape.BREAKDOWN, "group_by": GroupBy.SCHOOL}
MAY = {"start": date(2026, 5, 1), "end": date(2026, 5, 31)}
OF_CITY = (
    Case(
        name="reflection rate",
        parts={"metric": Metric.REFLECTION_RATE, **BY_SCHOOL},
        sql=[bare_sql.CITY_REFLECTION_RATE],
        check=has_answer,
        **MAY,
    ),
    Case(
        name="mood",
        parts={"metric": Metric.MOOD, **BY_SCHOOL},
        sql=[bare_sql.CITY_MOOD],
        check=same_mean_by_school,
        **MAY,
    ),
    Case(
        name="attendance rate",
        parts={"metric": Metric.ATTENDANCE_RATE, **BY_SCHOOL},
        sql=[bare_sql.CITY_ATTENDANCE],
        check=has_answer,
        **MAY,
    ),
)


async def both(connection: AsyncConnection, viewer: Viewer, case: Case, scope: Scope, *, first: bool) -> list[float]:
    """Seconds of the answer and of the bare statement; ``first``: the answer goes first."""
    question, taken = case.question(scope), {True: 0.0, False: 0.0}
    off = monday_off(scope.ids[0]) if scope.kind is ScopeKind.CLASS else None
    days = sum(case.start <= day <= case.end and day != off for day in SCHOOL_DAYS)
    given, found = None, list[Any]()
    for is_answer in (first, not first):
        begun = time.perf_counter()
        if is_answer:
            given = await answer(connection, viewer, question, at=AT, timezone=TOKYO)
        else:
            found = await bare_sql.run(connection, case.sql, scope.ids[0], case.start, case.end, days)
        taken[is_answer] = time.perf_counter() - begun
    assert given is not None
    case.check(given, found)
    return [taken[True], taken[False]]


async def measure(database: Database, size: Size) -> None:
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    classes = Random(1).sample([id for id, *_ in class_ids(size)], min(CLASSES, round(60 * size.schools / 4)))
    async with database.read() as connection:
        count = await connection.scalar(select(func.count()).select_from(CheckIn))
        viewers = {id: await load_viewer(connection, teacher_of(id), TODAY) for id in classes}
        for case in OF_CLASSES:
            times: list[list[float]] = []
            for number, id in enumerate([*classes[:WARM_UP], *classes]):
                scope = Scope(kind=ScopeKind.CLASS, ids=(id,), label=id)
                times.append(await both(connection, viewers[id], case, scope, first=bool(number % 2)))
            name = f"{case.name}, a class among {count:,} check-ins, {kind}"
            print_row(name, "≤ 3, p99 < 100 ms", times[WARM_UP:])
        await print_vocabulary(connection, kind)
        board = await load_viewer(connection, BOARD, TODAY)
        city = Scope(kind=ScopeKind.DISTRICT, ids=(DISTRICT,), label=DISTRICT)
        rounds = ROUNDS // 2 if database.is_sqlite else ROUNDS
        for case in OF_CITY:
            times = [await both(connection, board, case, city, first=bool(n % 2)) for n in range(rounds)]
            bar = "< 2 s" if not database.is_sqlite else "–"
            print_row(f"{case.name} of a month by school, the city, {kind}", bar, times[1:])


async def print_vocabulary(connection: AsyncConnection, kind: str) -> None:
    """How soon the names of about 1,000 students are there: those of two schools with one principal."""
    schools = frozenset({school_id(1), school_id(2)})
    viewer = Viewer(person_id=principal_of(school_id(1)), on=TODAY, schools=schools, workplaces=schools)
    times: list[float] = []
    count = 0
    for _ in range(WARM_UP):
        begun = time.perf_counter()
        count = len((await load_vocabulary(connection, viewer, TOKYO)).students)
        times.append((time.perf_counter() - begun) * 1000)
    slowest = max(times[1:])
    print(f"| names of {count:,} students, {kind} | – | – | p50 {median(times):.0f} ms, slowest {slowest:.0f} ms | |")


def print_row(question: str, bar: str, times: Sequence[Sequence[float]]) -> None:
    ours, theirs = ([pair[side] * 1000 for pair in times] for side in (0, 1))
    p50, p99, floor = median(ours), percentile(ours, 99), median(theirs)
    print(
        f"| {question} | {p50 / floor:.2f} | {bar} | p50 {p50:.1f} ms, p99 {p99:.1f} ms | bare SQL: {floor:.1f} ms |",
        flush=True,
    )


async def print_plans(database: Database, size: Size) -> None:
    """Every statement of a question with its time and plan."""
    sent: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        sent.append((statement, parameters))

    class_id = class_ids(size)[len(class_ids(size)) // 2][0]
    asked = [(case, teacher_of(class_id), ScopeKind.CLASS, class_id) for case in OF_CLASSES]
    asked += [(case, BOARD, ScopeKind.DISTRICT, DISTRICT) for case in OF_CITY]
    async with database.read() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        for case, person, kind, id in asked:
            viewer = await load_viewer(connection, person, TODAY)
            question = case.question(Scope(kind=kind, ids=(id,), label=id))
            sent.clear()
            event.listen(database.engine.sync_engine, "before_cursor_execute", note)
            await answer(connection, viewer, question, at=AT, timezone=TOKYO)
            event.remove(database.engine.sync_engine, "before_cursor_execute", note)
            print(f"\n## {case.name}, {database.engine.dialect.name}: {len(sent)} statements")
            for statement, parameters in sent:
                if database.is_sqlite:
                    rows = await driver.execute_fetchall(f"EXPLAIN QUERY PLAN {statement}", parameters)
                    plan = [str(row[3]) for row in rows]
                else:
                    rows = await driver.fetch(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", *parameters)
                    plan = [str(row[0]) for row in rows]
                begun = time.perf_counter()
                if database.is_sqlite:
                    await driver.execute_fetchall(statement, parameters)
                else:
                    await driver.fetch(statement, *parameters)
                print(f"\n{statement}\n-- {(time.perf_counter() - begun) * 1000:.1f} ms", *plan, sep="\n-- ")


async def prepared(url: str, size: Size) -> Database:
    """The city at an address, made where it is not there."""
    database = Database(url)
    if await state_of(database) is SchemaState.BEHIND:
        await make_city(database, size)
        await database.close()
        database = Database(url)
    return database


async def ask_all(url: str, size: Size, *, plans: bool) -> None:
    database = await prepared(url, size)
    await (print_plans if plans else measure)(database, size)
    await database.close()


@contextmanager
def folder_of(kept: Path | None) -> Generator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="ayumi-bench-") as folder:
        yield Path(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1.0: 100,000 students")
    parser.add_argument("--keep", type=Path, default=None, help="folder of the city")
    parser.add_argument("--only", choices=("sqlite", "postgresql"), default=None)
    parser.add_argument("--plans", action="store_true", help="print statements and plans instead of measuring")
    given = parser.parse_args()
    size = Size(scale=given.scale)
    with folder_of(given.keep) as folder:
        if given.only != "postgresql":
            asyncio.run(ask_all(f"sqlite:///{folder.resolve() / 'city.db'}", size, plans=given.plans))
        if given.only != "sqlite":
            with postgres(folder / "pgcity") as address:
                asyncio.run(ask_all(address, size, plans=given.plans))


if __name__ == "__main__":
    main()
