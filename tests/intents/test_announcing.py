"""Questions about announcements are told from questions about data, and from each other."""

import pytest

from intents.announcing import Wanted, asks_to_see, find_results, read_word

SCHOOL = "夏のプログラミング教室に来たいですか"
SCHOOL_EN = "Do you want to come to the summer programming school?"
MISSING, RESULTS, WILLING, SAID = Wanted.MISSING, Wanted.RESULTS, Wanted.WILLING, Wanted.SAID


@pytest.mark.parametrize(
    ("text", "wanted", "is_sure"),
    [
        ("誰がまだ答えていない？", MISSING, False),
        ("まだ答えていない子は？", MISSING, False),
        ("まだ返事をしていない人は", MISSING, False),
        ("未回答の人は？", MISSING, False),
        ("アンケートにまだ答えていない人は？", MISSING, True),
        ("アンケートに誰が答えていない？", MISSING, True),
        ("プログラミング教室に返事していない子は？", MISSING, False),
        ("アンケートの結果は？", RESULTS, True),
        ("アンケートの結果を見せてください", RESULTS, True),
        ("お知らせの返事は？", RESULTS, True),
        ("プログラミング教室の返事は？", RESULTS, False),
        ("プログラミング教室のアンケートの結果を教えて", RESULTS, True),
        ("来たい人は？", WILLING, False),
        ("来たい子は何人？", WILLING, False),
        ("誰が来たいの？", WILLING, False),
        ("プログラミング教室に来たい人は？", WILLING, False),
        ("プログラミング教室の希望者は？", WILLING, False),
        ("はいと答えた人は？", SAID, False),
        ("いいえの人は？", SAID, False),
    ],
)
def test_a_question_about_the_announcement_is_understood(text: str, wanted: Wanted, is_sure: bool) -> None:
    found = find_results(text)
    assert found is not None and (found.wanted, found.is_sure) == (wanted, is_sure)
    assert found.fits(SCHOOL)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Who hasn't answered yet?", MISSING),
        ("Who hasn't replied to the programming school?", MISSING),
        ("Who has not answered the survey?", MISSING),
        ("survey results", RESULTS),
        ("show me the results of the survey", RESULTS),
        ("What did they answer?", RESULTS),
        ("replies to the programming school", RESULTS),
        ("Who wants to come?", WILLING),
        ("How many students want to come?", WILLING),
        ("Who said yes?", SAID),
    ],
)
def test_in_english_too(text: str, wanted: Wanted) -> None:
    found = find_results(text)
    assert found is not None and found.wanted is wanted and found.fits(SCHOOL_EN)


@pytest.mark.parametrize(
    "text",
    [
        "今日まだふりかえりを出していない子は？",
        "誰がまだチェックインしていない？",
        "返事していないふりかえりは？",
        "話したい子は？",
        "正答率が低い子は？",
        "佐藤さんの今週の様子",
        "Who has not reflected this week?",
        "Who wants to talk?",
        "",
    ],
)
def test_a_question_about_data_is_none(text: str) -> None:
    assert find_results(text) is None


@pytest.mark.parametrize(
    ("text", "announced"),
    [
        ("今日休んでいる子は？", "今日の放課後、残れますか"),
        ("保健室によく行く子は？", "保健室のそうじに来られますか"),
        ("今日の出欠を教えて", "今日の写真をのせてもいいですか"),
        ("来る人は？", "来週の遠足、お弁当はいりますか"),
        ("学力調査の結果は？", SCHOOL),
        ("自信がある子は？", SCHOOL),
    ],
)
def test_words_about_something_else_fit_no_announcement(text: str, announced: str) -> None:
    found = find_results(text)
    assert found is None or not found.fits(announced)


def test_the_answer_that_is_named_is_kept() -> None:
    found = find_results("木曜日を選んだ人は？")
    assert found is not None and found.answer == "木曜日"


@pytest.mark.parametrize(
    ("text", "value"),
    [("はい！", "yes"), ("ﾊｲ", "yes"), ("Yes", "yes"), ("いいえ。", "no"), ("ぶじです", "ok"), ("たすけて", "help")],
)
def test_words_for_answers_are_read_whatever_their_spelling(text: str, value: str) -> None:
    assert read_word(text, value)


@pytest.mark.parametrize("text", ["はい、でも", "はいしゃ", "", "了解"])
def test_other_words_are_no_yes(text: str) -> None:
    assert not read_word(text, "yes")


def test_oshirase_shows_what_waits() -> None:
    assert asks_to_see("おしらせ") and asks_to_see("announcements") and not asks_to_see("お知らせします")
