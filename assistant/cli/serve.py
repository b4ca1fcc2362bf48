"""``ayumi serve``, ``ayumi worker`` and ``ayumi scheduler``."""

from __future__ import annotations

import asyncio
import signal

import uvicorn

from assistant.errors import AssistantError
from assistant.logs import set_up_logs
from assistant.settings import Settings
from assistant.web.app import running_app

GRACE = 5  # seconds that open requests get when the server stops


def run_server(settings: Settings, *, host: str, port: int, demo: bool, worker: bool, scheduler: bool) -> None:
    """Serve until told to stop. Raises ``AssistantError`` when the port is taken."""
    set_up_logs()
    uvicorn.Config.setup_event_loop  # noqa: B018
    asyncio.run(_serve(settings, host=host, port=port, demo=demo, worker=worker, scheduler=scheduler))


async def run_roles(settings: Settings, *, worker: bool, scheduler: bool) -> None:
    """Work without a web server until told to stop."""
    set_up_logs()
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    async with running_app(settings, worker=worker, scheduler=scheduler):
        await stopped.wait()


async def _serve(settings: Settings, *, host: str, port: int, demo: bool, worker: bool, scheduler: bool) -> None:
    if demo:
        await load_demo(settings)
    async with running_app(settings, worker=worker, scheduler=scheduler, demo=demo) as app:
        config = uvicorn.Config(
            app, host=host, port=port, lifespan="off", log_config=None, access_log=False,
            timeout_graceful_shutdown=GRACE, server_header=False, proxy_headers=True,
        )  # fmt: skip
        server = uvicorn.Server(config)
        try:
            await server.serve()
        except SystemExit as error:
            raise AssistantError(f"cannot listen on {host}:{port}: is the port taken?") from error
