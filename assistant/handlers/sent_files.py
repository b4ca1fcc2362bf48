"""Files that were sent in a chat: who may read them is asked before they are taken in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from assistant.dialogue.adding_draft import SAID_NOTHING, AddingDraft
from assistant.dialogue.adding_writes import TakeIn
from assistant.dialogue.turn import Turn
from assistant.keeping import file_name, refused, say_audience, say_date, say_skipped, source_of
from assistant.messages import Choice, Outgoing, Tone, Words
from intents.adding import Act, Terms, find_terms, find_wish
from knowledge.documents.keepers import orgs_kept
from knowledge.documents.model import DocumentAudience, Listed
from knowledge.records.leads import leads_of

PREFIX = "+"  # a button's value: ``+<what>/<key of the draft>[/<audience, or id of a document>]``
MOST_FILES = 10  # that wait for one answer


async def on_files(turn: Turn, text: str) -> bool:
    """Files that came: asked about, never taken in unasked. Words beside them that say something else are answered,
    too."""
    terms = find_terms(text, turn.today) if text else SAID_NOTHING
    is_done = terms is not None or find_wish(text, turn.today) is not None
    orgs = await orgs_of(turn)
    if not orgs:
        await tell_who_can(turn)
        return is_done
    sent = [replace(file, name=file_name(file.name)) for file in turn.incoming.files]
    whys = [refused(file.name, file.size) for file in sent]
    for file, why in zip(sent, whys, strict=True):
        if why is not None:
            turn.outgoing.append(Outgoing(text=say_skipped(file.name, why, turn.speaker)))
    good = [file for file, why in zip(sent, whys, strict=True) if why is None]
    if not good:
        return is_done
    draft = turn.state.adding
    if draft is None or draft.act is not Act.ADD or not draft.holds(turn.now):
        own = turn.known.school_id or ""
        draft = AddingDraft(at=turn.now, act=Act.ADD, org_id=own if own in orgs else next(iter(orgs)))
    files = tuple({file.name: file for file in (*draft.files, *good)}.values())  # of one name the last
    if len(files) > MOST_FILES:
        turn.say("adding.too_many", most=MOST_FILES)
        return is_done
    draft = replace(draft, files=files, terms=joined(draft.terms, terms or SAID_NOTHING))
    await ask_who_reads(turn, draft, orgs)
    return is_done


async def ask_who_reads(turn: Turn, draft: AddingDraft, orgs: Mapping[str, str]) -> None:
    draft = replace(draft, at=turn.now)
    turn.change(adding=draft)
    names = [Words.own(file.name) for file in draft.files]
    there = await _there(turn, draft)
    parts = [turn.words("adding.ask_many" if len(names) > 1 else "adding.ask", names=_listed(turn, names))]
    if there:
        replaced = [Words.own(each.title) for each in there.values()]
        parts.append(turn.words("adding.ask_replaces", titles=_listed(turn, replaced)))
    if len(orgs) > 1:
        parts.append(turn.words("adding.ask_org", org=Words.own(orgs[draft.org_id])))
    if draft.terms.until is not None:
        parts.append(turn.words("adding.ask_until", date=say_date(draft.terms.until, turn.speaker)))
    if draft.terms.audience is not None:  # it was said with the file: はい will do
        parts.append(turn.words("adding.ask_audience", audience=say_audience(draft.terms.audience, turn.speaker)))
    choices = [
        turn.button(f"adding.{audience}_button", f"{PREFIX}add/{draft.key}/{audience}") for audience in DocumentAudience
    ]
    turn.outgoing.append(Outgoing(text=Words.join(parts, "\n"), choices=(*choices, cancel(turn, draft))))


async def add(turn: Turn, draft: AddingDraft, audience: DocumentAudience) -> None:
    """The files are fetched and read when this turn is stored; a document that is replaced stays valid as long as it
    was, unless something else was said."""
    there = await _there(turn, draft)
    for number, file in enumerate(draft.files):
        before = there.get(file.name)
        until = draft.terms.until
        if until is None and not draft.terms.endless and before is not None:
            until = before.valid_until
        turn.writes.append(
            TakeIn(
                key=f"document:{turn.incoming.event_id}:{number}",
                account_id=turn.incoming.account_id,
                person_id=turn.known.id,
                file=file,
                org_id=draft.org_id,
                audience=audience,
                valid_until=until,
                replaces=before is not None,
                language=turn.language,
                at=turn.now,
            )
        )
    names = [Words.own(file.name) for file in draft.files]
    turn.say("adding.reading", names=_listed(turn, names), audience=say_audience(audience, turn.speaker))


async def _there(turn: Turn, draft: AddingDraft) -> dict[str, Listed]:
    """The documents that the files of a draft would replace, by the files' names."""
    library = turn.services.library
    found = {file.name: await library.find(source_of(draft.org_id, file.name)) for file in draft.files}
    return {name: each for name, each in found.items() if each is not None}


def joined(before: Terms, terms: Terms) -> Terms:
    """What was said first and then."""
    says_when = terms.until is not None or terms.endless
    return Terms(
        audience=terms.audience or before.audience,
        until=terms.until if says_when else before.until,
        endless=terms.endless if says_when else before.endless,
    )


def _listed(turn: Turn, names: Sequence[Words]) -> Words:
    quoted = [turn.words("adding.quoted", name=name) for name in names]
    return Words.join(quoted, str(turn.words("adding.comma")))


async def orgs_of(turn: Turn) -> Mapping[str, str]:
    async with turn.services.database.read() as connection:
        return await orgs_kept(connection, turn.known.id, turn.today)


async def tell_who_can(turn: Turn) -> None:
    """Only leads keep documents: who they are."""
    async with turn.services.database.read() as connection:
        names = await leads_of(connection, turn.known.school_id or "", turn.today)
    if names:
        named = [turn.words("closures.lead_name", name=Words.own(name)) for name in names]
        turn.say("adding.only_leads", names=Words.join(named, str(turn.words("closures.comma"))))
    else:
        turn.say("adding.only_leads_unknown")


def cancel(turn: Turn, draft: AddingDraft) -> Choice:
    return turn.button("adding.cancel_button", f"{PREFIX}no/{draft.key}", Tone.CONTROL)
