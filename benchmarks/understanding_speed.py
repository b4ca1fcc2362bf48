"""How long does it take to understand a line, with the names of a class and with those of a school of 1,000?

Warm: names seen before, every line ``ROUNDS`` times. Cold: the first line of somebody whose names are new.

    python -m benchmarks.understanding_speed
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from benchmarks.city import AT, FAMILY, FAMILY_KANA, GIVEN, GIVEN_KANA, TOKYO
from benchmarks.machine import median, percentile
from intents.questions import understand_question
from knowledge.questions.model import ClassName, GradeName, PlaceName, Scope, ScopeKind, StudentName, Vocabulary

ROUNDS = 10
COLD = 20  # vocabularies that are new
CLASSES = 25  # of the school; each has 40 students
OF_CLASS = 40
LINES = (
    "今日まだチェックインしていない子は?",
    "先週の4年2組のふりかえり提出率は?",
    "うちのクラスの今月の出席率を教えて",
    "５月の欠席が3回以上の児童は？",
    "算数の正答率が低い順に5人",
    "今学期の提出率の推移",
    "算数の正答率を先月と比べて",
    "1組と2組どっちが気分がいい?",
    "学年別の出席率",
    "今朝の心の天気の内訳",
    "佐藤さんの今週の様子",
    "昨日のふりかえりを見せて",
    "渡辺葵さんのめあて",
    "きのうのめあてをみせてください",
    "すみません、先月の保健室の来室回数を教えていただけますか。",
    "気分が下がった子はいますか",
    "返信していないふりかえりはいくつある?",
    "相談したいと言っている子は?",
    "4月上旬の遅刻",
    "学力調査の平均点",
    "ここ3日で雨や雷の日が2日以上の子",
    "連続でふりかえりを書いている子は",
    "勉強時間がいちばん長い人",
    "めあて達成率 2学期",
    "ねえ、提出率どう?",
    "4-2の先々週の自信の平均",
    "じゃあ先月は?",
    "3組は?",
    "高橋くんと小林さんの今月の学習時間を比べて",
    "クラスごとのふりかえり提出率を高い順で",
    "曜日別の気分",
    "さとうはなさん、最近どう?",
    "おはようございます",
    "プリンターのインクが切れました",
    "来週の提出率は?",
    "2月30日の欠席は?",
    "提出率が低い子",
    "ふりかえりの深さが1以下の児童を教えて",
    "火曜までに運動会の係を決めたいです",
    "今日は5時間目のあとに図書室へ行って、それから先生と話して、家に帰ったら宿題と音読をするつもりです",
    "Who has not checked in today?",
    "What was the reflection rate of Year 4 Class 2 last week?",
    "attendance rate this month",
    "Which students were absent three times or more in May?",
    "five lowest correct rates in maths",
    "show me yesterday's reflections",
    "How is Sato doing this week?",
    "mood by weekday",
    "compare the reflection rate with last month",
    "Who wants to talk?",
    "trend of study time this term",
    "late arrivals by class",
    "nurse's office visits last month",
    "students whose mood fell",
    "and last month?",
    "Could you please tell me the average test score?",
    "good morning",
    "the printer is out of paper",
    "reflection rate next week",
    "goal achievement in 4-2 since April",
)


def vocabulary(classes: int, new: int = 0) -> Vocabulary:
    """The names that the homeroom teacher of 4年2組 may use; ``new`` makes ids that were not seen before."""
    places = [(grade, number) for grade in (4, 1, 2, 3, 5, 6) for number in (2, 1, 3, 4, 5)][:classes]
    named = [
        ClassName(
            id=f"{new}-{grade}-{number}", title=f"{grade}年{number}組", grade=f"P{grade}", school_id="s", homeroom=True
        )
        for grade, number in places
    ]
    students = [
        StudentName(
            id=f"{each.id}-{number}",
            family_name=FAMILY[(number + place * 3) % len(FAMILY)],
            kana_family_name=FAMILY_KANA[(number + place * 3) % len(FAMILY)],
            given_name=GIVEN[(number * 7 + place) % len(GIVEN)],
            kana_given_name=GIVEN_KANA[(number * 7 + place) % len(GIVEN)],
            class_id=each.id,
            class_title=each.title,
            number=number + 1,
            mine=place == 0,
        )
        for place, each in enumerate(named)
        for number in range(OF_CLASS)
    ]
    of_grade: dict[str, list[str]] = {}
    for each in named:
        of_grade.setdefault(each.grade or "", []).append(each.id)
    return Vocabulary(
        timezone=TOKYO,
        default=Scope(kind=ScopeKind.CLASS, ids=(named[0].id,), label=named[0].title),
        homerooms=(named[0].id,),
        classes=tuple(named),
        grades=tuple(GradeName(grade=grade, school_id="s", class_ids=tuple(ids)) for grade, ids in of_grade.items()),
        own_schools=("s",),
        schools=(PlaceName(id="s", name="あゆみ市立あおば小学校"),),
        students=tuple(students),
        subjects=("国語", "算数", "理科", "社会"),
        titles=("学力調査", "単元テスト"),
    )


def milliseconds(lines: Sequence[str], names: Vocabulary, now: datetime) -> list[float]:
    times: list[float] = []
    for line in lines:
        begun = time.perf_counter()
        understand_question(line, names, now)
        times.append((time.perf_counter() - begun) * 1000)
    return times


def main() -> None:
    for name, classes, bar in (("a class of 40", 1, 5), ("a school of 1,000", CLASSES, 20)):
        names = vocabulary(classes)
        begun = time.perf_counter()
        understand_question(LINES[0], names, AT)
        first = (time.perf_counter() - begun) * 1000
        milliseconds(LINES, names, AT)
        warm = [each for _ in range(ROUNDS) for each in milliseconds(LINES, names, AT)]
        cold = [milliseconds([LINES[n]], vocabulary(classes, n + 1), AT)[0] for n in range(COLD)]
        p50, p99 = median(warm), percentile(warm, 99)
        print(
            f"| understanding a line, {name} | p99 {p99:.1f} ms | < {bar} ms | p50 {p50:.2f} ms, slowest "
            f"{max(warm):.1f} ms; new names: p50 {median(cold):.1f} ms, slowest {max(cold):.1f} ms | "
            f"first of the process: {first:.0f} ms |"
        )


if __name__ == "__main__":
    main()
