"""Students by name: family, given or full, in kanji, kana or Latin letters, with or without さん.

A roster is compiled once into a dictionary of forms by their first letter, so a text of a line is read in microseconds
whatever the size of the school. A name without a title counts only where nothing else can stand: see ``_stands_alone``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from intents.lexicon import Lexicon, NameWords, load_lexicon
from intents.residue import leftover
from intents.romaji import key_of_kana, romaji_key
from intents.spans import Reader
from knowledge.questions.model import Scope, ScopeKind, StudentName, Vocabulary

_KANJI = re.compile(r"[一-鿿々〆]")
_KANA = re.compile(r"[ぁ-ゖー]")
_LATIN = re.compile(r"[a-z]+")
_LATIN_NAME = re.compile(r"[a-z]+(?:-?[a-z]+)?")
SHORTEST_KANA = 3  # letters of a name in hiragana that needs no title
SHORTEST_LATIN = 4  # letters of a name in small Latin letters that needs none
LONGEST_STRANGER = 8  # letters of a name the roster does not have


@dataclass(frozen=True, kw_only=True)
class NamedStudents:
    """A name in the text and all who bear it."""

    start: int
    end: int
    students: tuple[StudentName, ...]


def find_students(reader: Reader, lexicon: Lexicon, vocabulary: Vocabulary) -> list[NamedStudents]:
    """Every name of a student the asker may know, its letters and its title claimed, in the order of the text.
    Empty when nobody is named."""
    people = _known(vocabulary)
    if not people:
        return []
    roster = _roster(_Key(people))
    return [
        *sorted(
            (*_in_kanji_and_kana(reader, lexicon.names, roster), *_in_latin(reader, lexicon.names, roster)),
            key=lambda found: found.start,
        )
    ]


def find_strangers(reader: Reader, lexicon: Lexicon) -> tuple[str, ...]:
    """Names with a title (鈴木さん) that nothing explained, claimed with it: nobody the asker's roster has."""
    words, found = lexicon.names, list[str]()
    for match in reader.unclaimed(words.title_after_any):
        start = _start_of_stranger(reader, words, match.start())
        name = reader.surface[start : match.start()]
        if name and not _is_no_person(name, words):
            reader.explained.update(range(start, match.end()))
            found.append(reader.typed[start : match.end()])
    return tuple(found)


def names_somebody(reader: Reader, lexicon: Lexicon) -> bool:
    """Whether a word that nothing explained is the name of a person, or a word for another child (友だち)."""
    others = any(True for _ in reader.unclaimed(lexicon.names.others))
    return others or any(word.lower() not in lexicon.names.not_people for word in leftover(reader, lexicon).people)


def student_scope(student: StudentName) -> Scope:
    return Scope(kind=ScopeKind.STUDENT, ids=(student.id,), label=f"{student.family_name} {student.given_name}".strip())


def distinct_scopes(students: Sequence[StudentName], words: NameWords) -> tuple[Scope, ...]:
    """One scope for each of several students of one name, told apart by class and, in one class, by number."""
    labels = [
        words.label.format(name=student_scope(each).label, class_title=each.class_title or "") for each in students
    ]
    return tuple(
        Scope(
            kind=ScopeKind.STUDENT,
            ids=(each.id,),
            label=label
            if labels.count(label) == 1
            else words.label_with_number.format(
                name=student_scope(each).label, class_title=each.class_title or "", number=each.number or "-"
            ),
        )
        for each, label in zip(students, labels, strict=True)
    )


@dataclass(frozen=True, kw_only=True)
class _Form:
    text: str
    whole: bool  # family and given name
    students: tuple[StudentName, ...]


@dataclass(frozen=True, kw_only=True)
class _Roster:
    by_first: Mapping[str, tuple[_Form, ...]]  # the longest first
    by_key: Mapping[str, _Form]  # in Latin letters, by ``romaji_key``


class _Key:
    """A roster as a key: hashed by a few of its names, compared whole, which costs nothing for the same object."""

    def __init__(self, people: tuple[StudentName, ...]) -> None:
        self.people = people

    def __hash__(self) -> int:
        return hash((len(self.people), self.people[0], self.people[-1]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and (self.people is other.people or self.people == other.people)


def _known(vocabulary: Vocabulary) -> tuple[StudentName, ...]:
    """The students of the vocabulary; for a family its own children, whose names are the label of its scope."""
    default = vocabulary.default
    if vocabulary.students or default.kind is not ScopeKind.STUDENT:
        return vocabulary.students
    return _family(default.ids, default.label)


@lru_cache(maxsize=64)
def _family(ids: tuple[str, ...], label: str) -> tuple[StudentName, ...]:
    names = label.split("・") if label else []
    if len(names) != len(ids):
        return ()
    return tuple(
        StudentName(
            id=id,
            family_name=name.partition(" ")[0],
            given_name=name.partition(" ")[2],
            kana_family_name=None,
            kana_given_name=None,
            class_id=None,
            class_title=None,
            number=None,
            mine=True,
        )
        for id, name in zip(ids, names, strict=True)
    )


@lru_cache(maxsize=16)
def _roster(key: _Key) -> _Roster:
    variants = load_lexicon("ja").names.variants
    kept: dict[tuple[str, bool], dict[str, StudentName]] = {}
    latin: dict[tuple[str, bool], dict[str, StudentName]] = {}
    for student in key.people:
        family, given = (_folded(name, variants) for name in (student.family_name, student.given_name))
        kana_family, kana_given = (
            _folded(name or "", variants) for name in (student.kana_family_name, student.kana_given_name)
        )
        for first, second in ((family, given), (kana_family, kana_given), (family, kana_given), (kana_family, given)):
            for text, whole in ((first, False), (second, False), (first + second, bool(first and second))):
                if text and not text.isascii():
                    kept.setdefault((text, whole), {})[student.id] = student
        for first, second in ((family, given), (kana_family, kana_given)):
            keys = [romaji_key(name) if name.isascii() else key_of_kana(name) for name in (first, second)]
            for text, whole in ((keys[0], False), (keys[1], False), ("".join(keys), True), ("".join(keys[::-1]), True)):
                if text and (not whole or all(keys)):
                    latin.setdefault((text, whole), {})[student.id] = student
    by_first: dict[str, list[_Form]] = {}
    for (text, whole), students in sorted(kept.items(), key=lambda item: -len(item[0][0])):
        by_first.setdefault(text[0], []).append(_Form(text=text, whole=whole, students=tuple(students.values())))
    return _Roster(
        by_first={first: tuple(forms) for first, forms in by_first.items()},
        by_key={
            text: _Form(text=text, whole=whole, students=tuple(students.values()))
            for (text, whole), students in sorted(latin.items(), key=lambda item: item[0][1])
        },
    )


def _folded(name: str, variants: Mapping[int, str]) -> str:
    return Reader(name).folded.replace(" ", "").translate(variants)


def _in_kanji_and_kana(reader: Reader, words: NameWords, roster: _Roster) -> Iterator[NamedStudents]:
    text = reader.folded.translate(words.variants)
    inside = {at for match in words.not_names.finditer(text) for at in range(*match.span())}
    at = 0
    while at < len(text):
        for form in roster.by_first.get(text[at], ()):
            end = at + len(form.text)
            if not text.startswith(form.text, at) or not reader.explained.isdisjoint(range(at, end)):
                continue
            title = words.title.match(text, end)
            if words.staff.match(text, end) or not _stands(reader, words, text, at, form, title, inside):
                continue
            end = title.end() if title else end
            reader.explained.update(range(at, end))
            yield NamedStudents(start=at, end=end, students=form.students)
            at = end - 1
            break
        at += 1


def _stands(
    reader: Reader, words: NameWords, text: str, at: int, form: _Form, title: re.Match[str] | None, inside: set[int]
) -> bool:
    """Whether the letters at ``at`` are a name and no part of another word."""
    before = text[at - 1] if at and at - 1 not in reader.explained else ""
    in_kana = all(_KANA.match(letter) for letter in form.text)
    apart = not before or before in words.before or not (_KANJI.match(before) or _KANA.match(before))
    if not in_kana:
        apart = apart or (_KANA.match(before) is not None and (len(form.text) > 1 or title is not None))
        apart = apart or (form.whole and len(form.text) > 2)  # 今週佐藤花は
    if not apart:
        return False
    if title is not None:
        return True
    return _stands_alone(words, text, at + len(form.text), form, in_kana=in_kana) and inside.isdisjoint(
        range(at, at + len(form.text))
    )


def _stands_alone(words: NameWords, text: str, end: int, form: _Form, *, in_kana: bool) -> bool:
    """A name without a title is followed by a particle, a sign or nothing; short kana and everyday words need one."""
    if form.text in words.common or (in_kana and len(form.text) < SHORTEST_KANA):
        return False
    after = text[end : end + 1]
    if text[end:] in words.after_at_end:
        return True
    if not after or after in words.after or any(text.startswith(word, end) for word in words.after_words):
        return True
    return not (_KANJI.match(after) or _KANA.match(after) or after.isalnum())


def _in_latin(reader: Reader, words: NameWords, roster: _Roster) -> Iterator[NamedStudents]:
    text = reader.folded
    tokens = [*_LATIN.finditer(text)]
    index = 0
    while index < len(tokens):
        first = tokens[index]
        for last in tokens[index : index + 3][::-1]:
            end = last.end()
            if not reader.explained.isdisjoint(range(first.start(), end)):
                continue
            said = text[first.start() : end]
            if last is not first and not re.fullmatch(r"[a-z]+(?:[ '-]|, )[a-z]+(?:['-][a-z]+)?", said):
                continue
            form = roster.by_key.get(romaji_key(said))
            if form is None:
                continue
            title = words.title.match(text, end)
            if not (title or form.whole or _is_latin_name(reader, words, said, first.start())):
                continue
            end = title.end() if title else end
            reader.explained.update(range(first.start(), end))
            yield NamedStudents(start=first.start(), end=end, students=form.students)
            while index < len(tokens) and tokens[index].start() < end:
                index += 1
            index -= 1
            break
        index += 1


def _is_latin_name(reader: Reader, words: NameWords, said: str, start: int) -> bool:
    if said in words.common or len(said) < 2:
        return False
    return reader.typed[start].isupper() or len(said) >= SHORTEST_LATIN


def _is_no_person(name: str, words: NameWords) -> bool:
    """お母さん, 皆さん; in Japanese whatever stands before it is not divided from it."""
    return name in words.not_people or (not name.isascii() and name.endswith(tuple(words.not_people)))


def _start_of_stranger(reader: Reader, words: NameWords, end: int) -> int:
    """Where the name before a title begins: its kanji, katakana or Latin letters, else its hiragana."""
    start = end

    def grow(letter: re.Pattern[str], stops: frozenset[str]) -> int:
        at = start
        while at and end - at < LONGEST_STRANGER and at - 1 not in reader.explained:
            before = reader.surface[at - 1]
            if not letter.fullmatch(before) or before in stops:
                break
            at -= 1
        return at

    start = grow(re.compile(r"[一-鿿々〆ァ-ヴー]"), frozenset())
    if start == end:
        start = grow(re.compile(r"[a-z]"), frozenset())
        if start < end and reader.language == "en" and not reader.typed[start].isupper():
            return end
    if start == end:
        start = grow(re.compile(r"[ぁ-ゖー]"), words.before)
        return start if end - start > 1 else end
    return start
