"""How much one file may ask of us. A file comes from anywhere: what is beyond this is no document but a trap."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from io import BytesIO

from knowledge.documents.reading.model import Reason, UnreadableError

MAX_BYTES = 50 << 20  # of a file
MAX_UNPACKED = 300 << 20  # bytes of all entries of a zip, or of an office file, which is one
MAX_ENTRIES = 10_000
MAX_CHARACTERS = 5_000_000
MAX_PAGES = 3_000
MAX_SECONDS = 120.0  # to read one file
MAX_MEMORY = 2 << 30  # bytes of address space of the process that reads

BAD_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    UnicodeDecodeError,
    OSError,
)  # what ``zipfile`` raises for a damaged file


def open_zip(content: bytes) -> zipfile.ZipFile:
    """The zip, when it is one that may be unpacked: ``zipfile`` never reads further than the size that an entry
    declares, so the sum bounds what is unpacked. Raises ``UnreadableError``."""
    try:
        archive = zipfile.ZipFile(BytesIO(content))
    except BAD_ZIP as error:
        raise UnreadableError(Reason.BROKEN) from error
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise UnreadableError(Reason.TOO_LARGE)
    return archive
