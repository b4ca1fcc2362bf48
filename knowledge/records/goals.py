"""How specific a morning's goal is, 0–4, by rule: the words are data, knowledge/records/data/<language>/goals.yaml.

One point each for what is to be done, how much or how far, when, and how. (After what is common to the literature on
goal setting and on implementation intentions: Locke & Latham 1990; Gollwitzer 1999.) It speaks about the text, never
about the child, and is no mark.
"""

from __future__ import annotations

from knowledge.records.rubric import load_rubric

POINTS = ("what", "amount", "time", "how")  # in the order in which a child learns to write them
_VAGUE, _THING = "vague", "thing"


def seen_in(goal: str | None, plan: str | None = None) -> dict[str, str] | None:
    """The points that a goal has, each with the words that show it (in small letters), in the order of ``POINTS``; None
    for no text. A plan that says something is a way to do it, whatever its words."""
    if not goal or goal.isspace():
        return None
    rubric = load_rubric("goals", (*POINTS[1:], _VAGUE, _THING))
    text = goal.lower()
    if not rubric.says_something(text):
        return {}
    seen = rubric.see(text)
    # What is left when everything that is in any goal is taken out, 「がんばる」 「3時間目に」, is what it is about.
    rest = text
    for language in rubric.languages:
        if language.letters.search(text):
            rest = rest if language.has_spaces else rest.replace(" ", "").replace("　", "")
            for point in ("time", "amount", "how", _VAGUE):
                rest = language.points[point].sub(" ", rest)
            if what := language.points[_THING].search(rest):
                seen.setdefault("what", what[0])
    if plan and rubric.says_something(plan.lower()):
        seen["how"] = plan.lower()
    return {point: seen[point] for point in POINTS if point in seen}
