"""Names out before a text goes to a model, and back in afterwards (care.md).

Better a word too many than a name too few: what merely looks like a name is hidden as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from intents.names import student_scope
from intents.normalise import plain
from intents.people import named
from intents.romaji import key_of_kana, romaji_key
from knowledge.questions.model import Scope, ScopeKind, Vocabulary

TO_HIRAGANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}
TO_KATAKANA = {code - 0x60: code for code in range(ord("ァ"), ord("ヶ") + 1)}
LETTERS = {ScopeKind.STUDENT: "S", ScopeKind.CLASS: "C"}  # of placeholders; P for places
_LATIN = re.compile(r"[A-Za-z][A-Za-zŌōŪūĀāĪīĒē'-]+")
_HIRAGANA = re.compile("[ぁ-ん]+")


@dataclass(frozen=True, kw_only=True)
class Masked:
    """A text without names."""

    text: str
    scopes: dict[str, tuple[Scope, ...]]  # by placeholder, whom it may stand for; empty: somebody unknown


def mask(text: str, vocabulary: Vocabulary) -> Masked:
    """``text`` with every name of a student, class or school as a placeholder such as ``[S1]``.

    A name that several bear stands for each of them. A text without names comes back as it is, in NFKC.
    """
    masked, scopes = plain(text), dict[str, tuple[Scope, ...]]()

    def hide(pattern: re.Pattern[str], meant: tuple[Scope, ...], kind: ScopeKind) -> None:
        nonlocal masked
        placeholder = f"[{LETTERS.get(kind, 'P')}{len(scopes) + 1}]"
        masked, count = pattern.subn(placeholder, masked)
        if count:
            scopes[placeholder] = meant

    known = _known(vocabulary)
    for form in sorted(known, key=len, reverse=True):
        if form.lower() in masked.lower():
            hide(_pattern(form), known[form], known[form][0].kind)
    keys = _in_latin(vocabulary)
    for word in dict.fromkeys(_LATIN.findall(masked)):
        if meant := keys.get(romaji_key(word), ()):
            hide(re.compile(rf"\b{re.escape(word)}\b"), meant, ScopeKind.STUDENT)
    for name in sorted(named(masked), key=len, reverse=True):  # somebody the roster does not know
        if "[" not in name:
            hide(re.compile(re.escape(name)), (), ScopeKind.STUDENT)
    return Masked(text=masked, scopes=scopes)


def _pattern(form: str) -> re.Pattern[str]:
    """Where a spelling counts as the name: not within another word, as 花 in 花壇 or はな in はなし."""
    if form.isascii():
        return re.compile(rf"(?<![A-Za-z0-9]){re.escape(form)}(?![A-Za-z0-9])", re.IGNORECASE)
    if len(form) == 1:
        return re.compile(rf"(?<![一-鿿々]){re.escape(form)}(?![一-鿿々])")
    if len(form) == 2 and _HIRAGANA.fullmatch(form):
        return re.compile(
            rf"(?<![ぁ-ん]){re.escape(form)}(?![ぁ-ん])|{re.escape(form)}(?=さん|くん|ちゃん|[のはがをともに])"
        )
    return re.compile(re.escape(form))


def _known(vocabulary: Vocabulary) -> dict[str, tuple[Scope, ...]]:
    """Whom each spelling of a name may mean."""
    found: dict[str, dict[tuple[str, ...], Scope]] = {}
    for form, scope in (*_students(vocabulary), *_places(vocabulary)):
        found.setdefault(plain(form), {})[scope.ids] = scope
    return {form: tuple(scopes.values()) for form, scopes in found.items() if form}


def _students(vocabulary: Vocabulary) -> Iterator[tuple[str, Scope]]:
    """Family, given and full names in kanji, hiragana and katakana, each with the student."""
    for student in vocabulary.students:
        scope = student_scope(student)
        kana = student.kana_family_name or "", student.kana_given_name or ""
        spellings = [
            (student.family_name, student.given_name),
            *(
                (family.translate(way), given.translate(way))
                for way in (TO_HIRAGANA, TO_KATAKANA)
                for family, given in [kana]
            ),
        ]
        for family, given in spellings:
            for form in (family, given, f"{family}{given}", f"{family} {given}" if family and given else ""):
                yield form, scope


def _in_latin(vocabulary: Vocabulary) -> dict[str, tuple[Scope, ...]]:
    """Whom a name in Latin letters may mean, by its key."""
    found: dict[str, dict[tuple[str, ...], Scope]] = {}
    for student in vocabulary.students:
        scope = student_scope(student)
        for name in (student.kana_family_name, student.kana_given_name, student.family_name, student.given_name):
            written = (name or "").translate(TO_HIRAGANA)
            if key := romaji_key(written) if written.isascii() else key_of_kana(written):
                found.setdefault(key, {})[scope.ids] = scope
    return {key: tuple(scopes.values()) for key, scopes in found.items()}


def _places(vocabulary: Vocabulary) -> Iterator[tuple[str, Scope]]:
    for each in vocabulary.classes:
        yield each.title, Scope(kind=ScopeKind.CLASS, ids=(each.id,), label=each.title)
    for kind, places in ((ScopeKind.SCHOOL, vocabulary.schools), (ScopeKind.DISTRICT, vocabulary.districts)):
        for place in places:
            yield place.name, Scope(kind=kind, ids=(place.id,), label=place.name)


def unmask(placeholders: Sequence[str], masked: Masked) -> tuple[Scope, ...] | None:
    """The scopes that the placeholders of one question may mean; None when a model made one up, or nobody is known
    behind it."""
    if any(not masked.scopes.get(each) for each in placeholders):
        return None
    if len(placeholders) == 1:
        return masked.scopes[placeholders[0]]
    meant = [masked.scopes[each] for each in placeholders]
    if any(len(scopes) > 1 for scopes in meant) or len({scopes[0].kind for scopes in meant}) > 1:
        return None
    first = [scopes[0] for scopes in meant]
    kind = ScopeKind.LIST if first[0].kind is ScopeKind.STUDENT else first[0].kind
    ids = tuple(id for scope in first for id in scope.ids)
    return (Scope(kind=kind, ids=ids, label="・".join(scope.label for scope in first)),)
