"""What the files of office programs have in common: they are zips of XML."""

from __future__ import annotations

from collections.abc import Callable

from knowledge.documents.reading.limits import open_zip
from knowledge.documents.reading.model import ReadDocument, Reason, UnreadableError

OLE = bytes.fromhex("d0cf11e0a1b11ae1")  # Microsoft's compound file: of the old formats, and around an encrypted one
ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")  # [MS-OFFCRYPTO] 2.3.4.4


def read_office(content: bytes, read: Callable[[bytes], ReadDocument]) -> ReadDocument:
    """``read`` on a package that may be unpacked. Raises ``UnreadableError``."""
    if content.startswith(OLE):
        raise UnreadableError(Reason.ENCRYPTED if ENCRYPTED_PACKAGE in content else Reason.OLD_FORMAT)
    with open_zip(content) as package:
        if "[Content_Types].xml" not in package.namelist():
            raise UnreadableError(Reason.BROKEN)
    try:
        return read(content)
    except UnreadableError:
        raise
    except Exception as error:  # the libraries raise whatever a damaged part makes them stumble over
        raise UnreadableError(Reason.BROKEN) from error
