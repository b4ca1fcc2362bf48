"""What the doctor asks the machine itself."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Set
from datetime import datetime, timedelta
from pathlib import Path

from dotenv import dotenv_values

MOUNTS = Path("/proc/self/mountinfo")
PROCESSES = Path("/proc")
# Types of file systems, as Linux names them, on which SQLite's locks do not hold (sqlite.org, "How To Corrupt").
SHARED = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "ceph", "glusterfs", "fuse.sshfs", "fuse.s3fs"}
)


class Machine:
    """This machine. A test puts another in its place."""

    def free_bytes(self, folder: Path) -> int:
        """Raises ``OSError`` where the folder cannot be looked at."""
        return shutil.disk_usage(folder).free

    def file_system(self, path: Path) -> str:
        """The type of the file system that a path is on; "" where nobody tells (no Linux)."""
        try:
            lines = MOUNTS.read_text().splitlines()
        except OSError:
            return ""
        path, best, found = path.resolve(), -1, ""
        for line in lines:
            # proc(5): "36 35 98:0 /root /mount/point options - type source options"; blanks are written \040.
            before, _, after = line.partition(" - ")
            place = Path(before.split()[4].replace("\\040", " "))
            if path.is_relative_to(place) and len(place.parts) >= best:
                best, found = len(place.parts), after.split()[0]
        return found

    def holders(self, file: Path) -> list[int]:
        """The processes, this one left out, that have a file open, as far as we may see them."""
        wanted, found = str(file.resolve()), list[int]()
        for process in PROCESSES.glob("[0-9]*"):
            try:
                is_open = any(str(each.readlink()) == wanted for each in (process / "fd").iterdir())
            except OSError:  # somebody else's, or gone already
                continue
            if is_open and int(process.name) != os.getpid():
                found.append(int(process.name))
        return sorted(found)

    def variables(self) -> Set[str]:
        """Names that are set in the environment or in ``.env``."""
        return os.environ.keys() | dotenv_values(".env").keys()

    def utc_offset(self) -> timedelta:
        """Of the machine's own clock."""
        return datetime.now().astimezone().utcoffset() or timedelta(0)

    def zone(self) -> str:
        return time.tzname[0]
