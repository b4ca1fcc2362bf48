"""Addresses that open a document at a passage: signed for one person, whose rights are looked at again when it is
opened."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import quote, urlencode

from knowledge.keys import key_for

LIVES = timedelta(days=7)  # a citation is looked up again within the week


class Signed(StrEnum):
    """What an address is."""

    NOT = "not"  # unsigned: the browser session says who opens it
    VALID = "valid"
    WRONG = "wrong"
    EXPIRED = "expired"


def page_path(document_id: str, *, page: int | None = None, position: int | None = None, sign: str = "") -> str:
    """Where a document is opened within the site, at a passage or else a page. ``sign``: what ``signature_for`` gave;
    without it the browser session says who opens it."""
    query = "&".join(part for part in (f"page={page}" if page is not None else "", sign) if part)
    anchor = f"#p{position}" if position is not None else ""
    return f"/documents/{quote(document_id, safe='')}{'?' if query else ''}{query}{anchor}"


def file_path(document_id: str, *, page: int | None = None, sign: str = "") -> str:
    """Where the file itself is, as it was added; of a PDF at a page."""
    anchor = f"#page={page}" if page is not None else ""
    return f"/documents/{quote(document_id, safe='')}/file{'?' if sign else ''}{sign}{anchor}"


def signature_for(secret: bytes, document_id: str, person_id: str, at: datetime) -> str:
    """The part of a query that lets ``person_id`` open the document for some days from ``at`` (aware) on."""
    expires = str(int((at + LIVES).timestamp()))
    signature = _signature(secret, document_id, person_id, expires)
    return urlencode({"for": person_id, "expires": expires, "signature": signature})


def check_signature(secret: bytes, document_id: str, query: Mapping[str, str], now: datetime) -> Signed:
    """Whether an address is one that was given out, and still good."""
    if "signature" not in query:
        return Signed.NOT
    expires = query.get("expires", "")
    wanted = _signature(secret, document_id, query.get("for", ""), expires)
    if not hmac.compare_digest(wanted.encode(), query["signature"].encode("utf-8", "replace")):
        return Signed.WRONG
    return Signed.EXPIRED if datetime.fromtimestamp(int(expires), UTC) <= now else Signed.VALID


def _signature(secret: bytes, document_id: str, person_id: str, expires: str) -> str:
    # The length of the one keeps "a:b" for "c" from being taken for "a" for "b:c".
    signed = f"{len(document_id)}:{document_id}:{person_id}:{expires}"
    return hmac.new(key_for("document", secret), signed.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
