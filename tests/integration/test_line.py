"""A day over LINE, and everything that can go wrong between LINE and us (platforms.md, "Ten failures to survive")."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import func, select, update
from structlog.testing import capture_logs

from assistant.bootstrap import HANDLERS
from assistant.channels.line.channel import LineChannel
from assistant.channels.port import Letter
from assistant.dialogue import turns
from assistant.dialogue.turn import Turn
from assistant.inbox import InboxEvent
from assistant.messages import Outgoing, Words
from assistant.running import RECOVER_EVERY
from knowledge.db import Database, Moment
from knowledge.errors import StorageDownError
from knowledge.records.checkins import Status, find_checkins
from scheduler.claims import STALE_AFTER
from scheduler.delivery import Later
from scheduler.outbox import Outbox
from tests.platforms.line import Failure, redelivered, standby, user_id
from tests.worlds import LINE_TOKEN, MORNING, LineWorld, files_of, line_world

HANA = user_id("hana")


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    async with line_world(database, tmp_path / "data") as world:
        yield world


@pytest.fixture
async def linked(world: LineWorld) -> LineWorld:
    await world.link("hana", "s-hana")
    return world


async def test_a_code_links_and_greets_by_name(world: LineWorld) -> None:
    assert "連携" in (await world.say("hana", "こんにちは"))[0]
    assert "花さん" in (await world.link("hana", "s-hana"))[0]


async def test_a_code_that_spells_a_word_of_distress_by_chance_links_all_the_same(
    world: LineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = iter("DV23YP8U")

    def choose(_alphabet: str) -> str:
        return next(letters)

    monkeypatch.setattr("knowledge.records.linking.secrets.choice", choose)
    assert "花さん" in (await world.link("hana", "s-hana"))[0]


async def test_a_code_is_found_behind_the_word_for_it(world: LineWorld) -> None:
    await world.link("hana", "s-hana")
    assert "つながりませんでした" in (await world.say("ren", "連携コード：ＡＢＣＤ２３４５"))[0]


async def test_a_follow_is_answered_with_how_to_link(world: LineWorld) -> None:
    await world.send(world.line.events.follow(HANA))
    await world.core.drain()
    assert "コード" in world.line.texts_to(HANA)[0]


async def test_a_whole_morning_is_five_taps_and_free_of_quota(linked: LineWorld) -> None:
    await linked.say("hana", "おはよう")
    await linked.tap("hana", "☀️晴れ")
    await linked.say("hana", "分数のわり算を三問とく")
    await linked.tap("hana", "時間を決めて取り組む")
    closing = await linked.tap("hana", "4 できそう")
    assert "「分数のわり算を三問とく」" in closing[0]
    assert [label for label, _ in linked.line.quick_replies_to(HANA)] == ["相談したい"]  # quiet, and asks nothing
    assert linked.line.quota_used == 0
    async with linked.core.database.read() as connection:
        (record,) = await find_checkins(connection, ["s-hana"], [MORNING.date()])
    assert (record.mood, record.goal, record.confidence) == ("sunny", "分数のわり算を三問とく", 4)
    assert record.status is Status.FINISHED


async def test_every_question_offers_the_three_ways_out(linked: LineWorld) -> None:
    await linked.say("hana", "チェックイン")
    labels = [label for label, _ in linked.line.quick_replies_to(HANA)]
    assert labels[-3:] == ["とばす", "あとで", "今日は答えない"]


async def test_failure_1_the_same_event_five_times_at_once_is_one_turn_and_one_answer(linked: LineWorld) -> None:
    before = len(linked.line.texts_to(HANA))
    event = linked.line.events.text(HANA, "チェックイン")
    statuses = await asyncio.gather(*(linked.send(event) for _ in range(5)))
    await linked.core.drain()
    assert statuses == [200] * 5
    assert len(linked.line.texts_to(HANA)) == before + 1


async def test_failure_2_what_was_stored_before_a_crash_is_answered_once_after_it(
    database: Database, tmp_path: Path
) -> None:
    async with line_world(database, tmp_path / "data") as world:
        await world.link("hana", "s-hana")
        assert await world.send(world.line.events.text(HANA, "チェックイン")) == 200
        # The process dies here: nothing of it is drained. Another one starts on the same store.
        clock = world.clock
    clock.forward(seconds=20)
    async with line_world(database, tmp_path / "data", clock=clock) as after:
        await after.core.drain()
        assert len(after.line.texts_to(HANA)) == 1
        await after.core.drain()
        assert len(after.line.texts_to(HANA)) == 1


async def test_failure_2_an_answer_that_was_being_sent_at_the_crash_is_taken_up_again(linked: LineWorld) -> None:
    await linked.send(linked.line.events.text(HANA, "チェックイン"))
    await linked.core.turns.drain()
    async with linked.core.database.write() as connection:  # claimed by a process that was then killed
        claimed = update(Outbox).where(Outbox.state == "pending")
        await connection.execute(claimed.values(state="sending", claimed_at=linked.clock.now(), attempts=1))
    linked.clock.forward(minutes=2)
    await linked.core.recover(None)
    await linked.core.drain()
    assert "天気" in linked.line.texts_to(HANA)[-1]


async def killed_before_it_stored_that(linked: LineWorld) -> None:
    """The answer went out, and the process was killed before it could note it."""
    async with linked.core.database.write() as connection:
        last = select(func.max(Outbox.id)).scalar_subquery()
        await connection.execute(update(Outbox).where(Outbox.id == last).values(state="sending", done_at=None))


def maybe_twice() -> float:
    return REGISTRY.get_sample_value("ayumi_maybe_twice_total", {"channel": "line"}) or 0.0


@pytest.mark.parametrize("age", [0, 30])
async def test_a_reply_that_arrived_before_its_process_was_killed_is_not_sent_again(
    linked: LineWorld, age: int
) -> None:
    before = len(linked.line.texts_to(HANA))
    await linked.send(linked.line.events.text(HANA, "チェックイン"))
    linked.clock.forward(seconds=age)
    await linked.core.drain()
    await killed_before_it_stored_that(linked)
    linked.clock.forward(seconds=STALE_AFTER + RECOVER_EVERY)  # until another process takes it up, at the latest
    await linked.core.recover(None)
    await linked.core.drain()
    assert len(linked.line.texts_to(HANA)) == before + 1
    assert linked.line.requests["/v2/bot/message/push"] == 0
    assert await linked.count(Outbox, state="sent") == await linked.count(Outbox)


async def test_a_reply_whose_process_was_killed_before_it_went_out_goes_with_its_token_for_as_long_as_line_takes_it(
    linked: LineWorld,
) -> None:
    before, doubts = len(linked.line.texts_to(HANA)), maybe_twice()
    await linked.send(linked.line.events.text(HANA, "チェックイン"))
    linked.clock.forward(seconds=40)
    await linked.core.turns.drain()
    async with linked.core.database.write() as connection:
        claimed = update(Outbox).where(Outbox.state == "pending")
        await connection.execute(claimed.values(state="sending", claimed_at=Moment(), attempts=1))
    linked.clock.forward(seconds=15)
    await linked.core.recover(None)
    await linked.core.drain()
    assert (len(linked.line.texts_to(HANA)), linked.line.last_to(HANA).via) == (before + 1, "reply")
    assert maybe_twice() == doubts


@pytest.mark.parametrize("later", [15, 300])
async def test_where_nobody_can_know_whether_a_reply_arrived_it_is_pushed_and_that_is_logged_and_counted(
    linked: LineWorld, later: int
) -> None:
    before, doubts = len(linked.line.texts_to(HANA)), maybe_twice()
    await linked.send(linked.line.events.text(HANA, "チェックイン"))
    linked.clock.forward(seconds=40)
    await linked.core.drain()
    await killed_before_it_stored_that(linked)
    linked.clock.forward(seconds=later)
    with capture_logs() as logs:
        await linked.core.recover(None)
        await linked.core.drain()
    assert len(linked.line.texts_to(HANA)) == before + 2
    assert maybe_twice() == doubts + 1
    (line,) = [line for line in logs if line["event"] == "maybe_twice"]
    assert line["outbox_id"] and line["event_id"]


async def test_a_late_answer_that_line_refused_before_is_not_said_to_come_twice(linked: LineWorld) -> None:
    doubts = maybe_twice()
    linked.line.fail_next("reply", Failure.STATUS_500)
    await linked.send(linked.line.events.text(HANA, "チェックイン"))
    await linked.core.drain()
    linked.clock.forward(minutes=3)
    await linked.core.drain()
    assert (linked.line.last_to(HANA).via, maybe_twice()) == ("push", doubts)


async def test_what_another_process_may_be_sending_is_not_posted(linked: LineWorld) -> None:
    letter = Letter(
        account_id=f"line:{HANA}", messages=[Outgoing(text=Words.of("はい"))], grade=None, key=str(uuid4()), attempts=1,
        may_begin=lambda: False,
    )  # fmt: skip
    async with aiohttp.ClientSession() as http:
        files = files_of(linked.core.database, linked.clock)
        channel = LineChannel(http, linked.line.base_url, LINE_TOKEN, linked.clock.now, files)
        before = linked.line.requests.total()
        assert isinstance(await channel.deliver(letter), Later)
        assert isinstance(await channel.multicast(letter, [letter.account_id]), Later)
    assert linked.line.requests.total() == before


async def test_failure_3_a_store_that_is_down_at_receipt_is_a_503_and_the_redelivery_is_answered_once(
    linked: LineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_down() -> None:
        raise StorageDownError("down")

    before = len(linked.line.texts_to(HANA))
    event = linked.line.events.text(HANA, "チェックイン")
    with monkeypatch.context() as patched:
        patched.setattr(linked.core.database, "write", is_down)
        assert await linked.send(event) == 503
    assert await linked.send(redelivered(event)) == 200
    assert await linked.send(redelivered(event)) == 200
    await linked.core.drain()
    assert len(linked.line.texts_to(HANA)) == before + 1


async def test_failure_4_an_expired_reply_token_becomes_a_push_with_a_key(linked: LineWorld) -> None:
    await linked.send(linked.line.events.text(HANA, "チェックイン"))
    linked.clock.forward(minutes=3)
    await linked.core.drain()
    assert linked.line.last_to(HANA).via == "push"


async def test_a_token_that_line_calls_invalid_at_the_first_try_is_followed_by_a_push(linked: LineWorld) -> None:
    event = linked.line.events.text(HANA, "チェックイン")
    headers = {"Authorization": "Bearer line-token"}
    body = {"replyToken": event["replyToken"], "messages": [{"type": "text", "text": "先に使う"}]}
    async with linked.http.post(f"{linked.line.base_url}/v2/bot/message/reply", json=body, headers=headers) as response:
        assert response.status == 200
    await linked.send(event)
    await linked.core.drain()
    assert linked.line.last_to(HANA).via == "push"


async def test_failure_5_a_push_whose_answer_was_lost_is_one_message(linked: LineWorld) -> None:
    await linked.send(linked.line.events.text(HANA, "チェックイン"))
    linked.clock.forward(minutes=3)
    before = len(linked.line.texts_to(HANA))
    linked.line.fail_next("push", Failure.DROP_AFTER)
    await linked.core.drain()
    linked.clock.forward(seconds=5)
    await linked.core.drain()
    assert len(linked.line.texts_to(HANA)) == before + 1
    assert await linked.count(Outbox, state="sent") == await linked.count(Outbox)


async def test_a_reply_whose_answer_was_lost_is_one_message(linked: LineWorld) -> None:
    before = len(linked.line.texts_to(HANA))
    linked.line.fail_next("reply", Failure.DROP_AFTER)
    await linked.send(linked.line.events.text(HANA, "チェックイン"))
    await linked.core.drain()
    linked.clock.forward(seconds=5)
    await linked.core.drain()
    assert len(linked.line.texts_to(HANA)) == before + 1
    assert linked.line.requests["/v2/bot/message/push"] == 0


@pytest.mark.parametrize("failure", [Failure.STATUS_500, Failure.STATUS_429_RATE, Failure.DROP_BEFORE])
async def test_what_line_did_not_take_is_sent_again_later(linked: LineWorld, failure: Failure) -> None:
    before = len(linked.line.texts_to(HANA))
    linked.line.fail_next("reply", failure)
    await linked.send(linked.line.events.text(HANA, "チェックイン"))
    await linked.core.drain()
    assert len(linked.line.texts_to(HANA)) == before
    linked.clock.forward(seconds=5)
    await linked.core.drain()
    assert len(linked.line.texts_to(HANA)) == before + 1


async def test_failure_7_used_up_quota_holds_the_message_until_the_next_one_from_there(linked: LineWorld) -> None:
    await linked.link("ogawa", "p-ogawa")
    linked.line.monthly_quota = 0
    await linked.send(linked.line.events.text(HANA, "メモ 分数がわかった"))
    linked.clock.forward(minutes=3)
    await linked.core.drain()
    tries = linked.line.requests["/v2/bot/message/push"]
    linked.clock.forward(hours=1)
    await linked.core.drain()
    assert await linked.count(Outbox, state="held") >= 1
    assert linked.line.requests["/v2/bot/message/push"] <= tries + 1  # the principal's notice, no retry loop
    answer = "\n".join(await linked.say("hana", "チェックイン"))
    assert "メモに残したよ" in answer
    assert "天気" in answer
    told = "\n".join(await linked.say("ogawa", "こんにちは"))
    assert "上限" in told
    assert "LINE" in told


async def test_a_revoked_token_holds_and_tells_the_principal(linked: LineWorld) -> None:
    await linked.link("ogawa", "p-ogawa")
    linked.line.fail_next("reply", Failure.STATUS_401)
    await linked.send(linked.line.events.text(HANA, "メモ 分数がわかった"))
    await linked.core.drain()
    assert await linked.count(Outbox, state="held", account_id=f"line:{HANA}") == 1
    assert any("トークン" in text for text in linked.line.texts_to(user_id("ogawa")))


async def test_failure_8_an_old_postback_that_comes_again_changes_nothing(linked: LineWorld) -> None:
    await linked.say("hana", "チェックイン")
    rainy = dict(linked.line.quick_replies_to(HANA))["☔雨"]
    old = linked.line.events.postback(HANA, rainy["data"])
    linked.clock.forward(seconds=1)
    await linked.tap("hana", "☀️晴れ")
    before = len(linked.line.texts_to(HANA))
    await linked.send(redelivered(old))
    await linked.core.drain()
    async with linked.core.database.read() as connection:
        (record,) = await find_checkins(connection, ["s-hana"], [MORNING.date()])
    assert record.mood == "sunny"
    assert len(linked.line.texts_to(HANA)) == before


async def test_failure_8_messages_in_one_webhook_are_taken_by_their_time(linked: LineWorld) -> None:
    start = linked.line.events.text(HANA, "チェックイン", at=linked.clock.seconds() + 1)
    mood = linked.line.events.text(HANA, "晴れ", at=linked.clock.seconds() + 2)
    linked.clock.forward(seconds=3)
    await linked.send(mood, start)
    await linked.core.drain()
    async with linked.core.database.read() as connection:
        (record,) = await find_checkins(connection, ["s-hana"], [MORNING.date()])
    assert record.mood == "sunny"


async def test_failure_9_a_poisonous_event_leaves_the_others_answered(database: Database, tmp_path: Path) -> None:
    async def breaks(turn: Turn) -> bool:
        if turn.incoming.text == "毒":
            raise RuntimeError("a handler broke")
        return False

    async with line_world(database, tmp_path / "data", handlers=(breaks, *HANDLERS)) as world:
        poison = world.line.events.text(user_id("ren"), "毒")
        good = world.line.events.text(HANA, "こんにちは")
        unknown = world.line.events.unknown(HANA)
        assert await world.send(poison, unknown, good) == 200
        await world.core.drain()
        assert "連携" in world.line.texts_to(HANA)[0]
        assert "もう一度" in "".join(world.line.texts_to(user_id("ren"))).replace("もういちど", "もう一度")
        assert await world.count(InboxEvent, state="failed") == 1


async def test_failure_10_a_slow_answer_does_not_delay_the_webhook(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "SLOW_AFTER", 0.1)
    go_on = asyncio.Event()

    async def slow(turn: Turn) -> bool:
        if turn.incoming.text == "ゆっくり":
            await go_on.wait()
        return False

    async with line_world(database, tmp_path / "data", handlers=(slow, *HANDLERS)) as world:
        world.core.turns.start()
        world.core.delivery.start()
        try:
            assert await world.send(world.line.events.text(user_id("ren"), "ゆっくり")) == 200
            assert await world.send(world.line.events.text(HANA, "こんにちは")) == 200
            await world.line.wait_for(HANA, 1)
            assert world.line.texts_to(user_id("ren")) == []
            while not world.line.loading:  # the loading animation tells ren that an answer is coming
                await asyncio.sleep(0.01)
            go_on.set()
            await world.line.wait_for(user_id("ren"), 1)
        finally:
            go_on.set()
            await world.core.turns.stop()
            await world.core.delivery.stop()


async def test_a_childs_cry_for_help_reaches_the_homeroom_teacher_without_its_words(linked: LineWorld) -> None:
    await linked.link("ito", "t-ito")
    answer = "\n".join(await linked.say("hana", "もう消えてしまいたい"))
    assert "0120-0-78310" in answer
    told = linked.line.texts_to(user_id("ito"))[-1]
    assert "佐藤 花" in told
    assert "消えて" not in told


async def test_nothing_is_said_in_standby(linked: LineWorld) -> None:
    before = len(linked.line.texts_to(HANA))
    await linked.send(standby(linked.line.events.text(HANA, "チェックイン")))
    await linked.core.drain()
    assert len(linked.line.texts_to(HANA)) == before


async def test_an_unfollow_cancels_what_waits(linked: LineWorld) -> None:
    linked.line.fail_next("reply", Failure.STATUS_500)
    await linked.send(linked.line.events.text(HANA, "チェックイン"))
    await linked.core.drain()
    await linked.send(linked.line.events.unfollow(HANA))
    await linked.core.drain()
    linked.clock.forward(minutes=5)
    await linked.core.drain()
    assert await linked.count(Outbox, state="skipped") == 1
    assert linked.line.requests["/v2/bot/message/push"] == 0


async def test_a_message_that_was_taken_back_is_forgotten(linked: LineWorld) -> None:
    event = linked.line.events.text(HANA, "メモ まちがえて書いた")
    await linked.send(event)
    await linked.core.drain()
    await linked.send(linked.line.events.unsend(HANA, event["message"]["id"]))
    await linked.core.drain()
    linked.clock.forward(hours=7)
    assert "まちがえて書いた" not in "\n".join(await linked.say("hana", "ふりかえり"))


async def test_one_person_with_two_accounts_has_one_conversation(linked: LineWorld) -> None:
    await linked.link("hana-tablet", "s-hana")
    await linked.say("hana", "チェックイン")
    await linked.tap("hana", "☀️晴れ")
    assert "作戦" in (await linked.say("hana-tablet", "計算をがんばる"))[0]


@pytest.mark.parametrize(
    ("body", "signature", "status"),
    [
        (b'{"events": []}', None, 401),
        (b'{"events": []}', "forged", 401),
        (b'{"events": [', "right", 400),
        (b"\xff\xfe\x00", "right", 400),
        (b"[]", "right", 400),
        (b'{"events": 3}', "right", 400),
        (b"[" * 100_000, "right", 400),
        (b'{"events": [' + b'{"a":' * 600 + b"1" + b"}" * 600 + b"]}", "right", 400),
        (b"x" * 1_000_001, "right", 413),
        (b'{"events": []}', "right", 200),
    ],
)
async def test_a_bad_webhook_is_refused_and_nothing_is_stored(
    world: LineWorld, body: bytes, signature: str | None, status: int
) -> None:
    headers = {"content-type": "application/json"}
    if signature is not None:
        headers["x-line-signature"] = world.line.sign(body) if signature == "right" else signature
    assert await world.post(body, headers) == status
    assert await world.count(InboxEvent) == 0


async def test_an_unknown_event_is_stored_and_counted(world: LineWorld) -> None:
    assert await world.send(world.line.events.unknown(HANA)) == 200
    assert await world.count(InboxEvent, state="ignored") == 1
