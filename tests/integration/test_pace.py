"""Whoever sends more than anybody can read gets one kind word, and nothing a child writes goes unread by that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from assistant.dialogue import pace
from assistant.dialogue.pace import BURST, CALM, Pace, first
from assistant.inbox import InboxEvent
from knowledge.db import Database
from knowledge.records.alerts import Alert
from tests.platforms.line import user_id
from tests.worlds import MORNING, LineWorld, line_world

SLOW_DOWN = "さいごの ほうには こたえられなかったよ"


@pytest.fixture
async def world(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LineWorld]:
    monkeypatch.setattr(pace, "BURST", 12.0)  # a flood in small
    async with line_world(database, tmp_path / "data") as world:
        await world.link("sora", "s-sora")
        yield world


async def flood(world: LineWorld, name: str, *texts: str) -> list[str]:
    """A millisecond apart, in this order; everything that was answered."""
    now, before = world.clock.seconds(), len(world.line.texts_to(user_id(name)))
    typed = [world.line.events.text(user_id(name), text, at=now + n / 1000) for n, text in enumerate(texts)]
    assert await world.send(*typed) == 200
    await world.core.drain()
    return world.line.texts_to(user_id(name))[before:]


async def test_a_child_who_sends_without_end_gets_one_kind_word_and_no_hundred_answers(world: LineWorld) -> None:
    answers = await flood(world, "sora", *["やあ"] * 30)
    assert len([text for text in answers if SLOW_DOWN in text]) == 1
    assert len(answers) <= 13
    assert await world.count(InboxEvent, state="done") == 31  # stored and looked at, every one


async def test_after_a_little_while_ayumi_answers_again(world: LineWorld) -> None:
    await flood(world, "sora", *["やあ"] * 20)
    assert await world.say("sora", "ヘルプ") == []
    world.clock.forward(seconds=30)
    (answer,) = await world.say("sora", "ヘルプ")
    assert "できることだよ" in answer


async def test_distress_is_heard_in_any_flood_and_answered_once_in_full(world: LineWorld) -> None:
    await flood(world, "sora", *["やあ"] * 20)
    answers = await flood(world, "sora", *["もう しにたい"] * 5)
    assert len(answers) == 1
    assert "0120" in answers[0]
    async with world.core.database.read() as connection:
        rows = (await connection.execute(select(Alert.__table__))).all()
    assert rows and all(row.level == "urgent" for row in rows)


async def test_a_stranger_who_floods_gets_one_word_too_and_a_child_among_them_the_help_lines(world: LineWorld) -> None:
    answers = await flood(world, "stranger", *["やあ"] * 20, *["しにたい"] * 5)
    assert len(answers) <= 14
    assert "0120" in answers[-1]


async def test_the_morning_of_a_class_on_one_phone_each_is_never_too_fast(world: LineWorld) -> None:
    for _ in range(3):  # a second between two taps, as fast as anybody reads
        for text in ("めあて", "☀️はれ", "なおす", "ヘルプ", "だれが見るの"):
            assert SLOW_DOWN not in "".join(await world.say("sora", text))


async def test_what_was_typed_during_an_outage_is_all_answered_however_fast_it_comes_afterwards(
    world: LineWorld,
) -> None:
    now, before = world.clock.seconds(), len(world.line.texts_to(user_id("sora")))
    typed = [world.line.events.text(user_id("sora"), "ヘルプ", at=now + number) for number in range(60)]
    world.clock.forward(seconds=60)
    for start in range(0, len(typed), 20):
        assert await world.send(*typed[start : start + 20]) == 200
    await world.core.drain()
    answers = world.line.texts_to(user_id("sora"))[before:]
    assert len(answers) == 60  # a tap a second, five times what this test calls a flood: nothing counts as too fast
    assert SLOW_DOWN not in "".join(answers)


def test_the_pace_of_a_conversation_is_kept_with_its_state() -> None:
    kept = Pace(left=0.5, at=MORNING, was_told=True, cared_for="soon")
    assert Pace.from_json(kept.to_json()) == kept
    assert Pace.from_json(None) is Pace.from_json(["of", "another", "version"]) is None
    slow = first(MORNING)
    for _ in range(int(BURST)):
        slow = slow.next(MORNING)
    assert slow.is_rushing
    assert not slow.next(MORNING.replace(hour=9)).is_rushing
    assert slow.next(MORNING.replace(hour=7)).is_rushing  # an event that came late is no pause
    assert CALM < BURST
