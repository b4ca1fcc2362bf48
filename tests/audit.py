"""``make audit``: whether any pinned dependency has a known vulnerability, where somebody can be asked.

pip-audit passes when a registry does not know a package at all; so what it says is read here, and what nobody was able
to say is said plainly.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")
SERVICES = ("pypi", "osv")  # the registry's own advisories, else the Open Source Vulnerabilities database
PATIENCE = 15  # seconds for one answer of a service

Report = Mapping[str, Any]  # pip-audit's JSON
Ask = Callable[[str, Path], Report | None]  # a service about a lock; None: there is no such service here


def audit(lock: Path, ask: Ask) -> tuple[bool, list[str]]:
    """Whether nothing bad is known, and what is to be said."""
    for service in SERVICES:
        with TemporaryDirectory() as folder:
            probe = Path(folder, "one.lock")  # a registry without advisories is not asked about every package
            probe.write_text(first_pin(lock.read_text("utf-8")), "utf-8")
            if not _audited(ask(service, probe)):
                continue
        report = ask(service, lock)
        if not (known := _audited(report)) or report is None:
            continue
        bad = [f"{each['name']} {each['version']}: {_named(vuln)}" for each in known for vuln in each["vulns"]]
        unknown = [each["name"] for each in report["dependencies"] if "skip_reason" in each]
        said = [f"{lock.name}: {len(known)} packages audited ({service}), {len(bad)} known vulnerabilities", *bad]
        return not bad, [
            *said,
            *([f"not audited, the service does not know them: {', '.join(unknown)}"] * bool(unknown)),
        ]
    return True, [
        f"{lock.name}: NOT AUDITED: no advisory service can be asked from this machine ({', '.join(SERVICES)})"
    ]


def first_pin(lock: str) -> str:
    """The first package of a lock, with its hashes."""
    lines = [line for line in lock.splitlines() if line and not line.startswith("#")]
    end = next((n for n, line in enumerate(lines[1:], 1) if not line.startswith(" ")), len(lines))
    return "\n".join(lines[:end]).removesuffix("\\") + "\n"


def ask_pip_audit(service: str, lock: Path) -> Report | None:
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--vulnerability-service", service]
    options = ["--disable-pip", "--no-deps", "--require-hashes", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run([*command, *options, "--timeout", str(PATIENCE)], capture_output=True, check=False)
    try:
        return orjson.loads(done.stdout)
    except orjson.JSONDecodeError:  # it stumbled over the network
        return None


def _audited(report: Report | None) -> Sequence[Mapping[str, Any]]:
    return [each for each in report["dependencies"] if "vulns" in each] if report is not None else []


def _named(vuln: Mapping[str, Any]) -> str:
    fixed = ", ".join(vuln["fix_versions"]) or "not yet"
    return f"{vuln['id']} (fixed in {fixed})"


def main() -> int:
    if find_spec("pip_audit") is None:
        sys.stderr.write("audit: pip-audit is not installed: run make audit\n")
        return 2
    is_good = True
    for name in LOCKS:
        passed, said = audit(ROOT / name, ask_pip_audit)
        is_good = is_good and passed
        sys.stdout.writelines(f"audit: {line}\n" for line in said)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
