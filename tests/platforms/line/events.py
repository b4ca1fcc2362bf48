"""Webhook bodies as LINE sends them.

A reply token carries its own user, time of issue and proof, so that a stand-in running in another process
honours tokens made here as long as both know the channel secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from tests.platforms.line.schema import problems

Event = dict[str, Any]

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MAC_HEX = 16  # digits of the proof at the end of a reply token


def user_id(name: str) -> str:
    """The LINE user id, of the right shape and always the same, that stands for a name in a test."""
    return "U" + hashlib.sha256(name.encode()).hexdigest()[:32]


def redelivered(event: Event) -> Event:
    """The same event as LINE sends it again: same id, same reply token."""
    return {**event, "deliveryContext": {"isRedelivery": True}}


def standby(event: Event) -> Event:
    """The same event for a channel that must stay silent; LINE then gives no reply token."""
    return {key: value for key, value in event.items() if key != "replyToken"} | {"mode": "standby"}


class LineEvents:
    """Builds, bundles and signs events of one channel. `now` gives the time in seconds since the epoch."""

    def __init__(self, *, channel_secret: str, now: Callable[[], float] = time.time) -> None:
        self._secret = channel_secret.encode()
        self._now = now
        self._message_ids = itertools.count(int(now() * 1000) * 10**5)
        self.destination = user_id(channel_secret)  # the bot's own user id

    def text(self, user: str, text: str, *, at: float | None = None) -> Event:
        """Someone writes; `at` (seconds since the epoch) when it was not now."""
        message = {"type": "text", "id": self._message_id(), "quoteToken": secrets.token_urlsafe(16), "text": text}
        return self._event(user, at, "message", message=message)

    def sticker(self, user: str, *, at: float | None = None) -> Event:
        """Someone sends a sticker."""
        message = {
            "type": "sticker",
            "id": self._message_id(),
            "quoteToken": secrets.token_urlsafe(16),
            "packageId": "446",
            "stickerId": "1988",
            "stickerResourceType": "STATIC",
        }
        return self._event(user, at, "message", message=message)

    def file(self, user: str, name: str, size: int, *, at: float | None = None) -> Event:
        """Someone sends a file of so many bytes (`LineStandIn.send_file` also keeps its content)."""
        message = {"type": "file", "id": self._message_id(), "fileName": name, "fileSize": size}
        return self._event(user, at, "message", message=message)

    def postback(self, user: str, data: str, *, at: float | None = None) -> Event:
        """Someone taps an answer that carries data."""
        return self._event(user, at, "postback", postback={"data": data})

    def follow(self, user: str, *, unblocked: bool = False, at: float | None = None) -> Event:
        """Someone adds the account as a friend, or takes a block back."""
        return self._event(user, at, "follow", follow={"isUnblocked": unblocked})

    def unfollow(self, user: str, *, at: float | None = None) -> Event:
        """Someone blocks the account (a test that wants pushes swallowed adds them to `LineStandIn.blocked`)."""
        return self._event(user, at, "unfollow", replies=False)

    def unsend(self, user: str, message_id: str, *, at: float | None = None) -> Event:
        """Someone takes back a message, named by `event["message"]["id"]`."""
        return self._event(user, at, "unsend", replies=False, unsend={"messageId": message_id})

    def unknown(self, user: str, *, at: float | None = None) -> Event:
        """An event of a type that LINE may invent one day; the only one no schema knows."""
        return self._unchecked(user, at, "futureThing", True, {"futureThing": {"shape": "new"}})

    def webhook(self, *events: Event) -> tuple[bytes, dict[str, str]]:
        """Body and headers of one delivery; no events is what LINE sends to verify an address."""
        body = orjson.dumps({"destination": self.destination, "events": events})
        headers = {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "LineBotWebhook/2.0",
            "x-line-signature": self.sign(body),
        }
        return body, headers

    def sign(self, body: bytes) -> str:
        """The value of x-line-signature that belongs to the raw body."""
        return base64.b64encode(hmac.digest(self._secret, body, "sha256")).decode()

    def issue_token(self, user: str, at: float) -> str:
        """A new reply token for the user, issued at that second since the epoch."""
        claim = f"{user[1:]}{int(at * 1000):012x}{secrets.token_hex(4)}"
        return claim + self._proof(claim)

    def read_token(self, token: str) -> tuple[str, float] | None:
        """The user and the time of issue (seconds since the epoch) in a token; None if it was not issued here."""
        claim, proof = token[:-MAC_HEX], token[-MAC_HEX:]
        if not hmac.compare_digest(self._proof(claim).encode(), proof.encode()):
            return None
        return f"U{claim[:32]}", int(claim[32:44], 16) / 1000

    def _proof(self, claim: str) -> str:
        return hmac.digest(self._secret, claim.encode(), "sha256").hex()[:MAC_HEX]

    def _message_id(self) -> str:
        return str(next(self._message_ids))

    def _event(self, user: str, at: float | None, kind: str, *, replies: bool = True, **content: object) -> Event:
        """Raises ValueError when LINE could not have sent such an event."""
        event = self._unchecked(user, at, kind, replies, content)
        wrong = problems("webhook", "Event", event)
        if wrong:
            raise ValueError(f"not an event LINE sends: {wrong}")
        return event

    def _unchecked(self, user: str, at: float | None, kind: str, replies: bool, content: Mapping[str, object]) -> Event:
        if len(user) != 33 or not user.startswith("U"):
            raise ValueError(f"{user!r} is no LINE user id; user_id(name) makes one")
        moment = self._now() if at is None else at
        return {
            "type": kind,
            **content,
            "webhookEventId": _ulid(moment),
            "deliveryContext": {"isRedelivery": False},
            "timestamp": int(moment * 1000),
            "source": {"type": "user", "userId": user},
            **({"replyToken": self.issue_token(user, moment)} if replies else {}),
            "mode": "active",
        }


def _ulid(at: float) -> str:
    """26 characters: 48 bits of milliseconds, then 80 random bits (github.com/ulid/spec)."""
    number = (int(at * 1000) << 80) | secrets.randbits(80)
    return "".join(CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))
