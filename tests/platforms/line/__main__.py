"""Runs the stand-in by itself: `python -m tests.platforms.line --port N` prints its port and serves until stopped."""

from __future__ import annotations

import argparse
import asyncio
import signal

from tests.platforms.line.server import ACCESS_TOKEN, CHANNEL_SECRET, LineStandIn


async def serve(arguments: argparse.Namespace) -> None:
    """Returns after SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    line = LineStandIn(
        channel_secret=arguments.channel_secret,
        access_token=arguments.access_token,
        strict=not arguments.lenient,
        port=arguments.port,
    )
    async with line:
        print(line.base_url.rpartition(":")[2], flush=True)
        await stopped.wait()


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.platforms.line", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--channel-secret", default=CHANNEL_SECRET)
    parser.add_argument("--access-token", default=ACCESS_TOKEN)
    parser.add_argument("--lenient", action="store_true", help="no schema checks, for benchmarks")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
