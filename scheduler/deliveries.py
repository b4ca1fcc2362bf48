"""The deliveries of all channels, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from scheduler.claims import STALE_AFTER
from scheduler.delivery import Delivery


class Deliveries:
    """A pipeline for each channel: one whose platform hangs keeps none of the others waiting (a bulkhead)."""

    def __init__(self, deliveries: Sequence[Delivery]) -> None:
        self._deliveries = {delivery.channel: delivery for delivery in deliveries}
        self._pipelines = [delivery.pipeline for delivery in deliveries]

    @property
    def still_for(self) -> float | None:
        """Of the pipeline that moved least lately: seconds since its last exchange; None: not started."""
        return max((still for each in self._pipelines if (still := each.still_for) is not None), default=None)

    def wake(self, channel: str | None = None) -> None:
        """There may be something to send on a channel; None: on any."""
        for delivery in self._deliveries.values() if channel is None else [self._deliveries[channel]]:
            delivery.pipeline.wake()

    def start(self) -> None:
        for pipeline in self._pipelines:
            pipeline.start()

    async def stop(self) -> None:
        """Each takes nothing new, and finishes what it can. Safe to call twice, or when it never started."""
        await asyncio.gather(*(pipeline.stop() for pipeline in self._pipelines))

    async def drain(self) -> None:
        """Send everything that is due, in the caller's time. What went wrong may be told on another channel: twice."""
        for pipeline in [*self._pipelines, *self._pipelines]:
            await pipeline.drain()

    async def recover(self, stale_after: float | None = STALE_AFTER) -> None:
        """Put back what a process that died had claimed: see ``Delivery.recover``."""
        for delivery in self._deliveries.values():
            await delivery.recover(stale_after)
