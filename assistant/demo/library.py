"""Puts the demo's documents into the library."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from knowledge.documents.library import Library
from knowledge.documents.model import DocumentAudience
from knowledge.yaml_data import load_yaml

HERE = Path(__file__).parent


async def load_documents(library: Library, now: datetime) -> None:
    """Add the documents of ``documents.yaml``. Those that are there as they are now stay untouched, so that a second
    start reads nothing."""
    for each in cast("list[dict[str, Any]]", load_yaml((HERE / "documents.yaml").read_text("utf-8"))):
        content = (HERE / "documents" / each["file"]).read_bytes()
        source = f"demo:{each['file']}"
        known = await library.find(source)
        if known is not None and known.sha256 == sha256(content).hexdigest():
            continue
        # What splits texts takes some tenths of a second to load, and is needed on the first start only.
        from knowledge.documents.ingest import add_file

        await add_file(
            library,
            name=each["file"],
            content=content,
            source=source,
            title=None,
            audience=DocumentAudience(each["audience"]),
            org_id=each["org"],
            valid_until=None,
            added_by=None,
            now=now,
        )
