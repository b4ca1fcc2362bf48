"""``/care/thresholds``: when staff of a school are to look at a child, tried on the past weeks, then switched on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assistant.channels.guard import BadBodyError
from assistant.errors import AssistantError
from assistant.messages import Words
from assistant.web.staff import Door, NotHereError, Visitor
from assistant.wording.flags import number, say_day, say_means, say_name
from assistant.wording.texts import Speaker
from knowledge.care.kinds import Numbers, ThresholdKind, kinds
from knowledge.care.looking import preview_of
from knowledge.records.audit import Act, Entry, Kind, append, record
from knowledge.records.care_staff import may_know
from knowledge.records.flags import end_flags
from knowledge.records.roster import Org, User
from knowledge.records.thresholds import Setting, set_threshold, settings_of

PAGE = "/care/thresholds"


class NumberError(AssistantError):
    """A number is none, or outside its limits. Carries the words."""

    def __init__(self, words: Words) -> None:
        super().__init__("a number is outside its limits")
        self.words = words


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a form was answered, shown beside it."""

    school_id: str
    kind_id: str
    fields: Mapping[str, str]  # as they were sent
    said: Words | None = None
    problem: Words | None = None


def routes(door: Door) -> list[Route]:
    pages = _Thresholds(door)
    return [door.route(PAGE, pages.index), door.route(PAGE, pages.change, "POST")]


class _Thresholds:
    def __init__(self, door: Door) -> None:
        self._door = door
        self._database = door.core.database
        self._speaker = Speaker(language=door.settings.language, band="staff")

    async def index(self, request: Request) -> Response:
        return await self._shown(await self._visitor(request), None)

    async def change(self, request: Request) -> Response:
        """Try the numbers on the past weeks, or save them."""
        visitor = await self._visitor(request)
        form = await self._door.form(request, visitor)
        school_id, kind = form.get("school", ""), kinds().get(form.get("kind", ""))
        if school_id not in visitor.viewer.schools:
            await record(self._database, [self._entry(visitor, Act.REFUSED, Kind.SETTINGS)])
            raise NotHereError(school_id)
        if kind is None:
            raise BadBodyError("no such kind")
        try:
            numbers = self._numbers(form, kind)
        except NumberError as error:
            answered = Answered(school_id=school_id, kind_id=kind.id, fields=form, problem=error.words)
            return await self._shown(visitor, answered, 422)
        if form.get("act") == "save":
            said = await self._save(visitor, school_id, kind, numbers, is_on=form.get("is_on") == "on")
        else:
            said = await self._try(visitor, school_id, kind, numbers)
        return await self._shown(visitor, Answered(school_id=school_id, kind_id=kind.id, fields=form, said=said))

    async def _save(
        self, visitor: Visitor, school_id: str, kind: ThresholdKind, numbers: Numbers, *, is_on: bool
    ) -> Words:
        async with self._database.write() as connection:
            now = self._door.now()
            await set_threshold(connection, school_id, kind.id, numbers, is_on=is_on, by=visitor.id, at=now)
            if not is_on:
                await end_flags(connection, school_id, kind.id, self._door.today)
            detail = f"{kind.id} {'on' if is_on else 'off'} {' '.join(f'{k}={v:g}' for k, v in numbers.items())}"
            await append(connection, [self._entry(visitor, Act.CHANGE, Kind.SETTINGS, detail=detail)])
        return self._speaker.say("care_thresholds.saved", kind=say_name(kind.id, self._speaker))

    async def _try(self, visitor: Visitor, school_id: str, kind: ThresholdKind, numbers: Numbers) -> Words:
        """How many children it would have pointed out, and those of them whom the visitor may know of."""
        say, comma = self._speaker.say, str(self._speaker.say("care_thresholds.comma"))
        found = await preview_of(self._database, school_id, kind, numbers, self._door.today, self._door.now())
        if not found.raised:
            return Words.join([say("care_thresholds.would_nobody"), say("care_thresholds.not_saved")], "\n")
        async with self._database.read() as connection:
            rows = await connection.execute(
                select(User.sourced_id, User.family_name, User.given_name)
                .where(User.sourced_id.in_([*found.raised]), may_know(User.sourced_id.expression, visitor.viewer, ()))
                .order_by(User.kana_family_name, User.kana_given_name, User.sourced_id)
            )
            names = {row.sourced_id: Words.own(f"{row.family_name} {row.given_name}") for row in rows}
        entry = self._entry(visitor, Act.READ, Kind.FLAGS, names, f"preview {kind.id}")
        await record(self._database, [entry])
        listed = [
            say("care_thresholds.once", name=name)
            if found.raised[id] == 1
            else say("care_thresholds.often", name=name, times=found.raised[id])
            for id, name in names.items()
        ]
        lines = [
            say("care_thresholds.would", children=len(found.raised), times=found.times),
            say("care_thresholds.would_names", names=Words.join(listed, comma)) if listed else Words(),
            say("care_thresholds.not_saved"),
        ]
        return Words.join(lines, "\n")

    def _numbers(self, form: Mapping[str, str], kind: ThresholdKind) -> Numbers:
        """Raises ``NumberError``."""
        numbers: dict[str, float] = {}
        for name, parameter in kind.parameters.items():
            try:
                value = float(form.get(name, ""))
            except ValueError:
                value = float("nan")
            if not parameter.fits(value):
                field = kind.said[self._speaker.language].fields[name]
                least, most = (number(limit, kind, name) for limit in (parameter.least, parameter.most))
                raise NumberError(self._speaker.say("care_thresholds.bad_number", field=field, least=least, most=most))
            numbers[name] = value
        return numbers

    async def _visitor(self, request: Request) -> Visitor:
        """Raises ``NotHereError`` for whoever does not see the whole of a school."""
        visitor = await self._door.fresh_staff(request)
        if not visitor.viewer.schools:
            raise NotHereError(visitor.id)
        return visitor

    async def _shown(self, visitor: Visitor, answered: Answered | None, status: int = 200) -> Response:
        schools: list[Mapping[str, Any]] = []
        async with self._database.read() as connection:
            orgs = await connection.execute(
                select(Org.sourced_id, Org.name).where(Org.sourced_id.in_(visitor.viewer.schools)).order_by(Org.name)
            )
            for id, name in orgs.all():
                settings = await settings_of(connection, id)
                by = await self._names(connection, settings)
                rows = [self._row(setting, by, _of(answered, id, setting)) for setting in settings.values()]
                schools.append({"id": id, "name": name, "rows": rows})
        return self._door.page("care/thresholds.html", visitor, status, schools=schools)

    def _row(self, setting: Setting, names: Mapping[str, str], answered: Answered | None) -> Mapping[str, Any]:
        kind, speaker = setting.kind, self._speaker
        sent: Mapping[str, str] = {} if answered is None else answered.fields
        fields = [
            {
                "name": name,
                "label": kind.said[speaker.language].fields[name],
                "value": sent.get(name, number(setting.numbers[name], kind, name)),
                "least": number(parameter.least, kind, name),
                "most": number(parameter.most, kind, name),
                "step": f"{parameter.step:g}",
            }
            for name, parameter in kind.parameters.items()
        ]
        return {
            "id": kind.id,
            "name": say_name(kind.id, speaker),
            "means": say_means(kind, setting.numbers, speaker),
            "fields": fields,
            "is_on": setting.is_on,
            "is_checked": sent.get("is_on") == "on" if sent else setting.is_on,
            "said": None if answered is None else answered.said,
            "problem": None if answered is None else answered.problem,
            "set_by": self._set_by(setting, names),
        }

    def _set_by(self, setting: Setting, names: Mapping[str, str]) -> Words | None:
        """Who set it when; None where nobody did, or their name is gone."""
        if setting.set_at is None or setting.set_by is None or setting.set_by not in names:
            return None
        day = say_day(setting.set_at.astimezone(self._door.settings.zone).date(), self._speaker)
        return self._speaker.say("care_thresholds.set_by", name=Words.own(names[setting.set_by]), day=day)

    async def _names(self, connection: AsyncConnection, settings: Mapping[str, Setting]) -> Mapping[str, str]:
        """How those who set something are called, by id."""
        ids = {setting.set_by for setting in settings.values()} - {None}
        rows = await connection.execute(
            select(User.sourced_id, User.family_name, User.given_name).where(User.sourced_id.in_(ids))
        )
        is_english = self._speaker.language == "en"
        return {
            row.sourced_id: f"{row.given_name} {row.family_name}" if is_english else row.family_name for row in rows
        }

    def _entry(
        self, visitor: Visitor, act: Act, kind: Kind, subjects: Mapping[str, Any] | None = None, detail: str = ""
    ) -> Entry:
        return Entry(
            actor_id=visitor.id,
            act=act,
            kind=kind,
            subject_ids=tuple(subjects or ()),
            channel="page",
            at=self._door.now().astimezone(self._door.settings.zone),
            detail=detail,
        )


def _of(answered: Answered | None, school_id: str, setting: Setting) -> Answered | None:
    """What was answered, where it is about this form."""
    if answered is None or (answered.school_id, answered.kind_id) != (school_id, setting.kind.id):
        return None
    return answered
