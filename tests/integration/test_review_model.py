"""What a language model gets to see of a name, and what of its answer counts."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from assistant.bootstrap import build_services
from assistant.dialogue.asking import Asked, ask
from assistant.dialogue.turn import Services
from assistant.llm.placeholders import mask, unmask
from assistant.wording.texts import Speaker
from knowledge.db import Database
from knowledge.questions.model import Scope, ScopeKind, Status, StudentName, Vocabulary
from tests.platforms.openai import OpenAIStandIn, openai_stand_in
from tests.worlds import settings_of, with_roster

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 5, 15, 16, tzinfo=TOKYO)
LAST_WEEK = date(2026, 5, 4)
ODD = "佐藤花ちゃんって、このごろ学校に顔を出せてない日がどれくらいあるんだろうか"  # no rule reads this
FRAME: dict[str, Any] = {
    "is_question": True, "metric": "absent_days", "shape": "value", "phase": None, "subject": None, "who": ["[S1]"],
    "period": None, "op": None, "threshold": None, "group_by": None, "order": None, "limit": None,
}  # fmt: skip


def pupil(id: str, names: str) -> StudentName:
    """``names``: family, given, and both in kana; - for none."""
    family, given, *kana = names.split()
    kana_family, kana_given = (None if name == "-" else name for name in kana)
    return StudentName(
        id=id,
        family_name=family,
        given_name=given,
        kana_family_name=kana_family,
        kana_given_name=kana_given,
        class_id="c-4-2",
        class_title="4年2組",
        number=None,
        mine=True,
    )


CLASS = Vocabulary(
    timezone=TOKYO,
    default=Scope(kind=ScopeKind.CLASS, ids=("c-4-2",), label="4年2組"),
    students=(
        pupil("s-hana", "佐藤 花 サトウ ハナ"),
        pupil("s-manabu", "林 学 はやし まなぶ"),
        pupil("s-sora", "髙橋 空 たかはし そら"),
        pupil("s-ken", "渡邊 健 わたなべ けん"),
        pupil("s-jose", "大野 José おおの ほせ"),
        pupil("s-anna", "Smith Anna - -"),
    ),
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("佐藤花の気分", "佐藤 花"),
        ("ｻﾄｳ ﾊﾅの気分", "サトウ ハナ"),
        ("サとうはなの気分", "サとう はな"),
        ("さとーの気分", "さと"),
        ("佐\u200b藤の気分", "佐 藤"),
        ("はなってどう", "はな"),
        ("今週林はどう", "林"),
        ("高橋と渡辺の気分", "高橋 渡辺"),
        ("Hanaの気分", "Hana"),
        ("Ｈａｎａの気分", "Hana"),
        ("How is Hana's mood", "Hana"),
        ("the moods of Satohana, hanasato and HANA_SATO", "ato ana ANA"),
        ("Hanas and hanachan", "ana"),
        ("Ōno, Satô and josé", "no Sat jos"),
        ("Smiths", "Smith"),
        ("s-hana の気分", "hana"),
        ("山田太郎の気分", "山田 太郎"),  # of another school: the roster of the asker does not know him
        ("伊藤先生のクラス", "伊藤"),
    ],
)
def test_no_spelling_of_a_name_is_left(text: str, names: str) -> None:
    masked = mask(text, CLASS).text
    assert [name for name in names.split() if name in masked.replace("and", "")] == []


@pytest.mark.parametrize("text", ["今月の学習時間", "花壇の係の子", "森林の学習", "Good morning, how was the mood?"])
def test_a_kanji_of_a_name_within_another_word_is_no_name(text: str) -> None:
    masked = mask(text, CLASS)
    assert (masked.text, masked.scopes) == (text.replace("，", ","), {})


def test_a_placeholder_that_somebody_typed_stands_for_nobody() -> None:
    masked = mask("[S1]と佐藤の気分", CLASS)
    assert masked.text == "(S1)と[S1]の気分"


def test_two_halves_of_a_name_are_one_child() -> None:
    masked = mask("satou hana", CLASS)
    meant = unmask([*masked.scopes], masked)
    assert meant is not None
    assert [scope.ids for scope in meant] == [("s-hana",)]


class World:
    def __init__(self, model: OpenAIStandIn, services: Services) -> None:
        self.model, self.services = model, services

    async def ask(self, text: str) -> Asked:
        return await ask(self.services, "t-ito", text, NOW, Speaker(language="ja", band="staff"))


@pytest.fixture
async def world(sqlite_url: str, tmp_path: Path) -> AsyncIterator[World]:
    database = Database(sqlite_url)
    await with_roster(database, tmp_path / "data")
    async with openai_stand_in() as model:
        settings = settings_of(tmp_path, "", llm="openai:local-model", llm_base_url=model.url)
        model.say(**FRAME)
        yield World(model, build_services(settings, database))
    await database.close()


async def test_a_text_about_somebody_unknown_is_not_sent(world: World) -> None:
    asked = await world.ask("田中太郎くんは仲良く来られているかな")
    assert asked.answer.status is not Status.ANSWERED
    assert world.model.requests == []


async def test_words_that_say_when_are_not_lost_when_the_model_overlooks_them(world: World) -> None:
    asked = await world.ask("佐藤花ちゃんって先週は学校に顔を出せてない日がどれくらいあったんだろうか")
    assert asked.answer.question is not None
    assert asked.answer.question.period.start == LAST_WEEK


@pytest.mark.parametrize("change", [{"subject": ""}, {"subject": "学校"}, {"limit": 0}, {"limit": -1}])
async def test_a_subject_or_a_number_of_rows_that_cannot_be_is_thrown_away(
    world: World, change: dict[str, Any]
) -> None:
    world.model.say(**{**FRAME, **change})
    asked = await world.ask(ODD.replace("どれくらい", "0日や1日くらい"))
    assert asked.answer.status is Status.NOT_UNDERSTOOD
