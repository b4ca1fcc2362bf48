"""The rules behind thresholds: pure functions over the days of one child."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from string import Formatter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.care.days import Child, SchoolDays
from knowledge.care.kinds import Numbers, kinds
from knowledge.care.lasting import Step, preview, step
from knowledge.care.rules import RULES, Day, Found

FRIDAY = date(2026, 11, 13)
LONG_AGO, FAR = date.min, date.max


def days(*each: dict[str, Any], last: date = FRIDAY, is_daily: bool = False) -> list[Day]:
    """Days up to ``last``, a school day each; without weekends unless ``is_daily``."""
    found: list[Day] = []
    day = last
    for values in reversed(each):
        while not is_daily and day.weekday() > 4:
            day -= timedelta(days=1)
        whole: dict[str, Any] = {"date": day, "is_school": True, **values}
        found.append(Day(**whole))
        day -= timedelta(days=1)
    return found[::-1]


def moods(*values: int) -> list[dict[str, Any]]:
    """Days with a mood each; 0 is a day on which nothing was answered."""
    answered = {"is_touched": True, "is_answered": True, "is_finished": True}
    return [{**answered, "moods": [value]} if value else {} for value in values]


def find(kind: str, found: list[Day], **numbers: float) -> Found | None:
    return RULES[kind](found, FRIDAY, {**kinds()[kind].defaults, **numbers})


NOTHING: dict[str, Any] = {}
AWAY: dict[str, Any] = {"mark": "absent_sick"}
ANSWER: dict[str, Any] = {"is_touched": True, "is_answered": True, "is_finished": True}
DECLINE: dict[str, Any] = {"is_touched": True, "is_answered": True, "is_declined": True}


def test_four_rainy_days_running_name_their_number_and_dates() -> None:
    found = find("low_mood_days", days(*moods(4, 2, 1, 2, 2)))
    assert found is not None
    assert found.figures == {"days": 4, "first": "2026-11-10", "last": "2026-11-13"}


@pytest.mark.parametrize(
    ("why", "each"),
    [
        ("a sunny day between", moods(2, 2, 4, 2, 2)),
        ("a day without an answer between", moods(2, 2, 0, 2, 2)),
        ("the last day was cloudy", moods(2, 2, 2, 3)),
        ("only two days", moods(4, 2, 1)),
    ],
)
def test_rain_that_does_not_go_on_is_not_pointed_out(why: str, each: list[dict[str, Any]]) -> None:
    assert find("low_mood_days", days(*each)) is None, why


def test_days_away_and_weekends_do_not_interrupt_a_row() -> None:
    friday, monday, tuesday, wednesday = moods(1)[0], moods(2)[0], AWAY, moods(2)[0]
    found = find("low_mood_days", days(friday, monday, tuesday, wednesday, last=date(2026, 11, 11)))
    assert found is not None
    assert found.figures["days"] == 3
    assert found.figures["first"] == "2026-11-06"


def test_the_lowest_mood_of_a_day_counts() -> None:
    both = {**ANSWER, "moods": [4, 2]}
    assert find("low_mood_days", days(both, both, both)) is not None


def test_half_of_the_days_low_is_enough_and_less_is_not() -> None:
    found = find("low_mood_share", days(*moods(2, 4, 2, 4, 2, 4, 2, 4)))
    assert found is not None
    assert found.figures == {"answers": 8, "low": 4, "share": "50"}
    assert find("low_mood_share", days(*moods(2, 4, 2, 4, 2, 4, 4, 4))) is None
    assert find("low_mood_share", days(*moods(2, 2, 2, 2, 2, 2, 2))) is None  # too few answers to say


def test_a_regular_writer_who_falls_silent_is_pointed_out() -> None:
    found = find("silence", days(*[ANSWER] * 18, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING))
    assert found is not None
    figures = {"expected": 18, "answered": 18, "days": 6, "first": "2026-11-06", "last": "2026-11-13"}
    assert found.figures == figures


@pytest.mark.parametrize(
    ("why", "each"),
    [
        ("declining is an answer", [*[ANSWER] * 20, NOTHING, NOTHING, DECLINE, NOTHING]),
        ("a check-in that was begun is a sign", [*[ANSWER] * 20, NOTHING, NOTHING, {"is_touched": True}, NOTHING]),
        ("sick days are no silence", [*[ANSWER] * 20, AWAY, AWAY, AWAY, AWAY]),
        ("never wrote much", [*[ANSWER, NOTHING] * 10, NOTHING, NOTHING, NOTHING]),
        ("not known for long enough", [*[ANSWER] * 9, NOTHING, NOTHING, NOTHING, NOTHING]),
    ],
)
def test_what_is_no_sudden_silence(why: str, each: list[dict[str, Any]]) -> None:
    assert find("silence", days(*each)) is None, why


def test_holidays_do_not_hide_who_falls_silent_after_them() -> None:
    before = days(*[ANSWER] * 20, last=date(2026, 7, 17))
    after = days(NOTHING, NOTHING, NOTHING, NOTHING, last=date(2026, 9, 4))
    assert RULES["silence"]([*before, *after], date(2026, 9, 4), kinds()["silence"].defaults) is not None


def test_a_mood_that_fell_by_a_point_is_pointed_out_with_both_means() -> None:
    week_before, week = moods(4, 4, 4, 4, 3, 4, 4), moods(3, 3, 3, 3, 3, 2, 3)
    found = find("mood_fall", days(*week_before, *week, is_daily=True))
    assert found is not None
    assert found.figures == {"before": "3.9", "now": "2.9"}
    assert find("mood_fall", days(*week_before, *week, is_daily=True), points=1.5) is None
    assert find("mood_fall", days(*week_before, *moods(0, 0, 0, 0, 0, 1, 1), is_daily=True)) is None  # two answers


def test_confidence_is_compared_over_two_weeks() -> None:
    sure, unsure = {**ANSWER, "confidences": [5]}, {**ANSWER, "confidences": [3]}
    found = find("confidence_fall", days(*[sure] * 10, *[unsure] * 10))
    assert found is not None
    assert found.figures == {"before": "5.0", "now": "3.0"}


def test_visits_to_the_nurse_of_two_weeks_are_counted() -> None:
    visits = days({"visits": 5}, *[NOTHING] * 9, {"visits": 1}, {"visits": 2})
    found = find("nurse_visits", visits)
    assert found is not None
    assert found.figures == {"visits": 3, "dates": ["2026-11-12", "2026-11-13"]}


def test_suspension_is_no_absence() -> None:
    marks = ("late", "absent_other", "absent_sick", "late", "suspended")
    found = find("late_or_absent", days(*({"mark": mark} for mark in marks)))
    assert found is not None
    assert (found.figures["late"], found.figures["absent"]) == (2, 2)
    assert find("late_or_absent", days(*({"mark": mark} for mark in ("late", "late", "late", "suspended")))) is None


def test_reflections_that_get_short_all_at_once_are_pointed_out() -> None:
    long, short = {**ANSWER, "length": 60}, {**ANSWER, "length": 6}
    found = find("short_reflections", days(*[long] * 8, *[short] * 3))
    assert found is not None
    assert found.figures == {"count": 8, "before": 60, "reflections": 3, "now": 6}
    assert find("short_reflections", days(*[short] * 11)) is None  # always wrote little
    assert find("short_reflections", days(*[long] * 8, *[short] * 3, *[NOTHING] * 6)) is None  # long ago


def test_answers_kept_to_oneself_are_in_no_figure() -> None:
    kept: dict[str, Any] = {**ANSWER, "moods": [], "length": None}  # as ``knowledge.care.days`` gives them
    for kind in ("low_mood_days", "low_mood_share", "mood_fall", "short_reflections", "silence", "declines"):
        assert find(kind, days(*[ANSWER] * 20, *[kept] * 10)) is None, kind


def test_declining_day_after_day_is_pointed_out() -> None:
    found = find("declines", days(ANSWER, DECLINE, DECLINE, DECLINE))
    assert found is not None
    assert found.figures["days"] == 3
    assert find("declines", days(DECLINE, {**ANSWER, "is_declined": True}, DECLINE, DECLINE)) is None


DAYS = st.lists(
    st.builds(
        Day,
        date=st.just(FRIDAY),
        is_school=st.booleans(),
        mark=st.sampled_from([None, None, "late", "absent_sick", "suspended"]),
        visits=st.integers(0, 3),
        is_touched=st.booleans(),
        is_answered=st.booleans(),
        is_finished=st.booleans(),
        is_declined=st.booleans(),
        moods=st.lists(st.integers(1, 4), max_size=2),
        confidences=st.lists(st.integers(1, 5), max_size=2),
        length=st.none() | st.integers(0, 200),
    ),
    max_size=40,
).map(lambda found: [replace(day, date=FRIDAY - timedelta(days=n)) for n, day in enumerate(found)][::-1])
KINDS = st.sampled_from([*kinds().values()])


def placed(kind: str, share: float) -> Numbers:
    """Numbers of a kind, each as far between its limits."""
    return {
        name: each.least + round((each.most - each.least) / each.step * share) * each.step
        for name, each in kinds()[kind].parameters.items()
    }


@settings(max_examples=150, deadline=None, derandomize=True)
@given(found=DAYS, kind=KINDS, share=st.floats(0, 1))
def test_whatever_happened_the_words_have_their_figures(found: list[Day], kind: Any, share: float) -> None:
    result = RULES[kind.id](found, FRIDAY, placed(kind.id, share))
    if result is not None:
        for said in kind.said.values():
            needed = {name for _, name, _, _ in Formatter().parse(said.why) if name}
            assert needed <= result.figures.keys()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(found=DAYS, kind=KINDS)
def test_a_kept_mood_never_points_a_child_out(found: list[Day], kind: Any) -> None:
    """Were every mood kept to oneself, no rule about moods would find anything; nor would a silence begin."""
    kept = [replace(day, moods=[]) for day in found]
    for number in (kind.defaults, placed(kind.id, 0)):
        before, after = (RULES[kind.id](each, FRIDAY, number) for each in (found, kept))
        if kind.id in ("low_mood_days", "low_mood_share", "mood_fall"):
            assert after is None
        else:
            assert after == before


@settings(max_examples=100, deadline=None, derandomize=True)
@given(found=DAYS, kind=KINDS)
def test_the_laxer_threshold_points_out_whoever_the_stricter_one_does(found: list[Day], kind: Any) -> None:
    lax, strict = kind.defaults, kind.defaults
    for name, each in kind.parameters.items():
        if kind.id != "short_reflections" and not (kind.id == "low_mood_share" and name == "answers"):
            lax, strict = {**lax, name: each.least}, {**strict, name: each.most}
    if kind.id == "short_reflections":
        lax, strict = {**lax, "share": 60}, {**strict, "share": 10}
    if RULES[kind.id](found, FRIDAY, strict) is not None:
        assert RULES[kind.id](found, FRIDAY, lax) is not None


def test_every_kind_has_its_rule_its_words_and_numbers_within_their_limits() -> None:
    assert list(kinds()) == list(RULES)
    for kind in kinds().values():
        assert all(parameter.fits(parameter.default) for parameter in kind.parameters.values()), kind.id
        for language, said in kind.said.items():
            named = {name for _, name, _, _ in Formatter().parse(said.means) if name}
            assert named == said.fields.keys() == kind.parameters.keys(), (kind.id, language)
            assert 2 <= len(said.might) <= 3


def test_numbers_that_a_later_version_does_not_allow_give_way_to_the_default() -> None:
    kind = kinds()["low_mood_days"]
    assert kind.complete({"days": 4, "gone": 1}) == {"days": 4}
    assert kind.complete({"days": 400}) == kind.complete({}) == {"days": 3}


def test_a_flag_is_raised_once_and_again_only_when_it_got_worse_or_came_back() -> None:
    said = [step(None, None, 3), step(None, found(3), 3), step(3, found(5), 3), step(3, found(6), 3), step(6, None, 3)]
    assert said == [Step.NOTHING, Step.RAISED, Step.LASTS, Step.WORSE, Step.ENDED]


def found(amount: float) -> Found:
    return Found(amount=amount, figures={})


def test_a_preview_counts_children_and_times() -> None:
    rain = days(*moods(2, 2, 2, 4, 2, 2, 2, 2, 2, 2))
    child = Child(id="hana", spans=[(LONG_AGO, FAR)], days=rain)
    sun = Child(id="ren", spans=[(LONG_AGO, FAR)], days=days(*moods(*[4] * 10)))
    gone = Child(id="sora", spans=[(LONG_AGO, rain[0].date)], days=rain)
    school = SchoolDays(children=[child, sun, gone], days=[day.date for day in rain])
    kind = kinds()["low_mood_days"]
    seen = preview(school, kind, kind.defaults, school.days)
    assert seen.raised == {"hana": 3}  # raised, over, raised, and got worse by three days
    assert seen.times == 3
