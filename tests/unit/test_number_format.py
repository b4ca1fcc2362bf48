"""Numbers and days of a workbook as people see them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest

from knowledge.documents.reading.number_format import shown_moment, shown_number


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        (3.0, "General", "3"),
        (0.1 + 0.2, "General", "0.3"),
        (9784000000001, "General", "9784000000001"),
        (float("inf"), "0.00", "inf"),
        (312345678, "0000000000", "0312345678"),
        (312345678, "00-0000-0000", "03-1234-5678"),
        (9012345678, "0##-####-####", "090-1234-5678"),
        (1234567, "[<=999]000;[<=9999]000-00;000-0000", "123-4567"),
        (0.1234, "0.0%", "12.3%"),
        (12000, '"¥"#,##0', "¥12,000"),
        (12000, "[$¥-411]#,##0", "¥12,000"),
        (1234567, '#,##0"円"', "1,234,567円"),
        (1234567, '#,##0,"千円"', "1,235千円"),
        (-1234.5, "#,##0.00;[Red]-#,##0.00", "-1,234.50"),
        (-5, "#,##0_);(#,##0)", "(5)"),
        (-3, '0;"▲"0', "▲3"),
        (0, '0;-0;"なし"', "なし"),
        (5, ";;;", ""),
        (0.5, "#,##0.0##", "0.5"),
        (2.5, "0", "3"),
        (5, 'General"人"', "5人"),
        (5, "@", "5"),
        (1.5, "# ?/?", "1.5"),
        (1e300, "0.00", "1" + "0" * 300 + ".00"),
    ],
)
def test_a_number_is_as_its_format_shows_it(value: float, number_format: str, shown: str) -> None:
    assert shown_number(value, number_format) == shown


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        (date(2026, 4, 8), "yyyy-mm-dd", "2026-04-08"),
        (date(2026, 4, 8), "General", "2026-04-08"),
        (date(2026, 4, 8), "mm-dd-yy", "2026/4/8"),
        (date(2026, 4, 8), 'm"月"d"日"', "4月8日"),
        (date(2026, 4, 8), "m/d(aaa)", "4/8(水)"),
        (date(2026, 4, 8), '[$-411]ggge"年"m"月"d"日"', "令和8年4月8日"),
        (date(1989, 1, 7), "[$-411]ge.m.d", "S64.1.7"),
        (date(2026, 4, 8), "[$-F800]dddd, mmmm dd, yyyy", "2026年4月8日"),
        (date(2026, 4, 8), "d-mmm-yy", "8-Apr-26"),
        (datetime.combine(date(2026, 5, 9), time(9, 30)), "yyyy/m/d h:mm", "2026/5/9 9:30"),
        (time(9, 5, 7), "mm:ss", "05:07"),
        (time(12, 5), "h:mm AM/PM", "12:05 PM"),
        (time(9, 5), 'h"時"mm"分"', "9時05分"),
        (timedelta(hours=30, minutes=5), "[h]:mm", "30:05"),
    ],
)
def test_a_day_or_a_time_is_as_its_format_shows_it(
    value: datetime | date | time | timedelta, number_format: str, shown: str
) -> None:
    assert shown_moment(value, number_format) == shown
