"""The stand-in for LINE keeps LINE's rules: each of them once."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import io
import json
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from linebot.v3 import messaging, webhook  # pyright: ignore[reportMissingTypeStubs]  it ships none

from tests.platforms.line import ACCESS_TOKEN, CHANNEL_SECRET, Failure, LineStandIn, redelivered, standby, user_id
from tests.platforms.line.limits import message_problems
from tests.platforms.line.rules import body_problems

ROOT = Path(__file__).parents[2]
messaging_sdk: Any = messaging
webhook_sdk: Any = webhook

AOI, REN = user_id("aoi"), user_id("ren")
HELLO: dict[str, Any] = {"type": "text", "text": "おはよう"}
FAMILY = "👨‍👩‍👧‍👦"  # one grapheme, eleven UTF-16 units
PUSH, MULTICAST, REPLY = "/v2/bot/message/push", "/v2/bot/message/multicast", "/v2/bot/message/reply"
POSTBACK = {"type": "postback", "label": "はい", "data": "yes"}


class Clock:
    """A clock that stands until it is moved."""

    seconds = 1_780_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def line(clock: Clock) -> AsyncIterator[LineStandIn]:
    async with LineStandIn(now=clock) as stand_in:
        yield stand_in


@pytest.fixture
async def api(line: LineStandIn) -> AsyncIterator[Any]:
    async with messaging_sdk.AsyncApiClient(
        messaging_sdk.Configuration(host=line.base_url, access_token=ACCESS_TOKEN)
    ) as client:
        yield messaging_sdk.AsyncMessagingApi(client)


async def call(line: LineStandIn, path: str, body: object = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
    """Status, JSON and headers of the answer; a GET without a body. Keywords replace headers, `_` standing for `-`."""
    sent = {"Authorization": f"Bearer {ACCESS_TOKEN}", "Content-Type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    method = "GET" if body is None else "POST"
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            method, line.base_url + path, data=None if body is None else io.BytesIO(data), headers=sent
        ) as answer,
    ):
        return answer.status, await answer.json(), dict(answer.headers)


async def push(line: LineStandIn, *, to: str = AOI, key: str | None = None, text: str = "おはよう") -> int:
    """Status of a push under a new retry key or the one given."""
    body = {"to": to, "messages": [{"type": "text", "text": text}]}
    return (await call(line, PUSH, body, X_Line_Retry_Key=key or str(uuid.uuid4())))[0]


def broken(message: dict[str, Any]) -> list[str]:
    """Where a message breaks a rule."""
    return [problem.property for problem in body_problems(PUSH, {"to": AOI, "messages": [message]})]


def with_quick_replies(*actions: dict[str, Any]) -> dict[str, Any]:
    return {**HELLO, "quickReply": {"items": [{"type": "action", "action": action} for action in actions]}}


def template(**content: Any) -> dict[str, Any]:
    return {"type": "template", "altText": "質問", "template": content}


def flex(*texts: str) -> dict[str, Any]:
    contents = [{"type": "text", "text": text} for text in texts]
    return {"type": "bubble", "body": {"type": "box", "layout": "vertical", "contents": contents}}


# What the official client sends is accepted


async def test_a_reply_by_the_sdk_reaches_the_person(line: LineStandIn, api: Any):
    token = line.events.text(AOI, "やあ")["replyToken"]
    body = {"replyToken": token, "messages": [with_quick_replies(POSTBACK)]}
    await api.reply_message(messaging_sdk.ReplyMessageRequest.from_dict(body))
    [delivery] = await line.wait_for(AOI, 1)
    assert (delivery.via, delivery.user_id) == ("reply", AOI)
    assert line.texts_to(AOI) == ["おはよう"]
    assert line.quick_replies_to(AOI) == [("はい", POSTBACK)]
    assert line.violations == []


async def test_a_push_by_the_sdk_is_told_again_with_its_first_request_id(line: LineStandIn, api: Any):
    request = messaging_sdk.PushMessageRequest.from_dict({"to": AOI, "messages": [HELLO]})
    key = str(uuid.uuid4())
    await api.push_message(request, x_line_retry_key=key)
    with pytest.raises(messaging_sdk.ApiException) as again:
        await api.push_message(request, x_line_retry_key=key)
    assert again.value.status == 409
    assert again.value.headers["x-line-accepted-request-id"] == line.last_to(AOI).request_id
    assert len(line.delivered) == 1


async def test_the_sdk_can_read_profile_bot_and_quota(line: LineStandIn, api: Any):
    line.display_names[AOI] = "あおい"
    line.monthly_quota = 200
    assert (await api.get_profile(AOI)).display_name == "あおい"
    assert (await api.get_bot_info()).user_id == line.events.destination
    assert (await api.get_message_quota()).value == 200
    assert (await api.get_message_quota_consumption()).total_usage == 0


async def test_the_sdk_can_show_the_loading_animation(line: LineStandIn, api: Any):
    await api.show_loading_animation(messaging_sdk.ShowLoadingAnimationRequest(chatId=AOI, loadingSeconds=20))
    assert line.loading == [AOI]


# Requests as such


async def test_a_wrong_access_token_is_refused(line: LineStandIn):
    status, _, _ = await call(line, PUSH, {"to": AOI, "messages": [HELLO]}, Authorization="Bearer other")
    assert status == 401
    assert line.delivered == []


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b'{"messages": []', "application/json", 400),
        (b"{}", "text/plain", 400),
        (b" " * (2 * 1024 * 1024 + 1), "application/json", 413),
    ],
    ids=["not JSON", "not declared as JSON", "over 2 MB"],
)
async def test_an_unreadable_body_is_refused(line: LineStandIn, body: bytes, content_type: str, status: int):
    answer = await call(line, PUSH, body, Content_Type=content_type, X_Line_Retry_Key=str(uuid.uuid4()))
    assert answer[0] == status
    assert len(line.violations) == 1


async def test_an_unknown_property_is_refused_in_the_shape_of_lines_errors(line: LineStandIn):
    body = {"to": AOI, "messages": [{**HELLO, "colour": "red"}]}
    status, answer, headers = await call(line, PUSH, body, X_Line_Retry_Key=str(uuid.uuid4()))
    assert status == 400
    assert headers["x-line-request-id"]
    assert answer["message"] == "The request body has 1 error(s)"
    assert [detail["property"] for detail in answer["details"]] == ["messages[0]"]
    assert [(v.request, v.property) for v in line.violations] == [(f"POST {PUSH}", "messages[0]")]


@pytest.mark.parametrize("path", ["/v2/bot/message/shout", "/message/quota", REPLY])
async def test_a_get_that_line_does_not_offer_is_a_violation(line: LineStandIn, path: str):
    assert (await call(line, path))[0] == 404
    assert [v.message for v in line.violations] == ["Not found"]


async def test_a_lenient_stand_in_delivers_what_a_strict_one_refuses():
    async with LineStandIn(strict=False) as line:
        assert await push(line, text="") == 200
        assert line.stats()["delivered"] == 1


# Limits of messages


@pytest.mark.parametrize("count", [0, 6])
def test_a_request_has_one_to_five_messages(count: int):
    assert [p.property for p in body_problems(PUSH, {"to": AOI, "messages": [HELLO] * count})] == ["messages"]
    assert body_problems(PUSH, {"to": AOI, "messages": [HELLO] * 5}) == []


def test_a_recipient_needs_the_shape_of_a_user_id():
    assert [p.property for p in body_problems(PUSH, {"to": "aoi", "messages": [HELLO]})] == ["to"]


def test_the_loading_animation_lasts_a_multiple_of_five_seconds():
    path = "/v2/bot/chat/loading/start"
    assert [p.property for p in body_problems(path, {"chatId": AOI, "loadingSeconds": 12})] == ["loadingSeconds"]
    assert body_problems(path, {"chatId": AOI, "loadingSeconds": 15}) == []


SCHEDULE = {"type": "flex", "contents": flex("今日")}
CARD = {"text": "質問", "actions": [POSTBACK]}


@pytest.mark.parametrize(
    ("right", "wrong", "where"),
    [
        ({**HELLO, "text": "😀" * 2500}, {**HELLO, "text": "😀" * 2500 + "a"}, "text"),
        (HELLO, {**HELLO, "text": ""}, "text"),
        ({**SCHEDULE, "altText": "あ" * 1500}, {**SCHEDULE, "altText": "あ" * 1501}, "altText"),
        (with_quick_replies(*[POSTBACK] * 13), with_quick_replies(*[POSTBACK] * 14), "quickReply.items"),
        (
            with_quick_replies({**POSTBACK, "label": FAMILY * 20}),
            with_quick_replies({**POSTBACK, "label": FAMILY * 21}),
            "quickReply.items[0].action.label",
        ),
        (
            with_quick_replies(POSTBACK),
            with_quick_replies({"type": "message", "text": "はい"}),
            "quickReply.items[0].action.label",
        ),
        (
            with_quick_replies({**POSTBACK, "data": "😀" * 150}),
            with_quick_replies({**POSTBACK, "data": "😀" * 150 + "a"}),
            "quickReply.items[0].action.data",
        ),
        (
            with_quick_replies({**POSTBACK, "displayText": FAMILY * 300}),
            with_quick_replies({**POSTBACK, "displayText": FAMILY * 301}),
            "quickReply.items[0].action.displayText",
        ),
        (
            with_quick_replies({"type": "message", "label": "はい", "text": FAMILY * 300}),
            with_quick_replies({"type": "message", "label": "はい", "text": FAMILY * 301}),
            "quickReply.items[0].action.text",
        ),
        (
            with_quick_replies({"type": "uri", "label": "見る", "uri": "https://example.jp/".ljust(1000, "x")}),
            with_quick_replies({"type": "uri", "label": "見る", "uri": "https://example.jp/".ljust(1001, "x")}),
            "quickReply.items[0].action.uri",
        ),
        (
            with_quick_replies({"type": "uri", "label": "見る", "uri": "tel:0312345678"}),
            with_quick_replies({"type": "uri", "label": "見る", "uri": "javascript:alert(1)"}),
            "quickReply.items[0].action.uri",
        ),
        (
            template(type="buttons", **{**CARD, "text": "あ" * 160}),
            template(type="buttons", **{**CARD, "text": "あ" * 161}),
            "template.text",
        ),
        (
            template(type="buttons", title="朝", **{**CARD, "text": "あ" * 60}),
            template(type="buttons", title="朝", **{**CARD, "text": "あ" * 61}),
            "template.text",
        ),
        (
            template(type="buttons", title="あ" * 40, **CARD),
            template(type="buttons", title="あ" * 41, **CARD),
            "template.title",
        ),
        (
            template(type="buttons", text="質問", actions=[POSTBACK] * 4),
            template(type="buttons", text="質問", actions=[POSTBACK] * 5),
            "template.actions",
        ),
        (
            template(type="confirm", text="あ" * 240, actions=[POSTBACK] * 2),
            template(type="confirm", text="あ" * 241, actions=[POSTBACK] * 2),
            "template.text",
        ),
        (
            template(type="confirm", text="質問", actions=[POSTBACK] * 2),
            template(type="confirm", text="質問", actions=[POSTBACK]),
            "template.actions",
        ),
        (
            template(type="carousel", columns=[CARD] * 10),
            template(type="carousel", columns=[CARD] * 11),
            "template.columns",
        ),
        (
            template(type="carousel", columns=[{**CARD, "text": "あ" * 120}]),
            template(type="carousel", columns=[{**CARD, "text": "あ" * 121}]),
            "template.columns[0].text",
        ),
        (
            template(type="carousel", columns=[{"text": "質問", "actions": [POSTBACK] * 3}]),
            template(type="carousel", columns=[{"text": "質問", "actions": [POSTBACK] * 4}]),
            "template.columns[0].actions",
        ),
        (
            template(type="carousel", columns=[CARD, CARD]),
            template(type="carousel", columns=[CARD, {"text": "質問", "actions": [POSTBACK] * 2}]),
            "template.columns",
        ),
        (
            {"type": "flex", "altText": "本", "contents": flex("あ" * 10_000)},
            {"type": "flex", "altText": "本", "contents": flex("あ" * 10_240)},
            "contents",
        ),
        (
            {"type": "flex", "altText": "本", "contents": {"type": "carousel", "contents": [flex("本")] * 12}},
            {"type": "flex", "altText": "本", "contents": {"type": "carousel", "contents": [flex("本")] * 13}},
            "contents.contents",
        ),
        (
            {"type": "flex", "altText": "本", "contents": {"type": "carousel", "contents": [flex("あ" * 8_000)] * 2}},
            {"type": "flex", "altText": "本", "contents": {"type": "carousel", "contents": [flex("あ" * 9_000)] * 2}},
            "contents",
        ),
        (
            {"type": "flex", "altText": "本", "contents": flex("本")},
            {"type": "flex", "altText": "本", "contents": flex("")},
            "contents.body.contents[0].text",
        ),
        (
            {"type": "image", "originalContentUrl": "https://a.jp/b.png", "previewImageUrl": "https://a.jp/c.png"},
            {"type": "image", "originalContentUrl": "https://a.jp/b.png", "previewImageUrl": "http://a.jp/c.png"},
            "previewImageUrl",
        ),
    ],
)
def test_a_message_may_reach_a_limit_but_not_pass_it(right: dict[str, Any], wrong: dict[str, Any], where: str):
    assert broken(right) == []
    assert set(broken(wrong)) == {f"messages[0].{where}"}


def test_a_picture_needs_original_and_preview():
    assert broken({"type": "image", "originalContentUrl": "https://a.jp/b.png"}) == ["messages[0]"]


def test_limits_name_the_message_that_is_wrong():
    assert [p.property for p in message_problems([HELLO, {**HELLO, "text": ""}])] == ["messages[1].text"]


# Reply tokens


async def reply(line: LineStandIn, token: str, **headers: str) -> tuple[int, str]:
    status, answer, _ = await call(line, REPLY, {"replyToken": token, "messages": [HELLO]}, **headers)
    return status, answer.get("message", "")


async def test_a_reply_token_works_once(line: LineStandIn):
    token = line.events.text(AOI, "やあ")["replyToken"]
    assert (await reply(line, token))[0] == 200
    assert await reply(line, token) == (400, "Invalid reply token")
    assert len(line.delivered) == 1


async def test_a_reply_token_dies_after_a_minute(line: LineStandIn, clock: Clock):
    young, old = (line.events.text(AOI, "やあ")["replyToken"] for _ in range(2))
    clock.seconds += 59
    assert (await reply(line, young))[0] == 200
    clock.seconds += 2
    assert await reply(line, old) == (400, "Invalid reply token")


async def test_an_invented_reply_token_is_refused(line: LineStandIn):
    assert await reply(line, "0" * 68) == (400, "Invalid reply token")


async def test_a_reply_takes_no_retry_key(line: LineStandIn):
    token = line.events.text(AOI, "やあ")["replyToken"]
    assert (await reply(line, token, X_Line_Retry_Key=str(uuid.uuid4())))[0] == 400
    assert len(line.violations) == 1
    assert (await reply(line, token))[0] == 200


# Retry keys


async def test_a_push_without_a_retry_key_is_delivered_but_noted(line: LineStandIn):
    assert (await call(line, PUSH, {"to": AOI, "messages": [HELLO]}))[0] == 200
    assert [v.message for v in line.violations] == ["no X-Line-Retry-Key"]


async def test_a_retry_key_must_be_a_uuid(line: LineStandIn):
    assert await push(line, key="42") == 400
    assert len(line.violations) == 1


async def test_a_retry_key_belongs_to_one_body(line: LineStandIn):
    key = str(uuid.uuid4())
    assert [await push(line, key=key), await push(line, key=key, text="さようなら")] == [200, 400]
    assert line.texts_to(AOI) == ["おはよう"]
    assert len(line.violations) == 1


async def test_a_retry_key_is_forgotten_after_a_day(line: LineStandIn, clock: Clock):
    key = str(uuid.uuid4())
    await push(line, key=key)
    clock.seconds += 24 * 3600 - 1
    assert await push(line, key=key) == 409
    clock.seconds += 1
    assert await push(line, key=key) == 200


# Quota and blocks


async def test_the_quota_counts_recipients_and_not_messages_or_replies(line: LineStandIn):
    await call(line, PUSH, {"to": AOI, "messages": [HELLO] * 3}, X_Line_Retry_Key=str(uuid.uuid4()))
    await call(line, MULTICAST, {"to": [AOI, REN], "messages": [HELLO]}, X_Line_Retry_Key=str(uuid.uuid4()))
    await reply(line, line.events.text(AOI, "やあ")["replyToken"])
    assert (await call(line, "/v2/bot/message/quota/consumption"))[1] == {"totalUsage": 3}
    assert [delivery.via for delivery in line.delivered] == ["push", "multicast", "multicast", "reply"]


async def test_an_exhausted_quota_refuses_pushes_but_not_replies(line: LineStandIn):
    line.monthly_quota = 1
    body = {"to": AOI, "messages": [HELLO]}
    assert await push(line) == 200
    status, answer, _ = await call(line, PUSH, body, X_Line_Retry_Key=str(uuid.uuid4()))
    assert (status, answer) == (429, {"message": "You have reached your monthly limit."})
    assert (await reply(line, line.events.text(AOI, "やあ")["replyToken"]))[0] == 200
    line.quota_used = 0
    assert await push(line) == 200


async def test_a_push_to_someone_who_blocked_the_account_vanishes(line: LineStandIn):
    line.blocked.add(AOI)
    assert await push(line) == 200
    assert (line.delivered, line.quota_used) == ([], 0)
    assert (await call(line, f"/v2/bot/profile/{AOI}"))[0] == 404


# Failures


@pytest.mark.parametrize(
    ("failure", "status"), [(Failure.STATUS_500, 500), (Failure.STATUS_429_RATE, 429), (Failure.STATUS_401, 401)]
)
async def test_a_programmed_status_comes_as_often_as_asked_and_delivers_nothing(
    line: LineStandIn, failure: Failure, status: int
):
    line.fail_next("/push", failure, times=2)
    key = str(uuid.uuid4())
    assert [await push(line, key=key) for _ in range(3)] == [status, status, 200]
    assert len(line.delivered) == 1
    assert line.violations == []


async def test_a_failure_waits_for_its_own_path(line: LineStandIn):
    line.fail_next("/reply", Failure.STATUS_500)
    assert await push(line) == 200
    assert (await reply(line, line.events.text(AOI, "やあ")["replyToken"]))[0] == 500


async def test_a_connection_dropped_before_delivers_on_the_next_try(line: LineStandIn):
    line.fail_next("/push", Failure.DROP_BEFORE)
    key = str(uuid.uuid4())
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await push(line, key=key)
    assert line.delivered == []
    assert await push(line, key=key) == 200


async def test_a_connection_dropped_after_has_delivered_already(line: LineStandIn):
    line.fail_next("/push", Failure.DROP_AFTER)
    key = str(uuid.uuid4())
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await push(line, key=key)
    assert await push(line, key=key) == 409
    assert line.texts_to(AOI) == ["おはよう"]


async def test_a_late_answer_comes_after_the_message(line: LineStandIn):
    line.fail_next("/push", Failure.DELAY(30))
    late = asyncio.create_task(push(line))
    await line.wait_for(AOI, 1)
    assert not late.done()
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late


async def test_failures_combine(line: LineStandIn):
    line.fail_next("/push", Failure.DELAY(0.01) | Failure.DROP_AFTER)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await push(line)
    assert line.texts_to(AOI) == ["おはよう"]


async def test_what_a_person_reads_and_can_tap_is_told(line: LineStandIn):
    confirm = template(type="confirm", text="続けますか?", actions=[POSTBACK] * 2)
    messages = [with_quick_replies(POSTBACK), confirm, SCHEDULE | {"altText": "今日の予定"}]
    await call(line, PUSH, {"to": AOI, "messages": messages}, X_Line_Retry_Key=str(uuid.uuid4()))
    assert line.texts_to(AOI) == ["おはよう", "続けますか?", "今日の予定"]
    assert line.quick_replies_to(AOI) == []  # LINE shows those of the last message only


async def test_waiting_for_a_message_that_never_comes_ends(line: LineStandIn):
    with pytest.raises(TimeoutError, match="1 deliveries wanted"):
        await line.wait_for(AOI, 1, timeout=0.01)


async def test_the_last_delivery_to_nobody_is_an_error(line: LineStandIn):
    with pytest.raises(LookupError):
        line.last_to(AOI)


# Webhooks


async def test_the_sdk_accepts_the_webhook_and_every_event_in_it(line: LineStandIn):
    said = line.events.text(AOI, "やあ")
    events = [
        said,
        line.events.sticker(AOI),
        line.events.postback(AOI, "answer=3"),
        line.events.follow(AOI),
        line.events.unfollow(AOI),
        line.events.unsend(AOI, said["message"]["id"]),
        line.events.unknown(AOI),
    ]
    body, headers = line.webhook(*events)
    parsed = webhook_sdk.WebhookParser(CHANNEL_SECRET).parse(body.decode(), headers["x-line-signature"])
    assert [type(event).__name__ for event in parsed] == [
        *("MessageEvent", "MessageEvent", "PostbackEvent", "FollowEvent", "UnfollowEvent", "UnsendEvent"),
        "UnknownEvent",
    ]
    ids = {event["webhookEventId"] for event in events}
    assert len(ids) == len(events)
    assert {len(event_id) for event_id in ids} == {26}


async def test_the_signature_covers_the_raw_body(line: LineStandIn):
    body, headers = line.webhook()
    expected = hmac.new(CHANNEL_SECRET.encode(), body, hashlib.sha256).digest()
    assert headers["x-line-signature"] == base64.b64encode(expected).decode() == line.sign(body)
    assert line.sign(body + b" ") != line.sign(body)


async def test_a_redelivered_event_differs_only_in_saying_so(line: LineStandIn):
    event = line.events.text(AOI, "やあ")
    again = redelivered(event)
    assert again["deliveryContext"] == {"isRedelivery": True}
    assert event["deliveryContext"] == {"isRedelivery": False}
    assert {**again, "deliveryContext": event["deliveryContext"]} == event


async def test_a_standby_event_has_no_reply_token(line: LineStandIn):
    event = standby(line.events.text(AOI, "やあ"))
    assert (event["mode"], "replyToken" in event) == ("standby", False)


async def test_an_event_may_have_happened_earlier(line: LineStandIn, clock: Clock):
    event = line.events.text(AOI, "やあ", at=clock.seconds - 61)
    assert event["timestamp"] == int((clock.seconds - 61) * 1000)
    assert await reply(line, event["replyToken"]) == (400, "Invalid reply token")


async def test_an_event_line_would_never_send_cannot_be_built(line: LineStandIn):
    with pytest.raises(ValueError, match="no LINE user id"):
        line.events.text("aoi", "やあ")
    with pytest.raises(ValueError, match="not an event LINE sends"):
        line.events.postback(AOI, 3)  # pyright: ignore[reportArgumentType]  the mistake is the test


# On its own


async def test_it_runs_by_itself_prints_its_port_and_counts():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.platforms.line", "--lenient", stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        assert process.stdout
        remote = LineStandIn()  # never started: it makes the events that the other process must honour
        remote.base_url = f"http://127.0.0.1:{int(await process.stdout.readline())}"
        assert (await reply(remote, remote.events.text(AOI, "やあ")["replyToken"]))[0] == 200
        _, stats, _ = await call(remote, "/_stats")
        assert stats["requests"] == {REPLY: 1}
        assert (stats["delivered"], stats["messages"], stats["users"], stats["violations"]) == (1, 1, 1, 0)
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
