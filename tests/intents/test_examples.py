"""What is offered to somebody who was not understood can really be asked."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from intents.examples import nearest_examples
from intents.questions import understand_question
from knowledge.questions.model import ClassName, Scope, ScopeKind, Vocabulary

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 5, 15, 10, tzinfo=TOKYO)
CLASS = ClassName(id="c42", title="4年2組", grade="P4", school_id="s1", homeroom=True)
TEACHER = Vocabulary(
    timezone=TOKYO,
    default=Scope(kind=ScopeKind.CLASS, ids=("c42",), label="4年2組"),
    homerooms=("c42",),
    classes=(CLASS,),
    own_schools=("s1",),
    subjects=("国語", "算数"),
)


@pytest.mark.parametrize(
    "example", [example for language in ("ja", "en") for example in nearest_examples("", language, 99)]
)
def test_every_example_is_understood_for_sure(example: str) -> None:
    reading = understand_question(example, TEACHER, NOW)
    assert reading is not None
    assert (reading.confidence, reading.leftover) == ("clear", ())


def test_the_nearest_come_first() -> None:
    assert nearest_examples("欠席の続く家に電話した方がいい?", "ja")[0] == "今月の欠席が3回以上の子は？"
    assert nearest_examples("mood swings", "en", 1)[0] in ("Mood breakdown today", "Whose mood fell this week?")
