"""How deep a reflection goes, 0–4, by rule: the words are data, knowledge/records/data/<language>/depth.yaml.

One point each for an event or a feeling, a reason or a way of doing, a comparison with the goal, the past or a friend,
and the next action. It speaks about the text, never about the child, and is no mark.
"""

from __future__ import annotations

from knowledge.records.rubric import load_rubric

POINTS = ("event", "reason", "compared", "action")  # in the order in which a child learns to write them


def depth_of(went_well: str | None, difficult: str | None, next_step: str | None) -> int | None:
    """The level of a reflection's answers: 0 for text in which nothing of the rubric is found, None for no text."""
    seen = seen_in(went_well, difficult, next_step)
    return None if seen is None else len(seen)


def seen_in(went_well: str | None, difficult: str | None, next_step: str | None) -> dict[str, str] | None:
    """The points that a reflection's answers have, each with the words that show it (in small letters), in the order of
    ``POINTS``; None for no text.

    A next step that says something is an action, whatever its words.
    """
    answers = [text.lower() for text in (went_well, difficult, next_step) if text and not text.isspace()]
    if not answers:
        return None
    rubric = load_rubric("depth", POINTS)
    said = [text for text in answers if rubric.says_something(text)]
    seen = rubric.see("\n".join(said))
    if next_step and next_step.lower() in said:
        seen["action"] = next_step.lower()
    return {point: seen[point] for point in POINTS if point in seen}
