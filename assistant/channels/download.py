"""Fetches what people sent, from where the platform keeps it."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from assistant.channels.port import FileNotFetchedError, Unfetched

TIMEOUT = aiohttp.ClientTimeout(total=300, sock_connect=10, sock_read=30)  # seconds


@dataclass(frozen=True, kw_only=True)
class Downloaded:
    """What was fetched."""

    content: bytes
    media_type: str  # as the platform says


async def download(session: aiohttp.ClientSession, address: str, token: str, most: int) -> Downloaded:
    """The content behind an address, asked for with the token, of at most ``most`` bytes; the rest is never read.
    Redirections are not followed: they would lead to a page to sign in. Raises ``FileNotFetchedError``."""
    try:
        async with session.get(
            address, headers={"Authorization": f"Bearer {token}"}, allow_redirects=False, timeout=TIMEOUT
        ) as response:
            match response.status:
                case 200:
                    pass
                case 404 | 410:
                    raise FileNotFetchedError(Unfetched.GONE)
                case 401 | 403 | 301 | 302 | 303 | 307 | 308:
                    raise FileNotFetchedError(Unfetched.REFUSED)
                case _:  # 202: LINE is not ready yet
                    raise FileNotFetchedError(Unfetched.LATER)
            content = bytearray()
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > most:
                    raise FileNotFetchedError(Unfetched.TOO_LARGE)
            return Downloaded(content=bytes(content), media_type=response.content_type)
    except (TimeoutError, aiohttp.ClientError) as error:
        raise FileNotFetchedError(Unfetched.LATER) from error
