"""``ayumi ask`` and ``ayumi understand`` with what goes wrong: nothing to draw, files and names that are none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.oneroster import write_oneroster

AT = ("--at", "2026-05-11T16:00")
RATE = "今日のふりかえりの提出率は？"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the small district."""
    folder = tmp_path_factory.mktemp("data")
    write_oneroster(folder / "oneroster")
    assert ayumi(folder, "migrate").returncode == 0
    assert ayumi(folder, "import", "oneroster", str(folder / "oneroster")).returncode == 0
    return folder


def ayumi(folder: Path, *arguments: str | bytes, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "AYUMI_DATA_DIR": str(folder), "PYTHONUTF8": "1", **settings}
    return subprocess.run(
        [sys.executable, "-m", "assistant", *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_a_table_is_saved_where_there_is_nothing_to_draw(folder: Path, tmp_path: Path) -> None:
    chart, csv = tmp_path / "a.png", tmp_path / "a.csv"
    done = ayumi(folder, "ask", "--as", "t-ito", *AT, RATE, "--chart", str(chart), "--csv", str(csv))
    assert done.stdout.startswith("0.0%")
    assert done.returncode == 1 and str(chart) in done.stderr and "Traceback" not in done.stderr
    assert csv.exists() and not chart.exists()


def test_a_name_that_is_no_text_is_said_so(folder: Path) -> None:
    done = ayumi(folder, "ask", "--as", b"t\xff", *AT, RATE)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_a_batch_with_a_byte_order_mark_is_read(folder: Path, tmp_path: Path) -> None:
    line = {"id": 1, "as": "t-ito", "at": "2026-05-11T16:00", "text": RATE}
    (tmp_path / "batch").write_text(json.dumps(line), "utf-8-sig")
    done = ayumi(folder, "ask", "--batch", str(tmp_path / "batch"), "--json")
    assert json.loads(done.stdout)["status"] == "answered"


@pytest.mark.parametrize(
    "line", ['{"id": 1, "text": "佐藤花の気分"', "[1]", '{"id": 1, "as": "a\\u0000", "text": "佐藤花"}']
)
def test_a_bad_line_is_named_and_its_words_are_not_shown(folder: Path, tmp_path: Path, line: str) -> None:
    (tmp_path / "batch").write_text(f"\n{line}\n", "utf-8")
    done = ayumi(folder, "ask", "--batch", str(tmp_path / "batch"))
    assert done.returncode == 1
    assert ":2: expected" in done.stderr
    assert "佐藤" not in done.stderr and "\\x" not in done.stderr


def test_a_model_without_its_key_is_a_matter_of_settings(folder: Path) -> None:
    done = ayumi(folder, "ask", "--as", "t-ito", *AT, RATE, AYUMI_LLM="openai:some-model")
    assert done.returncode == 2
    assert "OPENAI_API_KEY" in done.stderr and done.stderr.count("\n") == 1
