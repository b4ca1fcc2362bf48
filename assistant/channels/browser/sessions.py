"""Signed-in browsers: in with a code from school, out by hand, by itself after idle time, or when the person leaves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.channels.browser.cookies import new_token
from assistant.channels.browser.store import BrowserSession
from assistant.dialogue.people import Person
from assistant.dialogue.people_store import load_people
from assistant.handlers.linking import MAX_WRONG, WITHIN
from knowledge.db import Database, upsert
from knowledge.records import linking
from knowledge.records.accounts import Account
from knowledge.records.linking import Refusal

# Wrong codes from one address in the same time: ten classes of 40 that sign in for the first time, three children in
# four with a slip.
MAX_WRONG_AT_ADDRESS = 300
# Wrong codes from everywhere in the same time that no school day brings: somebody guesses from many addresses. As long
# as that goes on there is less patience with each.
STORM, MAX_WRONG_IN_A_STORM = 10_000, 30
LONGEST = timedelta(hours=24)  # a session lasts however much it is used; a setting allows as many idle hours
MOST_SESSIONS = 50  # of one person; a whole class may try the demo as the same child
MOVED_ON_EVERY = timedelta(seconds=20)  # how exactly we know the last use: a write for every page would be too many


class Refused(StrEnum):
    """Why a code does not sign in."""

    WRONG = "wrong"
    USED = "used"
    EXPIRED = "expired"
    LOCKED = "locked"  # too many wrong ones from this address


@dataclass(frozen=True, kw_only=True)
class Session:
    """A browser and who uses it."""

    token_hash: str
    csrf_token: str = field(repr=False)
    person: Person
    signed_in_at: datetime

    @property
    def account_id(self) -> str:
        return account_of(self.person.id)

    @property
    def grade(self) -> str | None:
        """Whose kanji the wording is fitted to."""
        return self.person.grade if self.person.is_student else None


class Sessions:
    """Opens, finds and ends sessions."""

    def __init__(
        self, database: Database, secret: bytes, now: Callable[[], datetime], zone: ZoneInfo, idle: timedelta
    ) -> None:
        """``secret``: of the hashes of link codes. ``idle``: the time without use after which a session is over."""
        self._database = database
        self._secret = secret
        self._now = now
        self._zone = zone
        self._idle = idle

    async def sign_in_with_code(self, code: str, browser: str, address: str) -> str | Refused:
        """The token of a new session, or why there is none. Wrong codes are counted by browser (the cookie of its
        form) and, since a cookie can be thrown away, by the client's address too: there with more patience, because a
        whole school may share one."""
        now, token = self._now(), new_token()
        guessers = (f"browser:form:{_hash(browser)}", f"browser:addr:{address}")
        async with self._database.write() as connection:
            wrong = [await linking.wrong_codes(connection, guesser, now - WITHIN) for guesser in guessers]
            if await self._is_guessing(connection, *wrong):
                return Refused.LOCKED
            if not linking.looks_like_code(code):
                return Refused.WRONG  # a slip, not a guess: not counted, as in the other channels
            used_by = f"browser:session:{_hash(token)}"
            person_id = await linking.use_code(connection, code, account_id=used_by, at=now, secret=self._secret)
            if isinstance(person_id, Refusal):
                await linking.record_wrong(connection, guessers, now, forget_before=now - WITHIN)
                return Refused(person_id.value)
            return token if await self._open(connection, person_id, token) else Refused.EXPIRED

    async def _is_guessing(self, connection: AsyncConnection, by_browser: int, at_address: int) -> bool:
        """Whether there were so many wrong codes that not even a right one is taken."""
        if by_browser >= MAX_WRONG or at_address >= MAX_WRONG_AT_ADDRESS:
            return True
        if at_address < MAX_WRONG_IN_A_STORM:
            return False
        return await linking.wrong_codes_of_all(connection, self._now() - WITHIN) >= STORM

    async def sign_in(self, person_id: str) -> str | None:
        """The token of a new session without a code (demo); None when there is no such person."""
        token = new_token()
        async with self._database.write() as connection:
            return token if await self._open(connection, person_id, token) else None

    async def find(self, token: str | None, *, is_use: bool) -> Session | None:
        """The session of a cookie; None when it is over or its person left. ``is_use`` moves its end on."""
        if not token:
            return None
        now, token_hash = self._now(), _hash(token)
        async with self._database.read() as connection:
            found = select(*BrowserSession.__table__.columns)
            row = (await connection.execute(found.where(self._is_open(token_hash)))).first()
            if row is None:
                return None
            people = await load_people(connection, [row.person_id], self._today())
        person = people.get(row.person_id)
        if person is None:
            return None
        expires_at = min(now + self._idle, row.created_at + LONGEST)
        if is_use and expires_at - row.expires_at >= MOVED_ON_EVERY:
            async with self._database.write() as connection:
                await connection.execute(
                    update(BrowserSession).where(BrowserSession.token_hash == token_hash).values(expires_at=expires_at)
                )
        return Session(token_hash=token_hash, csrf_token=row.csrf_token, person=person, signed_in_at=row.created_at)

    async def is_open(self, connection: AsyncConnection, session: Session) -> bool:
        """Whether a session is still good; asking is no use."""
        return bool(await connection.scalar(select(exists().where(self._is_open(session.token_hash)))))

    async def sign_out(self, session: Session) -> None:
        async with self._database.write() as connection:
            await connection.execute(delete(BrowserSession).where(BrowserSession.token_hash == session.token_hash))

    def _is_open(self, token_hash: str) -> ColumnElement[bool]:
        return and_(BrowserSession.token_hash == token_hash, BrowserSession.expires_at > self._now())

    async def _open(self, connection: AsyncConnection, person_id: str, token: str) -> bool:
        """Store the session, and the account that messages to this person go to. False: there is no such person."""
        if person_id not in await load_people(connection, [person_id], self._today()):
            return False
        now = self._now()
        account = {
            "id": account_of(person_id),
            "channel": "browser",
            "person_id": person_id,
            "linked_at": now,
            "last_seen_at": now,
            "reachable": True,
        }
        await upsert(connection, Account, [account], key=["id"], update=["person_id", "last_seen_at", "reachable"])
        await connection.execute(delete(BrowserSession).where(BrowserSession.expires_at <= now))
        kept = select(BrowserSession.token_hash).where(BrowserSession.person_id == person_id)
        newest = kept.order_by(BrowserSession.created_at.desc(), BrowserSession.token_hash).limit(MOST_SESSIONS - 1)
        ended = BrowserSession.person_id == person_id, BrowserSession.token_hash.not_in(newest)
        await connection.execute(delete(BrowserSession).where(*ended))
        await connection.execute(
            insert(BrowserSession).values(
                token_hash=_hash(token),
                person_id=person_id,
                created_at=now,
                expires_at=now + self._idle,
                csrf_token=new_token(),
            )
        )
        return True

    def _today(self) -> date:
        return self._now().astimezone(self._zone).date()


def account_of(person_id: str) -> str:
    """The one account a person has in the browser chat, whichever browser they sit at."""
    return f"browser:{person_id}"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
