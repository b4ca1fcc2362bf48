"""From a question and the passages that were found to an answer with its citation, or to "not in the documents".

Whether a passage answers is a weighted sum of seven features (``Evidence``), the log-odds of a logistic regression. The
weights were fitted by ``python -m benchmarks.refusal --fit --set dev --squad valid.json`` to the dev half of
``benchmarks/documents`` and to 1,200 questions of JSQuAD's validation set (Kurihara, Kawahara, Shibata 2022), half of
whose articles are left out, once as they are and once in kana (dev counts three times, kana half); the features were
changed a little since, and the weight of kana was set by hand on the validation set. ``THRESHOLD`` is where more than
nine in ten absent questions of JSQuAD are refused, and at most one in thirty of the others;
``benchmarks/documents/README.md`` has the figures.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from knowledge.documents.addressing import addressed
from knowledge.documents.model import AnswerStatus, Citation, DocumentAnswer, Hit, Passage
from knowledge.documents.sentences import (
    Sentence,
    Shape,
    is_heading,
    line_above,
    needed_after,
    needed_before,
    split_sentences,
)
from knowledge.documents.synonyms import told_in
from knowledge.documents.words import Word, WordKind, content_words, load_words, reading_of, sounds


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Of the features of ``Evidence`` in the log-odds that a passage answers."""

    coverage: float
    near: float
    missing_names: float
    missing_kind: float
    missing_figure: float
    margin: float
    in_kana: float
    bias: float


LONGEST = 3  # sentences of an answer
LONGEST_LIST = 10  # items or rows that are told with the line that announces them
LOOKED_AT = 3  # hits that an answer is looked for in
WORTH = {
    WordKind.NAME: 1.5,
    WordKind.NUMBER: 1.2,
    WordKind.WORD: 1.0,
    WordKind.PREDICATE: 0.7,
    WordKind.SOUND: 1.0,
}  # of a question's words
FIGURE_WORTH = 1.0  # of the wanted kind of answer standing in a sentence, where no answer is without
KIND_WORTH = 0.65  # the same, where one may be
LEAD_SHARE = 0.6  # what a word is worth to a sentence that stands in the line above it
MORE_WORTH = 0.7  # what a second sentence must add to be told too
HEADING_SHARE = 0.7  # what a word is worth in a sentence that stands in the headings already
APART_SHARE = 0.5  # what a word is worth as evidence that stands in another sentence than those that are told
SHORTEST_WITHIN = 2  # letters of a word that counts where it stands within another
WEIGHTS = Weights(
    coverage=3.11,
    near=6.72,
    missing_names=-2.08,
    missing_kind=-0.44,
    missing_figure=-2.03,
    margin=2.49,
    in_kana=1.45,
    bias=-5.1,
)
THRESHOLD = -1.25  # log-odds


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What speaks for a passage saying what was asked; each from 0 to 1."""

    coverage: float  # of the question's terms, by rarity (``Hit.coverage``)
    near: float  # of the question's words, in the sentences of the answer with its headings
    missing_names: float  # of the question's words, the names and figures that stand nowhere in the passage
    missing_kind: float  # 1: the kind of answer that is wanted (a day, a place) stands nowhere in the sentences
    missing_figure: float  # 1: the same of a kind that is written in one way alone (an amount, a number of people)
    margin: float  # how much more of the question it covers than the best of the others; below 0: less
    in_kana: float = 0.0  # 1: the question is in kana, and less of it can be recognised

    @property
    def log_odds(self) -> float:
        """For against: the weighted sum."""
        return (
            WEIGHTS.coverage * self.coverage
            + WEIGHTS.near * self.near
            + WEIGHTS.missing_names * self.missing_names
            + WEIGHTS.missing_kind * self.missing_kind
            + WEIGHTS.missing_figure * self.missing_figure
            + WEIGHTS.margin * self.margin
            + WEIGHTS.in_kana * self.in_kana
            + WEIGHTS.bias
        )


@dataclass(frozen=True, kw_only=True)
class Found:
    """The sentences of a passage that answer best, and what speaks for them."""

    hit: Hit
    sentences: tuple[Sentence, ...]  # of the passage, all of them
    chosen: tuple[int, ...]  # which of them, in their order
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The kind of answer that a question wants."""

    has: re.Pattern[str]  # what stands in such an answer
    is_figure: bool  # whether no answer is without


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a question asks for."""

    words: tuple[Word, ...]
    groups: Mapping[Word, frozenset[int]]  # of synonyms, of the words that have some
    wanted: Wanted | None  # None: the question does not say it

    def is_in(self, word: Word, text: _Text) -> bool:
        """Whether one of the words, or another word for the same, stands in a text."""
        return text.has(word) or not text.groups.isdisjoint(self.groups.get(word, ()))


def answer_from(question: str, hits: Sequence[Hit]) -> DocumentAnswer:
    """The sentences of the passage that answers best, word by word, with their citations; ``not_found`` where nothing
    was found, or no passage says enough of what was asked (``THRESHOLD``)."""
    found = fitting(question, hits)
    if not found:
        return DocumentAnswer(status=AnswerStatus.NOT_FOUND, hits=tuple(hits))
    return DocumentAnswer(
        status=AnswerStatus.ANSWERED,
        text=told(found[0]),
        citations=citations_of(found[0]),
        hits=tuple(each.hit for each in found),
    )


def fitting(question: str, hits: Sequence[Hit]) -> list[Found]:
    """The passages that answer, the best first; none where the documents do not say it."""
    return [each for each in look_at(asked(question), hits) if each.evidence.log_odds >= THRESHOLD]


def look_at(question: Asked, hits: Sequence[Hit], most: int = LOOKED_AT) -> list[Found]:
    """What the first passages say of a question, the best first; none for a question without words (figures alone are
    none)."""
    if all(word.kind is WordKind.NUMBER for word in question.words):
        return []
    found: list[Found] = []
    for hit in hits[:most]:
        others = max((other.coverage for other in hits if other is not hit), default=0.0)
        found.append(look_into(question, hit, hit.coverage - others))
    return sorted((each for each in found if each.chosen), key=lambda each: -each.evidence.log_odds)


def told(found: Found) -> str:
    """The chosen sentences, as they are read."""
    return "\n".join(legible(citation.quote) for citation in citations_of(found))


def citations_of(found: Found) -> tuple[Citation, ...]:
    """What was chosen of a passage, as quotes: sentences that follow each other are one."""
    passage = found.hit.passage
    runs: list[list[int]] = []
    for place in found.chosen:
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return tuple(
        citation(passage, passage.text[found.sentences[run[0]].start : found.sentences[run[-1]].end]) for run in runs
    )


def citation(passage: Passage, quote: str) -> Citation:
    """The words of a passage, cited."""
    return Citation(
        document=passage.document,
        title=passage.title,
        page=passage.page,
        section=passage.section,
        quote=quote,
        position=passage.position,
    )


def legible(quote: str) -> str:
    """A quote as it is read: lines that the page broke are joined again."""
    return (
        "\n".join(_BROKEN.sub(_joint, sentence.text) for sentence in split_sentences(quote)) if "\n" in quote else quote
    )


def _joint(match: re.Match[str]) -> str:
    """Nothing between Japanese letters, a blank between Latin ones."""
    return " " if match[1].isascii() and match[2].isascii() else ""


_KANJI, _KANA = re.compile("[一-鿿々]"), re.compile("[ぁ-ん]")
_BROKEN = re.compile(r"(?<=(.))\s*\n\s*(?=(.))")


def asked(question: str) -> Asked:
    """The question's content words, each once, and the kind of answer that it wants."""
    divided = content_words(question)
    words = [word for word in divided if word.kind is not WordKind.LIGHT]
    if not _KANJI.search(question) and _KANA.search(question):
        words = [*(word for word in words if word.kind is WordKind.NUMBER), *sounds(question)]
    once = tuple({word.form: word for word in words}.values())
    told = told_in(divided)
    return Asked(
        words=once,
        groups={word: frozenset(each.group for each in told if each.start <= word.start < each.end) for word in once},
        wanted=_wanted(unicodedata.normalize("NFKC", question).lower()),
    )


def _wanted(question: str) -> Wanted | None:
    return next((wanted for asks, wanted in _kinds() if asks.search(question)), None)


@cache
def _kinds() -> tuple[tuple[re.Pattern[str], Wanted], ...]:
    """How each kind of answer is asked for, and what it has."""
    table = load_words()
    counted: list[dict[str, Any]] = [
        {"asks": table["counting"]["asks"].format(**unit), "has": table["counting"]["has"].format(**unit), "must": True}
        for unit in table["units"]
    ]
    return tuple(
        (
            re.compile(each["asks"]),
            Wanted(has=re.compile(each["has"], re.IGNORECASE), is_figure=each.get("must", False)),
        )
        for each in [*counted, *table["wanted"]]
    )


def look_into(question: Asked, hit: Hit, margin: float = 0.0) -> Found:
    """The sentences of a passage that say most of what is asked: as few as do."""
    passage = hit.passage
    sentences = split_sentences(passage.text)
    headings = _Text.of(f"{passage.title}\n{passage.section}")
    read = [_Text.of(sentence.text) for sentence in sentences]
    worth = {word: WORTH[word.kind] * hit.rarity.get(word.form, 1.0) for word in question.words}
    total = sum(worth.values()) or 1.0
    above = {word for word in question.words if question.is_in(word, headings)}
    held = [frozenset(word for word in question.words if question.is_in(word, text)) for text in read]
    everywhere = above.union(*held)
    without = addressed(passage.text, sentences)
    own = [place for place in range(len(sentences)) if place not in without]
    leads = {place: line for place in own if (line := line_above(sentences, place)) is not None}
    chosen, beside = _choose(
        question, _Read(sentences=sentences, own=own, texts=read, held=held, leads=leads), above, worth
    )
    near = above.union(*(held[place] | held[leads.get(place, place)] for place in chosen))
    apart = frozenset[Word]().union(*(held[place] for place in beside)) - near
    missing = [word for word in question.words if word not in everywhere]
    wanted = question.wanted
    is_missing = wanted is not None and not any(wanted.has.search(read[place].text) for place in chosen)
    evidence = Evidence(
        coverage=min(hit.coverage, 1.0),
        near=sum(worth[word] * (APART_SHARE if word in apart else 1.0) for word in near | apart) / total,
        missing_names=sum(word.kind in (WordKind.NAME, WordKind.NUMBER) for word in missing)
        / max(len(question.words), 1),
        missing_kind=float(is_missing and wanted is not None and not wanted.is_figure),
        missing_figure=float(is_missing and wanted is not None and wanted.is_figure),
        margin=margin,
        in_kana=float(any(word.kind is WordKind.SOUND for word in question.words)),
    )
    return Found(hit=hit, sentences=sentences, chosen=chosen, evidence=evidence)


@dataclass(frozen=True, kw_only=True)
class _Read:
    """A passage as an answer is looked for in it; all by the place of the sentence."""

    sentences: Sequence[Sentence]
    own: Sequence[int]  # those that speak to the reader
    texts: Sequence[_Text]
    held: Sequence[frozenset[Word]]  # words of the question
    leads: Mapping[int, int]  # the line that heads each


def _choose(
    question: Asked, read: _Read, above: set[Word], worth: Mapping[Word, float]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The best sentence with what is needed to understand it, and one that says what it leaves out: told where it
    follows or goes before, and else only a sign that the passage is about what was asked."""
    sentences, held = read.sentences, read.held
    worth = {word: each / max(sum(word in words for words in held), 1) ** 0.5 for word, each in worth.items()}
    told = [place for place in read.own if not is_heading(sentences, place)] or read.own
    if not told:
        return (), ()

    def gain(place: int, without: frozenset[Word] = frozenset()) -> float:
        """What the sentence says of the question; of what the headings say already, less."""
        value = sum(worth[word] * (HEADING_SHARE if word in above else 1.0) for word in held[place] - without)
        lead = held[read.leads[place]] if place in read.leads else frozenset[Word]()
        value += LEAD_SHARE * sum(worth[word] for word in lead - held[place] - above - without)
        if question.wanted is not None and question.wanted.has.search(read.texts[place].text):
            value += FIGURE_WORTH if question.wanted.is_figure else KIND_WORTH
        if sentences[place].shape is Shape.LEAD:
            value *= 0.9
        return value

    best = max(told, key=lambda place: (gain(place), -place))
    chosen = {best, *needed_before(sentences, best)}
    chosen |= {*needed_after(sentences, best, LONGEST_LIST)}
    if sentences[best].shape is Shape.ITEM and held[best] <= above:  # what is asked is in the heading: the whole list
        chosen |= {*_list_around(sentences, best)}
    if len(chosen) < LONGEST:
        said = frozenset[Word]().union(*(held[place] | held[read.leads.get(place, place)] for place in chosen))
        others = [place for place in told if place not in chosen]
        more = max(others, key=lambda place: (gain(place, said), -abs(place - best)), default=None)
        if more is not None and gain(more, said) >= MORE_WORTH:
            if chosen.isdisjoint((more - 1, more + 1)):
                return tuple(sorted(chosen.intersection(read.own))), (more,)
            chosen.add(more)
            if len(chosen) < LONGEST:
                chosen |= {*needed_before(sentences, more)}
    return tuple(sorted(chosen.intersection(read.own))), ()


def _list_around(sentences: Sequence[Sentence], at: int) -> range:
    """The items of the list that an item belongs to, at most ``LONGEST_LIST`` of them."""
    first = last = at
    while first > 0 and sentences[first - 1].shape is Shape.ITEM:
        first -= 1
    while last + 1 < len(sentences) and sentences[last + 1].shape is Shape.ITEM:
        last += 1
    return range(first, min(last + 1, first + LONGEST_LIST))


@dataclass(frozen=True)
class _Text:
    """A text that words are looked for in."""

    text: str  # in NFKC and lower case
    forms: frozenset[str]
    readings: str  # of its words, with a blank between them
    sound: str  # of the whole of it, in hiragana
    groups: frozenset[int]  # of synonyms that it has one of

    @classmethod
    @lru_cache(maxsize=2048)
    def of(cls, text: str) -> _Text:
        words = content_words(text)
        return cls(
            text=unicodedata.normalize("NFKC", text).lower(),
            forms=frozenset(word.form for word in words),
            readings=" ".join(["", *(word.reading for word in words), ""]),
            sound=reading_of(text),
            groups=frozenset(told.group for told in told_in(words)),
        )

    def has(self, word: Word) -> bool:
        if word.kind is WordKind.SOUND:
            return word.form in self.sound
        if word.form in self.forms:
            return True
        if word.kind is WordKind.NUMBER:
            return False
        if len(word.form) >= SHORTEST_WITHIN and word.form in self.text and not word.form.isascii():
            return True
        return len(word.reading) >= 2 and f" {word.reading} " in self.readings
