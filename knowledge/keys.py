"""Keys for one purpose each, derived from the one secret of an installation."""

from __future__ import annotations

import hmac
from functools import lru_cache

NO_SALT = bytes(32)  # as many zeros as the hash is long (RFC 5869, 2.2)


@lru_cache(maxsize=64)
def key_for(purpose: str, secret: bytes) -> bytes:
    """32 bytes that tell nothing of the secret, nor of the key of any other purpose: HKDF-SHA256 (RFC 5869) without
    salt, whose first block is all that is needed."""
    extracted = hmac.digest(NO_SALT, secret, "sha256")
    return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")
