"""Slack's Web API methods: what each takes (docs.slack.dev/reference/methods) and does to the workspace."""

import json
import re
from collections.abc import Mapping
from typing import cast

from .arguments import Arguments, Method, Parser, flag, number, structure, text, timestamp
from .block_kit import problems_of_view
from .messages import history, open_conversation, post_ephemeral, post_message, replies, update_message
from .schema import Json
from .workspace import (
    APP,
    BOT,
    BOT_USER,
    TEAM,
    Refusal,
    SharedFile,
    Upload,
    Workspace,
)

VIEW_BYTES = 250_000
ALT_CHARACTERS = 1000
PICTURE = re.compile(r"\.(png|jpe?g|gif|webp)$", re.IGNORECASE)

# --- people and the app itself --------------------------------------------------------------------


def user_info(workspace: Workspace, arguments: Arguments) -> Json:
    if arguments["user"] not in workspace.users:
        raise Refusal("user_not_found")
    hidden = set[str]() if arguments.get("include_locale") else {"locale"}
    return {"user": {name: value for name, value in workspace.users[arguments["user"]].items() if name not in hidden}}


def auth_test(workspace: Workspace, arguments: Arguments) -> Json:
    identity = {
        "team_id": TEAM,
        "user": "ayumi",
        "user_id": BOT_USER,
        "bot_id": BOT,
        "app_id": APP,
    }
    return {
        "url": "https://ayumi.slack.invalid/",
        "team": "Ayumi",
        **identity,
        "is_enterprise_install": False,
    }


def api_test(workspace: Workspace, arguments: Arguments) -> Json:
    if "error" in arguments:
        raise Refusal(str(arguments["error"]))
    return {"args": arguments}


# --- views ----------------------------------------------------------------------------------------


def _checked_view(arguments: Arguments, kind: str) -> Json:
    view = arguments["view"]
    if problems := problems_of_view(view, kind):
        raise Refusal("invalid_arguments", *problems)
    if len(json.dumps(view).encode()) > VIEW_BYTES:
        raise Refusal("view_too_large", f"the view has more than {VIEW_BYTES} bytes")
    return cast("Json", view)


def _keep_external_id_unique(workspace: Workspace, view: Json, view_id: str | None = None) -> None:
    external = view.get("external_id")
    if external and any(one["external_id"] == external and one["id"] != view_id for one in workspace.views.values()):
        raise Refusal("duplicate_external_id")


def open_view(workspace: Workspace, arguments: Arguments) -> Json:
    view = _checked_view(arguments, "modal")
    _keep_external_id_unique(workspace, view)
    workspace.exchange_trigger(arguments["trigger_id"])
    kept = workspace.new_view(view)
    workspace.views[kept["id"]] = kept
    workspace.opened_views.append(kept)
    return {"view": kept}


def update_view(workspace: Workspace, arguments: Arguments) -> Json:
    names = {
        "id": arguments.get("view_id"),
        "external_id": arguments.get("external_id"),
    }
    given = [(name, value) for name, value in names.items() if value]
    if len(given) != 1:
        raise Refusal(
            "invalid_arguments",
            "[ERROR] exactly one of view_id and external_id is required",
        )
    before = next((one for one in workspace.views.values() if given[0] in one.items()), None)
    if before is None:
        raise Refusal("not_found")
    if arguments.get("hash", before["hash"]) != before["hash"]:
        raise Refusal("hash_conflict")
    view = _checked_view(arguments, before["type"])
    _keep_external_id_unique(workspace, view, before["id"])
    kept = workspace.new_view(view, id=before["id"], root_view_id=before["root_view_id"])
    workspace.views[kept["id"]] = kept
    workspace.updated_views.append(kept)
    return {"view": kept}


def publish_view(workspace: Workspace, arguments: Arguments) -> Json:
    view, user = _checked_view(arguments, "home"), arguments["user_id"]
    if user not in workspace.users:
        raise Refusal("user_not_found")
    before = workspace.homes.get(user)
    if before is not None and arguments.get("hash", before["hash"]) != before["hash"]:
        raise Refusal("hash_conflict")
    same = {"id": before["id"], "root_view_id": before["id"]} if before else {}
    workspace.homes[user] = workspace.new_view(view, **same)
    return {"view": workspace.homes[user]}


# --- files ----------------------------------------------------------------------------------------


def get_upload_url(workspace: Workspace, arguments: Arguments) -> Json:
    name, alt_text = arguments["filename"], arguments.get("alt_txt", "")
    if arguments["length"] < 1:
        raise Refusal("invalid_arguments", "[ERROR] length must be positive")
    if not name.strip() or "/" in name:
        raise Refusal("invalid_arguments", "[ERROR] filename must be the name of a file")
    if len(alt_text) > ALT_CHARACTERS:
        raise Refusal("invalid_arguments", f"[ERROR] alt_txt must be at most {ALT_CHARACTERS} characters")
    if PICTURE.search(name) and not alt_text.strip():
        workspace.violations.append(f"picture {name} without alt text")
    file_id = f"F{workspace.number():08d}"
    workspace.uploads[file_id] = Upload(name=name, length=arguments["length"], alt_text=alt_text)
    return {"file_id": file_id}  # the server adds upload_url


def complete_upload(workspace: Workspace, arguments: Arguments) -> Json:
    given = arguments["files"]
    entries = cast("list[Json]", given) if isinstance(given, list) and given else []
    if not entries or any("id" not in entry or entry.keys() - {"id", "title", "highlight_type"} for entry in entries):
        raise Refusal(
            "invalid_arguments",
            "[ERROR] files must be a list of objects with id and title",
        )
    if any(entry["id"] not in workspace.uploads or workspace.uploads[entry["id"]].content is None for entry in entries):
        raise Refusal("file_not_found", "a file was completed before it was uploaded")
    channel = workspace.conversation(arguments["channel_id"]) if "channel_id" in arguments else None
    comment = arguments.get("initial_comment", "")
    shared: list[Json] = []
    for entry in entries:
        upload = workspace.uploads.pop(entry["id"])
        title = entry.get("title", upload.name)
        workspace.files.append(
            SharedFile(
                id=entry["id"],
                name=upload.name,
                alt_text=upload.alt_text,
                content=upload.content or b"",
                title=title,
                channel=channel,
                comment=comment,
            )
        )
        shared.append({"id": entry["id"], "title": title, "name": upload.name})
    if channel is not None:
        workspace.say(BOT_USER, channel, comment, bot_id=BOT, app_id=APP, files=shared)
    return {"files": shared}


# --- the table ------------------------------------------------------------------------------------

WORDS: Mapping[str, Parser] = {
    "text": text,
    "blocks": structure,
    "mrkdwn": flag,
    "parse": text,
    "link_names": flag,
}
SPAN: Mapping[str, Parser] = {
    "cursor": text,
    "inclusive": flag,
    "include_all_metadata": flag,
    "latest": timestamp,
    "oldest": timestamp,
    "limit": number,
}
METHODS: Mapping[str, Method] = {
    "api.test": Method(do=api_test, needs_token=False, any_argument=True),
    "auth.test": Method(do=auth_test),
    "chat.postMessage": Method(
        do=post_message,
        required={"channel": text},
        optional={
            **WORDS,
            "metadata": structure,
            "thread_ts": timestamp,
            "unfurl_links": flag,
            "unfurl_media": flag,
        },
    ),
    "chat.postEphemeral": Method(
        do=post_ephemeral,
        required={"channel": text, "user": text},
        optional={**WORDS, "thread_ts": timestamp},
    ),
    "chat.update": Method(
        do=update_message,
        required={"channel": text, "ts": timestamp},
        optional={**WORDS, "metadata": structure},
    ),
    "conversations.open": Method(
        do=open_conversation,
        optional={"channel": text, "users": text, "return_im": flag},
    ),
    "conversations.history": Method(do=history, required={"channel": text}, optional=SPAN),
    "conversations.replies": Method(do=replies, required={"channel": text, "ts": timestamp}, optional=SPAN),
    "users.info": Method(
        do=user_info,
        required={"user": text},
        optional={"include_locale": flag},
        takes_json=False,
    ),
    "views.open": Method(do=open_view, required={"trigger_id": text, "view": structure}),
    "views.update": Method(
        do=update_view,
        required={"view": structure},
        optional={"view_id": text, "external_id": text, "hash": text},
    ),
    "views.publish": Method(
        do=publish_view,
        required={"user_id": text, "view": structure},
        optional={"hash": text},
    ),
    "files.getUploadURLExternal": Method(
        do=get_upload_url,
        required={"filename": text, "length": number},
        optional={"alt_txt": text, "snippet_type": text},
        takes_json=False,
        scope="files:write",
    ),
    "files.completeUploadExternal": Method(
        do=complete_upload,
        scope="files:write",
        required={"files": structure},
        optional={"channel_id": text, "initial_comment": text, "thread_ts": timestamp},
    ),
}
