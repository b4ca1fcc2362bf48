"""Is a sentence contained in the passage it cites?

It is when it is an abridgement: its words stand in a cited sentence (and its headings), in their order, none turned
round. What is left out holds no figure, no predicate and no condition, for these would change what is said:
「1年は5分、2年は10分」 does not say 「1年は10分」, nor 「雨の日は使えません」 「使えません」. Synonyms and other orders
are not accepted: better the passage itself than a sentence that may be wrong.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from knowledge.documents.addressing import addressed
from knowledge.documents.model import Passage
from knowledge.documents.sentences import needed_before, split_sentences
from knowledge.documents.words import Word, WordKind, content_words, load_words

_PREDICATES = (WordKind.PREDICATE, WordKind.LIGHT)
_BOUND = (WordKind.NUMBER, *_PREDICATES)
_BREAK = re.compile(r"[、。，,;；!?！？|\n]")


def is_contained(sentence: str, quote: str, passage: Passage) -> bool:
    """Whether the passage has the quote, and the sentences that the quote touches say the sentence. False for a
    sentence without words, and for an empty quote."""
    place = _find(quote, passage.text)
    said = content_words(sentence)
    if place is None or not said:
        return False
    sentences = split_sentences(passage.text)
    touched = [at for at, each in enumerate(sentences) if each.start < place[1] and place[0] < each.end]
    if addressed(passage.text, sentences).intersection(touched):
        return False
    if squeezed(sentence) in squeezed(quote):
        return _ends_with_a_sentence(sentence, [sentences[at].text for at in touched])
    return any(_abridges(said, source) for source in _sources(passage, *place))


def squeezed(text: str) -> str:
    """The text in NFKC without white space, which is not the same on a page and in a file."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def find_quote(quote: str, passage: Passage) -> str | None:
    """The quote as it is written in the passage; None where it is not in there."""
    place = _find(quote, passage.text)
    return None if place is None else passage.text[place[0] : place[1]]


def _find(quote: str, text: str) -> tuple[int, int] | None:
    """Where a quote starts and ends in a text, white space and width aside."""
    letters = [(letter, at) for at, each in enumerate(text) for letter in squeezed(each)]
    wanted = squeezed(quote)
    start = "".join(letter for letter, _ in letters).find(wanted)
    if not wanted or start < 0:
        return None
    return letters[start][1], letters[start + len(wanted) - 1][1] + 1


def _ends_with_a_sentence(sentence: str, touched: Sequence[str]) -> bool:
    """Whether copied words are whole sentences of the passage: 「使えます」 of 「使えますとは言えません」 is none."""
    whole = squeezed(sentence).rstrip("。.!?")
    texts = [squeezed(each) for each in touched]
    runs = ("".join(texts[first:last]) for first in range(len(texts)) for last in range(first + 1, len(texts) + 1))
    return any(whole == run.rstrip("。.!?") for run in runs)


@dataclass(frozen=True, kw_only=True)
class _Said:
    """A word of a source, and what may be done with it."""

    word: Word
    is_bound: bool  # may not be left out
    is_broken_off: bool  # a comma or the end follows
    is_context: bool = False  # of a heading or of a sentence before; need not be said


def _sources(passage: Passage, start: int, end: int) -> list[tuple[_Said, ...]]:
    """The words of each sentence that a quote touches, after those of what is needed to understand it."""
    sentences = split_sentences(passage.text)
    found: list[tuple[_Said, ...]] = []
    for place, sentence in enumerate(sentences):
        if sentence.start < end and start < sentence.end:
            before = [sentences[each].text for each in needed_before(sentences, place)]
            context = [each for text in (passage.title, passage.section, *before) for each in _read(text)]
            found.append((*(replace(each, is_context=True) for each in context), *_read(sentence.text)))
    return found


def _read(text: str) -> list[_Said]:
    words = content_words(text)
    ends = [*(word.start for word in words[1:]), len(text)]
    starts = [0, *(word.end for word in words[:-1])]
    found: list[_Said] = []
    for word, before, after in zip(words, starts, ends, strict=True):
        gap = text[word.end : after]
        condition = load_words()["condition"]
        is_condition = re.search(condition, gap, re.IGNORECASE) or (
            word.form.isascii() and re.search(condition, text[before : word.start], re.IGNORECASE)
        )
        found.append(
            _Said(
                word=word,
                is_bound=word.kind in _BOUND or bool(word.marks) or bool(is_condition),
                is_broken_off=after == len(text) or bool(_BREAK.search(gap)),
            )
        )
    return found


def _abridges(said: Sequence[Word], source: Sequence[_Said]) -> bool:
    """Whether the words stand in the source in this order with nothing left out that belongs to them."""
    starts = [at for at, each in enumerate(source) if _same(each.word, said[0])]
    return any(_may_be_left_out(source[:at]) and _follows(said, source, at) for at in starts)


def _follows(said: Sequence[Word], source: Sequence[_Said], at: int) -> bool:
    """Whether the words from the second on come after a place of the source, each as near as may be."""
    for word in said[1:]:
        begin = at + 1
        at = next((place for place in range(begin, len(source)) if _same(source[place].word, word)), -1)
        if at < 0 or not _may_be_left_out(source[begin:at]):
            return False
    return not source[at].is_context and _may_end(source, at)


def _may_be_left_out(words: Sequence[_Said]) -> bool:
    return all(each.is_context or not each.is_bound for each in words)


def _may_end(source: Sequence[_Said], at: int) -> bool:
    """Whether a statement may end with a word: Japanese says at the end whether it is so."""
    last = source[at].word
    is_predicate = last.kind in _PREDICATES or bool(last.marks) or last.form.isascii()
    for each in source[at + 1 :]:
        if is_predicate and source[at].is_broken_off:
            return True
        if each.is_bound:
            return False
        at += 1
    return True


def _same(word: Word, other: Word) -> bool:
    return word.form == other.form and word.marks == other.marks
