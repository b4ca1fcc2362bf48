"""Reads the YAML that comes with the product: its words and rules, much of which is read before the first answer."""

from __future__ import annotations

from typing import Any

import yaml

# libyaml, where PyYAML was built with it: the same values eight times as fast.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_yaml(text: str) -> Any:
    """What stands there: plain values alone. Raises ``yaml.YAMLError``."""
    return yaml.load(text, Loader=LOADER)  # noqa: S506 -- both loaders are safe


def in_one_line(error: Exception) -> str:
    """What PyYAML says of a file it cannot read, in several lines, as an operator is told it."""
    return " ".join(str(error).split())
