"""The audit of dependencies fails where something is known, and says where nothing could be asked; and the locks are
what they should be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.audit import LOCKS, ROOT, Report, audit, first_pin

LOCK = """\
# pinned
jinja2==3.1.6 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
lxml==6.1.0 ; sys_platform == 'linux' \\
    --hash=sha256:cc
"""
PIN = re.compile(r"^([A-Za-z0-9._-]+(?:\[[^]]+\])?)==(\S+)(?: ;[^\\]*)?\s*\\?$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")


def vulnerable(name: str, *ids: str) -> dict[str, Any]:
    return {"name": name, "version": "1", "vulns": [{"id": each, "fix_versions": ["2"]} for each in ids]}


def unknown(name: str) -> dict[str, Any]:
    return {"name": name, "skip_reason": "Dependency not found on PyPI and could not be audited"}


def run(folder: Path, *answers: Report | None) -> tuple[bool, str]:
    (folder / "some.lock").write_text(LOCK)
    left = list(answers)
    good, said = audit(folder / "some.lock", lambda _service, _lock: left.pop(0))
    return good, "\n".join(said)


def test_a_known_vulnerability_fails_and_is_named(tmp_path: Path) -> None:
    report = {"dependencies": [vulnerable("jinja2"), vulnerable("lxml", "CVE-2099-1")]}
    good, said = run(tmp_path, {"dependencies": [vulnerable("jinja2")]}, report)
    assert not good
    assert "lxml 1: CVE-2099-1 (fixed in 2)" in said


def test_nothing_known_passes_and_says_how_much_was_asked_and_what_was_not(tmp_path: Path) -> None:
    report = {"dependencies": [vulnerable("jinja2"), unknown("lxml")]}
    good, said = run(tmp_path, {"dependencies": [vulnerable("jinja2")]}, report)
    assert good
    assert "1 packages audited (pypi), 0 known" in said
    assert "not audited, the service does not know them: lxml" in said


def test_a_registry_without_advisories_is_asked_about_one_package_and_then_the_other_service(tmp_path: Path) -> None:
    good, said = run(tmp_path, {"dependencies": [unknown("jinja2")]}, None)
    assert good
    assert "NOT AUDITED" in said


def test_one_package_is_taken_with_its_hashes() -> None:
    assert first_pin(LOCK) == "jinja2==3.1.6 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"


@pytest.mark.parametrize("name", LOCKS)
def test_every_pinned_dependency_has_hashes_and_no_lock_names_a_host(name: str) -> None:
    lines = [line for line in (ROOT / name).read_text("utf-8").splitlines() if line and not line.startswith("#")]
    strange = [line for line in lines if not PIN.match(line) and not HASH.match(line)]
    assert strange == []  # no option, no address, no version left open
    pins = [n for n, line in enumerate(lines) if PIN.match(line)]
    assert pins and [lines[n] for n in pins if not HASH.match(lines[n + 1])] == []
    assert "://" not in (ROOT / name).read_text("utf-8")
