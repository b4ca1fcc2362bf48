"""Whom a text is about: students, classes, grades, schools by name, or nobody named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from intents.lexicon import Lexicon
from intents.names import NamedStudents, distinct_scopes, student_scope
from intents.normalise import plain
from intents.spans import Reader
from knowledge.questions.model import ClassName, GradeName, Scope, ScopeKind, Vocabulary

_SCHOOL_NAME = re.compile(r"^(?:.*[市区町村都道府県]?立)?(?P<stem>.+?)(?P<stage>小|中)学校$")


def short_school_name(name: str) -> str:
    """「あゆみ市立みなみ小学校」 → 「みなみ小」; any other name as it is."""
    found = _SCHOOL_NAME.match(name)
    return name if found is None else found["stem"] + found["stage"]


@dataclass(frozen=True, kw_only=True)
class Side:
    """One group that was named, and where."""

    start: int
    end: int
    scopes: tuple[Scope, ...]  # one, or as many as the words may mean
    outside: str | None = None  # as it was named, when the asker's schools do not have it; then ``ids`` is empty


def find_sides(
    reader: Reader,
    lexicon: Lexicon,
    vocabulary: Vocabulary,
    students: Sequence[NamedStudents],
    previous: Scope | None = None,
) -> list[Side]:
    """Everything the text names, its words claimed, in the order of the text; a school in front of a class and a
    class in front of a student only say which one. Empty when nobody is named. Of a class without a grade (1組) the
    grade is that of the asker's homeroom, for one without any that of ``previous``."""
    schools = _named_schools(reader, vocabulary)
    school_ids = [id for _, _, id in schools]
    classes = _named_classes(reader, lexicon, vocabulary, school_ids, previous)
    people = _sides_of_students(students, classes, reader, lexicon, vocabulary)
    if people:
        first = min(side.start for side in people)
        apart = [side for side, _ in classes if all(not 0 <= one.start - side.end <= 1 for one in people)]
        beside = [side for side in apart if side.start > first or _stands_beside(reader, lexicon, side)]
        return sorted(people + beside, key=lambda side: side.start)
    sides = [side for side, _ in classes] + _named_grades(reader, lexicon, vocabulary, school_ids)
    if (own := _own_class(reader, lexicon, vocabulary, sides)) is not None:
        sides.append(own)
    if not sides:
        sides += [_place(start, end, ScopeKind.SCHOOL, (id,), vocabulary) for start, end, id in schools]
    for name, kind, ids in (
        ("own_grade", ScopeKind.GRADE, ()),
        ("own_school", ScopeKind.SCHOOL, vocabulary.own_schools),
        ("district", ScopeKind.DISTRICT, tuple(place.id for place in vocabulary.districts)),
    ):
        for match in reader.unclaimed(lexicon.words[name]):
            if kind is ScopeKind.GRADE:
                if (side := _own_grade(match, lexicon, vocabulary)) is None:
                    continue
            else:
                side = _place(match.start(), match.end(), kind, ids, vocabulary)
            reader.claim(match)
            sides.append(side)
    return sorted(sides, key=lambda side: side.start)


def _sides_of_students(
    students: Sequence[NamedStudents],
    classes: Sequence[tuple[Side, list[ClassName]]],
    reader: Reader,
    lexicon: Lexicon,
    vocabulary: Vocabulary,
) -> list[Side]:
    if not students:
        return _by_number(reader, lexicon, vocabulary, classes)
    sides: list[Side] = []
    for named in students:
        within, own = _classes_before(named, students, classes)
        meant = [each for each in named.students if not within or each.class_id in within]
        meant = meant or ([] if own else list(named.students))
        if number := _number_behind(reader, lexicon, named):
            meant = [each for each in meant if each.number == number] or meant
        meant = [each for each in meant if each.mine] or meant  # nobody of the asker's: whoever it is, to be refused
        said = reader.typed[named.start : named.end]
        if not meant:
            nobody = Scope(kind=ScopeKind.STUDENT, ids=(), label=said)
            sides.append(Side(start=named.start, end=named.end, scopes=(nobody,), outside=said))
        else:
            several = len(meant) > 1 and meant[0].mine
            scopes = distinct_scopes(meant, lexicon.names) if several else (student_scope(meant[0]),)
            sides.append(Side(start=named.start, end=named.end, scopes=scopes))
    return sides


def _classes_before(
    named: NamedStudents, students: Sequence[NamedStudents], classes: Sequence[tuple[Side, list[ClassName]]]
) -> tuple[set[str], bool]:
    """The class in front of a name (4年1組の佐藤さん), or of the names before it; and whether it is its own."""
    before = [(side, group) for side, group in classes if side.start < named.start]
    first = max((other.end for other in students if other.end <= named.start), default=0)
    own = [(side, group) for side, group in before if side.start >= first]
    return {each.id for _, group in own or before[-1:] for each in group}, bool(own)


def _by_number(
    reader: Reader, lexicon: Lexicon, vocabulary: Vocabulary, classes: Sequence[tuple[Side, list[ClassName]]]
) -> list[Side]:
    """「出席番号5番」 of the class named, or of the asker's own."""
    within = {each.id for _, group in classes for each in group} or set(vocabulary.homerooms)
    sides: list[Side] = []
    for match in reader.take(lexicon.names.number):
        number = int(match["number"] or match["number2"])
        meant = [each for each in vocabulary.students if each.number == number and each.class_id in within]
        scopes = tuple(student_scope(each) for each in meant) or (
            Scope(kind=ScopeKind.STUDENT, ids=(), label=match[0]),
        )
        outside = None if meant else match[0]
        sides.append(Side(start=match.start(), end=match.end(), scopes=scopes, outside=outside))
    return sides


def _number_behind(reader: Reader, lexicon: Lexicon, named: NamedStudents) -> int | None:
    for match in reader.unclaimed(lexicon.names.number):
        if match.start() > named.end:
            reader.claim(match)
            return int(match["number"] or match["number2"])
    return None


def _stands_beside(reader: Reader, lexicon: Lexicon, side: Side) -> bool:
    """Whether the side is joined to another (と4年2組) and not in front of one (4年2組の)."""
    before = reader.folded[: side.start]
    return any(match.end() == len(before) for match in lexicon.words["beside"].finditer(before))


def _named_schools(reader: Reader, vocabulary: Vocabulary) -> list[tuple[int, int, str]]:
    """Schools named in full, or without 市立 and 学校: あおば小."""
    found: list[tuple[int, int, str]] = []
    for place, pattern in _school_patterns(vocabulary):
        for match in reader.take(pattern):
            found.append((match.start(), match.end(), place))
    return sorted(found)


def _school_patterns(vocabulary: Vocabulary) -> list[tuple[str, re.Pattern[str]]]:
    patterns: list[tuple[str, re.Pattern[str]]] = []
    for place in sorted(vocabulary.schools, key=lambda place: -len(place.name)):
        name = Reader(place.name).folded
        parts = _SCHOOL_NAME.match(name)
        forms = {name, f"{parts['stem']}{parts['stage']}学校", parts["stem"] + parts["stage"]} if parts else {name}
        listed = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        patterns.append((place.id, re.compile(f"(?<![0-9a-z])(?:{listed})(?!学|[0-9a-z])")))
    return patterns


def _named_classes(
    reader: Reader, lexicon: Lexicon, vocabulary: Vocabulary, schools: Sequence[str], previous: Scope | None
) -> list[tuple[Side, list[ClassName]]]:
    """Every class named, with the classes it may be."""
    known = [each for each in vocabulary.classes if not schools or each.school_id in schools]
    found: list[tuple[re.Match[str], list[ClassName]]] = []
    titles: dict[str, list[ClassName]] = {}
    for each in known:
        titles.setdefault(_folded_title(each.title, reader.language), []).append(each)
    for title in sorted((title for title in titles if len(title) > 1), key=len, reverse=True):
        if title in reader.folded:
            for match in reader.take(re.compile(rf"(?<![0-9a-z]){re.escape(title)}(?![0-9a-z])")):
                found.append((match, _preferred(titles[title], vocabulary)))
    keys: dict[tuple[int | str | None, str], list[ClassName]] = {}
    for each in known:
        keys.setdefault(_key(each), []).append(each)
    for pattern in lexicon.classes:
        for match in reader.take(pattern):
            key = (_number(match["grade"], lexicon), str(_number(match["name"], lexicon)))
            found.append((match, _preferred(keys.get(key, []), vocabulary)))
    for pattern in lexicon.class_alone:
        for match in reader.take(pattern):
            name = str(_number(match["name"], lexicon))
            before = [
                group
                for other, group in sorted(found, key=lambda each: each[0].start())
                if other.start() < match.start()
            ]
            grades = {_key(each)[0] for each in (before[-1] if before else _near(vocabulary, previous))}
            meant = [each for key, group in keys.items() if key[1] == name for each in group]
            near = [each for each in meant if _key(each)[0] in grades] if grades else meant
            found.append((match, _preferred(near, vocabulary)))
    return [
        (_side_of_classes(match, reader, group, vocabulary), group)
        for match, group in sorted(found, key=lambda each: each[0].start())
    ]


def _side_of_classes(match: re.Match[str], reader: Reader, group: list[ClassName], vocabulary: Vocabulary) -> Side:
    said = reader.surface[slice(*match.span())]
    if not group:
        nobody = Scope(kind=ScopeKind.CLASS, ids=(), label=said)
        return Side(start=match.start(), end=match.end(), scopes=(nobody,), outside=said)
    scopes = tuple(_class_scope(each, vocabulary, distinct=len(group) > 1) for each in group)
    return Side(start=match.start(), end=match.end(), scopes=scopes)


def _named_grades(reader: Reader, lexicon: Lexicon, vocabulary: Vocabulary, schools: Sequence[str]) -> list[Side]:
    sides: list[Side] = []
    for pattern in lexicon.grades:
        for match in reader.take(pattern):
            number = _number(match["grade"], lexicon)
            codes: dict[str, list[GradeName]] = {}
            for each in vocabulary.grades:
                if _grade_number(each.grade) == number and (not schools or each.school_id in schools):
                    codes.setdefault(each.grade, []).append(each)
            label = lexicon.grade_label.format(number=number)
            said = reader.surface[slice(*match.span())]
            # 小1 and 中1 in one school: the code tells them apart
            scopes = tuple(
                _grade_scope(group, label if len(codes) == 1 else f"{label} ({code})") for code, group in codes.items()
            )
            nobody = (Scope(kind=ScopeKind.GRADE, ids=(), label=label),)
            outside = None if scopes else said
            sides.append(Side(start=match.start(), end=match.end(), scopes=scopes or nobody, outside=outside))
    return sides


def _own_grade(match: re.Match[str], lexicon: Lexicon, vocabulary: Vocabulary) -> Side | None:
    own = [each for each in vocabulary.grades if not set(each.class_ids).isdisjoint(vocabulary.homerooms)]
    scopes = tuple(
        _grade_scope([each], lexicon.grade_label.format(number=_grade_number(each.grade) or each.grade)) for each in own
    )
    return Side(start=match.start(), end=match.end(), scopes=scopes) if scopes else None


def _grade_scope(group: Sequence[GradeName], label: str) -> Scope:
    return Scope(kind=ScopeKind.GRADE, ids=tuple(id for each in group for id in each.class_ids), label=label)


def _own_class(reader: Reader, lexicon: Lexicon, vocabulary: Vocabulary, sides: Sequence[Side]) -> Side | None:
    """うちのクラス; a bare クラス only where no other group is named, otherwise it belongs to that (4年2組のクラス)."""
    found = reader.take(lexicon.words["own_class"])
    if not found or (sides and not any(len(match[0]) > 3 for match in found)):
        return None
    own = _homerooms(vocabulary)
    if not own and vocabulary.default.kind is ScopeKind.CLASS:
        own = [each for each in vocabulary.classes if each.id in vocabulary.default.ids]
    own = own or [each for each in vocabulary.classes if each.homeroom]  # staff without one, who is asked which
    start, end = found[0].span()
    if not own:  # nobody's class: a child
        return Side(start=start, end=end, scopes=(Scope(kind=ScopeKind.CLASS, ids=(), label=""),))
    scopes = tuple(_class_scope(each, vocabulary, distinct=len(own) > 1) for each in own)
    return Side(start=start, end=end, scopes=scopes)


def _class_scope(each: ClassName, vocabulary: Vocabulary, *, distinct: bool) -> Scope:
    label = each.title
    if distinct and len(vocabulary.own_schools) > 1:
        label = " ".join([*(place.name for place in vocabulary.schools if place.id == each.school_id), label])
    return Scope(kind=ScopeKind.CLASS, ids=(each.id,), label=label)


def _place(start: int, end: int, kind: ScopeKind, ids: Sequence[str], vocabulary: Vocabulary) -> Side:
    places = {place.id: place.name for place in (*vocabulary.schools, *vocabulary.districts)}
    label = "・".join(places.get(id, "") for id in ids)
    return Side(start=start, end=end, scopes=(Scope(kind=kind, ids=tuple(ids), label=label),))


def union(scopes: Sequence[Scope], join: str) -> Scope:
    """Several groups of one kind as one; of students a list."""
    kind = scopes[0].kind
    unique = {each.ids: each for each in scopes}
    if len(unique) == 1:
        return scopes[0]
    return Scope(
        kind=ScopeKind.LIST if kind is ScopeKind.STUDENT else kind,
        ids=tuple(dict.fromkeys(id for each in unique.values() for id in each.ids)),
        label=join.join(each.label for each in unique.values()),
    )


def _preferred(classes: list[ClassName], vocabulary: Vocabulary) -> list[ClassName]:
    """Of classes of one name the asker's homeroom, else homerooms, else all; for a subject teacher their own class of
    those children (4年2組 算数), however much of its title is said."""
    own = [each for each in classes if each.id in vocabulary.homerooms]
    if not own and not vocabulary.homerooms and vocabulary.default.kind is ScopeKind.CLASS:
        titles = tuple(each.title for each in classes)
        own = [
            each for each in vocabulary.classes if each.id in vocabulary.default.ids and each.title.startswith(titles)
        ]
    return own or [each for each in classes if each.homeroom] or classes


def _homerooms(vocabulary: Vocabulary) -> list[ClassName]:
    return [each for each in vocabulary.classes if each.id in vocabulary.homerooms]


def _near(vocabulary: Vocabulary, previous: Scope | None) -> list[ClassName]:
    """The classes in whose grade a class without one is looked for."""
    own = _homerooms(vocabulary)
    if own or previous is None:
        return own
    ids = {*previous.ids, *(each.class_id for each in vocabulary.students if each.id in previous.ids)}
    before = [each for each in vocabulary.classes if each.id in ids]
    return before if len({each.grade for each in before}) == 1 else []


def _folded_title(title: str, language: str) -> str:
    folded = Reader(title).folded
    return folded.replace(" ", "") if language == "ja" else folded


def _key(each: ClassName) -> tuple[int | None, str]:
    """(grade, class) as both languages say it: 4年2組, 4-2 and 2組 of grade P4 are (4, "2")."""
    title = plain(each.title).lower()
    if match := re.fullmatch(r"(?:([0-9]+)\s*(?:年|-|の)?\s*)?([0-9]+|[a-z])\s*組?", title):
        grade = int(match[1]) if match[1] else _grade_number(each.grade)
        return grade, match[2]
    return _grade_number(each.grade), title


def _grade_number(code: str | None) -> int | None:
    return int(code[1:]) if code and code[1:].isdecimal() else None


def _number(said: str, lexicon: Lexicon) -> int | str:
    if said.isdecimal() and said.isascii():
        return int(said)
    return lexicon.numerals.get(said, said)
