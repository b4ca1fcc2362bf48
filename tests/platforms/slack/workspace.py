"""What a Slack workspace remembers: people, conversations, messages, views, triggers and files."""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import cast

from .block_kit import elements_of
from .schema import Json

TEAM = "T0AYUMI01"
APP = "A0AYUMI01"
BOT = "B0AYUMI01"
BOT_USER = "U0AYUMIBOT"
# What the app of docs/howto/set-up-slack.md is given.
SCOPES = frozenset({"chat:write", "im:history", "im:write", "commands", "files:write", "files:read"})
TRIGGER_LIFETIME = 3.0  # seconds; docs.slack.dev/interactivity/handling-user-interaction
BURST = 3  # messages a channel takes at once before its rate is held against it


class Refusal(Exception):
    """Slack answers `{"ok": false, "error": …}`."""

    def __init__(self, error: str, *messages: str) -> None:
        super().__init__(error)
        self.error = error  # Slack's word for it
        self.messages = messages  # what exactly is wrong; each of them is the caller's own fault


@dataclass(frozen=True, kw_only=True)
class Posted:
    """A message of the bot, as it stands now."""

    channel: str  # conversation id, D… for a direct message
    user: str | None  # whose direct messages these are; None in a channel
    ts: str  # Slack's id of the message within the conversation
    text: str  # the fallback text
    blocks: list[Json]
    metadata: Json | None  # event_type and event_payload
    thread_ts: str | None = None  # the message this one answers


@dataclass(frozen=True, kw_only=True)
class SharedFile:
    """A file whose upload was completed."""

    id: str
    name: str
    alt_text: str
    content: bytes
    title: str
    channel: str | None  # None while it is private to the bot
    comment: str  # the text sent with it, empty without


@dataclass(kw_only=True)
class Upload:
    """A file between files.getUploadURLExternal and files.completeUploadExternal."""

    name: str
    length: int  # bytes announced
    alt_text: str
    content: bytes | None = None  # None until uploaded


@dataclass(kw_only=True)
class Trigger:
    """The right to open one modal for one person."""

    user: str
    issued_at: float  # Unix seconds
    exchanged: bool = False


@dataclass(kw_only=True)
class Workspace:
    """One team with one app installed. Times come from `clock` only."""

    clock: Callable[[], float] = time.time  # Unix seconds
    scopes: frozenset[str] = SCOPES  # what the app was given when it was installed
    rate_limit_per_channel: float | None = None  # messages per second after a burst of BURST; None: no limit
    posted: list[Posted] = field(default_factory=list[Posted])  # in order of posting, edits applied
    edits: list[Posted] = field(default_factory=list[Posted])  # every version chat.update made
    ephemeral: list[Posted] = field(default_factory=list[Posted])
    homes: dict[str, Json] = field(default_factory=dict[str, Json])  # user → published view
    opened_views: list[Json] = field(default_factory=list[Json])  # as they were when opened
    updated_views: list[Json] = field(default_factory=list[Json])
    views: dict[str, Json] = field(default_factory=dict[str, Json])  # view id → as it stands now
    files: list[SharedFile] = field(default_factory=list[SharedFile])
    sent: dict[str, bytes] = field(default_factory=dict[str, bytes])  # file id → content of what people sent
    origin: str = ""  # where files of people are fetched from
    uploads: dict[str, Upload] = field(default_factory=dict[str, Upload])
    violations: list[str] = field(default_factory=list[str])  # what a well-behaved client would not have sent
    users: dict[str, Json] = field(default_factory=dict[str, Json])
    channels: dict[str, str | None] = field(default_factory=dict[str, str | None])  # id → owner of a direct message
    messages: dict[str, list[Json]] = field(default_factory=dict[str, list[Json]])  # channel → history, oldest first
    triggers: dict[str, Trigger] = field(default_factory=dict[str, Trigger])
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _last_ts: int = 0  # microseconds
    _allowance: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])

    def number(self) -> int:
        """A number never given before."""
        return next(self._numbers)

    def next_ts(self) -> str:
        """The time as a message id: never twice the same, always rising."""
        self._last_ts = max(int(self.clock() * 1_000_000), self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    # --- people and conversations

    def add_user(
        self,
        user: str,
        *,
        real_name: str = "",
        locale: str = "ja-JP",
        timezone: str = "Asia/Tokyo",
    ) -> None:
        """Makes a person known; without it, or an event from them, Slack has never heard of the id."""
        name = real_name or user
        self.users[user] = {
            "id": user,
            "team_id": TEAM,
            "name": user.lower(),
            "deleted": False,
            "real_name": name,
            "tz": timezone,
            "locale": locale,
            "is_bot": False,
            "profile": {"real_name": name, "display_name": name, "team": TEAM},
        }

    def add_channel(self, channel: str) -> None:
        """Makes a channel known, with the bot in it."""
        self.channels[channel] = None

    def open_im(self, user: str) -> str:
        """The id of the direct messages with a known person; the same at every call."""
        channel = f"D{user[1:]}"
        self.channels[channel] = user
        return channel

    def conversation(self, channel: str, *, users_too: bool = False) -> str:
        """The conversation an id stands for; raises Refusal for one nobody knows."""
        if channel in self.channels:
            return channel
        if users_too and channel in self.users:
            return self.open_im(channel)
        raise Refusal("channel_not_found")

    def wait_before_posting(self, channel: str) -> int:
        """Whole seconds until the channel takes another message, 0 for now (a token bucket); counts the message."""
        rate = self.rate_limit_per_channel
        if rate is None:
            return 0
        now = self.clock()
        tokens, since = self._allowance.get(channel, (float(BURST), now))
        tokens = min(float(BURST), tokens + (now - since) * rate)
        allowed = tokens >= 1
        self._allowance[channel] = (tokens - 1 if allowed else tokens, now)
        return 0 if allowed else max(1, math.ceil((1 - tokens) / rate))

    # --- messages

    def say(self, user: str, channel: str, text: str, **more: object) -> Json:
        """Puts a person's or a bot's message into the history and hands it back."""
        message: Json = {
            "type": "message",
            "user": user,
            "text": text,
            "ts": self.next_ts(),
            "team": TEAM,
            **more,
        }
        self.messages.setdefault(channel, []).append(message)
        return message

    def post(self, posted: Posted) -> Json:
        """Puts a message of the bot into the history and among the posted."""
        message = self.say(
            BOT_USER,
            posted.channel,
            posted.text,
            bot_id=BOT,
            app_id=APP,
            blocks=posted.blocks,
        )
        if posted.metadata is not None:
            message["metadata"] = posted.metadata
        if posted.thread_ts is not None:
            message["thread_ts"] = posted.thread_ts
        self.posted.append(replace(posted, ts=message["ts"]))
        return message

    def with_ids(self, blocks: list[Json]) -> list[Json]:
        """A copy of valid blocks with the ids Slack gives to those that have none."""
        blocks = copy.deepcopy(blocks)
        for entry in blocks:
            entry.setdefault("block_id", f"block{self.number()}")
            for one in elements_of(entry):
                one.setdefault("action_id", f"action{self.number()}")
        return blocks

    # --- modals

    def issue_trigger(self, user: str) -> str:
        """A fresh trigger_id, as an interaction of this person carries it."""
        trigger = f"{self.number()}.{TEAM[1:]}.{self.number():08x}"
        self.triggers[trigger] = Trigger(user=user, issued_at=self.clock())
        return trigger

    def exchange_trigger(self, trigger: str) -> str:
        """Whose trigger it is, once; raises Refusal for an unknown, spent or old one."""
        known = self.triggers.get(trigger)
        if known is None:
            raise Refusal("invalid_trigger_id")
        if known.exchanged:
            raise Refusal("exchanged_trigger_id")
        if self.clock() - known.issued_at >= TRIGGER_LIFETIME:
            raise Refusal("expired_trigger_id")
        known.exchanged = True
        return known.user

    def new_view(self, view: Json, **fixed: object) -> Json:
        """A valid view as Slack keeps it, with the fields Slack adds."""
        view_id = f"V{self.number():08d}"
        return {
            "id": view_id,
            "team_id": TEAM,
            "app_id": APP,
            "bot_id": BOT,
            "root_view_id": view_id,
            "previous_view_id": None,
            "title": None,
            "submit": None,
            "close": None,
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            "state": {"values": {}},
            **view,
            "blocks": self.with_ids(cast("list[Json]", view["blocks"])),
            "hash": f"{int(self.clock())}.{self.number():08x}",
            **fixed,
        }
