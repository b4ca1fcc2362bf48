"""Questions for learning content, and what only sounds like one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.content import ContentRequest, find_comment, understand_content


def read(text: str) -> ContentRequest:
    request = understand_content(text)
    assert request is not None, text
    return request


@pytest.mark.parametrize(
    ("text", "topic", "subject", "grade", "kind"),
    [
        ("分数の動画ある？", "分数", None, None, "video"),
        ("ぶんすうの どうが ある？", "ぶんすう", None, None, "video"),
        ("かけ算のドリルは？", "かけ算", None, None, "drill"),
        ("5年の理科の資料動画", None, "理科", "5", None),
        ("小5の理科の動画", None, "理科", "P5", "video"),
        ("中学2年の英語の教材を探して", None, "英語", "J2", None),
        ("社会の都道府県のクイズある？", "都道府県", "社会", None, "quiz"),
        ("算数の動画見せて", None, "算数", None, "video"),
        ("動画で分数を勉強したい", "分数", None, None, "video"),
        ("分数が分かる動画ありますか", "分数", None, None, "video"),
        ("おすすめの教材は？", None, None, None, None),
        ("情報モラルの教材はどこにある？", "情報モラル", None, None, None),
        ("Any videos about fractions?", "fractions", None, None, "video"),
        ("Are there any drills for multiplication?", "multiplication", None, None, "drill"),
        ("do you have science videos for grade 5", None, "理科", "5", "video"),
        ("fraction videos?", "fraction", None, None, "video"),
    ],
)
def test_a_question_for_content_says_what_is_looked_for(
    text: str, topic: str | None, subject: str | None, grade: str | None, kind: str | None
) -> None:
    request = read(text)
    assert (request.topics[:1] or (None,))[0] == topic
    assert (request.subject, request.grade, request.kind) == (subject, grade, kind)


def test_a_topic_in_english_is_looked_for_in_japanese_too() -> None:
    assert read("Any videos about fractions?").topics == ("fractions", "分数")


@pytest.mark.parametrize(
    "text", ["つぎは何をやればいい？", "次は何を勉強したらいい？", "わたしに合う教材は？", "What should I do next?"]
)
def test_what_to_do_next(text: str) -> None:
    assert read(text).is_next


@pytest.mark.parametrize(
    ("text", "whom"),
    [
        ("佐藤花さんに合う教材は？", "佐藤花さん"),
        ("4年2組に合う動画を教えて", "4年2組"),
        ("What materials would suit Hana?", "hana"),
    ],
)
def test_whom_it_is_to_fit(text: str, whom: str) -> None:
    assert read(text).whom == whom


@pytest.mark.parametrize(
    "text",
    [
        "",
        "動画",
        "ドリルをがんばる",
        "ドリルを3ページやる",
        "ドリルを10問やった",
        "動画を見た",
        "理科の動画を見る",
        "分数の動画がよかった",
        "今日はドリルの日？",
        "ドリルの正答率は？",
        "ドリルをやっていない子は？",
        "ドリルはいつまで？",
        "タブレットのドリルが開かないときはどうする？",
        "動画を見てもいいですか？",
        "動画は何分まで見ていい？",
        "教材費はいくら？",
        "教材の選び方のルールは？",
        "プログラミング教室はいつ？",
        "毎朝ドリルをするようにリマインドして",
        "What is the correct rate of drills?",
        "Which videos did you like?",
        "I watched a video about fractions.",
    ],
)
def test_what_only_speaks_of_content_asks_for_none(text: str) -> None:
    assert understand_content(text) is None


@pytest.mark.parametrize("text", ["分数の動画", "5年の理科の資料動画"])
def test_a_bare_wish_may_be_an_answer_to_something_else(text: str) -> None:
    assert not read(text).asks


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        ("コメント：図がよかった", "図がよかった"),
        ("こめんと: 二行の\nコメント", "二行の\nコメント"),
        ("Comment: it helped", "it helped"),
        ("コメントを書きたい", None),
        ("コメント：", None),
    ],
)
def test_a_comment_keeps_its_writers_words(text: str, comment: str | None) -> None:
    assert find_comment(text) == comment


@given(st.text(max_size=200))
def test_any_text_is_read_without_harm(text: str) -> None:
    request = understand_content(text)
    assert request is None or request.is_next or request.to_json()["topic"] != ""
    assert find_comment(text) is None or find_comment(text)
