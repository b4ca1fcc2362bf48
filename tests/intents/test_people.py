"""Who is asked about by name."""

from __future__ import annotations

import pytest

from intents.people import asks_about


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("鈴木蓮さんの今日のチェックインは？", {"鈴木蓮"}),
        ("鈴木くんは今日チェックインした？", {"鈴木"}),
        ("山田 太郎さんのふりかえり率は？", {"山田太郎"}),
        ("What is Ren's goal today?", {"Ren"}),
        ("田中さんとあそんだ", set[str]()),
        ("お母さんにめあてを見せた", set[str]()),
        ("今日のチェックインは？", set[str]()),
        ("What's my goal?", set[str]()),
    ],
)
def test_a_name_in_a_question_about_records_is_found(text: str, names: set[str]) -> None:
    assert asks_about(text) == names
