"""``ayumi doctor``: prints what ``assistant/doctor`` finds."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import typer

from assistant.doctor import Finding, examine
from assistant.installation import change_key
from assistant.settings import Settings
from knowledge.db import Database

MARKS = {True: "ok  ", None: "note", False: "BAD "}


async def run_doctor(settings: Settings, *, json: bool = False) -> int:
    """Print every finding; 1 when something is wrong, 0 otherwise."""
    findings: list[Finding] = []
    async for finding in examine(settings):
        findings.append(finding)
        if not json:  # a platform that does not answer takes seconds: what is known is shown meanwhile
            typer.echo(f"{MARKS[finding.ok]}  {finding.about}: {finding.says}")
    if json:
        typer.echo(orjson.dumps([each.to_json() for each in findings], option=orjson.OPT_INDENT_2).decode())
    return int(any(each.ok is False for each in findings))


async def run_new_key(settings: Settings) -> int:
    """From now on this machine's secret key is that of the installation. Raises ``StorageDownError``."""
    database = Database(settings.database)
    try:
        await change_key(database, settings.secret(), datetime.now(UTC))
    finally:
        await database.close()
    typer.echo("this machine's secret key is that of the installation now; links and unused codes of the old one end")
    return 0
