"""What is to be sent: words in quotation marks or without them, a check-in, a question about data, or a question to the
receivers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from intents.coming_days import ComingDays
from intents.lexicon import load_lexicon
from intents.occasion_words import load_occasion_words
from intents.occasions import Occasion
from intents.questions import understand_question
from intents.reminder_words import QUOTE, Patterns
from intents.residue import leftover
from intents.spans import Reader
from knowledge.questions.model import Phase, Shape, Vocabulary
from knowledge.reminding import AnswerKind, What

if TYPE_CHECKING:
    from intents.receivers import Receivers

OF_PHASE = {Phase.ANTICIPATION: What.ANTICIPATION, Phase.REFLECTION: What.REFLECTION}
LONGEST_BARE = 200  # characters of words without quotation marks


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """The text under reading and the words to read it with."""

    reader: Reader  # its quoted words are one letter each
    words: Patterns
    text: str  # likewise, as it was typed
    quotes: tuple[str, ...]  # in the order of the text

    def take(self, name: str) -> re.Match[str] | None:
        """The first occurrence, claimed."""
        match = next(self.find(name), None)
        if match is not None:
            self.reader.claim(match)
        return match

    def find(self, name: str) -> Iterator[re.Match[str]]:
        """Occurrences of which nothing is claimed yet, by pattern."""
        for pattern in self.words[name]:
            yield from (match for match in self.reader.unclaimed(pattern) if match[0])

    def typed(self, start: int, end: int) -> str:
        """A stretch as it was typed, with its spaces and widths where the text lets them be told, quotes put back."""
        letters = [at for at, letter in enumerate(self.text) if not letter.isspace()]
        said = self.reader.typed[start:end]
        if self.reader.language == "ja" and len(letters) == len(self.reader.typed) and start < end:
            said = self.text[letters[start] : letters[end - 1] + 1]
        before = self.reader.typed[:start].count(QUOTE)
        for quote in self.quotes[before : before + said.count(QUOTE)]:
            marked = f"「{quote}」" if self.reader.language == "ja" else f"“{quote}”"
            said = said.replace(QUOTE, marked, 1)
        return said


@dataclass(frozen=True, kw_only=True)
class Verb:
    """The words that ask to send, or to ask the receivers."""

    is_weak: bool  # 教えて: asks now, but for a rule or a time
    shows: bool  # 教えて: may as well ask for what was written
    asks: bool  # 聞いて
    reminds: bool  # remind: its time is that of the reminder
    start: int


@dataclass(frozen=True, kw_only=True)
class Asking:
    """That the receivers are asked, and how they answer."""

    answers: AnswerKind | None
    choices: tuple[str, ...]
    closes_on: date | None


@dataclass(frozen=True, kw_only=True)
class Matter:
    """What is to be sent."""

    what: What
    text: str
    is_quoted: bool = False
    is_weak: bool = False
    needs_confirming: bool = False  # nothing says where the words begin and end
    doubtful: tuple[str, ...] = ()


def find_verb(spoken: Spoken) -> Verb | None:
    """The last words that ask to send; in English the first. Claimed."""
    found = [(match, name) for name in ("asks", "verbs", "weak_verbs", "plain_verbs") for match in spoken.find(name)]
    if not found:
        return None
    asked = [each for each in found if each[1] == "asks"] or [each for each in found if each[1] == "verbs"] or found
    pick = max if spoken.reader.language == "ja" else min
    match, name = pick(asked, key=lambda each: (each[0].start(), each[0].end()))
    spoken.reader.claim(match)
    if spoken.reader.language == "ja":
        for other, _ in found:  # アンケートを送って: one after another
            if spoken.reader.explained.isdisjoint(range(*other.span())) and other.start() in (
                match.end(),
                match.start(),
            ):
                spoken.reader.claim(other)
    return Verb(
        is_weak=name in ("weak_verbs", "plain_verbs"),
        shows=name == "weak_verbs",
        asks=name == "asks",
        reminds=any(each.match(match[0]) for each in spoken.words["reminds"]),
        start=match.start(),
    )


def find_asking(spoken: Spoken, occasion: Occasion, verb: Verb | None) -> Asking | None:
    """How the receivers are to answer, its words claimed; None where they are not asked anything."""
    reader = spoken.reader
    choices, answers = (), None
    for match in spoken.find("choices"):
        listed = _listed(spoken, match)
        if len(listed) > 1:
            reader.claim(match)
            choices, answers = listed, AnswerKind.CHOICE
            break
    if answers is None and spoken.take("yes_no") is not None:
        answers = AnswerKind.YES_NO
    if spoken.take("free") is not None and answers is None:
        answers = AnswerKind.TEXT
    asks = answers is not None or (verb is not None and verb.asks)
    closes = spoken.take("closes")
    closes_on = None
    if (asks or closes is not None) and occasion.closes is not None and occasion.closes.first is not None:
        reader.explained.update(range(occasion.closes.start, occasion.closes.end))
        closes_on, asks = _closing(occasion.closes, occasion.start), True
    elif closes is not None:
        reader.explained -= set(range(*closes.span()))
    if not asks:
        return None
    return Asking(answers=answers, choices=choices, closes_on=closes_on)


def _closing(closes: ComingDays, start: date | None) -> date | None:
    """The last day for answers; of a weekday the first one from the sending on."""
    last = closes.last
    if last is not None and start is not None and last < start and closes.kind == "weekday":
        return last + timedelta(days=7 * ((start - last).days // 7 + 1))
    return last


def _listed(spoken: Spoken, match: re.Match[str]) -> tuple[str, ...]:
    """The choices of a list of them, quoted or not."""
    start, end = match.span("listed")
    before = spoken.reader.typed[:start].count(QUOTE)
    text = spoken.reader.typed[start:end]
    if QUOTE in text:
        return spoken.quotes[before : before + text.count(QUOTE)]
    parts = [part.strip() for part in spoken.words["choice_between"][0].split(text)]
    return tuple(dict.fromkeys(part for part in parts if part))


def find_matter(
    spoken: Spoken,
    occasion: Occasion,
    asking: Asking | None,
    receivers: Receivers,
    verb: Verb | None,
    vocabulary: Vocabulary,
    now: datetime,
) -> Matter | None:
    """What is to be sent, its words claimed; None for a text that asks for no sending."""
    is_said = occasion.is_timed or occasion.start is not None or occasion.anchor is not None
    is_said = is_said or occasion.problem is not None
    is_addressed = receivers.audience is not None or receivers.problem is not None
    free = [
        at for at, letter in enumerate(spoken.reader.folded) if letter == QUOTE and at not in spoken.reader.explained
    ]
    tells = any(each.search(spoken.reader.folded) for each in spoken.words["states"])
    if verb is None and (tells or not vocabulary.own_schools):  # a child's 「8時に『いってきます』」 is an answer
        return None
    is_note = verb is None and is_said and is_addressed and bool(free)  # 明日、4年2組「体操服」
    is_weak = verb is None or verb.is_weak
    if is_weak and not occasion.is_timed and not is_note:
        return None
    if verb is None and occasion.at is None and not is_note:
        return None
    if free:
        return _quoted(spoken, free[0], asking, is_weak=is_weak)
    if not is_said and not is_addressed:
        return None
    asks_plainly = asking is None or (asking.answers is None and asking.closes_on is None)  # めあてを聞いて
    if asks_plainly and (checkin := _checkin(spoken, receivers)) is not None:
        is_odd = receivers.audience is not None and receivers.audience not in (receivers.default, None)
        is_odd = is_odd and not receivers.is_of_children  # staff have no check-ins
        is_odd = is_odd or (verb is not None and verb.shows and not receivers.is_of_children)
        return replace(checkin, is_weak=is_weak, needs_confirming=is_odd) if is_said or is_addressed else None
    may_be_question = asking is None and not receivers.is_of_children and receivers.problem is None
    if may_be_question and (question := _question(spoken, vocabulary, now, verb)) is not None:
        return question if is_said else None
    if verb is None or verb.is_weak:
        return None
    if asking is not None and not is_addressed:
        return None
    return _bare(spoken, asking, occasion, verb, is_said=is_said)


def _quoted(spoken: Spoken, at: int, asking: Asking | None, *, is_weak: bool) -> Matter:
    reader = spoken.reader
    index = reader.typed[:at].count(QUOTE)
    end = at + 1
    if (particle := spoken.words["quoted"][0].match(reader.folded, end)) is not None:
        end = particle.end()
    reader.explained.update(range(at, end))
    text = spoken.quotes[index].strip()
    if (joined := spoken.words["joined_quotes"][0].match(reader.folded, at)) is not None:  # 「水筒」と「帽子」
        text = spoken.typed(at, joined.end())
        reader.claim(joined)
    others = [place for place in range(len(reader.folded)) if reader.folded[place] == QUOTE]
    doubtful = tuple(spoken.typed(place, place + 1) for place in others if place not in reader.explained)
    what = What.ANNOUNCEMENT if asking is not None else What.TEXT
    return Matter(what=what, text=text, is_quoted=True, is_weak=is_weak, doubtful=doubtful)


def _checkin(spoken: Spoken, receivers: Receivers) -> Matter | None:
    """A check-in, where nothing else is said about it."""
    reader = spoken.reader
    lexicon = load_lexicon(reader.language)
    kept = set(reader.explained)
    what, said = None, receivers.checkin or ""
    for phase, pattern in lexicon.phases.items():
        for match in reader.unclaimed(pattern):
            reader.claim(match)
            what = OF_PHASE[phase] if what in (None, OF_PHASE[phase]) else What.CHECKIN
            said = reader.typed[slice(*match.span())]
    for match in reader.unclaimed(lexicon.words["checkin"]):
        reader.claim(match)
        if what is None:
            what, said = What.CHECKIN, reader.typed[slice(*match.span())]
    if what is None and receivers.checkin is not None:
        what = _what_of(receivers.checkin, spoken)
    elif what is not None and what is not _what_of(said, spoken):
        said = reader.typed[min(kept ^ reader.explained) : max(kept ^ reader.explained) + 1]
    if what is None:
        return None
    for pattern in (*spoken.words["of_checkins"], *spoken.words["fillers"]):
        reader.has(pattern)
    if leftover(reader, lexicon).words:
        reader.explained = kept
        return None
    return Matter(what=what, text=said)


def _what_of(said: str, spoken: Spoken) -> What:
    folded = Reader(said).folded
    phases = load_lexicon(spoken.reader.language).phases
    return next((OF_PHASE[phase] for phase, pattern in phases.items() if pattern.search(folded)), What.CHECKIN)


def _question(spoken: Spoken, vocabulary: Vocabulary, now: datetime, verb: Verb | None) -> Matter | None:
    """A question about data that is understood for sure."""
    runs = list(_runs(spoken))
    if not runs:
        return None
    text = " ".join(spoken.typed(*run) for run in runs) if spoken.reader.language != "ja" else ""
    text = text or "".join(spoken.typed(*run) for run in runs)
    text = spoken.words["question_edges"][0].sub("", text.strip())
    reading = understand_question(text, vocabulary, now)
    if reading is None or (reading.question is None and not reading.choices):
        return None
    if reading.question is not None and reading.question.shape is Shape.TEXTS and reading.leftover:
        return None
    is_clear = reading.confidence == "clear" and reading.question is not None and reading.outside is None
    if reading.question is not None and reading.question.shape is Shape.TEXTS and (verb is None or not verb.shows):
        is_clear = False  # 4年2組のふりかえりを送って: those written, or that they be written?
    for run in runs:
        spoken.reader.explained.update(range(*run))
    return Matter(what=What.QUESTION, text=text, needs_confirming=not is_clear, doubtful=reading.leftover)


def _bare(spoken: Spoken, asking: Asking | None, occasion: Occasion, verb: Verb, *, is_said: bool) -> Matter | None:
    """Words without quotation marks: the one stretch that nothing else explained."""
    reader, words = spoken.reader, spoken.words
    what = What.ANNOUNCEMENT if asking is not None else What.TEXT
    runs = [run for run in _runs(spoken) if _says_something(spoken, run)]
    if not runs:
        return Matter(what=what, text="") if is_said else None
    start, end = max(runs, key=lambda run: run[1] - run[0])
    whole = reader.folded[start:end]
    first, last = words["words_start"][0].match(whole), None
    is_marked = False
    if first is not None:
        is_marked = bool(first.groupdict().get("clear"))
        start += first.end()
    end -= len(whole) - len(whole.rstrip())
    if reader.language == "ja":
        end = _without(words["words_tail"][0], reader.folded, start, end)
        last = words["words_end"][0].search(reader.folded[start:end])
        if last is not None:
            is_marked, end = True, start + last.start()
    else:
        end = _without(words["words_tail"][0], reader.folded, start, end)
    text = spoken.typed(start, end).strip()
    run = max(runs, key=lambda run: run[1] - run[0])
    reader.explained.update(range(*run))
    is_timed = any(clock.search(reader.folded[start:end]) for clock in load_occasion_words(reader.language).clock)
    return Matter(
        what=what,
        text=text[:LONGEST_BARE],
        needs_confirming=(asking is None and (not is_marked or _may_tell_when(spoken, occasion, verb, run)))
        or is_timed
        or len(text) > LONGEST_BARE,
    )


def _may_tell_when(spoken: Spoken, occasion: Occasion, verb: Verb, run: tuple[int, int]) -> bool:
    """Whether the one day and time may belong to what is said: 明日8時に集合と送って, tell 4-2 to come at 9."""
    if occasion.rrule is not None or occasion.anchor is not None:
        return False
    if spoken.reader.language == "ja":
        return run[0] - 1 in occasion.explained
    return run[1] in occasion.explained and not verb.reminds


def _without(tail: re.Pattern[str], text: str, start: int, end: int) -> int:
    while (match := tail.search(text[start:end])) is not None and match.end() == end - start and match[0]:
        end = start + match.start()
    return end


def _runs(spoken: Spoken) -> Iterator[tuple[int, int]]:
    """Stretches of which nothing is explained."""
    reader, start = spoken.reader, None
    for at in range(len(reader.folded) + 1):
        is_free = at < len(reader.folded) and at not in reader.explained
        if is_free and start is None:
            start = at
        elif not is_free and start is not None:
            yield start, at
            start = None


def _says_something(spoken: Spoken, run: tuple[int, int]) -> bool:
    """Whether more than particles and fillers stand there."""
    text = spoken.reader.folded[slice(*run)]
    for pattern in spoken.words["fillers"]:
        text = pattern.sub("", text)
    start = spoken.words["words_start"][0].match(text)
    text = text[start.end() :] if start is not None else text
    return bool(re.search(r"[^\W_]{2,}|[一-鿿]", _bare_tail(spoken, text)))


def _bare_tail(spoken: Spoken, text: str) -> str:
    return text[: _without(spoken.words["words_tail"][0], text, 0, len(text))]
