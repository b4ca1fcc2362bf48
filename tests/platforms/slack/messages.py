"""chat.* and conversations.*: what they refuse, and what they do to the workspace."""

import json
import re
from dataclasses import replace
from typing import cast

from .arguments import Arguments
from .block_kit import MESSAGE_BLOCK_CHARACTERS, characters_of, problems_of_message
from .schema import Json
from .workspace import BOT, BOT_USER, Posted, Refusal, Workspace

TEXT_HARD = 40_000  # characters; more is refused
TEXT_ADVISED = 4_000  # characters; more is sent, but Slack advises against it
METADATA_BYTES = 8_000


def _checked_blocks(workspace: Workspace, arguments: Arguments) -> list[Json]:
    blocks = arguments.get("blocks", [])
    if not isinstance(blocks, list):
        raise Refusal("invalid_blocks_format", "blocks must be an array")
    if problems := problems_of_message(cast("object", blocks)):
        raise Refusal("invalid_blocks", *problems)
    if (characters := characters_of(cast("object", blocks))) > MESSAGE_BLOCK_CHARACTERS:
        raise Refusal("msg_blocks_too_long", f"{characters} characters in the blocks")
    return workspace.with_ids(cast("list[Json]", blocks))


def _checked_text(workspace: Workspace, arguments: Arguments) -> str:
    words = arguments.get("text", "")
    if len(words) > TEXT_HARD:
        raise Refusal("msg_too_long", f"text has {len(words)} characters")
    if len(words) > TEXT_ADVISED:
        workspace.violations.append(f"text has {len(words)} characters, more than {TEXT_ADVISED}")
    if not words.strip():
        if not arguments.get("blocks"):
            raise Refusal("no_text", "neither text nor blocks")
        workspace.violations.append("blocks without a fallback text")
    return words


def _checked_metadata(arguments: Arguments) -> Json | None:
    """The metadata; None when it is not given or is emptied by `{}`."""
    metadata = arguments.get("metadata")
    if not metadata:
        return None
    if not isinstance(metadata, dict):
        raise Refusal("invalid_metadata_format", "metadata must be an object")
    found = cast("Json", metadata)
    kind = found.get("event_type")
    if found.keys() != {"event_type", "event_payload"} or not isinstance(found["event_payload"], dict):
        raise Refusal(
            "invalid_metadata_schema",
            "metadata must hold event_type and an object event_payload",
        )
    if not isinstance(kind, str) or not kind:
        raise Refusal("invalid_metadata_schema", "event_type must be a string")
    if len(json.dumps(found).encode()) > METADATA_BYTES:
        raise Refusal("metadata_too_large", f"metadata has more than {METADATA_BYTES} bytes")
    return found


def _compose(workspace: Workspace, arguments: Arguments, channel: str) -> Posted:
    return Posted(
        channel=channel,
        user=workspace.channels[channel],
        ts="",
        text=_checked_text(workspace, arguments),
        blocks=_checked_blocks(workspace, arguments),
        metadata=_checked_metadata(arguments),
        thread_ts=arguments.get("thread_ts"),
    )


def post_message(workspace: Workspace, arguments: Arguments) -> Json:
    channel = workspace.conversation(arguments["channel"], users_too=True)
    draft = _compose(workspace, arguments, channel)
    if draft.metadata is None:
        workspace.violations.append("chat.postMessage without metadata: nobody could tell whether it was delivered")
    message = workspace.post(draft)
    return {"channel": channel, "ts": message["ts"], "message": message}


def post_ephemeral(workspace: Workspace, arguments: Arguments) -> Json:
    draft = _compose(workspace, arguments, workspace.conversation(arguments["channel"]))
    if arguments["user"] not in workspace.users:
        raise Refusal("user_not_in_channel")
    ts = workspace.next_ts()
    workspace.ephemeral.append(replace(draft, user=arguments["user"], ts=ts))
    return {"message_ts": ts}


def update_message(workspace: Workspace, arguments: Arguments) -> Json:
    channel, ts = workspace.conversation(arguments["channel"]), arguments["ts"]
    messages = workspace.messages.get(channel, [])
    message = next((entry for entry in messages if entry["ts"] == ts), None)
    if message is None:
        raise Refusal("message_not_found")
    if message.get("bot_id") != BOT:
        raise Refusal("cant_update_message")
    draft = _compose(workspace, arguments, channel)
    number = next(i for i, known in enumerate(workspace.posted) if (known.channel, known.ts) == (channel, ts))
    before = workspace.posted[number]
    # What is left out stays; an empty list or object takes it away.
    after = replace(
        draft,
        ts=ts,
        text=draft.text if "text" in arguments else before.text,
        blocks=draft.blocks if "blocks" in arguments else before.blocks,
        metadata=draft.metadata if "metadata" in arguments else before.metadata,
        thread_ts=before.thread_ts,
    )
    workspace.posted[number] = after
    workspace.edits.append(after)
    message |= {
        "text": after.text,
        "blocks": after.blocks,
        "edited": {"user": BOT_USER, "ts": workspace.next_ts()},
    }
    message.pop("metadata", None)
    if after.metadata is not None:
        message["metadata"] = after.metadata
    return {"channel": channel, "ts": ts, "text": after.text, "message": message}


# --- conversations --------------------------------------------------------------------------------


def open_conversation(workspace: Workspace, arguments: Arguments) -> Json:
    if "channel" in arguments:
        channel = workspace.conversation(arguments["channel"])
    else:
        user = arguments.get("users", "")
        if not user:
            raise Refusal("users_list_not_supplied", "neither channel nor users")
        if user not in workspace.users:
            raise Refusal("user_not_found")
        channel = workspace.open_im(user)
    details: Json = {"is_im": True, "user": workspace.channels[channel]} if arguments.get("return_im") else {}
    return {"channel": {"id": channel, **details}}


def _page(arguments: Arguments, messages: list[Json], *, newest_first: bool) -> Json:
    oldest, latest = (
        float(arguments.get("oldest", 0)),
        float(arguments.get("latest", "inf")),
    )
    ends = (oldest, latest) if arguments.get("inclusive") else ()
    chosen = [m for m in messages if oldest < float(m["ts"]) < latest or float(m["ts"]) in ends]
    if newest_first:
        chosen.reverse()
    limit, cursor = arguments.get("limit", 100), arguments.get("cursor") or "next:0"
    if not 1 <= limit <= 999:
        raise Refusal("invalid_limit", "limit must be from 1 to 999")
    if not re.fullmatch(r"next:\d+", cursor):
        raise Refusal("invalid_cursor", "cursor must come from response_metadata.next_cursor")
    start = int(cursor.removeprefix("next:"))
    more = len(chosen) > start + limit
    shown = [dict(message) for message in chosen[start : start + limit]]
    for message in shown:
        if "metadata" in message and not arguments.get("include_all_metadata"):
            message["metadata"] = {"event_type": message["metadata"]["event_type"]}
    cursors = {"response_metadata": {"next_cursor": f"next:{start + limit}"}} if more else {}
    return {"messages": shown, "has_more": more, **cursors}


def history(workspace: Workspace, arguments: Arguments) -> Json:
    messages = workspace.messages.get(workspace.conversation(arguments["channel"]), [])
    roots = [message for message in messages if message.get("thread_ts", message["ts"]) == message["ts"]]
    return {**_page(arguments, roots, newest_first=True), "pin_count": 0}


def replies(workspace: Workspace, arguments: Arguments) -> Json:
    messages = workspace.messages.get(workspace.conversation(arguments["channel"]), [])
    thread = [message for message in messages if arguments["ts"] in (message["ts"], message.get("thread_ts"))]
    if not thread:
        raise Refusal("thread_not_found")
    return _page(arguments, thread, newest_first=False)
