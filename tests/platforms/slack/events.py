"""What Slack sends to an app: events (JSON), interactions (a form with a JSON `payload`) and commands (a form).

Shapes follow docs.slack.dev/reference/events and /reference/interaction-payloads.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import cast
from urllib.parse import quote, urlencode

from .block_kit import elements_of
from .schema import Json
from .workspace import APP, BOT, BOT_USER, TEAM, Posted, Workspace

VERIFICATION_TOKEN = "deprecated-verification-token"  # still sent, to be ignored: the signature is what counts


class Form(Enum):
    """How the body is written."""

    JSON = auto()  # Events API
    PAYLOAD = auto()  # interactivity: payload={…}
    FIELDS = auto()  # slash commands: one form field each


@dataclass(frozen=True, kw_only=True)
class SlackEvent:
    """One thing Slack tells the app; `SlackStandIn.request` makes the signed HTTP request of it."""

    body: Json
    form: Form = Form.JSON
    retry_num: int = 0  # 0 for the first delivery, then 1 to 3
    retry_reason: str = "http_timeout"

    @property
    def event_id(self) -> str:
        """The id the app deduplicates on; KeyError for what is no event_callback."""
        return self.body["event_id"]

    def retried(self, number: int = 1, reason: str = "http_timeout") -> "SlackEvent":
        """The same event, delivered again because the app did not answer in time or in order."""
        return replace(self, retry_num=number, retry_reason=reason)

    def encode(self) -> bytes:
        match self.form:
            case Form.JSON:
                return json.dumps(self.body, separators=(",", ":")).encode()
            case Form.PAYLOAD:
                return urlencode({"payload": json.dumps(self.body, separators=(",", ":"))}).encode()
            case Form.FIELDS:
                return urlencode(self.body).encode()

    def headers(self) -> dict[str, str]:
        kind = "application/json" if self.form is Form.JSON else "application/x-www-form-urlencoded"
        retry = {"X-Slack-Retry-Num": str(self.retry_num), "X-Slack-Retry-Reason": self.retry_reason}
        return {"Content-Type": kind, **(retry if self.retry_num else {})}


class SlackEvents:
    """Builders of events, at the time of the workspace's clock; whoever acts in one becomes known to the workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def url_verification(self, challenge: str = "challenge") -> SlackEvent:
        return SlackEvent(body={"token": VERIFICATION_TOKEN, "challenge": challenge, "type": "url_verification"})

    def app_rate_limited(self) -> SlackEvent:
        minute = int(self._workspace.clock()) // 60 * 60
        return SlackEvent(
            body={
                "token": VERIFICATION_TOKEN,
                "type": "app_rate_limited",
                "team_id": TEAM,
                "minute_rate_limited": minute,
                "api_app_id": APP,
            }
        )

    def callback(self, event: Json) -> SlackEvent:
        """Any inner event in its envelope: also the way to an unknown or a malformed one."""
        return SlackEvent(
            body={
                "token": VERIFICATION_TOKEN,
                "team_id": TEAM,
                "api_app_id": APP,
                "event": event,
                "type": "event_callback",
                "event_id": f"Ev{self._workspace.number():09d}",
                "event_time": int(self._workspace.clock()),
                "authorizations": [
                    {
                        "enterprise_id": None,
                        "team_id": TEAM,
                        "user_id": BOT_USER,
                        "is_bot": True,
                        "is_enterprise_install": False,
                    }
                ],
                "is_ext_shared_channel": False,
                "event_context": f"{self._workspace.number()}-message-{TEAM}",
            }
        )

    def unknown(self) -> SlackEvent:
        """An event of a type no app has subscribed to yet."""
        return self.callback({"type": "something_new", "event_ts": self._workspace.next_ts()})

    # --- direct messages

    def message_im(self, user: str, text: str) -> SlackEvent:
        """A person writes to the bot; the message is in the history too."""
        channel = self._meet(user)
        message = self._workspace.say(user, channel, text)
        return self._message({**message, "client_msg_id": f"client-{self._workspace.number()}"}, channel)

    def file_share(self, user: str, *files: tuple[str, bytes], text: str = "") -> SlackEvent:
        """A person sends files, name and content each, with or without words; `workspace.sent` keeps them. An app
        without files:read is told of them, and not where they are."""
        channel, shared = self._meet(user), list[Json]()
        for name, content in files:
            file_id = f"F{self._workspace.number():08d}"
            self._workspace.sent[file_id] = content
            place = f"{self._workspace.origin}/files-pri/{TEAM}-{file_id}"
            about: Json = {
                "id": file_id,
                "name": name,
                "title": name,
                "mimetype": "application/octet-stream",
                "filetype": name.rpartition(".")[2],
                "user": user,
                "mode": "hosted",
                "size": len(content),
                "url_private": f"{place}/{quote(name)}",
                "url_private_download": f"{place}/download/{quote(name)}",
            }
            hidden = "files:read" not in self._workspace.scopes
            about = {name: about[name] for name in ("id", "name")} | {"file_access": "no_access"} if hidden else about
            shared.append(about)
        message = self._workspace.say(user, channel, text, subtype="file_share", files=shared, upload=False)
        return self._message({**message, "client_msg_id": f"client-{self._workspace.number()}"}, channel)

    def bot_message(self, user: str, text: str, *, own: bool = True) -> SlackEvent:
        """A bot's message in a person's direct messages comes back: the app's own, or (`own=False`) another's."""
        channel = self._meet(user)
        if own:
            return self._message(self._workspace.say(BOT_USER, channel, text, bot_id=BOT, app_id=APP), channel)
        other: Json = {"subtype": "bot_message", "bot_id": "B0OTHER01", "username": "other"}
        message = self._workspace.say("", channel, text, **other)
        return self._message({name: value for name, value in message.items() if name != "user"}, channel)

    def message_changed(self, original: SlackEvent, text: str) -> SlackEvent:
        """A person edits the message that `original` brought."""
        before = self._inner_of(original)
        ts = self._workspace.next_ts()
        after = {**before, "text": text, "edited": {"user": before["user"], "ts": ts}}
        return self._changed(original, "message_changed", {"message": after, "previous_message": before, "ts": ts})

    def message_deleted(self, original: SlackEvent) -> SlackEvent:
        """A person deletes the message that `original` brought."""
        before = self._inner_of(original)
        gone = {"previous_message": before, "deleted_ts": before["ts"], "ts": self._workspace.next_ts()}
        return self._changed(original, "message_deleted", gone)

    def app_home_opened(self, user: str, tab: str = "home") -> SlackEvent:
        channel = self._meet(user)
        view = {"view": self._workspace.homes[user]} if tab == "home" and user in self._workspace.homes else {}
        return self.callback(
            {
                "type": "app_home_opened",
                "user": user,
                "channel": channel,
                "tab": tab,
                "event_ts": self._workspace.next_ts(),
                **view,
            }
        )

    # --- interactions

    def press(self, user: str, shown: Posted | Json, button: Json) -> SlackEvent:
        """A person presses a button, one of `buttons_of(shown)`, of a posted message or of a view (a home or modal)."""
        action = {name: button[name] for name in ("action_id", "block_id", "type", "text", "value") if name in button}
        action["action_ts"] = self._workspace.next_ts()
        if isinstance(shown, Posted):
            messages = self._workspace.messages[shown.channel]
            surface: Json = {
                "container": {
                    "type": "message",
                    "message_ts": shown.ts,
                    "channel_id": shown.channel,
                    "is_ephemeral": False,
                },
                "channel": {"id": shown.channel, "name": "directmessage" if shown.user else "channel"},
                "message": dict(next(message for message in messages if message["ts"] == shown.ts)),
                "state": {"values": {}},
                "response_url": self._response_url(),
            }
        else:
            surface = {"container": {"type": "view", "view_id": shown["id"]}, "view": shown}
        return self._interaction("block_actions", user, {**surface, "actions": [action]})

    def view_submission(self, user: str, view: Json, values: Mapping[str, str | list[str]]) -> SlackEvent:
        """A person sends a modal; `values` are typed words or option values by action_id, the rest is left empty.

        KeyError when the form has no such field or the field no such option.
        """
        left = dict(values)
        state: dict[str, Json] = {}
        for block in cast("list[Json]", view["blocks"]):
            if block["type"] == "input":
                (field,) = elements_of(block)
                state[block["block_id"]] = {field["action_id"]: _answer_to(field, left.pop(field["action_id"], None))}
        if left:
            raise KeyError(f"the view has no input {', '.join(left)}")
        sent = {**view, "state": {"values": state}}
        return self._interaction("view_submission", user, {"view": sent, "response_urls": []})

    def slash_command(self, user: str, command: str, text: str = "") -> SlackEvent:
        return SlackEvent(
            body={
                "token": VERIFICATION_TOKEN,
                "team_id": TEAM,
                "team_domain": "ayumi",
                "channel_id": self._meet(user),
                "channel_name": "directmessage",
                "user_id": user,
                "user_name": user.lower(),
                "command": command,
                "text": text,
                "api_app_id": APP,
                "is_enterprise_install": "false",
                "response_url": self._response_url(),
                "trigger_id": self._workspace.issue_trigger(user),
            },
            form=Form.FIELDS,
        )

    # --- parts

    def _meet(self, user: str) -> str:
        if user not in self._workspace.users:
            self._workspace.add_user(user)
        return self._workspace.open_im(user)

    def _response_url(self) -> str:
        return f"https://hooks.slack.invalid/actions/{TEAM}/{self._workspace.number()}"  # answers are posts, not this

    def _message(self, message: Json, channel: str) -> SlackEvent:
        place = {"channel": channel, "channel_type": "im", "event_ts": message["ts"]}
        return self.callback({**message, **place})

    def _inner_of(self, original: SlackEvent) -> Json:
        event = cast("Json", original.body["event"])
        return {name: event[name] for name in ("type", "user", "text", "ts", "team", "client_msg_id") if name in event}

    def _changed(self, original: SlackEvent, subtype: str, change: Json) -> SlackEvent:
        channel = original.body["event"]["channel"]
        messages = self._workspace.messages[channel]
        messages[:] = [entry for entry in messages if entry["ts"] != change["previous_message"]["ts"]]
        if "message" in change:
            messages.append(change["message"])
            messages.sort(key=lambda entry: float(entry["ts"]))
        return self._message({"type": "message", "subtype": subtype, "hidden": True, **change}, channel)

    def _interaction(self, kind: str, user: str, more: Json) -> SlackEvent:
        self._meet(user)
        return SlackEvent(
            body={
                "type": kind,
                "user": {"id": user, "username": user.lower(), "name": user.lower(), "team_id": TEAM},
                "api_app_id": APP,
                "token": VERIFICATION_TOKEN,
                "trigger_id": self._workspace.issue_trigger(user),
                "team": {"id": TEAM, "domain": "ayumi"},
                "enterprise": None,
                "is_enterprise_install": False,
                **more,
            },
            form=Form.PAYLOAD,
        )


def _answer_to(field: Json, value: str | list[str] | None) -> Json:
    """The state of one input: what was typed, or the chosen options as they were offered."""
    offered = [*field.get("options", ()), *(o for group in field.get("option_groups", ()) for o in group["options"])]
    by_value = {option["value"]: {name: option[name] for name in ("text", "value")} for option in offered}
    kind: str = field["type"]
    if kind in ("checkboxes", "multi_static_select"):
        return {"type": kind, "selected_options": [by_value[one] for one in value or ()]}
    if kind in ("radio_buttons", "static_select"):
        return {"type": kind, "selected_option": None if value is None else by_value[cast("str", value)]}
    names = {"datepicker": "selected_date", "timepicker": "selected_time", "users_select": "selected_user"}
    return {"type": kind, names.get(kind, "value"): value}
