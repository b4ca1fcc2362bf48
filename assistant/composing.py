"""What is worked out only when it is sent: prompts, the evening's brief, answers to standing questions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from assistant.briefing import Briefer
from assistant.channels.sender import Composed
from assistant.dialogue.turn import Services
from assistant.prompting import Prompter
from assistant.standing import Answerer
from scheduler.outbox import Item


class Composer:
    """Composes an item by its kind. A new kind is a line here."""

    def __init__(self, services: Services, now: Callable[[], datetime]) -> None:
        self._by_kind: Mapping[str, Callable[[Item], Awaitable[Composed | None]]] = {
            "prompt": Prompter(services, now).compose,
            "brief": Briefer(services, now).compose,
            "standing": Answerer(services, now).compose,
        }

    async def compose(self, item: Item) -> Composed | None:
        """None when it is no longer wanted, or of a kind that another version knows."""
        compose = self._by_kind.get(item.kind)
        return None if compose is None else await compose(item)
