"""What is worked out only when it is sent: prompts, the evening's brief, what reminders say, what came of a file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from assistant.alerting import Alerter
from assistant.announcing import Announcer
from assistant.briefing import Briefer
from assistant.channels.browser.sent_codes import KIND as SIGN_IN_CODE
from assistant.channels.browser.sent_codes import SentCodes
from assistant.channels.port import Channel
from assistant.channels.sender import Composed
from assistant.dialogue.adding_writes import KIND as DOCUMENT
from assistant.dialogue.turn import Services
from assistant.menus import MenuComposer
from assistant.prompting import Prompter
from assistant.reminding import Reminded
from assistant.taking_in import TakingIn
from assistant.talking import Talking
from scheduler.alerts import KIND as ALERT
from scheduler.outbox import Item
from scheduler.talks import ASK as TALK_ASK
from scheduler.talks import DONE as TALK_DONE
from scheduler.talks import KIND as TALK
from scheduler.talks import PASSED as TALK_PASSED
from scheduler.talks import READ as TALK_READ


class Composer:
    """Composes an item by its kind. A new kind is a line here."""

    def __init__(self, services: Services, channels: Mapping[str, Channel], now: Callable[[], datetime]) -> None:
        """``channels``: where files that were sent are fetched from."""
        reminded, talking = Reminded(services, now), Talking(services, now)
        self._by_kind: Mapping[str, Callable[[Item], Awaitable[Composed | None]]] = {
            "prompt": Prompter(services, now).compose,
            "nudge": Prompter(services, now).compose,
            "later": Prompter(services, now).compose,
            "brief": Briefer(services, now).compose,
            "standing": reminded.answer,
            "reminder": reminded.words,
            "reminder_checkin": reminded.checkin,
            "reminder_report": reminded.report,
            "announcement": Announcer(services, now).compose,
            "menu": MenuComposer(services, now).compose,
            "menu_ask": MenuComposer(services, now).compose_question,
            SIGN_IN_CODE: SentCodes(services, now).compose,
            ALERT: Alerter(services, now).compose,
            TALK: talking.compose,
            **dict.fromkeys((TALK_READ, TALK_DONE, TALK_ASK, TALK_PASSED), talking.compose_news),
            DOCUMENT: TakingIn(services, channels, now).compose,
        }

    async def compose(self, item: Item) -> Composed | None:
        """None when it is no longer wanted, or of a kind that another version knows."""
        compose = self._by_kind.get(item.kind)
        return None if compose is None else await compose(item)
