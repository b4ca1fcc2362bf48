"""Something about documents that waits to be confirmed: files to be added, one to be removed or read by others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from assistant.dialogue.taps import key_of
from assistant.messages import SentFile
from intents.adding import Act, Terms
from knowledge.documents.model import DocumentAudience

LASTS = timedelta(minutes=30)  # a draft left lying is dropped, so that a later はい never removes a document
SAID_NOTHING = Terms()


@dataclass(frozen=True, kw_only=True)
class AddingDraft:
    """What was begun. Nothing is added, removed or changed before it was confirmed."""

    at: datetime  # when it was touched last
    act: Act
    org_id: str = ""  # of ``ADD``: the school or district that the files are for
    files: tuple[SentFile, ...] = ()  # of ``ADD``
    document: str | None = None  # id of the one to be removed or changed; None: still to be chosen
    terms: Terms = SAID_NOTHING
    is_latest: bool = True  # whether nothing else was said since, so that a bare はい means it

    @property
    def key(self) -> str:
        """Stands in the buttons of the preview, so that an older one does nothing to a newer draft."""
        return key_of(self.at)

    def holds(self, now: datetime) -> bool:
        return timedelta() <= now - self.at <= LASTS

    def to_json(self) -> dict[str, Any]:
        until = self.terms.until
        terms = {**asdict(self.terms), "until": until and until.isoformat()}
        files = [asdict(file) for file in self.files]
        return {**asdict(self), "at": self.at.isoformat(), "files": files, "terms": terms}

    @staticmethod
    def from_json(value: Mapping[str, Any] | None) -> AddingDraft | None:
        """What another version wrote and this one cannot read counts as no draft."""
        if not value:
            return None
        try:
            terms = value["terms"]
            read: dict[str, Any] = {
                **value,
                "at": datetime.fromisoformat(value["at"]),
                "act": Act(value["act"]),
                "files": tuple(SentFile(**file) for file in value["files"]),
                "terms": Terms(
                    audience=terms["audience"] and DocumentAudience(terms["audience"]),
                    until=terms["until"] and date.fromisoformat(terms["until"]),
                    endless=terms["endless"],
                ),
            }
            return AddingDraft(**read)
        except (KeyError, TypeError, ValueError):
            return None
