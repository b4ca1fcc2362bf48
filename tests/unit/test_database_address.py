"""Addresses of PostgreSQL as its own tools understand them: one setting is for Ayumi and for ``pg_dump``."""

from __future__ import annotations

from typing import Any

import pytest

from knowledge.db import Database
from knowledge.errors import DatabaseAddressError


def options_of(query: str) -> dict[str, Any]:
    """What the driver is told."""
    engine = Database(f"postgresql://u:marker@db.example.jp/ayumi{query}").engine
    return dict(engine.dialect.create_connect_args(engine.url)[1])


@pytest.mark.parametrize("mode", ["disable", "require", "verify-full"])
def test_tls_is_asked_for_in_the_words_of_postgresql(mode: str) -> None:
    options = options_of(f"?sslmode={mode}")
    assert options["ssl"] == mode
    assert "sslmode" not in options


def test_an_address_without_options_asks_for_nothing() -> None:
    assert "ssl" not in options_of("")


def test_an_option_that_nobody_understands_is_named_without_the_password() -> None:
    with pytest.raises(DatabaseAddressError, match="channel_binding") as caught:
        options_of("?channel_binding=require")
    assert "marker" not in str(caught.value)
