"""``ayumi documents search``: one text, or a file of them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from assistant.cli.documents_search import run_search, run_search_batch
from assistant.settings import Settings
from knowledge.db import Database
from knowledge.documents.library import Library
from knowledge.documents.model import DocumentAudience
from tests.builders.oneroster import write_oneroster
from tests.contracts.test_library import ABSENCE, BOTTLE, note
from tests.integration.test_cli import ayumi

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
STAFF = note("職員のしおり", "水筒の点検は、担任が月に一度行います。", audience=DocumentAudience.STAFF)
PAST = note("夏のきまり", "水筒は二本まで持ってきてよいです。", valid_until=date(2026, 8, 31))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a roster and four documents."""
    folder = tmp_path_factory.mktemp("search")
    write_oneroster(folder / "oneroster")
    assert ayumi(folder, "import", "oneroster", str(folder / "oneroster"))[0] == 0

    async def fill() -> None:
        database = Database(f"sqlite:///{folder / 'ayumi.db'}")
        await Library(database, folder).put_all([BOTTLE, ABSENCE, STAFF, PAST], NOW)
        await database.close()

    asyncio.run(fill())
    return folder


def said(folder: Path, capsys: pytest.CaptureFixture[str], text: str, as_: str | None = None, **options: bool) -> str:
    """What the command prints, of two results at most."""
    settings = Settings(AYUMI_DATA_DIR=folder, _env_file=None)  # pyright: ignore[reportCallIssue] -- by alias
    capsys.readouterr()
    asyncio.run(run_search(settings, text, as_, NOW, k=2, json=options.get("json", True)))
    return capsys.readouterr().out


def documents(answer: str) -> set[str]:
    return {each["document"] for each in json.loads(answer)["results"]}


def test_a_result_names_its_source(folder: Path) -> None:
    arguments = ["--json", "-k", "1", "--at", "2026-11-20T09:00", "--as", "s-hana", "水筒は一年中もってきていい？"]
    status, out, err = ayumi(folder, "documents", "search", *arguments)
    assert (status, err) == (0, "")
    answer = json.loads(out)
    assert answer["results"][0].pop("score") > 0
    assert answer == {
        "id": None,
        "results": [
            {
                "document": "東小のきまり",
                "title": "東小のきまり",
                "section": "きまり",
                "page": 1,
                "text": "水筒は一年中もってきてよいです。",
            }
        ],
    }


def test_an_operator_finds_all_and_a_child_only_what_is_for_everyone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert documents(said(folder, capsys, "水筒")) == {"東小のきまり", "職員のしおり"}
    assert documents(said(folder, capsys, "水筒", "s-hana")) == {"東小のきまり"}
    assert documents(said(folder, capsys, "水筒", "t-ito")) == {"東小のきまり", "職員のしおり"}


def test_without_json_it_is_a_list_to_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = said(folder, capsys, "欠席の知らせ方", json=False)
    assert listed.startswith(
        "1. 西小のきまり · きまり · p. 1 [西小のきまり]\n   欠席のときは、朝八時までに知らせてください。\n"
    )


def test_a_batch_answers_line_by_line_with_its_ids(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = {"a": "水筒", "b": "？？", "c": "欠席のとき"}
    batch = tmp_path / "batch.jsonl"
    batch.write_text("".join(json.dumps({"id": id_, "text": text}) + "\n\n" for id_, text in texts.items()))
    settings = Settings(AYUMI_DATA_DIR=folder, _env_file=None)  # pyright: ignore[reportCallIssue] -- by alias
    asyncio.run(run_search_batch(settings, batch, None, NOW, k=5))
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["id"] for answer in answers] == ["a", "b", "c"]
    assert answers[1]["results"] == []
    assert answers[2]["results"][0]["document"] == "西小のきまり"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--as", "nobody", "水筒"], 1, "nobody"),
        ([], 2, "documents search needs a text"),
        (["--batch", "missing.jsonl"], 1, "missing.jsonl: cannot be read"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(folder: Path, arguments: list[str], status: int, words: str) -> None:
    ended, out, err = ayumi(folder, "documents", "search", *arguments)
    assert (ended, out, err.count("\n")) == (status, "", 1)
    assert words in err
