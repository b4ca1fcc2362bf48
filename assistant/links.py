"""The address of an offer: opening it is recorded, and leads on to the content."""

from __future__ import annotations

import hashlib
import hmac

from assistant.messages import Link
from assistant.wording.texts import Speaker
from knowledge.keys import key_for
from knowledge.records.content import Item

SIGNATURE = 32  # hexadecimal digits of an HMAC-SHA256: 128 bits


def offer_link(speaker: Speaker, secret: bytes, offer_id: str, item: Item) -> Link:
    """「分数のたし算（あゆみ動画・5分）」 as a link; where the installation has no address, to the content itself."""
    about = [item.provider or "", str(speaker.say("content.minutes", minutes=item.minutes)) if item.minutes else ""]
    about = [each for each in about if each]
    key = "content.item" if about else "content.item_alone"
    label = speaker.say(key, title=item.title, about=str(speaker.say("content.and")).join(about))
    return Link(label=label, address=f"/go/{sign(secret, offer_id)}", elsewhere=item.url)


def sign(secret: bytes, offer_id: str) -> str:
    """The id of an offer with its signature."""
    return f"{offer_id}.{_signature(secret, offer_id)}"


def signed(secret: bytes, value: str) -> str | None:
    """The id of the offer that was signed; None for anything we did not sign."""
    offer_id, _, signature = value.partition(".")
    expected = _signature(secret, offer_id)
    return offer_id if hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")) else None


def _signature(secret: bytes, offer_id: str) -> str:
    signature = hmac.new(key_for("offer", secret), offer_id.encode("utf-8", "replace"), hashlib.sha256)
    return signature.hexdigest()[:SIGNATURE]
