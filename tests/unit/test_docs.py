"""What the pages say is there, and what is there is said in the pages."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.core import TyperGroup
from typer.main import get_command

from assistant.checkins.load import Scripts
from assistant.checkins.model import Closing, Option, PhaseScript, Question, Script
from assistant.cli.main import app
from assistant.settings import Settings
from knowledge.questions.glossary import with_metrics
from scheduler.schools import SchoolTimes, Times

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
HOWTOS = sorted((ROOT / "docs" / "howto").glob("*.md"))
CHECKIN_PAGE = ROOT / "docs" / "howto" / "add-a-checkin.md"
RULES_PAGE = ROOT / "docs" / "howto" / "set-a-schools-rules.md"
PACKAGES = ("assistant", "intents", "knowledge", "scheduler", "tests", "docs", "benchmarks")

SETTING = re.compile(r"\b(?:AYUMI|LINE|SLACK)_[A-Z_]+\b")
ASSIGNMENT = re.compile(r"^([A-Z][A-Z_]*)=", re.MULTILINE)
COMMAND = re.compile(r"(?:`|bin/)ayumi ([a-z][a-z-]*)")
LINK = re.compile(r"\]\(([^()\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
SETTINGS = {str(field.alias) for field in Settings.model_fields.values()}


def text_of(path: Path) -> str:
    return path.read_text("utf-8")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def commands() -> set[str]:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    return set(group.commands)


def examples(page: Path) -> list[str]:
    return YAML.findall(text_of(page))


def test_the_glossary_shows_the_metrics_as_the_catalogue_defines_them() -> None:
    page = text_of(ROOT / "docs" / "glossary.md")
    assert with_metrics(page) == page, "run: make docs"


def test_the_readme_lists_the_settings_there_are_and_no_others() -> None:
    assert set(SETTING.findall(text_of(ROOT / "README.md"))) == SETTINGS


def test_the_example_of_settings_holds_those_there_are_and_no_others() -> None:
    assert sorted(ASSIGNMENT.findall(text_of(ROOT / ".env.example"))) == sorted(SETTINGS)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_names_only_settings_and_commands_that_exist(page: Path) -> None:
    assert set(SETTING.findall(text_of(page))) - SETTINGS == set()
    assert set(COMMAND.findall(text_of(page))) - commands() == set()


def test_the_readme_names_every_command() -> None:
    assert commands() - set(COMMAND.findall(text_of(ROOT / "README.md"))) == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    targets = [link.partition("#")[0] for link in LINK.findall(text_of(page)) if "://" not in link]
    assert [target for target in targets if target and not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", HOWTOS, ids=name_of)
def test_a_recipe_names_only_files_that_exist(page: Path) -> None:
    paths = [code for code in CODE.findall(text_of(page)) if code.startswith(tuple(f"{name}/" for name in PACKAGES))]
    known = [path for path in paths if "<" not in path and "NNNN" not in path]  # the others are to be made
    assert [path for path in known if not any(ROOT.glob(path.rstrip("/")))] == []


@pytest.mark.parametrize("model", [Script, PhaseScript, Question, Option, Closing])
def test_every_key_of_a_check_in_is_explained_and_shown(model: type[BaseModel]) -> None:
    page = text_of(CHECKIN_PAGE)
    assert [key for key in model.model_fields if f"`{key}`" not in page or f"{key}:" not in page] == []


def test_the_check_in_shown_as_an_example_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "checkins" / "higashi-sho"
    folder.mkdir(parents=True)
    (folder / "own.yaml").write_text(examples(CHECKIN_PAGE)[0], "utf-8")
    scripts = Scripts(tmp_path)
    assert scripts.of("J1", "higashi-sho").anticipation.question("club") is not None
    assert scripts.of("J1", "another").anticipation.question("club") is None


def test_the_rules_shown_as_an_example_are_the_defaults_and_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "schools.yaml"
    path.write_text(examples(RULES_PAGE)[0], "utf-8")
    times = SchoolTimes.load(path)
    assert times.default == SchoolTimes().default
    assert times.of("higashi-sho") != times.default


def test_every_rule_of_a_school_is_explained_and_shown() -> None:
    page, example = text_of(RULES_PAGE), examples(RULES_PAGE)[0]
    names = [field.name for field in fields(Times)]
    assert [name for name in names if f"`{name}`" not in page or f"  {name}:" not in example] == []


def test_the_changelog_says_what_is_unreleased() -> None:
    changelogs = [*ROOT.glob("CHANGELOG*"), *ROOT.glob("[!.]*/**/CHANGELOG*")]  # of packages too, not of the .venv
    assert ROOT / "CHANGELOG.md" in changelogs
    assert [path for path in changelogs if not re.search(r"^## \[?Unreleased", text_of(path), re.MULTILINE)] == []
