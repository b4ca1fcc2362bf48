"""LINE and Slack, and the address at which they are to reach us."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import AsyncIterator
from typing import Any, cast

from assistant.cli.prompt_cost import prompts_of_month
from assistant.doctor.finding import Finding, Patient, ask, ask_object, bad, fine, note
from assistant.settings import Settings
from assistant.web.proof import NONCE, PROOF_PATH, is_proof, proof_of
from knowledge.db import Database
from scheduler.errors import SchedulerError
from scheduler.schools import SchoolTimes

# Slack's scopes, and what goes missing without each (docs/howto/set-up-slack.md).
SCOPES = ("chat:write", "im:history", "im:write", "commands", "files:write", "files:read")
ALMOST = 0.9  # of the quota


async def look_at_address(patient: Patient) -> AsyncIterator[Finding]:
    """Whether ``AYUMI_BASE_URL`` leads to this installation: what answers there must know its secret key. Nothing
    without an address."""
    settings = patient.settings
    if not settings.base_url:
        return
    about, nonce = "public address", secrets.token_hex(16)
    reply = await ask(f"{settings.base_url.rstrip('/')}{PROOF_PATH}?{NONCE}={nonce}")
    if isinstance(reply, str):
        says = f"{settings.base_url} gives {reply}: check DNS, the certificate, the reverse proxy and the firewall"
        yield bad(about, says)
    elif reply.status != 200 or not is_proof(reply.content):
        says = f"something else answers at {settings.base_url} (HTTP {reply.status}): let AYUMI_BASE_URL, DNS and the"
        yield bad(about, f"{says} reverse proxy lead here")
    elif not hmac.compare_digest(reply.content, proof_of(settings.secret(), nonce)):
        says = f"another installation answers at {settings.base_url}, or one with another AYUMI_SECRET_KEY: check both"
        yield bad(about, says)
    else:
        yield fine(about, f"{settings.base_url} leads here")


async def look_at_line(patient: Patient, database: Database | None) -> AsyncIterator[Finding]:
    """``database`` is None where it cannot be read."""
    settings = patient.settings
    if not settings.has_line:
        half = bool(settings.line_channel_secret) != bool(settings.line_channel_access_token)
        says = "off: set LINE_CHANNEL_SECRET and LINE_CHANNEL_ACCESS_TOKEN to switch it on"
        yield bad("LINE", says) if half else note("LINE", says)
        return
    base, token = settings.line_api_base_url.rstrip("/"), settings.line_channel_access_token.get_secret_value()
    quota = await ask_object(f"{base}/v2/bot/message/quota", token)
    used = await ask_object(f"{base}/v2/bot/message/quota/consumption", token)
    if isinstance(quota, str) or isinstance(used, str):
        says = f"{quota if isinstance(quota, str) else used}: check LINE_CHANNEL_ACCESS_TOKEN and LINE_API_BASE_URL"
        yield bad("LINE", says)
        return
    limit, total = quota.get("value"), used.get("totalUsage", 0)
    if limit is not None and total >= limit:
        says = f"the month's quota is used up ({total} of {limit}): raise the plan; answers still go out as replies"
        yield bad("LINE", says)
    elif limit is not None and total >= ALMOST * limit:
        yield note("LINE", f"the month's quota is almost used up ({total} of {limit}): raise the plan in time")
    else:
        yield fine("LINE", f"token accepted; {total} of {'unlimited' if limit is None else limit} messages used")
    yield await _webhook(settings, base)
    if database is not None:
        async for finding in _prompts(patient, database, limit):
            yield finding


async def _webhook(settings: Settings, base: str) -> Finding:
    """Where LINE sends what people write."""
    if not settings.base_url:
        return bad("LINE webhook", "AYUMI_BASE_URL is not set: set it, LINE sends to <AYUMI_BASE_URL>/line/webhook")
    about, ours = "LINE webhook", f"{settings.base_url.rstrip('/')}/line/webhook"
    console = "in the LINE Developers Console, Messaging API"
    hook = await ask_object(
        f"{base}/v2/bot/channel/webhook/endpoint", settings.line_channel_access_token.get_secret_value()
    )
    if isinstance(hook, str):
        if hook == "HTTP 404":  # LINE's answer where none was ever set
            return bad(about, f"no Webhook URL is set: set {ours} {console}")
        return bad(about, f"LINE does not tell it ({hook}): look {console}; it should be {ours}")
    if settings.base_url and hook.get("endpoint") != ours:
        return bad(about, f"LINE sends to {hook.get('endpoint')}, not to us: set {ours} {console}")
    if not hook.get("active"):
        return bad(about, f"switched off, so nothing that people write arrives: switch on 'Use webhook' {console}")
    if not settings.base_url:
        return note(about, f"LINE sends to {hook.get('endpoint')}; set AYUMI_BASE_URL to have that checked")
    return fine(about, ours)


async def _prompts(patient: Patient, database: Database, limit: int | None) -> AsyncIterator[Finding]:
    """What the check-in prompts cost this month; nothing where the schools' rules cannot be read, of which there is a
    finding already."""
    try:
        times = SchoolTimes.load(patient.settings.data_dir / "schools.yaml")
    except SchedulerError:
        return
    async with database.read() as connection:
        today = patient.now().astimezone(patient.settings.zone).date()
        children, messages = await prompts_of_month(connection, times, today)
    cost = f"check-in prompts to {children} children cost {messages} messages this month"
    if limit is not None and messages > limit:
        says = (
            f"{cost}, the plan has {limit}: set line_prompts: menu in schools.yaml and run 'ayumi line-menu' (what is"
            " begun there is free), or choose a larger plan"
        )
        yield bad("LINE prompts", says)
    else:
        yield fine("LINE prompts", cost if limit is None else f"{cost} of {limit}")


async def look_at_slack(patient: Patient) -> AsyncIterator[Finding]:
    settings = patient.settings
    if not settings.has_slack:
        half = bool(settings.slack_signing_secret) != bool(settings.slack_bot_token)
        says = "off: set SLACK_SIGNING_SECRET and SLACK_BOT_TOKEN to switch it on"
        yield bad("Slack", says) if half else note("Slack", says)
        return
    reply = await ask(f"{settings.slack_api_base_url}auth.test", settings.slack_bot_token.get_secret_value(), post=True)
    answer: Any = {} if isinstance(reply, str) else reply.content
    if isinstance(reply, str) or not isinstance(answer, dict) or not answer.get("ok"):
        problem = reply if isinstance(reply, str) else f"HTTP {reply.status}"
        if isinstance(answer, dict):
            problem = str(cast("dict[str, Any]", answer).get("error", problem))
        yield bad("Slack", f"{problem}: check SLACK_BOT_TOKEN and SLACK_API_BASE_URL")
        return
    given = {each.strip() for each in reply.headers.get("x-oauth-scopes", "").split(",")}
    missing = [scope for scope in SCOPES if scope not in given]
    if given != {""} and missing:
        says = f"the app may not do all it should ({', '.join(missing)} missing): add them under OAuth & Permissions of"
        yield bad("Slack", f"{says} the app, and install it to the workspace again")
    else:
        yield fine("Slack", "token accepted")
