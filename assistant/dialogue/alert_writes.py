"""What staff did about an alert, stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.records.alerts import AlertState, change_alert
from scheduler import tellings
from scheduler.alerts import KIND


@dataclass(frozen=True, kw_only=True)
class ChangeAlert:
    """A member of staff has seen an alert, or closed it: it is passed on no more, unless the child wrote again."""

    alert_id: str
    state: AlertState
    actor_id: str
    at: datetime
    note: str = ""
    reopens: bool = False

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            if await change_alert(connection, **vars(write)):
                await tellings.end(connection, KIND, [write.alert_id])
