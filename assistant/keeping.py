"""Documents kept by the leads of a school or district: what they added, put in, changed, with its result in words."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import date, datetime
from urllib.parse import quote

from assistant.messages import Words
from assistant.wording.texts import Speaker
from knowledge.documents.ingest import Added, add_file
from knowledge.documents.library import Library
from knowledge.documents.model import DocumentAudience, DocumentKind, Listed, NewDocument, Piece, Reader
from knowledge.documents.reading.limits import MAX_BYTES
from knowledge.documents.reading.model import Reason, UnreadableError
from knowledge.documents.reading.registry import check_name
from knowledge.documents.sources import Source, one_line, sources_in

LARGEST = MAX_BYTES  # of a file that is taken from a chat or a page
LARGEST_MB = LARGEST >> 20
AT_ONCE = 2  # files, or forms with files, that are read at the same time for chats, and as many for pages
MOST_LINES = 20  # files of a zip whose results are told one by one
LONGEST_NAME = 150  # characters


async def kept(library: Library, orgs: Collection[str]) -> list[Listed]:
    """The files that were added for these schools and districts, by title; also those whose time is over."""
    reader = Reader(orgs=frozenset(orgs), is_staff=True, on=date.min)
    found = await library.listed(reader)
    return [each for each in found if each.org_id in orgs and each.kind is DocumentKind.FILE]


async def find_kept(library: Library, orgs: Collection[str], document_id: str) -> Listed | None:
    """One of them; None when there is none of that id."""
    return next((each for each in await kept(library, orgs) if each.id == document_id), None)


def source_of(org_id: str, name: str) -> str:
    """What comes again under this name for this school or district replaces what there is."""
    # Quoted, or "a:b" and "c.pdf" would be the same as "a" and "b:c.pdf" of somebody else.
    return f"upload:{quote(org_id, safe='')}:{name}"


def file_name(said: str) -> str:
    """A file's name as it is kept: without folders and characters that nobody sees; "file" where nothing is left."""
    name = one_line(said.replace("\\", "/").rpartition("/")[2])
    stem, dot, ending = name.rpartition(".")
    if len(name) > LONGEST_NAME:
        name = f"{stem[: LONGEST_NAME - 10]}{dot}{ending[:9]}" if dot else name[:LONGEST_NAME]
    return name or "file"


async def take_in(
    library: Library,
    name: str,
    content: bytes,
    *,
    org_id: str,
    audience: DocumentAudience,
    valid_until: date | None,
    title: str | None,
    person_id: str,
    now: datetime,
) -> list[Added]:
    """Put a file in for a school or district, or every file of a zip: what each came to. ``title`` is a single file's.
    Reading goes on beside everything else."""
    if not _is_zip(name):
        files = [Source(id=source_of(org_id, name), name=name, load=lambda: content)]
    else:
        try:
            files = await asyncio.to_thread(sources_in, content, source_of(org_id, ""))
        except UnreadableError as error:
            return [Added(source=source_of(org_id, name), name=name, reason=error.reason)]
    result: list[Added] = []
    for file in files:
        try:
            loaded = await asyncio.to_thread(file.load)
        except UnreadableError as error:
            result.append(Added(source=file.id, name=file.name, reason=error.reason))
            continue
        added = await add_file(
            library,
            name=file_name(file.name),
            content=loaded,
            source=file.id,
            title=None if _is_zip(name) else title,
            audience=audience,
            org_id=org_id,
            valid_until=valid_until,
            added_by=person_id,
            now=now,
        )
        result.append(added)
    return result or [Added(source=source_of(org_id, name), name=name, reason=Reason.EMPTY)]


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")


async def set_terms(
    library: Library, document: Listed, audience: DocumentAudience, valid_until: date | None, now: datetime
) -> bool:
    """Say anew who may read a document until when; False when it is no longer there."""
    reader = Reader(orgs=None, is_staff=True, on=date.min)  # that the person keeps it was looked at
    found = await library.file(document.id, reader)
    if found is None:
        return False
    listed, content = found
    passages = await library.passages(document.id, reader)
    same = NewDocument(
        source=listed.source,
        kind=listed.kind,
        title=listed.title,
        file_name=listed.file_name,
        media_type=listed.media_type,
        audience=audience,
        org_id=listed.org_id,
        valid_until=valid_until,
        author=listed.author,
        dated=listed.dated,
        content=content,
        pieces=tuple(Piece(section=each.section, page=each.page, text=each.text) for each in passages),
        pages=listed.pages,
        added_by=listed.added_by,
    )
    await library.put(same, now)
    return True


def refused(name: str, size: int | None) -> Reason | None:
    """Why a file will not be taken in, as far as its name and size (bytes) tell; None where they do not."""
    try:
        if not _is_zip(name):
            check_name(name)
    except UnreadableError as error:
        return error.reason
    return Reason.TOO_LARGE if size is not None and size > LARGEST else None


def say_skipped(name: str, reason: Reason | None, speaker: Speaker) -> Words:
    """That a file was left out, and why."""
    why = speaker.say(f"adding.why_{reason}", most=LARGEST_MB) if reason is not None else Words()
    return speaker.say("adding.skipped", name=Words.own(name), reason=why)


def say_added(added: Sequence[Added], speaker: Speaker) -> Words:
    """What adding came to, a line for each file: added, changed, unchanged, or skipped and why. Of very many files
    first those that were skipped."""
    ordered = sorted(added, key=lambda each: each.outcome is not None) if len(added) > MOST_LINES else added
    lines = [_say_one(each, speaker) for each in ordered[:MOST_LINES]]
    if len(added) > MOST_LINES:
        left = ordered[MOST_LINES:]
        skipped = sum(each.outcome is None for each in left)
        lines.append(speaker.say("adding.results_more", count=len(left), skipped=skipped))
    return Words.join(lines, "\n")


def _say_one(added: Added, speaker: Speaker) -> Words:
    if added.outcome is None:
        return say_skipped(added.name, added.reason, speaker)
    return speaker.say(f"adding.{added.outcome}", name=Words.own(added.name), title=Words.own(added.title))


def say_audience(audience: DocumentAudience, speaker: Speaker) -> Words:
    """全員（子ども・家庭も）, 教職員だけ."""
    return speaker.say(f"adding.audience_{audience}")


def say_date(day: date, speaker: Speaker) -> Words:
    return speaker.say("adding.date", year=day.year, month=day.month, day=day.day)


def say_terms(audience: DocumentAudience, valid_until: date | None, speaker: Speaker) -> Words:
    """Who may read a document, and until when: 「教職員だけ・2027年3月31日まで」."""
    parts = [say_audience(audience, speaker)]
    if valid_until is not None:
        parts.append(speaker.say("adding.until", date=say_date(valid_until, speaker)))
    return Words.join(parts, str(speaker.say("adding.dot")))


def say_line(document: Listed, speaker: Speaker, today: date) -> Words:
    """A document in a list."""
    parts = [say_terms(document.audience, document.valid_until, speaker)]
    if document.valid_until is not None and document.valid_until < today:
        parts.append(speaker.say("adding.over"))
    if document.pages is not None:
        parts.append(speaker.say("adding.pages", pages=document.pages))
    about = Words.join(parts, str(speaker.say("adding.dot")))
    return speaker.say("adding.line", title=Words.own(document.title), about=about)
