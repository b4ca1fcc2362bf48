"""No text, whatever is repeated in it, keeps a reader busy: one that did would keep everybody else waiting."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest

from intents import (
    activities,
    adding,
    announcing,
    asides,
    closing,
    commands,
    content,
    distress,
    knowing,
    later,
    managing,
    menus,
    practices,
    questions,
    reminder_parts,
    reminders,
)
from tests.intents.asking import NOW, TEACHER

TODAY = NOW.date()
LENGTHS = (90, 300, 1200, 2000)  # what the readers, and Ayumi as a whole, look at
PATIENCE = 5  # seconds for all readers; alone each takes a few hundredths
UNITS = (
    "月曜日、",
    "月曜日",
    "月・",
    "10:00、",
    "1日と",
    "第1と",
    "4年2組と",
    "ないと",
    "「」",
    "あ",
    "monday and ",
    "。",
)
READERS: dict[str, Callable[[str], object]] = {
    "activity": lambda text: activities.understand_activity(text, TODAY, ["サッカー部"]),
    "adding": lambda text: (adding.find_wish(text, TODAY), adding.find_terms(text, TODAY)),
    "announcing": announcing.find_results,
    "aside": lambda text: (asides.find_aside(text), asides.find_naming(text)),
    "closing": lambda text: (closing.understand_closing(text, TEACHER, NOW), closing.understand_days(text, TODAY)),
    "command": lambda text: (commands.find_command(text), commands.find_note(text)),
    "content": lambda text: (content.understand_content(text), content.find_comment(text)),
    "distress": distress.find_distress,
    "knowing": knowing.find_knowing,
    "later": later.find_later,
    "managing": managing.find_managing,
    "menu": lambda text: menus.understand_menu(text, TEACHER, NOW),
    "part of a reminder": lambda text: reminder_parts.understand_part(text, TEACHER, NOW, "t"),
    "practice": lambda text: (practices.find_told(text), practices.find_request(text)),
    "question": lambda text: questions.understand_question(text, TEACHER, NOW),
    "reminder": lambda text: reminders.understand_reminder(f"{text}リマインドして", TEACHER, NOW, "t"),
}


@pytest.fixture(scope="module")
def loaded() -> None:
    """The words and the dictionary, which take their time once."""
    for read in READERS.values():
        read("毎週金曜日15時にリマインドして")
        read("remind me every friday at 3pm")


@contextmanager
def within(seconds: int) -> Generator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("unit", UNITS)
def test_a_text_that_repeats_itself_is_read_at_once(unit: str) -> None:
    for length in LENGTHS:
        with within(PATIENCE):
            for read in READERS.values():
                read((unit * length)[:length])
