"""What people send as files: both stand-ins tell of them and give their content as the platforms do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from linebot.v3 import messaging, webhook  # pyright: ignore[reportMissingTypeStubs]  it ships none
from slack_bolt.request.payload_utils import is_im_message_event

from tests.platforms.line import ACCESS_TOKEN, CHANNEL_SECRET, Failure, LineStandIn, user_id
from tests.platforms.slack import SlackEvent, SlackStandIn

messaging_sdk: Any = messaging
webhook_sdk: Any = webhook
AOI, TEACHER = user_id("aoi"), "U0TEACHER1"
CONTENT = "学校のきまり".encode()


@pytest.fixture
async def line() -> AsyncIterator[LineStandIn]:
    async with LineStandIn() as stand_in:
        yield stand_in


@pytest.fixture
async def slack() -> AsyncIterator[SlackStandIn]:
    async with SlackStandIn(bot_token="xoxb-right") as stand_in:
        yield stand_in


async def get(address: str, token: str) -> tuple[int, str, bytes]:
    """Status, media type and body of the answer."""
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession() as session, session.get(address, headers=headers) as answer:
        return answer.status, answer.content_type, await answer.read()


def content_of(line: LineStandIn, message_id: str) -> str:
    return f"{line.base_url}/v2/bot/message/{message_id}/content"


async def test_lines_own_clients_read_the_event_and_fetch_the_content(line: LineStandIn) -> None:
    body, headers = line.webhook(line.send_file(AOI, "きまり.pdf", CONTENT))
    (event,) = webhook_sdk.WebhookParser(CHANNEL_SECRET).parse(body.decode(), headers["x-line-signature"])
    assert (event.message.type, event.message.file_name, event.message.file_size) == (
        "file",
        "きまり.pdf",
        len(CONTENT),
    )
    configuration = messaging_sdk.Configuration(host=line.base_url, access_token=ACCESS_TOKEN)
    async with messaging_sdk.AsyncApiClient(configuration) as client:
        api = messaging_sdk.AsyncMessagingApiBlob(client)
        assert bytes(await api.get_message_content(event.message.id)) == CONTENT


async def test_line_gives_content_to_the_right_token_alone(line: LineStandIn) -> None:
    message_id = line.send_file(AOI, "きまり.pdf", CONTENT)["message"]["id"]
    assert (await get(content_of(line, message_id), "wrong"))[0] == 401
    assert await get(content_of(line, message_id), ACCESS_TOKEN) == (200, "application/octet-stream", CONTENT)


async def test_line_keeps_content_for_a_while_and_may_not_have_it_yet(line: LineStandIn) -> None:
    message_id = line.send_file(AOI, "きまり.pdf", CONTENT)["message"]["id"]
    line.preparing.add(message_id)
    assert (await get(content_of(line, message_id), ACCESS_TOKEN))[0] == 202
    line.preparing.clear()
    del line.contents[message_id]
    assert (await get(content_of(line, message_id), ACCESS_TOKEN))[0] == 404
    assert (await get(content_of(line, "1"), ACCESS_TOKEN))[0] == 404
    assert line.violations == []


async def test_fetching_from_line_fails_as_told(line: LineStandIn) -> None:
    message_id = line.send_file(AOI, "きまり.pdf", CONTENT)["message"]["id"]
    line.fail_next("/content", Failure.STATUS_500)
    assert (await get(content_of(line, message_id), ACCESS_TOKEN))[0] == 500
    assert (await get(content_of(line, message_id), ACCESS_TOKEN))[0] == 200


def file_of(event: SlackEvent) -> dict[str, Any]:
    (file,) = event.body["event"]["files"]
    return file


async def test_slack_tells_of_a_file_in_a_message_and_gives_it_to_the_bot(slack: SlackStandIn) -> None:
    event = slack.events.file_share(TEACHER, ("きまり.pdf", CONTENT), text="読んでください")
    assert is_im_message_event(event.body)
    assert (event.body["event"]["subtype"], event.body["event"]["text"]) == ("file_share", "読んでください")
    assert (file_of(event)["name"], file_of(event)["size"]) == ("きまり.pdf", len(CONTENT))
    status, _, content = await get(file_of(event)["url_private_download"], "xoxb-right")
    assert (status, content) == (200, CONTENT)


async def test_slack_shows_a_page_to_sign_in_to_who_may_not_read(slack: SlackStandIn) -> None:
    address = file_of(slack.events.file_share(TEACHER, ("きまり.pdf", CONTENT)))["url_private_download"]
    assert (await get(address, "xoxb-wrong"))[:2] == (200, "text/html")
    slack.scopes -= {"files:read"}
    assert (await get(address, "xoxb-right"))[:2] == (200, "text/html")
    assert "url_private_download" not in file_of(slack.events.file_share(TEACHER, ("きまり.pdf", CONTENT)))


async def test_slack_forgets_a_deleted_file(slack: SlackStandIn) -> None:
    address = file_of(slack.events.file_share(TEACHER, ("きまり.pdf", CONTENT)))["url_private_download"]
    slack.sent.clear()
    assert (await get(address, "xoxb-right"))[0] == 404
