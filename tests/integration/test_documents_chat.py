"""Knowledge questions in a chat: who asks gets what they may read, in words that fit, with the place it stands."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import update

from assistant.dialogue.asking import understand
from knowledge.db import Database
from knowledge.questions.model import Phase
from knowledge.records.checkins import find_checkins
from knowledge.records.roster import User
from tests.builders.library import fill_library
from tests.platforms.line import user_id
from tests.worlds import MORNING, LineWorld, line_world

BOTTLE = "水筒は持ってきていい？"
BASE = "https://ayumi.example"


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    async with line_world(database, tmp_path / "data", base_url=BASE) as world:
        await fill_library(world.core.services.library, world.clock.now())
        yield world


async def goal_of(world: LineWorld, student_id: str) -> str | None:
    async with world.core.database.read() as connection:
        records = await find_checkins(connection, [student_id], [MORNING.date()])
    return next((each.goal for each in records if each.phase is Phase.ANTICIPATION), None)


def labels(world: LineWorld, name: str) -> list[str]:
    return [label for label, _ in world.line.quick_replies_to(user_id(name))]


async def test_a_child_of_the_second_grade_reads_the_rule_in_kana_and_is_told_whom_to_ask(world: LineWorld) -> None:
    await world.link("sora", "s-sora")
    (answer,) = await world.say("sora", "すいとう もってきていい？")
    assert "すいとうは" in answer and "水筒" not in answer
    assert "先生に きいてね" in answer
    assert "📄 学校のきまり 3ページ「3. もちもの」" in answer.replace("がっこう", "学校")
    assert f"{BASE}/documents/school-rules?page=3&for=s-sora" in answer


async def test_a_child_of_the_fourth_grade_reads_the_same_with_more_kanji(world: LineWorld) -> None:
    await world.link("hana", "s-hana")
    (answer,) = await world.say("hana", BOTTLE)
    assert "持って" in answer and "水筒" not in answer
    assert "先生に聞いてね" in answer


async def test_a_child_of_the_junior_high_school_gets_the_rule_of_their_own_school(world: LineWorld) -> None:
    await world.link("yui", "s-yui")
    (answer,) = await world.say("yui", BOTTLE)
    assert "水筒は部活動のある日だけ持って来てよいです。" in answer
    assert "学校のきまり" not in answer


@pytest.mark.parametrize(("name", "person_id"), [("ito", "t-ito"), ("ogawa", "p-ogawa"), ("sato", "g-sato")])
async def test_grown_ups_read_it_as_it_stands_there(world: LineWorld, name: str, person_id: str) -> None:
    await world.link(name, person_id)
    (answer,) = await world.say(name, BOTTLE)
    assert "水筒は一年中持って来てよいです。" in answer
    assert "📄 学校のきまり 3ページ「3. 持ち物」" in answer
    assert "先生に" not in answer


async def test_only_staff_are_answered_from_the_handbook_of_staff(world: LineWorld) -> None:
    question = "生成AIに個人情報を入力していい？"
    await world.link("nakano", "b-nakano")
    (answer,) = await world.say("nakano", question)
    assert "個人情報を入力してはいけません。" in answer
    assert "📄 生成AIの手引き 2ページ「2. 入力してはいけないもの」" in answer
    for name, person_id in (("sora", "s-sora"), ("yui", "s-yui"), ("sato", "g-sato")):
        await world.link(name, person_id)
        answer = "\n".join(await world.say(name, question))
        assert not re.search("てびき|手引|handbook|校長|こうちょう", answer)


async def test_a_practice_is_shown_with_its_author_and_date(world: LineWorld) -> None:
    await world.link("ito", "t-ito")
    (answer,) = await world.say("ito", "しらべて: 正多角形で図形アプリを使う")
    assert "5年算数で図形アプリ（加藤 健・2026年5月8日）" in answer


async def test_what_the_documents_do_not_say_is_said_with_whom_to_ask(world: LineWorld) -> None:
    asked = "修学旅行の費用はいくら？"
    await world.link("hana", "s-hana")
    assert "先生に聞いてみてね" in (await world.say("hana", asked))[0]
    await world.link("ito", "t-ito")
    assert "事務室に確かめてください" in (await world.say("ito", asked))[0]
    await world.link("nakano", "b-nakano")
    assert "担当課に確かめてください" in (await world.say("nakano", asked))[0]
    await world.link("sato", "g-sato")
    assert "学校にお問い合わせください" in (await world.say("sato", asked))[0]


async def test_reading_on_shows_the_whole_passage_and_another_place_the_next(world: LineWorld) -> None:
    await world.link("ito", "t-ito")
    await world.say("ito", BOTTLE)
    assert "もっと読む" in labels(world, "ito")
    (whole,) = await world.tap("ito", "もっと読む")
    assert "水筒は一年中持って来てよいです。" in whole and "腕時計は許可を得た場合に限り着用できます。" in whole
    if "ほかの場所" in labels(world, "ito"):
        (other,) = await world.tap("ito", "ほかの場所")
        assert "📄" in other and "水筒は一年中" not in other


async def test_a_button_for_a_document_that_is_gone_shows_nothing_of_it(world: LineWorld) -> None:
    await world.link("ito", "t-ito")
    await world.say("ito", BOTTLE)
    await world.core.services.library.remove("school-rules")
    assert await world.tap("ito", "もっと読む") == ["その資料は、今は見られません。もう一度聞いてください。"]


async def test_while_the_goal_is_asked_for_a_plain_question_is_answered_and_the_goal_asked_again(
    world: LineWorld,
) -> None:
    await world.link("hana", "s-hana")
    await world.say("hana", "めあて")
    await world.tap("hana", "☀️晴れ")
    said = await world.say("hana", BOTTLE)
    assert "📄" in said[0] and "めあて" in said[-1]
    assert {"とばす", "あとで", "今日は答えない"} <= {*labels(world, "hana")}
    await world.say("hana", "わり算の筆算ができるようになる")
    assert await goal_of(world, "s-hana") == "わり算の筆算ができるようになる"


@pytest.mark.parametrize(
    "goal",
    [
        "なんで星は光るのか調べる",
        "分数って何かを説明できるようにする",
        "できた？かも",
        "水筒をわすれない",
        "どうやったら速く走れるの？",
        "資料で調べてまとめる",
    ],
)
async def test_while_the_goal_is_asked_for_a_text_that_no_document_answers_is_the_goal(
    world: LineWorld, goal: str
) -> None:
    await world.link("hana", "s-hana")
    await world.say("hana", "めあて")
    await world.tap("hana", "☀️晴れ")
    await world.say("hana", goal)
    assert await goal_of(world, "s-hana") == goal


async def test_a_question_led_by_words_goes_to_the_documents_whatever_waits(world: LineWorld) -> None:
    await world.link("hana", "s-hana")
    await world.say("hana", "めあて")
    await world.tap("hana", "☀️晴れ")
    said = await world.say("hana", "しらべて: 修学旅行の費用")
    assert "見つからなかったよ" in said[0] and "めあて" in said[-1]
    assert await goal_of(world, "s-hana") is None


async def test_distress_is_heard_before_any_question(world: LineWorld) -> None:
    await world.link("hana", "s-hana")
    said = "\n".join(await world.say("hana", "しらべて: 死にたいときはどうすればいい？"))
    assert "📄" not in said and "見つからなかった" not in said and "0120" in said


async def test_a_clear_question_about_the_class_stays_one(world: LineWorld) -> None:
    await world.link("ito", "t-ito")
    said = "\n".join(await world.say("ito", "今日まだチェックインしていない子は？"))
    assert "📄" not in said and "佐藤" in said


async def test_where_nobody_added_documents_questions_are_answered_as_before(
    database: Database, tmp_path: Path
) -> None:
    async with line_world(database, tmp_path / "data") as world:
        await world.link("hana", "s-hana")
        assert "分からなかったよ" in (await world.say("hana", BOTTLE))[0]


async def test_without_an_address_of_the_installation_the_source_is_named_and_not_linked(
    database: Database, tmp_path: Path
) -> None:
    async with line_world(database, tmp_path / "data") as world:
        await fill_library(world.core.services.library, world.clock.now())
        await world.link("ito", "t-ito")
        (answer,) = await world.say("ito", BOTTLE)
        assert "📄 学校のきまり 3ページ「3. 持ち物」" in answer and "/documents/" not in answer


async def test_a_child_of_the_sixth_grade_reads_kanji_of_that_grade(world: LineWorld) -> None:
    async with world.core.database.write() as connection:
        await connection.execute(update(User).where(User.sourced_id == "s-ren").values(grade="P6"))
    await world.link("ren", "s-ren")
    (answer,) = await world.say("ren", "うで時計はつけていい？")
    assert "うで時計は許可を得た場合" in answer


@pytest.mark.parametrize(
    ("text", "intent", "confidence"),
    [
        (BOTTLE, "documents", "clear"),
        ("しらべて: 欠席の連絡", "documents", "clear"),
        ("Where do I report a lost tablet?", "documents", "clear"),
        ("空き教室ってありますか", "documents", "confirm"),
        ("今週の提出率は？", "question", "clear"),
        ("ありがとう", "thanks", "clear"),
        ("メモ 水筒は持ってきていい？", "note", "clear"),
        ("明日の8時に「水筒を忘れずに」と送って", "reminder", "clear"),
        ("今日はつかれた", "none", "confirm"),
    ],
)
async def test_what_a_text_means_is_told_apart(world: LineWorld, text: str, intent: str, confidence: str) -> None:
    meant = await understand(world.core.services, "t-ito", text, world.clock.now())
    assert (meant["intent"], meant["confidence"]) == (intent, confidence)


async def test_a_principal_who_asks_about_closures_closes_nothing(world: LineWorld) -> None:
    await world.link("ogawa", "p-ogawa")
    for text in ("台風で休校のときはどうする？", "休校の連絡は何時までですか？"):
        said = "\n".join(await world.say("ogawa", text))
        assert "資料の中には見つかりませんでした" in said
