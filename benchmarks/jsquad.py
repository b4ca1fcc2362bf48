"""Makes a folder for ``retrieval`` of a question set in the shape of SQuAD 1.1, such as JSQuAD.

    python -m benchmarks.jsquad FILE.json FOLDER

Every paragraph becomes a file (``library/<number>.md``, its article's title as the heading), every question a line of
``questions.jsonl``: {"id", "text", "file"}. JSQuAD is part of JGLUE (Kurihara, Kawahara, Shibata 2022, CC BY-SA 4.0).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import orjson

SEPARATOR = " [SEP] "  # between title and text in JSQuAD


def convert(source: Path, folder: Path) -> int:
    """Write the folder; how many questions it has."""
    library = folder / "library"
    library.mkdir(parents=True, exist_ok=True)
    lines: list[bytes] = []
    number = 0
    for article in orjson.loads(source.read_bytes())["data"]:
        for paragraph in article["paragraphs"]:
            number += 1
            title, found, text = paragraph["context"].partition(SEPARATOR)
            name = f"{number:06}.md"
            (library / name).write_text(f"# {title}\n\n{text}\n" if found else title, encoding="utf-8")
            lines += [
                orjson.dumps({"id": each["id"], "text": each["question"], "file": name}) for each in paragraph["qas"]
            ]
    (folder / "questions.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return len(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="JSON in the shape of SQuAD 1.1")
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    print(f"{convert(chosen.source, chosen.folder)} questions in {chosen.folder}")


if __name__ == "__main__":
    main()
