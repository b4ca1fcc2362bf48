"""Finds the check-in script of a grade: a school's own first, else the product's."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml
from pydantic import ValidationError

from assistant.checkins.model import Script
from assistant.errors import SettingsError
from knowledge.yaml_data import in_one_line, load_yaml

OWN = Path(__file__).parent


class Scripts:
    """All scripts, read once at start-up so that a broken file is found before a child meets it."""

    def __init__(self, data_dir: Path) -> None:
        """Reads ``assistant/checkins/*.yaml``, ``<data_dir>/checkins/*.yaml`` for every school, and
        ``<data_dir>/checkins/<school sourcedId>/*.yaml``. Raises ``SettingsError`` naming the file and the place."""
        self._by_school: dict[str, dict[str, Script]] = {}
        self._default: dict[str, Script] = {}
        self._default |= _ours()
        self._default |= _read_folder(data_dir / "checkins")
        own = data_dir / "checkins"
        for folder in sorted(path for path in own.glob("*") if path.is_dir()):
            self._by_school[folder.name] = _read_folder(folder)

    def of(self, grade: str, school_id: str | None) -> Script:
        """The script for a grade. A grade without one (kindergarten) gets that of P1."""
        scripts = self._default | self._by_school.get(school_id or "", {})
        return scripts.get(grade) or scripts["P1"]


@cache
def _ours() -> Mapping[str, Script]:
    """The product's own, which do not change while it runs."""
    return _read_folder(OWN)


def _read_folder(folder: Path) -> dict[str, Script]:
    by_grade: dict[str, Script] = {}
    for path in sorted(folder.glob("*.yaml")):
        script = _read(path)
        by_grade |= dict.fromkeys(script.grades, script)
    return by_grade


def _read(path: Path) -> Script:
    try:
        return Script.model_validate(load_yaml(path.read_text("utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{path}: not readable as YAML: {in_one_line(error)}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{path}: {place}: {first['msg']}") from error
