"""``ayumi doctor``: what is set, what is missing, and what to do about it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import typer
from sqlalchemy import func, select

from assistant.checkins.load import Scripts
from assistant.cli.prompt_cost import prompts_of_month
from assistant.errors import AssistantError, SettingsError
from assistant.inbox import InboxEvent
from assistant.llm.embeddings import build_embeddings
from assistant.schema import is_current
from assistant.settings import Settings
from knowledge.db import Database
from knowledge.errors import KnowledgeError
from knowledge.records.accounts import Account
from knowledge.records.calendar import CalendarDay
from knowledge.records.checkins import CheckIn
from knowledge.records.documents import Document
from knowledge.records.roster import User
from scheduler.errors import SchedulerError
from scheduler.outbox import Outbox
from scheduler.schools import SchoolTimes

PATIENCE = 5.0  # seconds for a platform to answer
OLD = timedelta(minutes=5)  # an event or a due send that waits longer needs somebody to look


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    ok: bool | None  # None: fine, but worth knowing
    about: str
    says: str  # what was found and, where it is not fine, what to do


async def run_doctor(settings: Settings) -> int:
    """Print every finding; 1 when something is wrong, 0 otherwise."""
    worst = 0
    async for finding in examine(settings):
        mark = {True: "ok  ", None: "note", False: "BAD "}[finding.ok]
        typer.echo(f"{mark}  {finding.about}: {finding.says}")
        worst = max(worst, int(finding.ok is False))
    return worst


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Everything that is looked at, one by one."""
    for finding in (*_settings(settings), *_files(settings)):
        yield finding
    async for finding in _database(settings):
        yield finding
    async for finding in _vectors(settings):
        yield finding
    async for finding in _line(settings):
        yield finding
    async for finding in _slack(settings):
        yield finding


def _settings(settings: Settings) -> list[Finding]:
    found: list[Finding] = []
    if settings.secret_key or settings.is_embedded:
        kept = "set" if settings.secret_key else f"kept in {settings.data_dir / 'secret_key'}"
        found.append(Finding(ok=True, about="AYUMI_SECRET_KEY", says=kept))
    else:
        says = "not set: every machine would make its own. Set the same long random text on all of them"
        found.append(Finding(ok=False, about="AYUMI_SECRET_KEY", says=says))
    if not settings.base_url:
        says = "not set: fine on this machine; LINE and Slack need the public https address here"
        found.append(Finding(ok=None, about="AYUMI_BASE_URL", says=says))
    elif not settings.base_url.startswith("https://"):
        says = f"{settings.base_url} is not https: cookies travel unprotected. Use an https address"
        found.append(Finding(ok=False, about="AYUMI_BASE_URL", says=says))
    else:
        found.append(Finding(ok=True, about="AYUMI_BASE_URL", says=settings.base_url))
    if settings.llm:
        says = f"{settings.llm}: asked when the rules do not understand a question of staff, without names"
        found.append(Finding(ok=None, about="AYUMI_LLM", says=says))
    else:
        found.append(Finding(ok=True, about="AYUMI_LLM", says="none: the rules alone understand questions"))
    return found


def _files(settings: Settings) -> list[Finding]:
    found: list[Finding] = []
    try:
        Scripts(settings.data_dir)
        found.append(Finding(ok=True, about="check-ins", says="every script can be read"))
    except AssistantError as error:
        found.append(Finding(ok=False, about="check-ins", says=str(error)))
    try:
        times = SchoolTimes.load(settings.data_dir / "schools.yaml")
        says = f"{len(times.by_school)} schools with times of their own; the others {times.default.anticipation:%H:%M}"
        found.append(Finding(ok=True, about="prompts", says=f"{says} and {times.default.reflection:%H:%M}"))
    except SchedulerError as error:
        found.append(Finding(ok=False, about="prompts", says=str(error)))
    return found


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    try:
        database = Database(settings.database)
    except KnowledgeError as error:
        yield Finding(ok=False, about="AYUMI_DATABASE_URL", says=str(error))
        return
    try:
        if not await is_current(database):
            yield Finding(ok=False, about="database", says="the schema is not up to date: run 'ayumi migrate'")
            return
        yield Finding(ok=True, about="database", says=f"{database.engine.dialect.name}, schema up to date")
        async for finding in _data(database, settings):
            yield finding
    except KnowledgeError as error:
        says = f"cannot be reached ({error}): check AYUMI_DATABASE_URL and that the server runs"
        yield Finding(ok=False, about="database", says=says)
    finally:
        await database.close()


async def _data(database: Database, settings: Settings) -> AsyncIterator[Finding]:
    now = datetime.now(UTC)
    async with database.read() as connection:
        people = await connection.scalar(select(func.count()).select_from(User)) or 0
        linked = await connection.scalar(select(func.count(Account.person_id.distinct()))) or 0
        days = await connection.scalar(select(func.count()).select_from(CalendarDay)) or 0
        latest = await connection.scalar(select(func.max(CheckIn.date)))
        waiting = await connection.scalar(
            select(func.count()).where(InboxEvent.state == "new", InboxEvent.received_at < now - OLD)
        )
        due = (Outbox.state == "pending", Outbox.due_at < now - OLD)
        stuck = await connection.scalar(select(func.count()).where(*due))
        held = await connection.scalar(select(func.count()).where(Outbox.state == "held"))
        documents = await connection.scalar(select(func.count()).select_from(Document)) or 0
        found_by_words = await connection.scalar(
            select(func.count()).where(Document.embeddings != settings.embeddings, Document.passages > 0)
        )
    if people:
        yield Finding(ok=True, about="roster", says=f"{people} people, {linked} with a linked account")
    else:
        yield Finding(ok=False, about="roster", says="empty: run 'ayumi import oneroster FOLDER'")
    if days:
        yield Finding(ok=True, about="calendar", says=f"{days} days imported")
    else:
        says = "none imported: school days are Monday to Friday without national holidays. 'ayumi import calendar FILE'"
        yield Finding(ok=None, about="calendar", says=says)
    yield Finding(ok=None, about="check-ins", says=f"the latest is of {latest}" if latest else "none yet")
    if not documents:
        yield Finding(ok=None, about="documents", says="none yet: run 'ayumi documents add FILE'")
    elif settings.embeddings and found_by_words:
        says = f"{found_by_words} of {documents} have no vectors of {settings.embeddings}: adding the same files again"
        yield Finding(ok=None, about="documents", says=f"{says} makes them; until then their words are searched")
    else:
        yield Finding(ok=True, about="documents", says=f"{documents} are searched")
    if waiting:
        says = f"{waiting} events wait for more than 5 minutes: is a worker running ('ayumi serve' or 'ayumi worker')?"
        yield Finding(ok=False, about="inbox", says=says)
    if stuck:
        says = f"{stuck} messages are due for more than 5 minutes: is a worker running, does the platform answer?"
        yield Finding(ok=False, about="outbox", says=says)
    if held:
        says = f"{held} messages are held: a channel's quota is used up or its token was revoked (see below)"
        yield Finding(ok=False, about="outbox", says=says)


async def _vectors(settings: Settings) -> AsyncIterator[Finding]:
    """Whether the embedding model and Chroma answer; without a model, that there is none."""
    if not settings.embeddings:
        yield Finding(ok=True, about="AYUMI_EMBEDDINGS", says="none: documents are found by their words")
        return
    instead = "until it answers, documents are found by their words"
    try:
        model = build_embeddings(settings.embeddings, settings.embeddings_base_url or settings.llm_base_url)
        async with asyncio.timeout(PATIENCE):
            await asyncio.to_thread(model.embed_query, "ayumi")  # its connections, unlike asynchronous ones, close
        yield Finding(ok=True, about="AYUMI_EMBEDDINGS", says=f"{settings.embeddings} answers")
    except SettingsError as error:
        yield Finding(ok=False, about="AYUMI_EMBEDDINGS", says=str(error))
    except Exception as error:  # whatever a provider's library raises: the model does not do what it should
        says = f"{settings.embeddings} gives no vectors ({type(error).__name__}): check AYUMI_EMBEDDINGS_BASE_URL and"
        yield Finding(ok=False, about="AYUMI_EMBEDDINGS", says=f"{says} the model's name; {instead}")
    if not settings.chroma_url:
        return
    beat = await _get(f"{settings.chroma_url.rstrip('/')}/api/v2/heartbeat")
    if isinstance(beat, str):
        says = f"{settings.chroma_url}: {beat}: check that the Chroma server runs; {instead}"
        yield Finding(ok=False, about="AYUMI_CHROMA_URL", says=says)
    else:
        yield Finding(ok=True, about="AYUMI_CHROMA_URL", says=f"{settings.chroma_url} answers")


async def _line(settings: Settings) -> AsyncIterator[Finding]:
    if not settings.has_line:
        says = "off: set LINE_CHANNEL_SECRET and LINE_CHANNEL_ACCESS_TOKEN to switch it on"
        half = bool(settings.line_channel_secret) != bool(settings.line_channel_access_token)
        yield Finding(ok=False if half else None, about="LINE", says=says)
        return
    quota = await _get(f"{settings.line_api_base_url}/v2/bot/message/quota", settings.line_channel_access_token)
    used = await _get(
        f"{settings.line_api_base_url}/v2/bot/message/quota/consumption", settings.line_channel_access_token
    )
    if isinstance(quota, str) or isinstance(used, str):
        says = f"{quota if isinstance(quota, str) else used}: check LINE_CHANNEL_ACCESS_TOKEN and LINE_API_BASE_URL"
        yield Finding(ok=False, about="LINE", says=says)
        return
    limit, total = quota.get("value"), used.get("totalUsage", 0)
    if limit is not None and total >= limit:
        says = f"the month's quota is used up ({total} of {limit}): raise the plan; answers still go out as replies"
        yield Finding(ok=False, about="LINE", says=says)
    else:
        shown = "unlimited" if limit is None else limit
        yield Finding(ok=True, about="LINE", says=f"token accepted; {total} of {shown} messages used")
    async for finding in _prompts_on_line(settings, limit):
        yield finding


async def _prompts_on_line(settings: Settings, limit: int | None) -> AsyncIterator[Finding]:
    """What the check-in prompts cost this month; nothing where the schools' rules or the database cannot be read, of
    which there is a finding already."""
    try:
        times = SchoolTimes.load(settings.data_dir / "schools.yaml")
        database = Database(settings.database)
    except (SchedulerError, KnowledgeError):
        return
    try:
        if not await is_current(database):
            return
        async with database.read() as connection:
            today = datetime.now(settings.zone).date()
            children, messages = await prompts_of_month(connection, times, today)
    except KnowledgeError:
        return
    finally:
        await database.close()
    cost = f"check-in prompts to {children} children cost {messages} messages this month"
    if limit is not None and messages > limit:
        says = (
            f"{cost}, the plan has {limit}: set line_prompts: menu in schools.yaml and run 'ayumi line-menu' (what is"
            " begun there is free), or choose a larger plan"
        )
        yield Finding(ok=False, about="LINE prompts", says=says)
    else:
        yield Finding(ok=True, about="LINE prompts", says=cost if limit is None else f"{cost} of {limit}")


async def _slack(settings: Settings) -> AsyncIterator[Finding]:
    if not settings.has_slack:
        says = "off: set SLACK_SIGNING_SECRET and SLACK_BOT_TOKEN to switch it on"
        half = bool(settings.slack_signing_secret) != bool(settings.slack_bot_token)
        yield Finding(ok=False if half else None, about="Slack", says=says)
        return
    answer = await _get(f"{settings.slack_api_base_url}auth.test", settings.slack_bot_token, post=True)
    if isinstance(answer, str) or not answer.get("ok"):
        problem = answer if isinstance(answer, str) else answer.get("error", "refused")
        yield Finding(ok=False, about="Slack", says=f"{problem}: check SLACK_BOT_TOKEN and SLACK_API_BASE_URL")
    else:
        yield Finding(ok=True, about="Slack", says="token accepted")


async def _get(url: str, token: str = "", *, post: bool = False) -> dict[str, Any] | str:
    """The JSON answer, or in words why there is none."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as http,
            http.request("POST" if post else "GET", url) as response,
        ):
            return await response.json() if response.status == 200 else f"HTTP {response.status}"
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"no answer ({type(error).__name__})"
