"""What came of the content that was offered, for its providers: figures of groups, and comments without names.

No figure about fewer than ``SMALL_GROUP`` people is in it, nor a comment on what so few people opened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.exports.table import Cell, csv_file
from knowledge.questions.small_groups import SMALL_GROUP
from knowledge.records.content import Content, ContentOffer
from knowledge.records.roster import Role, User

HEADER = ("contentId", "title", "provider", "offered", "opened", "useful", "notUseful", "comments", "commentTexts")
FEW = f"<{SMALL_GROUP}"  # instead of a figure of a small group
# (connection, texts of people by school) → the same texts without the names of anybody there
Mask = Callable[[AsyncConnection, Mapping[str | None, Sequence[str]]], Awaitable[Mapping[str | None, Sequence[str]]]]


@dataclass(kw_only=True)
class _Figures:
    """People, each counted once per item."""

    offered: set[str] = field(default_factory=set[str])
    opened: set[str] = field(default_factory=set[str])
    useful: set[str] = field(default_factory=set[str])
    not_useful: set[str] = field(default_factory=set[str])
    comments: list[tuple[str | None, str]] = field(default_factory=list[tuple[str | None, str]])  # school, text


async def content_feedback(
    connection: AsyncConnection, first: date, last: date, timezone: ZoneInfo, mask: Mask
) -> bytes:
    """A line for each piece of content that was offered from ``first`` to ``last``, in the order of its ids. Figures
    count people. Comments stand in one cell, a line each, in the order of their letters: not that of their writers."""
    begin = datetime.combine(first, time(), timezone)
    end = datetime.combine(last + timedelta(days=1), time(), timezone)
    # OneRoster need not name a primary org; every role has one.
    held_at = select(func.max(Role.org_sourced_id)).where(Role.user_sourced_id == User.sourced_id).scalar_subquery()
    statement = (
        select(
            Content.content_id,
            Content.title,
            Content.provider,
            ContentOffer.person_id,
            ContentOffer.opened_at,
            ContentOffer.is_useful,
            ContentOffer.comment,
            func.coalesce(User.primary_org_sourced_id, held_at).label("school_id"),
        )
        .join(Content, Content.content_id == ContentOffer.content_id)
        .join(User, User.sourced_id == ContentOffer.person_id)
        .where(ContentOffer.offered_at >= begin, ContentOffer.offered_at < end)
        .order_by(Content.content_id, ContentOffer.offered_at)
    )
    items = defaultdict[tuple[str, str, str | None], _Figures](_Figures)
    for row in await connection.execute(statement):
        figures = items[row.content_id, row.title, row.provider]
        figures.offered.add(row.person_id)
        if row.opened_at is not None:
            figures.opened.add(row.person_id)
        if row.is_useful is not None:  # the later of two words of one person counts
            (figures.useful if row.is_useful else figures.not_useful).add(row.person_id)
            (figures.not_useful if row.is_useful else figures.useful).discard(row.person_id)
        if row.comment:
            figures.comments.append((row.school_id, row.comment))
    return csv_file([HEADER, *[await _line(connection, about, each, mask) for about, each in items.items()]])


async def _line(
    connection: AsyncConnection, about: tuple[str, str, str | None], figures: _Figures, mask: Mask
) -> Sequence[Cell]:
    if 0 < len(figures.opened) < SMALL_GROUP:  # so few people: neither what they found, nor what they said
        return [*about, _shown(figures.offered), FEW, FEW, FEW, FEW, None]
    by_school = defaultdict[str | None, list[str]](list)
    for school, text in figures.comments:
        by_school[school].append(text)
    masked = await mask(connection, by_school)
    texts = sorted(" ".join(text.split()) for texts in masked.values() for text in texts)
    judged = figures.useful | figures.not_useful
    is_few = 0 < len(judged) < SMALL_GROUP
    counted = [FEW if is_few else _shown(people) for people in (figures.useful, figures.not_useful)]
    return [*about, _shown(figures.offered), _shown(figures.opened), *counted, len(texts), "\n".join(texts) or None]


def _shown(people: set[str]) -> Cell:
    return FEW if 0 < len(people) < SMALL_GROUP else len(people)
