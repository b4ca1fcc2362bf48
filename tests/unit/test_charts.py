"""Pictures of answers: what is drawn, what is not, and that nothing a school may hold breaks them."""

from __future__ import annotations

import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.charts import describe, draw
from assistant.charts.chart import Chart, Colour, chart_of
from assistant.charts.paint import LABEL, TEXT, wrap
from assistant.wording.texts import BANDS, Speaker
from knowledge.questions.model import (
    Answer,
    AnswerRow,
    Condition,
    GroupBy,
    Metric,
    Operator,
    Period,
    Question,
    Reason,
    Scope,
    ScopeKind,
    Shape,
    Status,
)
from tests.builders.pictures import CLASS, LAST_WEEK, STAFF, answer_of, week

PNG = b"\x89PNG\r\n\x1a\n"
CHILD = Speaker(language="ja", band="lower")
ENGLISH = Speaker(language="en", band="staff")
MOODS = {"sunny": 15, "cloudy": 8, "rainy": 4, "thunder": 2}


def chart(answer: Answer, speaker: Speaker = STAFF) -> Chart:
    found = chart_of(answer, speaker)
    assert found is not None
    return found


def size_of(png: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_a_picture_is_a_png_as_wide_as_a_phone_is_sharp_and_light_enough_for_a_preview() -> None:
    png = draw(week(), STAFF)
    assert png is not None
    assert png.startswith(PNG)
    assert size_of(png)[0] == 1080
    assert len(png) < 1_000_000


def test_the_same_answer_is_the_same_picture_byte_for_byte() -> None:
    assert draw(week(), STAFF) == draw(week(), STAFF)


def test_pictures_are_drawn_by_many_threads_at_once() -> None:
    answers = [week(), answer_of(Shape.BREAKDOWN, MOODS, Metric.MOOD, group_by=GroupBy.MOOD, unit="count", n=29)]
    alone = [draw(answer, STAFF) for answer in answers]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(draw, answers * 4, [STAFF] * 8)) == alone * 4


def test_matplotlib_is_not_loaded_until_something_is_drawn() -> None:
    code = "import sys, assistant.charts; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "answer",
    [
        answer_of(Shape.VALUE, {}),
        answer_of(Shape.TEXTS, {"s-1": "算数をがんばった", "s-2": "楽しかった"}, None),
        answer_of(Shape.TREND, {"2026-05-04": 80.0}),
        answer_of(Shape.TREND, {"2026-05-04": 80.0, "2026-05-05": None}),
        answer_of(Shape.BREAKDOWN, {}),
        answer_of(Shape.STUDENTS, {"佐藤 花": 1, "鈴木 蓮": 1}, unit="days"),
        answer_of(Shape.OVERVIEW, {"reflection_rate": 80.0}, None),
        Answer(status=Status.EMPTY, question=week().question, rows=week().rows),
        Answer(status=Status.REFUSED, question=week().question),
        Answer(status=Status.TALK, question=None),
    ],
)
def test_no_picture_where_it_would_not_help(answer: Answer) -> None:
    assert draw(answer, STAFF) is None
    assert not describe(answer, STAFF)


@pytest.mark.parametrize("band", [band for band in BANDS if band != "staff"])
def test_children_are_ranked_before_nobody_but_staff(band: str) -> None:
    answer = answer_of(Shape.STUDENTS, {"佐藤 花": 40.0, "鈴木 蓮": 60.0})
    assert draw(answer, STAFF) is not None
    assert draw(answer, Speaker(language="ja", band=band)) is None


def test_the_title_names_whom_and_what_and_below_stands_when_and_n() -> None:
    found = chart(answer_of(Shape.BREAKDOWN, {"算数": 61.0, "国語": 70.0}, Metric.CORRECT_RATE, subject="算数"))
    assert str(found.title) == "4年2組・算数の正答率"
    assert [str(line) for line in found.about] == ["先週（2026年5月4日〜5月10日）", "n = 186"]


def test_english_says_the_same() -> None:
    period = Period(start=date(2025, 12, 1), end=date(2026, 1, 31), label="last winter")
    found = chart(answer_of(Shape.BREAKDOWN, {"mon": 1, "tue": 2}, group_by=GroupBy.WEEKDAY, period=period), ENGLISH)
    assert str(found.title) == "4年2組 – reflection rate"
    assert str(found.about[0]) == "last winter (1 Dec 2025 – 31 Jan 2026)"
    assert [str(mark.label) for mark in found.marks] == ["Mon", "Tue"]


def test_a_comparison_tells_the_difference_and_both_periods() -> None:
    before = Period(start=date(2026, 4, 27), end=date(2026, 5, 3), label="先々週")
    found = chart(answer_of(Shape.COMPARE, {"先週": 82.14, "先々週": 78.9}, compare=(before,), difference=3.24))
    assert [str(line) for line in found.about] == [
        "先週と先々週の差：3.2ポイント",
        "先週（2026年5月4日〜5月10日）",
        "先々週（2026年4月27日〜5月3日）",
        "n = 186",
    ]
    assert [mark.colour for mark in found.marks] == [Colour.MAIN, Colour.OTHER]


def test_a_gap_is_not_zero_and_the_picture_says_what_it_is() -> None:
    found = chart(week())
    assert [mark.value for mark in found.marks] == [93.3, 87.1, None, 90.0, 61.3]
    assert [str(mark.text) for mark in found.marks][2] == "記録なし"
    assert "記録がありません" in str(found.note)
    zero = answer_of(Shape.TREND, {"2026-05-04": 93.3, "2026-05-05": 87.1, "2026-05-06": 0.0})
    assert draw(zero, STAFF) != draw(answer_of(Shape.TREND, {"2026-05-04": 93.3, "2026-05-05": 87.1}), STAFF)
    assert not chart(zero).note


def test_rates_reach_from_0_to_100_and_moods_from_thunder_to_sunny() -> None:
    assert (chart(week()).scale.low, chart(week()).scale.high) == (0, 100)
    found = chart(answer_of(Shape.TREND, {"2026-05-04": 2.0, "2026-05-05": 3.2}, Metric.MOOD, unit="1-4"))
    assert [(at, str(words)) for at, words in found.ticks] == [(1, "雷"), (2, "雨"), (3, "くもり"), (4, "晴れ")]
    assert [str(mark.text) for mark in found.marks] == ["雨", "3.2"]


def test_bars_begin_at_zero_also_where_the_figures_do_not() -> None:
    found = chart(answer_of(Shape.BREAKDOWN, {"4年1組": 3.1, "4年2組": 3.4}, Metric.MOOD, group_by=GroupBy.CLASS))
    assert found.scale.low == 0
    fell = chart(answer_of(Shape.STUDENTS, {"佐藤 花": -2.3, "鈴木 蓮": 1.2}, Metric.MOOD_CHANGE, unit="points"))
    assert (fell.scale.low, fell.scale.high) == (-3, 2)
    assert [str(mark.text) for mark in fell.marks] == ["-2.3", "+1.2"]


def test_moods_are_told_apart_by_words_and_by_colours() -> None:
    found = chart(answer_of(Shape.BREAKDOWN, MOODS, Metric.MOOD, group_by=GroupBy.MOOD, unit="count", n=29))
    assert [str(mark.label) for mark in found.marks] == ["晴れ", "くもり", "雨", "雷"]
    assert [str(mark.text) for mark in found.marks] == ["15（52%）", "8（28%）", "4（14%）", "2（7%）"]
    assert len({mark.colour for mark in found.marks}) == 4


def test_bars_stand_in_the_order_of_the_answer() -> None:
    found = chart(answer_of(Shape.BREAKDOWN, {"4年3組": 70.0, "4年1組": 90.0, "4年2組": 80.0}))
    assert [str(mark.label) for mark in found.marks] == ["4年3組", "4年1組", "4年2組"]


def test_a_long_list_shows_its_beginning_and_says_so() -> None:
    found = chart(answer_of(Shape.STUDENTS, {f"児童{n}": float(n) for n in range(31)}))
    assert len(found.marks) == 20
    assert "はじめの20件（全31件のうち）" in str(found.about[-1])


def test_a_list_of_those_below_a_figure_names_the_figure() -> None:
    below = Condition(op=Operator.LESS, value=60)
    found = chart(answer_of(Shape.STUDENTS, {"佐藤 花": 41.7, "鈴木 蓮": 55.0}, Metric.CORRECT_RATE, condition=below))
    assert "60%未満" in [str(line) for line in found.about]


def test_a_list_of_those_who_have_not_answered_counts_days_and_is_no_rate() -> None:
    missing = Condition(op=Operator.MISSING)
    found = chart(answer_of(Shape.STUDENTS, {"佐藤 花": 3, "鈴木 蓮": 1}, condition=missing, unit="days"))
    assert str(found.title) == "4年2組・ふりかえりがまだの日数"
    assert [str(mark.text) for mark in found.marks] == ["3日", "1日"]


def test_a_small_group_has_no_bar_and_says_why() -> None:
    rows = (*answer_of(Shape.BREAKDOWN, {"みなみ小学校": 96.4, "きた小学校": 98.0}).rows,)
    hidden = AnswerRow(id="o-3", label="山の分校", value=None, reason=Reason.SMALL_GROUP)
    question = answer_of(Shape.BREAKDOWN, {}, Metric.ATTENDANCE_RATE, group_by=GroupBy.SCHOOL).question
    found = chart(Answer(status=Status.ANSWERED, question=question, rows=(*rows, hidden), unit="%"))
    assert (found.marks[2].value, str(found.marks[2].text)) == (None, "少人数のため非表示")


def test_an_overview_shows_what_shares_a_scale() -> None:
    question = answer_of(Shape.OVERVIEW, {}, None).question
    rows = (
        AnswerRow(id="anticipation_rate", label="a", value=100.0, unit="%"),
        AnswerRow(id="mood", label="m", value=3.2, unit="1-4"),
        AnswerRow(id="reflection_rate", label="r", value=80.0, unit="%"),
    )
    found = chart(Answer(status=Status.ANSWERED, question=question, rows=rows))
    assert [str(mark.label) for mark in found.marks] == ["見通しの提出率", "ふりかえりの提出率"]


def test_a_line_of_many_points_carries_the_highest_the_lowest_and_the_last_figure() -> None:
    found = chart(
        answer_of(Shape.TREND, {f"2026-05-{day:02}": float(90 - (day - 5) ** 2 % 60) for day in range(1, 21)})
    )
    assert len(found.written) == 3
    assert found.written[-1] == 19


def test_a_childs_picture_is_in_words_of_their_grade_without_n() -> None:
    answer = answer_of(Shape.TREND, {"2026-05-04": 4.0, "2026-05-05": 1.0, "2026-05-06": None}, Metric.MOOD, unit="1-4")
    found = chart(answer, CHILD)
    assert len(found.about) == 1
    assert draw(answer, CHILD) not in (None, draw(answer, STAFF))


def test_the_alternative_text_tells_what_the_picture_shows() -> None:
    assert str(describe(week(), STAFF)) == (
        "グラフ：4年2組・ふりかえりの提出率。先週（2026年5月4日〜5月10日）。n = 186。"
        "5/4 93.3%、5/5 87.1%、5/6 記録なし、5/7 90%、5/8 61.3%"
    )


def test_the_alternative_text_of_very_many_points_stays_short() -> None:
    days = {date.fromordinal(date(2026, 4, 1).toordinal() + n).isoformat(): float(n % 90) for n in range(180)}
    assert len(str(describe(answer_of(Shape.TREND, days), STAFF))) < 200


def test_a_long_label_is_cut_at_a_space_or_ends_in_an_ellipsis() -> None:
    assert wrap("伊藤 エマニュエル健太郎左衛門", TEXT, LABEL, 2) == ["伊藤", "エマニュエル健太郎左…"]
    assert wrap("花", TEXT, LABEL, 2) == ["花"]


def test_letters_that_the_font_has_not_are_drawn_all_the_same() -> None:
    assert draw(answer_of(Shape.BREAKDOWN, {"🌸組": 50.0, "$x^2$組": 60.0, "a\x00b\u200d\n": 70.0}), STAFF) is not None


figures = st.floats(0, 100) | st.integers(-5, 500) | st.floats(-1e6, 1e9) | st.none() | st.text(max_size=5)
odd = st.sampled_from([float("nan"), float("inf"), 1e300, -1e300])
rows = st.builds(
    AnswerRow,
    id=st.text(max_size=12) | st.sampled_from([*MOODS, "mon", "sun", "2026-05-11", "2026-12-31", "reflection_rate"]),
    label=st.text(max_size=40),
    value=figures | figures | figures | odd,
    n=st.none() | st.integers(0, 500),
    reason=st.none() | st.sampled_from(list(Reason)),
    unit=st.none() | st.sampled_from(["%", "days", "1-4"]),
)
scopes = st.builds(Scope, kind=st.sampled_from(list(ScopeKind)), ids=st.just(()), label=st.text(max_size=40))
periods = st.builds(Period, start=st.dates(), end=st.dates(), label=st.text(max_size=20))
conditions = st.builds(Condition, op=st.sampled_from(list(Operator)), value=st.none() | st.floats(-10, 200))
questions = st.builds(
    Question,
    metric=st.none() | st.sampled_from(list(Metric)),
    shape=st.sampled_from(list(Shape)),
    subject=st.none() | st.text(max_size=10),
    scope=scopes,
    period=periods,
    condition=st.none() | conditions,
    compare=st.lists(periods | scopes, max_size=2).map(tuple),
    group_by=st.none() | st.sampled_from(list(GroupBy)),
    title=st.none() | st.text(max_size=10),
)
answers = st.builds(
    Answer,
    status=st.just(Status.ANSWERED),
    question=questions,
    unit=st.none() | st.sampled_from(["%", "days", "count", "min", "points", "1-4"]),
    n=st.none() | st.integers(0, 10_000),
    rows=(st.lists(rows, min_size=2, max_size=45) | st.just([])).map(tuple),
    difference=st.none() | st.floats(-1e6, 1e6),
)


@settings(max_examples=100, deadline=None)
@given(answer=answers, band=st.sampled_from(BANDS), language=st.sampled_from(["ja", "en"]))
def test_no_answer_breaks_the_drawing(answer: Answer, band: str, language: str) -> None:
    speaker = Speaker(language=language, band=band)
    png = draw(answer, speaker)
    assert png is None or (png.startswith(PNG) and size_of(png)[0] == 1080)
    assert (png is None) == (not describe(answer, speaker))


def test_the_scope_is_never_altered_for_a_childs_grade() -> None:
    own = [span for span in chart(week(), CHILD).title.spans if span.own]
    assert [span.text for span in own] == [CLASS.label]
    assert LAST_WEEK.label in str(chart(week(), CHILD).about[0])
