"""Japanese and English say the same things to the same readers, and buttons fit the narrowest platform."""

from string import Formatter
from typing import Any, cast

import pytest
import regex
import yaml

from assistant.wording.texts import BANDS, TEXTS, keys, template
from intents.commands import find_command, find_note

LANGUAGES = ("ja", "en")
OWN_LANGUAGE = {"ja": "talk.speaks_japanese", "en": "talk.speaks_english"}  # said in that language alone
LONGEST_LABEL = 20  # graphemes; LINE's limit for the label of a quick reply
QUOTED = regex.compile("「([^」]+)」|“([^”]+)”")
# texts for students in which everything quoted is a command that can be sent
QUOTING_COMMANDS = (
    "checkin.later",
    "checkin.stopped",
    "checkin.done_already_anticipation",
    "checkin.done_already_reflection",
    "talk.help",
    "wishes.stopped",
    "talk.note_empty",
    "talk.not_understood",
)
STUDENTS = ("lower", "upper", "secondary")
WRITTEN: dict[str, Any] = {
    f"{path.parent.name}/{path.stem}.{key}": value
    for path in sorted(TEXTS.glob("*/*.yaml"))
    for key, value in yaml.safe_load(path.read_text("utf-8")).items()
}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def by_reader(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else dict.fromkeys(BANDS, value)


def test_both_languages_have_the_same_keys() -> None:
    assert keys("ja") - {OWN_LANGUAGE["ja"]} == keys("en") - {OWN_LANGUAGE["en"]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_announces_itself_and_no_other(language: str) -> None:
    assert {key for key in keys(language) if key.startswith("talk.speaks_")} == {OWN_LANGUAGE[language]}


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("key", sorted(keys("ja") & keys("en")))
def test_every_reader_gets_the_same_placeholders_in_both_languages(key: str, band: str) -> None:
    assert placeholders(template("en", key, band)) == placeholders(template("ja", key, band))


@pytest.mark.parametrize("key", WRITTEN)
def test_every_text_is_written_for_known_readers_and_not_empty(key: str) -> None:
    texts = by_reader(WRITTEN[key])
    assert texts
    assert set(texts) <= set(BANDS)
    assert all(isinstance(text, str) and text.strip() for text in texts.values())


def test_no_student_falls_through_to_the_wording_for_staff() -> None:
    assert [
        key for key, value in WRITTEN.items() if "staff" in (by := by_reader(value)) and "secondary" not in by
    ] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_button_label_fits(language: str) -> None:
    buttons = [key for key in keys(language) if key.endswith("_button") or ".menu_" in key]
    labels = {template(language, key, band) for key in buttons for band in BANDS}
    assert labels
    assert [label for label in labels if len(regex.findall(r"\X", label)) > LONGEST_LABEL] == []


@pytest.mark.parametrize("key", QUOTING_COMMANDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_words_that_a_text_tells_a_student_to_send_are_understood(language: str, key: str) -> None:
    for band in STUDENTS:
        quoted = [match[1] or match[2] for match in QUOTED.finditer(template(language, key, band))]
        assert quoted
        assert [words for words in quoted if find_command(words) is None and find_note(words) is None] == []
