"""Friends added and lost, messages taken back."""

from __future__ import annotations

from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import LoseAccount, Withdraw
from assistant.handlers.talk import greet
from assistant.messages import Kind


async def on_account_event(turn: Turn) -> bool:
    """Follow, unfollow, unsend."""
    match turn.incoming.kind:
        case Kind.UNFOLLOW:
            turn.writes.append(LoseAccount(account_id=turn.incoming.account_id, at=turn.now))
        case Kind.UNSEND:
            turn.change(answering=None, adding=None)  # they may hold the very text, or file
            if turn.incoming.refers_to:
                turn.writes.append(
                    Withdraw(
                        account_id=turn.incoming.account_id,
                        person_id=turn.person.id if turn.person else None,
                        message_id=turn.incoming.refers_to,
                        timezone=turn.services.timezone,
                    )
                )
        case Kind.FOLLOW if turn.person is None:
            turn.say("talk.welcome")
        case Kind.FOLLOW:
            greet(turn)
        case _:
            return False
    return True
