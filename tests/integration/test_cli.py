"""The command ``ayumi`` as an operator types it."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.oneroster import write_oneroster

Ran = tuple[int, str, str]  # exit status, standard output, standard error


def ayumi(folder: Path, *arguments: str, **settings: str) -> Ran:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AYUMI_", "LINE_", "SLACK_"))
    }
    environment |= {"AYUMI_DATA_DIR": str(folder), "PYTHONPATH": str(Path.cwd()), **settings}
    ran = subprocess.run(
        [sys.executable, "-m", "assistant", *arguments],
        env=environment,
        cwd=folder.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ran.returncode, ran.stdout, ran.stderr


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the small district."""
    folder = tmp_path_factory.mktemp("school") / "var"
    folder.mkdir()
    write_oneroster(folder / "oneroster")
    status, out, _ = ayumi(folder, "import", "oneroster", str(folder / "oneroster"))
    assert status == 0
    assert out.strip().startswith("added=")
    return folder


def test_importing_the_same_again_changes_nothing(school: Path) -> None:
    status, out, _ = ayumi(school, "import", "oneroster", str(school / "oneroster"))
    assert status == 0
    assert re.fullmatch(r"added=0 changed=0 unchanged=\d+ rejected=0", out.strip().splitlines()[-1])


def test_a_turn_in_a_terminal_prints_the_answer_and_nothing_else(school: Path) -> None:
    users = (school / "oneroster" / "users.csv").read_text("utf-8-sig").splitlines()
    person = next(csv.DictReader(users))["sourcedId"]
    status, out, err = ayumi(school, "say", "--as", person, "使い方")
    assert (status, bool(out.strip()), err) == (0, True, "")


def test_a_broken_file_is_named_by_line_and_nothing_is_printed_but_the_summary(school: Path, tmp_path: Path) -> None:
    file = tmp_path / "calendar.csv"
    file.write_text("schoolId,date,kind\nminami,2026-13-01,holiday\n")
    status, out, err = ayumi(school, "import", "calendar", str(file))
    assert status == 1
    assert "calendar.csv:2: date '2026-13-01'" in err
    assert out.strip() == "added=0 changed=0 unchanged=0 rejected=1"


def test_a_link_code_is_the_last_word_of_its_line(school: Path) -> None:
    status, out, _ = ayumi(school, "link-code", "s-hana", "s-ren")
    assert status == 0
    assert [re.fullmatch(r"s-\w+ [A-HJ-KMNP-Z2-9]{8}", line) is not None for line in out.splitlines()] == [True, True]


def test_a_cry_for_help_becomes_an_alert_and_json_stays_json(school: Path) -> None:
    status, out, err = ayumi(school, "say", "--as", "s-yui", "--at", "2026-05-11T08:21", "--json", "死にたい")
    assert status == 0
    assert "0120-0-78310" in json.loads(out)["replies"][0]["text"]
    assert "死にたい" not in err
    status, out, _ = ayumi(school, "alerts", "--json")
    (alert,) = json.loads(out)
    assert set(alert) == {"id", "person", "level", "state", "at"}
    assert (alert["person"], alert["level"], alert["at"]) == ("s-yui", "urgent", "2026-05-11T08:21:00+09:00")


def test_a_batch_answers_line_by_line_in_order(school: Path, tmp_path: Path) -> None:
    lines = [
        {"id": "a", "as": "t-ito", "at": "2026-05-11T09:00", "text": "今日まだチェックインしていない子は？"},
        {"id": "b", "as": "s-hana", "at": "2026-05-11T09:00", "text": "鈴木蓮さんの今日のチェックインは？"},
        {"id": "c", "as": "t-ito", "text": "宿題は何ページ？"},
    ]
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    status, out, _ = ayumi(school, "ask", "--batch", str(file), "--json")
    answers = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [(answer["id"], answer["status"]) for answer in answers] == [
        ("a", "answered"),
        ("b", "refused"),
        ("c", "not_understood"),
    ]
    assert answers[0]["question"]["condition"]["op"] == "missing"
    assert [row["id"] for row in answers[0]["rows"]] == ["s-hana", "s-ren"]


def test_doctor_says_what_is_missing(school: Path, tmp_path: Path) -> None:
    status, out, _ = ayumi(school, "doctor", LINE_CHANNEL_SECRET="x")
    assert status == 1
    assert "BAD   LINE: off: set LINE_CHANNEL_SECRET and LINE_CHANNEL_ACCESS_TOKEN" in out
    assert "ok    database: sqlite, schema up to date" in out


@pytest.mark.parametrize(
    ("arguments", "settings", "status", "named"),
    [
        (["alerts"], {"AYUMI_TIMEZONE": "Mars"}, 2, "AYUMI_TIMEZONE"),
        (["alerts"], {"AYUMI_LANGUAGE": "fr"}, 2, "AYUMI_LANGUAGE"),
        (["alerts"], {"AYUMI_DATABASE_URL": "mysql://x"}, 2, "AYUMI_DATABASE_URL"),
        (["alerts"], {"AYUMI_DATABASE_URL": "postgresql://127.0.0.1:port/x"}, 2, "AYUMI_DATABASE_URL"),
        (["alerts"], {"AYUMI_DATABASE_URL": "postgresql://u:pw@127.0.0.1:1/x"}, 1, "AYUMI_DATABASE_URL"),
        (["alerts"], {"AYUMI_DATA_DIR": "/dev/null"}, 2, "AYUMI_DATA_DIR"),
        (["alerts"], {"SLACK_API_BASE_URL": "https://slack.example/"}, 2, "SLACK_API_BASE_URL"),
        (["alerts"], {"AYUMI_LINK_CODE_HOURS": "1000"}, 2, "AYUMI_LINK_CODE_HOURS"),
        (["say", "--as", "s-hana", "--at", "yesterday", "x"], {}, 2, "--at"),
        (["say", "--as", "s-hana", "--at", "0001-01-01", "x"], {}, 2, "--at"),
        (["say", "--as", "nobody", "x"], {}, 1, "nobody"),
        (["link-code", "s-hana", "nobody"], {}, 1, "nobody"),
        (["import", "nonsense", "x.csv"], {}, 2, "nonsense"),
        (["ask"], {}, 2, "--as"),
    ],
)
def test_what_is_mistyped_is_one_line_that_names_it(
    school: Path, arguments: list[str], settings: dict[str, str], status: int, named: str
) -> None:
    ran, out, err = ayumi(school, *arguments, **settings)
    assert (ran, out) == (status, "")
    assert len(err.strip().splitlines()) == 1
    assert named in err
    assert "pw" not in err
