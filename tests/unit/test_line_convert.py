"""What we build for LINE, and what we read of it, held against line-bot-sdk."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linebot.v3 import WebhookParser
from linebot.v3.messaging import ReplyMessageRequest
from linebot.v3.webhooks import MessageEvent, PostbackEvent, TextMessageContent

from assistant.channels.line.convert import DISPLAY_TEXT, LABEL, MESSAGES, QUICK_REPLIES, TEXT, to_line
from assistant.channels.line.webhook import is_signed, raw_events, to_incoming
from assistant.channels.wording import GRAPHEME, utf16
from assistant.messages import Choice, Kind, Outgoing, Span, Words
from tests.platforms.line.events import LineEvents, user_id

NOW = datetime(2026, 5, 11, tzinfo=UTC)
SECRET = "secret"


@st.composite
def words(draw: st.DrawFn) -> Words:
    return Words((Span(text=draw(st.text(min_size=1, max_size=400)), own=draw(st.booleans())),))


@st.composite
def spoken(draw: st.DrawFn) -> Outgoing:
    labels = draw(st.lists(words(), max_size=20))
    choices = [Choice(label=label, value=f"v{number}") for number, label in enumerate(labels)]
    return Outgoing(text=draw(words()), choices=tuple(choices))


messages = st.lists(spoken(), min_size=1, max_size=8)


@given(messages, st.sampled_from([None, "P1", "P4", "J1"]))
def test_every_message_keeps_within_lines_limits(said: list[Outgoing], grade: str | None) -> None:
    objects = to_line(said, grade)
    assert 1 <= len(objects) <= MESSAGES
    for each in objects:
        assert 1 <= utf16(each["text"]) <= TEXT
        items = each.get("quickReply", {"items": []})["items"]
        assert len(items) <= QUICK_REPLIES
        for item in items:
            assert 1 <= len(GRAPHEME.findall(item["action"]["label"])) <= LABEL
            assert len(GRAPHEME.findall(item["action"]["displayText"])) <= DISPLAY_TEXT


def test_the_sdk_accepts_what_we_build() -> None:
    said = [Outgoing(text=Words.of("今日のめあては？"), choices=(Choice(label=Words.of("はじめる"), value="!start"),))]
    body = {"replyToken": "token", "messages": to_line(said, "P4")}
    request = ReplyMessageRequest.from_dict(body)
    assert request is not None
    built = cast("list[dict[str, Any]]", request.to_dict()["messages"])
    assert built == body["messages"]


def test_more_choices_than_quick_replies_become_a_numbered_list() -> None:
    options = tuple(Choice(label=Words.of(f"えらぶ{n}"), value=str(n)) for n in range(14))
    (only,) = to_line([Outgoing(text=Words.of("どれ？"), choices=options)], None)
    assert "14. えらぶ13" in only["text"]
    assert "quickReply" not in only


def test_a_childs_own_words_are_not_altered_and_ours_are() -> None:
    text = Words((*Words.of("努力の目標は").spans, *Words.own("努力").spans))
    (only,) = to_line([Outgoing(text=text)], "P2")
    assert only["text"] == "どりょくのもくひょうは努力"


def test_we_read_what_the_sdk_reads() -> None:
    events = LineEvents(channel_secret=SECRET)
    hana = user_id("hana")
    body, headers = events.webhook(events.text(hana, "おはよう"), events.postback(hana, "c/x"), events.follow(hana))
    parsed = cast("list[Any]", WebhookParser(SECRET).parse(body.decode(), headers["x-line-signature"]))
    raw = raw_events(body, NOW)
    assert [each.event_id for each in raw] == [f"line:{each.webhook_event_id}" for each in parsed]
    assert [each.occurred_at.timestamp() for each in raw] == [each.timestamp / 1000 for each in parsed]
    read = [to_incoming(r.body, r.event_id, r.account_id or "", r.occurred_at) for r in raw]
    assert [each.kind for each in read] == [Kind.TEXT, Kind.CHOICE, Kind.FOLLOW]
    text, postback = parsed[0], parsed[1]
    assert isinstance(text, MessageEvent)
    assert isinstance(text.message, TextMessageContent)
    assert isinstance(postback, PostbackEvent)
    assert (read[0].text, read[1].choice) == (text.message.text, postback.postback.data)


@pytest.mark.parametrize("signature", [None, "", "x", "日本", "a" * 44])
def test_a_wrong_signature_is_never_accepted(signature: str | None) -> None:
    assert not is_signed(b"{}", signature, SECRET)


@pytest.mark.parametrize("kind", [None, 1, {}, [], {"a": 1}, "holiday"])
def test_an_event_of_no_known_type_is_kept_and_not_for_us(kind: object) -> None:
    (event,) = raw_events(orjson.dumps({"events": [{"type": kind}]}), NOW)
    assert not event.is_for_us


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_event_can_be_read_without_raising(event: object) -> None:
    body = orjson.dumps({"events": [event, {"type": "message", "message": event, "source": event, "timestamp": event}]})
    for raw in raw_events(body, NOW):
        assert to_incoming(raw.body, raw.event_id, raw.account_id or "line:x", raw.occurred_at).kind in Kind
