"""Signs of distress are found in every spelling children use; figures of speech and ordinary days stay quiet.

The texts are data: tests/intents/<language>/distress.yaml.
"""

import doctest
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest
import yaml

from intents import beginnings, distress, normalise, slips
from intents import spellings as spelling_ways
from intents.distress import Level, find_distress

HERE = Path(__file__).parent
RULES = HERE.parents[1] / "intents" / "data"
HALF_WIDTH = {unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0xFF66, 0xFF9E)} | {
    "\u3099": "ﾞ",
    "\u309a": "ﾟ",
}


def texts(language: str, level: str) -> list[str]:
    content = yaml.safe_load((HERE / language / "distress.yaml").read_text(encoding="utf-8"))
    return [*content[level], *content["held_back"][level]]


def katakana(text: str) -> str:
    return re.sub("[ぁ-ゖ]", lambda kana: chr(ord(kana[0]) + 0x60), text)


def half_width(text: str) -> str:
    def narrow(kana: re.Match[str]) -> str:
        return "".join(HALF_WIDTH[part] for part in unicodedata.normalize("NFD", kana[0]))

    return re.sub("[ァ-ヴー]", narrow, katakana(text).replace("ヮ", "ワ"))


def spellings(text: str) -> Iterator[str]:
    yield katakana(text)
    yield half_width(text)
    if re.fullmatch("[ぁ-ゖァ-ヶー]+", text):
        yield from (mark.join(text) for mark in (" ", "　", "・", ".", "、"))


def found(text: str) -> str:
    distress = find_distress(text)
    return distress.level if distress else "none"


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("level", ["urgent", "soon", "none"])
def test_every_listed_text_gets_its_level(language: str, level: str) -> None:
    wrong = {text: found(text) for text in texts(language, level) if found(text) != level}
    assert wrong == {}


def test_an_urgent_text_is_urgent_in_any_kana_width_and_spacing() -> None:
    missed = [other for text in texts("ja", "urgent") for other in spellings(text) if found(other) != "urgent"]
    assert missed == []


def test_an_urgent_text_is_urgent_in_capitals_and_full_width() -> None:
    wide = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
    forms = [form for text in texts("en", "urgent") for form in (text.upper(), text.translate(wide))]
    assert [form for form in forms if found(form) != "urgent"] == []


@pytest.mark.parametrize(
    "ordinary",
    [
        "今日は分数のわり算がわかりました。",
        "宿題で死にそう。",
        "たのしかった！\n",
        "ごんぎつねを読んだ。",
        "ゲームをした。",
        "図工でカッターを使った。",
        "マラソンで走った。",
        "お母さんの肩をたたいた。",
        "サッカーでボールをけった。",
        "虫をとった。",
        "道徳でいじめについて学習した。",
        "犬をさわった。",
    ],
)
def test_an_ordinary_sentence_before_it_hides_nothing(ordinary: str) -> None:
    every = [(level, text) for level in ("urgent", "soon") for text in texts("ja", level)]
    missed = [text for level, text in every if found(ordinary + text) not in (level, "urgent")]
    assert missed == []


def test_the_higher_level_wins_wherever_it_stands() -> None:
    for text in ("いじめられてる。しにたい", "しにたい。いじめられてる", "I am being bullied, i want to die"):
        distress = find_distress(text)
        assert distress is not None and distress.level is Level.URGENT and distress.category == "wish_to_die"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("今日はつかれた。し・に・た・い！ もうねる", "し・に・た・い"),
        ("あのね、ｼﾆﾀｲ。", "ｼﾆﾀｲ"),
        ("給食はカレー。消えたーーーい", "消えたーーーい"),
        ("もう死にたいわけじゃないけど消えたい", "消えたい"),
        ("Maths was ok. I don't want to live, ok?", "don't want to live"),
    ],
)
def test_the_words_are_the_part_as_typed(text: str, words: str) -> None:
    distress = find_distress(text)
    assert distress is not None and distress.words == words


@pytest.mark.parametrize("text", ["", " 　\n", "・・・", "12345", "😊"])
def test_a_text_without_words_is_no_distress(text: str) -> None:
    assert find_distress(text) is None


def test_the_rules_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    find_distress("しにたい")
    monkeypatch.delattr(Path, "read_text")
    assert found("しにたい") == "urgent"


@pytest.mark.parametrize("file", sorted(RULES.glob("*/distress.yaml")), ids=lambda file: file.parent.name)
def test_a_pattern_that_begins_with_a_name_has_no_bare_bar(file: Path) -> None:
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    lists = [rule.get(key, []) for rule in content["categories"].values() for key in ("patterns", "unless")]
    for pattern in (pattern for patterns in lists for pattern in patterns if pattern.startswith("<")):
        outside = pattern
        while outside != (outside := re.sub(r"\[[^]]*\]|\([^()]*\)", "", outside)):
            pass
        assert "|" not in outside, pattern


@pytest.mark.parametrize("module", [beginnings, normalise, slips, spelling_ways])
def test_the_examples_hold(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("text", ["I can do the bake sale shift at 2", "no, I can take the same bus at nine"])
def test_english_words_are_not_read_as_kana(text: str) -> None:
    assert find_distress(text) is None


def test_a_wish_in_latin_letters_is_read_as_kana_beside_a_foreign_word() -> None:
    assert found("mou shinitai lol") == "urgent"


def test_a_sentence_before_it_ends_no_word() -> None:
    assert found("算数をした。母に殴られた") == "urgent"
    assert found("わたしたちは牛を見た。えいごは楽しい") == "none"


def test_every_pattern_can_be_compiled() -> None:
    """They are compiled when they are first met: a mistake must not wait for the child who meets it."""
    for language in distress._languages():
        for rule in language.rules:
            for pattern in (*rule.signs, rule.excuse, rule.turn, *([rule.setting] if rule.setting else [])):
                re.compile(pattern, re.ASCII)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_lines_that_others_wrote_keep_the_level_they_have(language: str) -> None:
    """What the rules learnt from: lines of several writers, with the levels they gave them, and ordinary days."""
    lines = [line.split("\t") for line in (HERE / language / "distress_lines.tsv").read_text("utf-8").splitlines()]

    wrong = {text: found(text) for level, text in lines if found(text) != level}

    assert wrong == {}


def test_nothing_that_a_check_in_offers_to_tap_rings() -> None:
    """A tap on a suggestion makes it the child's own words."""
    files = (HERE.parents[1] / "assistant" / "checkins").glob("*.yaml")
    scripts = [yaml.safe_load(file.read_text("utf-8")) for file in files]

    assert [text for script in scripts for text in _strings(script) if find_distress(text)] == []


def _strings(data: object) -> Iterator[str]:
    match data:
        case str():
            yield data
        case dict():
            for value in cast("dict[str, object]", data).values():
                yield from _strings(value)
        case list():
            for value in cast("list[object]", data):
                yield from _strings(value)
        case _:
            pass
