"""Names out before a text goes to a model, and back in afterwards (care.md).

Better a word too many than a name too few: what merely looks like a name is hidden as well.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

from sudachipy import Dictionary, SplitMode, Tokenizer

from assistant.llm.near_names import NearNames
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
DOUBLED = re.compile(r"(.)\1")
_PARTS = re.compile("['’-]")
_HIRAGANA = re.compile("[ぁ-ん]+")
OPEN = re.compile("[うおー ]")
_O_ROW = "おこそとのほもよろごぞどぼぽょ"
# Told of nobody in particular, and leading to somebody all the same: e-mail and web addresses, telephone numbers and
# postcodes, numbers of people, long figures.
CONTACTS = re.compile(
    r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+"
    r"|https?://[^\s、。]+"
    r"|〒? ?(?<![0-9-])[0-9]{3}-[0-9]{4}(?![0-9-])"
    r"|(?<![0-9-])(?![0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}(?![0-9-]))\+?[0-9](?:[0-9]|[-() ](?=[0-9(])){7,}[0-9]"
    r"|(?:出席番号|学籍番号|出席簿|番号)\s*[0-9]+番?"
    r"|[一-鿿]{0,3}[都道府県市区町村郡][^\s0-9。、]{0,12}[0-9]+(?:-[0-9]+){1,2}|[0-9]+丁目[0-9番地号の-]*"
)
FIGURES = "〇一二三四五六七八九"
CLASS = re.compile("([1-9])年([0-9]{1,2})組")  # a title in the usual form
FOUNDED = re.compile("^.{1,12}?[都道府県市区町村]立|^(?:私立|国立)")  # before what a school is called every day
TITLES = frozenset({"さん", "くん", "君", "ちゃん", "様", "さま", "っち", "たん"})
# Before さん and the like, and nobody's name.
NO_NAMES = frozenset(
    {
        "みな",
        "皆",
        "お母",
        "お父",
        "母",
        "父",
        "お兄",
        "お姉",
        "兄",
        "姉",
        "弟",
        "妹",
        "おじい",
        "おばあ",
        "おじ",
        "おば",
    }
    | {"お客", "赤", "お子", "子", "おや", "親", "保護者", "お", "屋", "看護師", "班長"}
)
LONG_NAME = 4  # letters from which a spelling is looked for before the shorter ones that may stand in it
SHORTEST_NEAR, SHORTEST_NEAR_LATIN = 3, 5  # letters of a name that is found with a slip in it
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
    hiding.hide([(*match.span(), match[0]) for match in CONTACTS.finditer(hiding.text)], {})
    names = _names(vocabulary)
    squashed = _squashed(hiding.folded)
    present = [form for form, short in names.forms if short in squashed]
    for form in (form for form in present if len(form) >= LONG_NAME):
        hiding.hide_all(_pattern(form), form, names.known)
    hiding.hide(names.near_long.places(hiding.folded), {})  # whoever is like somebody may be somebody else
    for form in (form for form in present if len(form) < LONG_NAME):
        hiding.hide_all(_pattern(form), form, names.known)
    _hide_latin(hiding, names.latin)
    hiding.hide(names.near.places(hiding.folded), {})
    _hide_near_latin(hiding, names.near_latin)
    _hide_words(hiding, names.known)
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


def _hide_near_latin(hiding: _Hiding, near: NearNames) -> None:
    """Names in Latin letters with a slip in them."""
    for word in dict.fromkeys(_LATIN.findall(hiding.text)):
        name = near.find(DOUBLED.sub(r"\1", romaji_key(word))) if len(word) > 2 else None
        if name is not None:
            hiding.hide_all(re.compile(rf"(?<![{A_LETTER}]){re.escape(word)}(?![{A_LETTER}])"), name, {})


def _hide_words(hiding: _Hiding, known: dict[str, tuple[Scope, ...]]) -> None:
    """Words that are a name to the roster (今週林は), or to the dictionary, which knows the usual ones. What follows
    a name directly counts as its second half."""
    places: list[tuple[int, int, str]] = []
    before: tuple[int, int, str] | None = None
    for word in _tokenizer().tokenize(hiding.text):
        kind, start, end = word.part_of_speech(), word.begin(), word.end()
        if word.surface() in TITLES and before is not None and before[1] == start and _is_called(before):
            places.append(before)
        name = hiding.folded[start:end]
        is_second = bool(places) and places[-1][1] == start and kind[0] == "名詞" and kind[1] != "数詞"
        if name in known or kind[2] == "人名" or is_second:
            places.append((start, end, name))
        before = (start, end, name) if kind[0] not in ("助詞", "補助記号", "空白", "記号") else None
    hiding.hide(dict.fromkeys(places), known)


def _is_called(word: tuple[int, int, str]) -> bool:
    """Whether a word before さん may be a name, as far as it tells by itself."""
    return "[" not in word[2] and "]" not in word[2] and word[2] not in NO_NAMES


def _squashed(text: str) -> str:
    """A text without whatever ``_pattern`` leaves open: to tell quickly what cannot be in it."""
    return OPEN.sub("", text).lower()


@lru_cache(maxsize=4096)
def _pattern(form: str) -> re.Pattern[str]:
    """Where a spelling, in hiragana, counts as the name: not within another word, as 花 in 花壇 or はな in はなし."""
    if form[0].isdigit():  # 4-2 is no part of a date
        return re.compile(rf"(?<![{A_LETTER}0-9/.-]){re.escape(form)}(?![{A_LETTER}0-9/.-])")
    if re.fullmatch(f"[{A_LETTER}].*", form):
        return re.compile(rf"(?<![{A_LETTER}0-9]){re.escape(form)}(?![{A_LETTER}0-9])", re.IGNORECASE)
    if len(form) > 2:  # also in one breath with blanks (さ と う は な), and with the other long vowel (さとお)
        letters = [re.escape(letter) for letter in form if letter != " "]
        spelt = (
            "[うおー]" if letter in "うお" and before in _O_ROW else letter
            for before, letter in pairwise(["", *letters])
        )
        return re.compile(" ?".join(spelt))
    if len(form) == 1:
        return re.compile(rf"(?<![一-鿿々]){re.escape(form)}(?![一-鿿々])")
    if len(form) == 2 and _HIRAGANA.fullmatch(form):
        return re.compile(
            rf"(?<![ぁ-ん]){re.escape(form)}(?![ぁ-ん])|{re.escape(form)}(?=さん|くん|ちゃん|って|だけ|より|から|[のはがをともに])"
        )
    return re.compile(re.escape(form))


@dataclass(frozen=True, kw_only=True)
class _Names:
    """What is looked for in texts of one vocabulary."""

    known: dict[str, tuple[Scope, ...]]  # whom each spelling may mean
    forms: tuple[tuple[str, str], ...]  # the spellings, the longest first, and as ``_squashed`` has them
    latin: dict[str, tuple[Scope, ...]]
    near_long: NearNames  # of whole names, which are looked for before their parts
    near: NearNames
    near_latin: NearNames


@lru_cache(maxsize=8)
def _names(vocabulary: Vocabulary) -> _Names:
    """Made once for many texts: of a school of a thousand it takes some 50 ms."""
    known, latin = _known(vocabulary), _in_latin(vocabulary)
    of_people = [form for form, scopes in known.items() if scopes[0].kind is ScopeKind.STUDENT and not form.isascii()]
    return _Names(
        known=known,
        forms=tuple((form, _squashed(form)) for form in sorted(known, key=len, reverse=True)),
        latin=latin,
        near_long=NearNames((form for form in of_people if len(form) >= LONG_NAME), LONG_NAME),
        near=NearNames(
            (form for form in of_people if len(form) > SHORTEST_NEAR or not _HIRAGANA.fullmatch(form)), SHORTEST_NEAR
        ),
        near_latin=NearNames({DOUBLED.sub(r"\1", key) for key in latin}, SHORTEST_NEAR_LATIN),
    )


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
        for written, spoken in ((student.family_name, kana[0]), (student.given_name, kana[1])):
            for form in _half_written(written, spoken):
                yield form, scope


def _half_written(written: str, spoken: str) -> Iterator[str]:
    """佐とう, さ藤: of a name in two kanji one in each script, wherever the reading may be divided."""
    if len(written) == 2 and not written.isascii() and written != spoken:
        yield from (f"{written[0]}{spoken[at:]}" for at in range(1, len(spoken) - 1))
        yield from (f"{spoken[:at]}{written[1]}" for at in range(1, len(spoken)))


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
        scope = Scope(kind=ScopeKind.CLASS, ids=(each.id,), label=each.title)
        for form in (each.title, *_spelt_classes(each.title)):
            yield form, scope
    for kind, places in ((ScopeKind.SCHOOL, vocabulary.schools), (ScopeKind.DISTRICT, vocabulary.districts)):
        for place in places:
            scope = Scope(kind=kind, ids=(place.id,), label=place.name)
            everyday = FOUNDED.sub("", place.name)
            for form in (place.name, everyday, re.sub("(?<=[小中])学校$|(?<=高)等学校$", "", everyday)):
                yield form, scope


def _spelt_classes(title: str) -> Iterator[str]:
    """4-2, 4の2, 四年二組 … of 4年2組."""
    found = CLASS.fullmatch(plain(title))
    if found is None:
        return
    grade, number = found.groups()
    numbers = (number, FIGURES[int(number)]) if len(number) == 1 else (number,)
    for written_grade in (grade, FIGURES[int(grade)]):
        for written in numbers:
            yield f"{written_grade}年{written}組"
            yield f"{written_grade}年{written}くみ"
    yield from (f"{grade}-{number}", f"{grade}の{number}", f"{number}組", f"{number}くみ")


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
