"""Which days a text names: asked on Friday 2026-05-15, in a school of three terms, unless a test says otherwise."""

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.periods import FoundPeriods, find_periods, named_period
from intents.spans import Reader
from knowledge.questions.model import Period, Scope, ScopeKind, StudentName, Term, Vocabulary

FRIDAY = date(2026, 5, 15)
NOBODY = Vocabulary(timezone=ZoneInfo("Asia/Tokyo"), default=Scope(kind=ScopeKind.CLASS, ids=(), label=""))


def find(text: str, today: date = FRIDAY, vocabulary: Vocabulary = NOBODY) -> FoundPeriods:
    reader = Reader(text)
    return find_periods(reader, reader.language, vocabulary, today)


def unexplained(text: str) -> str:
    reader = Reader(text)
    find_periods(reader, reader.language, NOBODY, FRIDAY)
    return "".join(letter for at, letter in enumerate(reader.surface) if at not in reader.explained)


def days(found: FoundPeriods) -> list[tuple[str, str, str]]:
    return [(period.start.isoformat(), period.end.isoformat(), period.label) for period in found.periods]


JAPANESE = [
    ("今日の提出率は?", "2026-05-15", "2026-05-15", "今日"),
    ("きょうのちぇっくいんは", "2026-05-15", "2026-05-15", "今日"),
    ("今朝の気分", "2026-05-15", "2026-05-15", "今日"),
    ("昨日のふりかえり", "2026-05-14", "2026-05-14", "昨日"),
    ("ｷﾉｳのふりかえり", "2026-05-14", "2026-05-14", "昨日"),
    ("サクジツの欠席", "2026-05-14", "2026-05-14", "昨日"),
    ("一昨日の欠席", "2026-05-13", "2026-05-13", "一昨日"),
    ("おとといの欠席", "2026-05-13", "2026-05-13", "一昨日"),
    ("今週", "2026-05-11", "2026-05-15", "今週"),
    ("こんしゅうの欠席", "2026-05-11", "2026-05-15", "今週"),
    ("先週の4年2組のふりかえり提出率は?", "2026-05-04", "2026-05-10", "先週"),
    ("先々週", "2026-04-27", "2026-05-03", "先々週"),
    ("せんせんしゅう", "2026-04-27", "2026-05-03", "先々週"),
    ("先週の金曜", "2026-05-08", "2026-05-08", "5月8日(金)"),
    ("先週金曜日の提出率", "2026-05-08", "2026-05-08", "5月8日(金)"),
    ("今週の月曜", "2026-05-11", "2026-05-11", "5月11日(月)"),
    ("金曜に出した子", "2026-05-15", "2026-05-15", "5月15日(金)"),
    ("土曜日", "2026-05-09", "2026-05-09", "5月9日(土)"),
    ("げつようびの欠席", "2026-05-11", "2026-05-11", "5月11日(月)"),
    ("今月", "2026-05-01", "2026-05-15", "今月"),
    ("先月", "2026-04-01", "2026-04-30", "先月"),
    ("先々月", "2026-03-01", "2026-03-31", "先々月"),
    ("5月の欠席が3回以上の児童は?", "2026-05-01", "2026-05-15", "5月"),
    ("６月の欠席", "2025-06-01", "2025-06-30", "2025年6月"),
    ("十二月の欠席", "2025-12-01", "2025-12-31", "2025年12月"),
    ("さんがつの欠席", "2026-03-01", "2026-03-31", "3月"),
    ("5月中に", "2026-05-01", "2026-05-15", "5月"),
    ("去年の5月", "2025-05-01", "2025-05-31", "2025年5月"),
    ("昨年度の5月", "2025-05-01", "2025-05-31", "2025年5月"),
    ("昨年度の2月", "2026-02-01", "2026-02-28", "2月"),
    ("去年の2月", "2025-02-01", "2025-02-28", "2025年2月"),
    ("5月上旬", "2026-05-01", "2026-05-10", "5月上旬"),
    ("5月の中旬", "2026-05-11", "2026-05-15", "5月中旬"),
    ("4月下旬", "2026-04-21", "2026-04-30", "4月下旬"),
    ("先月の下旬", "2026-04-21", "2026-04-30", "4月下旬"),
    ("上旬", "2026-05-01", "2026-05-10", "5月上旬"),
    ("下旬", "2026-04-21", "2026-04-30", "4月下旬"),
    ("5月10日", "2026-05-10", "2026-05-10", "5月10日"),
    ("五月十日", "2026-05-10", "2026-05-10", "5月10日"),
    ("5/10の欠席", "2026-05-10", "2026-05-10", "5月10日"),
    ("2026/5/10の欠席", "2026-05-10", "2026-05-10", "2026年5月10日"),
    ("2026-05-10の欠席", "2026-05-10", "2026-05-10", "2026年5月10日"),
    ("12月8日", "2025-12-08", "2025-12-08", "2025年12月8日"),
    ("2月29日", "2024-02-29", "2024-02-29", "2024年2月29日"),
    ("5月10日(日)", "2026-05-10", "2026-05-10", "5月10日"),
    ("今月の10日", "2026-05-10", "2026-05-10", "5月10日"),
    ("令和8年5月", "2026-05-01", "2026-05-15", "令和8年5月"),
    ("令和8年5月10日", "2026-05-10", "2026-05-10", "令和8年5月10日"),
    ("R8.5.10の欠席", "2026-05-10", "2026-05-10", "令和8年5月10日"),
    ("平成31年4月", "2019-04-01", "2019-04-30", "平成31年4月"),
    ("5月1日から10日まで", "2026-05-01", "2026-05-10", "5月1日〜5月10日"),
    ("5月10日から20日まで", "2026-05-10", "2026-05-15", "5月10日〜5月15日"),
    ("5月1日から5月10日までの間", "2026-05-01", "2026-05-10", "5月1日〜5月10日"),
    ("5/1〜5/10の欠席", "2026-05-01", "2026-05-10", "5月1日〜5月10日"),
    ("5/1～10の欠席", "2026-05-01", "2026-05-10", "5月1日〜5月10日"),
    ("5月1日-10日", "2026-05-01", "2026-05-10", "5月1日〜5月10日"),
    ("10日から13日まで", "2026-05-10", "2026-05-13", "5月10日〜5月13日"),
    ("12月20日から1月10日", "2025-12-20", "2026-01-10", "2025年12月20日〜1月10日"),
    ("4月から", "2026-04-01", "2026-05-15", "4月から"),
    ("4月以来", "2026-04-01", "2026-05-15", "4月から"),
    ("4月から今まで", "2026-04-01", "2026-05-15", "4月から"),
    ("4月から6月", "2026-04-01", "2026-05-15", "4月〜6月"),
    ("2〜4月", "2026-02-01", "2026-04-30", "2月〜4月"),
    ("去年の4月から6月", "2025-04-01", "2025-06-30", "2025年4月〜2025年6月"),
    ("月曜から水曜まで", "2026-05-11", "2026-05-13", "5月11日〜5月13日"),
    ("先週の月曜から水曜", "2026-05-04", "2026-05-06", "5月4日〜5月6日"),
    ("月曜以降", "2026-05-11", "2026-05-15", "5月11日(月)から"),
    ("先週から", "2026-05-04", "2026-05-15", "先週から"),
    ("5月1日〜の欠席", "2026-05-01", "2026-05-15", "5月1日から"),
    ("先週1週間の欠席", "2026-05-04", "2026-05-10", "先週"),
    ("先週から今週にかけて", "2026-05-04", "2026-05-15", "先週〜今週"),
    ("3日前から昨日まで", "2026-05-12", "2026-05-14", "5月12日〜5月14日"),
    ("ここ3日", "2026-05-13", "2026-05-15", "この3日間"),
    ("この3日間", "2026-05-13", "2026-05-15", "この3日間"),
    ("ここみっかの欠席", "2026-05-13", "2026-05-15", "この3日間"),
    ("この一週間", "2026-05-09", "2026-05-15", "この1週間"),
    ("過去2週間", "2026-05-02", "2026-05-15", "この2週間"),
    ("直近10日", "2026-05-06", "2026-05-15", "この10日間"),
    ("直近1か月", "2026-04-16", "2026-05-15", "この1か月"),
    ("直近1ヶ月", "2026-04-16", "2026-05-15", "この1か月"),
    ("直近１ヵ月", "2026-04-16", "2026-05-15", "この1か月"),
    ("過去三箇月", "2026-02-16", "2026-05-15", "この3か月"),
    ("4年2組の最近の様子", "2026-05-02", "2026-05-15", "最近2週間"),
    ("3日前", "2026-05-12", "2026-05-12", "5月12日"),
    ("2週間前", "2026-04-27", "2026-05-03", "4月27日〜5月3日"),
    ("2週間前から", "2026-05-01", "2026-05-15", "5月1日から"),
    ("1か月前", "2026-04-01", "2026-04-30", "4月"),
    ("今学期の提出率の推移", "2026-04-01", "2026-05-15", "1学期"),
    ("前学期", "2026-01-01", "2026-03-31", "2025年度3学期"),
    ("1学期", "2026-04-01", "2026-05-15", "1学期"),
    ("一学期", "2026-04-01", "2026-05-15", "1学期"),
    ("第２学期", "2025-09-01", "2025-12-31", "2025年度2学期"),
    ("2024年度の3学期", "2025-01-01", "2025-03-31", "2024年度3学期"),
    ("前期", "2026-04-01", "2026-05-15", "前期"),
    ("後期", "2025-10-01", "2026-03-31", "2025年度後期"),
    ("今年度", "2026-04-01", "2026-05-15", "今年度"),
    ("今年", "2026-04-01", "2026-05-15", "今年度"),
    ("年度初めから", "2026-04-01", "2026-05-15", "今年度から"),
    ("これまでの欠席", "2026-04-01", "2026-05-15", "今年度"),
    ("昨年度", "2025-04-01", "2026-03-31", "昨年度"),
    ("去年", "2025-04-01", "2026-03-31", "昨年度"),
    ("2025年度", "2025-04-01", "2026-03-31", "2025年度"),
    ("令和7年度", "2025-04-01", "2026-03-31", "2025年度"),
    ("2025年", "2025-01-01", "2025-12-31", "2025年"),
    ("今年度の5月", "2026-05-01", "2026-05-15", "5月"),
    ("先週5/8の欠席", "2026-05-08", "2026-05-08", "5月8日"),
    ("今日、今朝の気分", "2026-05-15", "2026-05-15", "今日"),
    ("4-2、5月の欠席", "2026-05-01", "2026-05-15", "5月"),
]
ENGLISH = [
    ("Who hasn't checked in today?", "2026-05-15", "2026-05-15", "today"),
    ("yesterday's reflections", "2026-05-14", "2026-05-14", "yesterday"),
    ("the day before yesterday", "2026-05-13", "2026-05-13", "the day before yesterday"),
    ("this week so far", "2026-05-11", "2026-05-15", "this week"),
    ("reflections from last week", "2026-05-04", "2026-05-10", "last week"),
    ("the week before last", "2026-04-27", "2026-05-03", "the week before last"),
    ("last Friday", "2026-05-08", "2026-05-08", "Friday, May 8"),
    ("Friday of last week", "2026-05-08", "2026-05-08", "Friday, May 8"),
    ("on Monday", "2026-05-11", "2026-05-11", "Monday, May 11"),
    ("this Monday", "2026-05-11", "2026-05-11", "Monday, May 11"),
    ("this month", "2026-05-01", "2026-05-15", "this month"),
    ("last month", "2026-04-01", "2026-04-30", "last month"),
    ("absences in May", "2026-05-01", "2026-05-15", "May"),
    ("May's attendance", "2026-05-01", "2026-05-15", "May"),
    ("April absences", "2026-04-01", "2026-04-30", "April"),
    ("in December", "2025-12-01", "2025-12-31", "December 2025"),
    ("last May", "2025-05-01", "2025-05-31", "May 2025"),
    ("May of last year", "2025-05-01", "2025-05-31", "May 2025"),
    ("February of last school year", "2026-02-01", "2026-02-28", "February"),
    ("early May", "2026-05-01", "2026-05-10", "early May"),
    ("mid-May", "2026-05-11", "2026-05-15", "mid-May"),
    ("late April", "2026-04-21", "2026-04-30", "late April"),
    ("on May 10", "2026-05-10", "2026-05-10", "May 10"),
    ("10 May", "2026-05-10", "2026-05-10", "May 10"),
    ("the 10th of May", "2026-05-10", "2026-05-10", "May 10"),
    ("May 8, 2026", "2026-05-08", "2026-05-08", "May 8, 2026"),
    ("Friday, May 8", "2026-05-08", "2026-05-08", "May 8"),
    ("5/10", "2026-05-10", "2026-05-10", "May 10"),
    ("5/10/2026", "2026-05-10", "2026-05-10", "May 10, 2026"),
    ("2026-05-10", "2026-05-10", "2026-05-10", "May 10, 2026"),
    ("May 1st to 10th", "2026-05-01", "2026-05-10", "May 1–10"),
    ("May 10–20", "2026-05-10", "2026-05-15", "May 10–15"),
    ("from May 1 to May 10", "2026-05-01", "2026-05-10", "May 1–10"),
    ("between April 28 and May 10", "2026-04-28", "2026-05-10", "April 28–May 10"),
    ("5/1-5/10", "2026-05-01", "2026-05-10", "May 1–10"),
    ("between April and May", "2026-04-01", "2026-05-15", "April–May"),
    ("Monday to Wednesday", "2026-05-11", "2026-05-13", "May 11–13"),
    ("since April", "2026-04-01", "2026-05-15", "since April"),
    ("since the start of the school year", "2026-04-01", "2026-05-15", "since this school year"),
    ("since the start of April", "2026-04-01", "2026-05-15", "since April"),
    ("from April onwards", "2026-04-01", "2026-05-15", "since April"),
    ("since Monday", "2026-05-11", "2026-05-15", "since Monday, May 11"),
    ("the past 2 weeks", "2026-05-02", "2026-05-15", "the last 2 weeks"),
    ("last two weeks", "2026-05-02", "2026-05-15", "the last 2 weeks"),
    ("last 10 days", "2026-05-06", "2026-05-15", "the last 10 days"),
    ("past month", "2026-04-16", "2026-05-15", "the past month"),
    ("lately", "2026-05-02", "2026-05-15", "the last 2 weeks"),
    ("three days ago", "2026-05-12", "2026-05-12", "May 12"),
    ("two weeks ago", "2026-04-27", "2026-05-03", "April 27–May 3"),
    ("this term", "2026-04-01", "2026-05-15", "term 1"),
    ("last term", "2026-01-01", "2026-03-31", "term 3 of the 2025 school year"),
    ("the first term", "2026-04-01", "2026-05-15", "term 1"),
    ("term 2", "2025-09-01", "2025-12-31", "term 2 of the 2025 school year"),
    ("first semester", "2026-04-01", "2026-05-15", "first semester"),
    ("second semester", "2025-10-01", "2026-03-31", "second semester of the 2025 school year"),
    ("this school year", "2026-04-01", "2026-05-15", "this school year"),
    ("last school year", "2025-04-01", "2026-03-31", "last school year"),
    ("the 2024-25 school year", "2024-04-01", "2025-03-31", "the 2024 school year"),
    ("in 2025", "2025-01-01", "2025-12-31", "2025"),
]
OTHER_DAYS = [
    ("2026-01-01", "今週", "2025-12-29", "2026-01-01", "今週"),
    ("2026-01-01", "昨日", "2025-12-31", "2025-12-31", "昨日"),
    ("2026-01-01", "先月", "2025-12-01", "2025-12-31", "先月"),
    ("2026-01-01", "今年", "2025-04-01", "2026-01-01", "今年度"),
    ("2026-01-01", "今学期", "2026-01-01", "2026-01-01", "3学期"),
    ("2026-01-01", "先学期", "2025-09-01", "2025-12-31", "2学期"),
    ("2026-01-01", "12月", "2025-12-01", "2025-12-31", "2025年12月"),
    ("2026-01-01", "去年の5月", "2025-05-01", "2025-05-31", "2025年5月"),
    ("2026-01-01", "昨年度の5月", "2024-05-01", "2024-05-31", "2024年5月"),
    ("2026-04-01", "今年度", "2026-04-01", "2026-04-01", "今年度"),
    ("2026-04-01", "昨年度", "2025-04-01", "2026-03-31", "昨年度"),
    ("2026-04-01", "1学期", "2026-04-01", "2026-04-01", "1学期"),
    ("2026-04-01", "先々月", "2026-02-01", "2026-02-28", "先々月"),
    ("2026-03-31", "今年度", "2025-04-01", "2026-03-31", "今年度"),
    ("2026-03-31", "1学期", "2025-04-01", "2025-08-31", "1学期"),
    ("2026-03-31", "3学期", "2026-01-01", "2026-03-31", "3学期"),
    ("2026-03-31", "後期", "2025-10-01", "2026-03-31", "後期"),
    ("2026-03-31", "過去1か月", "2026-03-01", "2026-03-31", "この1か月"),
    ("2024-02-29", "2月29日", "2024-02-29", "2024-02-29", "2月29日"),
    ("2024-02-29", "直近1年", "2023-03-01", "2024-02-29", "この1年"),
    ("2024-02-29", "1か月前", "2024-01-01", "2024-01-31", "1月"),
    ("2024-02-29", "2月下旬", "2024-02-21", "2024-02-29", "2月下旬"),
    ("2026-05-12", "月曜から水曜まで", "2026-05-11", "2026-05-12", "5月11日〜5月12日"),
    ("2026-05-12", "水曜から金曜まで", "2026-05-06", "2026-05-08", "5月6日〜5月8日"),
    ("2026-05-11", "金曜に出した子", "2026-05-08", "2026-05-08", "5月8日(金)"),
    ("2026-05-17", "今週", "2026-05-11", "2026-05-17", "今週"),
    ("2026-11-21", "last May", "2026-05-01", "2026-05-31", "May"),
]


@pytest.mark.parametrize(("text", "start", "end", "label"), JAPANESE + ENGLISH)
def test_a_period_is_found_with_its_days_and_its_name(text: str, start: str, end: str, label: str):
    found = find(text)
    assert days(found) == [(start, end, label)]
    assert not found.future


@pytest.mark.parametrize(("today", "text", "start", "end", "label"), OTHER_DAYS)
def test_the_turn_of_a_week_a_year_and_a_school_year(today: str, text: str, start: str, end: str, label: str):
    assert days(find(text, date.fromisoformat(today))) == [(start, end, label)]


@pytest.mark.parametrize(
    "text",
    [
        # names, classes, thresholds and how often
        *(
            "五月さんの欠席",
            "今日子さんの気分",
            "明日香さんの気分",
            "きょうこさんは",
            "4-2の提出率",
            "5年の欠席",
            "5年2組",
        ),
        *(
            "この5年生は",
            "ここ4年2組の子は",
            "提出率が1/2以下の子",
            "10/20点",
            "3/4が出した",
            "3回以上",
            "10人",
            "1か月",
        ),
        *("3日以上欠席した子", "欠席が3日の子", "10日欠席した子", "2週間連続", "ここ3日連続", "1日平均", "1日3時間"),
        # each and every
        *(
            "月別の提出率",
            "日ごとの提出率",
            "曜日別",
            "学期ごと",
            "毎週月曜に送って",
            "毎週の月曜",
            "各月曜",
            "月曜ごと",
        ),
        # days that are not defined, or turned into others
        *(
            "平日の欠席",
            "土日",
            "夏休み明け",
            "5月末",
            "先週末",
            "学期末テスト",
            "数日前",
            "半年",
            "去年の今頃",
            "昨年同期",
        ),
        *(
            "昨日以外",
            "今日以前",
            "昨日まで",
            "5月10日まで",
            "5月の月曜",
            "先週の今日",
            "4、5月",
            "1・2学期",
            "3日から5日休んだ",
        ),
        # other words
        *(
            "べんきょうの時間",
            "じょうきょうは",
            "きょうかごとの",
            "えいごがつらい子",
            "5月生まれの子",
            "五月病",
            "前年比",
        ),
        *(
            "May I see the check-ins?",
            "it may be late",
            "who may have missed it",
            "may 5th graders check in",
            "they march",
        ),
        *(
            "second grade",
            "class 4-2",
            "year 4",
            "grade 5",
            "10 students",
            "less than 1/2",
            "1/2 of the class",
            "so far",
        ),
        *("on Sundays", "every Monday", "each Friday", "3 days in a row", "last 3 days in a row", "more than 3 days"),
        *("by Friday", "before May", "until yesterday", "except Monday", "end of May", "last weekend", "from Monday"),
        *("this time last year", "same week last year", "the most recent test", "Monday in May", "first week of May"),
        *("the last week of May", "the last 2 weeks of April", "last week in April", "last Friday of May"),
    ],
)
def test_what_is_no_certain_period_is_left_alone(text: str):
    assert find(text) == FoundPeriods()
    assert unexplained(text) == Reader(text).surface


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2月30日の欠席", "2月30日"),
        ("13月5日", "13月5日"),
        ("2025年2月29日", "2025年2月29日"),
        ("2026-02-30", "2026-02-30"),
        ("5月10日(金)の欠席", "5月10日(金)"),
        ("5月20日から10日", "5月20日から10日"),
        ("20日から10日まで", "20日から10日まで"),
        ("5月20日から5月10日まで", "5月20日から5月10日まで"),
        ("今週から先週", "今週から先週"),
        ("absent on February 30", "February 30"),
        ("May 20 to May 10", "May 20 to May 10"),
    ],
)
def test_a_day_that_does_not_exist_is_named_as_it_was_said(text: str, said: str):
    assert find(text) == FoundPeriods(impossible=said)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "明日",
            "あした",
            "あさって",
            "来週",
            "来週の月曜",
            "来月",
            "来学期",
            "来年度",
            "今週の土曜",
            "今年の12月",
            "2026年12月1日",
        ),
        *("明日の朝", "来週から", "tomorrow", "next week", "next Monday", "next month", "next May", "next term"),
        *("December 1, 2026", "from next Monday to next Friday"),
    ],
)
def test_days_to_come_are_marked(text: str):
    found = find(text)
    assert found.future
    assert found.periods[0].start > FRIDAY


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("先週と今週", ["先週", "今週"]),
        ("今週の提出率を先週と比べて", ["今週", "先週"]),
        ("4月と5月", ["4月", "5月"]),
        ("1学期と3学期", ["1学期", "2025年度3学期"]),
        ("昨日と今日", ["昨日", "今日"]),
        ("compare last week with this week", ["last week", "this week"]),
        ("April vs May", ["April", "May"]),
    ],
)
def test_two_periods_stay_in_the_order_of_the_text(text: str, labels: list[str]):
    assert [period.label for period in find(text).periods] == labels


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("先週の金曜までの欠席", "先週の金曜までの欠席"),
        ("5月10日から20日までの欠席", "の欠席"),
        ("先週分のふりかえり", "のふりかえり"),
        ("5月の第2週", "の第2週"),
        ("5月の1週間", "の1週間"),
        ("1〜2学期", "1〜2学期"),
        ("5月10日と11日", "と11日"),
        ("so far this week", ""),
        ("since Monday?", "?"),
        ("yesterday's goals", " goals"),
    ],
)
def test_only_the_words_of_the_period_are_claimed(text: str, left: str):
    assert unexplained(text) == left


def test_words_that_another_rule_has_explained_name_no_days():
    reader = Reader("五月の今週の欠席")
    reader.explained.update(range(2))
    assert [period.label for period in find_periods(reader, "ja", NOBODY, FRIDAY).periods] == ["今週"]


def test_a_child_named_like_a_month_or_a_day_is_no_period():
    student = StudentName(
        id="s1",
        family_name="五月",
        given_name="今日香",
        kana_family_name="サツキ",
        kana_given_name="キョウカ",
        class_id=None,
        class_title=None,
        number=None,
        mine=True,
    )
    school = replace(NOBODY, students=(student, replace(student, family_name="Ono", given_name="April")))
    for text in ("五月さんの欠席", "今日香の気分", "april's absences"):
        assert find(text, vocabulary=school) == FoundPeriods()
    for text, label in (("五月の欠席", "5月"), ("五月さんの五月の遅刻", "5月")):
        assert [period.label for period in find(text, vocabulary=school).periods] == [label]
    assert days(find("今日の5月生", vocabulary=school)) == days(find("今日の5月生"))


def test_terms_are_those_of_the_roster():
    terms = (
        Term(title="第1学期", kind="term", start=date(2026, 4, 6), end=date(2026, 7, 20)),
        Term(title="Term 2", kind="term", start=date(2026, 8, 25), end=date(2026, 12, 25)),
        Term(title="夏期講習", kind="term", start=date(2026, 7, 25), end=date(2026, 7, 31)),
    )
    school = replace(NOBODY, terms=terms)
    autumn = date(2026, 11, 20)
    assert days(find("1学期", autumn, school)) == [("2026-04-06", "2026-07-20", "1学期")]
    assert days(find("今学期", autumn, school)) == [("2026-08-25", "2026-11-20", "2学期")]
    assert days(find("last term", autumn, school)) == [("2026-04-06", "2026-07-20", "term 1")]
    assert days(find("3学期", autumn, school)) == [("2026-01-01", "2026-03-31", "2025年度3学期")]
    assert days(find("第2学期", date(2026, 5, 15), school)) == [("2025-09-01", "2025-12-31", "2025年度2学期")]


def test_a_school_with_two_semesters_is_in_one_of_them():
    semesters = (
        Term(title="前期", kind="semester", start=date(2026, 4, 1), end=date(2026, 10, 9)),
        Term(title="後期", kind="semester", start=date(2026, 10, 13), end=date(2027, 3, 31)),
    )
    school = replace(NOBODY, terms=semesters)
    assert days(find("今学期", vocabulary=school)) == [("2026-04-01", "2026-05-15", "前期")]
    assert days(find("後期", date(2026, 11, 20), school)) == [("2026-10-13", "2026-11-20", "後期")]
    assert days(find("this semester", date(2026, 11, 20), school)) == [("2026-10-13", "2026-11-20", "second semester")]


@pytest.mark.parametrize(
    ("name", "language", "start", "label"),
    [
        ("today", "ja", date(2026, 5, 15), "今日"),
        ("this_week", "ja", date(2026, 5, 11), "今週"),
        ("school_year", "ja", date(2026, 4, 1), "今年度"),
        ("school_year", "en", date(2026, 4, 1), "this school year"),
        ("always", "ja", date(1900, 1, 1), "これまで"),
        ("always", "en", date(1900, 1, 1), "so far"),
    ],
)
def test_a_default_period_ends_today(name: str, language: str, start: date, label: str):
    assert named_period(name, language, FRIDAY) == Period(start=start, end=FRIDAY, label=label)


FRAGMENTS = [
    *(
        "5月",
        "2月",
        "30日",
        "10日",
        "5/10",
        "/",
        "-",
        "〜",
        "から",
        "まで",
        "の",
        "と",
        "先週",
        "今週",
        "金曜",
        "上旬",
        "去年",
    ),
    *(
        "2025年",
        "度",
        "3",
        "99",
        "二十",
        "日",
        "週間",
        "か月",
        "前",
        "ここ",
        "1学期",
        "前期",
        "以降",
        "令和",
        "8年",
        "(金)",
        "0",
    ),
    *(
        " may ",
        " 10",
        "th",
        " to ",
        " from ",
        " between ",
        " and ",
        " last ",
        " friday",
        " week",
        " 2 ",
        " days",
        " ago",
    ),
    *(
        " term ",
        " since ",
        " of ",
        " feb ",
        " 30",
        " 2024",
        "-02",
        " next ",
        " early ",
        " semester",
        " year",
        " school",
    ),
]


@given(
    text=st.one_of(st.text(), st.lists(st.sampled_from(FRAGMENTS), max_size=9).map("".join)),
    language=st.sampled_from(["ja", "en"]),
    today=st.dates(min_value=date(2001, 1, 1), max_value=date(2100, 12, 31)),
)
def test_any_text_gives_days_in_order_that_end_today_or_are_marked(text: str, language: str, today: date):
    found = find_periods(Reader(text), language, NOBODY, today)
    for period in found.periods:
        assert period.start <= period.end
        assert period.end <= today or period.start > today
    assert found.future == any(period.start > today for period in found.periods)
