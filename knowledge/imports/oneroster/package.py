"""A OneRoster set on disk: a folder, a zip file, or a zip file with one folder inside."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from knowledge.imports.csvfile import CsvSource, path_source
from knowledge.imports.problems import fail

MANIFEST = "manifest.csv"
MAX_UNPACKED = 1 << 30  # bytes of all files in a zip together: more is no roster but a trap


@contextmanager
def open_package(path: Path) -> Generator[Mapping[str, CsvSource]]:
    """The CSV files by name, readable within the block. Raises ``ImportFailedError`` when there is no set at
    ``path``, also when a damaged zip shows only while it is read."""
    if path.is_dir():
        yield {item.name: path_source(item) for item in sorted(path.glob("*.csv")) if item.is_file()}
        return
    with path_source(path).open() as stream:  # says what is wrong when there is nothing to open
        try:
            with zipfile.ZipFile(stream) as archive:
                yield _members(archive, path)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError) as error:
            raise fail(path.name, "a folder with manifest.csv, or a zip file of it that can be read") from error


def _members(archive: zipfile.ZipFile, path: Path) -> Mapping[str, CsvSource]:
    infos = [info for info in archive.infolist() if "__MACOSX" not in PurePosixPath(info.filename).parts]
    # zipfile never reads further than the size that an entry declares, so the sum bounds what is unpacked
    if sum(info.file_size for info in infos) > MAX_UNPACKED:
        raise fail(path.name, f"at most {MAX_UNPACKED >> 20} MiB when unpacked")
    if any(info.flag_bits & 1 for info in infos):
        raise fail(path.name, "a zip file without a password")
    manifests = [PurePosixPath(info.filename) for info in infos if PurePosixPath(info.filename).name == MANIFEST]
    folders = {manifest.parent for manifest in manifests if len(manifest.parts) <= 2}
    if len(folders) != 1:
        raise fail(path.name, f"one {MANIFEST}, at the top or in one folder; found {len(folders)}")
    folder = folders.pop()
    return {
        PurePosixPath(info.filename).name: CsvSource(
            name=PurePosixPath(info.filename).name, size=info.file_size, open=lambda info=info: archive.open(info)
        )
        for info in infos
        if PurePosixPath(info.filename).parent == folder and info.filename.endswith(".csv")
    }
