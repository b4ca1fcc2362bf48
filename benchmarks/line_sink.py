"""A LINE that takes everything at once, counts, and notes when each message came: the other end of benchmarks. Lean, to
leave the machine to the side that is measured. As LINE does, it takes a reply token and a retry key only once."""

from __future__ import annotations

import argparse
import time
from typing import Any

import orjson
import uvicorn

SENT = 200, b'{"sentMessages":[{"id":"1"}]}'
USED_TOKEN = 400, b'{"message":"Invalid reply token"}'
KNOWN_KEY = 409, b'{"message":"The retry key is already accepted"}'
KEEP_ALIVE = 75  # seconds; connections must outlive the pauses between rounds
HEADERS = [(b"content-type", b"application/json")]


class Sink:
    """Counts requests and recipients, told at ``/_stats``. ``/_arrivals`` hands over what came since it was last asked:
    [reply token or account, seconds of the machine's monotonic clock]. ``/_reset`` begins anew."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.requests = self.recipients = 0
        self.arrivals: list[tuple[str, float]] = []
        self.seen: set[object] = set()  # reply tokens and retry keys

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        status, answer = SENT
        match scope["path"]:
            case "/_stats":
                answer = orjson.dumps({"requests": self.requests, "recipients": self.recipients})
            case "/_arrivals":
                answer, self.arrivals = orjson.dumps(self.arrivals), []
            case "/_reset":
                self.reset()
            case "/v2/bot/message/reply":
                token = orjson.loads(body)["replyToken"]
                status, answer = self.take(token, [token], USED_TOKEN)
            case "/v2/bot/message/push":
                status, answer = self.take(retry_key(scope), [orjson.loads(body)["to"]], KNOWN_KEY)
            case "/v2/bot/message/multicast":
                status, answer = self.take(retry_key(scope), orjson.loads(body)["to"], KNOWN_KEY)
            case _:
                pass
        await send({"type": "http.response.start", "status": status, "headers": HEADERS})
        await send({"type": "http.response.body", "body": answer})

    def take(self, key: object, recipients: list[str], known: tuple[int, bytes]) -> tuple[int, bytes]:
        """Status and text of the answer."""
        self.requests += 1
        if key in self.seen:
            return known
        self.seen.add(key)
        now = time.monotonic()
        self.recipients += len(recipients)
        self.arrivals += [(each, now) for each in recipients]
        return SENT


def retry_key(scope: Any) -> object:
    return next((value for name, value in scope["headers"] if name == b"x-line-retry-key"), object())


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, required=True)
    port = arguments.parse_args().port
    uvicorn.run(Sink(), port=port, log_level="error", access_log=False, lifespan="off", timeout_keep_alive=KEEP_ALIVE)
