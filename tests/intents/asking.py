"""Who asks in the tests of understanding, of which school, and a question written as one line."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from knowledge.questions.model import (
    ClassName,
    GradeName,
    Period,
    PlaceName,
    Question,
    Scope,
    ScopeKind,
    StudentName,
    Term,
    Vocabulary,
)

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 5, 15, 10, tzinfo=TOKYO)  # a Friday
OWN = Scope(kind=ScopeKind.CLASS, ids=("c42",), label="4年2組")
SCHOOL = Scope(kind=ScopeKind.SCHOOL, ids=("east",), label="あゆみ市立東小学校")

CLASSES = tuple(
    ClassName(id=id, title=title, grade=grade, school_id="east", homeroom=homeroom)
    for id, title, grade, homeroom in (
        ("c41", "4年1組", "P4", True),
        ("c42", "4年2組", "P4", True),
        ("c43", "4年3組", "P4", True),
        ("c51", "5年1組", "P5", True),
        ("c52", "5年2組", "P5", True),
        ("sun", "ひまわり学級", None, True),
        ("m42", "4年2組", "P4", False),
        ("k42", "4年2組 算数", "P4", False),
    )
)
STUDENTS = tuple(
    StudentName(
        id=id,
        family_name=family,
        given_name=given,
        kana_family_name=kana_family,
        kana_given_name=kana_given,
        class_id=class_id,
        class_title=next(each.title for each in CLASSES if each.id == class_id),
        number=number,
        mine=class_id == "c42",
    )
    for number, (id, family, given, kana_family, kana_given, class_id) in enumerate(
        (
            ("hana", "佐藤", "花", "さとう", "はな", "c42"),
            ("ren", "佐藤", "蓮", "さとう", "れん", "c42"),
            ("yui", "田中", "結衣", "タナカ", "ユイ", "c42"),
            ("ken", "林", "健太", "はやし", "けんた", "c42"),
            ("may", "五月", "陽菜", "さつき", "ひな", "c42"),
            ("sora", "髙橋", "空", "たかはし", "そら", "c42"),
            ("yuna", "大森", "結菜", "おおもり", "ゆな", "c42"),
            ("jun", "渡邊", "純一", "わたなべ", "じゅんいち", "c42"),
            ("mori", "森", "葵", "もり", "あおい", "c41"),
            ("aoi", "佐藤", "葵", "さとう", "あおい", "c41"),
            ("sho", "山口", "翔", "やまぐち", "しょう", "c51"),
            ("emi", "Garcia", "Emilia", None, None, "c42"),
        ),
        start=1,
    )
)
TEACHER = Vocabulary(
    timezone=TOKYO,
    default=OWN,
    homerooms=("c42",),
    classes=CLASSES,
    grades=(
        GradeName(grade="P4", school_id="east", class_ids=("c41", "c42", "c43")),
        GradeName(grade="P5", school_id="east", class_ids=("c51", "c52")),
    ),
    own_schools=("east",),
    schools=(PlaceName(id="east", name="あゆみ市立東小学校"), PlaceName(id="west", name="あゆみ市立西小学校")),
    students=STUDENTS,
    terms=(Term(title="1学期", kind="term", start=date(2026, 4, 1), end=date(2026, 7, 31)),),
    subjects=("算数", "国語", "理科", "社会", "外国語", "プログラミング"),
    titles=("学力調査 算数", "わり算の筆算"),
)
ASKERS = {
    "teacher": TEACHER,
    "principal": replace(
        TEACHER, default=SCHOOL, homerooms=(), students=tuple(replace(each, mine=True) for each in STUDENTS)
    ),
    "subject": replace(TEACHER, default=Scope(kind=ScopeKind.CLASS, ids=("k42",), label="4年2組 算数"), homerooms=()),
    "board": replace(
        TEACHER,
        default=Scope(kind=ScopeKind.DISTRICT, ids=("city",), label="あゆみ市"),
        homerooms=(),
        classes=(),
        own_schools=(),
        districts=(PlaceName(id="city", name="あゆみ市"),),
        students=(),
    ),
    "student": Vocabulary(
        timezone=TOKYO, default=Scope(kind=ScopeKind.STUDENT, ids=("hana",), label="佐藤 花"), subjects=("算数", "国語")
    ),
    "guardian": Vocabulary(
        timezone=TOKYO, default=Scope(kind=ScopeKind.STUDENT, ids=("hana", "ren"), label="佐藤 花・佐藤 蓮")
    ),
}


def shown(question: Question) -> str:
    """A question as one line: what differs from the teacher's own class is written, and the time as it is named."""
    condition = question.condition
    value = "" if condition is None or condition.value is None else f"{condition.value:g}"
    parts = [
        question.metric.value if question.metric else "-",
        question.shape.value,
        f"phase={question.phase}" if question.phase else "",
        f"subject={question.subject}" if question.subject else "",
        f"title={question.title}" if question.title else "",
        f"{condition.op}{value}" if condition else "",
        f"by={question.group_by}" if question.group_by else "",
        question.order or "",
        f"limit={question.limit}" if question.limit else "",
        "" if question.scope == OWN else f"of={_whom(question.scope)}",
        f"[{question.period.label}]",
        *(f"vs {f'[{side.label}]' if isinstance(side, Period) else _whom(side)}" for side in question.compare),
    ]
    return " ".join(part for part in parts if part)


def _whom(scope: Scope) -> str:
    return f"{scope.kind}:{'+'.join(scope.ids)}"
