"""What may come next: from drill results to content, the figures exact."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.catalogue import coverage, parts_of, search
from knowledge.records.content import Item
from knowledge.suggesting import ENOUGH, MASTERED, Nothing, Studied, Suggestion, suggest

ADDING = Item(content_id="add", title="分数のたし算", url="https://a.example/1", subject="算数", grades=("P4",))
DECIMALS = Item(content_id="dec", title="小数のたし算ドリル", url="https://a.example/2", subject="算数", grades=("P4",))
WEATHER = Item(content_id="sky", title="天気の変化", url="https://a.example/3", subject="理科", grades=("P5",))
ITEMS = (ADDING, DECIMALS, WEATHER)


def studied(
    unit: str | None, answered: int, correct: int, *, subject: str | None = "算数", content: str = ""
) -> Studied:
    return Studied(subject=subject, content_id=content, unit=unit, answered=answered, correct=correct)


def found(*entries: Studied, items: tuple[Item, ...] = ITEMS, grade: str | None = "P4") -> Suggestion | Nothing:
    return suggest(entries, items, grade)


def test_the_unit_that_went_worst_is_taken_with_its_own_figures() -> None:
    suggestion = found(
        studied("分数のたし算", 6, 3),
        studied("分数のたし算", 4, 1),
        studied("小数のたし算", 10, 6),
        studied("図形", 30, 29),
    )
    assert isinstance(suggestion, Suggestion)
    assert (suggestion.item, suggestion.about) == (ADDING, "分数のたし算")
    assert (suggestion.answered, suggestion.correct) == (10, 4)


def test_few_answers_are_no_reason() -> None:
    assert found(studied("分数のたし算", ENOUGH - 1, 0)) is Nothing.TOO_FEW
    assert found() is Nothing.TOO_FEW


def test_a_unit_with_too_few_answers_counts_for_its_subject() -> None:
    suggestion = found(studied("わり算の筆算", 6, 2), studied("角度", 6, 3))
    assert isinstance(suggestion, Suggestion)
    assert (suggestion.about, suggestion.answered, suggestion.correct) == ("算数", 12, 5)


def test_what_went_well_needs_nothing() -> None:
    assert found(studied("分数のたし算", 10, 8)) is Nothing.ALL_WELL


def test_content_of_a_unit_that_went_well_is_not_suggested_for_its_subject() -> None:
    well, weak = studied("分数のたし算", 10, 10), studied("わり算の筆算", 20, 2)
    suggestion = found(well, weak)
    assert isinstance(suggestion, Suggestion) and suggestion.item is DECIMALS
    assert found(well, weak, items=(ADDING,)) is Nothing.NO_CONTENT


def test_content_of_another_grade_or_subject_is_not_suggested() -> None:
    assert found(studied("天気の変化", 10, 2, subject="理科")) is Nothing.NO_CONTENT
    assert found(studied("分数のたし算", 10, 2, subject="理科")) is Nothing.NO_CONTENT
    assert isinstance(found(studied("天気の変化", 10, 2, subject="理科"), grade="P5"), Suggestion)


def test_what_was_studied_itself_comes_last() -> None:
    again = Item(content_id="again", title="分数のたし算ドリル", url="https://a.example/4", subject="算数")
    entries = [studied("分数のたし算", 10, 2, content="add")]
    for items, expected in (((ADDING, again), again), ((ADDING,), ADDING)):
        suggestion = suggest(entries, items, "P4")
        assert isinstance(suggestion, Suggestion) and suggestion.item is expected


def test_what_was_not_useful_is_not_suggested_again() -> None:
    again = Item(content_id="again", title="分数のたし算ドリル", url="https://a.example/4", subject="算数")
    entries = [studied("分数のたし算", 10, 2)]
    for tried, expected in (({"add": None}, again), ({"add": True, "again": False}, ADDING), ({}, ADDING)):
        suggestion = suggest(entries, (ADDING, again), "P4", tried)
        assert isinstance(suggestion, Suggestion) and suggestion.item is expected
    assert suggest(entries, (ADDING, again), "P4", {"add": False, "again": False}) is Nothing.NO_CONTENT


@pytest.mark.parametrize(
    ("topic", "share"),
    [("分数", 1), ("ぶんすう", 1), ("分数の足し算", 1), ("ぶんすうのたしざん", 1), ("分数のかけ算", 0.5), ("図形", 0)],
)
def test_a_topic_is_found_however_it_is_spelt(topic: str, share: float) -> None:
    assert coverage(topic, ADDING) == share


def test_the_times_table_sounds_as_children_say_it() -> None:
    assert parts_of("九九") == parts_of("くく")


def test_what_only_comes_close_is_said_to() -> None:
    assert search(ITEMS, topics=["分数のかけ算"]).is_near
    assert search(ITEMS, topics=["ことわざ"]).items == ()
    assert search(ITEMS, topics=["たし算"], kinds=["ドリル"]).items == (DECIMALS,)
    assert search(ITEMS, topics=["分数"], kinds=["ドリル"]).is_other_kind


UNITS = ["分数のたし算", "小数のたし算", "天気の変化", "図形", None]


def entry(unit: str | None, subject: str | None, answered: int, missed: int, content: str) -> Studied:
    return studied(unit, answered, max(0, answered - missed), subject=subject, content=content)


ENTRIES = st.builds(
    entry,
    st.sampled_from(UNITS),
    st.sampled_from(["算数", "理科", None]),
    st.integers(0, 15),
    st.integers(0, 15),
    st.sampled_from(["", "add", "dec"]),
)


@given(st.lists(ENTRIES, max_size=12), st.sampled_from(["P4", "P5", None]))
def test_a_suggestion_always_has_a_reason_in_the_rows(entries: list[Studied], grade: str | None) -> None:
    """Whatever was studied: the figures are sums of the rows they are about, enough and weak, and the item fits."""
    suggestion = suggest(entries, ITEMS, grade)
    if not isinstance(suggestion, Suggestion):
        return
    assert suggestion.item.fits_grade(grade)
    assert suggestion.answered >= ENOUGH
    assert Fraction(suggestion.correct, suggestion.answered) < MASTERED
    sums = {
        (sum(each.answered for each in of), sum(each.correct for each in of))
        for subject in ("算数", "理科", None)
        for of in (
            [each for each in entries if each.subject == subject and each.unit == suggestion.about],
            [each for each in entries if each.subject == suggestion.about],
        )
    }
    assert (suggestion.answered, suggestion.correct) in sums
    assert suggest(entries[::-1], ITEMS, grade) == suggestion  # whichever order they come in
