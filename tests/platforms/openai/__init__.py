"""A strict stand-in for a server that speaks OpenAI's protocols of chat and embeddings, on a port of this machine.

It answers what the test tells it to, keeps what it was sent, and refuses a request that the real one would refuse.
Source: the public API reference of OpenAI, "Create chat completion" and "Create embeddings", as of 2026-11.
"""

from __future__ import annotations

import asyncio
import struct
from base64 import b64encode
from collections import Counter
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
        self.models: set[str] | None = None  # that it has; None: whatever is asked for
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
        if self.models is not None and body["model"] not in self.models:
            return _error(404, "no such model")
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

    async def embed(self, request: Request) -> Response:
        body: dict[str, Any] = orjson.loads(await request.body())
        self.requests.append(body)
        if self.status != 200:
            return _error(self.status, "as the test wants it")
        texts: list[str] = [body["input"]] if isinstance(body["input"], str) else body["input"]
        if not body.get("model") or not texts or not all(texts):
            return _error(400, "model and texts are expected")
        return JSONResponse(
            {
                "object": "list",
                "model": body["model"],
                "data": [
                    {"object": "embedding", "index": index, "embedding": _vector(text, body.get("encoding_format"))}
                    for index, text in enumerate(texts)
                ],
                "usage": {"prompt_tokens": 1, "total_tokens": 1},
            }
        )


def _vector(text: str, encoding: str | None) -> list[float] | str:
    """Of 64 numbers: how many characters have each remainder."""
    counts = Counter(ord(character) % 64 for character in text)
    numbers = [float(counts[number]) for number in range(64)]
    return b64encode(struct.pack("<64f", *numbers)).decode() if encoding == "base64" else numbers


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message, "type": "error", "param": None, "code": None}}, status)


@asynccontextmanager
async def openai_stand_in() -> AsyncGenerator[OpenAIStandIn]:
    """A stand-in that listens until the block ends."""
    stand_in = OpenAIStandIn()
    app = Starlette(
        routes=[
            Route("/v1/chat/completions", stand_in.complete, methods=["POST"]),
            Route("/v1/embeddings", stand_in.embed, methods=["POST"]),
        ]
    )
    async with served(app) as url:
        stand_in.url = f"{url}/v1"
        yield stand_in
