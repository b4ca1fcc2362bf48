"""What many ask for at once is loaded once, and one whose load breaks takes nobody with it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from assistant.together import Together
from knowledge.errors import StorageDownError


class Store:
    """What is loaded, in the order of loads."""

    def __init__(self) -> None:
        self.loads: list[list[str]] = []
        self.is_down = False

    async def load(self, keys: Sequence[str]) -> Mapping[str, str]:
        self.loads.append([*keys])
        await asyncio.sleep(0)
        if self.is_down:
            raise StorageDownError("away")
        if "broken" in keys:
            raise ValueError("what no code can read")
        return {key: key.upper() for key in keys}


async def test_what_is_asked_for_at_once_is_loaded_together_and_each_key_once() -> None:
    store = Store()
    together = Together(store.load)
    assert await asyncio.gather(*(together.of(key) for key in ("a", "b", "a"))) == ["A", "B", "A"]
    assert store.loads == [["a", "b"]]
    assert await together.of("a") == "A"  # nothing is remembered
    assert len(store.loads) == 2


async def test_one_whose_load_breaks_takes_nobody_with_it() -> None:
    together = Together(Store().load)
    a, broken, b = await asyncio.gather(*(together.of(key) for key in ("a", "broken", "b")), return_exceptions=True)
    assert (a, b) == ("A", "B")
    assert isinstance(broken, ValueError)


async def test_a_store_that_is_down_is_asked_once_for_all() -> None:
    store = Store()
    store.is_down = True
    together = Together(store.load)
    answers = await asyncio.gather(*(together.of(key) for key in ("a", "b")), return_exceptions=True)
    assert [type(each) for each in answers] == [StorageDownError, StorageDownError]
    assert len(store.loads) == 1


async def test_one_that_gives_up_waiting_takes_nothing_from_the_others() -> None:
    together = Together(Store().load)
    gone, stays = (asyncio.create_task(together.of("a")) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == "A"
    with pytest.raises(asyncio.CancelledError):
        await gone
