"""Kanji above the grade become kana or carry ruby; everything else stays to the letter."""

import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from assistant.wording import grade_fit
from assistant.wording.grade_fit import Run, fit, to_kana, to_ruby

PREFECTURES = "茨媛岡潟岐熊香佐埼崎滋鹿縄井沖栃奈梨阪阜"
GRADES = [
    f"{school}{year}" for school, years in {"E": 3, "P": 6, "J": 3, "H": 3}.items() for year in range(1, years + 1)
]
YOUNG = [grade for grade in GRADES if grade[0] in "EP"]
KANJI = re.compile("[一-鿿]")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


CASES: list[tuple[str, str, str]] = read(Path(__file__).with_name("grade_fit_cases.yaml"))
TABLE: dict[str, str] = read(Path(grade_fit.__file__).with_name("kyoiku_kanji.yaml"))
READINGS: dict[str, Any] = read(Path(grade_fit.__file__).with_name("readings.yaml"))
# 彁 has no reading in any dictionary, so its sentence keeps it
sentences = st.sampled_from([text for text, _, _ in CASES if text != "彁"])
pages = st.lists(sentences, max_size=5).map("\n".join)
# anything a chat may bring: words, kana, rare kanji, signs and joined emoji, in any order
scraps = st.one_of(
    sentences, st.text(max_size=8), st.text("達成々一日人方分何々ヶァー〇1２ &<>\n𠮷鬱👨‍👩‍👧", max_size=8)
)
anything = st.lists(scraps, max_size=5).map("".join)


@pytest.mark.parametrize(("text", "grade", "expected"), CASES)
def test_a_child_reads_what_the_grade_has_taught(text: str, grade: str, expected: str):
    assert to_kana(text, grade) == expected


def test_the_table_has_every_kanji_of_the_curriculum_once():
    assert [len(TABLE[f"P{year}"]) for year in range(1, 7)] == [80, 160, 200, 202, 193, 191]
    assert len(set("".join(TABLE.values()))) == 1026


def test_the_kanji_of_prefecture_names_belong_to_grade_four():
    assert set(PREFECTURES) <= set(TABLE["P4"])


@pytest.mark.parametrize(("word", "kana"), [(word, kana) for word, kana in READINGS.items() if isinstance(kana, str)])
def test_every_corrected_reading_is_used(word: str, kana: str):
    assert to_kana(word, "E1") == kana


def test_a_run_is_the_kanji_of_one_word_without_its_okurigana():
    assert fit("計画を話す。", "P1") == (
        Run(text="計画", reading="けいかく"),
        Run(text="を", reading=None),
        Run(text="話", reading="はな"),
        Run(text="す。", reading=None),
    )


def test_a_word_with_one_kanji_above_the_grade_becomes_kana_as_a_whole():
    assert to_kana("達成", "P3") == "たっせい"  # both are grade 4
    assert to_kana("自信", "P3") == "じしん"  # 自 is grade 2, 信 grade 4


def test_ruby_stands_over_the_kanji_above_the_grade_only():
    assert to_ruby("算数の計算を話す", "P2") == "算数の計算を話す"
    assert to_ruby("目標を話す", "P2") == "<ruby>目標<rp>(</rp><rt>もくひょう</rt><rp>)</rp></ruby>を話す"


@pytest.mark.parametrize("grade", ["P1", "J1", None])
def test_ruby_is_safe_html_whatever_a_child_typed(grade: str | None):
    html = to_ruby('<script>目標 & "夢"</script>', grade)
    assert html.startswith("&lt;script&gt;")
    assert "&amp;" in html
    assert '"' not in html
    assert escape(html) == html  # a page template takes it as it is


@pytest.mark.parametrize("grade", [None, "J1", "J2", "J3", "H1", "H2", "H3"])
def test_adults_and_older_students_read_the_text_as_it_was_written(grade: str | None):
    assert fit("憂鬱な気分", grade) == (Run(text="憂鬱な気分", reading=None),)


@pytest.mark.parametrize("grade", [*GRADES, None])
def test_an_empty_text_has_no_runs(grade: str | None):
    assert fit("", grade) == ()
    assert to_kana("", grade) == to_ruby("", grade) == ""


@pytest.mark.parametrize("grade", ["P0", "P7", "J4", "E0", "p1", "P", "", "teacher"])
def test_a_grade_that_does_not_exist_is_refused(grade: str):
    with pytest.raises(ValueError, match="no such grade"):
        fit("今日", grade)


def test_threads_do_not_disturb_each_other():
    texts = [text for text, _, _ in CASES] * 4
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(fit, texts, ["P1"] * len(texts))) == [fit(text, "P1") for text in texts]


@given(anything, st.sampled_from([*GRADES, None]))
def test_joined_runs_are_the_text(text: str, grade: str | None):
    assert "".join(run.text for run in fit(text, grade)) == text


@given(anything, st.sampled_from(YOUNG))
def test_a_reading_has_no_kanji(text: str, grade: str):
    assert not any(KANJI.search(run.reading) for run in fit(text, grade) if run.reading)


@given(pages, st.sampled_from(YOUNG))
def test_no_kanji_above_the_grade_is_left(text: str, grade: str):
    taught = "".join(kanji for year, kanji in TABLE.items() if grade[0] == "P" and year <= grade)
    assert set(KANJI.findall(to_kana(text, grade))) <= set(taught)


@given(st.text("あいうえおがぱゃっんアカヴョー、。！ \n1aé😀"), st.sampled_from(GRADES))
def test_kana_figures_and_signs_stay(text: str, grade: str):
    assert to_kana(text, grade) == text


@given(pages, st.sampled_from(YOUNG))
def test_a_fitted_text_fits(text: str, grade: str):
    once = to_kana(text, grade)
    assert to_kana(once, grade) == once


@given(anything, st.sampled_from([*GRADES, None]))
def test_ruby_taken_away_leaves_the_text(text: str, grade: str | None):
    bare = re.sub("<rp>.*?</ruby>|<ruby>", "", to_ruby(text, grade))
    assert unescape(bare) == text
