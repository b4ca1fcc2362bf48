"""Shows people that an answer is coming, where that keeps nobody else waiting: never in place of a message."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from assistant.channels.port import Channel
from knowledge.bulkhead import Bulkhead
from scheduler.rates import Rates

AT_ONCE = 20  # calls; more slow turns go without


class Busy:
    """What a slow turn calls."""

    def __init__(self, channels: Mapping[str, Channel], rates: Rates | None) -> None:
        self._channels = channels
        self._rates = rates
        self._bulkhead = Bulkhead(AT_ONCE)

    async def show(self, account_id: str) -> None:
        """Nothing is shown where messages need all that the channel takes. Raises ``FullError`` when too many calls are
        under way, ``StorageDownError`` when what the channel takes is not known."""
        channel = self._channels[account_id.partition(":")[0]]
        pace = channel.pace
        with self._bulkhead:
            if self._rates is not None and pace.limit is not None and pace.busy:
                if self._rates.allowance(pace.limit) < pace.busy:
                    return
                spent = await self._rates.spend(pace.limit, pace.busy)
                if not spent.is_granted:
                    return
                await asyncio.sleep(*spent.waits([pace.busy], pace.limit))
            await channel.show_busy(account_id)
