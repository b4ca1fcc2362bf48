"""What is said, free of any channel: ``Incoming`` from a person, ``Outgoing`` to one.

Adapters convert these within a platform's limits and decide nothing. Text travels as spans, so that wording can be
fitted to a grade while the child's own words stay exactly as they were written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

LANGUAGES = ("ja", "en")


class Kind(StrEnum):
    """What a person did."""

    TEXT = "text"
    CHOICE = "choice"  # tapped a button or a quick reply
    FORM = "form"  # sent several answers at once
    FOLLOW = "follow"  # added Ayumi as a friend, opened the chat for the first time
    UNFOLLOW = "unfollow"  # blocked or left
    EDIT = "edit"  # changed the words of an earlier message
    UNSEND = "unsend"  # took a message back
    HOME = "home"  # opened the home page of the channel
    OTHER = "other"  # a sticker, a picture, something new


@dataclass(frozen=True, kw_only=True)
class ReplyToken:
    """The right to answer one event at no cost (LINE)."""

    value: str = field(repr=False)
    born_at: datetime  # from when its age counts


@dataclass(frozen=True, kw_only=True)
class SentFile:
    """A file that a person sent. Its content is still with the platform."""

    name: str  # as the person's device called it
    size: int | None  # bytes, as the platform says
    reference: str  # by which its channel fetches it


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """One event, as every handler sees it."""

    event_id: str  # unique over all channels, the same when the platform sends it again
    account_id: str  # "<channel>:<the platform's id of the person>"
    kind: Kind
    occurred_at: datetime  # when the person did it, as the platform says
    text: str = ""  # what was written, or the label that was tapped
    choice: str | None = None  # the value behind the button
    form: Mapping[str, str] = field(default_factory=dict[str, str])  # question id → answer
    files: tuple[SentFile, ...] = ()  # that came with it
    reply_token: ReplyToken | None = None
    message_id: str | None = None  # the platform's id of the message, where it can be taken back
    refers_to: str | None = None  # the ``message_id`` of the message that was taken back

    def storable(self) -> Incoming:
        """Without NUL characters, which no text of PostgreSQL can hold and nobody can type."""
        if "\0" not in self.text and not any("\0" in text for text in self.form.values()):
            return self
        form = {key: text.replace("\0", "") for key, text in self.form.items()}
        return replace(self, text=self.text.replace("\0", ""), form=form)

    @property
    def note_id(self) -> str:
        """An id for what is stored of this message."""
        return f"{self.account_id}/{self.message_id}" if self.message_id else self.event_id

    @property
    def channel(self) -> str:
        return self.account_id.partition(":")[0]


@dataclass(frozen=True, kw_only=True)
class Span:
    """A piece of text."""

    text: str
    own: bool = False  # a person's own words or name: never altered


@dataclass(frozen=True)
class Words:
    """A text made of spans. Empty when there is nothing to say."""

    spans: tuple[Span, ...] = ()

    @staticmethod
    def own(text: str) -> Words:
        """Somebody's own words."""
        return Words((Span(text=text, own=True),))

    @staticmethod
    def of(text: str) -> Words:
        return Words((Span(text=text),)) if text else Words()

    @staticmethod
    def join(parts: Iterable[Words], separator: str) -> Words:
        """The parts that are not empty, with ``separator`` between them."""
        spans: list[Span] = []
        for part in parts:
            if part.spans and spans:
                spans.append(Span(text=separator))
            spans.extend(part.spans)
        return Words(tuple(spans))

    def __str__(self) -> str:
        return "".join(span.text for span in self.spans)

    def __bool__(self) -> bool:
        return bool(self.spans)

    def to_json(self) -> list[Any]:
        """A list of strings; a person's own words stand in a list of one."""
        return [[span.text] if span.own else span.text for span in self.spans]

    @staticmethod
    def from_json(value: Iterable[Any]) -> Words:
        return Words(
            tuple(Span(text=item) if isinstance(item, str) else Span(text=item[0], own=True) for item in value)
        )


class Tone(StrEnum):
    """How a choice should look where the channel can show it."""

    ANSWER = "answer"
    CONTROL = "control"  # とばす, あとで …: there, but quieter


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One thing to tap."""

    label: Words
    value: str  # comes back as ``Incoming.choice``
    tone: Tone = Tone.ANSWER


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A stored file that goes with a message."""

    file_id: str  # of ``assistant.attachments.StoredFile``
    media_type: str  # image/png is shown, anything else is offered to be saved
    name: str  # file name
    alt: Words  # what a picture shows, for those who do not see it; of a file, what a tap on it gives


@dataclass(frozen=True, kw_only=True)
class Link:
    """Something to open."""

    label: Words  # says what it is even where it cannot be opened
    address: str  # within the installation, beginning with /, or a whole one; "" when there is none
    elsewhere: str = ""  # a whole address instead, where nobody can reach the installation from


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """One message to a person."""

    text: Words
    aside: Words = Words()  # small print: who will read the answer
    choices: tuple[Choice, ...] = ()
    attachment: Attachment | None = None
    links: tuple[Link, ...] = ()  # shown below the text

    def to_json(self) -> dict[str, Any]:
        result: dict[str, Any] = {"text": self.text.to_json()}
        if self.aside:
            result["aside"] = self.aside.to_json()
        if self.attachment is not None:
            file = self.attachment
            result["attachment"] = [file.file_id, file.media_type, file.name, file.alt.to_json()]
        if self.links:
            result["links"] = [[link.label.to_json(), link.address, link.elsewhere] for link in self.links]
        if self.choices:
            result["choices"] = [[c.label.to_json(), c.value, c.tone.value] for c in self.choices]
        return result

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Outgoing:
        return Outgoing(
            text=Words.from_json(value["text"]),
            aside=Words.from_json(value.get("aside", ())),
            choices=tuple(
                Choice(label=Words.from_json(label), value=data, tone=Tone(tone))
                for label, data, tone in value.get("choices", ())
            ),
            attachment=_attachment(value.get("attachment")),
            links=tuple(
                Link(label=Words.from_json(label), address=address, elsewhere=elsewhere)
                for label, address, elsewhere in value.get("links", ())
            ),
        )


def _attachment(value: Sequence[Any] | None) -> Attachment | None:
    if value is None:
        return None
    file_id, media_type, name, alt = value
    return Attachment(file_id=file_id, media_type=media_type, name=name, alt=Words.from_json(alt))
