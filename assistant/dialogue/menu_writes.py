"""What a turn about learning menus wants stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import upsert
from knowledge.records.closures import MenuDone, MenuLine, save_menu


@dataclass(frozen=True, kw_only=True)
class SaveMenu:
    """A grade's menu of a day, in place of an earlier one."""

    school_id: str
    grade: str
    day: date
    lines: tuple[MenuLine, ...]
    person_id: str

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            await save_menu(connection, write.school_id, write.grade, write.day, write.lines, write.person_id)


@dataclass(frozen=True, kw_only=True)
class SetMenuDone:
    """A child says that an item was done, or not after all."""

    item_id: str
    person_id: str
    is_done: bool
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            if write.is_done:
                row = {"item_id": write.item_id, "person_id": write.person_id, "done_at": write.at}
                await upsert(connection, MenuDone, [row], key=["item_id", "person_id"])
            else:
                mine = (MenuDone.item_id == write.item_id, MenuDone.person_id == write.person_id)
                await connection.execute(delete(MenuDone).where(*mine))
