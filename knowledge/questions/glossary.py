"""The metrics as a table of the glossary, from the catalogue: ``python -m knowledge.questions.glossary PAGE``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from knowledge.questions.metrics import catalogue

HEADING = "## Metrics"
TABLE = re.compile(rf"(?<={HEADING}\n\n)\|.*?(?=\n\n)", re.DOTALL)


def metrics_table() -> str:
    """One line per metric, in the order of the catalogue: its names, its English definition, its id."""
    lines = ["| ja | en | Means here | In code |", "|---|---|---|---|"]
    for metric, entry in catalogue().items():
        meaning = " ".join(entry.definition["en"].split()).replace("|", "\\|")
        lines.append(f"| {entry.name['ja']} | {entry.name['en']} | {meaning} | `{metric}` |")
    return "\n".join(lines)


def with_metrics(page: str) -> str:
    """``page`` with the table under ``HEADING`` replaced. Raises ``ValueError`` when there is none."""
    replaced, count = TABLE.subn(lambda _: metrics_table(), page)
    if not count:
        raise ValueError(f"no table under '{HEADING}'")
    return replaced


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(with_metrics(path.read_text("utf-8")), "utf-8")
