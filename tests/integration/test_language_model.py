"""The optional language model: it widens the ways to ask, sees no name, and never makes a number."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from assistant.bootstrap import build_services
from assistant.dialogue.asking import Asked, ask
from assistant.dialogue.topic import Topic
from assistant.dialogue.turn import Services
from assistant.errors import SettingsError
from assistant.llm.interpreter import ModelInterpreter, build_interpreter
from assistant.settings import load_settings
from assistant.wording.texts import Speaker
from knowledge.db import Database
from knowledge.questions.model import Metric, ScopeKind, Status
from tests.platforms.openai import OpenAIStandIn, openai_stand_in
from tests.worlds import settings_of, with_roster

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 5, 15, 16, tzinfo=TOKYO)
ODD = "佐藤花ちゃんって、このごろ学校に顔を出せてない日がどれくらいあるんだろうか"  # no rule reads this
FRAME: dict[str, Any] = {
    "is_question": True, "metric": "absent_days", "shape": "value", "phase": None, "subject": None, "who": ["[S1]"],
    "period": None, "op": None, "threshold": None, "group_by": None, "order": None, "limit": None,
}  # fmt: skip


class World:
    def __init__(self, model: OpenAIStandIn, services: Services) -> None:
        self.model, self.services = model, services
        self.topic: Topic | None = None

    async def ask(self, text: str, person_id: str = "t-ito", band: str = "staff") -> Asked:
        """The next question of one conversation."""
        speaker = Speaker(language="ja", band=band)
        asked = await ask(self.services, person_id, text, NOW, speaker, self.topic)
        self.topic = asked.topic
        return asked


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    await with_roster(database, tmp_path / "data")
    async with openai_stand_in() as model:
        settings = settings_of(tmp_path, "", llm="openai:local-model", llm_base_url=model.url)
        model.say(**FRAME)
        yield World(model, build_services(settings, database))


async def test_its_reading_is_always_confirmed_before_a_figure_is_given(world: World) -> None:
    asked = await world.ask(ODD)
    assert asked.answer.status is Status.CLARIFY
    assert asked.answer.value is None and asked.answer.rows == ()
    question = asked.answer.question
    assert question is not None and question.metric is Metric.ABSENT_DAYS
    assert (question.scope.kind, question.scope.ids) == (ScopeKind.STUDENT, ("s-hana",))
    confirmed = await world.ask("はい")
    assert confirmed.answer.question == question
    assert confirmed.answer.status is Status.EMPTY  # no register was imported here


async def test_it_sees_no_name_in_any_form(world: World) -> None:
    for text in (
        ODD,
        "さとうはなさんはどんなふうに学校に来てるかな",
        "鈴木蓮くんと田中太郎くんは仲良く来られているかな",
    ):
        await world.ask(text)
    assert world.model.requests
    for name in ("佐藤", "花", "さとう", "はな", "鈴木", "蓮", "田中", "太郎", "s-hana", "伊藤"):
        assert name not in world.model.told


async def test_it_is_not_asked_what_the_rules_understand(world: World) -> None:
    asked = await world.ask("先週のふりかえりの提出率は？")
    assert asked.answer.status is Status.ANSWERED
    assert world.model.requests == []


async def test_a_childs_words_do_not_go_to_it(world: World) -> None:
    await world.ask("さいきんの わたしって どんなかんじに みえるかなあ", person_id="s-hana", band="upper")
    assert world.model.requests == []


@pytest.mark.parametrize(
    "change",
    [
        {"who": ["[S7]"]},  # a person made up
        {"metric": None},
        {"is_question": False},
        {"shape": "compare"},
        {"period": "先月"},  # words that are not in the text
        {"op": ">=", "threshold": 3.0},  # a figure that is not in the text
        {"subject": "算数"},
        {"who": []},  # somebody was named, and it was lost
    ],
)
async def test_what_the_text_does_not_bear_out_is_thrown_away(world: World, change: dict[str, Any]) -> None:
    world.model.say(**{**FRAME, **change})
    asked = await world.ask(ODD)
    assert asked.answer.status is Status.NOT_UNDERSTOOD
    assert asked.answer.question is None


@pytest.mark.parametrize("content", ["", "I think it is about 12 days.", '{"metric": "happiness"}', "[1, 2"])
async def test_nonsense_is_as_if_there_were_no_model(world: World, content: str) -> None:
    world.model.content = content
    assert (await world.ask(ODD)).answer.status is Status.NOT_UNDERSTOOD


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
async def test_a_model_that_is_down_is_as_if_there_were_none(world: World, status: int) -> None:
    world.model.status = status
    assert (await world.ask(ODD)).answer.status is Status.NOT_UNDERSTOOD


async def test_a_slow_model_is_not_waited_for(world: World) -> None:
    world.model.is_slow = True
    interpreter = world.services.interpreter
    assert isinstance(interpreter, ModelInterpreter)
    interpreter.timeout = 0.2
    assert (await world.ask(ODD)).answer.status is Status.NOT_UNDERSTOOD


async def test_its_reading_is_answered_under_the_same_permissions(world: World) -> None:
    await world.ask(ODD, person_id="t-kato")  # of another class
    confirmed = await world.ask("はい", person_id="t-kato")
    assert confirmed.answer.status in (Status.REFUSED, Status.NOT_UNDERSTOOD)
    assert confirmed.answer.value is None


def test_a_model_on_ones_own_machine_is_named_as_well() -> None:
    assert isinstance(build_interpreter("ollama:some-model", "http://127.0.0.1:1"), ModelInterpreter)


@pytest.mark.parametrize("value", ["gpt", "openai:", "other:model"])
def test_a_name_that_is_none_is_refused_in_one_line(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AYUMI_LLM", value)
    with pytest.raises((SettingsError, ValidationError), match="AYUMI_LLM"):
        load_settings()
