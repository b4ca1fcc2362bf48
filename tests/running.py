"""The real application on a free port of this machine, for as long as a test needs it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

GRACE = 1.0  # seconds that requests under way get at the end


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncGenerator[str]:
    """Serve an ASGI application; yields its address, without a slash at the end.

    Uvicorn's own ``serve`` looks every tenth of a second whether it is to go on, and rests as long before it ends: this
    is what it does, without those."""
    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    with socket.socket() as listener, server.capture_signals():  # event streams find the server by its handlers
        listener.bind(("127.0.0.1", 0))
        await server.startup(sockets=[listener])
        await server.on_tick(0)  # the headers of every answer
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True  # event streams look at it
            for each in server.servers:
                each.close()
            await _end(server)


async def _end(server: uvicorn.Server) -> None:
    """Let what is under way be answered, and break off what is not."""
    state = server.server_state
    for connection in list(state.connections):
        connection.shutdown()
    try:
        async with asyncio.timeout(GRACE):
            while state.connections or state.tasks:
                await asyncio.sleep(0.002)
    except TimeoutError:
        for task in state.tasks:
            task.cancel()
        await asyncio.gather(*state.tasks, return_exceptions=True)
