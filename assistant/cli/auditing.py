"""``ayumi audit``: who looked at, changed or was refused what, and whether that record was touched."""

from __future__ import annotations

from typing import Annotated

import typer

from assistant.cli.running import Json, load, run

app = typer.Typer(name="audit", help="Who looked at, changed or was refused what.", no_args_is_help=True)


@app.command()
def verify(
    expect: Annotated[
        str | None, typer.Option(metavar="HASH", help="A hash that was noted down earlier and has to be in the chain.")
    ] = None,
) -> None:
    """Check that no entry was changed, removed, put in between or moved."""
    from assistant.cli.auditing_work import run_verify

    raise typer.Exit(run(run_verify(load(), expect)))


@app.command("list")
def list_(
    person: Annotated[
        str | None, typer.Option(metavar="ID", help="sourcedId of who acted, or whose data it was.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", help="How many at most.", min=1, max=100_000)] = 100,
    json: Json = False,
) -> None:
    """List the entries, the newest first."""
    from assistant.cli.auditing_work import run_list

    run(run_list(load(), person, limit, json=json))
