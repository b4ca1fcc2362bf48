"""The sign-in of the school (OpenID Connect Core 1.0): authorization code with PKCE, state and nonce, through Authlib.

What is read of the provider is its discovery document, its keys, and for each sign-in one ID token, which is looked at
and thrown away; access tokens are not used.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from assistant.errors import AssistantError
from assistant.settings import Settings

CALLBACK = "/signin/oidc/callback"
DISCOVERY = "/.well-known/openid-configuration"
GOOGLE = "https://accounts.google.com"
SCOPE = "openid email profile"
TIMEOUT = 5.0  # seconds for one answer of the provider
KNOWN_FOR = timedelta(hours=1)  # how long its document and keys are used before they are asked for again
LEEWAY = 60  # seconds by which its clock and ours may differ
# Signed with a key that the provider alone has: never "none", nor a secret that both of us know.
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
AUTH_TIME = json.dumps({"id_token": {"auth_time": {"essential": True}}})  # of a provider that tells it when asked

Claims = Mapping[str, Any]


class ProviderDownError(AssistantError):
    """The provider does not answer, or says that something is wrong with it or with our registration."""


class NotSignedInError(AssistantError):
    """What came back does not show who somebody is. The reason is for the log, and carries nothing of a person."""


@dataclass(frozen=True, kw_only=True)
class Started:
    """A sign-in that a browser was sent off to the provider for."""

    state: str
    nonce: str
    verifier: str  # of PKCE
    again: bool = False  # somebody who is signed in shows once more who they are
    next: str = ""  # where they go afterwards


class Provider:
    """One provider. Its document and keys are kept for a while."""

    def __init__(self, settings: Settings, now: Callable[[], datetime]) -> None:
        self._issuer = settings.oidc_issuer.rstrip("/")
        self._client_id = settings.oidc_client_id
        self._secret = settings.oidc_client_secret
        self._redirect_uri = settings.base_url.rstrip("/") + CALLBACK
        self._now = now
        self._document: tuple[datetime, dict[str, Any]] | None = None
        self._keys: tuple[datetime, KeySet] | None = None

    async def address_for(self, started: Started) -> str:
        """Where to send a browser. Raises ``ProviderDownError``."""
        document = await self.document()
        # The account is chosen each time: on a shared device nobody comes in as whoever was there before.
        more = {"prompt": "select_account"}
        if started.again:  # Google knows no prompt=login
            more = {"prompt": "select_account" if self._issuer == GOOGLE else "login", "max_age": "0"}
        async with self._client(document) as client:
            address, _ = client.create_authorization_url(
                document["authorization_endpoint"],
                state=started.state,
                code_verifier=started.verifier,
                nonce=started.nonce,
                claims=AUTH_TIME,
                **more,
            )
        return address

    async def claims_of(self, code: str, started: Started) -> Claims:
        """The verified claims of the ID token that a code stands for. Raises ``ProviderDownError`` and
        ``NotSignedInError``."""
        import httpx2  # as Authlib has it
        from authlib.integrations.base_client import OAuthError

        document = await self.document()
        try:
            async with self._client(document) as client:
                token: dict[str, Any] = await client.fetch_token(
                    document["token_endpoint"], code=code, code_verifier=started.verifier
                )
        except OAuthError as error:
            if error.error == "invalid_grant":  # the code was used, is old, or was never given
                raise NotSignedInError("code not taken") from error
            raise ProviderDownError(f"token endpoint says {error.error}") from error
        except (httpx2.HTTPError, ValueError) as error:
            raise ProviderDownError(f"token endpoint: {type(error).__name__}") from error
        value = token.get("id_token")
        if not isinstance(value, str):
            raise NotSignedInError("no ID token")
        return await self._verified(value, token, started, document)

    async def document(self) -> dict[str, Any]:
        """The discovery document. Raises ``ProviderDownError``."""
        if self._document is None or self._now() - self._document[0] > KNOWN_FOR:
            document = await self._get(self._issuer + DISCOVERY)
            if str(document.get("issuer")).rstrip("/") != self._issuer:
                raise ProviderDownError("the discovery document is of another issuer")
            if not all(isinstance(document.get(name), str) for name in ENDPOINTS):
                raise ProviderDownError("the discovery document names no endpoints")
            self._document = (self._now(), document)
        return self._document[1]

    async def _verified(self, value: str, token: Claims, started: Started, document: dict[str, Any]) -> Claims:
        """OpenID Connect Core 1.0, 3.1.3.7."""
        from authlib.oidc.core import CodeIDToken

        given = document.get("id_token_signing_alg_values_supported")
        named = {"RS256"} if given is None else {each for each in ALGORITHMS if each in given}
        registry = JWSRegistry(algorithms=sorted(named), strict_check_header=False)
        options: Any = {
            "iss": {"essential": True, "value": document["issuer"]},
            "aud": {"essential": True, "value": self._client_id},
            "sub": {"essential": True},
        }
        params = {"nonce": started.nonce, "client_id": self._client_id, "access_token": token.get("access_token")}
        try:
            try:
                found = jwt.decode(value, await self._key_set(document), registry=registry)
            except InvalidKeyIdError:  # the provider has new keys
                found = jwt.decode(value, await self._key_set(document, anew=True), registry=registry)
            claims = CodeIDToken(found.claims, found.header, options, params)
            claims.validate(now=int(self._now().timestamp()), leeway=LEEWAY)
        except (JoseError, ValueError, TypeError) as error:
            raise NotSignedInError(f"ID token: {getattr(error, 'error', None) or type(error).__name__}") from error
        return dict(claims)

    async def _key_set(self, document: dict[str, Any], *, anew: bool = False) -> KeySet:
        if anew or self._keys is None or self._now() - self._keys[0] > KNOWN_FOR:
            keys: Any = await self._get(document["jwks_uri"])
            try:
                self._keys = (self._now(), KeySet.import_key_set(keys))
            except (JoseError, ValueError, KeyError, TypeError) as error:
                raise ProviderDownError("its keys cannot be read") from error
        return self._keys[1]

    async def _get(self, url: str) -> dict[str, Any]:
        import httpx2

        try:
            async with httpx2.AsyncClient(timeout=TIMEOUT, trust_env=False) as client:
                answer = await client.get(url)
                answer.raise_for_status()
                content = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise ProviderDownError(f"{type(error).__name__}") from error
        if not isinstance(content, dict):
            raise ProviderDownError("an answer that is no JSON object")
        return cast("dict[str, Any]", content)

    def _client(self, document: Claims) -> Any:
        """Authlib's client, for one exchange."""
        from authlib.integrations.httpx_client import AsyncOAuth2Client

        methods = document.get("token_endpoint_auth_methods_supported") or ()
        by_post = "client_secret_post" in methods
        return AsyncOAuth2Client(
            client_id=self._client_id,
            client_secret=self._secret.get_secret_value(),
            token_endpoint_auth_method="client_secret_post" if by_post else "client_secret_basic",
            scope=SCOPE,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT,
            trust_env=False,
        )


def auth_time_of(claims: Claims) -> datetime | None:
    """When the provider itself saw the person show who they are; None where it does not say."""
    value = claims.get("auth_time")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def name_of(claims: Claims, settings: Settings) -> str | None:
    """The name by which the roster knows the person; None for an account that is not of the school.

    An e-mail address has to be one that the provider has verified. Whatever looks like an address has to be of one of
    the school's domains, and so has the domain that Google names for an account of an organization (``hd``), which a
    private account does not have."""
    name = claims.get(settings.oidc_claim)
    if not isinstance(name, str) or not name.strip():
        return None
    # Some write it as text. Entra leaves it out: there the tenant's administrators alone give addresses to accounts,
    # and the how-to says which claim to use instead.
    if settings.oidc_claim == "email" and str(claims.get("email_verified")).lower() != "true":
        return None
    if "@" in name and name.strip().rpartition("@")[2].lower() not in settings.domains:
        return None
    hosted = claims.get("hd")
    if hosted is None and settings.oidc_issuer.rstrip("/") == GOOGLE:
        return None
    if hosted is not None and str(hosted).lower() not in settings.domains:
        return None
    return name.strip()
