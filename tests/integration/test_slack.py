"""A day over Slack, and everything that can go wrong between Slack and us (platforms.md, "Ten failures to survive")."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import func, select, update
from starlette.applications import Starlette

from assistant.bootstrap import HANDLERS, Core, build_core, build_services
from assistant.channels.console import ConsoleChannel
from assistant.channels.files import Files
from assistant.channels.port import Letter
from assistant.channels.slack.channel import SlackChannel
from assistant.channels.slack.convert import to_slack
from assistant.channels.slack.routes import slack_routes
from assistant.channels.slack.webhook import raw_event, to_incoming
from assistant.dialogue.turn import Handler, Turn
from assistant.handlers.home import on_home
from assistant.inbox import InboxEvent, RawEvent
from assistant.messages import Choice, Outgoing, Tone, Words
from knowledge.db import Database
from knowledge.errors import StorageDownError
from knowledge.records.alerts import Alert
from knowledge.records.checkins import CheckInRecord, Note, Status, find_checkins
from knowledge.records.linking import create_code
from scheduler.delivery import Fail, Later, Sent
from scheduler.outbox import Outbox
from tests import worlds
from tests.platforms.slack import BURST, TEAM, Failure, SlackEvent, SlackStandIn
from tests.running import served

HANA, OGAWA, ITO = "U0HANA", "U0OGAWA", "U0ITO"
SECRET, TOKEN = "slack-secret", "xoxb-token"


class SlackWorld:
    """Children with Slack on their tablets, and everything behind the webhook."""

    def __init__(
        self, slack: SlackStandIn, core: Core, clock: worlds.HandClock, http: aiohttp.ClientSession, url: str
    ) -> None:
        self.slack, self.core, self.clock, self.http, self.url = slack, core, clock, http, f"{url}/slack/events"
        self.answer = ""  # the body of the last answer to Slack

    async def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Post to the webhook; the status of the answer."""
        async with self.http.post(self.url, data=body, headers=headers) as response:
            self.answer = await response.text()
            return response.status

    async def send(self, event: SlackEvent) -> int:
        return await self.post(*self.slack.request(event))

    async def happens(self, event: SlackEvent) -> None:
        """Slack tells it, it is handled, and a second goes by."""
        assert await self.send(event) == 200
        await self.core.drain()
        self.clock.forward(seconds=1)

    async def say(self, user: str, text: str) -> list[str]:
        """Someone writes; the texts of the answer."""
        before = len(self.slack.texts_to(user))
        await self.happens(self.slack.events.message_im(user, text))
        return self.slack.texts_to(user)[before:]

    def labels(self, user: str) -> list[str]:
        """The buttons under the last message."""
        return [button["text"]["text"] for button in self.slack.buttons_of(self.slack.last_to(user))]

    def press(self, user: str, label: str, shown: Any = None) -> SlackEvent:
        shown = shown or self.slack.last_to(user)
        (button,) = [each for each in self.slack.buttons_of(shown) if each["text"]["text"] == label]
        return self.slack.events.press(user, shown, button)

    async def tap(self, user: str, label: str) -> list[str]:
        """Someone presses a button under the last message; the texts of the answer."""
        before = len(self.slack.texts_to(user))
        await self.happens(self.press(user, label))
        return self.slack.texts_to(user)[before:]

    async def code(self, person_id: str) -> str:
        async with self.core.database.write() as connection:
            return await create_code(
                connection,
                person_id,
                at=self.clock.now(),
                expires_at=self.clock.now() + timedelta(hours=1),
                secret=self.core.services.secret,
            )

    async def link(self, user: str, person_id: str) -> list[str]:
        return await self.say(user, await self.code(person_id))

    async def open_form(self, user: str) -> dict[str, Any]:
        """Press まとめて書く; the view that is there in the end."""
        assert await self.send(self.press(user, "まとめて書く")) == 200
        await self.forms_are_open()
        self.clock.forward(seconds=1)
        return self.slack.updated_views[-1]

    async def forms_are_open(self) -> None:
        """Wait for what goes on behind the answer to the button."""
        await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == "slack form"))

    async def count(self, table: type[Any], **where: str) -> int:
        """How many rows a table has."""
        async with self.core.database.read() as connection:
            return await connection.scalar(select(func.count()).select_from(table).filter_by(**where)) or 0

    async def checkin(self) -> CheckInRecord:
        async with self.core.database.read() as connection:
            (record,) = await find_checkins(connection, ["s-hana"], [worlds.MORNING.date()])
        return record


@asynccontextmanager
async def slack_world(
    database: Database, folder: Path, *, handlers: Sequence[Handler] = (), console: list[Outgoing] | None = None
) -> AsyncGenerator[SlackWorld]:
    """Slack's stand-in, the webhook on a port, the roster imported. What we sent to Slack kept every rule."""
    clock = worlds.HandClock()
    await worlds.with_roster(database, folder)
    async with (
        SlackStandIn(signing_secret=SECRET, bot_token=TOKEN, clock=clock.seconds) as slack,
        aiohttp.ClientSession() as http,
    ):
        settings = worlds.settings_of(
            folder, "", slack_signing_secret=SECRET, slack_bot_token=TOKEN, slack_api_base_url=slack.base_url
        )
        services = build_services(settings, database)
        channel = SlackChannel(TOKEN, slack.base_url, worlds.files_of(database, clock))
        others = {} if console is None else {"console": ConsoleChannel(lambda message, _: console.append(message))}
        core = build_core(services, {"slack": channel, **others}, clock.now, handlers=(*handlers, on_home, *HANDLERS))
        app = Starlette(routes=slack_routes(settings, core.inbox, services, clock.now))
        try:
            async with served(app) as url:
                yield SlackWorld(slack, core, clock, http, url)
        finally:
            await channel.close()
        assert slack.violations == []


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[SlackWorld]:
    async with slack_world(database, tmp_path / "data") as world:
        yield world


@pytest.fixture
async def linked(world: SlackWorld) -> SlackWorld:
    await world.link(HANA, "s-hana")
    return world


# --- a day


async def test_someone_not_linked_is_told_how_and_a_code_links(world: SlackWorld) -> None:
    assert "連携コード" in (await world.say(HANA, "こんにちは"))[0]
    assert "花さん" in (await world.link(HANA, "s-hana"))[0]


async def test_a_whole_morning_by_buttons_and_words(linked: SlackWorld) -> None:
    await linked.say(HANA, "おはよう")
    await linked.tap(HANA, "☀️晴れ")
    await linked.say(HANA, "分数のわり算を三問とく")
    await linked.tap(HANA, "時間を決めて取り組む")
    closing = await linked.tap(HANA, "4 できそう")
    assert "「分数のわり算を三問とく」" in closing[0]
    assert linked.labels(HANA) == ["相談したい"]  # quiet, and asks nothing
    record = await linked.checkin()
    assert (record.mood, record.goal, record.confidence) == ("sunny", "分数のわり算を三問とく", 4)
    assert record.status is Status.FINISHED


async def test_every_question_offers_the_ways_out_and_the_form(linked: SlackWorld) -> None:
    await linked.say(HANA, "チェックイン")
    assert linked.labels(HANA)[-4:] == ["まとめて書く", "とばす", "あとで", "今日は答えない"]
    assert linked.slack.last_to(HANA).blocks[1]["elements"][0]["text"] == "👀 読む人：先生とおうちの人"


async def test_what_a_child_typed_is_kept_as_typed(linked: SlackWorld) -> None:
    await linked.say(HANA, "チェックイン")
    await linked.tap(HANA, "とばす")
    await linked.say(HANA, "5 &lt; 7\0 &amp; <https://example.jp/a|example.jp/a> を読む")
    assert (await linked.checkin()).goal == "5 < 7 & example.jp/a を読む"


async def test_a_command_is_a_message(linked: SlackWorld) -> None:
    await linked.happens(linked.slack.events.slash_command(HANA, "/ayumi", "メモ 分数がわかった"))
    assert linked.answer == ""
    assert linked.slack.texts_to(HANA)[-1] == "メモに残したよ。ふり返りのときに見せるね。"
    await linked.happens(linked.slack.events.slash_command(HANA, "/ayumi"))
    assert "使い方" in linked.labels(HANA)


async def test_a_message_that_was_taken_back_is_gone_everywhere(linked: SlackWorld) -> None:
    event = linked.slack.events.message_im(HANA, "メモ ひみつのこと")
    await linked.happens(event)
    assert await linked.count(Note) == 1
    await linked.happens(linked.slack.events.message_deleted(event))
    assert await linked.count(Note) == 0
    async with linked.core.database.read() as connection:
        bodies = [str(body) for body in await connection.scalars(select(InboxEvent.body))]
    assert not [body for body in bodies if "ひみつ" in body]


async def test_distress_in_a_caption_is_heard_too(linked: SlackWorld) -> None:
    event = linked.slack.events.message_im(HANA, "もう死にたい")
    event.body["event"] |= {"subtype": "file_share", "files": [{"id": "F1"}]}
    await linked.happens(event)
    assert await linked.count(Alert) == 1


async def test_a_picture_without_words_is_answered(linked: SlackWorld) -> None:
    event = linked.slack.events.message_im(HANA, "")
    event.body["event"] |= {"subtype": "file_share", "files": [{"id": "F1"}]}
    await linked.happens(event)
    assert "写真はまだ読めない" in linked.slack.texts_to(HANA)[-1]


# --- the form


async def test_the_form_asks_everything_at_once_and_is_kept(linked: SlackWorld) -> None:
    await linked.say(HANA, "チェックイン")
    view = await linked.open_form(HANA)
    assert view["title"]["text"] == "朝のめあて"
    assert [block["block_id"] for block in view["blocks"]] == ["mood", "goal", "plan", "confidence", "support"]
    assert all(block["optional"] for block in view["blocks"])
    answers = {"mood": "rainy", "goal": "漢字を十こ書く", "plan": "ゆっくり書く", "confidence": "4"}
    sent = linked.slack.events.view_submission(HANA, view, answers)
    await linked.happens(sent)
    assert linked.answer == '{"response_action": "clear"}'
    record = await linked.checkin()
    assert (record.mood, record.goal, record.plan, record.confidence) == ("rainy", "漢字を十こ書く", "ゆっくり書く", 4)
    assert record.status is Status.FINISHED
    assert await linked.count(Outbox) == len(linked.slack.texts_to(HANA))


async def test_a_form_that_is_sent_half_empty_leaves_the_rest_to_be_asked(linked: SlackWorld) -> None:
    await linked.say(HANA, "チェックイン")
    view = await linked.open_form(HANA)
    await linked.happens(linked.slack.events.view_submission(HANA, view, {"goal": "漢字を書く"}))
    assert "心の天気" in linked.slack.texts_to(HANA)[-1]


async def test_the_form_knows_what_was_answered_already(linked: SlackWorld) -> None:
    await linked.say(HANA, "チェックイン")
    await linked.tap(HANA, "☔雨")
    await linked.say(HANA, "漢字を書く")
    view = await linked.open_form(HANA)
    mood, goal = view["blocks"][:2]
    assert mood["element"]["initial_option"]["value"] == "rainy"
    assert goal["element"]["initial_value"] == "漢字を書く"


async def test_the_form_of_the_evening_speaks_of_the_goal_of_the_morning(linked: SlackWorld) -> None:
    await linked.say(HANA, "めあて")
    await linked.tap(HANA, "とばす")
    await linked.say(HANA, "漢字を書く")
    linked.clock.forward(hours=8)
    await linked.say(HANA, "ふりかえり")
    view = await linked.open_form(HANA)
    assert view["blocks"][0]["label"]["text"] == "今朝のめあては「漢字を書く」。どうだった？"


async def test_a_form_without_a_goal_does_not_ask_about_it(linked: SlackWorld) -> None:
    linked.clock.forward(hours=8)
    await linked.say(HANA, "ふりかえり")
    view = await linked.open_form(HANA)
    assert [block["block_id"] for block in view["blocks"]] == ["wentWell", "difficult", "nextStep", "mood"]


async def test_the_button_of_yesterday_opens_no_questions(linked: SlackWorld) -> None:
    await linked.say(HANA, "チェックイン")
    linked.clock.forward(days=1)
    view = await linked.open_form(HANA)
    assert "終わった日" in view["blocks"][0]["text"]["text"]
    assert view["submit"] is None


async def test_a_form_that_slack_does_not_open_harms_nothing(linked: SlackWorld) -> None:
    await linked.say(HANA, "チェックイン")
    linked.slack.fail_next("views.open", Failure.STATUS_500)
    assert await linked.send(linked.press(HANA, "まとめて書く")) == 200
    await linked.forms_are_open()
    assert linked.slack.opened_views == []
    assert "めあて" in (await linked.tap(HANA, "☀️晴れ"))[0]


# --- the home page


async def test_the_home_page_shows_where_today_stands(linked: SlackWorld) -> None:
    await linked.say(HANA, "チェックイン")
    await linked.happens(linked.slack.events.app_home_opened(HANA))
    home = linked.slack.homes[HANA]
    assert home["blocks"][0]["text"]["text"] == "今日のあゆみ"
    assert home["blocks"][1]["text"]["text"] == "朝のめあて：とちゅう\nふり返り：まだ"
    before = len(linked.slack.texts_to(HANA))
    assert [button["text"]["text"] for button in linked.slack.buttons_of(home)] == ["めあて", "ふりかえり", "使い方"]
    await linked.happens(linked.press(HANA, "使い方", home))
    assert "できることだよ" in linked.slack.texts_to(HANA)[before]


async def test_the_home_page_of_a_teacher_offers_questions(world: SlackWorld) -> None:
    await world.link(ITO, "t-ito")
    await world.happens(world.slack.events.app_home_opened(ITO))
    home = world.slack.homes[ITO]
    before = len(world.slack.texts_to(ITO))
    await world.happens(world.press(ITO, "今日まだの子は？", home))
    assert len(world.slack.texts_to(ITO)) == before + 1
    assert "花" in world.slack.texts_to(ITO)[-1]


async def test_the_home_page_of_someone_not_linked_says_how_to_link(world: SlackWorld) -> None:
    await world.happens(world.slack.events.app_home_opened(HANA))
    assert "連携コード" in world.slack.homes[HANA]["blocks"][1]["text"]["text"]
    assert world.slack.texts_to(HANA) == []


async def test_the_messages_tab_publishes_nothing(linked: SlackWorld) -> None:
    await linked.happens(linked.slack.events.app_home_opened(HANA, tab="messages"))
    assert linked.slack.homes == {}


# --- what is no good


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "application/json"),
        (b"", "application/x-www-form-urlencoded"),
        (b"not json", "application/json"),
        (b"{not json", ""),
        (b"[]", "application/json"),
        (b'"text"', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, "application/json"),
        (b"\xff\xfe\x00", "application/json"),
        (b"\xff=\xfe", "application/x-www-form-urlencoded"),
        (b"no field", "application/x-www-form-urlencoded"),
        (b"payload=", "application/x-www-form-urlencoded"),
        (b"payload=%7Bnot", "application/x-www-form-urlencoded"),
        (b"payload=%5B%5D", "application/x-www-form-urlencoded"),
        (b"text=%FF", "application/x-www-form-urlencoded"),
    ],
)
async def test_an_unreadable_body_is_refused(world: SlackWorld, body: bytes, content_type: str) -> None:
    headers = signed(world, body) | {"Content-Type": content_type}
    assert await world.post(body, headers) == 400
    assert await world.count(InboxEvent) == 0


async def test_a_request_that_is_not_signed_right_is_refused(world: SlackWorld) -> None:
    body, headers = world.slack.request(world.slack.events.message_im(HANA, "こんにちは"))
    stamp = headers["X-Slack-Request-Timestamp"]
    for wrong in (
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": "v0=é"},
        {"X-Slack-Request-Timestamp": str(int(stamp) - 1)},
        {"X-Slack-Request-Timestamp": "now"},
        {"X-Slack-Request-Timestamp": "nan"},
    ):
        assert await world.post(body, {**headers, **wrong}) == 401
    for missing in ("X-Slack-Signature", "X-Slack-Request-Timestamp"):
        assert await world.post(body, {name: value for name, value in headers.items() if name != missing}) == 401
    assert await world.post(body + b" ", headers) == 401
    world.clock.forward(seconds=301)
    assert await world.post(body, headers) == 401
    assert await world.count(InboxEvent) == 0


async def test_a_body_over_a_megabyte_is_refused(world: SlackWorld) -> None:
    body = b'{"type": "' + b"x" * 1_000_000 + b'"}'
    assert await world.post(body, signed(world, body)) == 413
    assert await world.count(InboxEvent) == 0


async def test_the_address_is_verified(world: SlackWorld) -> None:
    assert await world.send(world.slack.events.url_verification("abc")) == 200
    assert world.answer == '{"challenge":"abc"}'
    assert await world.count(InboxEvent) == 0


async def test_what_is_signed_but_not_for_us_is_stored_and_not_answered(linked: SlackWorld) -> None:
    events = linked.slack.events
    message = events.message_im(HANA, "メモ ひとつ")
    before = await linked.count(Outbox)
    odd: list[Any] = [
        [],
        "x",
        None,
        {},
        {"type": []},
        {"type": "message", "channel_type": "im", "user": ["U"], "ts": 1},
    ]
    unheard = [
        events.unknown(),
        events.app_rate_limited(),
        events.bot_message(HANA, "やあ"),
        events.bot_message(HANA, "やあ", own=False),
        *(SlackEvent(body={**message.body, "event": event, "event_id": f"Ev{n}"}) for n, event in enumerate(odd)),
        SlackEvent(body={"type": "event_callback", "event_id": "x" * 9999, "team": [], "authorizations": 3}),
        SlackEvent(body={"type": "event_callback", "event_id": 5, "event_time": 1e30, "event": {"type": "message"}}),
        SlackEvent(body={"type": "block_actions", "user": "U", "actions": {}}),
        SlackEvent(body={"type": "block_actions", "user": {"id": HANA}, "team": [], "actions": [{"value": 5}]}),
        SlackEvent(body={"type": "view_submission", "user": {"id": 7}, "view": {"state": []}}),
        SlackEvent(body={"type": "view_submission", "user": [], "view": []}),
        SlackEvent(body={"command": "/ayumi", "user_id": None}),
        SlackEvent(body={"type": "url_verification"}),
        SlackEvent(body={}),
        replace(message, body={"ssl_check": "1", "token": "t"}, form=type(message.form).FIELDS),
    ]
    stored = await linked.count(InboxEvent)
    for event in unheard:
        assert await linked.send(event) == 200, event
    await linked.core.drain()
    assert await linked.count(InboxEvent) == stored + len(unheard)
    assert await linked.count(InboxEvent, state="new") == 0
    assert await linked.count(Outbox) == before
    async with linked.core.database.read() as connection:
        bodies = [str(body) for body in await connection.scalars(select(InboxEvent.body))]
    assert not [body for body in bodies if "やあ" in body]


async def test_a_known_event_with_odd_surroundings_is_answered_all_the_same(linked: SlackWorld) -> None:
    event = linked.slack.events.message_im(HANA, "メモ ひとつ")
    event.body.update({"team_id": 5, "authorizations": "x", "enterprise": [], "is_enterprise_install": {}})
    await linked.happens(event)
    assert linked.slack.texts_to(HANA)[-1] == "メモに残したよ。ふり返りのときに見せるね。"


async def test_a_press_whose_value_nobody_knows_is_not_answered(linked: SlackWorld) -> None:
    await linked.say(HANA, "チェックイン")
    before = linked.slack.texts_to(HANA)
    event = linked.press(HANA, "とばす")
    event.body["actions"][0]["value"] = "c/evening/2026-13-01/mood/!skip"
    await linked.happens(event)
    assert linked.slack.texts_to(HANA) == before


async def test_failure_3_while_nothing_can_be_stored_slack_is_told_to_come_again(
    linked: SlackWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = linked.slack.events.message_im(HANA, "メモ ひとつ")

    async def down(_: Sequence[RawEvent]) -> None:
        raise StorageDownError("down")

    with monkeypatch.context() as broken:
        broken.setattr(linked.core.inbox, "receive", down)
        started = time.monotonic()
        for each in (event, linked.slack.events.unknown(), linked.slack.events.slash_command(HANA, "/ayumi", "a")):
            assert await linked.send(each) == 503
        assert time.monotonic() - started < 2
    await linked.happens(event.retried())
    assert linked.slack.texts_to(HANA)[-1] == "メモに残したよ。ふり返りのときに見せるね。"


# --- what comes twice, late, or not at all


async def test_failure_1_the_same_event_five_times_at_once_is_one_turn_and_one_answer(linked: SlackWorld) -> None:
    before = len(linked.slack.texts_to(HANA))
    event = linked.slack.events.message_im(HANA, "チェックイン")
    assert await asyncio.gather(*(linked.send(event.retried(number)) for number in range(5))) == [200] * 5
    await linked.core.drain()
    assert len(linked.slack.texts_to(HANA)) == before + 1


async def test_one_message_in_two_events_counts_once(linked: SlackWorld) -> None:
    before = len(linked.slack.texts_to(HANA))
    event = linked.slack.events.message_im(HANA, "チェックイン")
    await linked.happens(event)
    await linked.happens(SlackEvent(body={**event.body, "event_id": "Ev-another"}))
    assert len(linked.slack.texts_to(HANA)) == before + 1


async def test_a_press_or_a_form_that_comes_twice_counts_once(linked: SlackWorld) -> None:
    await linked.say(HANA, "チェックイン")
    press = linked.press(HANA, "☀️晴れ")
    await linked.happens(press)
    stored, texts = await linked.count(InboxEvent), linked.slack.texts_to(HANA)
    await linked.happens(press)
    form = linked.slack.events.view_submission(HANA, await linked.open_form(HANA), {"goal": "漢字を書く"})
    await linked.happens(form)
    await linked.happens(form)
    assert await linked.count(InboxEvent) == stored + 2  # the button of the form, and the form
    assert len(linked.slack.texts_to(HANA)) == len(texts) + 1


async def test_failure_6_a_post_that_was_taken_but_not_confirmed_is_one_message(linked: SlackWorld) -> None:
    before = len(linked.slack.texts_to(HANA))
    linked.slack.fail_next("chat.postMessage", Failure.DROP_AFTER)
    await linked.happens(linked.slack.events.message_im(HANA, "チェックイン"))
    linked.clock.forward(seconds=5)
    await linked.core.drain()
    assert len(linked.slack.texts_to(HANA)) == before + 1
    assert await linked.count(Outbox, state="sent") == await linked.count(Outbox)


@pytest.mark.parametrize("failure", [Failure.DROP_BEFORE, Failure.STATUS_500])
async def test_a_post_that_did_not_arrive_is_sent_again(linked: SlackWorld, failure: Failure) -> None:
    before = len(linked.slack.texts_to(HANA))
    linked.slack.fail_next("chat.postMessage", failure)
    await linked.happens(linked.slack.events.message_im(HANA, "チェックイン"))
    assert len(linked.slack.texts_to(HANA)) == before
    linked.clock.forward(seconds=5)
    await linked.core.drain()
    assert len(linked.slack.texts_to(HANA)) == before + 1


async def test_while_nobody_knows_whether_a_post_arrived_it_is_not_sent_again(linked: SlackWorld) -> None:
    linked.slack.fail_next("chat.postMessage", Failure.DROP_AFTER)
    await linked.happens(linked.slack.events.message_im(HANA, "チェックイン"))
    texts = linked.slack.texts_to(HANA)
    linked.slack.fail_next("conversations.history", Failure.STATUS_500)
    linked.clock.forward(seconds=5)
    await linked.core.drain()
    linked.clock.forward(seconds=60)
    await linked.core.drain()
    assert linked.slack.texts_to(HANA) == texts
    assert await linked.count(Outbox, state="sent") == await linked.count(Outbox)


async def test_a_post_that_arrived_before_its_process_was_killed_is_not_posted_again(linked: SlackWorld) -> None:
    await linked.happens(linked.slack.events.message_im(HANA, "チェックイン"))
    texts = linked.slack.texts_to(HANA)
    async with linked.core.database.write() as connection:  # as it stood when the process was killed
        last = select(func.max(Outbox.id)).scalar_subquery()
        await connection.execute(update(Outbox).where(Outbox.id == last).values(state="sending", done_at=None))
    linked.clock.forward(minutes=5)
    await linked.core.recover(None)
    await linked.core.drain()
    assert linked.slack.texts_to(HANA) == texts
    assert await linked.count(Outbox, state="sent") == await linked.count(Outbox)


async def test_what_another_process_may_be_posting_is_not_posted_even_in_the_middle() -> None:
    async with alone() as (slack, channel):
        said = [Outgoing(text=Words.of("あ" * 3000)) for _ in range(60)]
        posts = len(to_slack(said, None))
        assert posts > 1
        left = iter([True, *[False] * posts])
        result = await channel.deliver(replace(letter(*said), may_begin=lambda: next(left)))
        assert isinstance(result, Later)
        assert len(slack.texts_to(HANA)) == 1
        assert isinstance(await channel.deliver(letter(*said, attempts=2)), Sent)  # the other process
        assert len(slack.texts_to(HANA)) == posts


async def test_a_rate_limit_is_waited_for_as_long_as_slack_says(linked: SlackWorld) -> None:
    before = len(linked.slack.texts_to(HANA))
    linked.slack.fail_next("chat.postMessage", Failure.RATE_LIMITED, retry_after=30)
    await linked.happens(linked.slack.events.message_im(HANA, "チェックイン"))
    posts = len(linked.slack.calls)
    linked.clock.forward(seconds=20)
    await linked.core.drain()
    assert len(linked.slack.calls) == posts
    linked.clock.forward(seconds=15)
    await linked.core.drain()
    assert len(linked.slack.texts_to(HANA)) == before + 1


async def test_many_answers_at_once_arrive_one_by_one(linked: SlackWorld) -> None:
    before = len(linked.slack.texts_to(HANA))
    linked.slack.rate_limit_per_channel = 1.0
    for number in range(BURST + 3):
        assert await linked.send(linked.slack.events.message_im(HANA, f"メモ その{number}")) == 200
    await linked.core.drain()
    assert len(linked.slack.texts_to(HANA)) < before + BURST + 3
    for _ in range(10):
        linked.clock.forward(seconds=1)
        await linked.core.drain()
    assert len(linked.slack.texts_to(HANA)) == before + BURST + 3


async def test_a_revoked_token_holds_and_tells_the_principal_elsewhere(database: Database, tmp_path: Path) -> None:
    console: list[Outgoing] = []
    async with slack_world(database, tmp_path / "data", console=console) as world:
        await world.link(HANA, "s-hana")
        code = RawEvent(
            event_id="console:1",
            channel="console",
            account_id="console:ogawa",
            occurred_at=world.clock.now(),
            body={"text": await world.code("p-ogawa")},
        )
        await world.core.inbox.receive([code])
        await world.core.drain()
        console.clear()
        world.slack.fail_next("chat.postMessage", Failure.TOKEN_REVOKED)
        await world.happens(world.slack.events.message_im(HANA, "メモ 分数がわかった"))
        calls = len(world.slack.calls)
        world.clock.forward(hours=1)
        await world.core.drain()
        assert len(world.slack.calls) == calls
        assert await world.count(Outbox, state="held", account_id=f"slack:{HANA}") == 1
        (told,) = console
        assert "Slack" in str(told.text)
        assert "トークン" in str(told.text)


async def test_failure_9_a_handler_that_breaks_stops_nobody_else(database: Database, tmp_path: Path) -> None:
    async def breaks(turn: Turn) -> bool:
        if turn.incoming.text == "こわれる":
            raise RuntimeError
        return False

    async with slack_world(database, tmp_path / "data", handlers=[breaks]) as world:
        assert await world.send(world.slack.events.message_im(OGAWA, "こわれる")) == 200
        assert "連携コード" in (await world.say(HANA, "こんにちは"))[0]
        assert "うまく" in world.slack.texts_to(OGAWA)[-1]


async def test_failure_10_a_slow_answer_does_not_delay_the_webhook(database: Database, tmp_path: Path) -> None:
    go_on = asyncio.Event()

    async def slow(turn: Turn) -> bool:
        if turn.incoming.text == "ゆっくり":
            await go_on.wait()
        return False

    async with slack_world(database, tmp_path / "data", handlers=[slow]) as world:
        world.core.turns.start()
        world.core.delivery.start()
        try:
            assert await world.send(world.slack.events.message_im(OGAWA, "ゆっくり")) == 200
            assert await world.send(world.slack.events.message_im(HANA, "こんにちは")) == 200
            await world.slack.wait_for(HANA)
            assert world.slack.texts_to(OGAWA) == []
            go_on.set()
            await world.slack.wait_for(OGAWA)
        finally:
            go_on.set()
            await world.core.turns.stop()
            await world.core.delivery.stop()


# --- what is posted


@asynccontextmanager
async def alone() -> AsyncGenerator[tuple[SlackStandIn, SlackChannel]]:
    """The channel and Slack, nothing else."""
    async with SlackStandIn(bot_token=TOKEN) as slack:
        slack.add_user(HANA)
        channel = SlackChannel(TOKEN, slack.base_url, no_files())
        yield slack, channel
        await channel.close()
        assert slack.violations == []


def no_files() -> Files:
    """Where no message has a file, no database is opened."""
    return worlds.files_of(Database("sqlite:///never-opened.db"), worlds.HandClock())


def letter(*messages: Outgoing, attempts: int = 1, to: str = HANA, grade: str | None = None) -> Letter:
    return Letter(account_id=f"slack:{to}", messages=messages, grade=grade, key="key-1", attempts=attempts)


def buttons(number: int, tone: Tone = Tone.ANSWER) -> tuple[Choice, ...]:
    return tuple(Choice(label=Words.of(f"答え{n}"), value=f"v{n}", tone=tone) for n in range(number))


async def test_several_messages_are_one_post() -> None:
    async with alone() as (slack, channel):
        said = [Outgoing(text=Words.of("一つ")), Outgoing(text=Words.of("二つ"), choices=buttons(2))]
        assert isinstance(await channel.deliver(letter(*said)), Sent)
        assert slack.texts_to(HANA) == ["一つ\n\n二つ"]
        assert slack.last_to(HANA).metadata == {"event_type": "ayumi", "event_payload": {"key": "key-1"}}


async def test_wording_is_fitted_to_the_grade_and_own_words_are_not() -> None:
    async with alone() as (slack, channel):
        text = Words.join([Words.of("振り返り"), Words.own("振り返り")], "、")
        await channel.deliver(letter(Outgoing(text=text), grade="P1"))
        assert slack.texts_to(HANA) == ["ふりかえり、振り返り"]


async def test_what_means_something_to_slack_is_only_text() -> None:
    async with alone() as (slack, channel):
        await channel.deliver(letter(Outgoing(text=Words.own("<!channel> *a* & <@U1>"))))
        assert slack.last_to(HANA).blocks[0]["text"]["text"] == "<!channel> *a* & <@U1>"
        assert slack.texts_to(HANA) == ["&lt;!channel&gt; *a* &amp; &lt;@U1&gt;"]


async def test_twenty_five_choices_are_buttons_and_one_more_is_a_numbered_list() -> None:
    async with alone() as (slack, channel):
        await channel.deliver(letter(Outgoing(text=Words.of("どれ？"), choices=buttons(25))))
        assert len(slack.buttons_of(slack.last_to(HANA))) == 25
        await channel.deliver(letter(Outgoing(text=Words.of("どれ？"), choices=buttons(26))))
        assert slack.buttons_of(slack.last_to(HANA)) == []
        assert slack.texts_to(HANA)[-1].endswith("\n26. 答え25")


async def test_ways_out_stand_apart() -> None:
    choices = (*buttons(1), *buttons(1, Tone.CONTROL))
    (post,) = to_slack([Outgoing(text=Words.of("どうする？"), choices=choices)], None)
    blocks: list[dict[str, Any]] = [block.to_dict() for block in post.blocks]
    assert [len(row["elements"]) for row in blocks[1:]] == [1, 1]


async def test_the_form_is_offered_in_the_language_of_the_message() -> None:
    skip = Choice(label=Words.of("Skip"), value="c/anticipation/2026-05-11/mood/!skip", tone=Tone.CONTROL)
    (post,) = to_slack([Outgoing(text=Words.of("How are you?"), choices=(skip,))], "P4")
    blocks: list[dict[str, Any]] = [block.to_dict() for block in post.blocks]
    form = blocks[1]["elements"][0]
    assert form["text"]["text"] == "All in one form"
    assert form["value"] == "c/anticipation/2026-05-11//form"


async def test_nothing_of_a_very_long_text_is_lost_and_no_part_comes_twice() -> None:
    async with alone() as (slack, channel):
        text = "\n".join(f"{n}行目の文です" for n in range(2500))
        slack.fail_next("chat.postMessage", Failure.DROP_AFTER)
        assert isinstance(await channel.deliver(letter(Outgoing(text=Words.of(text)))), Later)
        assert isinstance(await channel.deliver(letter(Outgoing(text=Words.of(text)), attempts=2)), Sent)
        sections = [block["text"]["text"] for posted in slack.posts_to(HANA) for block in posted.blocks]
        assert "\n".join(sections) == text
        assert len(slack.posts_to(HANA)) > 1


async def test_someone_slack_does_not_know_is_given_up() -> None:
    async with alone() as (_, channel):
        assert await channel.deliver(letter(Outgoing(text=Words.of("a")), to="U0NOBODY")) == Fail(
            problem="channel_not_found"
        )


async def test_nobody_at_the_other_end_means_later() -> None:
    channel = SlackChannel(TOKEN, "http://127.0.0.1:9/api/", no_files())
    assert isinstance(await channel.deliver(letter(Outgoing(text=Words.of("a")))), Later)
    await channel.close()


def test_reading_a_stored_event_never_raises() -> None:
    now = worlds.MORNING
    bodies: list[dict[str, Any]] = [
        {},
        {"message": 3},
        {"event": []},
        {"type": "block_actions", "actions": 5},
        {"view": {"state": 1}},
    ]
    for body in bodies:
        assert to_incoming(body, "slack:1", f"slack:{HANA}", now).text == ""
    payload = {"type": "event_callback", "team_id": TEAM, "event": {"type": "message", "ts": "9" * 40}}
    assert raw_event(payload, now).occurred_at == now


def signed(world: SlackWorld, body: bytes) -> dict[str, str]:
    """Headers of a right signature for any bytes."""

    class Raw(SlackEvent):
        def encode(self) -> bytes:
            return body

    _, headers = world.slack.request(Raw(body={}))
    return headers
