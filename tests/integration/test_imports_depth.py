"""The depth of a reflection is stored with it, whichever way it comes in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

import assistant
from assistant.schema import migrate
from knowledge.db import Database
from knowledge.records.checkins import CheckIn, CheckInRecord, Phase, Status, forget_answer, save_checkins
from tests.builders.oneroster import write_oneroster
from tests.integration.stored import load, rows

MAY_11 = date(2026, 5, 11)
NOON = datetime(2026, 5, 11, 3, tzinfo=UTC)
REFLECTION = CheckInRecord(
    student_id="s-hana",
    date=MAY_11,
    phase=Phase.REFLECTION,
    status=Status.FINISHED,
    started_at=NOON,
    updated_at=NOON,
    went_well="図をかいたら、とけた",
    next_step="家で練習する",
)


async def _depths(database: Database) -> list[tuple[str, int | None]]:
    return [(one.phase, one.depth) for one in await rows(database, CheckIn)]


async def test_a_saved_reflection_has_its_depth_and_a_morning_none(database: Database, tmp_path: Path) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "roster"))
    async with database.write() as connection:
        await save_checkins(connection, [replace(REFLECTION, phase=Phase.ANTICIPATION), REFLECTION])
    assert await _depths(database) == [("anticipation", None), ("reflection", 3)]
    async with database.write() as connection:
        await forget_answer(connection, "s-hana", MAY_11, "図をかいたら、とけた")
    assert await _depths(database) == [("anticipation", None), ("reflection", 1)]
    async with database.write() as connection:
        await save_checkins(connection, [replace(REFLECTION, went_well=None, next_step=None)])
    assert await _depths(database) == [("anticipation", None), ("reflection", None)]


async def test_an_imported_reflection_has_its_depth_and_a_morning_none(database: Database, tmp_path: Path) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "roster"))
    path = tmp_path / "checkins.csv"
    path.write_text(
        "studentId,date,phase,declined,wentWell,nextStep\n"
        "s-hana,2026-05-11,anticipation,,図をかいたら、とけた,\n"
        "s-hana,2026-05-11,reflection,,図をかいたら、とけた,\n"
        "s-ren,2026-05-11,reflection,true,,\n",
        encoding="utf-8",
    )
    await load(database, "checkins", path)
    assert await _depths(database) == [("anticipation", None), ("reflection", 2), ("reflection", None)]


async def test_reflections_of_the_time_before_get_their_depth_with_the_schema(
    database: Database, tmp_path: Path
) -> None:
    await load(database, "oneroster", write_oneroster(tmp_path / "roster"))
    async with database.write() as connection:
        await save_checkins(
            connection,
            [
                replace(REFLECTION, phase=Phase.ANTICIPATION),
                REFLECTION,
                replace(REFLECTION, student_id="s-ren", went_well=None, next_step=None),
            ],
        )
        await connection.run_sync(_back_to_0001)
    await migrate(database)
    assert await _depths(database) == [("anticipation", None), ("reflection", 3), ("reflection", None)]


def _back_to_0001(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(assistant.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.downgrade(config, "0001")
