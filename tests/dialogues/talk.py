"""A conversation as data, played and held against what we promise of every answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import yaml

from assistant.channels.wording import kana
from assistant.dialogue import flow
from assistant.messages import Outgoing, Words
from assistant.wording import grade_fit
from intents.commands import Command, find_command
from knowledge.questions.model import Phase
from knowledge.records.checkins import CheckInRecord, Status
from tests.builders.library import fill_library
from tests.dialogues.world import ChatWorld, Reply
from tests.worlds import TOKYO

WAYS_OUT = [
    {"とばす", "あとで", "今日は答えない"},
    {"とばす", "あとで", "きょうはこたえない"},  # P1 has not learned 今 and 答 yet
    {"Skip", "Later", "Not answering today"},
]
# Words that rank children or praise what they are instead of what they did (care.md).
RANKS_OR_PRAISES = re.compile(
    r"すごい|えらい|かしこい|頭がいい|あたまがいい|天才|いい子|優秀|まじめ|ランキング|順位|[0-9一二三]位|クラスで一番"
    r"|\b(?:smart|clever|genius|talented|gifted|rank(?:ing|ed)?|good (?:boy|girl)|best in)\b",
    re.IGNORECASE,
)
OFFERS_TO_TALK = "!talk"  # the one button that may stand at the end of a check-in
WENT_WRONG = re.compile("うまく ?うごかな|うまく動かな|うまく処理でき|something went wrong|didn't work")
NAMES = {"めい", "そら", "花", "蓮", "結衣", "伊藤", "春子 伊藤", "林", "優子 林", "誠 森"}  # how people are called
KANJI = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One message and what must come of it. A text to be found that begins with ``re:`` is a regular expression."""

    say: str | None = None  # a typed text …
    times: int = 1  # … written so often in a row
    tap: str | None = None  # the label of a choice of the last answer that had any
    tap_old: str | None = None  # the label of a choice of some earlier answer
    again: bool = False  # the step before once more, as an event of its own
    send: str | None = None  # anything else, a ``Kind``: other (a sticker), follow, unfollow
    by: str | None = None  # somebody else than before ("as" in the file)
    at: str | None = None  # the moment, ISO
    after: float = 0  # minutes that pass before
    minutes_ago: float = 0  # it was written then and arrives only now
    expect: list[str] = field(default_factory=list[str])
    expect_not: list[str] = field(default_factory=list[str])
    quotes: bool = False  # the text of this step is quoted back exactly
    choices: list[str] | None = None  # the labels of the last answer, in order
    choices_include: list[str] = field(default_factory=list[str])
    choices_exclude: list[str] = field(default_factory=list[str])
    no_choices: bool = False
    no_answer: bool = False
    pending: str | None = None  # the id of the question that waits now; "none" where none waits
    stored: dict[str, dict[str, Any]] = field(
        default_factory=dict[str, dict[str, Any]]
    )  # by phase: status, and answers by question
    alerts: list[str] | None = None  # the levels of the person's alerts so far


@dataclass(frozen=True, kw_only=True)
class Dialogue:
    name: str
    file: str
    by: str
    at: str
    steps: list[Step]
    linked: bool = True
    announced: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])  # as ``ChatWorld.announce`` takes it
    reached: list[str] = field(default_factory=list[str])  # others who can be written to, in their browsers
    documents: bool = False  # those of ``tests.builders.library`` are there


def read(path: Path) -> list[Dialogue]:
    raw = cast("list[dict[str, Any]]", yaml.safe_load(path.read_text("utf-8")))
    return [
        Dialogue(
            name=each["name"],
            file=f"{path.parent.name}/{path.name}",
            by=each["as"],
            at=each["at"],
            linked=each.get("linked", True),
            announced=each.get("announced", []),
            reached=each.get("reached", []),
            documents=each.get("documents", False),
            steps=[_step(step) for step in each["steps"]],
        )
        for each in raw
    ]


def _step(raw: dict[str, Any]) -> Step:
    named = {"by" if key == "as" else key: value for key, value in raw.items()}
    unknown = named.keys() - {each.name for each in fields(Step)}
    assert not unknown, f"a step has no {unknown}: {raw}"
    return Step(**named)


class Talk:
    """A dialogue under way: what was said, shown and expected so far."""

    def __init__(self, world: ChatWorld, *, linked: bool = True) -> None:
        self.world = world
        self.problems: list[str] = []
        self._linked = linked
        self._said: list[str] = []
        self._shown: dict[str, list[Reply]] = {}  # answers with choices, by person
        self._last_body: Mapping[str, Any] = {}

    async def play(self, dialogue: Dialogue) -> None:
        who = dialogue.by
        if dialogue.documents:
            await fill_library(self.world.core.services.library, self.world.clock.now())
        for person_id in dialogue.reached:
            await self.world.link(person_id, f"browser:{person_id}")
        for each in dialogue.announced:
            await self.world.announce(**each)
        for number, step in enumerate(dialogue.steps, start=1):
            who = step.by or who
            if step.at:
                self.world.clock.moment = moment(step.at)
            self.world.clock.forward(minutes=step.after)
            body = self._body(who, step)
            if body is None:
                self.problems.append(
                    f"{number}: no '{step.tap or step.tap_old}' among {[label for label, _ in self.choices(who)]}"
                )
                return
            replies = await self.send(who, body, number, minutes_ago=step.minutes_ago)
            self.problems += [f"{number} ({_input(body)}): {each}" for each in self._unmet(step, body, replies)]
            self.problems += [f"{number} ({_input(body)}): {each}" for each in await self._not_stored(who, step)]

    async def send(self, who: str, body: Mapping[str, Any], number: int = 0, *, minutes_ago: float = 0) -> list[Reply]:
        """Send one message and hold what comes of it against what we promise."""
        before = await self.world.records(who) if self._linked else {}
        self._last_body = body
        self._said.append(str(body.get("text", "")))
        replies = await self.world.send(who, body, minutes_ago=minutes_ago, linked=self._linked)
        for reply in replies:
            if reply.choices:
                self._shown.setdefault(who, []).append(reply)
        promises = await self._broken_promises(who, body, before, replies)
        self.problems += [f"{number} ({_input(body)}): {each}" for each in promises]
        return replies

    def choices(self, who: str) -> list[tuple[str, str]]:
        """Label and value of what can be tapped under the last answer that had any."""
        shown = self._shown.get(who)
        return shown[-1].choices if shown else []

    def choice(self, who: str, position: int, *, old: bool) -> tuple[str, str] | None:
        """A choice of the last answer that had any, or of all so far; None where there is none."""
        shown = self._shown.get(who, [])
        choices = [choice for reply in (shown if old else shown[-1:]) for choice in reply.choices]
        return choices[position % len(choices)] if choices else None

    def _body(self, who: str, step: Step) -> Mapping[str, Any] | None:
        if step.say is not None:
            return {"text": step.say * step.times}
        if step.send is not None:
            return {"kind": step.send}
        if step.again:
            return self._last_body
        shown = self._shown.get(who, [])[:-1] if step.tap_old else self._shown.get(who, [])[-1:]
        label = step.tap or step.tap_old
        value = next((dict(reply.choices)[label] for reply in reversed(shown) if label in reply.labels), None)
        return None if value is None else {"choice": value, "text": label}

    def _unmet(self, step: Step, body: Mapping[str, Any], replies: list[Reply]) -> list[str]:
        text = "\n".join(reply.text for reply in replies)
        labels = replies[-1].labels if replies else []
        unmet = [f"'{each}' not in:\n{text}" for each in step.expect if not _found(each, text)]
        unmet += [f"'{each}' in:\n{text}" for each in step.expect_not if _found(each, text)]
        if step.quotes and str(body["text"]) not in text:
            unmet.append(f"does not quote it exactly:\n{text}")
        if step.choices is not None and labels != step.choices:
            unmet.append(f"choices are {labels}")
        unmet += [f"no choice '{each}' among {labels}" for each in step.choices_include if each not in labels]
        unmet += [f"has the choice '{each}'" for each in step.choices_exclude if each in labels]
        if step.no_choices and labels:
            unmet.append(f"offers {labels}")
        if step.no_answer == bool(replies):
            unmet.append(f"answered: {text}" if replies else "got no answer")
        return unmet

    async def _not_stored(self, who: str, step: Step) -> list[str]:
        unmet: list[str] = []
        if step.pending is not None:
            pending = await self.world.pending(who)
            waits = pending["question"] if pending else "none"
            if waits != step.pending:
                unmet.append(f"the waiting question is '{waits}'")
        if step.stored:
            records = await self.world.records(who)
            for phase, wanted in step.stored.items():
                record = records.get(Phase(phase))
                known = {"status": str(record.status)} | flow.answers_of(record) if record else {}
                found = {key: known.get(key) for key in wanted}
                if found != wanted:
                    unmet.append(f"stored for {phase}: {found}")
        if step.alerts is not None and (levels := await self.world.alert_levels(who)) != step.alerts:
            unmet.append(f"alerts: {levels}")
        return unmet

    async def _broken_promises(
        self, who: str, body: Mapping[str, Any], before: Mapping[Phase, CheckInRecord], replies: list[Reply]
    ) -> list[str]:
        """What we promise of every answer, whatever was said."""
        broken: list[str] = []
        if await self.world.unhandled():
            broken.append("a handler broke")
        for reply in replies:
            ours = self._words_of_ours(who, reply)
            if above := _above(reply.grade, ours):
                broken.append(f"{above} is above {reply.grade} in: {ours}")
            broken += [f"ranks or praises a trait: {found[0]}" for found in RANKS_OR_PRAISES.finditer(ours)]
            if WENT_WRONG.search(ours):
                broken.append("says that it went wrong")
            if not reply.text.strip():
                broken.append("an empty message")
        if not self._linked:
            return broken
        pending, after = await self.world.pending(who), await self.world.records(who)
        ended = [p for p, r in after.items() if r.status is not Status.OPEN and _status(before, p) is not r.status]
        if pending and replies and not any(ways <= {*replies[-1].labels} for ways in WAYS_OUT):
            broken.append(
                f"'{pending['question']}' waits, and there are only {replies[-1].labels}:\n{replies[-1].text}"
            )
        asked = [label for label, value in replies[-1].choices if value != OFFERS_TO_TALK] if replies else []
        if ended and (asked or re.search("[?？]", self._words_of_ours(who, replies[-1]))):
            broken.append(f"ends the check-in and still asks: {replies[-1].text} {replies[-1].labels}")
        broken += [each for phase in ended for each in await self._wrongly_ended(who, body, after, phase)]
        return broken

    async def _wrongly_ended(
        self, who: str, body: Mapping[str, Any], after: Mapping[Phase, CheckInRecord], phase: Phase
    ) -> list[str]:
        """A check-in counts as answered only after the child declined, or was asked everything."""
        record = after[phase]
        if record.answered_at is None:
            return [f"{phase} ended without a time"]
        if record.status is Status.DECLINED:
            declines = find_command(str(body.get("text", ""))) is Command.DECLINE
            tapped = str(body.get("choice", "")).endswith("!decline")
            return [] if declines or tapped else [f"{phase} was declined by nobody"]
        person = await self.world.person(who)
        script = self.world.core.services.scripts.of(person.grade or "", person.school_id).phase(phase)
        answers = flow.known(record, after.get(Phase.ANTICIPATION), ())
        question = flow.next_question(script, record, answers)
        return [f"{phase} was finished before '{question.id}'"] if question else []

    def _words_of_ours(self, who: str, reply: Reply) -> str:
        """What is not the person's own: neither typed, nor tapped as it was shown, nor their name."""
        labels = {label for shown in self._shown.get(who, ()) for label in shown.labels}
        parts: list[str] = []
        for words in _all_words(reply.message):
            for own, spans in groupby(words.spans, key=lambda span: span.own):
                span_words = Words(tuple(spans))
                if not (own and self._is_theirs(str(span_words), labels)):
                    parts.append(kana(span_words, reply.grade))
            parts.append("\n")
        return "".join(parts)

    def _is_theirs(self, text: str, labels: set[str]) -> bool:
        return text in labels or text in NAMES or any(text in said for said in self._said)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TOKYO)


def _found(wanted: str, text: str) -> bool:
    return bool(re.search(wanted[3:], text)) if wanted.startswith("re:") else wanted in text


def _input(body: Mapping[str, Any]) -> str:
    return str(body.get("text", body.get("kind")))[:30]


def _status(records: Mapping[Phase, CheckInRecord], phase: Phase) -> Status | None:
    return records[phase].status if phase in records else None


def _all_words(message: Outgoing) -> list[Words]:
    return [message.text, message.aside, *(choice.label for choice in message.choices)]


def _above(grade: str | None, text: str) -> str:
    """The kanji of a text that a child of a primary school's grade has not learned."""
    if grade is None or not grade.startswith("P"):
        return ""
    path = Path(grade_fit.__file__).with_name("kyoiku_kanji.yaml")
    table = cast("dict[str, str]", yaml.safe_load(path.read_text("utf-8")))
    taught = {kanji for year, kanji_of_year in table.items() if year <= grade for kanji in kanji_of_year}
    return "".join(sorted({*KANJI.findall(text)} - taught))
