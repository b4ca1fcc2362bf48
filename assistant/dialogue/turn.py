"""One turn: everything a handler may look at, and what it may leave behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from assistant.dialogue.audit_writes import Audit
from assistant.dialogue.people import Person
from assistant.dialogue.state import DialogueState
from assistant.dialogue.writes import Write
from assistant.messages import Choice, Incoming, Outgoing, Tone, Words
from assistant.wording.texts import Speaker
from knowledge.privacy.retention import Retention
from knowledge.questions.model import Phase
from knowledge.records.audit import Act, Entry
from knowledge.records.audit import Kind as AuditKind
from knowledge.records.checkins import CheckInRecord
from scheduler.schools import SchoolTimes

if TYPE_CHECKING:
    from assistant.checkins.load import Scripts
    from intents.questions import Reading
    from knowledge.db import Database
    from knowledge.documents.library import Library
    from knowledge.documents.model import DocumentAnswer, Hit
    from knowledge.questions.model import Vocabulary


class Interpreter(Protocol):
    """Somebody to ask when the rules do not understand a question: a language model, where one is switched on."""

    async def read(self, text: str, vocabulary: Vocabulary, now: datetime) -> Reading | None:
        """What the text may ask, always to be confirmed; None when it cannot say, is too slow or is down."""
        ...


class Answerer(Protocol):
    """Somebody to put an answer from documents into fewer words: a language model, where one is switched on."""

    async def answer(self, question: str, hits: Sequence[Hit], vocabulary: Vocabulary) -> DocumentAnswer | None:
        """The answer with its citations, every sentence verified; None when it cannot say, is too slow or is down."""
        ...


async def _unknown_quota() -> Quota | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Quota:
    """What a channel may still send by itself this month (LINE's message quota)."""

    limit: int | None  # messages a month, counted per recipient; None: no limit
    used: int


@dataclass(frozen=True, kw_only=True)
class Services:
    """What handlers may use besides the turn itself."""

    database: Database
    library: Library
    scripts: Scripts
    timezone: ZoneInfo
    language: str  # of people who have not chosen one
    secret: bytes = field(repr=False)  # of which keys are derived
    channels: frozenset[str]  # those that are switched on: where people other than the one talking can be written to
    interpreter: Interpreter | None = None  # None: no language model, the rules alone
    answerer: Answerer | None = None  # the same, of answers from documents
    times: SchoolTimes = field(default_factory=SchoolTimes)
    retention: Retention = field(default_factory=Retention)  # how long what is kept
    quota: Callable[[], Awaitable[Quota | None]] = _unknown_quota  # LINE's; None: not known, or no LINE


@dataclass(kw_only=True)
class Turn:
    """One event of one conversation. Handlers read the upper part and change the lower one."""

    incoming: Incoming
    person: Person | None  # None: the account is not linked
    changed_at: datetime | None  # when the state last changed
    records: Mapping[tuple[date, Phase], CheckInRecord]  # the student's check-ins of the day of the event
    services: Services
    last_next_step: str | None = None  # of the student's latest reflection before the day of the event
    is_remote: bool = False  # the student learns at home today
    answered_at: datetime | None = None  # when this turn is worked out; None: as the event comes
    is_asked: bool = True  # an announcement may wait for the person's answer; False: none does

    state: DialogueState
    outgoing: list[Outgoing] = field(default_factory=list[Outgoing])
    home: dict[str, Any] | None = None  # a page instead of messages (Slack's App Home)
    writes: list[Write] = field(default_factory=list[Write])

    @property
    def now(self) -> datetime:
        """When the person acted, in the school's time zone."""
        return self.incoming.occurred_at.astimezone(self.services.timezone)

    @property
    def present(self) -> datetime:
        """When the person gets the answer, in the school's time zone: where an event came late, long after ``now``."""
        return (self.answered_at or self.incoming.occurred_at).astimezone(self.services.timezone)

    @property
    def today(self) -> date:
        return self.now.date()

    @property
    def known(self) -> Person:
        """The person, where a handler has made sure that there is one. Raises ``LookupError`` otherwise."""
        if self.person is None:
            raise LookupError("the account is not linked")
        return self.person

    @property
    def is_stale(self) -> bool:
        """Whether the state has already moved past this event (it arrived late or again)."""
        return self.changed_at is not None and self.incoming.occurred_at < self.changed_at

    @property
    def language(self) -> str:
        return self.state.language or self.services.language

    @property
    def grade(self) -> str | None:
        """The grade whose kanji the wording is fitted to; None for everyone but students."""
        return self.person.grade if self.person and self.person.is_student else None

    @property
    def speaker(self) -> Speaker:
        return Speaker(language=self.language, band=self.person.band if self.person else "lower")

    def words(self, key: str, **args: object) -> Words:
        return self.speaker.say(key, **args)

    def say(self, key: str, choices: Sequence[Choice] = (), **args: object) -> None:
        """Answer with one text of ``assistant/texts``."""
        self.outgoing.append(Outgoing(text=self.words(key, **args), choices=tuple(choices)))

    def button(self, key: str, value: str, tone: Tone = Tone.ANSWER) -> Choice:
        """A choice whose label is a text of ``assistant/texts``."""
        return Choice(label=self.words(key), value=value, tone=tone)

    def audit(self, entry: Entry | None) -> None:
        """Keep in the audit, together with the answer, what was looked at, changed or refused; None: nothing was."""
        if entry is not None:
            self.writes.append(Audit(entry=replace(entry, channel=self.incoming.channel)))

    def audit_refusal(self, kind: AuditKind, detail: str, subject_ids: Collection[str] = ()) -> None:
        """Keep in the audit that the person wanted what is not theirs. What they are told must not say whether it is
        there."""
        actor = self.person.id if self.person is not None else self.incoming.account_id
        self.audit(
            Entry(
                actor_id=actor,
                act=Act.REFUSED,
                kind=kind,
                subject_ids=subject_ids,
                channel=self.incoming.channel,
                at=self.now,
                detail=detail,
            )
        )

    def change(self, **changes: Any) -> None:
        """Change the dialogue state. Whatever is asked or ended now, no question is put off any more."""
        if "pending" in changes:
            changes = {"put_off": None, **changes}
        self.state = replace(self.state, **changes)


Handler = Callable[[Turn], Awaitable[bool]]  # True: the event is dealt with, no further handler is asked
