"""The embedding model of ``AYUMI_EMBEDDINGS``: it helps to find passages, and never says anything."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from assistant.errors import SettingsError

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

TIMEOUT = 8.0  # seconds: a person may be waiting


def build_embeddings(name: str, base_url: str) -> Embeddings:
    """``openai:MODEL`` (also for any server that speaks its protocol, at ``base_url``) or ``ollama:MODEL``. Nothing is
    asked of the model yet, and nothing is downloaded. Raises ``SettingsError`` where a key is missing."""
    from langchain.embeddings import init_embeddings  # takes a second to load: only where a model is configured

    options: dict[str, Any] = {"base_url": base_url} if base_url else {}
    if name.startswith("openai:"):
        key = os.environ.get("OPENAI_API_KEY")
        if not base_url and not key:
            raise SettingsError(
                f"AYUMI_EMBEDDINGS={name} needs OPENAI_API_KEY, or AYUMI_EMBEDDINGS_BASE_URL for a model of one's own"
            )
        # Counting tokens would download a table of them; passages are short enough without it.
        options |= {"api_key": key or "none", "timeout": TIMEOUT, "max_retries": 0, "check_embedding_ctx_length": False}
        options |= {"http_client": _client()}
    return init_embeddings(name, **options)


@cache
def _client() -> Any:
    """One for all models of the process: thrown away with one of them, it might leave its connection open."""
    from openai import DefaultHttpxClient

    return DefaultHttpxClient(timeout=TIMEOUT)
