"""What Slack sends: verified as bytes, read as events (JSON), interactions and commands (forms), stored once each.

Stored is what handling needs, not what was sent beside it: a message's words stand in one place only, where they can
be taken back, and texts of others (an earlier version, the message above a button) are not kept at all.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from assistant.channels.guard import BadBodyError, as_object, event_hash
from assistant.inbox import RawEvent
from assistant.messages import Incoming, Kind, SentFile

PATIENCE = timedelta(minutes=5)  # an older or newer timestamp is not Slack's (docs: verifying requests from Slack)
MOST_FIELDS = 100  # of a form
BY_PEOPLE = (None, "file_share", "me_message", "thread_broadcast")  # subtypes of messages that people write
WORDS = frozenset({"text", "blocks", "attachments", "files", "message", "previous_message", "view"})
FORM = "form:"  # how the action_id of the button begins that opens the form

ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
SECONDS = re.compile(r"\d{1,11}(\.\d{1,9})?", re.ASCII)
MARKUP = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")  # <https://…|shown>, <@U…>


def is_signed(body: bytes, headers: Mapping[str, str], signing_secret: str, now: datetime) -> bool:
    """Whether the body is Slack's and fresh: ``v0=`` and hex HMAC-SHA256 of ``v0:{timestamp}:{body}``. A missing
    header is neither."""
    timestamp, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if SECONDS.fullmatch(timestamp) is None or abs(now.timestamp() - float(timestamp)) > PATIENCE.total_seconds():
        return False
    signed = b"v0:" + timestamp.encode() + b":" + body
    expected = "v0=" + hmac.new(signing_secret.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))


def payload_of(body: bytes, content_type: str) -> Mapping[str, Any]:
    """The body as an object: JSON, the JSON in a form's ``payload``, or a form's fields. Raises ``BadBodyError``."""
    if "json" in content_type or body.startswith(b"{"):
        return as_object(body)
    try:
        fields = dict(
            parse_qsl(
                body.decode(),
                keep_blank_values=True,
                strict_parsing=True,
                errors="strict",
                max_num_fields=MOST_FIELDS,
            )
        )
    except ValueError as error:
        raise BadBodyError("not a form") from error
    if not fields:
        raise BadBodyError("empty")
    return as_object(fields["payload"].encode()) if "payload" in fields else fields


def raw_event(payload: Mapping[str, Any], received_at: datetime) -> RawEvent:
    """The event in a payload, to be stored. Raises nothing: what nobody knows is kept as not for us."""
    match payload:
        case {"type": "event_callback", "event": {**event}}:
            return _of_event(payload, event, received_at)
        case {"type": "block_actions", "user": {"id": user}, "actions": [{**action}, *_]}:
            is_answer = isinstance(action.get("value"), str) and not str(action.get("action_id")).startswith(FORM)
            body = {"type": "block_actions", "actions": [action]}
            at = _moment(action.get("action_ts"), received_at)
            return _raw(payload, payload.get("trigger_id"), user, at, body, is_for_us=is_answer)
        case {"type": "view_submission", "user": {"id": user}, "view": {**view}}:
            kept = {name: view.get(name) for name in ("callback_id", "private_metadata", "state")}
            body = {"type": "view_submission", "view": kept}
            return _raw(payload, payload.get("trigger_id"), user, received_at, body)
        case {"command": str(command), "user_id": user}:
            body = {"command": command, "text": payload.get("text", "")}
            return _raw(payload, payload.get("trigger_id"), user, received_at, body)
        case _:
            return _raw(payload, None, None, received_at, {"type": payload.get("type")}, is_for_us=False)


def to_incoming(body: Mapping[str, Any], event_id: str, account_id: str, occurred_at: datetime) -> Incoming:
    """A stored event as the conversation sees it."""
    kind, text, choice, form, message_id, refers_to = Kind.OTHER, "", None, dict[str, str](), None, None
    match body:
        case {"event": {"subtype": "message_changed"}, "message": {"id": str(message_id), "text": str(text)}}:
            kind = Kind.EDIT
        case {"message": {"id": str(message_id), "text": str(text)}}:
            kind = Kind.TEXT if text else Kind.OTHER
        case {"event": {"type": "message", "subtype": "message_deleted", "deleted_ts": str(refers_to)}}:
            kind = Kind.UNSEND
        case {"event": {"type": "app_home_opened"}}:
            kind = Kind.HOME
        case {"type": "block_actions", "actions": [{"value": str(choice)}]}:
            kind = Kind.CHOICE
        case {"type": "view_submission", "view": {"private_metadata": str(choice), "state": {"values": {**values}}}}:
            kind, form = Kind.FORM, _answers(values)
        case {"command": str(), "text": str(text)}:
            kind, text = Kind.TEXT, _plain(text)
        case _:
            pass
    return Incoming(
        event_id=event_id,
        account_id=account_id,
        kind=kind,
        occurred_at=occurred_at,
        text=text,
        choice=choice,
        form=form,
        files=_sent_files(body),
        message_id=message_id,
        refers_to=refers_to,
    )


def form_wanted(payload: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Trigger, account and value when the button that opens the form was pressed; else None."""
    match payload:
        case {
            "type": "block_actions",
            "trigger_id": str(trigger),
            "user": {"id": str(user)},
            "actions": [{"action_id": str(action_id), "value": str(value)}, *_],
        } if action_id.startswith(FORM):
            return trigger, f"slack:{user}", value
        case _:
            return None


def _of_event(payload: Mapping[str, Any], event: Mapping[str, Any], received_at: datetime) -> RawEvent:
    at = _moment(event.get("event_ts") or event.get("ts") or payload.get("event_time"), received_at)
    body: dict[str, Any] = {
        "type": "event_callback",
        "event": {name: value for name, value in event.items() if name not in WORDS},
    }
    event_id, user, is_for_us = payload.get("event_id"), None, True
    match event:
        case {"type": "message", "channel_type": "im", "channel": str(channel), "user": user, "ts": str(ts)} if (
            "bot_id" not in event and event.get("subtype") in BY_PEOPLE
        ):
            # The same message may come in two events: it is known by where it stands.
            event_id = f"{payload.get('team_id')}:{channel}:{ts}"
            text, files = event.get("text"), _kept_files(event)
            text = _plain(text) if isinstance(text, str) else ""
            if text or files:
                body["message"] = {"type": "text", "id": ts, "text": text} | ({"files": files} if files else {})
        case {
            "type": "message",
            "channel_type": "im",
            "subtype": "message_changed",
            "message": {"user": user, "ts": str(ts), "text": str(text), **after},
        } if "bot_id" not in after and after.get("subtype") in BY_PEOPLE and text != _earlier_text(event):
            body["message"] = {"type": "text", "id": ts, "text": _plain(text)}
        case {
            "type": "message",
            "channel_type": "im",
            "subtype": "message_deleted",
            "deleted_ts": str(),
            "previous_message": {"user": user, **before},
        } if "bot_id" not in before:
            pass
        case {"type": "app_home_opened", "tab": "home", "user": user}:
            pass
        case _:
            user, is_for_us = None, False
    return _raw(payload, event_id, user, at, body, is_for_us=is_for_us)


def _raw(
    payload: Mapping[str, Any],
    event_id: object,
    user: object,
    at: datetime,
    body: Mapping[str, Any],
    *,
    is_for_us: bool = True,
) -> RawEvent:
    """An id that is none of Slack's would not fit the store: the content's own is taken, and nobody's account."""
    known = isinstance(user, str) and ID.fullmatch(user) is not None
    named = isinstance(event_id, str) and ID.fullmatch(event_id) is not None
    return RawEvent(
        event_id=f"slack:{event_id if named else event_hash(payload)}",
        channel="slack",
        account_id=f"slack:{user}" if known else None,
        occurred_at=at,
        body=body,
        is_for_us=is_for_us and known,
    )


def _earlier_text(event: Mapping[str, Any]) -> object:
    """What a changed message said before: the same when Slack itself changed it, as it does to show a link."""
    match event.get("previous_message"):
        case {"text": text}:
            return text
        case _:
            return None


def _kept_files(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What fetching the files of a message needs. One that the app may not read comes without an address."""
    kept: list[dict[str, Any]] = []
    match event.get("files"):
        case [*files]:
            for file in files:
                match file:
                    case {"name": str(name), **about}:
                        kept.append({"name": name, "size": about.get("size"), "at": about.get("url_private_download")})
                    case _:
                        pass
        case _:
            pass
    return kept


def _sent_files(body: Mapping[str, Any]) -> tuple[SentFile, ...]:
    match body:
        case {"message": {"files": [*files]}}:
            return tuple(
                SentFile(
                    name=file["name"],
                    size=file["size"] if isinstance(file["size"], int) else None,
                    reference=file["at"] if isinstance(file["at"], str) else "",
                )
                for file in files
            )
        case _:
            return ()


def _answers(values: Mapping[str, Any]) -> dict[str, str]:
    """A form's answers by question id; what was left empty is not there."""
    found: dict[str, str] = {}
    for block in values.values():
        match block:
            case {**fields}:
                for question, state in fields.items():
                    match state:
                        case {"selected_option": {"value": str(value)}} | {"value": str(value)}:
                            found[str(question)] = value.replace("\0", "")
                        case _:
                            pass
            case _:
                pass
    return found


def _plain(text: str) -> str:
    """What the person typed: Slack writes links and names in angle brackets and escapes three characters."""
    text = MARKUP.sub(lambda found: found[2] or found[1], text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("\0", "")


def _moment(seconds: object, otherwise: datetime) -> datetime:
    """Seconds since 1970, as Slack writes them, as a moment; anything else, the moment of receipt."""
    if isinstance(seconds, bool) or SECONDS.fullmatch(str(seconds)) is None:
        return otherwise
    try:
        return datetime.fromtimestamp(float(str(seconds)), UTC)
    except (OverflowError, ValueError, OSError):
        return otherwise
