"""Answers read as people would say them: the figure first, the days with their dates, every row on one page."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.messages import LANGUAGES
from assistant.wording.answers import confirm, explain, pages, word
from assistant.wording.tables import csv_name, csv_of
from assistant.wording.texts import BANDS, Speaker
from knowledge.questions.metrics import catalogue
from knowledge.questions.model import (
    Answer,
    AnswerRow,
    Condition,
    GroupBy,
    Metric,
    Operator,
    Order,
    Period,
    Phase,
    PhaseCount,
    Question,
    Reason,
    Scope,
    ScopeKind,
    Shape,
    Status,
)

LAST_WEEK = Period(start=date(2026, 5, 4), end=date(2026, 5, 10), label="先週")
THIS_WEEK = Period(start=date(2026, 5, 11), end=date(2026, 5, 13), label="今週")
TODAY = Period(start=date(2026, 5, 13), end=date(2026, 5, 13), label="今日")
CLASS = Scope(kind=ScopeKind.CLASS, ids=("c42",), label="4年2組")
OTHER = Scope(kind=ScopeKind.CLASS, ids=("c41",), label="4年1組")
HANA = Scope(kind=ScopeKind.STUDENT, ids=("s1",), label="佐藤 花")
NAMES = ("佐藤 花", "鈴木 蓮", "高橋 空")
STAFF, GUARDIAN = Speaker(language="ja", band="staff"), Speaker(language="ja", band="guardian")
LOWER, UPPER = Speaker(language="ja", band="lower"), Speaker(language="ja", band="upper")
SPEAKERS = [Speaker(language=language, band=band) for language in LANGUAGES for band in BANDS]
FORMULA = tuple("=+-@\t\r")


def answer(shape: Shape, metric: Metric | None, scope: Scope = CLASS, period: Period = LAST_WEEK) -> Answer:
    entry = catalogue()[metric] if metric is not None else None
    return Answer(
        status=Status.ANSWERED,
        question=Question(metric=metric, shape=shape, scope=scope, period=period),
        unit=entry and entry.unit,
        definition=entry and entry.definition["ja"],
    )


def asking(given: Answer, **changes: object) -> Answer:
    assert given.question is not None
    return replace(given, question=replace(given.question, **changes))  # pyright: ignore[reportArgumentType]  of a Question


def listed(*values: float, n: int | None = None) -> tuple[AnswerRow, ...]:
    return tuple(
        AnswerRow(id=f"s{i}", label=name, value=value, n=n)
        for i, (name, value) in enumerate(zip(NAMES, values, strict=False))
    )


def value(metric: Metric, figure: float, n: int, scope: Scope = CLASS, period: Period = LAST_WEEK) -> Answer:
    return replace(answer(Shape.VALUE, metric, scope, period), value=figure, n=n)


def every_shape(metric: Metric, scope: Scope) -> Iterator[Answer]:
    """An answer of each shape, with a gap, and one of each reason for having none."""
    gap = AnswerRow(id="x", label="x", value=None, reason=Reason.SMALL_GROUP)
    yield value(metric, 66.67, 3, scope)
    yield value(metric, 0, 1, scope)
    yield replace(answer(Shape.STUDENTS, metric, scope), rows=(*listed(1, 2.5, 0, n=4), gap), students=31, left_out=2)
    yield asking(
        replace(answer(Shape.STUDENTS, metric, scope, TODAY), rows=listed(1, 1), unit="days", students=31),
        condition=Condition(op=Operator.MISSING),
        order=Order.DESCENDING,
        limit=5,
    )
    days = [
        AnswerRow(id=f"2026-05-{day:02}", label="", value=day * 1.5 if day != 6 else None, n=5) for day in (4, 5, 6)
    ]
    for group in (None, GroupBy.DAY, GroupBy.WEEK, GroupBy.MONTH):
        yield asking(replace(answer(Shape.TREND, metric, scope), rows=tuple(days)), group_by=group)
    yield asking(
        replace(answer(Shape.COMPARE, metric, scope), rows=listed(3.5, 1.25, n=4), difference=2.25),
        compare=(THIS_WEEK,),
    )
    yield asking(replace(answer(Shape.COMPARE, metric, scope), rows=listed(1), difference=None), compare=(OTHER,))
    for group, id in (
        (GroupBy.CLASS, "c42"),
        (GroupBy.GRADE, "P4"),
        (GroupBy.SUBJECT, "算数"),
        (GroupBy.WEEKDAY, "mon"),
    ):
        rows = (AnswerRow(id=id, label=id, value=2, n=30), gap)
        yield asking(replace(answer(Shape.BREAKDOWN, metric, scope), rows=rows), group_by=group)
    moods = tuple(AnswerRow(id=mood, label=mood, value=3, n=12) for mood in ("sunny", "cloudy", "rainy", "thunder"))
    yield asking(replace(answer(Shape.BREAKDOWN, metric, scope), rows=moods, n=12, unit="count"), group_by=GroupBy.MOOD)
    rows = tuple(AnswerRow(id=each, label=each, value=1.5, n=2, unit=catalogue()[each].unit) for each in catalogue())
    yield replace(answer(Shape.OVERVIEW, None, scope), rows=rows)
    texts = AnswerRow(id="s1", label="佐藤 花", value="九九", day=date(2026, 5, 13), phase=Phase.REFLECTION)
    yield replace(answer(Shape.TEXTS, metric, scope), rows=(texts, replace(texts, phase=None, day=None)))
    for reason in Reason:
        yield replace(answer(Shape.VALUE, metric, scope), status=Status.EMPTY, reason=reason)
    for status in (Status.REFUSED, Status.CLARIFY, Status.NOT_UNDERSTOOD, Status.TALK):
        yield replace(answer(Shape.VALUE, metric, scope), status=status)


@pytest.mark.parametrize("speaker", SPEAKERS, ids=lambda speaker: f"{speaker.language}-{speaker.band}")
@pytest.mark.parametrize("metric", Metric)
def test_every_answer_has_words_for_every_reader(metric: Metric, speaker: Speaker):
    for scope in (CLASS, HANA):
        for each in every_shape(metric, scope):
            for words in (word(each, speaker), explain(each, speaker)):
                assert str(words).strip()
                assert not re.search(r"[{}|]|None|\b[a-z]+_[a-z_]+\b", str(words)), words
            assert csv_of(each, speaker)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("metric", Metric)
def test_for_adults_the_figure_stands_first_and_the_days_have_dates(metric: Metric, language: str):
    dates = "5/4〜5/10" if language == "ja" else "May 4–May 10"
    for band in ("guardian", "staff"):
        for each in every_shape(metric, HANA):
            if each.status is not Status.ANSWERED or each.question is None or each.question.period is TODAY:
                continue
            text = str(word(each, Speaker(language=language, band=band)))
            if each.question.shape is not Shape.OVERVIEW:
                assert re.match(r"[+-]?\d|記録なし|no record", text), text
            if each.question.compare != (OTHER,):
                assert dates in text


def test_a_rate_says_who_when_what_and_of_how_many():
    given = replace(
        value(Metric.REFLECTION_RATE, 82.58, 155),
        counts=(PhaseCount(phase=Phase.REFLECTION, answered=128, expected=155),),
    )
    assert str(word(given, STAFF)) == (
        "82.6%\n4年2組・先週（5/4〜5/10）・ふりかえりの提出率\nふりかえり のべ155人日中 128人日"
    )


@pytest.mark.parametrize(
    ("metric", "figure", "first"),
    [
        (Metric.MOOD, 3.4, "3.4（☀️と☁️の間）"),
        (Metric.MOOD, 4, "4.0（☀️）"),
        (Metric.STUDY_MINUTES, 125.0, "125分（2時間5分）"),
        (Metric.STUDY_MINUTES, 120.0, "120分（2時間）"),
        (Metric.STUDY_MINUTES, 45.0, "45分"),
        (Metric.MOOD_CHANGE, 1.25, "+1.3点"),
        (Metric.MOOD_CHANGE, -1.25, "-1.3点"),
        (Metric.CORRECT_RATE, 99.96, "99.96%"),  # 100.0% would be untrue
        (Metric.CORRECT_RATE, 0.04, "0.04%"),
        (Metric.CORRECT_RATE, 82.25, "82.3%"),
        (Metric.QUESTIONS_ANSWERED, 1234, "1,234問"),
        (Metric.ABSENT_DAYS, 0, "0日"),
        (Metric.NURSE_VISITS, 2, "2回"),
    ],
)
def test_a_figure_carries_its_unit_and_is_never_rounded_into_another_one(metric: Metric, figure: float, first: str):
    assert str(word(value(metric, figure, 31), STAFF)).splitlines()[0] == first


def test_one_day_and_two_days_in_english():
    teacher = Speaker(language="en", band="staff")
    assert str(word(value(Metric.ABSENT_DAYS, 1, 31), teacher)).splitlines()[0] == "1 day"
    assert str(word(value(Metric.ABSENT_DAYS, 2, 31), teacher)).splitlines()[0] == "2 days"


def test_a_list_says_its_condition_order_and_limit():
    given = asking(
        replace(answer(Shape.STUDENTS, Metric.CORRECT_RATE), rows=listed(41.7, 59.97, n=24), n=310, students=31),
        subject="算数",
        condition=Condition(op=Operator.LESS, value=60),
        order=Order.ASCENDING,
        limit=5,
    )
    assert str(word(given, STAFF)) == (
        "2人（対象31人）\n4年2組・先週（5/4〜5/10）・算数の正答率・60%未満・低い順・5人まで\n"
        "佐藤 花：41.7%（24問）\n鈴木 蓮：59.97%（24問）\n集計の対象：310問"
    )


def test_who_is_missing_today_is_a_line_of_names():
    given = asking(
        replace(
            answer(Shape.STUDENTS, Metric.CHECKIN_RATE, period=TODAY),
            rows=listed(1, 1),
            unit="days",
            n=62,
            students=31,
            counts=(PhaseCount(phase=Phase.REFLECTION, answered=29, expected=31),),
        ),
        condition=Condition(op=Operator.MISSING),
    )
    assert str(word(given, STAFF)) == (
        "2人（対象31人）\n4年2組・今日（5/13）・チェックインがまだの子\n佐藤 花、鈴木 蓮\nふりかえり 29／31人"
    )
    nobody = replace(given, rows=())
    assert str(word(nobody, STAFF)).startswith("0人（対象31人）\n")
    assert "まだの子はいません。" in str(word(nobody, STAFF))


def test_who_had_too_few_answers_is_said():
    given = replace(answer(Shape.STUDENTS, Metric.MOOD_CHANGE), rows=listed(-1.33, n=4), students=31, left_out=4)
    assert str(word(given, STAFF)).splitlines()[-1] == "回答が少なく、計算に入れていない児童生徒：4人"


def test_a_comparison_says_both_sides_and_how_they_differ():
    given = asking(
        replace(answer(Shape.COMPARE, Metric.CORRECT_RATE, period=THIS_WEEK), rows=listed(82.5, 79.3), difference=3.2),
        compare=(LAST_WEEK,),
    )
    assert str(word(given, STAFF)) == (
        "+3.2ポイント\n4年2組・正答率\n今週（5/11〜5/13）：82.5%\n先週（5/4〜5/10）：79.3%\n"
        "今週（5/11〜5/13）は、先週（5/4〜5/10）より3.2ポイント高いです。"
    )
    fewer = asking(
        replace(answer(Shape.COMPARE, Metric.ABSENT_DAYS), rows=listed(3, 5), difference=-2), compare=(OTHER,)
    )
    assert str(word(fewer, STAFF)) == (
        "-2日\n先週（5/4〜5/10）・欠席日数\n4年2組：3日\n4年1組：5日\n4年2組は、4年1組より2日少ないです。"
    )


def test_years_are_said_where_there_are_several():
    year = Period(start=date(2025, 4, 1), end=date(2026, 3, 31), label="昨年度")
    assert "昨年度（2025/4/1〜2026/3/31）" in str(word(value(Metric.MOOD, 3, 9, period=year), STAFF))


def test_what_was_written_stays_as_it_was_written():
    text = "九九ができた\n 次は漢字"
    row = AnswerRow(id="s1", label="佐藤 花", value=text, day=date(2026, 5, 13), phase=Phase.REFLECTION)
    words = word(replace(answer(Shape.TEXTS, None, period=TODAY), rows=(row,)), STAFF)
    assert [span.text for span in words.spans if span.own] == ["4年2組", "佐藤 花", text]
    assert str(words).startswith("1件\n")
    assert "佐藤 花 5/13（水） ふりかえり\n九九" in str(words)


def test_a_child_reads_what_it_did_and_no_percentage():
    given = replace(
        value(Metric.REFLECTION_RATE, 80.0, 5, HANA),
        counts=(PhaseCount(phase=Phase.REFLECTION, answered=4, expected=5),),
    )
    assert str(word(given, LOWER)) == "先週（5/4〜5/10）の ふりかえりは、5かいの うち 4かいだよ。"
    assert str(word(given, UPPER)) == "先週（5/4〜5/10）のふり返りは、5回のうち4回だよ。"
    assert str(word(value(Metric.CORRECT_RATE, 23.0769, 13, HANA), UPPER)) == (
        "先週（5/4〜5/10）の正解は、13問のうち3問だよ。"
    )


def test_a_child_that_has_not_answered_is_not_shown_a_bare_zero():
    assert str(word(value(Metric.CHECKIN_RATE, 0.0, 2, HANA, TODAY), LOWER)).endswith("つぎの こたえを まっているね。")


@pytest.mark.parametrize("speaker", [LOWER, UPPER, replace(LOWER, language="en")])
def test_the_young_read_no_difference_and_no_name(speaker: Speaker):
    given = asking(
        replace(answer(Shape.COMPARE, Metric.STUDY_MINUTES, HANA), rows=listed(30, 50), difference=-20),
        compare=(THIS_WEEK,),
    )
    text = str(word(given, speaker))
    assert "30" in text
    assert "20" not in text.replace("2026", "")
    assert "佐藤" not in text


def test_the_five_reasons_are_five_sentences_that_name_whom_and_when():
    reasons = [reason for reason in Reason if reason is not Reason.FUTURE]
    texts = {
        str(word(replace(answer(Shape.VALUE, Metric.MOOD), status=Status.EMPTY, reason=reason), STAFF))
        for reason in reasons
    }
    assert len(texts) == len(reasons)
    assert all(text.startswith("4年2組・先週（5/4〜5/10）・気分（心の天気）：") for text in texts)


def test_a_refusal_names_no_student():
    refused = replace(answer(Shape.VALUE, Metric.MOOD, HANA), status=Status.REFUSED, reason=Reason.NOT_PERMITTED)
    for speaker in SPEAKERS:
        assert "佐藤" not in str(word(refused, speaker))


def test_how_it_was_counted_says_how_it_was_understood():
    lines = str(explain(value(Metric.CORRECT_RATE, 80.0, 120), STAFF)).splitlines()
    assert lines[:3] == ["だれ：4年2組", "いつ：先週（5/4〜5/10）", "何を：正答率"]
    assert lines[3] == f"数え方：{catalogue()[Metric.CORRECT_RATE].definition['ja']}"
    assert lines[4] == "集計の対象：120問"


def test_what_was_understood_is_asked_back():
    question = answer(Shape.VALUE, Metric.MOOD).question
    assert question is not None
    assert str(confirm(question, STAFF)) == "4年2組・先週（5/4〜5/10）の「気分（心の天気）」ですね。"


@given(st.lists(st.one_of(st.integers(0, 9), st.text("あ花\n", max_size=4000)), max_size=70), st.booleans())
def test_the_pages_hold_every_row_once_and_none_is_too_long_for_line(values: list[int | str], are_texts: bool):
    rows = tuple(
        AnswerRow(id=f"s{i}", label=f"<{i}>", value=value if isinstance(value, int) or are_texts else len(value))
        for i, value in enumerate(values)
    )
    given = replace(answer(Shape.TEXTS if are_texts else Shape.STUDENTS, Metric.NURSE_VISITS), rows=rows)
    shown = [str(word(given, STAFF, page=page)) for page in range(pages(given))]
    assert re.findall(r"<\d+>", "".join(shown)) == [row.label for row in rows]
    assert all(len(text.encode("utf-16-le")) // 2 <= 5000 for text in shown)
    assert word(given, STAFF, page=99) == word(given, STAFF, page=pages(given) - 1)


def test_a_long_list_says_which_part_it_shows_and_how_to_go_on():
    rows = tuple(AnswerRow(id=f"s{i}", label=f"児童{i}", value=1) for i in range(43))
    given = replace(answer(Shape.STUDENTS, Metric.NURSE_VISITS), rows=rows, students=43)
    assert pages(given) == 3
    assert str(word(given, STAFF)).splitlines()[-1] == "1–20 / 43（次へ進むには「続きを見る」）"
    assert str(word(given, STAFF, page=2)).splitlines()[-1] == "41–43 / 43"


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(st.lists(st.tuples(cells, cells), max_size=8), cells)
def test_a_table_reads_back_and_runs_nothing(written: list[tuple[str, str]], title: str):
    rows = tuple(AnswerRow(id="s", label=name, value=text) for name, text in written)
    given = asking(replace(answer(Shape.TEXTS, Metric.OBSERVATIONS), rows=rows), title=title or None)
    content = csv_of(given, STAFF)
    assert content.startswith(b"\xef\xbb\xbf")
    read = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert read[0][:4] == ["児童生徒", "日付", "種類", "書いたこと"]
    assert [(line[0].removeprefix("'"), line[3].removeprefix("'")) for line in read[1:]] == [
        (name.removeprefix("'"), text.removeprefix("'")) for name, text in written
    ]
    assert not [cell for line in read for cell in line if cell.startswith(FORMULA)]


def test_a_table_explains_itself():
    given = asking(
        replace(
            answer(Shape.COMPARE, Metric.CORRECT_RATE, period=THIS_WEEK), rows=listed(82.5, 79.3, n=9), difference=3.2
        ),
        compare=(LAST_WEEK,),
    )
    read = list(csv.reader(io.StringIO(csv_of(given, STAFF).decode("utf-8-sig"))))
    assert read[0] == ["項目", "値", "単位", "対象数", "備考", "何を", "だれ", "期間", "開始日", "終了日"]
    assert read[1][1:] == ["82.5", "%", "9", "", "正答率", "4年2組", "今週", "2026-05-11", "2026-05-13"]
    assert read[2][7:] == ["先週", "2026-05-04", "2026-05-10"]
    assert read[3][:3] == ["差", "3.2", "ポイント"]
    assert csv_name(given) == "ayumi_correct_rate_compare_2026-05-11_2026-05-13.csv"
