"""Linking an account to a person of the roster with a code from school."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from assistant.dialogue.audit_writes import Audit
from assistant.dialogue.people_store import load_people
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import LinkAccount, RecordWrongCode
from assistant.handlers import talk
from assistant.messages import Kind
from knowledge.records import linking
from knowledge.records.audit import Act, Entry
from knowledge.records.audit import Kind as AuditKind
from knowledge.records.linking import Refusal, looks_like_code

MAX_WRONG = 10  # wrong codes …
WITHIN = timedelta(minutes=10)  # … in this time lock an account out (interface.md)


async def on_unlinked(turn: Turn) -> bool:
    """Someone we do not know: a code links them, anything else is told how to."""
    if turn.person is not None:
        return False
    if turn.incoming.kind is not Kind.TEXT or not looks_like_code(turn.incoming.text):
        turn.say("talk.not_linked")
        return True
    database, account_id = turn.services.database, turn.incoming.account_id
    async with database.write() as connection:
        if await linking.wrong_codes(connection, account_id, turn.now - WITHIN) >= MAX_WRONG:
            turn.say("talk.code_locked")
            return True
        result = await linking.use_code(
            connection, turn.incoming.text, account_id=account_id, at=turn.now, secret=turn.services.secret
        )
        owner = await linking.owner_of(connection, turn.incoming.text, secret=turn.services.secret)
        people = {} if owner is None else await load_people(connection, [owner], turn.today)
    person = None if isinstance(result, Refusal) else people.get(result)
    if isinstance(result, Refusal) or person is None:  # None: the person left the school after the code was made
        # Used and expired codes count too: they are what a guesser would hit. All get the same answer.
        turn.writes.append(RecordWrongCode(account_id=account_id, at=turn.now))
        why = result.value if isinstance(result, Refusal) else "of nobody at school"
        turn.writes.append(_kept(turn, account_id, Act.REFUSED, owner, f"code {why}"))
        turn.say("talk.code_refused")
        return True
    turn.writes.append(LinkAccount(account_id=account_id, person_id=result, at=turn.now))
    if not person.is_student:  # as in ``Sessions``: classes link in the same minutes, and the audit is one chain
        turn.writes.append(_kept(turn, result, Act.SIGN_IN, result, "linked"))
    turn.person = person
    turn.state = replace(turn.state, pending=None)
    turn.say("talk.linked", talk.menu(turn), name=talk.called(turn))
    return True


def _kept(turn: Turn, actor_id: str, act: Act, subject_id: str | None, detail: str) -> Audit:
    return Audit(
        entry=Entry(
            actor_id=actor_id,
            act=act,
            kind=AuditKind.ACCOUNTS,
            subject_ids=() if subject_id is None else (subject_id,),
            channel=turn.incoming.account_id.partition(":")[0],
            at=turn.now,
            detail=detail,
        )
    )
