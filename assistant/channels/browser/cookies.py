"""The cookies of the browser chat. All are gone when the browser is closed, and no script can read them."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

# Of a cookie with this name a browser knows that it came from this very host, over https, for all its paths: neither a
# neighbour below the same domain nor somebody on the way can put one of theirs in its place (RFC 6265bis, 4.1.3.2).
HOST_ONLY = "__Host-"
TOKEN_BYTES = 32
TOKEN = re.compile(r"[\w-]{43}", re.ASCII)  # what ``secrets.token_urlsafe`` makes of them


@dataclass(frozen=True, kw_only=True)
class Cookies:
    """Reads and writes the cookies of one installation."""

    is_secure: bool  # the installation is reached over https

    @classmethod
    def of(cls, base_url: str) -> Cookies:
        return cls(is_secure=base_url.startswith("https://"))

    @property
    def session(self) -> str:
        """The name of the cookie that says who is signed in."""
        return f"{self._prefix}ayumi_session"

    @property
    def form(self) -> str:
        """The name of the cookie with the token of forms before anybody has signed in."""
        return f"{self._prefix}ayumi_form"

    @property
    def begun(self) -> str:
        """The name of the cookie of a sign-in that is under way at the school's provider."""
        return f"{self._prefix}ayumi_begun"

    def session_of(self, request: Request) -> str | None:
        return _token(request, self.session)

    def form_of(self, request: Request) -> str | None:
        return _token(request, self.form)

    def put(self, response: Response, name: str, value: str) -> None:
        # Lax: a link in another chat may open our page, a form of another site carries no cookie.
        response.set_cookie(name, value, path="/", httponly=True, samesite="lax", secure=self.is_secure)

    def drop(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path="/", httponly=True, samesite="lax", secure=self.is_secure)

    @property
    def _prefix(self) -> str:
        return HOST_ONLY if self.is_secure else ""


def new_token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


def _token(request: Request, name: str) -> str | None:
    """None also for a value that we never gave."""
    value = request.cookies.get(name, "")
    return value if TOKEN.fullmatch(value) else None
