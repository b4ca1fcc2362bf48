"""What staff write about alerts is told from everything else they write."""

import pytest

from intents.alerting import AboutAlert, Alerting, find_alerting

LIST, SEEN, ADDRESSED, NO = Alerting.LIST, Alerting.SEEN, Alerting.ADDRESSED, Alerting.NOT_A_CONCERN


@pytest.mark.parametrize(
    ("text", "what", "name"),
    [
        ("アラート一覧", LIST, None),
        ("アラートを見せて", LIST, None),
        ("ｱﾗｰﾄ", LIST, None),
        ("未対応のアラートはありますか？", LIST, None),
        ("見ました", SEEN, None),
        ("見ました。", SEEN, None),
        ("アラートを確認しました", SEEN, None),
        ("佐藤さんの件、見ました", SEEN, "佐藤"),
        ("佐藤さんのアラートを確認しました", SEEN, "佐藤"),
        ("対応しました！", ADDRESSED, None),
        ("対応済みです", ADDRESSED, None),
        ("この件は対応しました", ADDRESSED, None),
        ("花さんの件は対応しました", ADDRESSED, "花"),
        ("佐藤花さんに対応しました", ADDRESSED, "佐藤花"),
        ("心配なし", NO, None),
        ("心配ありません", NO, None),
        ("問題ありませんでした", NO, None),
        ("蓮くんのことは心配いりません", NO, "蓮"),
        ("Alerts", LIST, None),
        ("show me the open alerts", LIST, None),
        ("I've seen it", SEEN, None),
        ("Seen", SEEN, None),
        ("handled", ADDRESSED, None),
        ("addressed Sato", ADDRESSED, "Sato"),
        ("dealt with Hana Sato's alert", ADDRESSED, "Hana Sato"),
        ("No concern.", NO, None),
        ("not a concern about Ren", NO, "Ren"),
    ],
)
def test_a_word_about_an_alert_and_whose(text: str, what: Alerting, name: str | None) -> None:
    assert find_alerting(text) == AboutAlert(what=what, name=name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "見ましたか？",
        "ふりかえりを見ました。よくがんばったね",
        "この動画を見ました",
        "昨日、虹を見ました",
        "対応してください",
        "まだ対応していません",
        "佐藤さんの欠席は何日？",
        "心配な子は？",
        "心配なしとは言えない",
        "心配です",
        "気になる子は？",
        "アラートを設定して",
        "アラートを止めて",
        "I have not seen it yet",
        "Have you seen it?",
        "I am concerned about Ren",
        "alerts are annoying",
    ],
)
def test_anything_else_is_left_alone(text: str) -> None:
    assert find_alerting(text) is None
