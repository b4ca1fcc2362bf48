"""Who is talking."""

from __future__ import annotations

from dataclasses import dataclass

from assistant.wording.texts import band_of
from knowledge.records.scope import FAMILY

HIRAGANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person of the roster, as the conversation needs them."""

    id: str  # sourcedId
    given_name: str
    family_name: str
    kana_given_name: str | None
    kana_family_name: str | None
    grade: str | None  # of a student
    school_id: str | None
    roles: frozenset[str]  # OneRoster roles that hold today

    @property
    def is_student(self) -> bool:
        # A child whose roles ended, or have not begun, is a child all the same: nobody else has a grade.
        return "student" in self.roles or (not self.roles and self.grade is not None)

    @property
    def is_staff(self) -> bool:
        """Whether the person works at a school or for the board today; not somebody whose roles have ended."""
        return bool(self.roles - FAMILY) and not self.is_student

    @property
    def band(self) -> str:
        """Whose words fit: lower, upper, secondary, guardian, staff."""
        if self.is_student:
            return band_of(self.grade) if self.grade else "lower"  # never the words and rights of staff
        return "guardian" if self.roles and self.roles <= FAMILY else "staff"

    def called(self, language: str) -> str:
        """How the person is spoken to: a young child by given name in hiragana, staff by family name."""
        if language == "en":
            return self.given_name if self.is_student else f"{self.given_name} {self.family_name}"
        if not self.is_student:
            return self.family_name
        if self.band == "lower" and self.kana_given_name:
            return self.kana_given_name.translate(HIRAGANA)
        return self.given_name
