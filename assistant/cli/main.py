"""The command ``ayumi``: what it can do, and how it says what went wrong.

Imports inside commands are on purpose: ``ayumi --help`` must answer at once, and the libraries behind a server take
seconds to load.
"""

from __future__ import annotations

import gc
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from assistant.cli import auditing, documents
from assistant.cli.running import At, Json
from assistant.cli.running import checked_text as _text
from assistant.cli.running import load as _settings
from assistant.cli.running import moment as _moment
from assistant.cli.running import run as _run
from assistant.errors import AssistantError, SettingsError

app = typer.Typer(
    name="ayumi",
    help="Ayumi (あゆみ) walks a school day with every child: 見通し → 学び → 振り返り.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(documents.app)
app.add_typer(auditing.app)

IMPORTED = (
    "oneroster, checkins, attendance, nurse-visits, study-log, assessments, observations, calendar, content, "
    "activities, consents."
)
WRONG_USE, BAD_DATA = 2, 1  # exit statuses

As = Annotated[str, typer.Option("--as", metavar="PERSON", help="sourcedId of the person who speaks.")]
AsksAs = Annotated[str, typer.Option("--as", metavar="PERSON", help="sourcedId of the person who asks.")]
HealthHost = Annotated[str, typer.Option("--host", help="Address to listen on, with --port.")]
HealthPort = Annotated[
    int | None,
    typer.Option("--port", help="Serve /healthz, /readyz and /metrics there.", min=1, max=65535, show_default=False),
]
Batch = Annotated[
    Path | None,
    typer.Option("--batch", metavar="FILE", help='JSON lines {"id","as","at","text","conversation"}.'),
]


def _load_at_ease() -> None:
    """What a process loads to begin with stays for good. To look for garbage meanwhile takes a fifth of the time; once
    it is at work it does (``run_process``)."""
    gc.disable()


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    demo: Annotated[bool, typer.Option("--demo", help="Load the demo district; sign in with one tap.")] = False,
    worker: Annotated[bool, typer.Option("--worker/--no-worker", help="Answer messages in this process.")] = True,
    scheduler: Annotated[bool, typer.Option("--scheduler/--no-scheduler", help="Send prompts from here.")] = True,
) -> None:
    """Serve web, webhooks, worker and scheduler."""
    _load_at_ease()
    from assistant.cli.serve import run_server

    run_server(_settings(), host=host, port=port, demo=demo, worker=worker, scheduler=scheduler)


@app.command()
def worker(host: HealthHost = "127.0.0.1", port: HealthPort = None) -> None:
    """Answer messages and send what is due, as a process of its own."""
    _load_at_ease()
    from assistant.cli.roles import run_roles

    run_roles(_settings(), host=host, port=port, worker=True, scheduler=False)


@app.command()
def scheduler(host: HealthHost = "127.0.0.1", port: HealthPort = None) -> None:
    """Plan prompts, as a process of its own. Of several, one acts; the others take over when it is gone."""
    _load_at_ease()
    from assistant.cli.roles import run_roles

    run_roles(_settings(), host=host, port=port, worker=False, scheduler=True)


@app.command()
def migrate() -> None:
    """Bring the database schema up to date."""
    from assistant.cli.data import run_migrate

    _run(run_migrate(_settings()))


@app.command()
def backup(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write it.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there already.")] = False,
) -> None:
    """Back up the data folder and its database into one file, while Ayumi works."""
    from assistant.cli.backup import run_backup

    run_backup(_settings(), out, overwrite=overwrite, now=datetime.now(UTC))


@app.command()
def restore(
    file: Annotated[Path | None, typer.Argument(help="What ayumi backup wrote.")] = None,
    settle: Annotated[bool, typer.Option("--settle", help="PostgreSQL: after pg_restore, instead of FILE.")] = False,
    stopped_at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="When the old installation sent its last: what was due later still goes out."
        ),
    ] = None,
) -> None:
    """Bring a backup back into an empty data folder; nothing that may have been sent is sent twice."""
    from assistant.cli.backup import run_restore, run_settle

    if settle == (file is not None):
        raise SettingsError("restore needs FILE, or --settle for PostgreSQL")
    moment, now = _moment(stopped_at, "--stopped-at"), datetime.now(UTC)
    if moment is not None and moment > now:
        raise SettingsError("--stopped-at: expected a time that is past")
    _run(run_settle(_settings(), moment, now=now) if file is None else run_restore(_settings(), file, moment, now=now))


@app.command("import")
def import_(
    kind: Annotated[str, typer.Argument(help=IMPORTED)],
    path: Annotated[Path, typer.Argument(help="A CSV file; for oneroster a folder or a zip.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only; write nothing.")] = False,
) -> None:
    """Import data: all of it or nothing."""
    from assistant.cli.data import run_import_command

    _run(run_import_command(_settings(), kind, path, dry_run=dry_run, now=datetime.now(UTC)))


@app.command("link-code")
def link_code(persons: Annotated[list[str], typer.Argument(metavar="PERSON…", help="sourcedIds.")]) -> None:
    """Print a fresh link code per person, the code its last word."""
    from assistant.cli.people import run_link_code

    _run(run_link_code(_settings(), persons))


@app.command("line-menu")
def line_menu() -> None:
    """Put the menu under everybody's LINE chat; safe to run again."""
    from assistant.cli.line_menu import run_line_menu

    _run(run_line_menu(_settings()))


@app.command()
def ask(
    as_: AsksAs = "",
    text: Annotated[str, typer.Argument(help="The question.")] = "",
    at: At = None,
    json: Json = False,
    chart: Annotated[Path | None, typer.Option(metavar="FILE", help="Also save a picture (PNG) of the answer.")] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Also save the answer as CSV.")] = None,
    batch: Batch = None,
) -> None:
    """Ask one question about the data; with --batch, many."""
    from assistant.cli.asking import run_ask, run_ask_batch

    if batch is not None:
        _run(run_ask_batch(_settings(), batch))
    elif not as_ or not text:
        raise SettingsError("ask needs --as PERSON and a question, or --batch FILE")
    else:
        _run(run_ask(_settings(), _text(as_), _text(text), _moment(at), json=json, chart=chart, csv=csv))


@app.command()
def understand(
    as_: AsksAs = "",
    text: Annotated[str, typer.Argument(help="What the person writes.")] = "",
    at: At = None,
    json: Json = False,
    batch: Batch = None,
) -> None:
    """Show what a text is taken to mean, without doing it."""
    from assistant.cli.asking import run_understand, run_understand_batch

    if batch is not None:
        _run(run_understand_batch(_settings(), batch))
    elif not as_ or not text:
        raise SettingsError("understand needs --as PERSON and a text, or --batch FILE")
    else:
        _run(run_understand(_settings(), _text(as_), _text(text), _moment(at), json=json))


@app.command()
def say(
    as_: As,
    text: Annotated[str, typer.Argument(help="What the person writes.")],
    at: At = None,
    json: Json = False,
) -> None:
    """One turn of conversation; prints the replies."""
    from assistant.cli.talk import run_say

    _run(run_say(_settings(), _text(as_), _text(text), _moment(at), json=json))


@app.command()
def chat(as_: As, at: At = None) -> None:
    """Talk in the terminal; an empty line ends it."""
    from assistant.cli.talk import run_chat

    _run(run_chat(_settings(), _text(as_), _moment(at)))


@app.command()
def alerts(json: Json = False) -> None:
    """List alerts, the newest first. Texts are not shown here."""
    from assistant.cli.people import run_alerts

    _run(run_alerts(_settings(), json=json))


@app.command()
def reminders(json: Json = False) -> None:
    """List the reminders that are stored, the oldest first."""
    from assistant.cli.reminders import run_reminders

    _run(run_reminders(_settings(), json=json))


@app.command()
def export(
    kind: Annotated[str, typer.Argument(help="activity (of a class), content-feedback, or person.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write it.")],
    person: Annotated[str, typer.Argument(metavar="[ID]", help="Of a person: the sourcedId.")] = "",
    class_: Annotated[str, typer.Option("--class", metavar="ID", help="sourcedId of a homeroom class.")] = "",
    from_: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day: 2026-11-24.")] = None,
    to: Annotated[str | None, typer.Option(metavar="DATE", help="Last day, today if not said.")] = None,
    for_: Annotated[str, typer.Option("--for", help="Of a person: who gets it, person or guardian.")] = "person",
) -> None:
    """Write data of a class, of all schools, or everything about a person, to a file in an open format."""
    from assistant.cli.export import run_export_command
    from assistant.cli.privacy import PERSON, run_export_person

    if kind == PERSON:
        _run(run_export_person(_settings(), person, for_, out, now=datetime.now(UTC)))
        return
    if person:
        raise SettingsError(f"export {kind} takes no id: leave '{person}' out")
    _run(run_export_command(_settings(), kind, class_, from_, to, out))


@app.command()
def erase(
    kind: Annotated[str, typer.Argument(help="person.")],
    id_: Annotated[str, typer.Argument(metavar="ID", help="sourcedId.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it is only shown.")] = False,
) -> None:
    """Erase everything about a person, for good, and prove it."""
    from assistant.cli.privacy import run_erase

    _run(run_erase(_settings(), kind, _text(id_), yes=yes, now=datetime.now(UTC)))


@app.command()
def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Clear what is older than its kind is kept, as happens every night."""
    from assistant.cli.privacy import run_retention

    _run(run_retention(_settings(), dry_run=dry_run, now=datetime.now(UTC)))


@app.command()
def doctor(
    json: Json = False,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="AYUMI_SECRET_KEY was changed on purpose, on every machine.")
    ] = False,
) -> None:
    """Check settings, database, channels and schedule, and say what to do about each finding."""
    from assistant.cli.doctor import run_doctor, run_new_key

    raise typer.Exit(_run(run_new_key(_settings()) if new_key else run_doctor(_settings(), json=json)))


def main() -> None:
    """The entry point: every foreseeable error is one line on standard error."""
    os.umask(0o077)  # databases, keys, exports and backups are for whoever runs this, not for others on the machine
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        explained = _explained(error)
        if explained is None:
            raise  # nobody foresaw it: the trace is all there is to go by
        message, status = explained
        print(f"ayumi: {message}", file=sys.stderr)  # noqa: T201 -- the command line speaks here
        sys.exit(status)


def _explained(error: Exception) -> tuple[str, int] | None:
    """What to tell the operator, and the exit status; None for an error that nobody foresaw."""
    from sqlalchemy.exc import DBAPIError

    from knowledge.db import FORBIDDEN, is_forbidden
    from knowledge.errors import DatabaseAddressError, KnowledgeError, StorageDownError
    from scheduler.errors import SchedulerError

    match error:
        case SettingsError() | SchedulerError():
            return str(error), WRONG_USE
        case DatabaseAddressError():
            return f"AYUMI_DATABASE_URL: {error}", WRONG_USE
        case StorageDownError():
            return f"the database cannot be reached ({error}): check AYUMI_DATABASE_URL and that it runs", BAD_DATA
        case DBAPIError() if is_forbidden(error):
            return f"{FORBIDDEN}: let the user of AYUMI_DATABASE_URL own the database and its tables", BAD_DATA
        case DBAPIError():  # such as a file that is no database; its text may carry data and is not shown
            return f"the database refused ({type(error.orig).__name__}): check AYUMI_DATABASE_URL", BAD_DATA
        case OSError():
            return f"{error.filename or 'a file'}: {error.strerror}: check AYUMI_DATA_DIR", WRONG_USE
        case AssistantError() | KnowledgeError():
            return str(error), BAD_DATA
        case _:
            return None
