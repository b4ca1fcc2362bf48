"""What LINE may still be sent by itself this month (Messaging API reference, "Get the target limit for sending
messages this month" and "Get number of messages sent this month")."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import structlog

from assistant.dialogue.turn import Quota

GOOD_FOR = timedelta(minutes=10)  # LINE's own count lags behind anyway
ASK_AGAIN = timedelta(seconds=30)  # where LINE did not answer: nobody is to wait for it one after another
TIMEOUT = 5.0  # seconds for one of the two questions

log = structlog.get_logger(__name__)


class LineQuota:
    """Asks LINE, and remembers the answer for ten minutes, and for half a minute that there was none."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        access_token: str,
        now: Callable[[], datetime],
    ) -> None:
        """``now`` must be aware."""
        self._session = session
        self._url = f"{base_url.rstrip('/')}/v2/bot/message/quota"
        self._headers = {"Authorization": f"Bearer {access_token}"}
        self._now = now
        self._timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        self._known: tuple[datetime, Quota | None] | None = None
        self._asking = asyncio.Lock()

    async def __call__(self) -> Quota | None:
        """None when LINE does not say; that is logged, and asked again after a while. Raises nothing."""
        async with self._asking:
            at, quota = self._known or (datetime.min.replace(tzinfo=UTC), None)
            good_for = ASK_AGAIN if quota is None else GOOD_FOR
            if not timedelta() <= self._now() - at < good_for:
                quota = await self._ask()
                self._known = self._now(), quota
            return quota

    async def _ask(self) -> Quota | None:
        try:
            limit, used = await asyncio.gather(self._get(""), self._get("/consumption"))
            is_limited = limit["type"] == "limited"
            return Quota(limit=int(limit["value"]) if is_limited else None, used=int(used["totalUsage"]))
        except (aiohttp.ClientError, TimeoutError, KeyError, TypeError, ValueError) as error:
            log.warning("quota_unknown", channel="line", problem=type(error).__name__)
            return None

    async def _get(self, path: str) -> Any:
        async with self._session.get(
            self._url + path, headers=self._headers, timeout=self._timeout, raise_for_status=True
        ) as response:
            return await response.json(content_type=None)
