"""Questions for the documents beside everything else that is said in a chat: nothing is stolen, nothing is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import update

from knowledge.db import Database
from knowledge.questions.model import Phase
from knowledge.records.checkins import find_checkins
from knowledge.records.roster import User
from tests.builders.library import fill_library
from tests.platforms.line import user_id
from tests.worlds import MORNING, LineWorld, line_world


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    async with line_world(database, tmp_path / "data") as world:
        await fill_library(world.core.services.library, world.clock.now())
        await world.link("hana", "s-hana")
        await world.link("ito", "t-ito")
        yield world


async def goal_of(world: LineWorld) -> str | None:
    async with world.core.database.read() as connection:
        records = await find_checkins(connection, ["s-hana"], [MORNING.date()])
    return next((each.goal for each in records if each.phase is Phase.ANTICIPATION), None)


async def asked_for_the_goal(world: LineWorld) -> None:
    await world.say("hana", "めあて")
    await world.tap("hana", "☀️晴れ")


def labels(world: LineWorld, name: str) -> list[str]:
    return [label for label, _ in world.line.quick_replies_to(user_id(name))]


@pytest.mark.parametrize(
    "text",
    [
        "遠足はいつ？",
        "プールのカードって出さないとだめなの？",
        "ジュースをいれていい？",
        "水筒もっていっていい？ おかしはいくらまで？",
    ],
)
async def test_what_nobody_would_answer_the_goal_with_is_a_question_though_the_documents_do_not_know(
    world: LineWorld, text: str
) -> None:
    await asked_for_the_goal(world)
    said = await world.say("hana", text)
    assert "めあて" in said[-1] and await goal_of(world) is None
    assert {"とばす", "あとで", "今日は答えない"} <= {*labels(world, "hana")}


@pytest.mark.parametrize(
    "goal",
    [
        "まちがえてもいい",
        "どこに線を引けばいいの？",
        "わからないときはどうする？",
        "しらべて発表する",
        "友だちにきいてもいい",
    ],
)
async def test_what_a_child_may_well_answer_stays_the_answer(world: LineWorld, goal: str) -> None:
    await asked_for_the_goal(world)
    await world.say("hana", goal)
    assert await goal_of(world) == goal


async def test_a_question_that_none_of_the_options_is_goes_to_the_documents_and_the_options_stay(
    world: LineWorld,
) -> None:
    await world.say("hana", "めあて")
    said = await world.say("hana", "水筒は持ってきていい？")
    assert "📄" in said[0] and "心の天気" in said[-1]
    assert "☀️晴れ" in labels(world, "hana")


async def test_words_to_look_up_without_anything_behind_ask_what(world: LineWorld) -> None:
    assert "何を調べる？" in (await world.say("hana", "しらべて："))[0]
    await asked_for_the_goal(world)
    said = await world.say("hana", "しらべて:")
    assert "何を調べる？" in said[0] and "めあて" in said[-1]
    assert await goal_of(world) is None


@pytest.mark.parametrize("text", ["水筒もってきていい", "学校の持ち物", "上ばきっていつ持ち帰るんだっけ"])
async def test_questions_as_children_type_them_are_answered(world: LineWorld, text: str) -> None:
    assert "📄" in (await world.say("hana", text))[0]


async def test_a_child_whose_grade_is_not_known_is_spoken_to_as_a_child_and_sets_nothing(world: LineWorld) -> None:
    async with world.core.database.write() as connection:
        await connection.execute(update(User).where(User.sourced_id == "s-hana").values(grade=None))
    said = "\n".join(await world.say("hana", "実践メモ: 5年算数 分数のわり算で図をかかせた"))
    assert "のせます" not in said
    await world.say("hana", "めあて")
    said = "\n".join(await world.say("hana", "ともだちに「どうやるの？」って きいてみる"))
    assert "送れません" not in said


async def test_a_question_after_one_that_was_asked_back_is_a_new_one(world: LineWorld) -> None:
    said = await world.say("ito", "通知のための所見みたいなもの何件かな？")
    assert "次の意味でよいですか" in said[0]
    assert "提出率" in (await world.say("ito", "今週の提出率は？"))[0]


@pytest.mark.parametrize(
    "text",
    ["友だちとけんかしたらどうすればいい？", "つらいときはどこに相談できる？", "Who can I talk to about bullying?"],
)
async def test_a_child_who_asks_where_to_turn_is_shown_people_and_no_passage(world: LineWorld, text: str) -> None:
    said = "\n".join(await world.say("hana", text))
    assert "0120" in said and "📄" not in said
    assert "たんにんの先生" in labels(world, "hana")


async def test_what_a_child_found_hard_is_kept_though_it_asks(world: LineWorld) -> None:
    await asked_for_the_goal(world)
    await world.say("hana", "友だちとけんかしたらどうすればいいの？")
    assert await goal_of(world) == "友だちとけんかしたらどうすればいいの？"


async def test_of_a_figure_and_a_date_in_one_message_the_figure_is_answered_and_the_other_asked_for_again(
    world: LineWorld,
) -> None:
    said = "\n".join(await world.say("ito", "今週の提出率は？遠足はいつ？"))
    assert "ふりかえりの提出率" in said and "二つ目は、もう一度聞いてください" in said


async def test_a_parent_who_asks_where_to_turn_is_told_whom_to_ask_rather_than_shown_a_passage_beside_it(
    world: LineWorld,
) -> None:
    await world.link("sato", "g-sato")
    said = "\n".join(await world.say("sato", "子どもがつらいときはどこに相談できますか？"))
    assert "学校にお問い合わせください" in said


async def test_a_parent_may_name_their_child_in_a_question_for_the_documents(world: LineWorld) -> None:
    await world.link("sato", "g-sato")
    assert "📄" in "\n".join(await world.say("sato", "花さんの水筒は持って来ていいですか？"))


async def test_no_document_is_asked_about_a_child_by_name(world: LineWorld) -> None:
    said = "\n".join(await world.say("ito", "花さんの持ち物は？"))
    assert "📄" not in said and "資料の中には" not in said


async def test_a_teacher_sees_which_documents_there_are(world: LineWorld) -> None:
    assert "学校のきまり" in "\n".join(await world.say("ito", "資料を見せて"))
