"""To whom something is to be sent: students by name, classes, grades, the school, its staff, oneself, the own class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from intents.lexicon import Lexicon, load_lexicon
from intents.names import find_strangers, find_students
from intents.normalise import plain
from intents.occasions import Problem
from intents.scopes import Side, find_sides, union
from intents.sent_words import Spoken
from intents.spans import Reader
from knowledge.questions.model import Scope, ScopeKind, Vocabulary
from knowledge.reminding import Audience, AudienceKind

OF_SCOPE = {
    ScopeKind.STUDENT: AudienceKind.STUDENT,
    ScopeKind.LIST: AudienceKind.LIST,
    ScopeKind.CLASS: AudienceKind.CLASS,
    ScopeKind.GRADE: AudienceKind.GRADE,
    ScopeKind.SCHOOL: AudienceKind.SCHOOL,
}


@dataclass(frozen=True, kw_only=True)
class Receivers:
    """Whom the text names."""

    audience: Audience | None  # None: nobody, or with a problem
    default: Audience | None  # who is meant when nobody is named: the asker's own
    only_missing: bool
    checkin: str | None  # the check-in that those who are missing have not done
    problem: Problem | None = None
    said: str = ""
    doubtful: tuple[str, ...] = ()  # further ones that do not go together with these

    @property
    def is_of_children(self) -> bool:
        return self.audience is not None and self.audience.is_children


def find_receivers(spoken: Spoken, vocabulary: Vocabulary, speaker_id: str | None) -> Receivers:
    """Whom the text names as receivers, their words claimed; a class only spoken of (4年2組の提出率) is left."""
    reader = spoken.reader
    lexicon = load_lexicon(reader.language)
    default = _default(vocabulary, speaker_id)
    missing = spoken.take("missing")
    checkin = _checkin_of(missing, reader, lexicon) if missing is not None else None
    staff, oneself, whole = spoken.take("staff"), spoken.take("self"), spoken.take("whole_school")
    sides = _addressed(spoken, lexicon, vocabulary)
    strangers = _strangers(spoken, lexicon)
    everybody = spoken.take("everybody")
    doubtful: tuple[str, ...] = ()
    audience = problem = None
    said = ""
    outside = next((side for side in sides if side.outside is not None), None)
    unclear = next((side for side in sides if len(side.scopes) > 1), None)
    if strangers or (outside is not None and outside.scopes[0].kind is ScopeKind.STUDENT):
        problem, said = Problem.PERSON, strangers[0] if strangers else (outside.outside or "" if outside else "")
    elif outside is not None:
        problem, said = Problem.CLASS, outside.outside or ""
    elif unclear is not None:
        is_student = unclear.scopes[0].kind is ScopeKind.STUDENT
        problem = Problem.PERSON if is_student else Problem.CLASS
        said = reader.typed[unclear.start : unclear.end]
    elif staff is not None:
        audience = Audience(kind=AudienceKind.STAFF, ids=vocabulary.own_schools, label=_places(vocabulary))
        doubtful = tuple(reader.typed[side.start : side.end] for side in sides)
        doubtful += (reader.typed[slice(*oneself.span())],) if oneself is not None else ()
    elif sides:
        audience, doubtful = _together(sides, lexicon)
    elif whole is not None:
        audience = Audience(kind=AudienceKind.SCHOOL, ids=vocabulary.own_schools, label=_places(vocabulary))
    elif oneself is not None:
        audience = Audience(kind=AudienceKind.SELF, ids=(speaker_id,) if speaker_id else (), label="")
    elif everybody is not None or missing is not None:
        audience = default
    return Receivers(
        audience=audience,
        default=default,
        only_missing=missing is not None,
        checkin=checkin,
        problem=problem,
        said=said,
        doubtful=doubtful,
    )


def _checkin_of(missing: re.Match[str], reader: Reader, lexicon: Lexicon) -> str | None:
    """The check-in they have not done, as it was typed: まだふりかえりを出していない子."""
    for pattern in (*lexicon.phases.values(), lexicon.words["checkin"]):
        for match in pattern.finditer(reader.folded, *missing.span()):
            return reader.typed[slice(*match.span())]
    return None


def _addressed(spoken: Spoken, lexicon: Lexicon, vocabulary: Vocabulary) -> list[Side]:
    """Those named in a place where a receiver stands: before に, behind ``to``. The others' words are given back."""
    reader = spoken.reader
    before = set(reader.explained)
    students = find_students(reader, lexicon, vocabulary)
    lessons = _lessons(reader, vocabulary)
    sides = sorted(lessons + find_sides(reader, lexicon, vocabulary, students), key=lambda side: side.start)
    addressed: list[Side] = []
    following: Side | None = None
    for side in reversed(sides):
        end = _end_of_address(spoken, side, following if addressed and following is addressed[-1] else None, before)
        if end is not None:
            reader.explained.update(range(side.start, end))
            addressed.append(side)
        elif _stays_before(side, addressed, reader.folded):
            pass  # 4年2組の佐藤さん: it says which
        else:
            reader.explained -= set(range(side.start, side.end)) - before
        following = side
    return addressed[::-1]


def _lessons(reader: Reader, vocabulary: Vocabulary) -> list[Side]:
    """Classes of a lesson that are named by their title in two parts: 4年2組の算数. Of one title that several bear, all
    are told, so that it is asked which."""
    found: dict[tuple[int, int], list[Scope]] = {}
    for each in vocabulary.classes:
        if not each.homeroom and (pattern := _in_two_parts(each.title)) is not None:
            for match in pattern.finditer(reader.folded):
                scope = Scope(kind=ScopeKind.CLASS, ids=(each.id,), label=each.title)
                found.setdefault(match.span(), []).append(scope)
    sides = [Side(start=start, end=end, scopes=tuple(scopes)) for (start, end), scopes in sorted(found.items())]
    for side in sides:
        reader.explained.update(range(side.start, side.end))
    return sides


@cache
def _in_two_parts(title: str) -> re.Pattern[str] | None:
    first, *others = plain(title).split()
    if not others:
        return None
    parts = [re.escape(Reader(part).folded) for part in (first, "".join(others))]
    return re.compile("(?:の| |'s )?".join(parts))


def _stays_before(side: Side, addressed: Sequence[Side], text: str) -> bool:
    return bool(addressed) and text[side.end : addressed[-1].start].strip() in ("の", "'s", "")


def _end_of_address(spoken: Spoken, side: Side, following: Side | None, before: set[int]) -> int | None:
    """Where the words about a receiver end; None for one who is only spoken of."""
    text, words = spoken.reader.folded, spoken.words
    if spoken.reader.language != "ja":
        lead = words["before"][0].search(text[: side.start])
        joined = any(match.end() == side.start for match in words["joins"][0].finditer(text[: side.start]))
        return side.end if lead is not None or joined else None
    join = words["joins"][0].match(text, side.end) if following is not None else None
    if following is not None and join is not None and join.end() == following.start:
        return join.end()
    if (to := words["to"][0].match(text, side.end)) is not None and to[0]:
        return to.end()
    at = side.end + (text[side.end : side.end + 1] in ("の", "で"))
    if at < len(text) and at in before:  # まだの子に, and the verb
        return at
    if text[side.end - 1 : side.end] in ("に", "へ"):
        return side.end
    return side.end if words["apart"][0].match(text, side.end) is not None else None


def _strangers(spoken: Spoken, lexicon: Lexicon) -> tuple[str, ...]:
    """Names with a title in the place of a receiver that the roster does not have."""
    reader = spoken.reader
    before = set(reader.explained)
    found: list[str] = []
    for name in find_strangers(reader, lexicon):
        at = reader.typed.find(name)
        if reader.language == "ja":
            to = spoken.words["to"][0].match(reader.folded, at + len(name))
            if to is not None and to[0]:
                found.append(name)
                reader.explained.update(range(at, to.end()))
        elif spoken.words["before"][0].search(reader.folded[:at]) is not None:
            found.append(name)
    if not found:
        reader.explained &= before
    return tuple(found)


def _together(sides: Sequence[Side], lexicon: Lexicon) -> tuple[Audience, tuple[str, ...]]:
    """Those of one kind as one audience; classes and grades go together as classes."""
    scopes = [side.scopes[0] for side in sides]
    kinds = {scope.kind for scope in scopes}
    if kinds == {ScopeKind.CLASS, ScopeKind.GRADE}:
        scopes = [Scope(kind=ScopeKind.CLASS, ids=scope.ids, label=scope.label) for scope in scopes]
        kinds = {ScopeKind.CLASS}
    of_kind = [scope for scope in scopes if scope.kind is scopes[0].kind]
    others = tuple(scope.label for scope in scopes if scope.kind is not scopes[0].kind)
    whole = union(of_kind, lexicon.join)
    if whole.kind not in OF_SCOPE:  # 市全体
        return Audience(kind=AudienceKind.SCHOOL, ids=whole.ids, label=whole.label), (whole.label,)
    return Audience(kind=OF_SCOPE[whole.kind], ids=whole.ids, label=whole.label), others


def _default(vocabulary: Vocabulary, speaker_id: str | None) -> Audience | None:
    """The asker's own classes; a child's reminder is for itself; None for one whose are a whole school."""
    if vocabulary.default.kind is ScopeKind.STUDENT:
        return Audience(kind=AudienceKind.SELF, ids=(speaker_id,) if speaker_id else (), label="")
    if vocabulary.default.kind is not ScopeKind.CLASS or not vocabulary.default.ids:
        return None
    return Audience(kind=AudienceKind.CLASS, ids=vocabulary.default.ids, label=vocabulary.default.label)


def _places(vocabulary: Vocabulary) -> str:
    return "・".join(place.name for place in vocabulary.schools if place.id in vocabulary.own_schools)
