"""The Slack stand-in is itself held against Slack's own client, request parser and signature verifier."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.request.payload_utils import (
    is_app_home_opened_event,
    is_block_actions,
    is_im_message_event,
    is_slash_command,
    is_view_submission,
)
from slack_sdk.errors import SlackApiError
from slack_sdk.models import blocks as kit
from slack_sdk.models.metadata import Metadata
from slack_sdk.models.views import View
from slack_sdk.signature import Clock, SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from .slack import BOT_USER, BURST, Failure, SlackEvent, SlackStandIn

Client = Any  # an AsyncWebClient, whose signatures hold bare dicts that strict typing cannot follow

CHILD = "U0CHILD001"
TEACHER = "U0TEACHER1"
META: dict[str, Any] = {"event_type": "ayumi_message", "event_payload": {"key": "m-1"}}


class SettableClock:
    def __init__(self) -> None:
        self.now = 1_790_000_000.0  # Unix seconds

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest_asyncio.fixture
async def slack(clock: SettableClock) -> AsyncIterator[SlackStandIn]:
    async with SlackStandIn(signing_secret="secret", bot_token="xoxb-right", clock=clock) as stand_in:
        stand_in.add_user(CHILD, real_name="山田 さくら")
        stand_in.add_user(TEACHER)
        yield stand_in


@pytest.fixture
def client(slack: SlackStandIn) -> Client:
    return AsyncWebClient("xoxb-right", base_url=slack.base_url, retry_handlers=[], timeout=5)


def buttons(*labels: str) -> list[kit.Block]:
    elements = [kit.ButtonElement(text=label, action_id=f"a{i}", value=f"v{i}") for i, label in enumerate(labels)]
    return [kit.SectionBlock(text="きょうの気もちは?"), kit.ActionsBlock(elements=elements, block_id="mood")]


def section(**text: object) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", **text}}


def modal(**more: object) -> dict[str, Any]:
    written = {"type": "plain_text_input", "action_id": "words"}
    options = [{"text": {"type": "plain_text", "text": word}, "value": word} for word in ("はれ", "あめ")]
    chosen = {"type": "static_select", "action_id": "weather", "options": options}
    fields = [
        {"type": "input", "label": {"type": "plain_text", "text": "ことば"}, "element": element}
        for element in (written, chosen)
    ]
    return {
        "type": "modal",
        "callback_id": "diary",
        "title": {"type": "plain_text", "text": "日記"},
        "submit": {"type": "plain_text", "text": "おくる"},
        "blocks": fields,
        **more,
    }


async def refusal_of(call: Any) -> Any:
    """The SDK's response, once it has raised the SlackApiError that is due."""
    with pytest.raises(SlackApiError) as caught:
        await call
    error: Any = caught.value
    return error.response


async def error_of(call: Any) -> str:
    return (await refusal_of(call))["error"]


# --- posting


async def test_a_message_to_a_person_arrives_in_their_direct_messages(slack: SlackStandIn, client: Client):
    answer = await client.chat_postMessage(
        channel=CHILD, text="おはよう", blocks=buttons("げんき", "ねむい"), metadata=META
    )
    posted = slack.last_to(CHILD)
    assert slack.texts_to(CHILD) == ["おはよう"] and slack.texts_to(TEACHER) == []
    assert (posted.channel, posted.ts) == (answer["channel"], answer["ts"])
    assert [button["text"]["text"] for button in slack.buttons_of(posted)] == ["げんき", "ねむい"]
    assert posted.metadata == META and slack.violations == []


async def test_the_same_person_always_has_the_same_direct_messages(slack: SlackStandIn, client: Client):
    opened = await client.conversations_open(users=CHILD)
    posted = await client.chat_postMessage(channel=opened["channel"]["id"], text="a", metadata=META)
    again = await client.chat_postMessage(channel=CHILD, text="b", metadata=META)
    assert posted["channel"] == again["channel"] and posted["ts"] < again["ts"]
    assert slack.texts_to(CHILD) == ["a", "b"]


async def test_a_form_is_read_as_well_as_json(slack: SlackStandIn):
    form = {
        "channel": CHILD,
        "text": "やあ",
        "blocks": '[{"type":"divider"}]',
        "metadata": '{"event_type":"e","event_payload":{}}',
        "token": "xoxb-right",
    }
    async with aiohttp.ClientSession() as session, session.post(f"{slack.base_url}chat.postMessage", data=form) as got:
        assert (await got.json())["ok"] is True
    assert slack.last_to(CHILD).blocks[0]["type"] == "divider" and slack.violations == []


async def test_a_stranger_or_unknown_channel_is_not_found(slack: SlackStandIn, client: Client):
    for channel in ("U0NOBODY", "C0NOWHERE"):
        assert await error_of(client.chat_postMessage(channel=channel, text="a", metadata=META)) == "channel_not_found"
    slack.add_channel("C0CLASS")
    await client.chat_postMessage(channel="C0CLASS", text="a", metadata=META)
    assert [posted.user for posted in slack.posted] == [None] and slack.violations == []


async def test_the_token_is_asked_for(slack: SlackStandIn):
    for token, error in (("xoxb-wrong", "invalid_auth"), (None, "not_authed")):
        stranger: Client = AsyncWebClient(token, base_url=slack.base_url, retry_handlers=[])
        assert await error_of(stranger.auth_test()) == error
        assert (await stranger.api_test())["ok"] is True
        assert await error_of(stranger.api_test(error="boom")) == "boom"


async def test_auth_test_names_the_bot(client: Client):
    assert (await client.auth_test())["user_id"] == BOT_USER


async def test_an_unknown_argument_and_an_unknown_method_are_violations(slack: SlackStandIn, client: Client):
    assert await error_of(client.chat_postMessage(channel=CHILD, text="a", metadata=META, colour="red")) == (
        "invalid_arguments"
    )
    assert await error_of(client.api_call("chat.shout", json={})) == "unknown_method"
    assert len(slack.violations) == 2 and slack.posted == []


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [({"metadata": META, "blocks": [{"type": "divider"}]}, "fallback"), ({"text": "a"}, "metadata")],
)
async def test_a_post_without_fallback_text_or_metadata_breaks_our_own_rule(
    slack: SlackStandIn, client: Client, arguments: dict[str, Any], fault: str
):
    await client.api_call("chat.postMessage", json={"channel": CHILD, **arguments})
    (violation,) = slack.violations
    assert fault in violation and len(slack.posted) == 1


async def test_long_texts_are_advised_against_and_very_long_ones_refused(slack: SlackStandIn, client: Client):
    await client.chat_postMessage(channel=CHILD, text="あ" * 4_000, metadata=META)
    assert slack.violations == []
    await client.chat_postMessage(channel=CHILD, text="あ" * 4_001, metadata=META)
    assert len(slack.violations) == 1
    assert await error_of(client.chat_postMessage(channel=CHILD, text="あ" * 40_001, metadata=META)) == "msg_too_long"


async def test_metadata_must_have_its_two_fields(client: Client):
    for metadata in ({"event_type": "e"}, {"event_type": "e", "event_payload": "x"}, {**META, "more": 1}):
        refused = client.chat_postMessage(channel=CHILD, text="a", metadata=metadata)
        assert await error_of(refused) == "invalid_metadata_schema"
    await client.chat_postMessage(channel=CHILD, text="a", metadata=Metadata("e", {"key": "k"}))


# --- Block Kit


def button(**more: object) -> dict[str, Any]:
    return {"type": "button", "text": {"type": "plain_text", "text": "はい"}, **more}


def actions(*elements: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements), **more}


def radio(text: str, value: str) -> dict[str, Any]:
    return {"type": "radio_buttons", "options": [{"text": {"type": "plain_text", "text": text}, "value": value}]}


def words(length: int, kind: str = "plain_text") -> dict[str, Any]:
    return {"type": kind, "text": "あ" * length}


LIMITS: dict[str, tuple[Callable[[int], list[dict[str, Any]]], int]] = {
    "blocks": (lambda n: [{"type": "divider"}] * n, 50),
    "section text": (lambda n: [section(text="あ" * n)], 3000),
    "section fields": (lambda n: [{"type": "section", "fields": [words(1)] * n}], 10),
    "header": (lambda n: [{"type": "header", "text": words(n)}], 150),
    "block_id": (lambda n: [{"type": "divider", "block_id": "b" * n}], 255),
    "action_id": (lambda n: [actions(button(action_id="a" * n))], 255),
    "button text": (lambda n: [actions(button(text=words(n)))], 75),
    "button value": (lambda n: [actions(button(value="v" * n))], 2000),
    "option text": (lambda n: [actions(radio("t" * n, "v"))], 75),
    "option value": (lambda n: [actions(radio("t", "v" * n))], 150),
    "actions": (lambda n: [actions(*[button()] * n)], 25),
    "context": (lambda n: [{"type": "context", "elements": [words(1, "mrkdwn")] * n}], 10),
    "all text together": (lambda n: [section(text="あ" * 2500)] * 3 + [section(text="あ" * (n - 7500))], 10_000),
}


@pytest.mark.parametrize("name", LIMITS)
async def test_a_message_at_a_limit_passes_and_one_more_is_refused(slack: SlackStandIn, client: Client, name: str):
    build, limit = LIMITS[name]
    await client.chat_postMessage(channel=CHILD, text="a", blocks=build(limit), metadata=META)
    assert slack.violations == []
    refused = client.chat_postMessage(channel=CHILD, text="a", blocks=build(limit + 1), metadata=META)
    assert await error_of(refused) in ("invalid_blocks", "msg_blocks_too_long")
    assert len(slack.violations) == 1 and len(slack.posted) == 1


@pytest.mark.parametrize(
    "blocks",
    [
        [section(text="")],
        [section(text="a", emoji=True)],
        [{**section(text="a"), "colour": "red"}],
        [{"type": "section"}],
        [{"type": "poem", "text": words(1)}],
        [{"type": "header", "text": words(1, "mrkdwn")}],
        [actions()],
        [actions(button(text=words(1, "mrkdwn")))],
        [actions(button(style="loud"))],
        [actions(button(url="javascript:alert(1)"))],
        [actions({"type": "plain_text_input"})],
        [actions(button(action_id="same"), button(action_id="same"))],
        [actions(button(action_id="same")), {**section(text="a"), "accessory": button(action_id="same")}],
        [{"type": "divider", "block_id": "same"}, {"type": "divider", "block_id": "same"}],
        [actions({"type": "static_select", "placeholder": words(1)})],
        [{"type": "image", "image_url": "https://example.test/a.png"}],
        ["divider"],
    ],
)
async def test_malformed_blocks_are_refused_and_remembered(slack: SlackStandIn, client: Client, blocks: list[Any]):
    refused = client.api_call(
        "chat.postMessage", json={"channel": CHILD, "text": "a", "metadata": META, "blocks": blocks}
    )
    assert await error_of(refused) == "invalid_blocks"
    assert all("json-pointer:/blocks" in violation for violation in slack.violations) and slack.violations


async def test_blocks_that_are_no_list_have_their_own_error(client: Client):
    not_lists: list[Any] = [{"blocks": []}, '"divider"']
    for blocks in not_lists:
        arguments = {"channel": CHILD, "text": "a", "metadata": META, "blocks": blocks}
        assert await error_of(client.api_call("chat.postMessage", json=arguments)) == "invalid_blocks_format"


async def test_what_slacks_own_models_build_is_accepted(slack: SlackStandIn, client: Client):
    option = kit.Option(text="はれ", value="sunny")
    elements: list[Any] = [
        kit.ButtonElement(
            text="はい",
            action_id="b",
            value="1",
            style="primary",
            confirm=kit.ConfirmObject(title="ほんとう?", text="おくります", confirm="はい", deny="いいえ"),
        ),
        kit.StaticSelectElement(placeholder="えらぶ", action_id="s", options=[option], initial_option=option),
        kit.OverflowMenuElement(action_id="o", options=[option]),
        kit.RadioButtonsElement(action_id="r", options=[option]),
        kit.CheckboxesElement(action_id="c", options=[option]),
        kit.DatePickerElement(action_id="d", initial_date="2026-04-01"),
        kit.TimePickerElement(action_id="t", initial_time="07:30"),
    ]
    blocks: list[kit.Block] = [
        kit.HeaderBlock(text="あさの会"),
        kit.SectionBlock(text="*げんき*?", accessory=kit.ImageElement(image_url="https://a.test/i.png", alt_text="花")),
        kit.SectionBlock(fields=["a", "b"]),
        kit.DividerBlock(),
        kit.ContextBlock(elements=[kit.MarkdownTextObject(text="小さく")]),
        kit.ImageBlock(image_url="https://a.test/i.png", alt_text="花", title="花"),
        kit.RichTextBlock(elements=[kit.RichTextSectionElement(elements=[kit.RichTextElementParts.Text(text="a")])]),
        kit.ActionsBlock(elements=elements),
    ]
    await client.chat_postMessage(channel=CHILD, text="a", blocks=blocks, metadata=META)
    assert slack.violations == []
    assert [one["action_id"] for one in slack.buttons_of(slack.last_to(CHILD))] == ["b"]


# --- editing, whispering and looking up


async def test_an_edit_replaces_what_it_names_and_keeps_the_rest(slack: SlackStandIn, client: Client):
    first = await client.chat_postMessage(channel=CHILD, text="a", blocks=buttons("はい"), metadata=META)
    place: dict[str, Any] = {"channel": first["channel"], "ts": first["ts"]}
    await client.chat_update(**place, text="b")
    assert slack.texts_to(CHILD) == ["b"] and len(slack.buttons_of(slack.last_to(CHILD))) == 1
    await client.chat_update(**place, text="c", blocks=[])
    assert slack.buttons_of(slack.last_to(CHILD)) == [] and slack.last_to(CHILD).metadata == META
    assert [edit.text for edit in slack.edits] == ["b", "c"] and slack.violations == []


async def test_only_the_bots_own_messages_can_be_edited(slack: SlackStandIn, client: Client):
    written = slack.events.message_im(CHILD, "はい").body["event"]
    place: dict[str, Any] = {"channel": written["channel"], "text": "x"}
    assert await error_of(client.chat_update(ts=written["ts"], **place)) == "cant_update_message"
    assert await error_of(client.chat_update(ts="1.000001", **place)) == "message_not_found"
    assert await error_of(client.chat_update(channel=CHILD, ts=written["ts"], text="x")) == "channel_not_found"


async def test_an_ephemeral_message_is_in_no_history(slack: SlackStandIn, client: Client):
    slack.add_channel("C0CLASS")
    await client.chat_postEphemeral(channel="C0CLASS", user=CHILD, text="しー")
    assert [whisper.text for whisper in slack.ephemeral] == ["しー"] and slack.posted == []
    assert (await client.conversations_history(channel="C0CLASS"))["messages"] == []


async def test_history_is_newest_first_and_shows_metadata_when_asked(slack: SlackStandIn, client: Client):
    channel = slack.events.message_im(CHILD, "はい").body["event"]["channel"]
    sent = await client.chat_postMessage(channel=CHILD, text="ありがとう", metadata=META)
    full = await client.conversations_history(channel=channel, include_all_metadata=True)
    assert [message["text"] for message in full["messages"]] == ["ありがとう", "はい"]
    assert full["messages"][0]["metadata"] == META
    short = await client.conversations_history(channel=channel, oldest=sent["ts"], inclusive=True)
    assert [message["metadata"] for message in short["messages"]] == [{"event_type": META["event_type"]}]
    assert (await client.conversations_history(channel=channel, oldest=sent["ts"]))["messages"] == []


async def test_history_comes_in_pages(slack: SlackStandIn, client: Client):
    channel = slack.open_im(CHILD)
    for word in "abc":
        await client.chat_postMessage(channel=channel, text=word, metadata=META)
    pages = [page["messages"] async for page in await client.conversations_history(channel=channel, limit=2)]
    assert [[message["text"] for message in page] for page in pages] == [["c", "b"], ["a"]]


async def test_answers_in_a_thread_are_found_with_their_root(client: Client):
    root = await client.chat_postMessage(channel=CHILD, text="a", metadata=META)
    await client.chat_postMessage(channel=CHILD, text="b", metadata=META, thread_ts=root["ts"])
    thread = await client.conversations_replies(channel=root["channel"], ts=root["ts"])
    assert [message["text"] for message in thread["messages"]] == ["a", "b"]
    assert len((await client.conversations_history(channel=root["channel"]))["messages"]) == 1
    assert await error_of(client.conversations_replies(channel=root["channel"], ts="1.1")) == "thread_not_found"


async def test_people_are_known_by_name(client: Client):
    known = await client.users_info(user=CHILD, include_locale=True)
    assert known["user"]["real_name"] == "山田 さくら" and known["user"]["locale"] == "ja-JP"
    assert await error_of(client.users_info(user="U0NOBODY")) == "user_not_found"


# --- views


async def test_a_trigger_opens_one_modal(slack: SlackStandIn, client: Client):
    trigger = slack.events.slash_command(CHILD, "/ayumi").body["trigger_id"]
    await client.views_open(trigger_id=trigger, view=modal())
    assert await error_of(client.views_open(trigger_id=trigger, view=modal())) == "exchanged_trigger_id"
    assert await error_of(client.views_open(trigger_id="1.2.x", view=modal())) == "invalid_trigger_id"
    assert len(slack.opened_views) == 1 and slack.violations == []


async def test_a_trigger_lasts_three_seconds(slack: SlackStandIn, client: Client, clock: SettableClock):
    fresh, old = slack.issue_trigger(CHILD), slack.issue_trigger(CHILD)
    clock.now += 2.9
    await client.views_open(trigger_id=fresh, view=modal())
    clock.now += 0.1
    assert await error_of(client.views_open(trigger_id=old, view=modal())) == "expired_trigger_id"


async def test_a_loading_view_is_updated(slack: SlackStandIn, client: Client):
    loading = View(type="modal", title="日記", blocks=[kit.SectionBlock(text="よみこみ中")])
    opened = (await client.views_open(trigger_id=slack.issue_trigger(CHILD), view=loading))["view"]
    await client.views_update(view_id=opened["id"], hash=opened["hash"], view=modal())
    assert slack.opened_views[0]["blocks"][0]["type"] == "section"
    assert slack.views[opened["id"]]["blocks"][0]["type"] == "input" and len(slack.updated_views) == 1
    again = client.views_update(view_id=opened["id"], hash=opened["hash"], view=modal())
    assert await error_of(again) == "hash_conflict"
    assert await error_of(client.views_update(external_id="none", view=modal())) == "not_found"


async def test_an_external_id_belongs_to_one_view(slack: SlackStandIn, client: Client):
    await client.views_open(trigger_id=slack.issue_trigger(CHILD), view=modal(external_id="diary-1"))
    second = client.views_open(trigger_id=slack.issue_trigger(CHILD), view=modal(external_id="diary-1"))
    assert await error_of(second) == "duplicate_external_id"
    await client.views_update(external_id="diary-1", view=modal(external_id="diary-1"))


VIEW_LIMITS: dict[str, tuple[Callable[[int], dict[str, Any]], int]] = {
    "title": (lambda n: modal(title=words(n)), 24),
    "submit": (lambda n: modal(submit=words(n)), 24),
    "close": (lambda n: modal(close=words(n)), 24),
    "private_metadata": (lambda n: modal(private_metadata="m" * n), 3000),
    "callback_id": (lambda n: modal(callback_id="c" * n), 255),
    "external_id": (lambda n: modal(external_id="e" * n), 255),
    "label": (lambda n: modal(blocks=[{**modal()["blocks"][0], "label": words(n)}]), 2000),
    "blocks": (lambda n: modal(blocks=[{"type": "divider"}] * n), 100),
}


@pytest.mark.parametrize("name", VIEW_LIMITS)
async def test_a_view_at_a_limit_passes_and_one_more_is_refused(slack: SlackStandIn, client: Client, name: str):
    build, limit = VIEW_LIMITS[name]
    await client.views_open(trigger_id=slack.issue_trigger(CHILD), view=build(limit))
    refused = client.views_open(trigger_id=slack.issue_trigger(CHILD), view=build(limit + 1))
    assert await error_of(refused) == "invalid_arguments"
    assert len(slack.violations) == 1 and len(slack.opened_views) == 1


async def test_a_modal_with_an_input_needs_a_submit_button(slack: SlackStandIn, client: Client):
    view = modal()
    del view["submit"]
    assert await error_of(client.views_open(trigger_id=slack.issue_trigger(CHILD), view=view)) == "invalid_arguments"
    assert "submit" in slack.violations[0]


async def test_a_home_is_published_for_a_person(slack: SlackStandIn, client: Client):
    home = View(type="home", blocks=buttons("れんけい"))
    await client.views_publish(user_id=CHILD, view=home)
    assert slack.buttons_of(slack.homes[CHILD])[0]["text"]["text"] == "れんけい"
    assert await error_of(client.views_publish(user_id=CHILD, view=modal())) == "invalid_arguments"
    event = slack.events.app_home_opened(CHILD)
    assert event.body["event"]["view"] == slack.homes[CHILD]


# --- files


async def test_a_picture_is_shared_with_its_alt_text(slack: SlackStandIn, client: Client):
    channel = slack.open_im(CHILD)
    await client.files_upload_v2(
        channel=channel,
        filename="chart.png",
        content=b"png",
        alt_txt="先週のようす",
        title="表",
        initial_comment="みて",
    )
    (shared,) = slack.files
    assert (shared.name, shared.alt_text, shared.content, shared.channel) == (
        "chart.png",
        "先週のようす",
        b"png",
        channel,
    )
    assert slack.violations == []
    await client.files_upload_v2(channel=channel, filename="chart.png", content=b"png")
    assert "alt text" in slack.violations[0]


async def test_an_upload_that_is_completed_too_early_or_twice_is_refused(slack: SlackStandIn, client: Client):
    place = await client.files_getUploadURLExternal(filename="a.png", length=3, alt_txt="表")
    entry: dict[str, str | None] = {"id": place["file_id"], "title": "a"}
    assert (await refusal_of(client.files_completeUploadExternal(files=[entry])))["error"] == "file_not_found"
    async with aiohttp.ClientSession() as http:
        assert [(await http.post(place["upload_url"], data=b"png")).status for _ in range(2)] == [200, 400]
    await client.files_completeUploadExternal(files=[entry])
    assert (await refusal_of(client.files_completeUploadExternal(files=[entry])))["error"] == "file_not_found"
    assert len(slack.files) == 1


async def test_an_upload_of_other_bytes_than_announced_is_refused(slack: SlackStandIn, client: Client):
    place = await client.files_getUploadURLExternal(filename="a.png", length=3, alt_txt="表")
    async with aiohttp.ClientSession() as http, http.post(place["upload_url"], data=b"long") as response:
        assert response.status == 400
    assert "not announced" in slack.violations[0]


async def test_a_file_needs_a_name_an_alternative_text_that_fits_and_a_conversation(
    slack: SlackStandIn, client: Client
):
    for wrong in ({"filename": "a/b.png"}, {"alt_txt": "a" * 1001}, {"length": 0}):
        arguments: dict[str, Any] = {"filename": "a.png", "length": 3, "alt_txt": "表", **wrong}
        assert (await refusal_of(client.files_getUploadURLExternal(**arguments)))["error"] == "invalid_arguments"
    place = await client.files_getUploadURLExternal(filename="a.png", length=3, alt_txt="表")
    async with aiohttp.ClientSession() as http:
        await http.post(place["upload_url"], data=b"png")
    done = client.files_completeUploadExternal(files=[{"id": place["file_id"]}], channel_id=CHILD)  # a person is none
    assert (await refusal_of(done))["error"] == "channel_not_found"


async def test_an_app_without_the_scope_may_send_no_files(slack: SlackStandIn, client: Client):
    slack.scopes -= {"files:write"}
    refused = client.files_getUploadURLExternal(filename="a.png", length=3, alt_txt="表")
    assert (await refusal_of(refused))["error"] == "missing_scope"


# --- failures


def post(client: Client, text: str = "a") -> Any:
    return client.chat_postMessage(channel=CHILD, text=text, metadata=META)


async def test_a_failure_lasts_as_long_as_ordered(slack: SlackStandIn, client: Client):
    slack.fail_next("chat.postMessage", Failure.TOKEN_REVOKED, times=2)
    assert [await error_of(post(client)), await error_of(post(client))] == ["token_revoked"] * 2
    await post(client)
    assert slack.texts_to(CHILD) == ["a"] and len(slack.calls) == 3


async def test_a_server_error_and_a_rate_limit_deliver_nothing(slack: SlackStandIn, client: Client):
    slack.fail_next("chat.postMessage", Failure.STATUS_500)
    slack.fail_next("chat.postMessage", Failure.RATE_LIMITED, retry_after=30)
    assert (await refusal_of(post(client))).status_code == 500
    limited = await refusal_of(post(client))
    assert (limited.status_code, limited["error"], limited.headers["Retry-After"]) == (429, "ratelimited", "30")
    assert slack.posted == []


@pytest.mark.parametrize(("failure", "delivered"), [(Failure.DROP_BEFORE, []), (Failure.DROP_AFTER, ["a"])])
async def test_a_dropped_connection_tells_nothing_but_the_history_does(
    slack: SlackStandIn, client: Client, failure: Failure, delivered: list[str]
):
    slack.fail_next("chat.postMessage", failure)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await post(client)
    history = await client.conversations_history(channel=slack.open_im(CHILD), include_all_metadata=True)
    assert [message["text"] for message in history["messages"]] == delivered == slack.texts_to(CHILD)


async def test_a_delayed_post_arrives_though_the_client_gave_up(slack: SlackStandIn):
    hasty = aiohttp.ClientTimeout(total=0.05)
    slack.fail_next("chat.postMessage", Failure.DELAY, delay=0.2)
    async with aiohttp.ClientSession(timeout=hasty, headers={"Authorization": "Bearer xoxb-right"}) as session:
        with pytest.raises(TimeoutError):
            await session.post(f"{slack.base_url}chat.postMessage", json={"channel": CHILD, "text": "a"})
    assert [posted.text for posted in await slack.wait_for(CHILD, 1)] == ["a"]


async def test_waiting_in_vain_says_what_came_instead(slack: SlackStandIn, client: Client):
    await post(client)
    with pytest.raises(AssertionError, match="not 2 messages"):
        await slack.wait_for(CHILD, 2, timeout=0.01)


def test_a_failure_of_an_unknown_method_is_a_mistake_of_the_test():
    with pytest.raises(ValueError, match=r"chat\.shout"):
        SlackStandIn().fail_next("chat.shout", Failure.STATUS_500)


async def test_a_channel_takes_a_short_burst_and_then_one_message_a_second(
    slack: SlackStandIn, client: Client, clock: SettableClock
):
    slack.rate_limit_per_channel = 1.0
    for _ in range(BURST):
        await post(client)
    assert await error_of(post(client)) == "ratelimited"
    await client.chat_postMessage(channel=TEACHER, text="a", metadata=META)
    clock.now += 1.0
    await post(client)
    assert await error_of(post(client)) == "ratelimited"
    clock.now += 3600.0
    for _ in range(BURST):
        await post(client)
    assert await error_of(post(client)) == "ratelimited"
    assert len(slack.texts_to(CHILD)) == 2 * BURST + 1


# --- events


def all_events(slack: SlackStandIn) -> list[SlackEvent]:
    written = slack.events.message_im(CHILD, "はい & + % 🌸")
    return [
        written,
        slack.events.url_verification(),
        slack.events.app_rate_limited(),
        slack.events.unknown(),
        slack.events.bot_message(CHILD, "a"),
        slack.events.bot_message(CHILD, "a", own=False),
        slack.events.message_changed(written, "いいえ"),
        slack.events.message_deleted(written),
        slack.events.app_home_opened(CHILD),
        slack.events.slash_command(CHILD, "/ayumi", "れんけい 1+1"),
    ]


async def test_every_event_is_signed_and_read_by_bolt_as_it_was_meant(slack: SlackStandIn, clock: SettableClock):
    class Fixed(Clock):
        def now(self) -> float:
            return clock.now

    verifier = SignatureVerifier("secret", Fixed())
    for event in all_events(slack):
        body, headers = slack.request(event)
        assert verifier.is_valid_request(body, headers)
        assert AsyncBoltRequest(body=body.decode(), headers=dict(headers)).body == event.body
        assert not verifier.is_valid_request(body + b" ", headers)
        clock.now += 301
        assert not verifier.is_valid_request(body, headers)


async def test_event_ids_are_unique_and_a_retry_keeps_its_own(slack: SlackStandIn):
    first, second = slack.events.message_im(CHILD, "a"), slack.events.message_im(CHILD, "a")
    assert first.event_id != second.event_id
    again = first.retried(2, "http_error")
    assert again.event_id == first.event_id
    body, headers = slack.request(again)
    assert body == slack.request(first)[0] and "X-Slack-Retry-Num" not in slack.request(first)[1]
    assert (headers["X-Slack-Retry-Num"], headers["X-Slack-Retry-Reason"]) == ("2", "http_error")


async def test_messages_are_what_bolt_calls_messages(slack: SlackStandIn):
    written = slack.events.message_im(CHILD, "a")
    assert is_im_message_event(written.body)
    assert is_app_home_opened_event(slack.events.app_home_opened(CHILD).body, "home")
    changed = slack.events.message_changed(written, "b").body["event"]
    assert (changed["message"]["text"], changed["previous_message"]["text"]) == ("b", "a")
    assert slack.events.message_deleted(written).body["event"]["deleted_ts"] == written.body["event"]["ts"]
    assert slack.events.bot_message(CHILD, "a").body["event"]["user"] == BOT_USER


async def test_an_edited_or_deleted_message_changes_the_history(slack: SlackStandIn, client: Client):
    written = slack.events.message_im(CHILD, "a")
    channel = written.body["event"]["channel"]
    slack.events.message_changed(written, "b")
    assert [m["text"] for m in (await client.conversations_history(channel=channel))["messages"]] == ["b"]
    slack.events.message_deleted(written)
    assert (await client.conversations_history(channel=channel))["messages"] == []


async def test_a_pressed_button_carries_its_value_and_a_trigger(slack: SlackStandIn, client: Client):
    await client.chat_postMessage(channel=CHILD, text="a", blocks=buttons("げんき", "ねむい"), metadata=META)
    posted = slack.last_to(CHILD)
    pressed = slack.events.press(CHILD, posted, slack.buttons_of(posted)[1]).body
    assert is_block_actions(pressed)
    (action,) = pressed["actions"]
    assert (action["action_id"], action["block_id"], action["value"]) == ("a1", "mood", "v1")
    assert pressed["container"]["message_ts"] == pressed["message"]["ts"] == posted.ts
    await client.views_open(trigger_id=pressed["trigger_id"], view=modal())


async def test_a_button_of_the_home_is_pressed_in_its_view(slack: SlackStandIn, client: Client):
    await client.views_publish(user_id=CHILD, view=View(type="home", blocks=buttons("れんけい")))
    home = slack.homes[CHILD]
    pressed = slack.events.press(CHILD, home, slack.buttons_of(home)[0]).body
    assert pressed["container"] == {"type": "view", "view_id": home["id"]} and "message" not in pressed


async def test_a_sent_form_holds_what_was_typed_and_chosen(slack: SlackStandIn, client: Client):
    view = (await client.views_open(trigger_id=slack.issue_trigger(CHILD), view=modal()))["view"]
    sent = slack.events.view_submission(CHILD, view, {"words": "たのしかった", "weather": "はれ"}).body
    assert is_view_submission(sent) and sent["view"]["callback_id"] == "diary"
    written, chosen = (next(iter(field.values())) for field in sent["view"]["state"]["values"].values())
    assert written == {"type": "plain_text_input", "value": "たのしかった"}
    assert chosen["selected_option"]["value"] == "はれ"
    with pytest.raises(KeyError):
        slack.events.view_submission(CHILD, view, {"nothing": "a"})


async def test_a_command_comes_as_a_form(slack: SlackStandIn):
    event = slack.events.slash_command(CHILD, "/ayumi", "だれが見るの?")
    assert is_slash_command(event.body)
    assert slack.request(event)[1]["Content-Type"] == "application/x-www-form-urlencoded"
