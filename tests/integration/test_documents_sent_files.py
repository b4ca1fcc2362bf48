"""Files that are sent in a chat: asked about, fetched after a tap, read, and told of, once, whatever goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import update

from assistant import taking_in
from assistant.channels.download import Downloaded
from assistant.channels.line import channel as line_channel
from assistant.channels.line.channel import LineChannel
from assistant.keeping import LARGEST
from assistant.messages import SentFile
from assistant.schema import migrate
from knowledge.db import Database
from knowledge.documents.ingest import Added
from knowledge.documents.model import DocumentAudience, Listed, Reader
from knowledge.records.roster import Role
from scheduler import delivery
from scheduler.outbox import Outbox, State
from tests.integration.test_slack import OGAWA, SlackWorld, slack_world
from tests.platforms.line import Failure, redelivered, user_id
from tests.platforms.slack import Failure as SlackFailure
from tests.worlds import HandClock, LineWorld, files_of, line_world

EVERYBODY = Reader(orgs=None, is_staff=True, on=date.min)
RULES = "学校のきまり\n\n上ばきは、毎週金曜日に家に持って帰ります。\n".encode()
NEW_RULES = "学校のきまり\n\n上ばきは、毎週水曜日に家に持って帰ります。\n".encode()
ASKED = "「きまり.txt」を資料に加えますか？ だれが読めるようにしますか？"
READING = "「きまり.txt」を読みこんでいます。終わったらお知らせします。\n読める人：教職員だけ"
ADDED = "「きまり.txt」を資料「きまり」として加えました。"


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    async with line_world(database, tmp_path) as world:
        await world.link("ogawa", "p-ogawa")
        yield world


@pytest.fixture
async def slack(sqlite_url: str, tmp_path: Path) -> AsyncIterator[SlackWorld]:
    database = Database(sqlite_url)
    await migrate(database)
    async with slack_world(database, tmp_path) as world:
        await world.link(OGAWA, "p-ogawa")
        yield world
    await database.close()


async def sends(world: LineWorld, name: str, file_name: str, content: bytes = RULES) -> list[str]:
    """Someone sends a file; the texts of the answer."""
    return await happens(world, name, world.line.send_file(user_id(name), file_name, content))


async def happens(world: LineWorld, name: str, event: dict[str, Any]) -> list[str]:
    before = len(world.line.texts_to(user_id(name)))
    assert await world.send(event) == 200
    await world.core.drain()
    world.clock.forward(seconds=1)
    return world.line.texts_to(user_id(name))[before:]


async def documents(world: LineWorld | SlackWorld) -> list[Listed]:
    return await world.core.services.library.listed(EVERYBODY)


def labels(world: LineWorld, name: str = "ogawa") -> Sequence[str]:
    return [label for label, _ in world.line.quick_replies_to(user_id(name))]


# --- LINE


async def test_a_file_is_asked_about_and_added_after_a_tap(world: LineWorld) -> None:
    assert await sends(world, "ogawa", "きまり.txt") == [ASKED]
    assert labels(world) == ["全員（子ども・家庭も）", "教職員だけ", "やめる"]
    assert await documents(world) == []
    assert await world.tap("ogawa", "教職員だけ") == [READING, ADDED]
    (document,) = await documents(world)
    assert (document.title, document.audience, document.source) == (
        "きまり",
        DocumentAudience.STAFF,
        "upload:minami:きまり.txt",
    )
    assert (document.org_id, document.added_by) == ("minami", "p-ogawa")


async def test_the_answer_may_be_typed_with_an_end(world: LineWorld) -> None:
    await sends(world, "ogawa", "きまり.txt")
    assert await world.say("ogawa", "3月末まで") == [f"{ASKED}\n2027年3月31日まで使います。"]
    await world.say("ogawa", "全員")
    (document,) = await documents(world)
    assert (document.audience, document.valid_until) == (DocumentAudience.EVERYONE, date(2027, 3, 31))


async def test_nothing_is_added_when_it_is_called_off_or_left_lying(world: LineWorld) -> None:
    await sends(world, "ogawa", "きまり.txt")
    assert await world.say("ogawa", "やめる") == ["やめました。資料には加えていません。"]
    await sends(world, "ogawa", "きまり.txt")
    world.clock.forward(minutes=31)
    assert await world.tap("ogawa", "教職員だけ") == ["これは前のボタンです。もう一度、はじめから送ってください。"]
    assert await documents(world) == []


async def test_several_files_get_one_answer_and_of_one_name_the_last_counts(world: LineWorld) -> None:
    await sends(world, "ogawa", "きまり.txt")
    await sends(world, "ogawa", "行事.txt")
    (asked,) = await sends(world, "ogawa", "きまり.txt", NEW_RULES)
    assert asked == "「きまり.txt」、「行事.txt」を資料に加えますか？ だれが読めるようにしますか？"
    answers = await world.tap("ogawa", "全員（子ども・家庭も）")
    assert answers[1:] == [ADDED, "「行事.txt」を資料「行事」として加えました。"]
    (rules, _) = await documents(world)
    passages = await world.core.services.library.passages(rules.id, EVERYBODY)
    assert any("水曜日" in passage.text for passage in passages)


async def test_what_is_there_already_is_said_before_it_is_replaced(world: LineWorld) -> None:
    await sends(world, "ogawa", "きまり.txt")
    await world.say("ogawa", "先生だけ、3月末まで")
    (asked,) = await sends(world, "ogawa", "きまり.txt", NEW_RULES)
    assert asked == f"{ASKED}\nいまある資料「きまり」は、新しい内容に入れかわります。"
    answers = await world.tap("ogawa", "教職員だけ")
    assert answers[1] == "「きまり.txt」を読みこみ、資料「きまり」を新しい内容に入れかえました。"
    (document,) = await documents(world)
    assert document.valid_until == date(2027, 3, 31)  # as it was, since nothing else was said
    await sends(world, "ogawa", "きまり.txt", NEW_RULES)
    answers = await world.tap("ogawa", "教職員だけ")
    assert answers[1].startswith("資料「きまり」の内容は「きまり.txt」と同じでした。")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("古い.doc", RULES, "古い形式です。"),
        ("写真.png", RULES, "画像には文字のデータがありません。"),
        ("計画.xyz", RULES, "この形式は読めません。"),
    ],
)
async def test_what_cannot_be_read_is_said_at_once(world: LineWorld, name: str, content: bytes, why: str) -> None:
    (answer,) = await sends(world, "ogawa", name, content)
    assert answer.startswith(f"「{name}」は加えられませんでした。{why}")


async def test_too_large_a_file_is_never_fetched(world: LineWorld) -> None:
    event = world.line.events.file(user_id("ogawa"), "大きい.pdf", LARGEST + 1)
    (answer,) = await happens(world, "ogawa", event)
    assert "大きすぎます。1つ50MBまで" in answer
    assert not [path for path in world.line.requests if path.endswith("/content")]


async def test_a_file_that_turns_out_larger_than_it_said_is_not_read_to_its_end(
    world: LineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking_in, "LARGEST", 10)
    await sends(world, "ogawa", "きまり.txt")
    answers = await world.tap("ogawa", "教職員だけ")
    assert answers[1] == "「きまり.txt」は大きすぎます。加えられるのは50MBまでです。"
    assert await documents(world) == []


async def test_an_empty_file_is_told_with_its_reason(world: LineWorld) -> None:
    await sends(world, "ogawa", "空.txt", b" \n")
    [_, refused] = await world.tap("ogawa", "教職員だけ")
    assert refused.startswith("「空.txt」は加えられませんでした。ファイルが空です。")


async def test_a_file_that_line_keeps_no_longer_is_asked_for_again(world: LineWorld) -> None:
    await sends(world, "ogawa", "きまり.txt")
    world.line.contents.clear()
    answers = await world.tap("ogawa", "教職員だけ")
    assert answers[1].startswith("「きまり.txt」は、もう取り出せませんでした")
    assert await documents(world) == []


async def test_a_token_that_may_not_fetch_is_said(world: LineWorld) -> None:
    await sends(world, "ogawa", "きまり.txt")
    world.line.fail_next("/content", Failure.STATUS_401)
    answers = await world.tap("ogawa", "教職員だけ")
    assert answers[1].startswith("「きまり.txt」を取り出す許可がありません。")


@pytest.mark.parametrize("failure", [Failure.STATUS_500, Failure.STATUS_429_RATE, Failure.DROP_BEFORE])
async def test_fetching_is_tried_again(world: LineWorld, failure: Failure) -> None:
    await sends(world, "ogawa", "きまり.txt")
    world.line.fail_next("/content", failure, times=2)
    assert await world.tap("ogawa", "教職員だけ") == [READING]
    await later(world)
    assert world.line.texts_to(user_id("ogawa"))[-1] == ADDED


async def test_content_that_line_is_still_preparing_is_waited_for(world: LineWorld) -> None:
    event = world.line.send_file(user_id("ogawa"), "きまり.txt", RULES)
    world.line.preparing.add(event["message"]["id"])
    await happens(world, "ogawa", event)
    assert await world.tap("ogawa", "教職員だけ") == [READING]
    world.line.preparing.clear()
    await later(world)
    assert world.line.texts_to(user_id("ogawa"))[-1] == ADDED


async def test_after_some_minutes_without_luck_the_sender_hears_of_it(world: LineWorld) -> None:
    await sends(world, "ogawa", "きまり.txt")
    world.line.fail_next("/content", Failure.STATUS_500, times=100)
    await world.tap("ogawa", "教職員だけ")
    await later(world, tries=10)
    assert world.line.texts_to(user_id("ogawa"))[-1].startswith("「きまり.txt」を取り出せませんでした。")
    assert await world.count(Outbox, kind="document", state=State.SENT) == 1


async def test_the_same_event_again_adds_and_tells_once(world: LineWorld) -> None:
    event = world.line.send_file(user_id("ogawa"), "きまり.txt", RULES)
    await happens(world, "ogawa", event)
    assert await happens(world, "ogawa", redelivered(event)) == []
    (tap,) = [action for label, action in world.line.quick_replies_to(user_id("ogawa")) if label == "教職員だけ"]
    tapped = world.line.events.postback(user_id("ogawa"), tap["data"])
    assert await happens(world, "ogawa", tapped) == [READING, ADDED]
    assert await happens(world, "ogawa", redelivered(tapped)) == []


async def test_a_result_that_could_not_be_sent_is_sent_as_it_was(world: LineWorld) -> None:
    """The file was put in, the push failed: the next try must not say that nothing was new."""
    await sends(world, "ogawa", "きまり.txt")
    world.line.fail_next("/push", Failure.STATUS_500)
    assert await world.tap("ogawa", "教職員だけ") == [READING]
    await later(world)
    assert world.line.texts_to(user_id("ogawa"))[-1] == ADDED


async def test_a_result_is_told_even_when_the_file_is_gone_by_then(world: LineWorld) -> None:
    await sends(world, "ogawa", "きまり.txt")
    world.line.fail_next("/push", Failure.STATUS_500)
    await world.tap("ogawa", "教職員だけ")
    world.line.contents.clear()
    await later(world)
    assert world.line.texts_to(user_id("ogawa"))[-1] == ADDED


async def test_work_that_a_crash_cut_short_is_taken_up_again(world: LineWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    await sends(world, "ogawa", "きまり.txt")
    (tap,) = [action for label, action in world.line.quick_replies_to(user_id("ogawa")) if label == "教職員だけ"]
    await world.send(world.line.events.postback(user_id("ogawa"), tap["data"]))
    await world.core.turns.drain()
    async with world.core.database.write() as connection:  # a process took it, and died
        taken: dict[str, Any] = {"state": State.SENDING, "claimed_at": world.clock.now(), "attempts": 1}
        await connection.execute(update(Outbox).where(Outbox.kind == "document").values(**taken))
    await world.core.drain()
    assert await documents(world) == []
    world.clock.forward(seconds=60)
    await world.core.recover(None)
    await world.core.drain()
    assert world.line.texts_to(user_id("ogawa"))[-2:] == [READING, ADDED]
    assert len(await documents(world)) == 1


async def test_a_file_that_takes_longer_than_a_send_may_is_read_once(
    world: LineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, begun = asyncio.Event(), list[str]()
    take_in = taking_in.take_in

    async def slow(*given: Any, **more: Any) -> list[Added]:
        begun.append(given[1])
        await goes_on.wait()
        return await take_in(*given, **more)

    monkeypatch.setattr(taking_in, "take_in", slow)
    monkeypatch.setattr(delivery, "DEADLINE", 0.05)
    await sends(world, "ogawa", "きまり.txt")
    assert await world.tap("ogawa", "教職員だけ") == [READING]
    world.clock.forward(seconds=5)
    await world.core.drain()
    assert begun == ["きまり.txt"]
    monkeypatch.setattr(delivery, "DEADLINE", 25.0)
    goes_on.set()
    await later(world)
    assert begun == ["きまり.txt"]
    assert world.line.texts_to(user_id("ogawa"))[-1] == ADDED


async def test_others_are_answered_while_a_file_is_read(world: LineWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = asyncio.Event()
    take_in = taking_in.take_in

    async def slow(*given: Any, **more: Any) -> list[Added]:
        await goes_on.wait()
        return await take_in(*given, **more)

    monkeypatch.setattr(taking_in, "take_in", slow)
    await world.link("ito", "t-ito")
    await sends(world, "ogawa", "きまり.txt")
    (tap,) = [action for label, action in world.line.quick_replies_to(user_id("ogawa")) if label == "教職員だけ"]
    await world.send(world.line.events.postback(user_id("ogawa"), tap["data"]))
    reading = asyncio.create_task(world.core.drain())
    await world.line.wait_for(user_id("ogawa"), 3)
    before = world.line.count_to(user_id("ito"))
    await world.send(world.line.events.text(user_id("ito"), "こんにちは"))
    world.core.delivery.start()
    await world.core.turns.drain()
    await world.line.wait_for(user_id("ito"), before + 1)
    assert await documents(world) == []
    goes_on.set()
    await reading
    await world.core.delivery.stop()
    assert world.line.texts_to(user_id("ogawa"))[-1] == ADDED


async def test_who_leads_no_more_adds_nothing(world: LineWorld) -> None:
    await sends(world, "ogawa", "きまり.txt")
    (tap,) = [action for label, action in world.line.quick_replies_to(user_id("ogawa")) if label == "教職員だけ"]
    await world.send(world.line.events.postback(user_id("ogawa"), tap["data"]))
    await world.core.turns.drain()
    async with world.core.database.write() as connection:
        ended = update(Role).where(Role.user_sourced_id == "p-ogawa").values(end_date=date(2026, 5, 10))
        await connection.execute(ended)
    await world.core.drain()
    assert await documents(world) == []
    assert await world.count(Outbox, kind="document", state=State.SKIPPED) == 1


async def test_a_file_that_was_taken_back_is_not_added(world: LineWorld) -> None:
    event = world.line.send_file(user_id("ogawa"), "きまり.txt", RULES)
    await happens(world, "ogawa", event)
    await happens(world, "ogawa", world.line.events.unsend(user_id("ogawa"), event["message"]["id"]))
    assert await world.tap("ogawa", "教職員だけ") == ["これは前のボタンです。もう一度、はじめから送ってください。"]
    assert await documents(world) == []


async def test_other_staff_hear_who_can_and_children_that_words_can_be_read(world: LineWorld) -> None:
    for name, person_id in (("ito", "t-ito"), ("hana", "s-hana"), ("sato", "g-sato")):
        await world.link(name, person_id)
    assert await sends(world, "ito", "きまり.txt") == [
        "資料を加えたり消したりできるのは、学校の責任者（小川先生）です。"
    ]
    assert await sends(world, "hana", "作文.txt") == ["スタンプや写真はまだ読めないんだ。言葉で送ってね。"]
    assert await sends(world, "sato", "手紙.txt") == ["スタンプや写真は読み取れません。文字で送ってください。"]
    (answer,) = await sends(world, "nobody", "きまり.txt")
    assert answer.startswith("まだ学校の名簿とつながっていません。")
    assert not [path for path in world.line.requests if path.endswith("/content")]


async def test_how_to_add_says_that_a_file_can_be_sent_here(world: LineWorld) -> None:
    (answer,) = await world.say("ogawa", "資料を追加したい")
    assert "（50MBまで）を、ここに送ってください" in answer and answer.endswith("資料のページを開く")


async def test_english_is_answered_in_english(world: LineWorld) -> None:
    await world.say("ogawa", "in English")
    assert await sends(world, "ogawa", "rules.txt") == ["Shall I add “rules.txt” to the documents? Who may read it?"]
    answers = await world.tap("ogawa", "Staff only")
    assert answers[1] == "“rules.txt” was added as the document “rules”."


async def test_lines_own_files_come_from_its_data_host(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def noted(session: aiohttp.ClientSession, address: str, token: str, most: int) -> Downloaded:
        asked.append(address)
        return Downloaded(content=RULES, media_type="text/plain")

    monkeypatch.setattr(line_channel, "download", noted)
    clock = HandClock()
    async with aiohttp.ClientSession() as http:
        channel = LineChannel(http, "https://api.line.me/", "token", clock.now, files_of(database, clock))
        assert await channel.fetch_file(SentFile(name="a.txt", size=1, reference="12/3"), 10) == RULES
    assert asked == ["https://api-data.line.me/v2/bot/message/12%2F3/content"]


async def later(world: LineWorld, tries: int = 4) -> None:
    """Time goes by, and what waits is tried again."""
    for _ in range(tries):
        world.clock.forward(minutes=2)
        await world.core.drain()


# --- Slack


async def shares(world: SlackWorld, *files: tuple[str, bytes], text: str = "", user: str = OGAWA) -> list[str]:
    before = len(world.slack.texts_to(user))
    await world.happens(world.slack.events.file_share(user, *files, text=text))
    return world.slack.texts_to(user)[before:]


async def test_on_slack_files_of_one_message_are_asked_about_together(slack: SlackWorld) -> None:
    (asked,) = await shares(slack, ("きまり.txt", RULES), ("行事.txt", RULES))
    assert asked.startswith("「きまり.txt」、「行事.txt」を資料に加えますか？")
    answers = await slack.tap(OGAWA, "教職員だけ")
    assert answers[1:] == [ADDED, "「行事.txt」を資料「行事」として加えました。"]
    assert [each.title for each in await documents(slack)] == ["きまり", "行事"]


async def test_on_slack_words_beside_a_file_say_who_may_read_it(slack: SlackWorld) -> None:
    (asked,) = await shares(slack, ("きまり.txt", RULES), text="先生だけ、3月末まで")
    assert "2027年3月31日まで使います。" in asked and "「はい」と送ってください" in asked
    assert (await slack.say(OGAWA, "はい"))[1] == ADDED
    (document,) = await documents(slack)
    assert (document.audience, document.valid_until) == (DocumentAudience.STAFF, date(2027, 3, 31))


async def test_on_slack_other_words_beside_a_file_are_answered_too(slack: SlackWorld) -> None:
    (answer,) = await shares(slack, ("きまり.txt", RULES), text="こんにちは")
    assert answer.startswith(ASKED) and "お疲れさまです" in answer
    assert "教職員だけ" in slack.labels(OGAWA)


async def test_on_slack_what_a_child_writes_beside_a_file_is_read_as_ever(slack: SlackWorld) -> None:
    await slack.link("U0HANA", "s-hana")
    answers = await shares(slack, ("作文.txt", RULES), text="メモ 分数が わかった", user="U0HANA")
    assert any("メモに残したよ" in answer for answer in answers)


async def test_on_slack_an_app_without_the_scope_says_so(slack: SlackWorld) -> None:
    slack.slack.scopes -= {"files:read"}
    await shares(slack, ("きまり.txt", RULES))
    answers = await slack.tap(OGAWA, "教職員だけ")
    assert answers[1].startswith("「きまり.txt」を取り出す許可がありません。")


async def test_on_slack_a_page_to_sign_in_is_not_taken_for_the_file(slack: SlackWorld) -> None:
    await shares(slack, ("きまり.txt", RULES))
    slack.slack.scopes -= {"files:read"}  # taken away after it was sent
    answers = await slack.tap(OGAWA, "教職員だけ")
    assert answers[1].startswith("「きまり.txt」を取り出す許可がありません。")
    assert await documents(slack) == []


async def test_on_slack_a_deleted_file_is_gone_and_a_broken_answer_is_tried_again(slack: SlackWorld) -> None:
    await shares(slack, ("きまり.txt", RULES))
    slack.slack.fail_next("file", SlackFailure.STATUS_500)
    assert len(await slack.tap(OGAWA, "教職員だけ")) == 1
    slack.slack.sent.clear()
    slack.clock.forward(minutes=2)
    await slack.core.drain()
    assert slack.slack.texts_to(OGAWA)[-1].startswith("「きまり.txt」は、もう取り出せませんでした")


async def test_the_token_goes_to_slack_alone(slack: SlackWorld) -> None:
    event = slack.slack.events.file_share(OGAWA, ("きまり.txt", RULES))
    event.body["event"]["files"][0]["url_private_download"] = "https://files.slack.com.example.org/x"
    await slack.happens(event)
    answers = await slack.tap(OGAWA, "教職員だけ")
    assert answers[1].startswith("「きまり.txt」を取り出す許可がありません。")
