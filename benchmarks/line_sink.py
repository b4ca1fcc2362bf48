"""A LINE that takes everything at once and only counts: the other end of ``fan_out``. Lean, to leave the machine to the
side that is measured."""

from __future__ import annotations

import argparse
from typing import Any

import orjson
import uvicorn

ANSWER = b'{"sentMessages":[{"id":"1"}]}'
HEADERS = [(b"content-type", b"application/json")]


class Sink:
    """Counts requests and recipients, told at ``/_stats``; ``/_reset`` begins anew."""

    def __init__(self) -> None:
        self.requests = self.recipients = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        answer = ANSWER
        match scope["path"]:
            case "/_stats":
                answer = orjson.dumps({"requests": self.requests, "recipients": self.recipients})
            case "/_reset":
                self.requests = self.recipients = 0
            case "/v2/bot/message/multicast":
                self.requests += 1
                self.recipients += len(orjson.loads(body)["to"])
            case _:
                self.requests += 1
                self.recipients += 1
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, required=True)
    uvicorn.run(Sink(), port=arguments.parse_args().port, log_level="error", access_log=False, lifespan="off")
