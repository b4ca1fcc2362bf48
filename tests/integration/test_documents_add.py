"""``ayumi documents add``, ``list`` and ``remove``, as an operator types them."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from rich.cells import cell_len

from assistant.cli.data import run_import_command
from assistant.cli.documents_add import Wanted, run_add, run_list, run_remove
from assistant.errors import SettingsError
from assistant.settings import Settings
from knowledge.db import Database
from knowledge.documents.ingest import add_file, add_sources
from knowledge.documents.library import Library
from knowledge.documents.model import DocumentAudience, Outcome, Reader
from knowledge.documents.reading.model import Reason
from knowledge.documents.sources import find_sources
from tests.builders.documents import CURRICULUM, RULES, encrypted_pdf, pdf, zipped
from tests.builders.oneroster import write_oneroster
from tests.integration.test_cli import Ran, ayumi

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the small district, and the two documents of the tests."""
    folder = tmp_path_factory.mktemp("school") / "var"
    folder.mkdir()
    write_oneroster(folder / "oneroster")
    out = io.StringIO()
    with redirect_stdout(out):
        asyncio.run(
            run_import_command(
                _settings(folder), "oneroster", folder / "oneroster", dry_run=False, now=datetime.now(UTC)
            )
        )
        out.truncate(0)
        out.seek(0)
        _add(folder, CURRICULUM.resolve(), RULES.resolve())
    assert out.getvalue().splitlines() == [
        "added  ict-curriculum  あゆみ市 ICT活用モデルカリキュラム（令和8年度）  for everyone of all schools",
        "added  school-rules  あゆみ市立東小学校 学校のきまり（令和8年度）  for everyone of all schools",
        "added=2 changed=0 unchanged=0 skipped=0",
    ]
    return folder


def _documents(folder: Path, *arguments: str) -> Ran:
    return ayumi(folder, "documents", *arguments)


def _settings(folder: Path) -> Settings:
    return Settings(AYUMI_DATA_DIR=folder, _env_file=None)  # pyright: ignore[reportCallIssue] -- by alias


def _listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    capsys.readouterr()
    asyncio.run(run_list(_settings(folder), json=True))
    return {each["id"]: each for each in json.loads(capsys.readouterr().out)}


def _add(folder: Path, *paths: Path, **options: str) -> None:
    """As the command does, without the second that a process takes to start. Raises what the command words."""
    wanted: dict[str, str | None] = dict.fromkeys(
        ("title", "audience", "school", "district", "valid_until", "replaces")
    )
    asyncio.run(run_add(_settings(folder), paths, Wanted(**wanted | options), now=datetime.now(UTC)))


def test_the_list_says_what_there_is(school: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = _listed(school, capsys)["ict-curriculum"]
    assert listed.pop("updated_at")
    assert listed == {
        "id": "ict-curriculum",
        "title": "あゆみ市 ICT活用モデルカリキュラム（令和8年度）",
        "file": "ict-curriculum.pdf",
        "audience": "everyone",
        "org": None,
        "pages": 8,
        "passages": listed["passages"],
        "valid_until": None,
        "vectors": False,
    }


def test_the_list_for_people_names_everything_in_a_line(school: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    asyncio.run(run_list(_settings(school), json=False))
    curriculum, rules = capsys.readouterr().out.splitlines()[:2]
    assert re.fullmatch(r"ict-curriculum  あゆみ市.* +for everyone of all schools  8 pages, \d+ passages", curriculum)
    assert cell_len(curriculum.partition("for everyone")[0]) == cell_len(rules.partition("for everyone")[0])


def test_what_cannot_be_read_is_named_in_a_line_each_and_the_rest_is_added(
    school: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "集めた資料"
    folder.mkdir()
    files = {
        "いい.txt": "プールは7月1日から使えます。".encode(),
        "スキャン.pdf": pdf("", ""),
        "かぎ.pdf": encrypted_pdf(),
        "こわれた.docx": RULES.read_bytes()[:9000],
        "から.md": b"\n",
        "ふるい.doc": b"x",
        "まとめ.zip": zipped({"中/a.md": "# 中\n\n本文です。".encode(), "中/b.zip": b"x"}),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    status, out, err = _documents(school, "add", str(folder), "--audience", "staff")
    assert status == 1
    assert out.splitlines()[-1] == "added=2 changed=0 unchanged=0 skipped=6"
    said = dict(line.removeprefix(f"{folder}/").split(": ", 1) for line in err.splitlines())
    assert said == {
        "スキャン.pdf": "no text in it, only pictures of pages: use a file with text (OCR)",
        "かぎ.pdf": "protected with a password: save it without one",
        "こわれた.docx": "damaged, or not what its name says",
        "から.md": "the file is empty",
        "ふるい.doc": "an old format: save it as .docx, .xlsx, .pptx or .pdf",
        "まとめ.zip!/中/b.zip": "a zip within a zip: unpack it first",
    }
    assert _listed(school, capsys)["いい"]["audience"] == "staff"


def test_adding_again_opens_nothing_that_was_for_the_staff_and_a_changed_file_replaces_its_old_version(
    school: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "Staff Notes.txt"
    file.write_text("職員会議は月曜日です。")
    _add(school, file, audience="staff", school="minami", valid_until="2027-03-31", title="職員のメモ")
    before = _listed(school, capsys)["staff-notes"]
    assert (before["audience"], before["org"], before["valid_until"]) == ("staff", "minami", "2027-03-31")
    _add(school, file)
    assert capsys.readouterr().out.splitlines() == [
        "unchanged  staff-notes  職員のメモ  for staff of minami",
        "added=0 changed=0 unchanged=1 skipped=0",
    ]
    assert _listed(school, capsys)["staff-notes"] == before
    file.write_text("職員会議は火曜日です。")
    _add(school, file)
    assert capsys.readouterr().out.splitlines()[-1] == "added=0 changed=1 unchanged=0 skipped=0"
    after = _listed(school, capsys)["staff-notes"]
    assert (after["audience"], after["org"], after["valid_until"]) == ("staff", "minami", "2027-03-31")
    _add(school, file, audience="everyone")
    assert _listed(school, capsys)["staff-notes"]["audience"] == "everyone"


def test_a_version_that_cannot_be_read_leaves_the_old_one_whole(
    school: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "kept.md"
    file.write_text("# 今のきまり\n\n本文です。\n")
    _add(school, file)
    before = _listed(school, capsys)["kept"]
    file.write_text("")
    with pytest.raises(typer.Exit) as exit:
        _add(school, file)
    assert exit.value.exit_code == 1
    assert _listed(school, capsys)["kept"] == before


def test_a_name_that_a_terminal_would_obey_is_one_plain_line(
    school: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "遠足か\u3099\n\x1b[31m来る.txt").write_text("水筒を持ちます。")
    (tmp_path / "空\n\x1b[31m.txt").write_text("")
    capsys.readouterr()
    with pytest.raises(typer.Exit):
        _add(school, tmp_path)
    said = capsys.readouterr()
    assert said.out.splitlines()[0].split("  ")[2] == "遠足が [31m来る"
    assert said.err == f"{tmp_path}/空 [31m.txt: the file is empty\n"
    _add(school, tmp_path / "遠足か\u3099\n\x1b[31m来る.txt", title=" しおり\x07\n ")
    assert capsys.readouterr().out.splitlines()[0].split("  ")[2] == "しおり"


def test_a_document_takes_the_place_of_another(
    school: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rules-2026.txt").write_text("帰る時刻は5時です。")
    (tmp_path / "rules-2027.txt").write_text("帰る時刻は6時です。")
    _add(school, tmp_path / "rules-2026.txt")
    _add(school, tmp_path / "rules-2027.txt", replaces="rules-2026")
    assert {"rules-2027"} == {each for each in _listed(school, capsys) if each.startswith("rules-")}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"audience": "children"}, "--audience children: use everyone or staff"),
        ({"valid_until": "31.3.2027"}, "--valid-until 31.3.2027: expected a date such as 2027-03-31"),
        ({"school": "nowhere"}, "--school nowhere: no school with this sourcedId in the roster"),
        ({"district": "minami"}, "--district minami: no district with this sourcedId in the roster"),
        ({"district": "a", "school": "minami"}, "--school and --district: use one of them"),
        ({"title": " "}, "--title: takes a value, for one file only"),
    ],
)
def test_every_wrong_option_is_said(
    school: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: dict[str, str], said: str
) -> None:
    (tmp_path / "new.txt").write_text("新しいきまりです。")
    with pytest.raises(SettingsError, match=re.escape(said)):
        _add(school, tmp_path / "new.txt", **options)
    assert "new" not in _listed(school, capsys)


def test_a_title_is_for_one_file_and_a_path_must_be_there(school: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--title: takes a value, for one file only"):
        _add(school, CURRICULUM, RULES, title="二つ")
    with pytest.raises(SettingsError, match=r"nowhere\.pdf: no such file or folder"):
        _add(school, CURRICULUM, tmp_path / "nowhere.pdf")


def test_an_unknown_id_removes_nothing(school: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gone.txt").write_text("なくなる文です。")
    _add(school, tmp_path / "gone.txt")
    status, out, err = _documents(school, "remove", "gone", "nobody")
    assert (status, out) == (1, "")
    assert err == "ayumi: no document 'nobody': 'ayumi documents list' shows the ids\n"
    assert "gone" in _listed(school, capsys)
    asyncio.run(run_list(_settings(school), json=False))
    assert "  1 passage\n" in capsys.readouterr().out
    asyncio.run(run_remove(_settings(school), ["gone"]))
    assert "gone" not in _listed(school, capsys)


async def test_many_files_are_stored_together_and_each_says_what_it_came_to(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knowledge.documents.ingest.TOGETHER", 4)
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(10):
        (folder / f"{number}.txt").write_text(f"{number}番の文です。")
    (folder / "5.txt").write_text("")
    (folder / os.fsdecode(b"\x83\x5c.txt")).write_text("古い名前の文です。")
    library = Library(database, tmp_path)
    sources = find_sources([folder])
    outcomes = [added.outcome async for added in add_sources(library, sources, now=NOW)]
    assert sorted(map(str, outcomes)) == ["None", *["added"] * 10]
    (folder / "3.txt").write_text("かわった文です。")
    again = {added.name: added async for added in add_sources(library, sources, now=NOW)}
    assert [name for name, added in again.items() if added.outcome is Outcome.CHANGED] == ["3.txt"]
    assert again["5.txt"].reason is Reason.EMPTY
    assert len(await library.listed(Reader(orgs=None, is_staff=True, on=NOW.date()))) == 10


async def test_one_file_from_a_chat_is_added_for_its_school(database: Database, tmp_path: Path) -> None:
    library = Library(database, tmp_path)
    added = await add_file(
        library,
        name="遠足.md",
        content="# 遠足のしおり\n\n## 集合\n\n8時に校庭です。\n".encode(),
        source="upload:minami:遠足.md",
        title=None,
        audience=DocumentAudience.EVERYONE,
        org_id="minami",
        valid_until=None,
        added_by="t-abe",
        now=NOW,
    )
    assert (added.outcome, added.title, added.id) == (Outcome.ADDED, "遠足のしおり", "遠足")
    (passage,) = await library.passages("遠足", Reader(orgs=frozenset(["minami"]), is_staff=False, on=NOW.date()))
    assert (passage.section, passage.text) == ("集合", "8時に校庭です。")
