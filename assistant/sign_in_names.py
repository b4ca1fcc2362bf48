"""By which names of the roster the school's accounts are known, as the settings say."""

from __future__ import annotations

from assistant.settings import Settings
from knowledge.records.sign_in_names import RosterField, SignInNames


def sign_in_names(settings: Settings) -> SignInNames | None:
    """What an import keeps and a sign-in looks for; None where nobody signs in with the school's accounts."""
    if not settings.has_oidc:
        return None
    return SignInNames(kind=RosterField(settings.oidc_roster), secret=settings.secret())
