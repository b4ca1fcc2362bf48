"""Whom a question is about, once it is known what is asked: one group, several as one, sides, or which of several."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, pairwise, product

from intents.hearing import Heard
from intents.scopes import Side, union
from knowledge.questions.model import GroupBy, Scope, ScopeKind, Vocabulary

NARROWEST = (ScopeKind.STUDENT, ScopeKind.CLASS, ScopeKind.GRADE, ScopeKind.SCHOOL, ScopeKind.DISTRICT)
MOST_CHOICES = 20  # to ask which; with more, nobody would read them


@dataclass(frozen=True, kw_only=True)
class Whom:
    """One alternative per way the names may be meant; each is the sides in the order they are asked for."""

    alternatives: tuple[tuple[Scope, ...], ...]
    outside: str | None = None
    between: bool = False  # names of different kinds stand side by side: ask which


def find_whom(
    heard: Heard, vocabulary: Vocabulary, *, carried: Scope | None, sides_compared: bool, with_default: bool
) -> Whom:
    """Of nobody named the scope that is carried over, or the asker's own."""
    sides = heard.sides
    default = carried or vocabulary.default
    if not sides:
        return Whom(alternatives=((default,),))
    outside = next((side.outside for side in sides if side.outside is not None), None)
    if sides_compared:
        named = [side.scopes for side in sides]
        chosen = product(*([(default,)] if with_default else []), *named)
        return Whom(alternatives=tuple(islice(chosen, MOST_CHOICES)), outside=outside)
    kinds = [side.scopes[0].kind for side in sides]
    if len({*kinds}) > 1 and _side_by_side(heard, sides):
        return Whom(alternatives=tuple((scope,) for side in sides for scope in side.scopes), between=True)
    narrowest = min(kinds, key=NARROWEST.index)
    meant = [side.scopes for side, kind in zip(sides, kinds, strict=True) if kind is narrowest]
    join = heard.lexicon.join
    unions = [union(scopes, join) for scopes in islice(product(*meant), MOST_CHOICES)]
    return Whom(alternatives=tuple((scope,) for scope in unions), outside=outside)


def widened(group: GroupBy | None, vocabulary: Vocabulary) -> Scope | None:
    """For 「どのクラスが」 of one who has a single class: the school, which is then refused; None where the asker's own
    groups are the ones to be told apart."""
    default = vocabulary.default
    if group in (GroupBy.CLASS, GroupBy.GRADE) and default.kind is ScopeKind.CLASS and len(default.ids) == 1:
        return _places(ScopeKind.SCHOOL, vocabulary.own_schools, vocabulary)
    if group is GroupBy.SCHOOL and default.kind is not ScopeKind.DISTRICT:
        return _places(ScopeKind.SCHOOL, tuple(place.id for place in vocabulary.schools), vocabulary)
    return None


def _places(kind: ScopeKind, ids: tuple[str, ...], vocabulary: Vocabulary) -> Scope:
    return Scope(kind=kind, ids=ids, label="・".join(place.name for place in vocabulary.schools if place.id in ids))


def _side_by_side(heard: Heard, sides: tuple[Side, ...]) -> bool:
    text = heard.reader.folded
    return any(
        heard.lexicon.words["beside"].fullmatch(text[one.end : other.start].strip()) is not None
        for one, other in pairwise(sides)
    )
