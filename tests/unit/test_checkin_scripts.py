"""Check-in scripts: the product's own hold, and a school's broken one is named before a child meets it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from assistant.checkins.load import OWN, Scripts
from assistant.errors import SettingsError
from knowledge.questions.model import Phase

Change = Callable[[dict[str, Any]], object]
GRADES = [*(f"P{n}" for n in range(1, 7)), *(f"J{n}" for n in range(1, 4)), *(f"H{n}" for n in range(1, 4))]


def changed(folder: Path, change: Change) -> Path:
    """The product's script for P1–P3 with a change, in a school's data folder."""
    script = yaml.safe_load((OWN / "primary_lower.yaml").read_text("utf-8"))
    change(script)
    (folder / "checkins").mkdir()
    (folder / "checkins" / "ours.yaml").write_text(yaml.safe_dump(script, allow_unicode=True), "utf-8")
    return folder


@pytest.mark.parametrize("grade", GRADES)
@pytest.mark.parametrize("phase", Phase)
def test_every_grade_has_both_check_ins_in_both_languages_in_at_most_seven_questions(grade: str, phase: Phase) -> None:
    script = Scripts(Path("nowhere")).of(grade, None).phase(phase)
    assert 1 <= len(script.questions) <= 7  # with the start at most eight turns
    for question in script.questions:
        texts = [question.ask, question.name, *(option.label for option in question.options), *question.suggestions]
        assert all(set(text) == {"ja", "en"} for text in texts)


def test_a_school_can_ask_its_own_questions(tmp_path: Path) -> None:
    def ask_about_reading(script: dict[str, Any]) -> None:
        reading = {"id": "reading", "kind": "text", "name": {"ja": "読書"}, "ask": {"ja": "何を読む？"}}
        script["anticipation"]["questions"].append(reading)

    scripts = Scripts(changed(tmp_path, ask_about_reading))
    assert scripts.of("P2", "any").anticipation.questions[-1].id == "reading"
    assert scripts.of("P5", "any").anticipation.questions[-1].id != "reading"


BROKEN: list[tuple[Change, str]] = [
    (lambda s: s["anticipation"]["questions"][1].update(kind="guess"), "kind"),
    (lambda s: s["anticipation"]["questions"][1]["ask"].pop("ja"), "ja"),
    (lambda s: s["anticipation"]["questions"][2].update(when={"nothing": "given"}), "nothing"),
    (lambda s: s["anticipation"]["questions"][0].update(when={"goal": "given"}), "goal"),
    (lambda s: s["reflection"]["questions"][1]["ask"].update(ja="「{goal}」は？"), "goal"),
    (lambda s: s["anticipation"]["questions"][3].update(kind="text", options=[]), "confidence"),
    (lambda s: s["anticipation"]["questions"][0]["options"][0].update(value="snowy"), "mood"),
    (lambda s: s["anticipation"].update(questions=[]), "questions"),
    (lambda s: s.update(grade="P1"), "grade"),
]


@pytest.mark.parametrize(("change", "named"), BROKEN)
def test_a_broken_script_is_named_with_its_file_and_place(tmp_path: Path, change: Change, named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Scripts(changed(tmp_path, change))
    assert "ours.yaml" in str(caught.value)
    assert named in str(caught.value)


def test_a_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    (tmp_path / "checkins").mkdir()
    (tmp_path / "checkins" / "ours.yaml").write_text("grades: [P1\n")
    with pytest.raises(SettingsError, match=r"ours\.yaml"):
        Scripts(tmp_path)
