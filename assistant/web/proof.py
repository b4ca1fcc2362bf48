"""``GET /proof``: an address shows that it leads here: what answers knows the secret key, and does not tell it."""

from __future__ import annotations

import hmac
import re

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from knowledge.keys import key_for

PROOF_PATH, NONCE = "/proof", "nonce"
ASKED = re.compile(r"[0-9a-f]{32}")
PROVED = re.compile(r"[0-9a-f]{64}")


def proof_routes(secret: bytes) -> list[Route]:
    """What only somebody with the key can say about a nonce of 32 hexadecimal digits; 400 for anything else."""

    async def proof(request: Request) -> Response:
        nonce = request.query_params.get(NONCE, "")
        if not ASKED.fullmatch(nonce):
            return Response(status_code=400)
        return PlainTextResponse(proof_of(secret, nonce))

    return [Route(PROOF_PATH, proof, methods=["GET"])]


def proof_of(secret: bytes, nonce: str) -> str:
    """The nonce, signed with a key for this purpose alone."""
    return hmac.digest(key_for("proof of address", secret), nonce.encode(), "sha256").hex()


def is_proof(content: object) -> bool:
    """Whether it has the shape of one."""
    return isinstance(content, str) and PROVED.fullmatch(content) is not None
