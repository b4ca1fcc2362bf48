"""``/care/reflections``: reflections that wait for a reply, the oldest first, and who has had no word for long."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from assistant.channels.browser.pages import new_client_id
from assistant.dialogue.people_store import load_people
from assistant.dialogue.reply_writes import MarkRead
from assistant.dialogue.writes import store_all
from assistant.handlers.replying import ANSWERS, CHOSEN, PAGE, place_of, read_place
from assistant.replying import LONGEST, Offer, Replied, due_at, entry, offer, writes_of
from assistant.web.staff import Door, NotHereError, Visitor
from knowledge.questions.reply_queue import QUIET, Queue, Waiting, classes_of, queue_of
from knowledge.records.accounts import accounts_of
from knowledge.records.audit import Act, Kind, record
from knowledge.records.depth import seen_in
from knowledge.records.replies import Reply

LONGEST_ID = 9  # digits: what an id of the database can have
LISTED = 30  # reflections in the list beside the one that is open
TEXTS = ("went_well", "difficult", "next_step")  # in which the rubric looks for its words
FORM_ID = re.compile("[0-9a-f]{32}")
DONE = ("sent", "waits", "answered")  # what the page before did


def routes(door: Door) -> list[Route]:
    desk = _Reflections(door)
    return [
        door.route(PAGE, desk.page),
        door.route(PAGE, desk.send, "POST"),
        door.route(f"{PAGE}/words", desk.words),
    ]


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Whose reflections are looked at."""

    queue: Queue
    classes: Mapping[str, str]  # titles of those that can be chosen, by sourcedId
    class_id: str  # "": those of the visitor


class _Reflections:
    def __init__(self, door: Door) -> None:
        self._door = door
        self._database = door.core.database
        self._services = door.core.services

    async def page(self, request: Request) -> Response:
        """The reflection that is asked for, or the one that waits longest, with what is offered for it."""
        visitor = await self._door.fresh_staff(request)
        place = await self._place(visitor, request.query_params.get("class", ""), Kind.CHECKINS)
        return await self._shown(visitor, place, request.query_params)

    async def send(self, request: Request) -> Response:
        """The reply goes out once, however often the form is sent."""
        visitor = await self._door.fresh_staff(request)
        form = await self._door.form(request, visitor)
        place = await self._place(visitor, form.get("class", ""), Kind.REPLIES)
        text, form_id = form.get("text", "").strip(), form.get("form_id", "")
        reply_id = f"page:{visitor.id}:{form_id}"
        after = form.get("after", "")
        async with self._database.read() as connection:
            if await connection.scalar(select(Reply.id).where(Reply.id == reply_id)) is not None:
                return _to(place.class_id, done="sent", after=after)
            waiting = await self._one(visitor, place.queue, connection, form.get("id", ""))
            if waiting is None or not FORM_ID.fullmatch(form_id):
                return _to(place.class_id, done="answered", after=after)
            child = (await load_people(connection, [waiting.student_id], self._door.today)).get(waiting.student_id)
            accounts = await accounts_of(connection, [waiting.student_id], self._services.channels)
        if not text or len(text) > LONGEST or child is None or child.id not in accounts:
            return await self._shown(visitor, place, {"id": str(waiting.id)}, text)
        reply = Replied(
            reply_id=reply_id,
            child=child,
            account_id=accounts[child.id],
            day=waiting.day,
            author=visitor.session.person,
            text=text,
            at=self._now,
            channel="page",
        )
        async with self._database.write() as connection:
            await store_all(connection, writes_of(self._services, reply))
        self._door.core.delivery.wake()
        done = "waits" if due_at(self._services, child, reply.at) > reply.at else "sent"
        return _to(place.class_id, done=done, after=place_of(waiting))

    async def words(self, request: Request) -> Response:
        """Everybody of the class in the order of the register, with the days since the last reply."""
        visitor = await self._door.fresh_staff(request)
        place = await self._place(visitor, request.query_params.get("class", ""), Kind.REPLIES)
        async with self._database.read() as connection:
            found = await place.queue.last_words(connection)
        ids = [each.student_id for each in found]
        await record(self._database, [entry(visitor.id, Act.READ, Kind.REPLIES, ids, "page", self._now, "days")])
        return self._door.page(
            "care/words.html",
            visitor,
            found=found,
            quiet=sum(each.is_long_ago for each in found),
            days=QUIET,
            **_chosen(place),
        )

    async def _place(self, visitor: Visitor, class_id: str, kind: Kind) -> _Place:
        """Raises ``NotHereError`` for a class that is not the visitor's, as for one that does not exist; the audit
        keeps that they tried."""
        async with self._database.read() as connection:
            classes = await classes_of(connection, visitor.viewer)
            is_own = not class_id or class_id in classes
            queue = await queue_of(connection, visitor.viewer, self._now, class_id or None) if is_own else None
        if queue is None:
            await record(self._database, [entry(visitor.id, Act.REFUSED, kind, [], "page", self._now, "replies")])
            raise NotHereError(class_id)
        return _Place(queue=queue, classes=classes, class_id=class_id)

    async def _shown(
        self, visitor: Visitor, place: _Place, query: Mapping[str, str], text: str | None = None
    ) -> Response:
        """``text``: what was sent and could not go out."""
        queue, after = place.queue, read_place(query.get("after", ""))
        async with self._database.read() as connection:
            found = await queue.find(connection, most=LISTED, after=after)
            if "id" in query:
                one = await self._one(visitor, queue, connection, query["id"])
            else:
                one = found[0] if found else None
            count = await queue.count(connection)
            offered = await offer(connection, self._services, visitor.viewer, one) if one is not None else None
            reached = one is not None and bool(await accounts_of(connection, [one.student_id], self._services.channels))
        shown = dict.fromkeys([each.student_id for each in (*found, *([one] if one else []))])
        if shown:
            await record(
                self._database, [entry(visitor.id, Act.READ, Kind.CHECKINS, shown, "page", self._now, "replies")]
            )
        if one is not None:
            read = MarkRead(student_id=one.student_id, date=one.day, reader_id=visitor.id, at=self._now)
            async with self._database.write() as connection:
                await store_all(connection, [read])
        done = "answered" if "id" in query and one is None else query.get("done", "")
        return self._door.page(
            "care/reflections.html",
            visitor,
            200 if text is None else 422,
            one=None if one is None else self._row(one),
            answers=[] if one is None else _answers(one),
            offered=offered,
            reached=reached,
            text=_prefilled(offered, query.get("use", "")) if text is None else text,
            problem=_problem(text, is_reached=reached),
            form_id=new_client_id(),
            here=query.get("after", "") if after is not None else "",
            found=[self._row(each) for each in found],
            count=count,
            done=done if done in DONE else "",
            longest=LONGEST,
            chosen=CHOSEN,
            **_chosen(place),
        )

    async def _one(self, visitor: Visitor, queue: Queue, connection: AsyncConnection, id: str) -> Waiting | None:
        """A reflection by the id of its check-in, if it still waits in this queue. The audit keeps who tries one of a
        child that is not theirs."""
        if not (id.isascii() and id.isdecimal()) or len(id) > LONGEST_ID:
            return None
        found = await queue.find(connection, most=1, id=int(id))
        if not found and (student := await queue.stranger(connection, int(id))) is not None:
            refused = entry(visitor.id, Act.REFUSED, Kind.CHECKINS, [student], "page", self._now, "replies")
            await record(self._database, [refused])
        return found[0] if found else None

    def _row(self, waiting: Waiting) -> Mapping[str, Any]:
        return {
            "id": waiting.id,
            "name": waiting.name,
            "school_class": waiting.class_title,
            "month": waiting.day.month,
            "day": waiting.day.day,
            "days": max((self._door.today - waiting.day).days, 0),
            "place": place_of(waiting),
        }

    @property
    def _now(self) -> datetime:
        return self._door.now().astimezone(self._door.settings.zone)


def marked(text: str, words: Sequence[str]) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether one of ``words`` was seen there, where it stands first; they stand in small
    letters and may have lost their spaces. Joined, the pieces are the text."""
    seen = [False] * len(text)
    for word in words:
        letters = r"[ \u3000]*".join(map(re.escape, word.replace(" ", "")))
        # One letter, as the た of the past, says little by itself: it is shown with what it belongs to.
        before = r"[^\W\d_]{0,3}" if len(word) == 1 else ""
        if letters and (match := re.search(before + letters, text, re.IGNORECASE)):
            seen[match.start() : match.end()] = [True] * (match.end() - match.start())
    pieces = groupby(zip(text, seen, strict=True), key=lambda each: each[1])
    return [("".join(letter for letter, _ in piece), is_seen) for is_seen, piece in pieces]


def _answers(waiting: Waiting) -> list[tuple[str, str, list[tuple[str, bool]]]]:
    """(name, value, the value in pieces) of each answer that is there."""
    left = [*(seen_in(waiting.went_well, waiting.difficult, waiting.next_step) or {}).values()]
    answers: list[tuple[str, str, list[tuple[str, bool]]]] = []
    for name in ANSWERS:
        if value := getattr(waiting, name):
            here = [word for word in left if name in TEXTS and any(is_seen for _, is_seen in marked(value, [word]))]
            answers.append((name, value, marked(value, here)))
            left = [word for word in left if word not in here]
    return answers


def _prefilled(offered: Offer | None, use: str) -> str:
    """The suggestion of a number in the address; "" for none."""
    suggestions = offered.suggestions if offered is not None else ()
    is_number = use.isascii() and use.isdecimal() and len(use) < 3
    return suggestions[int(use)] if is_number and int(use) < len(suggestions) else ""


def _problem(text: str | None, *, is_reached: bool) -> str:
    """The key of what is wrong with a reply that was sent; "" for nothing."""
    if text is None or not is_reached:
        return ""
    return "care_reflections.too_long" if text else "care_reflections.empty"


def _chosen(place: _Place) -> dict[str, Any]:
    query = urlencode({"class": place.class_id}) if place.class_id else ""
    return {"classes": place.classes, "class_id": place.class_id, "query": query}


def _to(class_id: str, **query: str) -> Response:
    said = {name: value for name, value in {"class": class_id, **query}.items() if value}
    return RedirectResponse(f"{PAGE}?{urlencode(said)}", 303)
