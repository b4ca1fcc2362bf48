"""A sign-in that is under way at the school's provider, kept by the browser itself: any process of ours can end it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from assistant.channels.browser.cookies import new_token
from assistant.channels.browser.provider import Started
from knowledge.keys import key_for

LIVES = timedelta(minutes=10)  # long enough to type a password on a tablet
ALGORITHM = "HS256"


def begin(*, again: bool = False, next: str = "") -> Started:
    """A sign-in with secrets of its own."""
    return Started(state=new_token(), nonce=new_token(), verifier=new_token(), again=again, next=next)


def seal(started: Started, secret: bytes, at: datetime) -> str:
    """It as the value of a cookie (RFC 7519): whoever has the cookie can read, and nobody can change it."""
    claims = {**asdict(started), "exp": int((at + LIVES).timestamp())}
    return jwt.encode({"alg": ALGORITHM}, claims, _key(secret))


def unseal(value: str, secret: bytes, at: datetime) -> Started | None:
    """The sign-in of a cookie; None for one that we did not make, or whose time is over."""
    try:
        claims: dict[str, Any] = dict(jwt.decode(value, _key(secret), algorithms=[ALGORITHM]).claims)
    except (JoseError, ValueError):
        return None
    if claims.pop("exp", 0) < at.timestamp():
        return None
    return Started(**claims)


def _key(secret: bytes) -> OctKey:
    return OctKey.import_key(key_for("sign-in begun", secret))
