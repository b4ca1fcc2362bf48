"""Parts of a reminder, said to complete or change one."""

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from intents.occasions import Problem
from intents.reminder_parts import Part, understand_part
from knowledge.questions.model import ClassName, Scope, ScopeKind, Vocabulary
from knowledge.reminding import Anchor

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 5, 11, 16, tzinfo=TOKYO)  # a Monday
OWN, OTHER = (
    ClassName(id=f"c-{title[0]}-{title[2]}", title=title, grade=f"P{title[0]}", school_id="minami", homeroom=True)
    for title in ("4年2組", "2年1組")
)
NAMES = Vocabulary(
    timezone=TOKYO,
    default=Scope(kind=ScopeKind.CLASS, ids=(OWN.id,), label=OWN.title),
    homerooms=(OWN.id,),
    classes=(OWN, OTHER),
    own_schools=("minami",),
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("15時", {"at": time(15)}),
        ("16時にして", {"at": time(16)}),
        ("make it 16:00", {"at": time(16)}),
        ("今日の17時", {"at": time(17), "start": date(2026, 5, 11)}),
        ("金曜", {"start": date(2026, 5, 15)}),
        ("毎週木曜にして", {"start": date(2026, 5, 14), "rrule": "FREQ=WEEKLY;BYDAY=TH"}),
        ("every friday", {"start": date(2026, 5, 15), "rrule": "FREQ=WEEKLY;BYDAY=FR"}),
        ("遠足の前日", {"anchor": Anchor(title="遠足", first=-1, last=-1)}),
        ("30分後", {"at": time(16, 30), "start": date(2026, 5, 11)}),
        ("「なわとびを忘れずに」にして", {"text": "なわとびを忘れずに"}),
        ("25時", {"problem": Problem.TIME, "said": "25時"}),
        ("13月1日", {"problem": Problem.DATE, "said": "13月1日"}),
    ],
)
def test_a_part_says_what_it_says_and_nothing_more(text: str, said: dict[str, Any]) -> None:
    assert understand_part(text, NAMES, NOW, "t-ito") == Part(**said)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("2年1組にして", (OTHER.id,)),
        ("うちのクラスに", (OWN.id,)),
        ("自分に", ("t-ito",)),
        ("to class 2-1", (OTHER.id,)),
    ],
)
def test_a_part_names_whom(text: str, ids: tuple[str, ...]) -> None:
    part = understand_part(text, NAMES, NOW, "t-ito")
    assert part.audience is not None
    assert part.audience.ids == ids


@pytest.mark.parametrize("text", ["", "はい", "今日の提出率は？", "ありがとう", "なわとびを忘れずに", "thanks"])
def test_other_texts_are_no_part(text: str) -> None:
    assert not understand_part(text, NAMES, NOW, "t-ito")
