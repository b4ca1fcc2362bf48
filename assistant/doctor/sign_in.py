"""Whether people can sign in with the school's accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy import func, select

from assistant.channels.browser.provider import CALLBACK, Provider, ProviderDownError
from assistant.doctor.finding import Finding, Patient, bad, fine, note
from knowledge.db import Database
from knowledge.records.roster import User
from knowledge.records.sign_in_names import RosterField, SignInName

ABOUT = "school accounts"
NEEDED = ("AYUMI_OIDC_ISSUER", "AYUMI_OIDC_CLIENT_ID", "AYUMI_OIDC_CLIENT_SECRET")


async def look_at_sign_in(patient: Patient, database: Database | None) -> AsyncIterator[Finding]:
    """``database`` is None where it cannot be read."""
    settings = patient.settings
    given = [bool(each) for each in (settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret)]
    if not all(given):
        says = f"off, people sign in with codes: set {', '.join(NEEDED)} to switch them on"
        yield bad(ABOUT, says) if any(given) else note(ABOUT, says)
        return
    if not settings.base_url:
        yield bad(ABOUT, "off: set AYUMI_BASE_URL, the provider sends people back to it")
        return
    try:
        await Provider(settings, patient.now).document()
    except ProviderDownError as error:
        says = f"{settings.oidc_issuer}: {error}. Check AYUMI_OIDC_ISSUER and the way out to it; codes work meanwhile"
        yield bad(ABOUT, says)
        return
    if not settings.domains and RosterField.EMAIL.value in (settings.oidc_claim, settings.oidc_roster):
        yield bad(ABOUT, "nobody gets in: set AYUMI_OIDC_DOMAINS to the mail domains of the school")
        return
    if database is not None and settings.oidc_roster != RosterField.SOURCED_ID:
        yield await _names(settings.oidc_roster, database)
    else:
        back = settings.base_url.rstrip("/") + CALLBACK
        yield fine(ABOUT, f"{settings.oidc_issuer} answers; it must know the redirect address {back}")


async def _names(kind: str, database: Database) -> Finding:
    """Whether the roster was imported with the names of the accounts."""
    mine = SignInName.kind == kind
    several = select(SignInName.name_hash).where(mine).group_by(SignInName.name_hash).having(func.count() > 1)
    async with database.read() as connection:
        known = await connection.scalar(
            select(func.count())
            .select_from(SignInName)
            .join(User, User.sourced_id == SignInName.person_id)
            .where(mine, User.enabled)
        )
        shared = await connection.scalar(select(func.count()).select_from(several.subquery()))
        people = await connection.scalar(select(func.count()).select_from(User).where(User.enabled))
    if not known:
        says = f"nobody gets in: no {kind} of anybody is known. Import the roster again, with that column of users.csv"
        return bad(ABOUT, says)
    if shared:
        says = f"{shared} names in the column {kind} are of several people, who have to use codes"
        return note(ABOUT, f"the accounts of {known} of {people} people are known; {says}")
    return fine(ABOUT, f"the provider answers; the accounts of {known} of {people} people are known")
