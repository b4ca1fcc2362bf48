"""Words about reminders that are there already."""

import pytest

from intents.managing import Managed, Managing, find_managing


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("リマインド一覧", Managed(what=Managing.LIST)),
        ("リマインダーの一覧を見せて。", Managed(what=Managing.LIST)),
        ("定期の質問", Managed(what=Managing.LIST)),
        ("２番", Managed(what=Managing.SHOW, number=2)),
        ("2番を止めて", Managed(what=Managing.PAUSE, number=2)),
        ("3番を再開してください", Managed(what=Managing.RESUME, number=3)),
        ("1番をやめて", Managed(what=Managing.REMOVE, number=1)),
        ("1番を直す", Managed(what=Managing.CHANGE, number=1)),
        ("1番を16時にして", Managed(what=Managing.CHANGE, number=1, to="16時")),
        ("金曜のリマインドを月曜に変更してください", Managed(what=Managing.CHANGE, words="金曜", to="月曜")),
        ("change number 2 to 3pm", Managed(what=Managing.CHANGE, number=2, to="3pm")),
        ("1番をいますぐ送って", Managed(what=Managing.SEND_NOW, number=1)),
        ("金曜のリマインドをやめて", Managed(what=Managing.REMOVE, words="金曜")),
        ("リマインドを止めて", Managed(what=Managing.PAUSE, words="")),
        ("これを取り消して", Managed(what=Managing.REMOVE, is_it=True)),
        ("だれに？", Managed(what=Managing.WHO)),
        ("list my reminders", Managed(what=Managing.LIST)),
        ("pause 2", Managed(what=Managing.PAUSE, number=2)),
        ("cancel the Friday reminder", Managed(what=Managing.REMOVE, words="Friday")),
        ("send reminder 2 now", Managed(what=Managing.SEND_NOW, number=2)),
    ],
)
def test_it_is_known_what_is_asked_of_which(text: str, meant: Managed) -> None:
    assert find_managing(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "明日のリマインドを15時に送って",
        "やめて",
        "今日の提出率は？",
        "リマインドを毎週送って",
        "stop",
        "2番目に多い子は？",
    ],
)
def test_other_texts_manage_nothing(text: str) -> None:
    assert find_managing(text) is None
