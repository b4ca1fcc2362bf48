"""Whom a text is about: classes, grades, schools by name, or nobody named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from intents.lexicon import Lexicon
from intents.normalise import plain
from intents.spans import Reader
from knowledge.questions.model import ClassName, GradeName, Scope, ScopeKind, Vocabulary

_SCHOOL_NAME = re.compile(r"^(?:.*[市区町村都道府県]?立)?(?P<stem>.+?)(?P<stage>小|中)学校$")


@dataclass(frozen=True, kw_only=True)
class FoundScope:
    """Whom the text is about, or several to choose from."""

    scopes: tuple[Scope, ...]  # one, or as many as the words may mean
    named: bool = True  # otherwise the asker's default
    outside: str | None = None  # a name of a class or grade that the asker's schools do not have


def find_scope(reader: Reader, lexicon: Lexicon, vocabulary: Vocabulary) -> FoundScope:
    """The scope the text names, its words claimed; nobody named: the vocabulary's default."""
    schools = _named_schools(reader, vocabulary)
    groups, outside = _named_classes(reader, lexicon, vocabulary, schools)
    if outside is not None:
        return FoundScope(scopes=(Scope(kind=ScopeKind.CLASS, ids=(), label=outside),), outside=outside)
    if groups:
        return FoundScope(scopes=_choices(groups, lexicon, vocabulary))
    if (grade := _named_grade(reader, lexicon, vocabulary, schools)) is not None:
        return grade
    if reader.has(lexicon.words["own_class"]):
        return _own_class(lexicon, vocabulary)
    if schools:
        names = [place.name for place in vocabulary.schools if place.id in schools]
        scope = Scope(kind=ScopeKind.SCHOOL, ids=tuple(schools), label=lexicon.join.join(names))
        return FoundScope(scopes=(scope,))
    if reader.has(lexicon.words["own_school"]):
        names = [place.name for place in vocabulary.schools if place.id in vocabulary.own_schools]
        scope = Scope(kind=ScopeKind.SCHOOL, ids=vocabulary.own_schools, label=lexicon.join.join(names))
        return FoundScope(scopes=(scope,))
    if reader.has(lexicon.words["district"]):
        ids = tuple(place.id for place in vocabulary.districts)
        label = lexicon.join.join(place.name for place in vocabulary.districts)
        return FoundScope(scopes=(Scope(kind=ScopeKind.DISTRICT, ids=ids, label=label),))
    return FoundScope(scopes=(vocabulary.default,), named=False)


def _named_schools(reader: Reader, vocabulary: Vocabulary) -> list[str]:
    """Ids of schools named in full, or without 市立 and 学校: あおば小."""
    ids: list[str] = []
    for place in sorted(vocabulary.schools, key=lambda place: -len(place.name)):
        name = Reader(place.name).folded
        parts = _SCHOOL_NAME.match(name)
        forms = {name, f"{parts['stem']}{parts['stage']}学校", parts["stem"] + parts["stage"]} if parts else {name}
        pattern = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        for match in reader.unclaimed(re.compile(f"(?:{pattern})(?!学)")):
            reader.claim(match)
            ids.append(place.id)
    return [*dict.fromkeys(ids)]


def _named_classes(
    reader: Reader, lexicon: Lexicon, vocabulary: Vocabulary, schools: Sequence[str]
) -> tuple[list[list[ClassName]], str | None]:
    """For every class named, in the order of the text, the classes it may be; or a name that no class bears."""
    known = [each for each in vocabulary.classes if not schools or each.school_id in schools]
    found: list[tuple[int, list[ClassName]]] = []
    titles: dict[str, list[ClassName]] = {}
    for each in known:
        titles.setdefault(_folded_title(each.title, reader.language), []).append(each)
    for title in sorted((title for title in titles if len(title) > 1), key=len, reverse=True):
        for match in reader.unclaimed(re.compile(rf"(?<![0-9a-z]){re.escape(title)}(?![0-9a-z])")):
            reader.claim(match)
            found.append((match.start(), _preferred(titles[title], vocabulary)))
    keys: dict[tuple[int | str | None, str], list[ClassName]] = {}
    for each in known:
        keys.setdefault(_key(each), []).append(each)
    for pattern in lexicon.classes:
        for match in reader.unclaimed(pattern):
            reader.claim(match)
            key = (_number(match["grade"], lexicon), str(_number(match["name"], lexicon)))
            if key not in keys:
                return [], reader.surface[slice(*match.span())]
            found.append((match.start(), _preferred(keys[key], vocabulary)))
    for pattern in lexicon.class_alone:
        for match in reader.unclaimed(pattern):
            reader.claim(match)
            name = str(_number(match["name"], lexicon))
            before = [group for start, group in sorted(found, key=lambda each: each[0]) if start < match.start()]
            grades = {_key(each)[0] for each in (before[-1] if before else _homerooms(vocabulary))}
            meant = [each for key, group in keys.items() if key[1] == name for each in group]
            near = [each for each in meant if _key(each)[0] in grades] if grades else meant
            if not near:
                return [], reader.surface[slice(*match.span())]
            found.append((match.start(), _preferred(near, vocabulary)))
    return [group for _, group in sorted(found, key=lambda each: each[0])], None


def _named_grade(reader: Reader, lexicon: Lexicon, vocabulary: Vocabulary, schools: Sequence[str]) -> FoundScope | None:
    for pattern in lexicon.grades:
        for match in reader.unclaimed(pattern):
            reader.claim(match)
            number = _number(match["grade"], lexicon)
            codes: dict[str, list[GradeName]] = {}
            for each in vocabulary.grades:
                if _grade_number(each.grade) == number and (not schools or each.school_id in schools):
                    codes.setdefault(each.grade, []).append(each)
            label = lexicon.grade_label.format(number=number)
            if not codes:
                said = reader.surface[slice(*match.span())]
                return FoundScope(scopes=(Scope(kind=ScopeKind.GRADE, ids=(), label=label),), outside=said)
            return FoundScope(
                scopes=tuple(
                    Scope(
                        kind=ScopeKind.GRADE,
                        ids=tuple(id for each in group for id in each.class_ids),
                        # 小1 and 中1 in one school: the code tells them apart
                        label=label if len(codes) == 1 else f"{label} ({code})",
                    )
                    for code, group in codes.items()
                )
            )
    return None


def _own_class(lexicon: Lexicon, vocabulary: Vocabulary) -> FoundScope:
    own = _homerooms(vocabulary)
    if not own and vocabulary.default.kind is ScopeKind.CLASS:
        own = [each for each in vocabulary.classes if each.id in vocabulary.default.ids]
    if not own:  # nobody's class: a child, or staff without one, who is then asked which
        own = [each for each in vocabulary.classes if each.homeroom]
    if not own:
        return FoundScope(scopes=(Scope(kind=ScopeKind.CLASS, ids=(), label=""),))
    return FoundScope(scopes=_choices([own], lexicon, vocabulary))


def _choices(groups: list[list[ClassName]], lexicon: Lexicon, vocabulary: Vocabulary) -> tuple[Scope, ...]:
    """One scope of all the classes named; or, where one name fits several classes, a scope for each of those."""
    for group in groups:
        if len(group) > 1:
            return tuple(_scope([each], lexicon, vocabulary, distinct=True) for each in group)
    return (_scope([each for group in groups for each in group], lexicon, vocabulary),)


def _scope(classes: Iterable[ClassName], lexicon: Lexicon, vocabulary: Vocabulary, *, distinct: bool = False) -> Scope:
    unique = [*{each.id: each for each in classes}.values()]
    label = lexicon.join.join(each.title for each in unique)
    if distinct and len(vocabulary.own_schools) > 1:
        label = " ".join([*(place.name for place in vocabulary.schools if place.id == unique[0].school_id), label])
    return Scope(kind=ScopeKind.CLASS, ids=tuple(each.id for each in unique), label=label)


def _preferred(classes: list[ClassName], vocabulary: Vocabulary) -> list[ClassName]:
    """Of classes of one name the asker's homeroom, else homerooms, else all."""
    own = [each for each in classes if each.id in vocabulary.homerooms]
    return own or [each for each in classes if each.homeroom] or classes


def _homerooms(vocabulary: Vocabulary) -> list[ClassName]:
    return [each for each in vocabulary.classes if each.id in vocabulary.homerooms]


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
