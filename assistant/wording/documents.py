"""How an answer from the documents reads: the sentences, and where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

from assistant.messages import Words
from assistant.wording.texts import Speaker
from knowledge.documents.model import Citation, DocumentKind, Listed, Passage
from knowledge.documents.sentences import split_sentences

SECTION_JOINT = " › "
CHILDS_SENTENCES = 3  # of a passage that a child is shown at once


def source_line(speaker: Speaker, where: Citation | Passage, document: Listed | None = None) -> Words:
    """Where something stands: 📄 学校のきまり 3ページ「2. 服装」. Of a practice also who told it, and when."""
    # The outer headings are the way to the innermost, which is what is looked for on the page.
    innermost = where.section.split(SECTION_JOINT)[-1]
    parts = [speaker.say("documents.source", title=where.title)]
    if where.page is not None:
        parts.append(speaker.say("documents.source_page", page=where.page))
    if innermost and innermost != where.title:
        parts.append(speaker.say("documents.source_section", section=innermost))
    if document is not None and document.kind is DocumentKind.PRACTICE:
        parts.append(_told_by(document, speaker))
    return Words.join(parts, "")


def beginning(text: str, sentences: int = CHILDS_SENTENCES) -> str:
    """The first sentences of a passage, exactly as they stand there; a shorter passage whole."""
    found = split_sentences(text)
    return text if len(found) <= sentences else text[: found[sentences - 1].end].rstrip()


def sections(passages: Iterable[Passage]) -> list[tuple[str, int | None, list[Passage]]]:
    """The passages under their heading and page, in the order of the document."""
    grouped = groupby(passages, key=lambda passage: (passage.section, passage.page))
    return [(section, page, list(each)) for (section, page), each in grouped]


def by_id(listed: Iterable[Listed]) -> Mapping[str, Listed]:
    return {each.id: each for each in listed}


def _told_by(document: Listed, speaker: Speaker) -> Words:
    day = document.dated
    dated = speaker.say("documents.day", year=day.year, month=day.month, day=day.day) if day is not None else Words()
    author = Words.own(document.author) if document.author else Words()
    told = Words.join([author, dated], speaker.say("documents.told_joint").spans[0].text)
    return speaker.say("documents.told", by=told) if told else Words()
