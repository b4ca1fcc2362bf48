"""Signed-in browsers: in with a code or the school's account, out by hand, by itself after idle time, or when the
person leaves or has no role at school any more."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.channels.browser.cookies import new_token
from assistant.channels.browser.lockout import Guesser, is_guessing, refuse
from assistant.channels.browser.store import BrowserSession
from assistant.dialogue.people import Person
from assistant.dialogue.people_store import load_people
from knowledge.db import Database, upsert
from knowledge.records import audit, linking
from knowledge.records.accounts import Account
from knowledge.records.audit import Act, Entry, Kind
from knowledge.records.linking import Refusal

LONGEST = timedelta(hours=24)  # a session lasts however much it is used; a setting allows as many idle hours
MOST_SESSIONS = 50  # of one person; a whole class may try the demo as the same child
MOVED_ON_EVERY = timedelta(seconds=20)  # how exactly we know the last use: a write for every page would be too many
AGAIN = "/signin/again"  # where somebody who is signed in shows once more who they are
LONGEST_ID = 16  # hexadecimal digits of what a session is called in a list


class Method(StrEnum):
    """How somebody showed who they are."""

    CODE = "code"  # a code from school
    ACCOUNT = "account"  # the school's account
    SENT = "sent"  # six figures sent to their own LINE or Slack
    DEMO = "demo"


class Refused(StrEnum):
    """Why a code does not sign in. Whether there is, or was, such a code is not said."""

    REFUSED = "refused"
    LOCKED = "locked"  # too many wrong ones from this browser or address


@dataclass(frozen=True, kw_only=True)
class Session:
    """A browser and who uses it."""

    token_hash: str
    csrf_token: str = field(repr=False)
    person: Person
    signed_in_at: datetime
    fresh_at: datetime | None = None  # when they showed last who they are; None: nobody can say

    @property
    def account_id(self) -> str:
        return account_of(self.person.id)

    @property
    def grade(self) -> str | None:
        """Whose kanji the wording is fitted to."""
        return self.person.grade if self.person.is_student else None


@dataclass(frozen=True, kw_only=True)
class Listed:
    """An open session in the list of its person, or of a school lead."""

    id: str  # names it in a form; nobody can sign in with it
    person_id: str
    signed_in_at: datetime
    last_used_at: datetime
    method: str | None  # one of ``Method``
    device: str  # 「iPad / Safari」; empty where it is not known


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

    async def sign_in_with_code(self, code: str, browser: str, address: str, device: str = "") -> str | Refused:
        """The token of a new session, or why there is none. ``browser``: the cookie of its form."""
        now, token, guesser = self._now(), new_token(), Guesser(browser, address)
        async with self._database.read() as connection:  # who is locked out takes nobody's turn to write
            if await is_guessing(connection, guesser, now):
                return Refused.LOCKED
        if not linking.looks_like_code(code):
            return Refused.REFUSED  # a slip, not a guess: not counted, as in the other channels
        async with self._database.write() as connection:
            used_by = f"browser:session:{_hash(token)}"
            owner = await linking.owner_of(connection, code, secret=self._secret)
            person_id = await linking.use_code(connection, code, account_id=used_by, at=now, secret=self._secret)
            if not isinstance(person_id, Refusal) and await self._open(
                connection, person_id, token, Method.CODE, device, now
            ):
                return token
            detail = f"code {person_id.value if isinstance(person_id, Refusal) else 'of nobody at school'}"
            await refuse(connection, guesser, detail, now, self._zone, person_id=owner)
            return Refused.REFUSED

    async def sign_in(
        self, person_id: str, method: Method = Method.DEMO, device: str = "", fresh_at: datetime | None = None
    ) -> str | None:
        """The token of a new session of somebody who showed in another way who they are; None when there is no such
        person at school. ``fresh_at``: when they showed it."""
        token = new_token()
        async with self._database.write() as connection:
            return token if await self._open(connection, person_id, token, method, device, fresh_at) else None

    async def find(self, token: str | None, *, is_use: bool) -> Session | None:
        """The session of a cookie; None when it is over or its person left. ``is_use`` moves its end on."""
        if not token:
            return None
        now, token_hash = self._now(), _hash(token)
        async with self._database.read() as connection:
            found = select(*BrowserSession.__table__.columns)
            row = (await connection.execute(found.where(self._is_open(token_hash)))).first()
            person = None if row is None else await self._person(connection, row.person_id)
        if row is None or person is None:
            return None
        expires_at = min(now + self._idle, row.created_at + LONGEST)
        if is_use and expires_at - row.expires_at >= MOVED_ON_EVERY:
            moved = update(BrowserSession).where(BrowserSession.token_hash == token_hash)
            async with self._database.write() as connection:
                await connection.execute(moved.values(expires_at=expires_at, last_used_at=now))
        return Session(
            token_hash=token_hash,
            csrf_token=row.csrf_token,
            person=person,
            signed_in_at=row.created_at,
            fresh_at=row.fresh_at,
        )

    async def is_open(self, connection: AsyncConnection, session: Session) -> bool:
        """Whether a session is still good; asking is no use."""
        return bool(await connection.scalar(select(exists().where(self._is_open(session.token_hash)))))

    async def is_same_person(self, connection: AsyncConnection, session: Session) -> bool:
        """Whether its person is what they were, with the same roles, when the session was found."""
        return await self._person(connection, session.person.id) == session.person

    async def renew(self, session: Session, method: Method, fresh_at: datetime | None) -> str:
        """The new token of a session whose person showed again who they are. Its forms stay good, its old token not:
        whoever knew that does not gain by it."""
        token, now = new_token(), self._now()
        async with self._database.write() as connection:
            await connection.execute(
                update(BrowserSession)
                .where(BrowserSession.token_hash == session.token_hash)
                .values(token_hash=_hash(token), fresh_at=fresh_at, last_used_at=now, code_nonce=None, code_until=None)
            )
            await self._keep_sign_in(connection, session.person, f"again: {method.value}")
        return token

    async def sign_out(self, session: Session) -> None:
        async with self._database.write() as connection:
            await connection.execute(delete(BrowserSession).where(BrowserSession.token_hash == session.token_hash))

    async def of_people(self, connection: AsyncConnection, person_ids: Sequence[str]) -> list[Listed]:
        """Their open sessions, the one used last first."""
        mine = BrowserSession.person_id.in_(person_ids), BrowserSession.expires_at > self._now()
        rows = await connection.execute(select(*BrowserSession.__table__.columns).where(*mine))
        listed = [
            Listed(
                id=id_of(row.token_hash),
                person_id=row.person_id,
                signed_in_at=row.created_at,
                last_used_at=row.last_used_at or row.created_at,
                method=row.method,
                device=row.device or "",
            )
            for row in rows
        ]
        return sorted(listed, key=lambda each: (each.last_used_at, each.id), reverse=True)

    async def end(self, person_id: str, by: str, *, only: str | None = None, but: Session | None = None) -> int:
        """End the sessions of a person: ``only`` the one that is called so in their list, or all ``but`` one. ``by``:
        who wants it. Returns how many; with none nothing is kept in the audit."""
        async with self._database.write() as connection:
            mine = select(BrowserSession.token_hash).where(BrowserSession.person_id == person_id)
            ended = [
                each
                for each in await connection.scalars(mine)
                if only in (None, id_of(each)) and (but is None or each != but.token_hash)
            ]
            if not ended:
                return 0
            await connection.execute(delete(BrowserSession).where(BrowserSession.token_hash.in_(ended)))
            entry = Entry(
                actor_id=by,
                act=Act.CHANGE,
                kind=Kind.ACCOUNTS,
                subject_ids=(person_id,),
                channel="page",
                at=self._now().astimezone(self._zone),
                detail=f"sessions ended: {len(ended)}",
            )
            await audit.append(connection, [entry])
        return len(ended)

    def _is_open(self, token_hash: str) -> ColumnElement[bool]:
        return and_(BrowserSession.token_hash == token_hash, BrowserSession.expires_at > self._now())

    async def _person(self, connection: AsyncConnection, person_id: str) -> Person | None:
        """Who is at school today: in the roster, and a child or somebody with a role."""
        today = self._now().astimezone(self._zone).date()
        person = (await load_people(connection, [person_id], today)).get(person_id)
        return person if person is not None and (person.roles or person.is_student) else None

    async def _open(
        self,
        connection: AsyncConnection,
        person_id: str,
        token: str,
        method: Method,
        device: str,
        fresh_at: datetime | None,
    ) -> bool:
        """Store the session, and the account that messages to this person go to. False: nobody at school is that."""
        person = await self._person(connection, person_id)
        if person is None:
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
                method=method.value,
                device=device,
                last_used_at=now,
                fresh_at=fresh_at,
            )
        )
        await self._keep_sign_in(connection, person, method.value)
        return True

    async def _keep_sign_in(self, connection: AsyncConnection, person: Person, detail: str) -> None:
        """In the audit; not a child's. The audit is one chain, and all children of a city sign in in the same minutes:
        each would wait for the one before. Where they are signed in their list of sessions says."""
        if person.is_student:
            return
        entry = Entry(
            actor_id=person.id,
            act=Act.SIGN_IN,
            kind=Kind.ACCOUNTS,
            subject_ids=(person.id,),
            channel="browser",
            at=self._now().astimezone(self._zone),
            detail=detail,
        )
        await audit.append(connection, [entry])


def account_of(person_id: str) -> str:
    """The one account a person has in the browser chat, whichever browser they sit at."""
    return f"browser:{person_id}"


def id_of(token_hash: str) -> str:
    """What a session is called in lists."""
    return _hash(f"list {token_hash}")[:LONGEST_ID]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
