"""The lexical index: BM25 over the terms of passages, in memory, under a mask of what the reader may find.

An index never changes: a new one is made from an old one and what has changed, and takes its place. Each posting is
one number of 64 bits (term, passage, count), so that sorting them is making the index.

Ranking: S. Robertson, H. Zaragoza: The Probabilistic Relevance Framework: BM25 and Beyond (2009); the idf that is never
negative as in Apache Lucene.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from knowledge.documents.model import DocumentAudience, Reader
from knowledge.documents.synonyms import groups, told_in
from knowledge.documents.terms import (
    KIND_SHIFT,
    KINDS,
    WORD,
    Counts,
    Terms,
    fold,
    number_of,
    number_of_sound,
    terms_of,
)
from knowledge.documents.words import Word, WordKind, content_words, sounds

K1, B = (
    0.5,
    0.6,
)  # saturation of repeated terms, and how much a long passage is marked down; tuned on JSQuAD, as are weights
WEIGHTS = (1.0, 0.5, 0.1)  # of words, pairs of characters, and sound
KANA_WEIGHTS = (0.25, 0.25, 1.0)  # the same for a question without kanji
SYNONYM_WEIGHT = 0.4  # of having one word of a group of synonyms that the question has one of
FEW = 150  # passages: fewer do not tell how rare a word is


class Place(NamedTuple):
    """Where a passage stands."""

    document: str  # its id
    version: str
    position: int


_PASSAGE_BITS, _COUNT_BITS = 24, 8  # 16 million passages; the term takes the upper 32 bits


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A document as the index knows it."""

    id: str
    version: str
    audience: DocumentAudience
    org_id: str | None
    valid_until: date | None
    embeddings: str = ""  # the model that its vectors are from; "": it has none

    def place(self, position: int) -> Place:
        return Place(self.id, self.version, position)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A passage that was found."""

    place: Place
    score: float
    coverage: float  # 0 to 1: share of the question's terms that it has, each counting by its weight and rarity


@dataclass(frozen=True, kw_only=True)
class Index:
    """The passages of all documents. Passages are numbered from 0 in the order of ``entries``."""

    entries: tuple[Entry, ...] = ()
    owner: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))  # of each passage: its document
    position: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))  # of each, in its document
    postings: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))  # sorted
    passages: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))  # of each posting
    gains: NDArray[np.float32] = field(
        default_factory=lambda: np.empty(0, np.float32)
    )  # of each posting: BM25's tf part

    def changed(self, entries: Sequence[Entry], loaded: Mapping[str, Sequence[tuple[int, Terms, Counts]]]) -> Index:
        """The index of exactly ``entries``; those that this one does not know in that version are in ``loaded``, with
        position, terms and counts of each passage."""
        places = {entry.id: place for place, entry in enumerate(entries)}
        kept = np.array(
            [-1 if entry.id in loaded else places.get(entry.id, -1) for entry in self.entries], dtype=np.int32
        )
        owner = kept[self.owner] if len(self.owner) else self.owner
        stays = owner >= 0
        renumbered = np.cumsum(stays, dtype=np.int64) - 1
        old = self.postings
        if len(old):
            slots = (old >> np.uint64(_COUNT_BITS)) & np.uint64((1 << _PASSAGE_BITS) - 1)
            whole = stays[slots]
            old = old[whole]
            low = (renumbered[slots[whole]].astype(np.uint64) << np.uint64(_COUNT_BITS)) | (old & np.uint64(0xFF))
            old = (old & ~np.uint64(0xFFFFFFFF)) | low
        count = int(stays.sum())
        owners: list[int] = []
        positions: list[int] = []
        blocks = [old]
        for document, passages in loaded.items():
            for position, terms, counts in passages:
                slot = count + len(owners)
                owners.append(places[document])
                positions.append(position)
                blocks.append((terms.astype(np.uint64) << np.uint64(32)) | np.uint64(slot << _COUNT_BITS) | counts)
        postings = np.concatenate(blocks)
        postings.sort()
        owner = np.concatenate((owner[stays], np.array(owners, np.int32)))
        passages, gains = _weighed(postings, len(owner))
        return Index(
            entries=tuple(entries),
            owner=owner,
            position=np.concatenate((self.position[stays], np.array(positions, np.int32))),
            postings=postings,
            passages=passages,
            gains=gains,
        )

    def search(self, text: str, reader: Reader, k: int) -> list[Found]:
        """The best passages that the reader may find, best first; at most ``k``."""
        terms, _ = terms_of(text)
        if not len(terms) or not len(self.owner):
            return []
        weights = self._weights(text, terms)
        bounds = (
            np.searchsorted(self.postings, _first_posting(terms)),
            np.searchsorted(self.postings, _last_posting(terms), side="right"),
        )
        ranges = [slice(*pair) for pair in zip(*bounds, strict=True)]
        sizes = bounds[1] - bounds[0]
        total = len(self.owner)
        rarity = _rarity(total, sizes) * weights
        scores = np.zeros(total, np.float32)
        for within, worth in zip(ranges, rarity, strict=True):
            scores[self.passages[within]] += self.gains[within] * np.float32(worth)
        words = content_words(text)
        told = told_in(words)
        synonyms = [self._having(each.group) for each in told]
        shared = [_rarity(total, int(having.sum())) * SYNONYM_WEIGHT for having in synonyms]
        for each, having, worth in zip(told, synonyms, shared, strict=True):
            scores[having] += np.float32(worth)
            said = np.zeros(total, np.bool_)
            for word in words:
                if each.start <= word.start < each.end:
                    said[self._passages_of(_number_of(word, text))] = True
            scores[having & ~said] += np.float32(worth)  # another word instead of it: what it would be worth is missing
        scores[~self.allowed(reader)[self.owner]] = 0
        best = _best(scores, k)
        covered = np.zeros(len(best))
        for within, worth in zip(ranges, rarity, strict=True):
            having = self.passages[within]  # in ascending order
            if len(having):
                covered += worth * (having[np.minimum(np.searchsorted(having, best), len(having) - 1)] == best)
        for having, worth in zip(synonyms, shared, strict=True):
            covered += worth * having[best]
        asked = float(rarity.sum() + sum(shared)) or 1.0
        return [
            Found(
                place=self.entries[self.owner[slot]].place(int(self.position[slot])),
                score=float(scores[slot]),
                coverage=float(share / asked),
            )
            for slot, share in zip(best, covered, strict=True)
        ]

    def rarities(self, text: str, reader: Reader) -> dict[str, float]:
        """How rare each word of a text is among what the reader may find, by its form: 1 for one that stands nowhere, 0
        for one of every passage. A word is as common as its synonyms."""
        words = content_words(text)
        told = told_in(words)
        allowed = self.allowed(reader)[self.owner] if len(self.owner) else np.zeros(0, np.bool_)
        total = max(int(allowed.sum()), FEW)
        found: dict[str, float] = {}
        for word in (*words, *sounds(text)):
            having = np.zeros(len(self.owner), np.bool_)
            having[self._passages_of(_number_of(word, text))] = True
            for each in told:
                if each.start <= word.start < each.end:
                    having |= self._having(each.group)
            count = int((having & allowed).sum())
            found[word.form] = float(np.log((total + 1) / (count + 1)) / np.log(total + 1))
        return found

    def _passages_of(self, term: int) -> NDArray[np.int32]:
        """The passages that have a term."""
        number = np.array([term], np.uint32)
        first = int(np.searchsorted(self.postings, _first_posting(number))[0])
        last = int(np.searchsorted(self.postings, _last_posting(number), side="right")[0])
        return self.passages[first:last]

    def _having(self, group: int) -> NDArray[np.bool_]:
        """Which passages have one of a group of synonyms: all words of one of its phrases."""
        if group not in self._by_group:
            found = np.zeros(len(self.owner), np.bool_)
            for numbers in _numbers(group):
                counts = np.zeros(len(self.owner), np.uint8)
                for number in numbers:
                    counts[self._passages_of(number)] += 1
                found |= counts == len(numbers)
            self._by_group[group] = found
        return self._by_group[group]

    @cached_property
    def _by_group(self) -> dict[int, NDArray[np.bool_]]:
        """What was found for groups of synonyms."""
        return {}

    def allowed(self, reader: Reader) -> NDArray[np.bool_]:
        """Which documents the reader may find: their school's or everybody's, for them, and not over; as
        ``store.may_read``."""
        is_staff_only, org, last_day = self._conditions
        allowed = last_day >= reader.on.toordinal()
        if not reader.is_staff:
            allowed &= ~is_staff_only
        elif reader.staff_orgs is not None:
            allowed &= ~is_staff_only | np.isin(org, ["", *sorted(reader.staff_orgs)])
        if reader.orgs is not None:
            allowed &= np.isin(org, ["", *sorted(reader.orgs)])
        return allowed

    @cached_property
    def _conditions(self) -> tuple[NDArray[np.bool_], NDArray[np.str_], NDArray[np.int32]]:
        """Of each document: whether it is for staff alone, whose it is ("": everybody's), and the last day."""
        return (
            np.array([entry.audience is DocumentAudience.STAFF for entry in self.entries], np.bool_),
            np.array([entry.org_id or "" for entry in self.entries], np.str_),
            np.array([(entry.valid_until or date.max).toordinal() for entry in self.entries], np.int32),
        )

    @staticmethod
    def _weights(text: str, terms: Terms) -> NDArray[np.float64]:
        """The weight of each term of a question by its kind; sound counts for more where nothing is in kanji."""
        chosen = WEIGHTS if any("一" <= character <= "鿿" for character in fold(text)) else KANA_WEIGHTS
        return np.array(chosen)[terms >> np.uint32(KIND_SHIFT)]


def _rarity(total: int, having: Any) -> Any:
    """The inverse document frequency of terms that so many of all passages have; a number or an array of them."""
    return np.log1p((total - having + 0.5) / (having + 0.5))


def _number_of(word: Word, text: str) -> int:
    """The term of a word of a text."""
    if word.kind is WordKind.SOUND:
        return number_of_sound(word.form)
    return number_of(text[word.start : word.end] if word.form.isascii() else word.form)


@cache
def _numbers(group: int) -> tuple[tuple[int, ...], ...]:
    """The terms of each phrase of a group of synonyms."""
    phrases = (terms_of(phrase)[0] for phrase in groups()[group])
    return tuple(words for phrase in phrases if (words := tuple(phrase[phrase >> KIND_SHIFT == WORD].tolist())))


def _weighed(postings: NDArray[np.uint64], total: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The passage and the gain of each posting. Lengths are counted apart for each kind of term."""
    passages = ((postings >> np.uint64(_COUNT_BITS)) & np.uint64((1 << _PASSAGE_BITS) - 1)).astype(np.int32)
    counts = (postings & np.uint64(0xFF)).astype(np.float32)
    kinds = (postings >> np.uint64(32 + KIND_SHIFT)).astype(np.int32)
    lengths = np.bincount(passages * KINDS + kinds, weights=counts, minlength=total * KINDS).reshape(total, KINDS)
    relative = lengths / np.maximum(lengths.sum(axis=0) / max(total, 1), 1)  # no passages: nothing to divide by
    norms = (K1 * (1 - B + B * relative)).astype(np.float32)
    return passages, counts * np.float32(K1 + 1) / (counts + norms[passages, kinds])


def _first_posting(terms: Terms) -> NDArray[np.uint64]:
    return terms.astype(np.uint64) << np.uint64(32)


def _last_posting(terms: Terms) -> NDArray[np.uint64]:
    return _first_posting(terms) | np.uint64(0xFFFFFFFF)


def _best(scores: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """The places of the ``k`` highest scores above 0, the highest first; the earlier passage where they are equal."""
    k = min(k, len(scores))
    if k <= 0:
        return np.empty(0, np.intp)
    some = np.flatnonzero(scores >= max(np.partition(scores, -k)[-k], np.nextafter(np.float32(0), np.float32(1))))
    return some[np.lexsort((some, -scores[some]))][:k]
