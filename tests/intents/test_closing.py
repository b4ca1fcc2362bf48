"""What people say about closures, and what sounds like it and is something else."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from intents.closing import Act, Trouble, understand_closing
from intents.menus import MenuEntry, understand_menu
from tests.intents.asking import ASKERS, TOKYO

NOW = datetime(2026, 5, 12, 15, tzinfo=TOKYO)  # a Tuesday
PRINCIPAL = ASKERS["principal"]


def day(number: int) -> date:
    return date(2026, 5, number)


@pytest.mark.parametrize(
    ("text", "whom", "first", "last", "reason"),
    [
        ("明日は休校", (), day(13), day(13), ""),
        ("あしたは臨時休校（台風）", (), day(13), day(13), "台風"),
        ("台風のため、明日は臨時休校にします。", (), day(13), day(13), "台風"),
        ("5年生は明日から金曜まで学年閉鎖", ("c51", "c52"), day(13), day(15), ""),
        ("4年2組を今日から学級閉鎖", ("c42",), day(12), None, ""),
        ("インフルエンザで4年2組を今日から3日間学級閉鎖", ("c42",), day(12), day(14), "インフルエンザ"),
        ("5/14から5/15まで休校", (), day(14), day(15), ""),
        ("5月14日から15日まで休校にします", (), day(14), day(15), ""),
        ("来週いっぱい休校", (), day(18), day(22), ""),
        ("休校にする", (), None, None, ""),
        ("明日から当分の間休校", (), day(13), None, ""),
        ("School is closed tomorrow because of the typhoon", (), day(13), day(13), "typhoon"),
        ("Grade 5 is closed from tomorrow until Friday", ("c51", "c52"), day(13), day(15), ""),
        ("Close class 4-2 from today for 3 days (flu)", ("c42",), day(12), day(14), "flu"),
    ],
)
def test_a_closure_is_declared(
    text: str, whom: tuple[str, ...], first: date | None, last: date | None, reason: str
) -> None:
    reading = understand_closing(text, PRINCIPAL, NOW)
    assert reading is not None and reading.act is Act.DECLARE and reading.trouble is None
    assert (reading.class_ids, reading.first, reading.last, reading.reason) == (whom, first, last, reason)


@pytest.mark.parametrize(
    "text", ["緊急モード", "明日からオンライン学習にする", "emergency mode", "Online learning from tomorrow"]
)
def test_learning_may_go_on_at_home(text: str) -> None:
    reading = understand_closing(text, PRINCIPAL, NOW)
    assert reading is not None and reading.act is Act.DECLARE and reading.is_remote


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("明日は休校?", Act.ASK),
        ("明日は休校ですか", Act.ASK),
        ("明日学校ある？", Act.ASK),
        ("あしたはやすみ？", Act.ASK),
        ("明日は学校？", Act.ASK),
        ("昨日は休校だった？", Act.ASK),
        ("Is there school tomorrow?", Act.ASK),
        ("Is school closed tomorrow?", Act.ASK),
        ("休校を終わる", Act.END),
        ("学級閉鎖を解除", Act.END),
        ("明日から学校を再開", Act.END),
        ("end the closure", Act.END),
        ("安否は？", Act.SAFETY),
        ("How is the safety check?", Act.SAFETY),
        ("まだ答えていない子は?", Act.WAITING),
        ("4年2組の活動の記録", Act.ACTIVITY),
        ("活動のきろく", Act.ACTIVITY),
    ],
)
def test_other_words_about_closures(text: str, act: Act) -> None:
    reading = understand_closing(text, PRINCIPAL, NOW)
    assert reading is not None and reading.act is act


@pytest.mark.parametrize(
    "text",
    [
        "今日の提出率は?",
        "休校中の提出率は?",
        "今日休みの子は?",
        "明日は休校だと5年生に送って",
        "休みたい",
        "学校に行きたくない",
        "学校行けない",
        "閉鎖的な雰囲気が気になる",
        "昨日の休校のあと佐藤さんの様子は?",
        "休校の連絡は何時までですか?",
        "",
    ],
)
def test_what_sounds_like_it_is_left_to_others(text: str) -> None:
    assert understand_closing(text, PRINCIPAL, NOW) is None


@pytest.mark.parametrize(
    ("text", "trouble", "said"),
    [
        ("昨日は休校", Trouble.PAST, ""),
        ("金曜から木曜まで休校", None, ""),
        ("5/15から5/13まで休校", Trouble.ORDER, ""),
        ("13月40日は休校", Trouble.DATE, "13月40日"),
        ("9年7組を今日から学級閉鎖", Trouble.WHOM, "9年7組"),
    ],
)
def test_what_cannot_be_is_said(text: str, trouble: Trouble | None, said: str) -> None:
    reading = understand_closing(text, PRINCIPAL, NOW)
    assert reading is not None and (reading.trouble, reading.said) == (trouble, said)


def test_a_closed_class_needs_its_name() -> None:
    reading = understand_closing("明日から学級閉鎖にします", PRINCIPAL, NOW)
    assert reading is not None and reading.needs == "class"


def test_a_menu_is_read_line_by_line_and_what_cannot_be_read_is_named() -> None:
    lines = ("算数 ドリル p.20", "国語 動画 https://example.jp/a?b=1", "理科 生配信 10時半 https://example.jp/r")
    text = "\n".join(["5年生の学習メニュー 5/14", *lines, "体操する", "社会 生配信"])
    reading = understand_menu(text, PRINCIPAL, NOW)
    assert reading is not None
    assert (reading.class_ids, reading.day) == (("c51", "c52"), day(14))
    assert reading.entries == (
        MenuEntry(subject="算数", kind="drill", title="p.20", url=None, at=None),
        MenuEntry(subject="国語", kind="video", title="", url="https://example.jp/a?b=1", at=None),
        MenuEntry(subject="理科", kind="live", title="", url="https://example.jp/r", at="10:30"),
    )
    assert reading.unread == ("体操する", "社会 生配信")


@pytest.mark.parametrize("text", ["学習メニュー", "今日の学習メニューは?", "5年生の学習時間は?\n算数 ドリル p.20"])
def test_what_is_no_menu_is_none(text: str) -> None:
    assert understand_menu(text, PRINCIPAL, NOW) is None
