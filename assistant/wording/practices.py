"""How a practice reads: what it is about, by whom, when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from assistant.messages import Words
from assistant.wording.texts import Speaker
from intents.scopes import short_school_name


def say_author(family: str, given: str, school: str, speaker: Speaker) -> Words:
    """「みなみ小 伊藤先生」"""
    name = f"{given} {family}" if speaker.language == "en" else family
    return speaker.say("practices.author", school=Words.own(short_school_name(school)), name=Words.own(name))


def say_about(grades: Sequence[str], subject: str | None, speaker: Speaker) -> str:
    """「小5 算数」; "" where neither is known."""
    return str(speaker.say("practices.about", grades=say_grades(grades, speaker), subject=subject or "")).strip()


def say_grades(grades: Sequence[str], speaker: Speaker) -> str:
    """「小5・小6」; "" for none."""
    comma = str(speaker.say("practices.grade_comma"))
    return comma.join(str(speaker.say(f"practices.grade_{each[0]}", number=each[1:])) for each in grades)


def say_card(text: str, about: str, author: Words, day: date, speaker: Speaker) -> Words:
    """A practice as it is shown, its day with the year: it stays for years."""
    said = {"text": Words.own(text), "author": author, "day": f"{day.year}/{day.month}/{day.day}"}
    return speaker.say("practices.card", about=about, **said) if about else speaker.say("practices.card_plain", **said)
