"""The ten failures that every platform brings one day: each has a test that carries its number."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
FAILURES = {
    1: "the same event five times at once",
    2: "killed between 200 and the answer",
    3: "the database down at receipt",
    4: "the reply token expired",
    5: "a push accepted, its answer lost",
    6: "a Slack post accepted, the connection dropped",
    7: "the month's quota used up",
    8: "events out of order, an old postback again",
    9: "a poisonous event among good ones",
    10: "a slow answer",
}


def test_each_of_the_ten_failures_has_a_test() -> None:
    named = re.compile(r"def test_failure_(\d+)_")
    files = (TESTS / "integration").glob("test_*.py")
    found = {int(number) for file in files for number in named.findall(file.read_text("utf-8"))}
    assert found == FAILURES.keys()
