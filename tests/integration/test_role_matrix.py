"""docs/role-matrix.md says what the product does."""

from __future__ import annotations

from pathlib import Path

from tests.matrix import TARGET, matrix


async def test_the_role_matrix_is_what_the_product_does(tmp_path: Path):
    found = await matrix(tmp_path)
    assert found == TARGET.read_text("utf-8"), "who sees what has changed: look at it, then run make matrix"
