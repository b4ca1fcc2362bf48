"""Names out of what people wrote, before it leaves the house."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.llm.placeholders import TO_HIRAGANA, mask
from intents.normalise import plain
from knowledge.questions.model import ClassName, PlaceName, Scope, ScopeKind, StudentName, Vocabulary
from knowledge.records.roster import Enrollment, Org, Role, SchoolClass, User

SOMEBODY = "○○"
_PLACEHOLDER = re.compile(r"(?:\[[A-Z][0-9]+\])+")
_UTC = ZoneInfo("UTC")  # nothing here depends on the time
_NOBODY = Scope(kind=ScopeKind.CLASS, ids=(), label="")


async def without_names(
    connection: AsyncConnection, texts: Mapping[str | None, Sequence[str]]
) -> Mapping[str | None, Sequence[str]]:
    """Texts by the school of their writers, with ○○ for every name of a child or an adult of that school in whichever
    form, for class and school names, and for what only looks like a name."""
    found: dict[str | None, Sequence[str]] = {}
    for school_id, of_school in texts.items():
        vocabulary = await _everybody(connection, school_id)
        found[school_id] = await asyncio.to_thread(_masked, of_school, vocabulary)
    return found


async def naming_children(connection: AsyncConnection, texts: Sequence[str]) -> list[bool]:
    """Of each text, whether the full name of any child of the roster, in kanji or kana, stands in it."""
    columns = User.family_name, User.given_name, User.kana_family_name, User.kana_given_name
    children = select(Role.user_sourced_id).where(Role.role == "student")
    rows = await connection.execute(select(*columns).where(User.sourced_id.in_(children)))
    names = {
        _run_together(f"{family}{given}") for row in rows for family, given in (row[:2], row[2:]) if family and given
    }
    return await asyncio.to_thread(
        lambda: [any(name in written for name in names) for written in map(_run_together, texts)]
    )


def _run_together(text: str) -> str:
    """A text without spaces and in one spelling, katakana as hiragana."""
    return "".join(plain(text).split()).translate(TO_HIRAGANA).lower()


def hidden(text: str, vocabulary: Vocabulary) -> str:
    """A text with ○○ for every name of the vocabulary, and for what only looks like a name."""
    return _PLACEHOLDER.sub(SOMEBODY, mask(text, vocabulary).text)


def _masked(texts: Sequence[str], vocabulary: Vocabulary) -> list[str]:
    return [hidden(text, vocabulary) for text in texts]


async def _everybody(connection: AsyncConnection, school_id: str | None) -> Vocabulary:
    """The names of all people, classes and of the school itself."""
    columns = (
        User.sourced_id,
        User.family_name,
        User.given_name,
        User.kana_family_name,
        User.kana_given_name,
    )
    enrolled = select(Enrollment.user_sourced_id).where(Enrollment.school_sourced_id == school_id)
    employed = select(Role.user_sourced_id).where(Role.org_sourced_id == school_id)
    theirs = or_(User.primary_org_sourced_id == school_id, User.sourced_id.in_(enrolled.union(employed)))
    people = await connection.execute(select(*columns).where(theirs))
    in_school = SchoolClass.school_sourced_id == school_id
    classes = await connection.execute(select(SchoolClass.sourced_id, SchoolClass.title).where(in_school))
    name = await connection.scalar(select(Org.name).where(Org.sourced_id == school_id))
    return Vocabulary(
        timezone=_UTC,
        default=_NOBODY,
        students=tuple(
            StudentName(
                id=row.sourced_id,
                family_name=row.family_name,
                given_name=row.given_name,
                kana_family_name=row.kana_family_name,
                kana_given_name=row.kana_given_name,
                class_id=None,
                class_title=None,
                number=None,
                mine=False,
            )
            for row in people
        ),
        classes=tuple(
            ClassName(id=row.sourced_id, title=row.title, grade=None, school_id=school_id or "", homeroom=False)
            for row in classes
        ),
        schools=(PlaceName(id=school_id, name=name),) if school_id and name else (),
    )
