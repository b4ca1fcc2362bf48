"""The transcript of one account: what was said, in the order in which everybody saw it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.channels.browser.store import BrowserMessage
from assistant.messages import Outgoing
from knowledge.db import upsert
from knowledge.records.accounts import Account

SHOWN = 100  # latest lines that a page shows, and that are replayed after a break


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line as it is shown."""

    id: int  # message sequence
    is_own: bool  # said by the person, not by Ayumi
    message: Outgoing
    grade: str | None  # whose kanji the wording is fitted to; None: as it is
    at: datetime


async def append(
    connection: AsyncConnection,
    account_id: str,
    messages: Mapping[str, Outgoing],
    *,
    is_own: bool,
    grade: str | None,
    at: datetime,
) -> None:
    """Add messages by their keys, in order; one whose key is there already is left as it is."""
    # One writer per account at a time: otherwise PostgreSQL might show a later line before an earlier one, and a
    # page that has seen the later one would never ask for the earlier.
    await connection.execute(select(Account.id).where(Account.id == account_id).with_for_update())
    rows = [
        {
            "account_id": account_id,
            "key": key,
            "direction": "in" if is_own else "out",
            "payload": {**message.to_json(), "grade": grade},
            "at": at,
        }
        for key, message in messages.items()
    ]
    await upsert(connection, BrowserMessage, rows, key=["key"])


async def lines_after(connection: AsyncConnection, account_id: str, after: int = 0) -> Sequence[Line]:
    """The lines after a message of the sequence, the oldest first; of very many only the latest."""
    latest = (
        select(BrowserMessage.id, BrowserMessage.direction, BrowserMessage.payload, BrowserMessage.at)
        .where(BrowserMessage.account_id == account_id, BrowserMessage.id > after)
        .order_by(BrowserMessage.id.desc())
        .limit(SHOWN)
    )
    return [
        Line(
            id=row.id,
            is_own=row.direction == "in",
            message=Outgoing.from_json(row.payload),
            grade=row.payload.get("grade"),
            at=row.at,
        )
        for row in reversed((await connection.execute(latest)).all())
    ]


async def is_answered(connection: AsyncConnection, account_id: str, key: str) -> bool:
    """Whether Ayumi said something after the message with this key; without such a message, anything at all."""
    said = select(BrowserMessage.id).where(BrowserMessage.key == key).scalar_subquery()
    later = exists().where(
        BrowserMessage.account_id == account_id,
        BrowserMessage.direction == "out",
        BrowserMessage.id > func.coalesce(said, 0),
    )
    return bool(await connection.scalar(select(later)))
