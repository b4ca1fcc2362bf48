"""Linking an account to a person of the roster with a code from school."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from assistant.dialogue.people_store import load_people
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import LinkAccount, RecordWrongCode
from assistant.handlers import talk
from assistant.messages import Kind
from knowledge.records import linking
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
    if isinstance(result, Refusal):
        # Used and expired codes count too: they are what a guesser would hit.
        turn.writes.append(RecordWrongCode(account_id=account_id, at=turn.now))
        turn.say(f"talk.code_{result}")
        return True
    async with database.read() as connection:
        person = (await load_people(connection, [result], turn.today)).get(result)
    if person is None:  # the person left the school after the code was made
        turn.say("talk.code_expired")
        return True
    turn.writes.append(LinkAccount(account_id=account_id, person_id=result, at=turn.now))
    turn.person = person
    turn.state = replace(turn.state, pending=None)
    turn.say("talk.linked", talk.menu(turn), name=talk.called(turn))
    return True
