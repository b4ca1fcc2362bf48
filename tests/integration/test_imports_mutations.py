"""Whatever happens to a valid file: it is accepted, or refused with lines that exist and a store as it was."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.db import Base, Database
from knowledge.imports.problems import ImportFailedError
from tests.builders.oneroster import write_oneroster
from tests.integration.stored import everything, load

CHECKINS = """studentId,date,phase,answeredAt,declined,mood,goal,confidence,achievement,visibility
s-hana,2026-05-11,anticipation,2026-05-11T08:30,,sunny,"一つ
二つ",4,,class
s-hana,2026-05-11,reflection,2026-05-11T06:10:00Z,false,rainy,,,mostly,
s-ren,2026-05-11,reflection,,true,,,,,
"""
# A valid file of every other kind; cells of one are drawn into the others' places too.
OTHERS = {
    "attendance": """studentId,date,status,note
s-hana,2026-05-11,absent_sick,熱
s-ren,2026-05-11,present,
""",
    "nurse-visits": """studentId,visitedAt,reason,outcome
s-hana,2026-05-11T10:20,頭痛,
s-hana,2026-05-11T01:21:00Z,,"休んだ
もどった"
""",
    "study-log": """studentId,startedAt,subject,contentId,title,answered,correct,durationSeconds
s-hana,2026-05-11T19:00,算数,d-1,九九,10,8,600
s-hana,2026-05-11T19:00,,,,12,,
""",
    "assessments": """studentId,date,title,subject,score,maxScore
s-hana,2026-05-11,わり算,算数,42.5,50
s-ren,2026-05-11,わり算,,0,12
""",
    "observations": """studentId,recordedAt,recordedBy,subject,text
s-hana,2026-05-11T16:00,t-ito,算数,教えていた
s-hana,2026-05-11T16:00,n-hayashi,,来室
""",
    "calendar": """schoolId,date,kind,title,grades
minami,2026-05-11,closed,代休,P1;P4
higashi,2026-05-11,event,,
""",
    "content": """contentId,title,url,provider,subject,grades,minutes,description
d-1,九九,https://drill.example/1,,算数,P2;P4,10,
d-2,音読,http://drill.example:80/2,,,,,
""",
    "activities": """activityId,name,kind,orgId,startDate,endDate,applyUntil,grades,online,url
a-1,プログラミング教室,club,minami,2026-06-06,2027-03-20,2026-05-29,P4;P5,true,https://center.example/
a-2,科学館の日,event,,2026-07-25,,,,,
""",
}

# Values that are right somewhere in the files, wrong elsewhere, and anything at all.
CELLS = st.one_of(
    st.sampled_from(["", "s-hana", "minami", "c-4-2", "e-ren", "2026-05-11", "9999-12-31", "1900-01-01T00:00", "true"]),
    st.sampled_from(["P4", "J1,P2", ",", ";", "homeroom", "student", "ext:x", "school", "0", "12", "tobedeleted"]),
    st.sampled_from(["-1", "1e3", "12.5", "999999999", "https://[", "http://a:99999/", "2026-05-11T23:59:59.9999999Z"]),
    st.text(max_size=8),
)


@st.composite
def mutated(draw: st.DrawFn, content: bytes) -> bytes:
    """The file with a few cells, rows or bytes changed."""
    table = list(csv.reader(io.StringIO(content.decode())))
    for _ in range(draw(st.integers(1, 3))):
        row = draw(st.integers(0, len(table) - 1))
        if not table[row]:
            continue
        column = draw(st.integers(0, len(table[row]) - 1))
        match draw(st.sampled_from(["cell", "cell", "cell", "copy", "swap", "drop", "shorten"])):
            case "cell":
                table[row][column] = draw(CELLS)
            case "copy":
                table.append(list(table[row]))
            case "swap":
                table[row][0], table[row][column] = table[row][column], table[row][0]
            case "shorten":
                del table[row][column]
            case _:
                table[row] = []
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    changed = text.getvalue().encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 4)) == 0:
        place = draw(st.integers(0, len(changed)))
        changed = changed[:place] + draw(st.binary(min_size=1, max_size=3)) + changed[place + 1 :]
    return changed


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a valid set, a valid check-in file, and a store that holds the set."""
    folder = tmp_path_factory.mktemp("district")

    async def prepare() -> None:
        database = Database(f"sqlite:///{folder / 'ayumi.db'}")
        async with database.write() as connection:
            await connection.run_sync(Base.metadata.create_all)
        await load(database, "oneroster", write_oneroster(folder / "set"))
        await database.close()

    asyncio.run(prepare())
    return folder


def _lines(path: Path, file: str) -> int:
    """How many physical lines a file of the import has."""
    content = (path / file if path.is_dir() else path).read_bytes()
    return len(re.split(rb"\r\n|\r|\n", content))


async def _accepted_or_refused(folder: Path, kind: str, path: Path) -> None:
    database = Database(f"sqlite:///{folder / 'ayumi.db'}")
    try:
        before = await everything(database)
        try:
            summary = await load(database, kind, path)
            again = await load(database, kind, path)
        except ImportFailedError as error:
            assert error.total >= len(error.problems) > 0
            assert await everything(database) == before
            for problem in error.problems:
                assert problem.line is None or 1 <= problem.line <= _lines(path, problem.file)
                assert "\n" not in str(problem)
        else:
            assert summary.rejected == 0
            assert (again.added, again.changed) == (0, 0)
            assert again.unchanged >= summary.added + summary.unchanged
    finally:
        await database.close()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_change_to_a_set_is_accepted_or_named(district: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(path.name for path in (district / "set").iterdir())))
    content = data.draw(mutated((district / "set" / name).read_bytes()))
    with TemporaryDirectory() as temporary:
        folder = Path(shutil.copytree(district, temporary, dirs_exist_ok=True))
        (folder / "set" / name).write_bytes(content)
        asyncio.run(_accepted_or_refused(folder, "oneroster", folder / "set"))


@settings(max_examples=60, deadline=None)
@given(content=mutated(CHECKINS.encode()))
def test_any_change_to_check_ins_is_accepted_or_named(district: Path, content: bytes) -> None:
    with TemporaryDirectory() as temporary:
        folder = Path(shutil.copytree(district, temporary, dirs_exist_ok=True))
        (folder / "checkins.csv").write_bytes(content)
        asyncio.run(_accepted_or_refused(folder, "checkins", folder / "checkins.csv"))


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_change_to_a_file_of_another_kind_is_accepted_or_named(district: Path, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(OTHERS)))
    content = data.draw(mutated(OTHERS[kind].encode()))
    with TemporaryDirectory() as temporary:
        folder = Path(shutil.copytree(district, temporary, dirs_exist_ok=True))
        (folder / f"{kind}.csv").write_bytes(content)
        asyncio.run(_accepted_or_refused(folder, kind, folder / f"{kind}.csv"))


@pytest.mark.parametrize("kind", OTHERS)
def test_the_files_that_are_changed_are_right_before(district: Path, tmp_path: Path, kind: str) -> None:
    folder = Path(shutil.copytree(district, tmp_path, dirs_exist_ok=True))
    (folder / f"{kind}.csv").write_text(OTHERS[kind], encoding="utf-8")

    async def added() -> int:
        database = Database(f"sqlite:///{folder / 'ayumi.db'}")
        summary = await load(database, kind, folder / f"{kind}.csv")
        await database.close()
        return summary.added

    assert asyncio.run(added()) == 2
