"""What LINE sends: verified as bytes, read event by event, stored as it came."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from assistant.channels.guard import BadBodyError, as_object, event_hash
from assistant.inbox import RawEvent
from assistant.messages import Incoming, Kind, ReplyToken, SentFile

ID = re.compile(r"[\w-]{1,100}")  # an id of LINE's; anything else is not used as one
HANDLED = ("message", "postback", "follow", "unfollow", "unsend")  # no set: a type may be anything, also a list


def is_signed(body: bytes, signature: str | None, channel_secret: str) -> bool:
    """Whether the body is LINE's: Base64(HMAC-SHA256(channel secret, raw body)). A missing signature is not."""
    if not signature:
        return False
    expected = base64.b64encode(hmac.new(channel_secret.encode(), body, hashlib.sha256).digest())
    return hmac.compare_digest(expected, signature.encode("utf-8", "replace"))


def raw_events(body: bytes, received_at: datetime) -> list[RawEvent]:
    """The events of one webhook; none in ``events: []``. Raises ``BadBodyError`` for what is no webhook at all; an
    event that nobody knows is kept, to be stored and counted."""
    events = as_object(body).get("events")
    if not isinstance(events, list):
        raise BadBodyError("no list of events")
    return [_raw(event, received_at) for event in events if isinstance(event, dict)]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] -- JSON


def to_incoming(body: Mapping[str, Any], event_id: str, account_id: str, occurred_at: datetime) -> Incoming:
    """A stored event as the conversation sees it."""
    kind, text, choice, refers_to, files = Kind.OTHER, "", None, None, ()
    match body:
        case {"type": "message", "message": {"type": "text", "text": str(text)}}:
            kind = Kind.TEXT
        case {"type": "message", "message": {"type": "sticker", "text": str(text)}}:
            pass  # words that the person wrote onto it
        case {"type": "message", "message": {"type": "file", "id": str(message_id), "fileName": str(name), **message}}:
            size = message.get("fileSize")
            files = (SentFile(name=name, size=size if isinstance(size, int) else None, reference=message_id),)
        case {"type": "postback", "postback": {"data": str(choice)}}:
            kind = Kind.CHOICE
        case {"type": "follow"}:
            kind = Kind.FOLLOW
        case {"type": "unfollow"}:
            kind = Kind.UNFOLLOW
        case {"type": "unsend", "unsend": {"messageId": str(message_id)}}:
            kind, refers_to = Kind.UNSEND, message_id
        case _:
            pass
    token = body.get("replyToken")
    return Incoming(
        event_id=event_id,
        account_id=account_id,
        kind=kind,
        occurred_at=occurred_at,
        text=text,
        choice=choice,
        files=files,
        reply_token=ReplyToken(value=token, born_at=_born_at(body, occurred_at)) if isinstance(token, str) else None,
        refers_to=refers_to,
        message_id=_message_id(body),
    )


def _raw(event: Mapping[str, Any], received_at: datetime) -> RawEvent:
    user_id = _at(event, "source", "userId") if _at(event, "source", "type") == "user" else None
    known = event.get("type") in HANDLED and event.get("mode", "active") == "active"
    event_id = event.get("webhookEventId")
    is_id = isinstance(event_id, str) and ID.fullmatch(event_id) is not None
    is_person = isinstance(user_id, str) and ID.fullmatch(user_id) is not None
    return RawEvent(
        event_id=f"line:{event_id}" if is_id else f"line:{event_hash(event)}",
        channel="line",
        account_id=f"line:{user_id}" if is_person else None,
        occurred_at=_moment(event.get("timestamp"), received_at),
        # When we got it: the reply token's age counts from there, unless LINE sends the event again.
        body={**event, "receivedAt": received_at.isoformat()},
        is_for_us=known,
    )


def _born_at(event: Mapping[str, Any], occurred_at: datetime) -> datetime:
    received_at = event.get("receivedAt")
    if _at(event, "deliveryContext", "isRedelivery") is True or not isinstance(received_at, str):
        return occurred_at
    return datetime.fromisoformat(received_at)


def _moment(timestamp: object, otherwise: datetime) -> datetime:
    """Milliseconds since 1970 as a moment; anything else, the moment of receipt."""
    if not isinstance(timestamp, int) or isinstance(timestamp, bool):
        return otherwise
    try:
        return datetime.fromtimestamp(timestamp / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return otherwise


def _message_id(event: Mapping[str, Any]) -> str | None:
    found = _at(event, "message", "id")
    return found if isinstance(found, str) else None


def _at(event: Mapping[str, Any], *path: str) -> Any:
    value: Any = event
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] -- JSON
    return value  # pyright: ignore[reportUnknownVariableType] -- JSON
