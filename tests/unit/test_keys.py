"""Each purpose has a key of its own, and what one key signed is worth nothing for another purpose."""

from __future__ import annotations

import hashlib
import hmac

from assistant import attachments, document_links, links
from assistant.document_links import Signed, check_signature
from knowledge.keys import key_for
from tests.worlds import MORNING

SECRET = b"secret"


def test_a_key_is_derived_as_rfc_5869_says() -> None:
    # A.3: no salt, no info; the first 32 of its 42 bytes.
    wanted = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    assert key_for("", bytes.fromhex("0b" * 22)).hex() == wanted


def test_every_purpose_and_every_secret_has_another_key() -> None:
    keys = {
        key_for(purpose, secret) for purpose in ("file", "document", "offer", "link code") for secret in (b"a", b"b")
    }
    assert len(keys) == 8


def test_a_signature_of_one_kind_of_address_is_none_of_another() -> None:
    expires = str(int(MORNING.timestamp()) + 60)
    name = f"1:a:person:{expires}"  # what the address of document «a» for «person» signs
    as_file = hmac.new(key_for("file", SECRET), name.encode(), hashlib.sha256).hexdigest()
    query = {"for": "person", "expires": expires, "signature": as_file}
    assert check_signature(SECRET, "a", query, MORNING) is Signed.WRONG
    assert links.signed(SECRET, f"{name}.{as_file[:32]}") is None
    assert not attachments.is_signed(SECRET, "1:a:person", expires, links.sign(SECRET, name).rpartition(".")[2])


def test_with_another_secret_every_address_that_was_given_out_is_wrong() -> None:
    path, _, query = attachments.address("", SECRET, "1", MORNING).partition("?")
    given = dict(each.split("=") for each in query.split("&"))
    assert attachments.is_signed(SECRET, path.removeprefix("/files/"), **given)
    assert not attachments.is_signed(b"another", path.removeprefix("/files/"), **given)
    assert links.signed(b"another", links.sign(SECRET, "1")) is None
    signature = dict(each.split("=") for each in document_links.signature_for(SECRET, "d", "p", MORNING).split("&"))
    assert check_signature(SECRET, "d", signature, MORNING) is Signed.VALID
    assert check_signature(b"another", "d", signature, MORNING) is Signed.WRONG
