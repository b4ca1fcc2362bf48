"""``ayumi documents``: what can be answered from. The work of each command is in a module of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from assistant.cli.running import At, Json, checked_text, load, moment, run
from assistant.errors import SettingsError

app = typer.Typer(name="documents", help="Documents that questions are answered from.", no_args_is_help=True)

Number = Annotated[int, typer.Option("-k", metavar="N", help="How many passages at most.", min=1, max=100)]
Batch = Annotated[Path | None, typer.Option("--batch", metavar="FILE", help='JSON lines {"id","text"}.')]

AsksAs = Annotated[
    str | None,
    typer.Option("--as", metavar="PERSON", help="sourcedId of the person who asks; without it, everything is found."),
]


@app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Files, folders, zips.")],
    title: Annotated[str | None, typer.Option(help="Its title; for one file.")] = None,
    audience: Annotated[str | None, typer.Option(metavar="WHO", help="everyone (if not said) or staff.")] = None,
    school: Annotated[str | None, typer.Option(metavar="ID", help="sourcedId of the school it is for.")] = None,
    district: Annotated[str | None, typer.Option(metavar="ID", help="sourcedId of the district it is for.")] = None,
    valid_until: Annotated[
        str | None, typer.Option("--valid-until", metavar="DATE", help="Last day it is answered from: 2027-03-31.")
    ] = None,
    replaces: Annotated[
        str | None, typer.Option(metavar="ID", help="The document whose place it takes; for one file.")
    ] = None,
) -> None:
    """Add documents; a changed file replaces its old version."""
    from assistant.cli.documents_add import Wanted, run_add

    wanted = Wanted(
        title=title,
        audience=audience,
        school=school,
        district=district,
        valid_until=valid_until,
        replaces=replaces,
    )
    run(run_add(load(), paths, wanted, now=datetime.now(UTC)))


@app.command("list")
def list_(json: Json = False) -> None:
    """List the documents, by title."""
    from assistant.cli.documents_add import run_list

    run(run_list(load(), json=json))


@app.command()
def remove(ids: Annotated[list[str], typer.Argument(metavar="ID…", help="As 'documents list' shows them.")]) -> None:
    """Take documents out, with every trace of them."""
    from assistant.cli.documents_add import run_remove

    run(run_remove(load(), ids))


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="What to look for.")] = "",
    as_: AsksAs = None,
    at: At = None,
    json: Json = False,
    k: Number = 5,
    batch: Batch = None,
) -> None:
    """Find the passages that fit a text, best first."""
    from assistant.cli.documents_search import run_search, run_search_batch

    person_id = None if as_ is None else checked_text(as_)
    if batch is not None:
        run(run_search_batch(load(), batch, person_id, moment(at), k=k))
    elif not text:
        raise SettingsError("documents search needs a text, or --batch FILE")
    else:
        run(run_search(load(), checked_text(text), person_id, moment(at), k=k, json=json))


@app.command()
def ask(
    text: Annotated[str, typer.Argument(help="The question.")] = "",
    as_: AsksAs = None,
    at: At = None,
    json: Json = False,
    batch: Batch = None,
) -> None:
    """Answer a question from the documents, with the source cited."""
    from assistant.cli.documents_ask import run_ask, run_ask_batch

    person_id = None if as_ is None else checked_text(as_)
    if batch is not None:
        run(run_ask_batch(load(), batch, person_id, moment(at)))
    elif not text:
        raise SettingsError("documents ask needs a question, or --batch FILE")
    else:
        run(run_ask(load(), checked_text(text), person_id, moment(at), json=json))
