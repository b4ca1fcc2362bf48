"""Tells the people in charge when a channel cannot send any more."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from sqlalchemy import select

from assistant.dialogue.turns import messages_payload
from assistant.messages import Outgoing
from assistant.wording.texts import Speaker
from knowledge.db import Database
from knowledge.records.accounts import Account
from knowledge.records.roster import Role, User
from knowledge.records.scope import valid_on
from scheduler import outbox
from scheduler.delivery import Hold, Result
from scheduler.outbox import Item

IN_CHARGE = ("siteAdministrator", "administrator", "principal")
TEXTS = {"quota": "talk.quota_used_up", "token": "talk.token_revoked"}
TOLD_FOR = timedelta(minutes=10)  # a stopped channel holds many sends: who is in charge now is looked up once for all
LABELS = {"line": "LINE", "slack": "Slack", "browser": "Web"}


class Notices:
    """Hears what could not be sent."""

    def __init__(
        self, database: Database, channels: Collection[str], language: str, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._channels = channels
        self._speaker = Speaker(language=language, band="staff")
        self._now = now
        self._told_at: dict[tuple[str, str], datetime] = {}  # by channel and cause

    async def report(self, item: Item, result: Result) -> None:
        """A held send means the channel is stopped: everyone in charge is told once a month (quota) or day (token), on
        the channel that they used last among those that still work. Who has no other gets it there as an answer to
        their next message."""
        if not isinstance(result, Hold):
            return
        now, channel = self._now(), item.channel
        told_at = self._told_at.get((channel, result.problem))
        if told_at is not None and timedelta() <= now - told_at < TOLD_FOR:
            return
        span = f"{now:%Y-%m}" if result.problem == "quota" else f"{now:%Y-%m-%d}"
        text = self._speaker.say(TEXTS[result.problem], channel=LABELS.get(channel, channel))
        async with self._database.write() as connection:
            accounts = await connection.execute(
                select(Account.person_id, Account.id)
                .join(Role, Role.user_sourced_id == Account.person_id)
                .join(User, User.sourced_id == Role.user_sourced_id)
                .where(
                    Role.role.in_(IN_CHARGE),
                    valid_on(Role.begin_date, Role.end_date, now.date()),
                    User.enabled,
                    Account.channel.in_(self._channels),
                    Account.reachable,
                )
                .order_by(Account.channel != channel, Account.last_seen_at.nulls_first())
            )
            await outbox.put(
                connection,
                [
                    Item(
                        key=f"notice:{channel}:{result.problem}:{span}:{person_id}",
                        account_id=account_id,
                        kind="messages",
                        payload=messages_payload([Outgoing(text=text)], None),
                        due_at=now,
                        created_at=now,
                    )
                    for person_id, account_id in {row.person_id: row.id for row in accounts}.items()
                ],
            )
        self._told_at[channel, result.problem] = now
