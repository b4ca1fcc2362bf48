"""The floor of ``line_turns``: an echo bot on FastAPI and line-bot-sdk; one reply, nothing stored."""

from __future__ import annotations

import argparse
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from linebot.v3 import WebhookParser
from linebot.v3.exceptions import InvalidSignatureError
from linebot.v3.messaging import AsyncApiClient, AsyncMessagingApi, Configuration, ReplyMessageRequest, TextMessage
from linebot.v3.webhooks import Event, MessageEvent, TextMessageContent


def build(host: str, secret: str, token: str) -> FastAPI:
    parser = WebhookParser(secret)
    apis: list[AsyncMessagingApi] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with AsyncApiClient(Configuration(host=host, access_token=token)) as client:
            apis.append(AsyncMessagingApi(client))
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/line/webhook")
    async def callback(request: Request) -> str:  # pyright: ignore[reportUnusedFunction] -- a route
        body = (await request.body()).decode()
        try:
            events = cast("list[Event]", parser.parse(body, request.headers["X-Line-Signature"]))
        except InvalidSignatureError as error:
            raise HTTPException(status_code=400, detail="Invalid signature") from error
        for event in events:
            if isinstance(event, MessageEvent) and isinstance(event.message, TextMessageContent):
                message = TextMessage(text=event.message.text)  # pyright: ignore[reportCallIssue] -- the SDK's optional fields
                answer: dict[str, Any] = {"replyToken": event.reply_token, "messages": [message]}
                await apis[0].reply_message(ReplyMessageRequest(**answer))
        return "OK"

    return app


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--line", required=True)
    given = arguments.parse_args()
    app = build(given.line, "line-secret", "line-token")
    uvicorn.run(app, port=given.port, log_level="error", access_log=False)
