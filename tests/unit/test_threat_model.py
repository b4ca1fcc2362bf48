"""The threat model names files and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
NAMED = re.findall(r"`((?:assistant|intents|knowledge|scheduler|tests|deploy)/[\w./-]+)(?:::(\w+))?`", PAGE)


def test_every_file_and_every_test_that_it_names_is_there() -> None:
    files = {path for path, _ in NAMED}
    assert {path for path in files if not (ROOT / path).is_file()} == set()
    tests = [(path, name) for path, name in NAMED if name]
    assert len(tests) > 20
    missing = [name for path, name in tests if f"def {name}(" not in (ROOT / path).read_text("utf-8")]
    assert missing == []


def test_every_test_is_named_with_its_file() -> None:
    assert re.findall(r"(?<!::)\btest_\w+(?!\w*\.py)\b(?=`)", PAGE) == []


def test_it_says_what_remains_and_what_is_open() -> None:
    for open_part in ("OIDC", "audit log", "erasure", "Remains", "What remains"):
        assert open_part in PAGE
