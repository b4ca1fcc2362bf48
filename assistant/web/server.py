"""The web server: answers on a socket until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from assistant.errors import AssistantError

GRACE = 2.5  # seconds that open requests get when the server stops


class Server(uvicorn.Server):
    """uvicorn without its own handling of signals: it would end the process as soon as the last request is answered,
    with turns and sends still under way."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


async def answer(app: ASGIApp, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serve until ``stop`` is set; then take no new connection, end streams, and finish what is being answered."""
    server = Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE,  # pyright: ignore[reportArgumentType] -- passed on to wait_for as it is
        )
    )

    async def end() -> None:
        await stop.wait()
        server.handle_exit(signal.SIGTERM, None)  # rather than setting its flag: streams listen for this call

    ending = asyncio.create_task(end(), name="end")
    try:
        await server.serve(sockets=[listener])
    finally:
        ending.cancel()


def listening(host: str, port: int) -> socket.socket:
    """A socket on the port. Raises ``AssistantError`` when it cannot be had."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise AssistantError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener
