"""The bank of replies and the rules that choose three of them."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, timedelta
from itertools import combinations, pairwise
from string import Formatter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.replies.bank import BANDS, QUOTE, Pillar, Sentence, sentences, themes
from assistant.replies.choosing import LONGEST_QUOTE, OFFERED, Reflection, is_distressed, suggest, themes_of
from assistant.wording.grade_fit import to_kana
from intents.distress import find_distress
from tests.dialogues.talk import RANKS_OR_PRAISES

LEAST = {"ja": 400, "en": 200}
LONGEST = {"ja": 60, "en": 120}  # characters, before the quote
# Praise of a trait or of nothing, comparison with others, empty cheer.
FORBIDDEN = re.compile(
    r"さすが|完璧|かんぺき|才能|センスが|できる子|がんばれ|頑張れ|がんばって|頑張って|がんばろう|頑張ろう|みんなより|ほかの子より|他の子より"
    r"|友だちより|平均|クラスで|ほめ|お利口|おりこう|上手だね|じょうずだね|よくできました"
    r"|\b(?:great job|good job|well done|awesome|amazing|brilliant|perfect|keep it up|do your best|work harder"
    r"|than (?:the )?others|better than|average|talent|so proud|excellent|gifted)\b",
    re.IGNORECASE,
)
PLACES = [
    pytest.param(language, band, theme.name, pillar, id=f"{language}/{theme.name}/{band}/{pillar}")
    for language in LEAST
    for theme in themes()
    for band in BANDS
    for pillar in Pillar
]
ALL: dict[str, list[tuple[str, Sentence]]] = {
    language: [
        (band, each)
        for theme in themes()
        for band in BANDS
        for pillar in Pillar
        for each in sentences(language, band, theme.name, pillar)
    ]
    for language in LEAST
}
EACH = [(language, band, each) for language, found in ALL.items() for band, each in found]
MONDAY = date(2026, 5, 11)


def told(grade: str = "P4", **answers: str) -> Reflection:
    return Reflection(student_id="s-hana", day=MONDAY, grade=grade, **answers)  # pyright: ignore[reportArgumentType] -- texts


def names(reflection: Reflection) -> list[str]:
    return [theme.name for theme, _ in themes_of(reflection)]


@pytest.mark.parametrize("language", LEAST)
def test_there_are_enough(language: str) -> None:
    assert len(ALL[language]) >= LEAST[language]


def test_every_theme_has_something_for_every_band_and_pillar() -> None:
    assert len(PLACES) == len(LEAST) * len(themes()) * len(BANDS) * len(Pillar) and len(themes()) >= 13
    for place in PLACES:
        language, band, theme, pillar = place.values
        found = sentences(str(language), str(band), str(theme), Pillar(str(pillar)))
        assert found, place.id


def test_no_theme_needs_a_quote_to_say_anything() -> None:
    for language in LEAST:
        for theme in themes():
            for band in BANDS:
                plain = [p for p in Pillar if any(not each.quotes for each in sentences(language, band, theme.name, p))]
                assert len(plain) >= OFFERED, (language, theme.name, band)


def test_nothing_is_there_twice() -> None:
    counted = Counter(each.text for _, _, each in EACH)
    assert [text for text, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("language", LEAST)
def test_nothing_is_nearly_the_same(language: str) -> None:
    """No two sentences of a band share three quarters of their pairs of characters (Dice's coefficient)."""
    by_band: dict[str, list[tuple[str, Counter[str]]]] = {}
    for band, each in ALL[language]:
        bare = re.sub(r"[\s、。「」“”？！,.?!]", "", each.text.replace(QUOTE, ""))
        by_band.setdefault(band, []).append((each.text, Counter(map("".join, pairwise(bare)))))
    alike = [
        (one, other)
        for texts in by_band.values()
        for (one, pairs), (other, more) in combinations(texts, 2)
        if 2 * (pairs & more).total() > 0.75 * (pairs.total() + more.total())
    ]
    assert alike == []


def test_all_are_short_and_whole() -> None:
    for language, _, each in EACH:
        assert len(each.text) <= LONGEST[language], each.text
        assert each.text == each.text.strip() and each.text[-1] in "。？！.?!", each.text
        assert 1 <= len(re.findall(r"[。？！.?!](?![」”])", each.text)) <= 2, each.text
        assert {name for _, name, _, _ in Formatter().parse(each.text) if name is not None} <= {"quote"}, each.text
        assert each.text.count(QUOTE) <= 1, each.text


def test_none_praises_a_trait_compares_or_only_cheers() -> None:
    for _, _, each in EACH:
        assert not FORBIDDEN.search(each.text) and not RANKS_OR_PRAISES.search(each.text), each.text


def test_none_reads_as_a_cry_for_help() -> None:
    for _, _, each in EACH:
        assert find_distress(each.fill("れんしゅうした")) is None, each.text


def test_replies_to_young_children_are_in_kana_with_spaces() -> None:
    for band, each in ALL["ja"]:
        if band == "lower":
            assert to_kana(each.text, "P1") == each.text and " " in each.text, each.text


@pytest.mark.parametrize(
    ("theme", "answers"),
    [
        ("low", {"difficult": "つかれて やる気が出なかった"}),
        ("low", {"went_well": "算数", "mood": "thunder"}),
        ("low", {"went_well": "休み時間に友だちとけんかした"}),
        ("low", {"difficult": "I felt lonely today"}),
        ("question", {"difficult": "どうして月は形がかわるのですか？"}),
        ("question", {"difficult": "Can you show me how it works"}),
        ("mistake", {"difficult": "くり上がりをまちがえた"}),
        ("mistake", {"difficult": "I made a mistake in my sums"}),
        ("stuck", {"difficult": "文章題の式"}),
        ("first_try", {"went_well": "はじめて さかあがりを やってみた"}),
        ("friends", {"went_well": "班で協力して実験した"}),
        ("friends", {"went_well": "My friend and I built it together"}),
        ("event", {"went_well": "運動会のリレーでバトンがつながった"}),
        ("home", {"went_well": "家で漢字の続きをやった"}),
        ("method", {"went_well": "図をかいて考えた"}),
        ("goal_missed", {"went_well": "計算", "achievement": "partly"}),
        ("goal_reached", {"went_well": "計算", "achievement": "achieved"}),
        ("little", {"went_well": "ふつう"}),
        ("little", {"went_well": "とくになし", "difficult": "とくになし"}),
        ("next_step", {"next_step": "もう一度漢字のテストをやる"}),
        ("success", {"went_well": "すらすら読めるようになった"}),
    ],
)
def test_a_theme_is_found(theme: str, answers: dict[str, str]) -> None:
    assert theme in names(told(**answers))


@pytest.mark.parametrize(
    ("theme", "answers"),
    [
        ("low", {"went_well": "今日はつかれなかった。不安もなかった"}),
        ("low", {"went_well": "I wrote down my plan and was not tired"}),
        ("mistake", {"went_well": "一問もまちがえなかった"}),
        ("mistake", {"went_well": "There were no mistakes"}),
        ("stuck", {"difficult": "むずかしいことは とくになかった"}),
        ("stuck", {"difficult": "とくに なかった"}),
        ("friends", {"went_well": "友だちにいやなことを言われた"}),
        ("home", {"difficult": "宿題を忘れた"}),
        ("question", {"next_step": "先生に聞いてみる"}),
        ("success", {"went_well": "何もできなかった"}),
        ("method", {"went_well": "集中して考えることができなかった"}),
    ],
)
def test_a_theme_is_not_found(theme: str, answers: dict[str, str]) -> None:
    assert theme not in names(told(**answers))


def test_with_a_quarrel_nothing_else_is_spoken_of() -> None:
    assert names(told(went_well="班で協力した", difficult="友だちとけんかしてかなしかった", next_step="あやまる")) == [
        "low"
    ]


def test_a_reply_quotes_the_child_in_its_own_words() -> None:
    offered = [
        text
        for day in range(20)
        for text in suggest(
            Reflection(student_id="s", day=MONDAY + timedelta(days=day), grade="P4", went_well="実験で色が変わった"),
            "ja",
            [],
        )
    ]
    assert any("「実験で色が変わった」" in text for text in offered) and not any(QUOTE in text for text in offered)


@pytest.mark.parametrize("text", ["もう消えてしまいたい", "しにたい", "I want to kill myself"])
def test_words_of_distress_get_no_suggestion(text: str) -> None:
    for answers in ({"went_well": text}, {"difficult": text}, {"next_step": text}):
        assert is_distressed(told(**answers)) and suggest(told(**answers), "ja", []) == []
    hidden = Reflection(student_id="s", day=MONDAY, grade="P4", went_well="計算", others=[text])
    assert suggest(hidden, "ja", []) == []


def test_a_spaced_and_slightly_changed_reply_is_known_again() -> None:
    sentence = Sentence(theme="x", pillar=Pillar.INVITE, text="「{quote}」の つづき、こんど きかせてね。")
    assert sentence.is_in("「さんすう」の つづき、 こんど きかせてね。まっているよ。")
    assert not sentence.is_in("こんど きかせてね。")


ANSWER = st.one_of(
    st.none(),
    st.text(max_size=60),
    st.sampled_from(
        [
            "かけ算を何回も練習した",
            "つかれた",
            "とくになし",
            "友だちと話し合った",
            "{quote}",
            "宿題をした？",
            "I tried again",
        ]
    ),
)


@settings(max_examples=60, deadline=None)
@given(
    language=st.sampled_from(["ja", "en"]),
    grade=st.sampled_from(["P1", "P4", "J2", "H3", "E2", None]),
    student=st.text(max_size=10),
    days=st.integers(0, 400),
    answers=st.tuples(ANSWER, ANSWER, ANSWER, ANSWER),
    mood=st.sampled_from(["sunny", "thunder", None]),
    achievement=st.sampled_from(["achieved", "not_yet", None]),
)
def test_three_different_pillars_the_same_every_time_and_never_what_came_last(
    language: str,
    grade: str | None,
    student: str,
    days: int,
    answers: tuple[str | None, str | None, str | None, str | None],
    mood: str | None,
    achievement: str | None,
) -> None:
    went_well, difficult, next_step, goal = answers
    reflection = Reflection(
        student_id=student,
        day=MONDAY + timedelta(days=days),
        grade=grade,
        went_well=went_well,
        difficult=difficult,
        next_step=next_step,
        goal=goal,
        mood=mood,
        achievement=achievement,
    )
    if is_distressed(reflection):
        assert suggest(reflection, language, []) == []
        return
    recent: list[str] = []
    for _ in range(3):  # of one reflection; what was sent is not offered again
        offered = suggest(reflection, language, recent)
        assert offered == suggest(reflection, language, recent)
        assert len({*offered}) == OFFERED and not {*offered} & {*recent[:1]}
        pillars = {each.pillar for text in offered for _, each in ALL[language] if each.is_in(text)}
        assert len(pillars) >= OFFERED
        assert all(len(text) <= LONGEST[language] + LONGEST_QUOTE for text in offered)
        recent = [offered[0], *recent][:5]
