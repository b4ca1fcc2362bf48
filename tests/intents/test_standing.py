"""Which texts ask for a standing question, when it is due, and which do not."""

from datetime import time

import pytest

from intents.standing import find_standing

WEEKDAYS = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"


@pytest.mark.parametrize(
    ("text", "rrule", "at", "question"),
    [
        ("毎週月曜8時に先週の提出率を送って", "FREQ=WEEKLY;BYDAY=MO", time(8), "先週の提出率"),
        ("毎週月曜日の朝8時に先週の提出率を送ってください", "FREQ=WEEKLY;BYDAY=MO", time(8), "先週の提出率"),
        ("毎週月・水・金の午後4時に今日の提出率を知らせて", "FREQ=WEEKLY;BYDAY=MO,WE,FR", time(16), "今日の提出率"),
        ("隔週金曜の１６時半に今週の欠席を送って", "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR", time(16, 30), "今週の欠席"),
        ("平日の16:30に今日まだの子を教えて", WEEKDAYS, time(16, 30), "今日まだの子"),
        ("毎月25日の9時15分に今月の欠席を送って", "FREQ=MONTHLY;BYMONTHDAY=25", time(9, 15), "今月の欠席"),
        ("毎朝、昨日の提出率を送って", "FREQ=DAILY", time(8), "昨日の提出率"),
        ("毎週月曜に先週の提出率を送って", "FREQ=WEEKLY;BYDAY=MO", None, "先週の提出率"),
        (
            "every Monday at 8 send me last week's reflection rate",
            "FREQ=WEEKLY;BYDAY=MO",
            time(8),
            "last week's reflection rate",
        ),
        ("Please send me the check-in rate every weekday at 4:30 pm", WEEKDAYS, time(16, 30), "the check-in rate"),
        ("every Monday and Friday at 9, send me the mood", "FREQ=WEEKLY;BYDAY=MO,FR", time(9), "the mood"),
    ],
)
def test_it_is_read_when_and_what_to_send(text: str, rrule: str, at: time | None, question: str) -> None:
    found = find_standing(text)
    assert found is not None
    assert (found.rrule, found.at, found.question) == (rrule, at, question)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "先週の提出率を送って",  # once, not again and again
        "毎日たのしい",
        "毎週月曜に算数がある",
        "毎月32日の8時に提出率を送って",
        "毎週月曜25時に提出率を送って",
        "毎週月曜8時に送って",  # what?
        "I go swimming every Monday",
        "送って",
    ],
)
def test_anything_else_is_left_alone(text: str) -> None:
    assert find_standing(text) is None
