"""What every answer carries, whatever it is."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

STRICT = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that know no frame-ancestors
    "Referrer-Policy": "no-referrer",  # our addresses carry signatures
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
HSTS = "max-age=31536000"  # seconds, a year; of this host alone: others below its name are not ours to bind
# A route may be more open than this: LINE shows pictures in pages of its own.
UNLESS_SAID = {"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store"}
KEPT = {**UNLESS_SAID, "Cache-Control": "no-cache"}  # of /static/: asked for again each time

Raw = list[tuple[bytes, bytes]]


class StrictHeaders:
    """Middleware: the headers of every answer. One that does not say how it may be kept is not kept."""

    def __init__(self, app: ASGIApp, *, is_https: bool) -> None:
        self._app = app
        # As they go out, made once.
        self._strict = _raw({**STRICT, **({"Strict-Transport-Security": HSTS} if is_https else {})})
        self._names = frozenset(name for name, _ in self._strict)
        self._unless_said, self._kept = _raw(UNLESS_SAID), _raw(KEPT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_strictly(message: Message) -> None:
            if message["type"] == "http.response.start":
                said: Raw = [each for each in message.get("headers", ()) if each[0] not in self._names]
                names = {name for name, _ in said}
                defaults = self._kept if scope["path"].startswith("/static/") else self._unless_said
                message["headers"] = [*said, *self._strict, *(each for each in defaults if each[0] not in names)]
            await send(message)

        await self._app(scope, receive, send_strictly)


def _raw(headers: dict[str, str]) -> Raw:
    """As ASGI has them: names in small letters."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
