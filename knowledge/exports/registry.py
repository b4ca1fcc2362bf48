"""Everything that can be exported, by kind. A new kind is a line in ``KINDS``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.errors import KnowledgeError
from knowledge.exports.activity import activity_report
from knowledge.exports.content_feedback import Mask, content_feedback
from knowledge.records.roster import SchoolClass

# (connection, class, first day, last day, the school's time zone) → the file
Export = Callable[[AsyncConnection, str, date, date, ZoneInfo], Awaitable[bytes]]
KINDS: Mapping[str, Export] = {"activity": activity_report}
# (connection, first day, last day, time zone, what takes names out) → the file, of all schools together
ExportOfAll = Callable[[AsyncConnection, date, date, ZoneInfo, Mask], Awaitable[bytes]]
OF_ALL: Mapping[str, ExportOfAll] = {"content-feedback": content_feedback}
LONGEST = timedelta(days=366)


class ExportError(KnowledgeError):
    """What was asked for is not there, or cannot be one file."""


async def run_export(
    connection: AsyncConnection, kind: str, class_id: str, first: date, last: date, timezone: ZoneInfo
) -> bytes:
    """The file of a kind about a homeroom class from ``first`` to ``last``, both included. Raises ``ExportError``."""
    _check(first, last)
    statement = select(SchoolClass.class_type).where(SchoolClass.sourced_id == class_id)
    class_type = await connection.scalar(statement)
    if class_type != "homeroom":
        raise ExportError(f"--class {class_id}: expected the sourcedId of a homeroom class in the roster")
    return await KINDS[kind](connection, class_id, first, last, timezone)


async def run_export_of_all(
    connection: AsyncConnection, kind: str, first: date, last: date, timezone: ZoneInfo, mask: Mask
) -> bytes:
    """The file of a kind about all schools from ``first`` to ``last``, both included; ``mask`` takes names out of what
    people wrote. Raises ``ExportError``."""
    _check(first, last)
    return await OF_ALL[kind](connection, first, last, timezone, mask)


def _check(first: date, last: date) -> None:
    if last < first:
        raise ExportError(f"--from {first} lies after --to {last}")
    if last - first > LONGEST:
        raise ExportError(f"from {first} to {last}: at most {LONGEST.days} days fit into one file")
