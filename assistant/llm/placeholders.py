"""Names out before a text goes to a model, and back in afterwards (care.md).

Better a word too many than a name too few: what merely looks like a name is hidden as well.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from sudachipy import Dictionary, SplitMode, Tokenizer

from intents.lexicon import load_lexicon
from intents.names import student_scope
from intents.normalise import plain
from intents.people import named
from intents.romaji import key_of_kana, romaji_key
from knowledge.questions.model import Scope, ScopeKind, Vocabulary

TO_HIRAGANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}
BRACKETS = str.maketrans("[]", "()")  # so that nobody types a placeholder
LETTERS = {ScopeKind.STUDENT: "S", ScopeKind.CLASS: "C"}  # of placeholders; P for places
SHORTEST_STEM = 4  # letters of a name that is hidden with whatever is written onto it (Hanas, hanachan)
A_LETTER = "A-Za-zÀ-ɏ"  # a Latin one, with its accents
_LATIN = re.compile(f"[{A_LETTER}]+(?:['’-][{A_LETTER}]+)*")
_PARTS = re.compile("['’-]")
_HIRAGANA = re.compile("[ぁ-ん]+")
_LONG = re.compile(
    "(?<=[おこそとのほもよろごぞどぼぽょ])[うお]|(?<=[うくすつぬふむゆるぐずづぶぷゅ])う"
)  # さとう, さとー


@dataclass(frozen=True, kw_only=True)
class Masked:
    """A text without names."""

    text: str
    scopes: dict[str, tuple[Scope, ...]]  # by placeholder, whom it may stand for; empty: somebody unknown


class _Hiding:
    """A text on its way to being masked, beside itself in hiragana, which has the same length."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.scopes = dict[str, tuple[Scope, ...]]()

    @property
    def folded(self) -> str:
        return self.text.translate(TO_HIRAGANA)

    def hide(self, places: Iterable[tuple[int, int, str]], known: Mapping[str, tuple[Scope, ...]]) -> None:
        """Put placeholders at places (start, end, name); of each name the same. Nobody is meant by a name that is not
        ``known``."""
        placeholders = dict[str, str]()
        for start, end, name in sorted(places, reverse=True):  # the last first, or it would move the others
            meant = known.get(name, ())
            letter = LETTERS.get(meant[0].kind, "P") if meant else "S"
            placeholder = placeholders.setdefault(name, f"[{letter}{len(self.scopes) + 1}]")
            self.text = self.text[:start] + placeholder + self.text[end:]
            self.scopes[placeholder] = meant

    def hide_all(self, pattern: re.Pattern[str], name: str, known: Mapping[str, tuple[Scope, ...]]) -> None:
        self.hide([(*match.span(), name) for match in pattern.finditer(self.folded)], known)


def mask(text: str, vocabulary: Vocabulary) -> Masked:
    """``text`` with every name of a student, class or school as a placeholder such as ``[S1]``.

    A name that several bear stands for each of them; what only looks like a name stands for nobody. A text without
    names comes back as it is, in NFKC, with the common one of several forms of a kanji.
    """
    visible = "".join(letter for letter in plain(text) if unicodedata.category(letter) != "Cf")
    hiding = _Hiding(visible.translate(BRACKETS).translate(_variants()))
    known = _known(vocabulary)
    for form in sorted(known, key=len, reverse=True):
        if form.lower() in hiding.folded.lower():
            hiding.hide_all(_pattern(form), form, known)
    _hide_latin(hiding, _in_latin(vocabulary))
    _hide_words(hiding, known)
    for name in sorted(named(hiding.text), key=len, reverse=True):  # somebody the roster does not know
        if "[" not in name:
            hiding.hide_all(re.compile(re.escape(name.translate(TO_HIRAGANA))), name, {})
    return Masked(text=hiding.text, scopes=hiding.scopes)


def _hide_latin(hiding: _Hiding, keys: dict[str, tuple[Scope, ...]]) -> None:
    """Names in Latin letters, however they are spelt, also with something written onto them."""
    stems = tuple(key for key in keys if len(key) >= SHORTEST_STEM)
    for also_longer in (False, True):
        words = _LATIN.findall(hiding.text)
        for word in dict.fromkeys([*words, *(part for whole in words for part in _PARTS.split(whole))]):
            key = romaji_key(word)
            if key in keys or (also_longer and stems and key.startswith(stems)):
                alone = re.compile(rf"(?<![{A_LETTER}]){re.escape(word)}(?![{A_LETTER}])")
                hiding.hide_all(alone, key, keys)


def _hide_words(hiding: _Hiding, known: dict[str, tuple[Scope, ...]]) -> None:
    """Words that are a name to the roster (今週林は), or to the dictionary, which knows the usual ones. What follows
    a name directly counts as its second half."""
    places: list[tuple[int, int, str]] = []
    for word in _tokenizer().tokenize(hiding.text):
        kind, start, end = word.part_of_speech(), word.begin(), word.end()
        name = hiding.folded[start:end]
        is_second = bool(places) and places[-1][1] == start and kind[0] == "名詞" and kind[1] != "数詞"
        if name in known or kind[2] == "人名" or is_second:
            places.append((start, end, name))
    hiding.hide(places, known)


def _pattern(form: str) -> re.Pattern[str]:
    """Where a spelling, in hiragana, counts as the name: not within another word, as 花 in 花壇 or はな in はなし."""
    if re.fullmatch(f"[{A_LETTER}0-9].*", form):
        return re.compile(rf"(?<![{A_LETTER}0-9]){re.escape(form)}(?![{A_LETTER}0-9])", re.IGNORECASE)
    if len(form) == 1:
        return re.compile(rf"(?<![一-鿿々]){re.escape(form)}(?![一-鿿々])")
    if len(form) == 2 and _HIRAGANA.fullmatch(form):
        return re.compile(
            rf"(?<![ぁ-ん]){re.escape(form)}(?![ぁ-ん])|{re.escape(form)}(?=さん|くん|ちゃん|って|だけ|より|から|[のはがをともに])"
        )
    return re.compile(re.escape(form))


def _known(vocabulary: Vocabulary) -> dict[str, tuple[Scope, ...]]:
    """Whom each spelling of a name may mean, katakana as hiragana."""
    found: dict[str, dict[tuple[str, ...], Scope]] = {}
    for form, scope in (*_students(vocabulary), *_places(vocabulary)):
        key = plain(form).translate(_variants()).translate(TO_HIRAGANA)
        found.setdefault(key, {})[scope.ids] = scope
    return {form: tuple(scopes.values()) for form, scopes in found.items() if form}


def _students(vocabulary: Vocabulary) -> Iterator[tuple[str, Scope]]:
    """The id, and family, given and full names in kanji and kana, each with the student."""
    for student in vocabulary.students:
        scope = student_scope(student)
        kana = [(name or "").translate(TO_HIRAGANA) for name in (student.kana_family_name, student.kana_given_name)]
        yield student.id, scope
        for family, given in (
            (student.family_name, student.given_name),
            (kana[0], kana[1]),
            (_LONG.sub("ー", kana[0]), _LONG.sub("ー", kana[1])),
        ):
            for form in (family, given, f"{family}{given}", f"{family} {given}" if family and given else ""):
                yield form, scope


def _in_latin(vocabulary: Vocabulary) -> dict[str, tuple[Scope, ...]]:
    """Whom a name in Latin letters may mean, by its key."""
    found: dict[str, dict[tuple[str, ...], Scope]] = {}
    for student in vocabulary.students:
        scope = student_scope(student)
        for names in (
            (student.kana_family_name, student.kana_given_name),
            (student.family_name, student.given_name),
        ):
            keys = [_key((name or "").translate(TO_HIRAGANA)) for name in names]
            both = ["".join(keys), "".join(reversed(keys))] if all(keys) else []
            for key in filter(None, [*keys, *both]):
                found.setdefault(key, {})[scope.ids] = scope
    return {key: tuple(scopes.values()) for key, scopes in found.items()}


def _key(name: str) -> str:
    """The key of a name that is written in Latin letters or in hiragana; empty for any other."""
    return romaji_key(name) if _LATIN.match(name) else key_of_kana(name)


def _variants() -> dict[int, str]:
    return dict(load_lexicon("ja").names.variants)


@cache
def _tokenizer() -> Tokenizer:
    """Built on first use: the dictionary takes some 20 ms."""
    return Dictionary(dict="small").tokenizer(mode=SplitMode.A)


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
    meant = [*dict.fromkeys(masked.scopes[each] for each in placeholders)]  # 佐藤 and 花 may be one
    if len(meant) == 1:
        return meant[0]
    if any(len(scopes) > 1 for scopes in meant) or len({scopes[0].kind for scopes in meant}) > 1:
        return None
    first = [scopes[0] for scopes in meant]
    kind = ScopeKind.LIST if first[0].kind is ScopeKind.STUDENT else first[0].kind
    ids = tuple(id for scope in first for id in scope.ids)
    return (Scope(kind=kind, ids=ids, label="・".join(scope.label for scope in first)),)
