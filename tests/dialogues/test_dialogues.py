"""Whole conversations. The transcripts are data: ``<language>/*.yaml``, lists of dialogues.

A dialogue has ``name``, ``as`` (who talks), ``at`` (when it begins, school time) and ``steps``; see ``Step`` in
``talk.py``. Besides what a step expects, every answer is held against what we promise of all of them.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import Phase as Stage
from hypothesis import strategies as st

from assistant.prompting import Prompter
from knowledge.db import Database
from knowledge.questions.model import Phase
from knowledge.records.checkins import Status
from scheduler.outbox import Item
from tests.dialogues.talk import Dialogue, Talk, moment, read
from tests.dialogues.world import ChatWorld, import_district
from tests.worlds import TOKYO

HERE = Path(__file__).parent
LONGEST_CHECK_IN = 8  # turns
DIALOGUES = [dialogue for path in sorted(HERE.glob("*/*.yaml")) for dialogue in read(path)]
DAYS = [dialogue for dialogue in DIALOGUES if dialogue.file.endswith("/days.yaml")]


@pytest.fixture(scope="session")
def district(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the district imported, to be copied."""
    folder = tmp_path_factory.mktemp("district")
    path = Path(shutil.copy(sqlite_template, folder / "district.db"))

    async def fill() -> None:
        database = Database(f"sqlite:///{path}")
        await import_district(database, folder)
        await database.close()

    asyncio.run(fill())
    return path


@pytest.fixture
async def town(district: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A store with the district in it."""
    shutil.copy(district, tmp_path / "town.db")
    database = Database(f"sqlite:///{tmp_path / 'town.db'}")
    yield database
    await database.close()


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda each: f"{each.file}: {each.name}")
async def test_a_conversation_goes_as_written(dialogue: Dialogue, town: Database, tmp_path: Path) -> None:
    talk = Talk(ChatWorld(town, tmp_path, moment(dialogue.at)), linked=dialogue.linked)
    await talk.play(dialogue)
    assert talk.problems == [], "\n\n".join(talk.problems)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("dialogue", DAYS, ids=lambda each: f"{each.file}: {each.name}")
async def test_a_whole_day_goes_as_written_on_postgresql_too(
    dialogue: Dialogue, database: Database, tmp_path: Path
) -> None:
    await import_district(database, tmp_path / "roster")
    talk = Talk(ChatWorld(database, tmp_path, moment(dialogue.at)), linked=dialogue.linked)
    await talk.play(dialogue)
    assert talk.problems == [], "\n\n".join(talk.problems)


async def test_a_text_with_a_nul_character_is_answered(database: Database, tmp_path: Path) -> None:
    await import_district(database, tmp_path / "roster")
    talk = Talk(ChatWorld(database, tmp_path, moment("2026-05-11T08:20")))
    await talk.send("s-yui", {"text": "めあて"})
    await talk.send("s-yui", {"text": "晴れ"})
    assert await talk.send("s-yui", {"text": "英単語\x00を50個"})
    assert talk.problems == []


@pytest.mark.parametrize("person_id", ["s-mei", "s-sora", "s-hana", "s-yui"])
async def test_the_longest_check_in_takes_at_most_eight_turns(person_id: str, town: Database, tmp_path: Path) -> None:
    talk = Talk(ChatWorld(town, tmp_path, moment("2026-05-11T08:20")))
    for opening in ("めあて", "ふりかえり"):
        await talk.send(person_id, {"text": opening})
        turns = 1
        while await talk.world.pending(person_id):
            answers = talk.choices(person_id)[:-3]
            worst = [value for label, value in answers if label.startswith("1 ")] or [value for _, value in answers]
            await talk.send(person_id, {"choice": worst[-1]} if worst else {"text": "やってみる"})
            turns += 1
            assert turns <= LONGEST_CHECK_IN
        assert turns > 4
    assert {r.status for r in (await talk.world.records(person_id)).values()} == {Status.FINISHED}
    assert talk.problems == []


@pytest.mark.parametrize("with_goal", [True, False])
@pytest.mark.parametrize("phase", Phase)
async def test_a_prompt_asks_what_the_answer_to_it_answers(
    phase: Phase, with_goal: bool, town: Database, tmp_path: Path
) -> None:
    """The prompt and the talk must mean the same first question; the evening's quotes the morning's goal."""
    world = ChatWorld(town, tmp_path, moment("2026-05-11T08:20"))
    talk = Talk(world)
    await talk.send("s-hana", {"text": "ヘルプ"})  # the account is hers
    if with_goal and phase is Phase.REFLECTION:
        for text in ("めあて", "晴れ", "分数のわり算", "ノートに書く", "4"):
            await talk.send("s-hana", {"text": text})
    world.clock.moment = moment("2026-05-11T08:20" if phase is Phase.ANTICIPATION else "2026-05-11T15:10")
    item = Item(
        account_id="console:s-hana",
        kind="prompt",
        payload={"person_id": "s-hana", "phase": phase, "date": "2026-05-11"},
        due_at=world.clock.now(),
        created_at=world.clock.now(),
    )
    composed = await Prompter(world.core.services, world.clock.now).compose(item)
    assert composed is not None
    prompt = composed.messages[0]
    [started] = await talk.send("s-hana", {"text": "めあて" if phase is Phase.ANTICIPATION else "ふりかえり"})
    assert [choice.value for choice in prompt.choices] == [value for _, value in started.choices]
    assert str(prompt.text) == str(started.message.text)


TYPED = """
とばす あとで もどる 直す やめる 今日は答えない だれが見るの つづき チェックイン めあて ふりかえり
おはよう ありがとう ヘルプ 相談 今日のわたし メモ English 日本語 コード 1 3 9 晴れ ☔ できた 算数
しにたい いじめられている 今日のチェックインは？ クラスで今日まだの子は？ {goal} c/a/b
"""
TEXTS = st.one_of(
    st.sampled_from([*TYPED.split(), "メモ わかった", "", "   ", "🎉", "あ" * 301, "あ" * 2001]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20),
)
MOVES = st.lists(
    st.tuples(
        st.sampled_from(["say", "say", "say", "tap", "tap", "tap", "old", "sticker"]),
        TEXTS,
        st.integers(0, 40),
        st.floats(0, 200),
    ),
    min_size=1,
    max_size=14,
)


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    phases=[Stage.explicit, Stage.generate],  # a conversation is short enough to be read; shrinking it takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    person_id=st.sampled_from(["s-mei", "s-sora", "s-hana", "s-yui"]),
    hour=st.integers(6, 22),
    moves=MOVES,
)
def test_whatever_a_child_does_the_promises_hold(
    district: Path,
    tmp_path: Path,
    person_id: str,
    hour: int,
    moves: list[tuple[str, str, int, float]],
) -> None:
    shutil.copy(district, tmp_path / "any.db")

    async def play() -> None:
        database = Database(f"sqlite:///{tmp_path / 'any.db'}")
        talk = Talk(ChatWorld(database, tmp_path, moment("2026-05-11T00:00").replace(hour=hour)))
        try:
            for kind, text, position, minutes in moves:
                later = talk.world.clock.moment.timestamp() + minutes * 60
                if datetime.fromtimestamp(later, TOKYO).day == 11:
                    talk.world.clock.forward(minutes=minutes)
                body: Mapping[str, Any] = {"kind": "other"} if kind == "sticker" else {"text": text}
                if kind in ("tap", "old") and (choice := talk.choice(person_id, position, old=kind == "old")):
                    body = {"choice": choice[1], "text": choice[0]}
                replies = await talk.send(person_id, body)
                assert replies or "choice" in body, f"no answer to {body}"
                assert talk.problems == []
        finally:
            await database.close()

    asyncio.run(play())
