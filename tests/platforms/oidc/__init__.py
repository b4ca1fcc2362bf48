"""A strict stand-in for the provider of a school's accounts (OpenID Connect)."""

from .provider import CLIENT_ID, CLIENT_SECRET, Account, OidcStandIn

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "Account", "OidcStandIn"]
