"""What is added of folders and zips."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge.documents.reading.model import Reason, UnreadableError
from knowledge.documents.sources import Source, find_sources
from tests.builders.documents import cp932_zipped, zipped


def _reason(source: Source) -> Reason:
    with pytest.raises(UnreadableError) as error:
        source.load()
    return error.value.reason


def test_a_folder_gives_its_files_by_name_without_what_was_left_behind(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    (folder / "b").mkdir(parents=True)
    (folder / ".git").mkdir()
    for name in ("2.txt", "10.md", "b/a.txt", ".git/x.txt", "~$10.docx", ".hidden.txt", "Thumbs.db"):
        (folder / name).write_text("x")
    (tmp_path / "outside.txt").write_text("x")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    (folder / "gone.txt").symlink_to(folder / "nowhere.txt")
    (folder / "loop.txt").symlink_to(folder / "loop.txt")
    (folder / "own.txt").symlink_to(folder / "2.txt")
    assert [source.name for source in find_sources([folder])] == ["10.md", "2.txt", "own.txt", "a.txt"]
    assert find_sources([folder])[1].id == f"file:{folder}/2.txt"


def test_a_folder_that_does_not_open_is_named_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("closed", "open"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("x")
    real = os.scandir

    def scandir(path: str) -> Iterator[os.DirEntry[str]]:
        if Path(path).name == "closed":
            raise PermissionError(13, "no", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = {source.id.removeprefix(f"file:{tmp_path}/"): source for source in find_sources([tmp_path])}
    assert list(found) == ["open/a.txt", "closed"]
    assert _reason(found["closed"]) is Reason.UNREADABLE


def test_a_file_named_twice_is_added_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    assert len(find_sources([tmp_path, tmp_path / "a.txt"])) == 1


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        find_sources([tmp_path / "nowhere.pdf"])


def test_a_zip_gives_its_files_with_japanese_names_as_windows_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "資料.zip"
    path.write_bytes(cp932_zipped("きまり/表.txt", "9時".encode()))
    (source,) = find_sources([path])
    assert (source.name, source.id) == ("表.txt", f"zip:{path}!/きまり/表.txt")
    assert source.load().decode() == "9時"


def test_what_is_not_safe_in_a_zip_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(
        zipped({"../out.txt": b"x", "/root.txt": b"x", "in.zip": b"x", "good.txt": b"good", "__MACOSX/good.txt": b"x"})
    )
    found = {source.name: source for source in find_sources([path])}
    assert _reason(found["out.txt"]) is Reason.UNSAFE_NAME
    assert _reason(found["root.txt"]) is Reason.UNSAFE_NAME
    assert _reason(found["in.zip"]) is Reason.NESTED
    assert found["good.txt"].load() == b"good"
    assert len(found) == 4


def test_a_zip_that_unpacks_to_too_much_or_is_broken_is_one_source_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "large.zip").write_bytes(zipped({"a.txt": bytes(1000), "b.txt": bytes(1000)}))
    (tmp_path / "torn.zip").write_bytes(zipped({"a.txt": b"x"})[:20])
    monkeypatch.setattr("knowledge.documents.reading.limits.MAX_UNPACKED", 1500)
    large, torn = find_sources([tmp_path])
    assert (_reason(large), _reason(torn)) == (Reason.TOO_LARGE, Reason.BROKEN)


def test_an_entry_whose_bytes_are_damaged_is_broken(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.txt": b"some text " * 50}))
    content[45] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(content)
    (source,) = find_sources([tmp_path / "a.zip"])
    assert _reason(source) is Reason.BROKEN


def test_a_name_in_a_zip_says_nothing_to_a_terminal_and_has_a_length_that_can_be_stored(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({"\x1b[2Ja.txt": b"x", f"{'b' * 2000}.txt": b"x"}))
    short, long = find_sources([tmp_path / "a.zip"])
    assert short.name == "[2Ja.txt"
    assert _reason(long) is Reason.UNSAFE_NAME
