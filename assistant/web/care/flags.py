"""``/care/flags``: the children whom the school's thresholds point out, why, and what was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assistant.channels.guard import BadBodyError
from assistant.flagging import PAGE, entry, student_of
from assistant.messages import Words
from assistant.web.staff import Door, NotHereError, Visitor
from assistant.wording.flags import say_day, say_might, say_name, say_why
from assistant.wording.texts import Speaker
from knowledge.records.audit import Act, Entry, append, record
from knowledge.records.flags import LONGEST_NOTE, Flagged, FlagState, find_flags, set_state

OFFERED = (FlagState.SEEN, FlagState.ADDRESSED, FlagState.NOT_A_CONCERN)


def routes(door: Door) -> list[Route]:
    pages = _Flags(door)
    return [door.route(PAGE, pages.index), door.route(PAGE, pages.change, "POST")]


class _Flags:
    def __init__(self, door: Door) -> None:
        self._door = door
        self._database = door.core.database
        self._speaker = Speaker(language=door.settings.language, band="staff")

    async def index(self, request: Request) -> Response:
        return await self._shown(await self._visitor(request))

    async def change(self, request: Request) -> Response:
        """A state and, where there is one, a note."""
        visitor = await self._visitor(request)
        form = await self._door.form(request, visitor)
        flag_id, state, note = form.get("id", ""), form.get("state", ""), form.get("note", "").strip()
        async with self._database.read() as connection:
            found = await find_flags(connection, visitor.viewer, ids=[flag_id])
            subjects = await student_of(connection, flag_id)
        if not found:
            await record(self._database, [self._entry(visitor, Act.REFUSED, subjects)])
            raise NotHereError(flag_id)
        if state not in OFFERED:
            raise BadBodyError("no such state")
        speaker = self._speaker
        if len(note) > LONGEST_NOTE:
            return await self._shown(visitor, problem=speaker.say("care_flags.note_too_long", most=LONGEST_NOTE))
        async with self._database.write() as connection:
            await set_state(connection, flag_id, FlagState(state), visitor.id, self._door.now(), note)
            await append(connection, [self._entry(visitor, Act.CHANGE, [found[0].student_id], state)])
        name = Words.own(f"{found[0].family_name} {found[0].given_name}")
        said = speaker.say("care_flags.saved", name=name, state=speaker.say(f"care_flags.{state}_name"))
        return await self._shown(visitor, said=said)

    async def _visitor(self, request: Request) -> Visitor:
        """Raises ``NotHereError`` for staff of whom nobody could ever be pointed out."""
        visitor = await self._door.fresh_staff(request)
        if not visitor.viewer.homerooms and not visitor.viewer.schools:
            raise NotHereError(visitor.id)
        return visitor

    async def _shown(self, visitor: Visitor, *, said: Words | None = None, problem: Words | None = None) -> Response:
        async with self._database.read() as connection:
            found = await find_flags(connection, visitor.viewer)
        if found:
            await record(self._database, [self._entry(visitor, Act.READ, [flag.student_id for flag in found])])
        return self._door.page(
            "care/flags.html",
            visitor,
            200 if problem is None else 422,
            said=said,
            problem=problem,
            waiting=[self._row(flag) for flag in found if flag.is_open],
            done=[self._row(flag) for flag in found if not flag.is_open],
            leads=bool(visitor.viewer.schools),
            longest=LONGEST_NOTE,
        )

    def _row(self, flag: Flagged) -> Mapping[str, Any]:
        speaker = self._speaker
        return {
            "id": flag.id,
            "name": f"{flag.family_name} {flag.given_name}",
            "school_class": flag.class_title,
            "kind": say_name(flag.kind, speaker),
            "why": say_why(flag, speaker),
            "since": say_day(flag.since, speaker),
            "might": say_might(flag, speaker),
            "state": flag.state.value,
            "state_said": self._state(flag),
            "note": flag.note or "",
            "offered": [state.value for state in OFFERED if state is not flag.state],
        }

    def _state(self, flag: Flagged) -> Words:
        speaker = self._speaker
        if flag.state is FlagState.NEW or flag.state_at is None:
            return speaker.say("care_flags.state_new")
        if flag.state_by is None:
            return speaker.say("care_flags.changed_by_nobody")
        day = say_day(flag.state_at.astimezone(self._door.settings.zone).date(), speaker)
        return speaker.say(f"care_flags.state_{flag.state}", name=Words.own(_called(flag.state_by, speaker)), day=day)

    def _entry(self, visitor: Visitor, act: Act, subjects: Sequence[str], detail: str = "") -> Entry:
        return entry(visitor.id, act, subjects, "page", self._door.now().astimezone(self._door.settings.zone), detail)


def _called(name: tuple[str, str], speaker: Speaker) -> str:
    family, given = name
    return f"{given} {family}" if speaker.language == "en" else family
