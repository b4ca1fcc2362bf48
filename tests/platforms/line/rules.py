"""What a single request must fulfil, whatever happened before it."""

from __future__ import annotations

import re
from typing import Any

from tests.platforms.line.limits import message_problems
from tests.platforms.line.schema import Problem, problems

USER_ID = re.compile(r"U[0-9a-f]{32}")
RETRY_KEY = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
RETRY_KEY_HEADER = "X-Line-Retry-Key"
PUSHES = {"/v2/bot/message/push", "/v2/bot/message/multicast"}
# path → the schema of its body
POSTS = {
    "/v2/bot/message/reply": "ReplyMessageRequest",
    "/v2/bot/message/push": "PushMessageRequest",
    "/v2/bot/message/multicast": "MulticastRequest",
    "/v2/bot/chat/loading/start": "ShowLoadingAnimationRequest",
}


def recipients(body: dict[str, Any]) -> list[str]:
    """The user ids a body names, none for a reply."""
    named: str | list[str] = body.get("to", body.get("chatId", []))
    return [named] if isinstance(named, str) else named


def body_problems(path: str, body: Any) -> list[Problem]:
    """What LINE would refuse in the body of a POST to the path."""
    found = problems("messaging", POSTS[path], body)
    if found:  # the rest takes a body of the right shape for granted
        return found
    where = "chatId" if "chatId" in body else "to"
    wrong = [user for user in recipients(body) if not USER_ID.fullmatch(user)]
    found += [Problem(property=where, message=f"{user!r} is no user id") for user in wrong]
    if len(set(recipients(body))) < len(recipients(body)):
        found.append(Problem(property="to", message="The same user twice"))
    if body.get("loadingSeconds", 20) % 5:
        found.append(Problem(property="loadingSeconds", message="Must be a multiple of 5"))
    return [*found, *message_problems(body.get("messages", []))]


def key_problems(path: str, key: str | None) -> list[Problem]:
    """What LINE would refuse about the retry key of a POST to the path; a missing one is always fine."""
    if key is None:
        return []
    if path not in PUSHES:
        return [Problem(property="", message=f"{RETRY_KEY_HEADER} is not allowed here")]
    if not RETRY_KEY.fullmatch(key):
        return [Problem(property="", message=f"{RETRY_KEY_HEADER} must be a UUID")]
    return []
