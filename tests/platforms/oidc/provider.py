"""An HTTP server on 127.0.0.1 that behaves like a provider of OpenID Connect and refuses what a real one refuses.

Authorization code flow of OpenID Connect Core 1.0 with PKCE (RFC 7636), discovery and keys. What a client does wrong is
refused and remembered in ``violations``; what the provider itself does wrong is asked for by a test.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self
from urllib.parse import urlencode

from aiohttp import BasicAuth, web
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from joserfc.jws import JWSRegistry

CLIENT_ID, CLIENT_SECRET = "ayumi-client", "client secret ~/+"
CODE_LIFE = 60.0  # seconds
PROMPTS = frozenset({"none", "login", "consent", "select_account"})
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Account:
    """Somebody with an account, and what the provider says of them."""

    sub: str
    claims: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, kw_only=True)
class _Code:
    account: Account
    redirect_uri: str
    challenge: str
    nonce: str | None
    at: float  # seconds, by the stand-in's clock


class OidcStandIn:
    """`async with OidcStandIn(...) as provider:` serves at `provider.issuer` until the block ends."""

    def __init__(self, *, now: Callable[[], float]) -> None:
        self.issuer = ""
        self.redirect_uris: set[str] = set()  # as registered, compared letter by letter
        self.who: Account | None = None  # who sits at the browser and agrees; None: they cancel
        self.auth_methods = ["client_secret_basic", "client_secret_post"]
        self.knows_login = True  # False: refuses prompt=login, as Google does
        self.auth_time: float | None = None  # when they showed who they are; None: the provider does not say
        self.violations: list[str] = []
        self.asked: list[Mapping[str, str]] = []  # the queries of authorization requests
        self.requests: Counter[str] = Counter()
        # What a provider, or somebody in its place, might do wrong
        self.id_token: Json = {}  # claims that are said otherwise; None: left out
        self.algorithm = "RS256"
        self.document: Json = {}  # what discovery says otherwise
        self.has_id_token = True
        self.status: int | None = None  # of every answer but the authorization's: it is down
        self.delay = 0.0  # seconds before an answer of the token endpoint
        self.forged = False  # signed with another key of the same name
        self._now = now
        self._codes: dict[str, _Code] = {}
        self._used: set[str] = set()
        self._number = 0
        self._key = self._new_key()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        app.router.add_get("/keys", self._keys)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.issuer = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner:
            await self._runner.cleanup()

    def rotate(self) -> None:
        """From now on another key, under another name."""
        self._key = self._new_key()

    def _new_key(self) -> RSAKey:
        self._number += 1
        return _key(self._number)

    # --- What it answers

    async def _discovery(self, request: web.Request) -> web.Response:
        self.requests["discovery"] += 1
        if self.status is not None:
            return web.Response(status=self.status)
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": self.auth_methods,
            "code_challenge_methods_supported": ["S256"],
        }
        return web.json_response(document | self.document)

    async def _keys(self, request: web.Request) -> web.Response:
        self.requests["keys"] += 1
        if self.status is not None:
            return web.Response(status=self.status)
        return web.json_response(KeySet([self._key]).as_dict(private=False))

    async def _authorize(self, request: web.Request) -> web.Response:
        """As if the person chose their account and agreed at once."""
        query = dict(request.query)
        self.asked.append(query)
        redirect_uri = query.get("redirect_uri", "")
        # Where the client or its address is wrong, nobody is sent anywhere (RFC 6749, 4.1.2.1).
        if query.get("client_id") != CLIENT_ID:
            return self._wrong("unknown client_id")
        if redirect_uri not in self.redirect_uris:
            return self._wrong("redirect_uri is not registered")
        problem = self._problem_of(query)
        if problem is not None:
            self.violations.append(problem)
            return _back(redirect_uri, error="invalid_request", state=query.get("state", ""))
        if self.who is None:
            return _back(redirect_uri, error="access_denied", state=query["state"])
        code = secrets.token_urlsafe(24)
        self._codes[code] = _Code(
            account=self.who,
            redirect_uri=redirect_uri,
            challenge=query["code_challenge"],
            nonce=query.get("nonce"),
            at=self._now(),
        )
        return _back(redirect_uri, code=code, state=query["state"], iss=self.issuer)

    def _problem_of(self, query: Mapping[str, str]) -> str | None:
        prompts = set(query.get("prompt", "").split())
        claims: Any = json.loads(query.get("claims", "{}"))
        checks = (
            (query.get("response_type") == "code", "response_type is not code"),
            ("openid" in query.get("scope", "").split(), "scope without openid"),
            (bool(query.get("state")), "no state"),
            (bool(query.get("nonce")), "no nonce"),
            (query.get("code_challenge_method") == "S256", "no PKCE with S256"),
            (len(query.get("code_challenge", "")) == 43, "the code challenge is no SHA-256"),
            (prompts <= PROMPTS - (set() if self.knows_login else {"login"}), "unknown prompt"),
            (query.get("max_age", "0").isdecimal(), "max_age is no number"),
            (isinstance(claims, dict) and claims.keys() <= {"id_token", "userinfo"}, "claims cannot be read"),
        )
        return next((problem for is_fine, problem in checks if not is_fine), None)

    async def _token(self, request: web.Request) -> web.Response:
        self.requests["token"] += 1
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.status is not None:
            return web.Response(status=self.status)
        form = {name: str(value) for name, value in (await request.post()).items()}
        if not self._is_client(request, form):
            return self._refused("invalid_client", 401, "wrong client authentication")
        if form.get("grant_type") != "authorization_code":
            return self._refused("unsupported_grant_type", 400, "another grant type")
        value = form.get("code", "")
        if value in self._used:
            return self._refused("invalid_grant", 400, "a code is used again")
        code = self._codes.pop(value, None)
        if code is None or self._now() - code.at > CODE_LIFE:
            return self._refused("invalid_grant", 400, "no such code, or an old one")
        self._used.add(value)
        if form.get("redirect_uri") != code.redirect_uri:
            return self._refused("invalid_grant", 400, "another redirect_uri")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != code.challenge:
            return self._refused("invalid_grant", 400, "wrong or missing code_verifier")
        answer: Json = {"access_token": secrets.token_urlsafe(24), "token_type": "Bearer", "expires_in": 300}
        if self.has_id_token:
            answer["id_token"] = self._signed(code)
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    def _is_client(self, request: web.Request, form: Mapping[str, str]) -> bool:
        header = request.headers.get("Authorization")
        if header is not None and "client_secret" in form:
            return False  # one of them (RFC 6749, 2.3)
        if header is not None:
            given = BasicAuth.decode(header)
            is_allowed = "client_secret_basic" in self.auth_methods
            return is_allowed and (given.login, given.password) == (CLIENT_ID, CLIENT_SECRET)
        is_allowed = "client_secret_post" in self.auth_methods
        return is_allowed and (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)

    def _signed(self, code: _Code) -> str:
        at = int(self._now())
        claims = {
            "iss": self.issuer,
            "sub": code.account.sub,
            "aud": CLIENT_ID,
            "iat": at,
            "exp": at + 300,
            "nonce": code.nonce,
            "auth_time": None if self.auth_time is None else int(self.auth_time),
            **code.account.claims,
            **self.id_token,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": self._key.kid}
        if self.algorithm == "none":
            return f"{_text_of(header)}.{_text_of(said)}."
        if self.algorithm == "HS256":  # with what everybody knows, the public key, as the secret
            return _with_public_key(header, said, self._key)
        key = _key(0) if self.forged else self._key
        return jwt.encode(header, said, key, registry=JWSRegistry(algorithms=[self.algorithm]))

    def _wrong(self, problem: str) -> web.Response:
        self.violations.append(problem)
        return web.Response(status=400, text=problem)

    def _refused(self, error: str, status: int, problem: str) -> web.Response:
        self.violations.append(problem)
        return web.json_response({"error": error}, status=status)


@cache
def _key(number: int) -> RSAKey:
    """Making one takes a while, so all stand-ins of a run share them."""
    return RSAKey.generate_key(2048, {"kid": f"key-{number}", "use": "sig", "alg": "RS256"})


def _with_public_key(header: Json, said: Json, key: RSAKey) -> str:
    """Signed with what everybody knows as if it were a secret: a classic among forgeries."""
    signed = f"{_text_of(header)}.{_text_of(said)}"
    digest = hmac.digest(key.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _text_of(part: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def _back(redirect_uri: str, **query: str) -> web.Response:
    return web.Response(status=302, headers={"Location": f"{redirect_uri}?{urlencode(query)}"})
