"""What is asked to be sent, to whom and when; the lines are data per language (``reminders.yaml``), those that are no
reminder too.

Said on Friday 2026-05-15 at 10:00 in Tokyo, by the homeroom teacher of 4年2組.
"""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from intents.reminders import Problem, ReminderReading, on_event, understand_reminder
from knowledge.reminding import AudienceKind, What
from tests.intents.asking import ASKERS, CLASSES, NOW, TEACHER
from tests.intents.test_questions_asked import CLEAR
from tests.intents.test_questions_asked import lines as questions

CHILD = ASKERS["student"]


def lines(section: str) -> list[Any]:
    found: list[Any] = []
    for language in ("ja", "en"):
        data = yaml.safe_load((Path(__file__).parent / language / "reminders.yaml").read_text(encoding="utf-8"))
        for line in data[section]:
            entry: dict[str, str] = {"say": line} if isinstance(line, str) else line
            found.append(pytest.param(entry, id=f"{language}:{entry['say']}"))
    return found


def shown(reading: ReminderReading) -> str:
    audience, anchor = reading.audience, reading.anchor
    parts = [
        f"{audience.kind}:{'+'.join(audience.ids)}" if audience is not None else "-",
        reading.what,
        repr(reading.text),
        reading.rrule or "once",
        f"{reading.at:%H:%M}" if reading.at is not None else "--:--",
        str(reading.start),
        f"{anchor.title}{anchor.first:+d}{anchor.last:+d}" if anchor is not None else "",
        "missing" if reading.only_missing else "",
        f"{reading.answers}:{'/'.join(reading.choices)}" if reading.answers is not None else "",
        f"by{reading.closes_on}" if reading.closes_on is not None else "",
        f"!{reading.problem}({reading.said})" if reading.problem is not None else "",
        f"left={','.join(reading.leftover)}" if reading.leftover else "",
    ]
    return " ".join(part for part in parts if part)


def read(text: str) -> ReminderReading | None:
    return understand_reminder(text, TEACHER, NOW, "t42")


@pytest.mark.parametrize("entry", lines("clear"))
def test_a_reminder_is_understood(entry: dict[str, str]):
    reading = read(entry["say"])
    assert reading is not None
    assert (shown(reading), reading.confidence, reading.problem) == (entry["is"], "clear", None)


@pytest.mark.parametrize("entry", lines("confirm"))
def test_what_is_not_clear_is_asked_back(entry: dict[str, str]):
    reading = read(entry["say"])
    assert reading is not None
    assert (shown(reading), reading.confidence) == (entry["is"], "confirm")


@pytest.mark.parametrize("entry", lines("not"))
def test_what_asks_for_no_sending_is_no_reminder(entry: dict[str, str]):
    assert read(entry["say"]) is None


@pytest.mark.parametrize("entry", questions(*CLEAR))
def test_no_question_about_data_is_taken_for_a_reminder(entry: dict[str, Any]):
    assert understand_reminder(entry["say"], ASKERS[entry.get("as", "teacher")], NOW) is None


def test_a_childs_own_reminder_is_for_itself():
    reading = understand_reminder("明日の8時に「水筒」とリマインドして", CHILD, NOW, "hana")
    assert reading is not None
    assert reading.audience is not None
    assert (reading.audience.kind, reading.audience.ids) == (AudienceKind.SELF, ("hana",))


@pytest.mark.parametrize("text", ["明日8時に「いってきます」", "まいあさ8じにめあて", "今日の15時、ふりかえり"])
def test_what_a_child_writes_without_asking_to_send_it_is_no_reminder(text: str):
    assert understand_reminder(text, CHILD, NOW, "hana") is None


def test_somebody_without_a_class_is_asked_whom():
    reading = understand_reminder("明日の8時に「水筒」と送って", ASKERS["principal"], NOW)
    assert reading is not None
    assert (reading.audience, reading.confidence) == (None, "confirm")


def test_days_are_counted_from_the_event_once_it_is_known():
    once = read("遠足の前日の15時に「おやつ」と送って")
    every = read("テストの1週間前から毎日16時に「復習しよう」と送って")
    assert once is not None
    assert every is not None
    assert on_event(once, date(2026, 5, 29), NOW).start == date(2026, 5, 28)
    resolved = on_event(every, date(2026, 6, 10), NOW)
    assert (resolved.start, resolved.rrule) == (date(2026, 6, 3), "FREQ=DAILY;UNTIL=20260609T235959")
    begun = on_event(every, date(2026, 5, 18), NOW)
    assert (begun.start, begun.rrule) == (date(2026, 5, 15), "FREQ=DAILY;UNTIL=20260517T235959")


def test_an_event_that_the_calendar_does_not_have_or_that_is_too_near_is_a_problem():
    once = read("遠足の前日の15時に「おやつ」と送って")
    assert once is not None
    assert on_event(once, None, NOW).problem is Problem.EVENT
    assert on_event(once, NOW.date(), NOW).problem is Problem.PAST


RULES = {
    "毎日": "FREQ=DAILY",
    "平日": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "毎週火曜": "FREQ=WEEKLY;BYDAY=TU",
    "毎週金曜日": "FREQ=WEEKLY;BYDAY=FR",
    "毎週月曜と木曜": "FREQ=WEEKLY;BYDAY=MO,TH",
    "隔週水曜": "FREQ=WEEKLY;INTERVAL=2;BYDAY=WE",
    "毎月第1月曜": "FREQ=MONTHLY;BYDAY=1MO",
    "毎月最終金曜": "FREQ=MONTHLY;BYDAY=-1FR",
    "毎月25日": "FREQ=MONTHLY;BYMONTHDAY=25",
    "毎月末": "FREQ=MONTHLY;BYMONTHDAY=-1",
}
ENGLISH = {
    "every day": "FREQ=DAILY",
    "every weekday": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "every Tuesday": "FREQ=WEEKLY;BYDAY=TU",
    "every Monday and Thursday": "FREQ=WEEKLY;BYDAY=MO,TH",
    "every other Wednesday": "FREQ=WEEKLY;INTERVAL=2;BYDAY=WE",
    "on the first Monday of every month": "FREQ=MONTHLY;BYDAY=1MO",
    "on the 25th of every month": "FREQ=MONTHLY;BYMONTHDAY=25",
}
HOMEROOMS = [each for each in CLASSES if each.homeroom and each.grade]
TIMES = st.times(min_value=time(7), max_value=time(19, 59)).map(lambda at: at.replace(second=0, microsecond=0))


@settings(deadline=None)
@given(st.sampled_from(HOMEROOMS), st.sampled_from([*RULES]), TIMES, st.booleans())
def test_every_class_rule_and_time_is_read_exactly_in_both_orders(of: Any, rule: str, at: time, whom_first: bool):
    when, whom = f"{rule}の{at.hour}時{at.minute}分に", f"{of.title}に"
    reading = read(f"{whom}{when}ふりかえりを送って" if whom_first else f"{when}{whom}ふりかえりを送って")
    assert reading is not None
    assert reading.audience is not None
    assert (reading.audience.ids, reading.rrule, reading.at) == ((of.id,), RULES[rule], at)
    assert (reading.what, reading.text, reading.confidence) == (What.REFLECTION, "ふりかえり", "clear")


@settings(deadline=None)
@given(st.sampled_from(HOMEROOMS), st.sampled_from([*ENGLISH]), TIMES, st.booleans())
def test_and_in_english(of: Any, rule: str, at: time, when_first: bool):
    title = f"{of.title[0]}-{of.title[2]}"
    when, rest = f"{rule} at {at:%H:%M}", f'send "water bottle" to {title}'
    reading = read(f"{when} {rest}" if when_first else f"{rest} {when}")
    assert reading is not None
    assert reading.audience is not None
    assert (reading.audience.ids, reading.rrule, reading.at) == ((of.id,), ENGLISH[rule], at)
    assert (reading.what, reading.text, reading.confidence) == (What.TEXT, "water bottle", "clear")


WORDS = [
    "毎週",
    "金曜",
    "15時",
    "に",
    "4年2組",
    "佐藤さん",
    "「水筒」",
    "と",
    "送って",
    "まで",
    "から",
    "6月",
    "31日",
    "の前日",
]
PIECES = [
    "every ",
    "Friday ",
    "at 3pm ",
    "send ",
    "to 4-2 ",
    '"x" ',
    "from ",
    "until ",
    "June ",
    "31 ",
    "month ",
    "ask ",
]


@settings(deadline=None)
@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from(WORDS), max_size=12).map("".join),
        st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    ),
    st.sampled_from([*ASKERS]),
)
def test_any_text_at_all_is_read_without_an_error(text: str, asker: str):
    reading = understand_reminder(text, ASKERS[asker], NOW)
    assert reading is None or reading.problem is None or reading.confidence == "confirm"
