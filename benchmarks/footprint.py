"""How soon does ``ayumi --help`` answer, and how much memory does an idle server hold, with everything configured?

The floor of the first is the bare interpreter.

    python -m benchmarks.footprint
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import aiohttp
import psutil

from benchmarks.machine import free_port, median, process, row, until_up

RUNS = 7
IDLE = 5.0  # seconds the server is left alone before it is looked at
EVERYTHING = {
    "LINE_CHANNEL_SECRET": "a",
    "LINE_CHANNEL_ACCESS_TOKEN": "b",
    "SLACK_SIGNING_SECRET": "c",
    "SLACK_BOT_TOKEN": "d",
}


def seconds(command: Sequence[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


async def main() -> None:
    helps: list[float] = []
    bare: list[float] = []
    for _ in range(RUNS):
        helps.append(seconds([sys.executable, "-m", "assistant", "--help"]) * 1000)
        bare.append(seconds([sys.executable, "-c", ""]) * 1000)
    ours, theirs = median(helps), median(bare)
    print(row("ayumi --help", ours / theirs, "< 500 ms", "bare interpreter", ours, theirs, "ms"))
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        settings = {**EVERYTHING, "AYUMI_DATA_DIR": folder}
        with process("-m", "assistant", "serve", "--demo", "--port", str(port), env=settings) as server:
            async with aiohttp.ClientSession() as http:
                await until_up(http, f"http://127.0.0.1:{port}/readyz")
            await asyncio.sleep(IDLE)
            held = psutil.Process(server.pid).memory_info().rss / 1e6
    print(f"| idle server, every channel and the demo loaded | – | < 250 MB | {held:.0f} MB resident | |")


if __name__ == "__main__":
    asyncio.run(main())
