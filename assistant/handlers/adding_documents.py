"""Documents of a school or district in a chat: its leads list, add, change and remove them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from assistant.dialogue.adding_draft import SAID_NOTHING, AddingDraft
from assistant.dialogue.turn import Turn
from assistant.handlers import talk
from assistant.handlers.sent_files import PREFIX, add, ask_who_reads, cancel, joined, on_files, orgs_of, tell_who_can
from assistant.keeping import (
    LARGEST_MB,
    find_kept,
    kept,
    say_line,
    say_terms,
    set_terms,
)
from assistant.messages import Choice, Kind, Link, Outgoing, Words
from intents.adding import Act, Terms, Wish, find_terms, find_wish
from intents.asides import Aside, find_aside
from intents.commands import Command, find_command
from intents.normalise import fold
from knowledge.documents.model import DocumentAudience, Listed
from knowledge.documents.readers import load_reader

PAGE = "/library"  # where documents are kept in a browser
SHOWN = 20  # documents of a list; the rest is counted
OFFERED = 9  # documents to choose from by a tap


async def on_documents_kept(turn: Turn) -> bool:
    """Files that were sent, and words about the documents. Anything else is left to others, and so is whatever comes
    from children and families: a file of theirs is not read, as a picture is not."""
    if turn.person is None or turn.person.band != "staff":
        return False
    choice, text = turn.incoming.choice or "", turn.incoming.text.strip()
    if turn.incoming.kind is Kind.CHOICE and choice.startswith(PREFIX):
        await _on_button(turn, choice[len(PREFIX) :].split("/", 2))
        return True
    if turn.incoming.files:
        return await on_files(turn, text)
    if turn.incoming.kind is not Kind.TEXT:
        return False
    draft = turn.state.adding
    if draft is not None and draft.is_latest and draft.holds(turn.now) and await _go_on_by_words(turn, draft, text):
        return True
    wish = find_wish(text, turn.today)
    return wish is not None and await _on_wish(turn, wish)


async def _on_wish(turn: Turn, wish: Wish) -> bool:
    orgs = await orgs_of(turn)
    if not orgs:
        if not wish.is_sure:
            return False
        if wish.act is Act.LIST:
            await _list_readable(turn)
        else:
            await tell_who_can(turn)
        return True
    match wish.act:
        case Act.ADD:
            links = (_page(turn),)
            most = LARGEST_MB
            takes_files = turn.incoming.channel in ("line", "slack")
            said = turn.words("adding.how_chat" if takes_files else "adding.how_page", most=most)
            turn.outgoing.append(Outgoing(text=said, links=links))
            return True
        case Act.LIST:
            await _list(turn, orgs)
            return True
        case Act.REMOVE | Act.CHANGE:
            return await _begin(turn, wish, orgs)


async def _list(turn: Turn, orgs: Mapping[str, str]) -> None:
    found = await kept(turn.services.library, orgs)
    parts: list[Words] = []
    for org_id, name in orgs.items():
        own = [each for each in found if each.org_id == org_id]
        key = "adding.list" if own else "adding.list_empty"
        parts.append(turn.words(key, org=Words.own(name), count=len(own), lines=_lines(turn, own)))
    parts.append(turn.words("adding.list_how" if found else "adding.list_how_empty"))
    turn.outgoing.append(Outgoing(text=Words.join(parts, "\n\n"), links=(_page(turn),)))


async def _list_readable(turn: Turn) -> None:
    """What other staff may ask about."""
    async with turn.services.database.read() as connection:
        reader = await load_reader(connection, turn.known.id, turn.today)
    found = await turn.services.library.listed(reader)
    key = "adding.list_readable" if found else "adding.nothing_there"
    turn.say(key, count=len(found), lines=_lines(turn, found))


def _lines(turn: Turn, documents: Sequence[Listed]) -> Words:
    lines = [say_line(each, turn.speaker, turn.today) for each in documents[:SHOWN]]
    if len(documents) > SHOWN:
        lines.append(turn.words("adding.others", count=len(documents) - SHOWN))
    return Words.join(lines, "\n")


async def _begin(turn: Turn, wish: Wish, orgs: Mapping[str, str]) -> bool:
    """The preview of what is to be done with a document, or the ones that may be meant."""
    documents = await kept(turn.services.library, orgs)
    found = [each for each in documents if wish.which is None or _is_called(each, wish.which)]
    exact = [each for each in found if wish.which is not None and _is_named(each, wish.which)]
    found = exact if len(exact) == 1 else found
    if not found and not wish.is_sure:
        return False
    draft = AddingDraft(at=turn.now, act=wish.act, terms=wish.terms)
    if not documents:
        turn.outgoing.append(Outgoing(text=turn.words("adding.nothing_there"), links=(_page(turn),)))
    elif not found:
        turn.outgoing.append(
            Outgoing(text=turn.words("adding.no_such", which=Words.own(wish.which or "")), links=(_page(turn),))
        )
    elif len(found) == 1:
        _preview(turn, draft, found[0])
    else:
        turn.change(adding=draft)
        choices = [
            Choice(label=Words.own(each.title), value=f"{PREFIX}pick/{draft.key}/{each.id}") for each in found[:OFFERED]
        ]
        key = "adding.which_more" if len(found) > OFFERED else "adding.which"
        said = turn.words(key, count=len(found))
        turn.outgoing.append(Outgoing(text=said, choices=(*choices, cancel(turn, draft)), links=(_page(turn),)))
    return True


def _preview(turn: Turn, draft: AddingDraft, document: Listed) -> None:
    """What will become of which document; nothing is done yet."""
    draft = replace(draft, at=turn.now, document=document.id)
    turn.change(adding=draft)
    title = Words.own(document.title)
    if draft.act is Act.REMOVE:
        about = say_line(document, turn.speaker, turn.today)
        said = turn.words("adding.preview_remove", line=about)
        yes = turn.button("adding.remove_button", f"{PREFIX}yes/{draft.key}")
    else:
        audience, until = _wanted(document, draft.terms)
        said = turn.words("adding.preview_change", title=title, terms=say_terms(audience, until, turn.speaker))
        yes = turn.button("adding.yes_button", f"{PREFIX}yes/{draft.key}")
    turn.outgoing.append(Outgoing(text=said, choices=(yes, cancel(turn, draft))))


async def _go_on_by_words(turn: Turn, draft: AddingDraft, text: str) -> bool:
    """はい, やめる, who may read the files and until when."""
    aside = find_aside(text)
    if aside is Aside.NO or find_command(text) is Command.STOP:
        await _on_button(turn, ["no", draft.key])
        return True
    if draft.act is not Act.ADD:
        if aside is Aside.YES and draft.document is not None:
            await _on_button(turn, ["yes", draft.key])
            return True
        return False
    terms = SAID_NOTHING if aside is Aside.YES else find_terms(text, turn.today)
    if terms is None:
        return False
    draft = replace(draft, terms=joined(draft.terms, terms))
    turn.change(adding=draft)
    if (terms.audience or aside is Aside.YES) and draft.terms.audience is not None:
        await _on_button(turn, ["add", draft.key, draft.terms.audience])
    else:
        await ask_who_reads(turn, draft, await orgs_of(turn))
    return True


async def _on_button(turn: Turn, parts: Sequence[str]) -> None:
    draft = turn.state.adding
    if draft is None or len(parts) < 2 or parts[1] != draft.key or not draft.holds(turn.now):
        turn.say("adding.too_old", talk.menu(turn))
        return
    orgs = await orgs_of(turn)  # rights may have ended since the draft was begun
    match parts:
        case ["add", _, audience] if draft.act is Act.ADD and audience in [*DocumentAudience]:
            turn.change(adding=None)
            if draft.org_id in orgs:
                await add(turn, draft, DocumentAudience(audience))
            else:
                await tell_who_can(turn)
        case ["pick", _, document_id]:
            document = await find_kept(turn.services.library, orgs, document_id)
            if document is None:
                turn.say("adding.gone", talk.menu(turn))
            else:
                _preview(turn, draft, document)
        case ["yes", _] if draft.document is not None:
            turn.change(adding=None)
            document = await find_kept(turn.services.library, orgs, draft.document)
            if document is None:
                turn.say("adding.gone", talk.menu(turn))
            elif draft.act is Act.REMOVE:
                await turn.services.library.remove(document.id)
                turn.say("adding.removed", talk.menu(turn), title=Words.own(document.title))
            else:
                audience, until = _wanted(document, draft.terms)
                await set_terms(turn.services.library, document, audience, until, turn.now)
                terms = say_terms(audience, until, turn.speaker)
                turn.say("adding.changed_terms", talk.menu(turn), title=Words.own(document.title), terms=terms)
        case _:
            turn.change(adding=None)
            turn.say(f"adding.cancelled_{draft.act}", talk.menu(turn))


def _wanted(document: Listed, terms: Terms) -> tuple[DocumentAudience, date | None]:
    """Who shall read it until when: what was said, and else what is so already."""
    until = None if terms.endless else terms.until or document.valid_until
    return terms.audience or document.audience, until


def _is_called(document: Listed, which: str) -> bool:
    return any(fold(which) in fold(name) for name in (document.title, document.file_name))


def _is_named(document: Listed, which: str) -> bool:
    return fold(which) in (fold(document.title), fold(document.file_name))


def _page(turn: Turn) -> Link:
    return Link(label=turn.words("adding.page_link"), address=PAGE)
