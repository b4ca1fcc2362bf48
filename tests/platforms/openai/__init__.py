"""A strict stand-in for a server that speaks OpenAI's chat completions protocol, on a port of this machine.

It answers what the test tells it to, keeps what it was sent, and refuses a request that the real one would refuse.
Source: the public API reference of OpenAI, "Create chat completion", as of 2026-11.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.running import served


class OpenAIStandIn:
    """What the model says next, and what it was told."""

    def __init__(self) -> None:
        self.content: str = "{}"  # what the next answers hold
        self.status = 200
        self.is_slow = False  # answers never, until the caller hangs up
        self.requests: list[dict[str, Any]] = []
        self.url = ""  # base address, ending in /v1

    def say(self, **frame: Any) -> None:
        """Answer with a frame from now on."""
        self.content = orjson.dumps(frame).decode()

    @property
    def told(self) -> str:
        """Everything it was ever sent."""
        return orjson.dumps(self.requests).decode()

    async def complete(self, request: Request) -> Response:
        body: dict[str, Any] = orjson.loads(await request.body())
        self.requests.append(body)
        if not request.headers.get("authorization", "").startswith("Bearer "):
            return _error(401, "no key")
        if not body.get("model") or not body.get("messages") or "json_schema" not in orjson.dumps(body).decode():
            return _error(400, "model, messages and a schema are expected")
        if self.is_slow:
            while not await request.is_disconnected():
                await asyncio.sleep(0.01)
        if self.status != 200:
            return _error(self.status, "as the test wants it")
        message = {"role": "assistant", "content": self.content, "refusal": None}
        return JSONResponse(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            }
        )


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message, "type": "error", "param": None, "code": None}}, status)


@asynccontextmanager
async def openai_stand_in() -> AsyncGenerator[OpenAIStandIn]:
    """A stand-in that listens until the block ends."""
    stand_in = OpenAIStandIn()
    app = Starlette(routes=[Route("/v1/chat/completions", stand_in.complete, methods=["POST"])])
    async with served(app) as url:
        stand_in.url = f"{url}/v1"
        yield stand_in
