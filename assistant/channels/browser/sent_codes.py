"""Six figures that go to a person's own LINE or Slack, to show at the browser that it is still them.

They are not stored: they follow from a random value of the session and the installation's secret, and are worked out
when they are sent and when they are typed.
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from sqlalchemy import select, update

from assistant.channels.browser.lockout import MAX_WRONG_OF_PERSON, Guesser, at_person, refuse
from assistant.channels.browser.sessions import Session
from assistant.channels.browser.store import BrowserSession
from assistant.channels.sender import Composed
from assistant.dialogue.people_store import load_people
from assistant.dialogue.turn import Services
from assistant.handlers.linking import WITHIN
from assistant.messages import Outgoing
from assistant.wording.texts import Speaker
from knowledge.keys import key_for
from knowledge.records import linking
from knowledge.records.accounts import Account, accounts_of
from scheduler import outbox
from scheduler.outbox import Item

KIND = "sign_in_code"
FIGURES = 6
LIVES = timedelta(minutes=10)
NOT_AGAIN_FOR = timedelta(minutes=1)  # whoever taps twice gets one
ELSEWHERE = frozenset({"line", "slack"})  # where a person is by themselves


class SentCodes:
    """Sends codes and looks at what was typed."""

    def __init__(self, services: Services, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now

    async def channel_of(self, person_id: str) -> str | None:
        """Where a code would go; None: the person is on the browser alone."""
        async with self._services.database.read() as connection:
            account = (await accounts_of(connection, [person_id], self._channels)).get(person_id)
        return None if account is None else account.partition(":")[0]

    async def send(self, session: Session) -> str | None:
        """The channel that it went to; None when there is none. One that was sent a moment ago is not sent again."""
        now, person_id = self._now(), session.person.id
        async with self._services.database.write() as connection:
            account = (await accounts_of(connection, [person_id], self._channels)).get(person_id)
            if account is None:
                return None
            nonce, until = secrets.token_hex(16), BrowserSession.code_until
            is_long_ago = until.is_(None) | (until < now + LIVES - NOT_AGAIN_FOR)
            sent = await connection.execute(
                update(BrowserSession)
                .where(BrowserSession.token_hash == session.token_hash, is_long_ago)
                .values(code_nonce=nonce, code_until=now + LIVES)
            )
            if sent.rowcount:
                item = Item(
                    account_id=account,
                    kind=KIND,
                    payload={"nonce": nonce, "person_id": person_id},
                    due_at=now,
                    created_at=now,
                    expires_at=now + LIVES,
                    person_id=person_id,
                )
                await outbox.put(connection, [item])
        return account.partition(":")[0]

    async def is_right(self, session: Session, typed: str, guesser: Guesser) -> bool:
        """Whether the code that was sent for this session was typed. Wrong ones are counted for the person, and after a
        few none is right for a while, so that two browsers guess no faster than one; a code from school still is."""
        now, person = self._now(), at_person(session.person.id)
        async with self._services.database.write() as connection:
            wrong = await linking.wrong_codes(connection, person, now - WITHIN)
            found = select(BrowserSession.code_nonce, BrowserSession.code_until)
            row = (await connection.execute(found.where(BrowserSession.token_hash == session.token_hash))).first()
            nonce = row.code_nonce if row is not None and row.code_until and row.code_until > now else None
            expected = code_of(nonce or "", self._services.secret)
            if hmac.compare_digest(plain(typed).encode(), expected.encode()) and nonce and wrong < MAX_WRONG_OF_PERSON:
                return True
            await linking.record_wrong(connection, [person], now, forget_before=now - WITHIN)
            zone = self._services.timezone
            id = session.person.id
            await refuse(connection, guesser, "sent code wrong", now, zone, person_id=id, actor_id=id)
        return False

    async def compose(self, item: Item) -> Composed | None:
        """What is sent; None when the account has another owner by now."""
        person_id = item.payload["person_id"]
        today = self._now().astimezone(self._services.timezone).date()
        async with self._services.database.read() as connection:
            owner = await connection.scalar(select(Account.person_id).where(Account.id == item.account_id))
            person = (await load_people(connection, [person_id], today)).get(person_id)
        if person is None or owner != person_id:
            return None
        speaker = Speaker(language=self._services.language, band=person.band)
        code = code_of(item.payload["nonce"], self._services.secret)
        minutes = int(LIVES.total_seconds() // 60)
        text = speaker.say("account.sent_code", code=f"{code[:3]} {code[3:]}", minutes=minutes)
        return Composed(messages=[Outgoing(text=text)], grade=person.grade)

    @property
    def _channels(self) -> Collection[str]:
        return ELSEWHERE & self._services.channels


def is_meant(typed: str) -> bool:
    """Whether somebody typed such a code, and not one from school."""
    text = plain(typed)
    return len(text) == FIGURES and text.isascii() and text.isdecimal()


def code_of(nonce: str, secret: bytes) -> str:
    figures = int.from_bytes(hmac.digest(key_for("sent code", secret), nonce.encode(), "sha256")[:8]) % 10**FIGURES
    return f"{figures:0{FIGURES}}"


def plain(typed: str) -> str:
    return "".join(unicodedata.normalize("NFKC", typed).split())
