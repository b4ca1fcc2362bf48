"""No name goes to a model, in whichever form it is written, nor what else leads to somebody."""

from __future__ import annotations

import time
from zoneinfo import ZoneInfo

import pytest

from assistant.llm.placeholders import mask
from knowledge.questions.model import ClassName, PlaceName, Scope, ScopeKind, StudentName, Vocabulary


def student(id: str, family: str, given: str, kana_family: str, kana_given: str) -> StudentName:
    return StudentName(
        id=id,
        family_name=family,
        given_name=given,
        kana_family_name=kana_family,
        kana_given_name=kana_given,
        class_id="c-4-2",
        class_title="4年2組",
        number=1,
        mine=True,
    )


VOCABULARY = Vocabulary(
    timezone=ZoneInfo("UTC"),
    default=Scope(kind=ScopeKind.CLASS, ids=(), label=""),
    students=(
        student("s-hana", "佐藤", "花", "サトウ", "ハナ"),
        student("s-0042", "大野", "陽翔", "おおの", "はると"),
        student("3f2b-77", "五十嵐", "葵", "いがらし", "あおい"),
        student("s-jun", "髙橋", "淳一", "たかはし", "じゅんいち"),
        student("s-anna", "Smith", "Anna", "スミス", "アンナ"),
    ),
    classes=(ClassName(id="c-4-2", title="4年2組", grade="P4", school_id="m", homeroom=True),),
    schools=(PlaceName(id="m", name="あゆみ市立みなみ小学校"),),
    districts=(PlaceName(id="b", name="あゆみ市教育委員会"),),
)

FORMS = {
    "kanji": "佐藤花 佐藤　花 髙橋淳一 高橋淳一 五十嵐葵 大野陽翔 佐藤 陽翔 佐藤🌸花",
    "kana": "さとうはな サトウハナ ｻﾄｳﾊﾅ さとーはな サトー おおのはると いがらしあおい スミス すみす",
    "one half in each script": "佐とう 佐トウ さ藤 高はし",
    "romaji": "Sato Satou Satoh SATO Satō Ohno Oono Ōno Haruto Igarashi igarasi Takahashi takahasi Jun'ichi HANASATO",
    "with さん and the like": "佐藤さん 花ちゃん はなくん ハナちゃん 佐藤君 花様 花っち Hanaさん はるくん ゆうちゃん",
    "a letter wrong": "佐籐花 さとうはま 五十風葵 高橘淳一 大の陽翔 さとおはな たかはちじゅんいち Ikarashi Ana Smyth",
    "a letter missing, doubled or swapped": "さとはな いがらあおい いがららしあおい Sattou Hartuo Igarshi Harutto",
    "an id": "s-hana S-HANA s-0042 3f2b-77",
    "a class": "4年2組 4-2 ４の２ 四年二組 4年２くみ 2組",
    "a school": "あゆみ市立みなみ小学校 みなみ小学校 みなみ小 あゆみ市教育委員会",
    "mail": "hana.sato@example.jp tarou@school.ed.jp",
    "a telephone": "090-1234-5678 ０９０－１２３４－５６７８ 03-1234-5678 09012345678 +819012345678",
    "a number or place": "出席番号12番 〒100-0001 東京都千代田区1-2-3",
}
FRAMES = ("{}は最近どうですか", "このごろ{}の欠席が増えていないか", "昨日、{}と話しました")


@pytest.mark.parametrize("form", [(kind, form) for kind, forms in FORMS.items() for form in forms.split(" ")])
def test_a_name_is_hidden_in_every_form(form: tuple[str, str]) -> None:
    kind, written = form
    titles = "さんくちゃっ君様" if kind.startswith("with") else ""
    for frame in FRAMES:
        masked = mask(frame.format(written), VOCABULARY).text
        rest = masked.translate(str.maketrans("", "", frame + titles))  # what is left besides the words around the name
        assert not [letter for letter in rest if letter.isalpha() and letter not in "SCP"], masked


def test_names_with_blanks_in_them_are_hidden() -> None:
    for form in ("さ と う は な", "佐 藤 花", "Hana Sato", "Sato Hana", "Anna Smith", "Smith, Anna", "佐藤　花"):
        masked = mask(f"{form}って？", VOCABULARY).text
        assert not [name for name in ("さ", "う", "佐", "藤", "Hana", "Sato", "Anna", "Smith") if name in masked], (
            masked
        )


def test_whoever_is_only_like_somebody_is_not_taken_for_them() -> None:
    assert mask("高橘淳一の欠席は？", VOCABULARY).scopes == {"[S1]": ()}
    assert mask("高橋淳一の欠席は？", VOCABULARY).scopes["[S1]"][0].ids == ("s-jun",)


@pytest.mark.parametrize(
    "text",
    [
        "先週のふりかえりの提出率は？",
        "今日まだチェックインしていない子は？",
        "5月10日から20日までの欠席",
        "2026-05-11の気分は",
        "正答率が60%未満の子は？",
        "花壇の水やりと森林の学習",
        "お母さんとお父さんへの連絡",
        "皆さん、はなしを聞きましょう",
        "大の苦手な算数を3回やった",
        "reflection rate of last week",
        "students with fewer than 3 absences",
    ],
)
def test_what_names_nobody_stays_as_it_is(text: str) -> None:
    assert mask(text, VOCABULARY).scopes == {}


def test_a_school_of_a_thousand_is_looked_through_in_no_time() -> None:
    kana = (
        "さとう",
        "すずき",
        "たかはし",
        "たなか",
        "いがらし",
        "おおの",
        "わたなべ",
        "こばやし",
        "やまもと",
        "なかむら",
    )
    many = tuple(
        student(f"s-{n}", f"家{n}", f"名{n}", kana[n % 10], f"{kana[n // 10 % 10]}{kana[n // 100]}")
        for n in range(1000)
    )
    vocabulary = Vocabulary(timezone=ZoneInfo("UTC"), default=VOCABULARY.default, students=many)
    mask("はじめ", vocabulary)
    started = time.perf_counter()
    mask("このごろ元気がない子について、どのように声をかけるとよいか教えてください", vocabulary)
    assert time.perf_counter() - started < 0.5  # seconds
