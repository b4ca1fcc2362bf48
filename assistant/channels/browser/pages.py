"""Renders the pages and the lines of the chat. Words come from ``assistant/texts/<language>/pages.yaml``."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from assistant.attachments import LIVES, address
from assistant.channels.browser.sessions import Session
from assistant.channels.browser.transcript import Line
from assistant.channels.files import PICTURE
from assistant.channels.wording import kana
from assistant.messages import Tone, Words
from assistant.wording.grade_fit import to_ruby
from assistant.wording.texts import Speaker

TEMPLATES = Path(__file__).parents[2] / "web" / "templates"
NUMBER = re.compile("[0-9]+(?:-[0-9]+)+")
YOUNGEST = "E3"  # before sign-in a page is for everybody, so every kanji carries its reading

SHORT = 7  # characters of a label up to which several buttons stand in one row


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The words of a page for one reader, as templates use them."""

    speaker: Speaker
    grade: str | None  # whose kanji the words are fitted to

    def __call__(self, key: str, **args: object) -> Markup:
        """A text as HTML, with ruby; a ``key`` without a dot is one of the chat's own pages."""
        return self.html(self._words(key, args))

    def plain(self, key: str, **args: object) -> str:
        """A text for an attribute, where there is no ruby: kanji above the grade in kana."""
        return kana(self._words(key, args), self.grade)

    def html(self, words: Words) -> Markup:
        """Words as HTML: ours with ruby, a person's own as they were written."""
        # Neighbouring spans of ours are read together: the reading of 分 depends on the figure before it.
        parts = [
            (own, "".join(span.text for span in spans))
            for own, spans in groupby(words.spans, key=lambda span: span.own)
        ]
        return Markup().join(_own(text) if own else to_ruby(text, self.grade) for own, text in parts)

    def _words(self, key: str, args: Mapping[str, object]) -> Words:
        own = {name: Words.own(value) if isinstance(value, str) else value for name, value in args.items()}
        return self.speaker.say(key if "." in key else f"pages.{key}", **own)


def _own(text: str) -> Markup:
    """A number to call stays in one piece."""
    return Markup('<span class="number">{}</span>').format(text) if NUMBER.fullmatch(text) else escape(text)


class Pages:
    """Every page in one language."""

    def __init__(self, language: str, zone: ZoneInfo, secret: bytes, now: Callable[[], datetime]) -> None:
        """``secret`` signs the addresses of files."""
        self._secret = secret
        self._now = now
        self._language = language
        self._zone = zone
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def sign_in(
        self, *, csrf_token: str, problem: str | None, demo: Mapping[str, tuple[str, str]], has_account: bool
    ) -> str:
        """``problem``: key of why what was tried did not do. ``demo``: person id → key of the label, name.
        ``has_account``: with the way in with the school's account."""
        return self._render(
            "signin.html", self._anybody, csrf_token=csrf_token, problem=problem, demo=demo, has_account=has_account
        )

    def chat(
        self,
        session: Session,
        lines: Sequence[Line],
        idle_seconds: int,
        *,
        keeps_documents: bool,
        notice: int | None,
    ) -> str:
        """The chat. Only the last thing Ayumi said can be answered by tapping. ``keeps_documents``: with the way to
        the page of documents. ``notice``: the version of the notice that is to be read; None: it was."""
        newest = max((line.id for line in lines if not line.is_own), default=None)
        return self._render(
            "chat.html",
            self._wording(session),
            name=session.person.called(self._language),
            band=session.person.band,
            csrf_token=session.csrf_token,
            client_id=new_client_id(),
            lines=[self.line(session, line, can_answer=line.id == newest) for line in lines],
            last_id=lines[-1].id if lines else 0,
            idle_seconds=idle_seconds,
            keeps_documents=keeps_documents,
            notice=notice,
            notice_id=new_client_id(),
        )

    def line(self, session: Session, line: Line, *, can_answer: bool) -> Markup:
        """One list item."""
        # A line keeps the grade it was written for: moving up a grade does not change what was said.
        wording = Wording(speaker=self._wording(session).speaker, grade=line.grade)
        choices = line.message.choices if can_answer and not line.is_own else ()
        answers = [choice for choice in choices if choice.tone is not Tone.CONTROL]
        html = self._templates.get_template("line.html").render(
            line=line,
            message=line.message,
            words=wording,
            file=self._file(line, wording),
            at=line.at.astimezone(self._zone),
            answers=answers,
            controls=[choice for choice in choices if choice.tone is Tone.CONTROL],
            are_short=all(len(str(choice.label)) <= SHORT for choice in answers),
            csrf_token=session.csrf_token,
            client_id=new_client_id(),
        )
        return Markup(html)  # noqa: S704 -- rendered with autoescape

    def _file(self, line: Line, wording: Wording) -> Mapping[str, str] | None:
        """What goes with a line, as the template uses it: an address within the site, empty when its time is over."""
        attached = line.message.attachment
        if attached is None:
            return None
        until = line.at + LIVES
        return {
            "address": address("", self._secret, attached.file_id, until) if until > self._now() else "",
            "name": attached.name,
            "alt": kana(attached.alt, wording.grade),
            "kind": "picture" if attached.media_type.startswith(PICTURE) else "table",
        }

    def staff_page(self, template: str, session: Session, **values: Any) -> str:
        """Another page for somebody who is signed in."""
        name = session.person.called(self._language)
        return self._render(template, self._wording(session), name=name, csrf_token=session.csrf_token, **values)

    def problem(self, key: str) -> str:
        """A kind page about something that went wrong."""
        return self._render("problem.html", self._anybody, key=key)

    @property
    def _anybody(self) -> Wording:
        return Wording(speaker=Speaker(language=self._language, band="lower"), grade=YOUNGEST)

    def _wording(self, session: Session) -> Wording:
        return Wording(speaker=Speaker(language=self._language, band=session.person.band), grade=session.grade)

    def _render(self, template: str, words: Wording, **values: Any) -> str:
        return self._templates.get_template(template).render(language=self._language, words=words, **values)


def new_client_id() -> str:
    """An id for a form: sent twice, it counts once."""
    return secrets.token_hex(16)
