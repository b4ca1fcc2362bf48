"""Whoever opens /care in the demo finds something in every section, on any day of the year."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest

import assistant.demo
from assistant.demo.load import load_demo
from intents.distress import Level, find_distress
from intents.wishes import Subject
from knowledge.db import Database
from knowledge.records.alerts import AlertState, alerts_for
from knowledge.records.flags import find_flags
from knowledge.records.scope import load_viewer
from knowledge.records.substitutes import substitutes_at
from knowledge.records.thresholds import settings_of
from knowledge.yaml_data import load_yaml
from scheduler.tellings import Escalation
from tests.integration.stored import rows
from tests.worlds import TOKYO

ABOUT: dict[str, Any] = load_yaml((Path(assistant.demo.__file__).parent / "care.yaml").read_text("utf-8"))


@pytest.mark.parametrize("today", [date(2026, 11, 22), date(2027, 1, 6)], ids=str)  # a Sunday; after the holidays
async def test_every_section_of_the_demo_has_something_to_show(today: date, sqlite_url: str) -> None:
    database = Database(sqlite_url)
    try:
        await load_demo(database, today, TOKYO)
        async with database.read() as connection:
            teacher, principal = [
                await load_viewer(connection, id, today) for id in ("ayumi-e-4-2-t", "ayumi-e-principal")
            ]
            for viewer in (teacher, principal):
                states = [each.state for each in await alerts_for(connection, viewer, ())]
                assert states == [AlertState.NEW, AlertState.SEEN, AlertState.ADDRESSED]
                assert await find_flags(connection, viewer)
            assert {each.is_on for each in (await settings_of(connection, "ayumi-e")).values()} == {True, False}
            assert await substitutes_at(connection, ["ayumi-e"], today)
        waiting = {(row.kind, row.student_id) for row in await rows(database, Escalation)}
        assert waiting == {("alert", "ayumi-e-4-2-s19"), ("talk", "ayumi-e-4-2-s11")}
    finally:
        await database.close()


async def test_loading_the_demo_on_the_next_day_adds_no_second_alert(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    try:
        for today in (date(2026, 4, 3), date(2026, 4, 4)):  # two school days are all that the year has had
            await load_demo(database, today, TOKYO)
        async with database.read() as connection:
            viewer = await load_viewer(connection, "ayumi-e-principal", today)
            found = await alerts_for(connection, viewer, ())
        assert [(each.state, each.at) for each in found] == [
            (AlertState.NEW, datetime.combine(date(2026, 4, 2), time(16, 10), TOKYO)),
            (AlertState.SEEN, datetime.combine(date(2026, 4, 1), time(15, 40), TOKYO)),
        ]
    finally:
        await database.close()


@pytest.mark.parametrize("about", ABOUT["alerts"], ids=lambda each: each["category"])
def test_what_a_child_of_the_demo_wrote_would_raise_its_alert_today(about: dict[str, Any]) -> None:
    found = find_distress(about["text"])
    assert found is not None and found.level is Level.SOON == about["level"]
    assert about["words"] in about["text"]


def test_a_wish_of_the_demo_is_about_something_that_can_be_chosen() -> None:
    assert {each["subject"] for each in ABOUT["talks"]} <= {*Subject}
