"""The App Home: where today stands, and what can be done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slack_sdk.models.blocks import HeaderBlock
from slack_sdk.models.views import View

from assistant.channels.slack.convert import blocks_of, plain
from assistant.channels.wording import kana
from assistant.messages import Outgoing, Words

TITLE = 150  # characters of a header


def home_view(home: Mapping[str, Any]) -> View:
    """The view of what ``assistant.handlers.home`` put together."""
    title = kana(Words.from_json(home["title"]), home["grade"])
    page = Outgoing.from_json(home["page"])
    return View(type="home", blocks=[HeaderBlock(text=plain(title, TITLE)), *blocks_of(page, home["grade"])])
