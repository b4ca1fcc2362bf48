"""Good practice: told by a teacher, taken by a lead of the school, found by the schools of the district."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, insert, select, update

from assistant.publishing import Publisher, source_of
from knowledge.db import Database
from knowledge.documents.library import Library
from knowledge.documents.model import DocumentKind, NewDocument, Outcome, Reader
from knowledge.records.practices import Practice
from knowledge.records.roster import Org, Role, User
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY = date(2026, 5, 11)
FRACTIONS = "5年算数 分数のわり算で、先に図をかかせたら、どの子も式の意味を話せた"
PEOPLE = {"ito": "t-ito", "kato": "t-kato", "ogawa": "p-ogawa", "abe": "t-abe", "hana": "s-hana", "sato": "g-sato"}


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Monday at four: teachers of two schools of one district, a principal, a child and her father."""
    clock = HandClock(datetime.combine(MONDAY, time(16), TOKYO))
    async with line_world(database, tmp_path / "data", clock=clock) as world:
        for name, person in PEOPLE.items():
            await world.link(name, person)
        yield world


def heard(world: LineWorld, name: str) -> list[str]:
    return world.line.texts_to(user_id(name))


def buttons(world: LineWorld, name: str) -> list[str]:
    return [label for label, _ in world.line.quick_replies_to(user_id(name))]


async def stored(world: LineWorld) -> list[Row[Any]]:
    async with world.core.database.read() as connection:
        return [*(await connection.execute(select(*Practice.__table__.c).order_by(Practice.created_at)))]


async def handed_in(world: LineWorld, text: str = FRACTIONS, by: str = "ito") -> None:
    await world.say(by, f"実践メモ: {text}")
    await world.tap(by, "はい")


async def approved(world: LineWorld, text: str = FRACTIONS, by: str = "ito") -> None:
    await handed_in(world, text, by)
    await world.say("ogawa", "実践メモの確認")
    await world.tap("ogawa", "載せる")


async def publish(world: LineWorld) -> None:
    await Publisher(world.core.services).plan(world.clock.now())


async def test_a_practice_is_previewed_handed_in_and_the_leads_are_told(world: LineWorld) -> None:
    before = len(heard(world, "ogawa"))
    [preview] = await world.say("ito", f"実践メモ: {FRACTIONS}")
    for part in ("この内容で載せます", "小5 算数", FRACTIONS, "みなみ小 伊藤先生", "2026/5/11", "あゆみ市教育委員会"):
        assert part in preview
    assert await stored(world) == []
    [thanks] = await world.tap("ito", "はい")
    assert "確認をお願いしました" in thanks
    [row] = await stored(world)
    assert (row.text, row.subject, row.grades, row.state, row.school_id, row.author_id, row.told_on) == (
        FRACTIONS, "算数", ["P5"], "waiting", "minami", "t-ito", MONDAY,
    )  # fmt: skip
    [told] = heard(world, "ogawa")[before:]
    assert "伊藤先生" in told and "実践メモの確認" in told and "図" not in told


async def test_subject_and_grade_that_are_not_written_are_those_of_the_own_class(world: LineWorld) -> None:
    [preview] = await world.say("ito", "優良事例：朝の会で、めあてを隣の子と話してから書かせた")
    assert "【小4】" in preview
    [preview] = await world.say("abe", "実践メモ 3年の理科の実験で、予想を先に書かせたらよかった")
    assert "【中3 理科】" in preview


async def test_it_is_approved_told_to_its_author_and_found_in_the_whole_district(world: LineWorld) -> None:
    await handed_in(world)
    [waiting] = await world.say("ogawa", "実践メモの確認")
    assert FRACTIONS in waiting and "みなみ小 伊藤先生" in waiting and "1件" in waiting
    before = len(heard(world, "ito"))
    [said] = await world.tap("ogawa", "載せる")
    assert "載せました" in said
    [told] = heard(world, "ito")[before:]
    assert "載りました" in told and FRACTIONS in told
    for question in ("分数の実践は？", "5年の実践メモを見せて", "算数の優良事例ある？", "any good practices for math?"):
        [found] = await world.say("abe", question)
        assert FRACTIONS in found and "みなみ小 伊藤先生" in found and "2026/5/11" in found, question
    for question in ("理科の実践は？", "3年の実践メモを見せて", "跳び箱の実践は？"):
        [none] = await world.say("abe", question)
        assert "まだありません" in none, question


async def test_what_waits_or_was_handed_back_is_not_found(world: LineWorld) -> None:
    await handed_in(world)
    assert "まだありません" in (await world.say("kato", "分数の実践は？"))[0]
    await world.say("ogawa", "実践メモの確認")
    [asked] = await world.tap("ogawa", "戻す")
    assert "伊藤先生" in asked
    before = len(heard(world, "ito"))
    [said] = await world.say("ogawa", "どんな図だったかも書いてください")
    assert "戻しました" in said
    [told] = heard(world, "ito")[before:]
    assert "お返し" in told and "どんな図だったかも書いてください" in told and "小川先生" in told
    assert "まだありません" in (await world.say("kato", "分数の実践は？"))[0]
    await publish(world)
    assert (await stored(world))[0].document_id is None


async def test_it_can_be_handed_back_without_a_reason_or_not_after_all(world: LineWorld) -> None:
    await handed_in(world)
    await world.say("ogawa", "実践メモの確認")
    await world.tap("ogawa", "戻す")
    assert "そのまま" in (await world.say("ogawa", "やめる"))[0]
    assert (await stored(world))[0].state == "waiting"
    await world.say("ogawa", "実践メモの確認")
    await world.tap("ogawa", "戻す")
    before = len(heard(world, "ito"))
    await world.tap("ogawa", "理由を書かずに戻す")
    [told] = heard(world, "ito")[before:]
    assert "から：" not in told and (await stored(world))[0].state == "declined"


async def test_a_question_of_a_lead_is_no_reason(world: LineWorld) -> None:
    await handed_in(world)
    await world.say("ogawa", "実践メモの確認")
    await world.tap("ogawa", "戻す")
    await world.say("ogawa", "今日まだチェックインしていない子は？")
    assert (await stored(world))[0].state == "waiting"


async def test_a_childs_name_is_not_published(world: LineWorld) -> None:
    for text in ("5年算数で、佐藤花さんが図をかいて説明した", "鈴木くんの考えをみんなで話し合った", "田村さんも書けた"):
        [said] = await world.say("ito", f"実践メモ: {text}")
        assert "名前" in said and "ある子" in said and "はい" not in buttons(world, "ito"), text
    [preview] = await world.say("ito", "ある子の考えをみんなで話し合った")
    assert "この内容で載せます" in preview
    [preview] = await world.say("ito", "実践メモ: 理科で、花が開く様子を毎日写真にとった")
    assert "名前に見える言葉：花" in preview.replace("があります", "") and "はい" not in buttons(world, "ito")
    await world.say("ito", "はい")
    assert await stored(world) == []
    [preview] = await world.say("ito", "実践メモ: 理科で、花が開く様子を毎日写真にとった")
    [preview] = await world.tap("ito", "名前ではありません")
    assert "この内容で載せます" in preview
    await world.tap("ito", "はい")
    [waiting] = await world.say("ogawa", "実践メモの確認")
    assert "⚠" in waiting and "花" in waiting


async def test_it_can_be_changed_and_given_up(world: LineWorld) -> None:
    await world.say("ito", "実践メモ: 国語で音読した")
    await world.tap("ito", "直す")
    [preview] = await world.say("ito", "国語で、役割を決めて音読した")
    assert "役割を決めて" in preview
    [said] = await world.say("ito", "やめる")
    assert "何も載せていません" in said and await stored(world) == []
    assert await world.say("ito", "はい") != [] and await stored(world) == []


async def test_a_later_yes_to_something_else_hands_nothing_in(world: LineWorld) -> None:
    await world.say("ito", "実践メモ: 国語で、役割を決めて音読した")
    await world.say("ito", "今日まだチェックインしていない子は？")
    await world.say("ito", "はい")
    assert await stored(world) == []


async def test_only_leads_of_the_school_review(world: LineWorld) -> None:
    await handed_in(world)
    assert "責任者" in (await world.say("kato", "実践メモの確認"))[0]
    async with world.core.database.write() as connection:  # abe begins to lead the other school
        await connection.execute(update(Role).where(Role.user_sourced_id == "t-abe").values(role="principal"))
    assert "ありません" in (await world.say("abe", "実践メモの確認"))[0]
    id = (await stored(world))[0].id
    event = world.line.events.postback(user_id("abe"), f"p/take/{id}")
    assert await world.send(event) == 200
    await world.core.drain()
    assert "その学校の責任者" in heard(world, "abe")[-1] and (await stored(world))[0].state == "waiting"


async def test_the_second_lead_hears_who_was_quicker(world: LineWorld) -> None:
    async with world.core.database.write() as connection:
        await connection.execute(update(Role).where(Role.user_sourced_id == "t-kato").values(role="administrator"))
    await handed_in(world)
    await world.say("ogawa", "実践メモの確認")
    await world.say("kato", "実践メモの確認")
    await world.tap("ogawa", "載せる")
    before = len(heard(world, "ito"))
    [said] = await world.tap("kato", "戻す")
    assert "小川先生がもう載せています" in said
    assert (await stored(world))[0].state == "approved" and heard(world, "ito")[before:] == []


async def test_at_night_nobody_is_woken_for_it(world: LineWorld) -> None:
    world.clock.moment = datetime.combine(MONDAY, time(22), TOKYO)
    before = len(heard(world, "ogawa"))
    await world.say("ito", f"実践メモ: {FRACTIONS}")
    [said] = await world.tap("ito", "はい")
    assert "07:00" in said and heard(world, "ogawa")[before:] == []
    world.clock.moment = datetime.combine(MONDAY.replace(day=12), time(7), TOKYO)
    await world.core.drain()
    assert "伊藤先生" in heard(world, "ogawa")[-1]


async def test_another_district_finds_nothing(world: LineWorld) -> None:
    await approved(world)
    async with world.core.database.write() as connection:
        org = {"identifier": None, "parent_sourced_id": None}
        rows = [org | {"sourced_id": "kawa", "name": "かわ市", "type": "district"}]
        rows += [
            org | {"sourced_id": "kita", "name": "かわ市立きた小学校", "type": "school", "parent_sourced_id": "kawa"}
        ]
        await connection.execute(insert(Org), rows)
        await connection.execute(update(Role).where(Role.user_sourced_id == "t-kato").values(org_sourced_id="kita"))
        await connection.execute(update(User).where(User.sourced_id == "t-kato").values(primary_org_sourced_id="kita"))
        moved = "DELETE FROM enrollments WHERE user_sourced_id = 't-kato'"
        await connection.exec_driver_sql(moved)
    assert "まだありません" in (await world.say("kato", "分数の実践は？"))[0]
    assert FRACTIONS in (await world.say("abe", "分数の実践は？"))[0]


async def test_children_and_families_never_see_them(world: LineWorld) -> None:
    await approved(world)
    await publish(world)
    for name in ("hana", "sato"):
        for text in ("分数の実践は？", "実践メモの確認", "実践メモを見せて"):
            assert not any("図をかかせ" in said for said in await world.say(name, text)), (name, text)
    await world.say("hana", "実践メモ: 分数がわかった")
    assert len(await stored(world)) == 1


async def test_an_approved_practice_becomes_a_document_of_the_district_for_staff(world: LineWorld) -> None:
    await approved(world)
    await publish(world)
    await publish(world)
    [row] = await stored(world)
    document = await world.core.services.library.find(source_of(row.id))
    assert document is not None and document.id == row.document_id
    assert (document.kind, document.audience, document.org_id) == (DocumentKind.PRACTICE, "staff", "board")
    assert (document.author, document.dated) == ("みなみ小 伊藤先生", MONDAY)
    assert document.title == "実践メモ：小5 算数（みなみ小 伊藤先生）"
    staff = Reader(orgs=frozenset({"higashi", "board"}), is_staff=True, on=MONDAY)
    assert [hit.passage.text for hit in await world.core.services.library.search("分数 図", staff)] == [FRACTIONS]
    assert await world.core.services.library.search("分数 図", replace(staff, is_staff=False)) == []


class DyingLibrary(Library):
    """Puts the document in, and dies before anybody hears of it."""

    async def put(self, new: NewDocument, now: datetime) -> tuple[str, Outcome]:
        await super().put(new, now)
        raise ConnectionError


async def test_a_crash_after_the_approval_loses_nothing_and_puts_it_in_once(world: LineWorld, tmp_path: Path) -> None:
    await approved(world)
    services = world.core.services
    dying = replace(services, library=DyingLibrary(services.database, tmp_path / "data"))
    with pytest.raises(ConnectionError):
        await Publisher(dying).plan(world.clock.now())
    assert (await stored(world))[0].document_id is None
    await publish(world)
    listed = await services.library.listed(Reader(orgs=None, is_staff=True, on=MONDAY))
    assert [each.id for each in listed] == [(await stored(world))[0].document_id]


async def test_its_author_takes_it_back_and_no_trace_stays(world: LineWorld) -> None:
    await approved(world)
    await publish(world)
    [offer] = await world.say("ito", "実践メモを取り下げて")
    assert FRACTIONS[:20] in offer
    assert "取り下げました" in (await world.tap("ito", "1を取り下げる"))[0]
    assert "まだありません" in (await world.say("abe", "分数の実践は？"))[0]
    assert (await stored(world))[0].text == ""
    await publish(world)
    assert await stored(world) == []
    assert await world.core.services.library.listed(Reader(orgs=None, is_staff=True, on=MONDAY)) == []


async def test_a_lead_takes_one_back_and_its_author_is_told(world: LineWorld) -> None:
    await approved(world)
    assert "ありません" in (await world.say("kato", "実践メモを取り下げて"))[0]
    before = len(heard(world, "ito"))
    await world.say("ogawa", "実践メモを取り下げて")
    await world.tap("ogawa", "1を取り下げる")
    [told] = heard(world, "ito")[before:]
    assert "小川先生" in told and FRACTIONS in told


async def test_a_tap_that_comes_twice_is_done_once(world: LineWorld) -> None:
    await world.say("ito", f"実践メモ: {FRACTIONS}")
    [data] = [action["data"] for label, action in world.line.quick_replies_to(user_id("ito")) if label == "はい"]
    for _ in range(2):
        assert await world.send(world.line.events.postback(user_id("ito"), data)) == 200
        await world.core.drain()
    assert len(await stored(world)) == 1 and "使えません" in heard(world, "ito")[-1]
