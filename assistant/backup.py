"""Backups of the embedded store: one archive with the database and the files that belong to it.

A backup is made while Ayumi works: SQLite's online backup gives the database as it was at one moment. Nothing is taken
from an archive before all of it was found to be as the manifest says.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from pydantic import BaseModel, ValidationError

from assistant.errors import AssistantError

DATABASE = "ayumi.db"  # in an archive, wherever AYUMI_DATABASE_URL has it
MANIFEST = "manifest.json"
BELONGS = ("secret_key", "schools.yaml", "checkins")  # files and folders of the data folder; vectors can be made again
LARGEST_MANIFEST = 10_000_000  # bytes
LAST = "last_backup"  # a file of the data folder, touched after every backup
AT_ONCE = 1 << 20  # bytes copied at once
QUICKLY = 1  # deflate's level: twice as fast as the usual one, for a tenth more


class BackupError(AssistantError):
    """A backup cannot be made or used; the message says why."""


class Member(BaseModel, frozen=True):
    """One file of an archive."""

    bytes: int
    sha256: str


class Manifest(BaseModel, frozen=True):
    """What an archive holds."""

    format: Literal[1] = 1
    made_at: datetime
    ayumi: str  # the version that made it
    schema_revision: str  # of the database
    files: Mapping[str, Member]

    @property
    def size(self) -> int:
        """Bytes of all files, unpacked."""
        return sum(member.bytes for member in self.files.values())


def make_backup(database: Path, data_dir: Path, out: Path, now: datetime, *, overwrite: bool = False) -> Manifest:
    """Write an archive of the SQLite file and what belongs to it, readable by its owner alone: it is there as a whole
    or not at all. Raises ``BackupError``, also where ``out`` is there already."""
    if not database.is_file():
        raise BackupError(f"{database}: no database to back up: check AYUMI_DATA_DIR")
    _check_free(out, overwrite=overwrite)
    try:
        # Beside its place, so that it can be moved there in one step; the folder is ours alone (0700).
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".ayumi-backup-") as name:
            copy, archive = Path(name) / DATABASE, Path(name) / "archive"
            _copy_database(database, copy)
            revision = _revision_of(copy)
            if not revision:
                raise BackupError(f"{database}: not a database of Ayumi")
            files = {DATABASE: copy, **_belonging(data_dir)}
            with _written(archive) as target:
                manifest = _pack(target, files, revision, now)
            _check_free(out, overwrite=overwrite)  # somebody else may have been faster
            archive.replace(out)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"--out {out}: {_reason(error)}") from error
    _sync(out.parent)
    return manifest


def read_manifest(archive: zipfile.ZipFile) -> Manifest:
    """The manifest of an archive of which every byte is as it says. Raises ``BackupError``."""
    manifest = _manifest_of(archive)
    names = [info.filename for info in archive.infolist()]
    if sorted(names) != sorted([MANIFEST, *manifest.files]):
        raise BackupError("not what its manifest says: a file is missing, or one too many")
    for name, member in manifest.files.items():
        if not _is_ours(name):
            raise BackupError(f"{name}: no file of a backup")
        try:
            with archive.open(name) as content:
                found = _digest(content)
        except (zipfile.BadZipFile, OSError, EOFError) as error:
            raise BackupError(f"{name}: damaged") from error
        if found != member:
            raise BackupError(f"{name}: damaged: its checksum is another")
    if DATABASE not in manifest.files:
        raise BackupError("there is no database in it")
    return manifest


def unpack(archive: zipfile.ZipFile, manifest: Manifest, folder: Path) -> None:
    """Write the files of an archive that was read into an empty folder. Raises ``BackupError`` where the database is
    not sound."""
    for name in manifest.files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(name) as content, _written(path) as target:
            shutil.copyfileobj(content, target, AT_ONCE)
    _check_database(folder / DATABASE, manifest)


@contextmanager
def opened(path: Path) -> Generator[zipfile.ZipFile]:
    """An archive. Raises ``BackupError`` for what is none."""
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise BackupError(f"{path}: not a backup of Ayumi, or cut short") from error
    except OSError as error:
        raise BackupError(f"{path}: {error.strerror}") from error
    with archive:
        yield archive


def move_into(staged: Path, data_dir: Path, database: Path) -> None:
    """Put what was unpacked in its place, the database last: without it nothing counts as restored."""
    for name in BELONGS:
        if (staged / name).exists():
            (staged / name).rename(data_dir / name)
    database.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(staged / DATABASE, database)  # it may live on another disk
    _sync(data_dir)


def _check_free(out: Path, *, overwrite: bool) -> None:
    if not out.parent.is_dir() or out.is_dir():
        raise BackupError(f"--out {out}: expected a file in a folder that exists")
    if out.exists() and not overwrite:
        raise BackupError(f"--out {out}: there already; --overwrite replaces it")


def _copy_database(source: Path, target: Path) -> None:
    """The database at one moment, while others read and write it. In one step: with several, each write of another
    process would make it begin anew, and under load it would never end."""
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=rw", uri=True)) as live,
        closing(sqlite3.connect(target)) as copy,
    ):
        live.backup(copy, pages=-1)


def _belonging(data_dir: Path) -> dict[str, Path]:
    """The files that belong to an installation, by their name in an archive."""
    found: dict[str, Path] = {}
    for name in BELONGS:
        place = data_dir / name
        if place.is_file():
            found[name] = place
        for path in sorted(place.rglob("*.yaml")) if place.is_dir() else ():
            if path.is_file() and _is_ours(inside := path.relative_to(data_dir).as_posix()):
                found[inside] = path
    return found


def _pack(target: IO[bytes], files: Mapping[str, Path], revision: str, now: datetime) -> Manifest:
    members: dict[str, Member] = {}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=QUICKLY) as archive:
        for name, path in files.items():
            with path.open("rb") as content, archive.open(name, "w", force_zip64=True) as member:
                members[name] = _digest(content, member)
        manifest = Manifest(made_at=now, ayumi=version("ayumi"), schema_revision=revision, files=members)
        archive.writestr(MANIFEST, manifest.model_dump_json(indent=1))
    return manifest


def _manifest_of(archive: zipfile.ZipFile) -> Manifest:
    try:
        info = archive.getinfo(MANIFEST)
        if info.file_size > LARGEST_MANIFEST:
            raise BackupError("not a backup of Ayumi: its manifest is too large")
        return Manifest.model_validate_json(archive.read(info))
    except KeyError as error:
        raise BackupError("not a backup of Ayumi: it has no manifest") from error
    except (ValidationError, zipfile.BadZipFile) as error:
        raise BackupError("its manifest cannot be read: damaged, or made by a newer Ayumi") from error


def _is_ours(name: str) -> bool:
    """Whether a backup may hold a file of this name: nothing outside the data folder, nothing else in it."""
    parts = PurePosixPath(name).parts
    if PurePosixPath(name).as_posix() != name or not parts or any(part.startswith(".") for part in parts):
        return False
    return name == DATABASE or parts[0] in BELONGS


def _check_database(path: Path, manifest: Manifest) -> None:
    try:
        with closing(sqlite3.connect(path)) as connection:
            sound = connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",)
            whole = connection.execute("PRAGMA foreign_key_check").fetchone() is None
    except sqlite3.Error as error:
        raise BackupError(f"{DATABASE}: not a database") from error
    if not sound or not whole:
        raise BackupError(f"{DATABASE}: damaged: {'rows' if sound else 'pages'} do not fit together")
    if _revision_of(path) != manifest.schema_revision:
        raise BackupError(f"{DATABASE}: of another schema than the manifest says")


def _revision_of(path: Path) -> str:
    """The schema's revision; "" of a database without one."""
    with closing(sqlite3.connect(path)) as connection:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if known else None
    return row[0] if row else ""


def _digest(content: IO[bytes], target: IO[bytes] | None = None) -> Member:
    """Size and checksum of what is read; it is copied to ``target``."""
    digest, size = sha256(), 0
    while part := content.read(AT_ONCE):
        digest.update(part)
        size += len(part)
        if target is not None:
            target.write(part)
    return Member(bytes=size, sha256=digest.hexdigest())


@contextmanager
def _written(path: Path) -> Generator[IO[bytes]]:
    """A new file for its owner alone, as it holds what children wrote, and the key; on the disk when the block ends."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _reason(error: OSError | sqlite3.Error) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else f"SQLite: {error}"


def _sync(folder: Path) -> None:
    """See to it that names in a folder outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
