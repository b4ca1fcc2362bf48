"""Files to add: those named, those in folders, those in zips."""

from __future__ import annotations

import os
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from knowledge.documents.reading.limits import BAD_ZIP, MAX_BYTES, MAX_UNPACKED, open_zip
from knowledge.documents.reading.model import Reason, UnreadableError

NOT_MEANT = ("~$", "._")  # how names begin of what office programs and Macs leave beside a file
LEFT_BEHIND = frozenset(["thumbs.db", "desktop.ini", "__macosx"])
UTF8_NAME = 0x800  # bit 11 of an entry's flags: its name is UTF-8 (APPNOTE 4.4.4)
IS_ENCRYPTED = 0x1
LONGEST_NAME = 1_000  # characters of an entry's name with its folders


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file that may be added."""

    id: str  # where it came from: what comes again from there replaces it
    name: str
    load: Callable[[], bytes]  # raises ``UnreadableError``


def find_sources(paths: Sequence[Path]) -> list[Source]:
    """The files in the order of the paths, those of a folder by name, each once. Raises ``FileNotFoundError`` for a
    path that there is not; a zip that cannot be opened is a source whose ``load`` says why."""
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(path)
    found = {source.id: source for path in paths for source in _below(path.resolve())}
    return list(found.values())


def _below(path: Path) -> Iterator[Source]:
    if not path.is_dir():
        yield from _file(path)
        return
    closed: list[OSError] = []
    for folder, folders, files in os.walk(path, onerror=closed.append):
        folders[:] = sorted(name for name in folders if _is_meant(name))
        for name in sorted(filter(_is_meant, files)):
            file = Path(folder, name)
            if not file.is_file():
                continue  # a pipe, or a link to nowhere
            if file.is_symlink() and not file.resolve().is_relative_to(path):
                continue  # a folder that somebody shares must not bring in files from elsewhere
            yield from _file(file)
    for error in closed:
        inner = Path(error.filename)
        yield Source(id=f"file:{_shown(inner)}", name=_shown(inner.name), load=_refusing(Reason.UNREADABLE))


def _is_meant(name: str) -> bool:
    return not name.startswith((".", *NOT_MEANT)) and name.lower() not in LEFT_BEHIND


def _file(path: Path) -> Iterator[Source]:
    if path.suffix.lower() != ".zip":
        yield Source(id=f"file:{_shown(path)}", name=_shown(path.name), load=lambda: _read(path, MAX_BYTES))
        return
    try:
        yield from sources_in(_read(path, MAX_UNPACKED), f"zip:{_shown(path)}!/")
    except UnreadableError as error:
        yield Source(id=f"file:{_shown(path)}", name=_shown(path.name), load=_refusing(error.reason))


def sources_in(content: bytes, prefix: str) -> list[Source]:
    """The files of a zip, by name; their ids are their names within it behind ``prefix``. Raises ``UnreadableError``
    for a zip that cannot be opened."""
    archive = open_zip(content)
    found: list[Source] = []
    for name, index in sorted((_entry_name(entry), index) for index, entry in enumerate(archive.infolist())):
        entry, inner = archive.infolist()[index], PurePosixPath(name)
        if not entry.is_dir() and all(map(_is_meant, (part for part in inner.parts if part not in ("..", "/")))):
            found.append(Source(id=f"{prefix}{name}", name=inner.name, load=_loader(archive, entry, inner)))
    return found


def _loader(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, inner: PurePosixPath) -> Callable[[], bytes]:
    if inner.is_absolute() or ".." in inner.parts or ":" in inner.parts[0] or len(str(inner)) > LONGEST_NAME:
        return _refusing(Reason.UNSAFE_NAME)
    if inner.suffix.lower() == ".zip":
        return _refusing(Reason.NESTED)
    if entry.flag_bits & IS_ENCRYPTED:
        return _refusing(Reason.ENCRYPTED)
    if entry.file_size > MAX_BYTES:
        return _refusing(Reason.TOO_LARGE)

    def load() -> bytes:
        try:
            return archive.read(entry)
        except BAD_ZIP as error:
            raise UnreadableError(Reason.BROKEN) from error

    return load


def _refusing(reason: Reason) -> Callable[[], bytes]:
    def load() -> bytes:
        raise UnreadableError(reason)

    return load


def _entry_name(entry: zipfile.ZipInfo) -> str:
    """Its name with / between folders. Windows in Japan writes CP932 and does not say so; ``zipfile`` took that for
    CP437."""
    name = entry.filename
    if not entry.flag_bits & UTF8_NAME:
        written = name.encode("cp437", "replace")
        for encoding in ("utf-8", "cp932"):
            try:
                name = written.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
    return one_line(name.replace("\\", "/"))


def one_line(text: str) -> str:
    """A name without what a terminal would obey or nobody sees; a Mac's が, which is two characters, is one."""
    text = "".join(each if each.isprintable() else " " for each in unicodedata.normalize("NFC", text))
    return " ".join(text.split())


def _shown(path: Path | str) -> str:
    """As text that can be stored: a name on an old disk may be no UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def _read(path: Path, most: int) -> bytes:
    try:
        if not path.is_file():  # such as a pipe: reading it would never end
            raise UnreadableError(Reason.UNREADABLE)
        if path.stat().st_size > most:
            raise UnreadableError(Reason.TOO_LARGE)
        return path.read_bytes()
    except OSError as error:
        raise UnreadableError(Reason.UNREADABLE) from error
