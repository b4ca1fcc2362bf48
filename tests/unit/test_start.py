"""What a process does not load before it is at work: a crash costs as long as a start takes."""

from __future__ import annotations

import subprocess
import sys

import pytest

LATER = {"linebot", "slack_sdk", "slack_bolt", "assistant.demo", "chromadb", "langchain_core", "matplotlib", "openai"}
PAGES = {"jinja2", "assistant.web.app"}


@pytest.mark.parametrize(("module", "later"), [("serve", LATER), ("roles", LATER | PAGES)])
def test_a_process_starts_without_what_it_may_never_need(module: str, later: set[str]) -> None:
    code = f"import sys, assistant.cli.{module}; print(*({later} & sys.modules.keys()))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert loaded.stdout.split() == []
